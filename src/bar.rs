//! Bars of progress on stderr, and the lines that are said beside them or, without a terminal, in place of them.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::errln;
use crate::text::shown;

/// Updates of a bar a second.
const RATE_HZ: u8 = 8;

/// Where bars are drawn: on stderr where that is a terminal and not to be kept quiet, else nowhere.
pub fn target(quiet: bool) -> ProgressDrawTarget {
    if quiet || !std::io::stderr().is_terminal() {
        ProgressDrawTarget::hidden()
    } else {
        ProgressDrawTarget::stderr_with_hz(RATE_HZ)
    }
}

/// A bar in the style of a template.
pub fn styled(bar: ProgressBar, template: &str) -> ProgressBar {
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style.progress_chars("=> ")),
        // The templates are ours; should one be wrong, the default style has to do.
        Err(_) => bar,
    }
}

/// Says a line above a bar, or where the bar is hidden on a line of its own.
pub fn say(bar: &ProgressBar, line: &str) {
    if bar.is_hidden() {
        errln!("{line}");
    } else {
        bar.println(shown(line));
    }
}
