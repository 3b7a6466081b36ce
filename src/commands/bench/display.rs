//! Shows how far a bench is: a bar on a terminal, a line a setting elsewhere. Always on stderr.

use indicatif::ProgressBar;

use crate::bar;

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
        let length = (settings as f64 * PARTS) as u64;
        let bar = ProgressBar::with_draw_target(Some(length), bar::target(quiet));
        Display {
            bar: bar::styled(bar, "{msg} [{wide_bar}] {percent:>3} %"),
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
        if !self.quiet {
            bar::say(&self.bar, &line);
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
