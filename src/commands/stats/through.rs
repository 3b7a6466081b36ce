//! Through training: a probe at every checkpoint that runs have kept, runs that differ in the seed alone as one group.

pub mod covariance;
pub mod gaussianity;

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::panels::panel;
use super::subject::{Subject, run_config, telling_labels};
use crate::cli::StatsArgs;
use crate::draw::{Axis, LineChart, Point, Series};
use crate::record::{epoch_checkpoints, read_checkpoint};
use crate::stats::median;
use crate::text::numbers::significant;
use crate::usage;

use super::output::Output;

/// A network as it was at the end of an epoch.
pub struct Moment<'m> {
    /// The group of runs it belongs to.
    pub group: &'m str,
    /// The run's seed.
    pub seed: u64,
    /// Epochs done.
    pub epoch: u64,
    /// The network and its data.
    pub subject: &'m Subject,
}

/// Where a row of a table stands.
pub trait Place {
    /// The group of runs.
    fn group(&self) -> &str;
    /// Epochs done.
    fn epoch(&self) -> u64;
    /// The layer's number, from 1.
    fn layer(&self) -> u64;
}

/// Shows every checkpoint of every run to `look`, and gathers what it finds.
pub fn walk<R>(
    runs: &[PathBuf],
    args: &StatsArgs,
    output: &Output,
    look: &dyn Fn(&Moment) -> Result<Vec<R>>,
) -> Result<Vec<R>> {
    if runs.is_empty() {
        return Err(usage!(
            "--checkpoint all looks at the checkpoints of a run: name one, or train one with normprop train"
        ));
    }
    let configs = runs
        .iter()
        .map(|run| run_config(run, args))
        .collect::<Result<Vec<_>>>()?;
    let mut rows = Vec::new();
    let groups = telling_labels(&configs, &["seed"]);
    for ((run, config), group) in runs.iter().zip(&configs).zip(groups) {
        let checkpoints = checkpoints(run)?;
        output.say(&format!(
            "{group}, seed {}: {} checkpoints",
            config.seed,
            checkpoints.len()
        ));
        let subject = Subject::find(Some(&checkpoints[0].1), args)?;
        for (epoch, file) in checkpoints {
            let saved = read_checkpoint(&file)?;
            subject.network.parameters.restore(&saved.tensors)?;
            rows.extend(look(&Moment {
                group: &group,
                seed: config.seed,
                epoch,
                subject: &subject,
            })?);
        }
    }
    Ok(rows)
}

fn checkpoints(run: &Path) -> Result<Vec<(u64, PathBuf)>> {
    let found = epoch_checkpoints(run)?;
    if found.is_empty() {
        return Err(usage!(
            "{} has no checkpoint of an epoch's end yet",
            run.display()
        ));
    }
    Ok(found)
}

/// The epochs that are drawn: the first, the one after it, and the last that every group has.
pub fn shown_epochs<R: Place>(rows: &[R]) -> Vec<u64> {
    let mut epochs: Vec<u64> = rows.iter().map(Place::epoch).collect();
    epochs.sort_unstable();
    epochs.dedup();
    let in_all = |epoch: &u64| {
        group_names(rows).iter().all(|group| {
            rows.iter()
                .any(|row| row.group() == *group && row.epoch() == *epoch)
        })
    };
    epochs.retain(in_all);
    let mut shown: Vec<u64> = epochs.iter().copied().take(2).collect();
    shown.extend(epochs.last());
    shown.dedup();
    shown
}

/// The groups in order of their first row.
fn group_names<R: Place>(rows: &[R]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for row in rows {
        if !names.contains(&row.group()) {
            names.push(row.group());
        }
    }
    names
}

/// The rows of each group at each epoch that is shown.
pub fn shown<R: Place>(rows: &[R]) -> Vec<(&str, u64, Vec<&R>)> {
    let epochs = shown_epochs(rows);
    let groups = group_names(rows).into_iter();
    let places = groups.flat_map(|group| epochs.iter().map(move |&epoch| (group, epoch)));
    places
        .map(|(group, epoch)| (group, epoch, at(rows, group, epoch)))
        .collect()
}

fn at<'r, R: Place>(rows: &'r [R], group: &str, epoch: u64) -> Vec<&'r R> {
    let here = rows.iter();
    here.filter(|row| row.group() == group && row.epoch() == epoch)
        .collect()
}

/// The median of a value, as text.
pub fn middle<R>(rows: &[&R], value: fn(&R) -> f64) -> String {
    significant(
        median(&rows.iter().map(|row| value(row)).collect::<Vec<_>>()),
        2,
    )
}

/// A panel over the layers at one epoch: a line a group, the mean over its runs, with a band from the smallest to the
/// largest.
pub fn by_layer<R: Place>(
    rows: &[R],
    epoch: u64,
    what: &str,
    axis: Axis,
    value: &dyn Fn(&R) -> f64,
) -> LineChart {
    let line = |group: &&str| {
        let here = at(rows, group, epoch);
        let mut layers: Vec<u64> = here.iter().map(|row| row.layer()).collect();
        layers.sort_unstable();
        layers.dedup();
        let point = |layer: u64| {
            let values = here.iter().filter(|row| row.layer() == layer);
            let values: Vec<f64> = values.map(|row| value(row)).collect();
            Point {
                x: layer as f64,
                y: values.iter().sum::<f64>() / values.len() as f64,
                interval: Some((
                    values.iter().copied().fold(f64::INFINITY, f64::min),
                    values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
                )),
            }
        };
        Series {
            label: (*group).to_owned(),
            points: layers.into_iter().map(point).collect(),
            slot: None,
        }
    };
    let when = match epoch {
        0 => "before training".to_owned(),
        1 => "after 1 epoch".to_owned(),
        epochs => format!("after {epochs} epochs"),
    };
    let series = group_names(rows).iter().map(line).collect();
    panel(&format!("{what}, {when}"), "Layer", axis, series)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Row(&'static str, u64, u64, f64);

    impl Place for Row {
        fn group(&self) -> &str {
            self.0
        }
        fn epoch(&self) -> u64 {
            self.1
        }
        fn layer(&self) -> u64 {
            self.2
        }
    }

    #[test]
    fn the_first_two_and_the_last_common_epoch_are_shown() {
        let rows: Vec<Row> = [0, 1, 4, 8]
            .iter()
            .flat_map(|&epoch| [Row("a", epoch, 1, 0.0), Row("b", epoch, 1, 0.0)])
            .chain([Row("a", 9, 1, 0.0)])
            .collect();
        assert_eq!(shown_epochs(&rows), [0, 1, 8]);
        assert_eq!(shown_epochs(&rows[..2]), [0]);
    }

    #[test]
    fn a_line_is_the_mean_over_seeds_with_its_range() {
        let rows = [
            Row("a", 1, 2, 1.0),
            Row("a", 1, 2, 3.0),
            Row("b", 1, 2, 9.0),
        ];
        let chart = by_layer(&rows, 1, "x", Axis::new("y"), &|row| row.3);
        assert_eq!(chart.series.len(), 2);
        let point = chart.series[0].points[0];
        assert_eq!(
            (point.x, point.y, point.interval),
            (2.0, 2.0, Some((1.0, 3.0)))
        );
        assert_eq!(chart.title, "x, after 1 epoch");
    }
}
