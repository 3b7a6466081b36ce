//! Shows how far a bench is: a bar on a terminal, a line a setting elsewhere. Always on stderr.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::errln;

/// Parts of a setting that the bar tells apart.
const PARTS: f64 = 1000.0;

/// The display of one bench.
pub struct Display {
    bar: ProgressBar,
    quiet: bool,
    settings: usize,
    done: usize,
}

impl Display {
    /// A display for so many settings.
    pub fn new(settings: usize, quiet: bool) -> Display {
        let bar = ProgressBar::new((settings as f64 * PARTS) as u64);
        bar.set_draw_target(if quiet || !std::io::stderr().is_terminal() {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr_with_hz(4)
        });
        if let Ok(style) = ProgressStyle::with_template("{msg} [{wide_bar}] {percent:>3} %") {
            bar.set_style(style.progress_chars("=> "));
        }
        Display {
            bar,
            quiet,
            settings,
            done: 0,
        }
    }

    /// Shows that a part, from 0 to 1, of the present setting is measured. Costs little, and falls between rounds.
    pub fn show(&self, title: &str, part: f64) {
        if !self.bar.is_hidden() {
            self.bar.set_message(title.to_owned());
            let position = (self.done as f64 + part) * PARTS;
            self.bar.set_position(position as u64);
        }
    }

    /// Says that a setting is done, and what became of it.
    pub fn end(&mut self, line: &str) {
        self.done += 1;
        let line = format!("[{}/{}] {line}", self.done, self.settings);
        match (self.quiet, self.bar.is_hidden()) {
            (true, _) => {}
            (false, true) => errln!("{line}"),
            (false, false) => self.bar.println(line),
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
