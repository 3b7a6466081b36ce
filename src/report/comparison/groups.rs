//! Which groups of runs the pictures show, and how runs become one line.

use super::families::{Member, families, styles};
use super::standing::Standing;
use super::summarize::LEVEL;
use super::{RunRows, SummaryRow};
use crate::draw::{Point, Series, Style};
use crate::methods;
use crate::report::distinct::distinct;
use crate::run_key::GroupKey;
use crate::stats::{mean, range, t_interval};
use crate::text::numbers::counted;

/// From this many runs on a band is a confidence interval; below, it would be wider than the picture.
const INTERVAL_FROM: usize = 5;
/// A line has at most this many points: more cannot be told apart and make the page large.
const MOST_POINTS: usize = 150;

/// A group that is drawn: a method at a batch size, at its learning rate of the lowest final test error.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// The group.
    pub key: GroupKey,
    /// How it looks in every picture.
    pub style: Style,
}

/// The groups of a comparison.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Groups {
    /// The methods' labels in the order of the experiment.
    pub labels: Vec<String>,
    /// How each of them looks in every picture.
    styles: Vec<Style>,
    /// What each of them is where their labels differ by a number.
    pub families: Option<Vec<Member>>,
    /// The batch sizes, in the order of the runs.
    pub batch_sizes: Vec<u64>,
    /// The groups to draw, in the order of the methods within each batch size.
    pub shown: Vec<Shown>,
    /// Whether a method was run with several learning rates at one batch size.
    pub has_several_rates: bool,
    /// How each group that is drawn stands; `None` while no run of it is over.
    standings: Vec<Option<Standing>>,
    /// The labels from the lowest error to the highest: the order of all lists.
    pub by_error: Vec<String>,
    /// Runs of the largest group, in its lines as far as they are.
    pub most_runs: usize,
}

impl Groups {
    /// The groups of these rows.
    pub fn of(summary: &[SummaryRow], labels: Vec<String>) -> Groups {
        let batch_sizes = distinct(summary.iter().map(|row| row.group.batch_size));
        // A group without a finished run has no mean: it is shown only where there is no other.
        let error = |row: &SummaryRow| match row.final_test_error_mean {
            mean if mean.is_finite() => mean,
            _ => f64::INFINITY,
        };
        let best_of = |batch_size: u64, label: &String| {
            let is_of =
                |row: &&SummaryRow| row.group.label == *label && row.group.batch_size == batch_size;
            let rates = summary.iter().filter(is_of);
            rates.min_by(|a, b| error(a).total_cmp(&error(b)))
        };
        let families = families(&labels);
        let styles = styles(summary, &labels, families.as_deref());
        let mut shown = Vec::new();
        for &batch_size in &batch_sizes {
            let of_methods = labels.iter().zip(&styles);
            shown.extend(of_methods.filter_map(|(label, &style)| {
                let key = best_of(batch_size, label)?.group.clone();
                Some(Shown { key, style })
            }));
        }
        let runs = summary.iter().map(|row| row.n + row.n_diverged);
        let standing = |group: &Shown| {
            let row = summary.iter().find(|row| row.group == group.key);
            row.and_then(Standing::of)
        };
        let mut groups = Groups {
            has_several_rates: summary.len() > shown.len(),
            most_runs: runs.max().unwrap_or(0) as usize,
            standings: shown.iter().map(standing).collect(),
            by_error: Vec::new(),
            labels,
            styles,
            families,
            batch_sizes,
            shown,
        };
        groups.by_error = groups.ordered();
        groups
    }

    /// A method's place in the experiment.
    pub fn slot(&self, label: &str) -> Option<usize> {
        self.labels.iter().position(|other| other == label)
    }

    /// How a method looks.
    pub fn style(&self, label: &str) -> Option<Style> {
        Some(self.styles[self.slot(label)?])
    }

    /// Whether a group is its method's first, and so looks as the method does everywhere.
    pub fn is_plain(&self, key: &GroupKey) -> bool {
        self.style(&key.label) == Some(methods::style(&key.method, 0))
    }

    /// How a group that is drawn stands; `None` while no run of it is over.
    pub fn standing(&self, key: &GroupKey) -> Option<Standing> {
        let place = self.shown.iter().position(|group| group.key == *key)?;
        self.standings[place]
    }

    /// The mean final test error of a group that is drawn; infinite where no run finished.
    pub fn error(&self, key: &GroupKey) -> f64 {
        let standing = self.standing(key);
        standing.map_or(f64::INFINITY, |standing| standing.error)
    }

    /// The groups to draw at a batch size.
    pub fn at(&self, batch_size: u64) -> impl Iterator<Item = &Shown> {
        let is_at = move |group: &&Shown| group.key.batch_size == batch_size;
        self.shown.iter().filter(is_at)
    }

    /// What the pictures of one learning rate a method must say where there were several.
    pub fn rate_note(&self) -> &'static str {
        match self.has_several_rates {
            true => "; each method at the learning rate of its lowest final test error",
            false => "",
        }
    }

    /// What the bands around mean lines are, for a subtitle.
    pub fn band_note(&self) -> String {
        match self.most_runs {
            0 | 1 => "one run each, no interval".to_owned(),
            n if n < INTERVAL_FROM => {
                format!("mean of {n} runs, band from the lowest to the highest")
            }
            n => format!("mean of {n} runs with its 95 % interval"),
        }
    }
}

