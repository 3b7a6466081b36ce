//! Shows how far the runs are: a bar a run and one for all on a terminal, a line a finished run elsewhere.

use std::collections::BTreeMap;
use std::path::Path;

use indicatif::{MultiProgress, ProgressBar};

use super::launch::{Outcome, Report};
use super::plan::PlanEntry;
use crate::bar;
use crate::event::Status;
use crate::record::{meta, read_metrics, read_summary};
use crate::text::numbers::{duration, error_rate};

/// The display of the runs that are still to do.
pub struct RunsDisplay<'e> {
    entries: &'e [&'e PlanEntry],
    quiet: bool,
    bars: MultiProgress,
    overall: ProgressBar,
    running: BTreeMap<usize, ProgressBar>,
    /// Estimated seconds of each run, done or not, and the fraction done.
    work: Vec<(f64, f64)>,
    /// Runs at a time.
    parallel: usize,
    over: usize,
}

impl<'e> RunsDisplay<'e> {
    /// A display on stderr for `entries`; it says nothing when quiet.
    pub fn new(entries: &'e [&'e PlanEntry], parallel: usize, quiet: bool) -> Self {
        let bars = MultiProgress::with_draw_target(bar::target(quiet));
        let weight = |entry: &&PlanEntry| match entry.remaining_s.is_finite() {
            true => entry.remaining_s.max(0.1),
            false => 1.0,
        };
        let work: Vec<(f64, f64)> = entries.iter().map(|entry| (weight(entry), 0.0)).collect();
        let total: f64 = work.iter().map(|(seconds, _)| seconds).sum();
        let overall = bars.add(ProgressBar::new(thousandths(total)));
        let overall = bar::styled(overall, "{msg} [{wide_bar}] {percent:>3} % {prefix} left");
        overall.set_prefix(duration(left_s(&work, parallel, 0.0)));
        overall.set_message(format!("0 of {} runs", entries.len()));
        RunsDisplay {
            entries,
            quiet,
            bars,
            overall,
            running: BTreeMap::new(),
            work,
            parallel,
            over: 0,
        }
    }

    /// Shows what happened to one of the runs.
    pub fn show(&mut self, report: &Report) {
        match report {
            Report::Started(index) => self.start(*index),
            Report::Progress(index, progress) => {
                if let Some(bar) = self.running.get(index) {
                    bar.set_length(progress.steps);
                    bar.set_position(progress.step);
                    let error = error_rate(progress.train_error);
                    let (epoch, epochs) = (progress.epoch, progress.epochs);
                    bar.set_prefix(format!("epoch {epoch}/{epochs}, training error {error}"));
                }
                let part = self.entries[*index].goal() as f64 / progress.epochs.max(1) as f64;
                let steps = progress.steps as f64 * part;
                self.advance(*index, (progress.step as f64 / steps.max(1.0)).min(1.0));
            }
            Report::Message(index, text) => {
                self.say(&format!("{}: {text}", self.entries[*index].key));
            }
            Report::Ended(index, outcome) => self.end(*index, outcome),
        }
    }

    /// Seconds that all runs together will still take.
    pub fn left_s(&self) -> f64 {
        let elapsed_s = self.overall.elapsed().as_secs_f64();
        left_s(&self.work, self.parallel, elapsed_s)
    }

    /// Takes the bars away.
    pub fn finish(&self) {
        self.overall.finish_and_clear();
    }

    fn start(&mut self, index: usize) {
        let bar = self.bars.insert_before(&self.overall, ProgressBar::new(1));
        let bar = bar::styled(bar, "{msg} [{wide_bar}] {prefix}");
        bar.set_message(self.entries[index].key.to_string());
        self.running.insert(index, bar);
    }

    fn end(&mut self, index: usize, outcome: &Outcome) {
        let (entry, count) = (self.entries[index], self.entries.len());
        let mut taken = String::new();
        // What was started elsewhere has no bar: it may have waited there.
        if let Some(bar) = self.running.remove(&index) {
            taken = format!(" ({})", duration(bar.elapsed().as_secs_f64()));
            bar.finish_and_clear();
            self.bars.remove(&bar);
        }
        if !matches!(outcome, Outcome::Stopped) {
            self.over += 1;
            self.advance(index, 1.0);
        }
        let over = self.over;
        self.overall.set_message(format!("{over} of {count} runs"));
        let result = result(entry, outcome);
        self.say(&format!("[{over}/{count}] {}: {result}{taken}", entry.key));
    }

    fn advance(&mut self, index: usize, fraction: f64) {
        if let Some((_, done)) = self.work.get_mut(index) {
            *done = fraction;
        }
        self.overall.set_prefix(duration(self.left_s()));
        self.overall.set_position(thousandths(done_s(&self.work)));
    }

    fn say(&self, line: &str) {
        if !self.quiet {
            bar::say(&self.overall, line);
        }
    }
}