/// The mean over runs at each epoch, with a band; `value` gives a row's epoch and value.
pub fn mean_line<R>(
    label: &str,
    style: Style,
    runs: &[&RunRows<R>],
    value: impl Fn(&R) -> (f64, f64),
) -> Series {
    let mut by_epoch: Vec<(f64, Vec<f64>)> = Vec::new();
    for run in runs {
        for row in &run.rows {
            let (epoch, value) = value(row);
            match by_epoch.iter_mut().find(|(other, _)| *other == epoch) {
                _ if !value.is_finite() => {}
                Some((_, values)) => values.push(value),
                None => by_epoch.push((epoch, vec![value])),
            }
        }
    }
    by_epoch.sort_by(|a, b| a.0.total_cmp(&b.0));
    let point = |(epoch, values): &(f64, Vec<f64>)| Point {
        x: *epoch,
        y: mean(values),
        interval: band(values),
    };
    let points = thinned(by_epoch.iter().map(point).collect());
    Series::of(label, points).styled(style).noted(behind(runs))
}

/// Which runs are behind a line: "batch size 50, learning rate 0.1, 2 seeds (0, 1)".
pub fn behind<R>(runs: &[&RunRows<R>]) -> String {
    let Some(first) = runs.first() else {
        return String::new();
    };
    let GroupKey { batch_size, lr, .. } = &first.key.group;
    format!(
        "batch size {batch_size}, learning rate {lr}, {}",
        seeds(runs)
    )
}

/// The seeds of some runs: "2 seeds (0, 1)".
pub fn seeds<R>(runs: &[&RunRows<R>]) -> String {
    let seeds = distinct(runs.iter().map(|run| run.key.seed.to_string()));
    let count = counted(seeds.len() as u64, "seed");
    format!("{count} ({})", seeds.join(", "))
}

/// The line with its bands cut to where the quantity can lie.
pub fn with_bands_within(mut line: Series, lowest: f64, highest: f64) -> Series {
    for (low, high) in line.points.iter_mut().flat_map(|p| &mut p.interval) {
        (*low, *high) = (low.clamp(lowest, highest), high.clamp(lowest, highest));
    }
    line
}

/// What stands around a mean of these values.
pub fn band(values: &[f64]) -> Option<(f64, f64)> {
    match values.len() {
        0 | 1 => None,
        n if n < INTERVAL_FROM => Some(range(values.iter().copied())),
        _ => t_interval(values, LEVEL).map(|interval| (interval.low, interval.high)),
    }
}

/// Every k-th point, and the last.
fn thinned(points: Vec<Point>) -> Vec<Point> {
    let stride = points.len().div_ceil(MOST_POINTS).max(1);
    let last = points.len().saturating_sub(1);
    let numbered = points.into_iter().enumerate();
    let kept = numbered.filter(|(index, _)| index % stride == 0 || *index == last);
    kept.map(|(_, point)| point).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run_key::RunKey;

    fn run(values: &[f64]) -> RunRows<(f64, f64)> {
        RunRows {
            key: RunKey::default(),
            rows: values
                .iter()
                .enumerate()
                .map(|(x, y)| (x as f64, *y))
                .collect(),
        }
    }

    #[test]
    fn a_line_is_the_mean_over_runs_with_their_range() {
        let runs = [run(&[1.0, f64::NAN, 4.0]), run(&[3.0, f64::NAN])];
        let line = mean_line(
            "bn",
            Style::of_slot(2),
            &runs.iter().collect::<Vec<_>>(),
            |row| *row,
        );
        let points: Vec<_> = line
            .points
            .iter()
            .map(|point| (point.x, point.y, point.interval))
            .collect();
        assert_eq!(points, [(0.0, 2.0, Some((1.0, 3.0))), (2.0, 4.0, None)]);
        assert_eq!(line.style, Some(Style::of_slot(2)));
        assert!(line.note.ends_with("1 seed (0)"), "{}", line.note);
    }

    #[test]
    fn from_five_runs_on_the_band_is_an_interval() {
        let runs: Vec<_> = (0..5).map(|i| run(&[f64::from(i)])).collect();
        let line = mean_line(
            "bn",
            Style::of_slot(0),
            &runs.iter().collect::<Vec<_>>(),
            |row| *row,
        );
        let (low, high) = line.points[0].interval.unwrap();
        // 2 ± 2.7764·√2.5/√5
        assert!(
            (low - 0.0368).abs() < 1e-3 && (high - 3.9632).abs() < 1e-3,
            "{low} {high}"
        );
        let cut = with_bands_within(line, 0.5, 3.0);
        assert_eq!(cut.points[0].interval, Some((0.5, 3.0)));
    }

    #[test]
    fn long_lines_are_thinned_to_their_ends() {
        let long: Vec<f64> = (0..1001).map(f64::from).collect();
        let line = mean_line("bn", Style::of_slot(0), &[&run(&long)], |row| *row);
        assert!(line.points.len() <= MOST_POINTS + 1);
        assert_eq!(line.points.first().map(|point| point.x), Some(0.0));
        assert_eq!(line.points.last().map(|point| point.x), Some(1000.0));
    }
}