/// How a run ended, in words. That its state is saved is said only where its record says so.
pub(super) fn result(entry: &PlanEntry, outcome: &Outcome) -> String {
    match outcome {
        Outcome::Finished => finished(entry),
        Outcome::Diverged => "diverged".to_owned(),
        Outcome::Stopped if was_interrupted(&entry.run_dir) => {
            "stopped, its state is saved".to_owned()
        }
        Outcome::Stopped => {
            "stopped before it could save; the same command goes on from its last checkpoint"
                .to_owned()
        }
        Outcome::Failed(reason) => format!("failed: {reason}"),
    }
}

/// Whether the last sitting ended by a signal after saving.
fn was_interrupted(run_dir: &Path) -> bool {
    let meta = meta::read(run_dir).ok().flatten();
    let last = meta.as_ref().and_then(|meta| meta.sittings.last());
    last.is_some_and(|sitting| sitting.status == Some(Status::Interrupted))
}

/// How a run stands that was trained to its end, or to where a sweep judges it.
fn finished(entry: &PlanEntry) -> String {
    let measured = match entry.config.holdout > 0.0 {
        true => "error on held-out images",
        false => "test error",
    };
    if let Some(summary) = read_summary(&entry.run_dir) {
        return format!("{measured} {}", error_rate(summary.test_error));
    }
    let rows = read_metrics(&entry.run_dir).unwrap_or_default();
    let judged = rows.iter().find(|row| row.epoch == entry.goal());
    judged.map_or("finished".to_owned(), |row| {
        let error = error_rate(row.test_error);
        format!("{measured} {error} after epoch {}", row.epoch)
    })
}

/// Estimated seconds of what is done, one run after the other.
fn done_s(work: &[(f64, f64)]) -> f64 {
    work.iter().map(|(cost_s, part)| cost_s * part).sum()
}

/// Seconds that all runs together will still take: those of the plan, corrected by how long what is done has taken. The
/// plan counts like a tenth of the work, so that the first seconds, in which programs start, change little.
fn left_s(work: &[(f64, f64)], parallel: usize, elapsed_s: f64) -> f64 {
    let done_s = done_s(work);
    let left_s: f64 = work
        .iter()
        .map(|(cost_s, part)| cost_s * (1.0 - part))
        .sum();
    let open = work.iter().filter(|(_, part)| *part < 1.0).count();
    let prior_s = 0.1 * (done_s + left_s);
    let at_a_time = |runs: usize| parallel.clamp(1, runs.max(1)) as f64;
    let taken_s = elapsed_s * at_a_time(work.len());
    left_s / at_a_time(open) * (taken_s + prior_s) / (done_s + prior_s)
}

fn thousandths(seconds: f64) -> u64 {
    (seconds * 1000.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_begins_with_the_estimate_of_the_plan_and_learns_from_what_is_done() {
        // A run of an hour and three of a minute, two at a time: 31 min 30 s, as `plan::sentence` says.
        let mut work = vec![(3600.0, 0.0), (60.0, 0.0), (60.0, 0.0), (60.0, 0.0)];
        assert_eq!(left_s(&work, 2, 0.0), 1890.0);
        // Ten seconds in which nothing is done yet are no reason for another.
        assert!((left_s(&work, 2, 10.0) / 1890.0 - 1.0).abs() < 0.06);
        // Three runs of four are over, but not three quarters of the work: one run is left, at one at a time.
        for (_, part) in &mut work[1..] {
            *part = 1.0;
        }
        let as_expected = left_s(&work, 2, 90.0);
        assert!((as_expected - 3600.0).abs() < 1e-9, "{as_expected}");
        // Half of all is done and took twice as long: so will most of the rest.
        work[0].1 = 0.475;
        let slow = left_s(&work, 2, 1890.0);
        assert!((1.7 * 1890.0..2.0 * 1890.0).contains(&slow), "{slow}");
    }
}
