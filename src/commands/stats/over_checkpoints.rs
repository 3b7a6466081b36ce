//! A probe of a network at every checkpoint that runs have kept, runs that differ in the seed alone as one group.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::Result;

use super::labels::{distinguishing_labels, picture_names};
use super::subject::{Subject, run_configs};
use super::trends::Trend;
use super::{Gathered, NetworkProbe, Output, ProbeTable, TableField, TableRow, Trends};
use crate::cli::StatsArgs;
use crate::draw::{Figure, LineChart, PanelGrid, Point, Series, ShareY};
use crate::record::{epoch_checkpoints, read_checkpoint};
use crate::stats::{mean, median, range};
use crate::usage;

/// A layer as it was at the end of an epoch.
struct LayerVisit {
    /// The group of runs it belongs to.
    group: String,
    /// Epochs done.
    epoch: u64,
    /// The layer's number, from 1.
    layer: usize,
    /// A value a trend.
    values: Vec<f64>,
}

/// Looks at every checkpoint of every run, writes the files and says what they show.
pub fn follow<P: NetworkProbe>(
    runs: &[PathBuf],
    args: &StatsArgs,
    output: &mut Output,
) -> Result<()> {
    if runs.is_empty() {
        return Err(usage!(
            "--checkpoint all looks at the checkpoints of a run: name one, or train one with normprop train"
        ));
    }
    let columns = P::columns();
    let mut tables = Vec::new();
    each_checkpoint(runs, args, output, &mut |group, epoch, subject| {
        let layers = P::measure(subject, args)?;
        tables.push(columns.checkpoint_table(&layers).labeled([
            ("run", group.to_owned().into()),
            ("seed", subject.config.seed.into()),
            ("epoch", epoch.into()),
        ]));
        Ok(())
    })?;
    let (stem, table, trends) = (stem::<P>(), ProbeTable::stacked(tables), P::trends());
    output.main_table(&stem, &table)?;
    output.figure(&stem, &draw::<P>(&table));
    output.print(&text(&trends, &visits(&trends, &table)))
}

/// The name of the table over checkpoints and of its picture.
pub fn stem<P: NetworkProbe>() -> String {
    format!("{}-through", P::NAME)
}

/// The picture of the table over checkpoints.
pub fn draw<P: NetworkProbe>(table: &ProbeTable) -> Figure {
    let trends = P::trends();
    picture(&trends, &visits(&trends, table)).figure()
}

/// What is drawn and told of each row of the table.
fn visits(trends: &Trends, table: &ProbeTable) -> Vec<LayerVisit> {
    let visit = |row: TableRow| LayerVisit {
        group: row.text("run").to_owned(),
        epoch: row.number("epoch") as u64,
        layer: row.number("layer") as usize,
        values: trends.list.iter().map(|trend| (trend.value)(row)).collect(),
    };
    table.rows().map(visit).collect()
}

/// Shows every checkpoint of every run to `look`: the group of the run, the epoch, and the network.
fn each_checkpoint(
    runs: &[PathBuf],
    args: &StatsArgs,
    output: &Output,
    look: &mut dyn FnMut(&str, u64, &Subject) -> Result<()>,
) -> Result<()> {
    let configs = run_configs(runs, args)?;
    let groups = distinguishing_labels(&configs, &["seed"]);
    for ((run, config), group) in runs.iter().zip(&configs).zip(groups) {
        let checkpoints = epoch_checkpoints(run)?;
        let Some((_, first)) = checkpoints.first() else {
            let run = run.display();
            return Err(usage!("{run} has no checkpoint of an epoch's end yet"));
        };
        let (seed, count) = (config.seed, checkpoints.len());
        output.say(&format!("{group}, seed {seed}: {count} checkpoints"));
        let subject = Subject::find(Some(first), args)?;
        for (epoch, file) in &checkpoints {
            let saved = read_checkpoint(file)?;
            subject.network.parameters.restore(&saved.tensors)?;
            look(&group, *epoch, &subject)?;
        }
    }
    Ok(())
}

/// The groups in order of their first row.
fn groups(visits: &[LayerVisit]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for visit in visits {
        if !names.contains(&visit.group.as_str()) {
            names.push(&visit.group);
        }
    }
    names
}

/// What was measured of a group at an epoch.
fn at<'v>(visits: &'v [LayerVisit], group: &str, epoch: u64) -> Vec<&'v LayerVisit> {
    let here = visits.iter();
    here.filter(|visit| visit.group == group && visit.epoch == epoch)
        .collect()
}

/// The epochs that are drawn: the first, the one after it, and the last that every group has.
fn shown_epochs(visits: &[LayerVisit]) -> Vec<u64> {
    let mut epochs: BTreeSet<u64> = visits.iter().map(|visit| visit.epoch).collect();
    let groups = groups(visits);
    let has = |group: &&str, epoch: u64| !at(visits, group, epoch).is_empty();
    epochs.retain(|&epoch| groups.iter().all(|group| has(group, epoch)));
    let last = epochs.pop_last();
    epochs.into_iter().take(2).chain(last).collect()
}

/// A column an epoch, a row a value.
fn picture(trends: &Trends, visits: &[LayerVisit]) -> PanelGrid {
    let epochs = shown_epochs(visits);
    let values = trends.list.iter().enumerate();
    let drawn = values.filter_map(|(index, trend)| Some((index, trend.panel.as_ref()?)));
    let row = |(index, panel): (usize, &LineChart)| {
        let panels = epochs
            .iter()
            .map(|&epoch| by_layer(visits, epoch, panel, index));
        panels.collect::<Vec<_>>()
    };
    let note = format!(
        "{}; lines: mean over seeds, bands: smallest to largest",
        trends.subtitle
    );
    PanelGrid::new(trends.title, note, drawn.flat_map(row).collect())
        .in_columns(epochs.len())
        .sharing(ShareY::Rows)
}

/// A panel over the layers at one epoch: a line a group, the mean over its runs, with a band from the smallest to the
/// largest.
fn by_layer(visits: &[LayerVisit], epoch: u64, panel: &LineChart, index: usize) -> LineChart {
    let line = |group: &str| {
        let here = at(visits, group, epoch);
        let layers: BTreeSet<usize> = here.iter().map(|visit| visit.layer).collect();
        let point = |layer: usize| {
            let values = here.iter().filter(|visit| visit.layer == layer);
            let values: Vec<f64> = values.map(|visit| visit.values[index]).collect();
            Point {
                x: layer as f64,
                y: mean(&values),
                interval: Some(range(values)),
            }
        };
        Series::of(group, layers.into_iter().map(point))
    };
    let groups = groups(visits);
    let named = groups.iter().zip(picture_names(&groups));
    let when = match epoch {
        0 => "before training".to_owned(),
        1 => "after 1 epoch".to_owned(),
        epochs => format!("after {epochs} epochs"),
    };
    LineChart {
        title: format!("{}, {when}", panel.title),
        series: named
            .map(|(group, (name, style))| Series {
                label: name,
                style: Some(style),
                ..line(group)
            })
            .collect(),
        ..panel.clone()
    }
}

fn text(trends: &Trends, visits: &[LayerVisit]) -> String {
    let (groups, epochs) = (groups(visits), shown_epochs(visits));
    let places = groups
        .iter()
        .flat_map(|group| epochs.iter().map(move |epoch| (*group, *epoch)));
    let tables = places.map(|(group, epoch)| {
        let here = at(visits, group, epoch);
        let field = |(index, trend): (usize, &Trend)| {
            let values: Vec<f64> = here.iter().map(|visit| visit.values[index]).collect();
            (trend.heading, gathered(trend.gathered, &values))
        };
        let row = ProbeTable::of_one_row(trends.list.iter().enumerate().map(field));
        row.labeled([("run", group.to_owned().into()), ("epoch", epoch.into())])
    });
    ProbeTable::stacked(tables).text() + "\nMedians over layers and seeds.\n"
}

fn gathered(how: Gathered, values: &[f64]) -> TableField {
    match how {
        Gathered::Median => median(values).into(),
        Gathered::Count => {
            let count = values.iter().filter(|value| **value != 0.0).count();
            format!("{count} of {}", values.len()).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visit(group: &str, epoch: u64, layer: usize, value: f64) -> LayerVisit {
        LayerVisit {
            group: group.into(),
            epoch,
            layer,
            values: vec![value],
        }
    }

    #[test]
    fn the_first_two_and_the_last_common_epoch_are_shown() {
        let visits: Vec<LayerVisit> = [0, 1, 4, 8]
            .iter()
            .flat_map(|&epoch| [visit("a", epoch, 1, 0.0), visit("b", epoch, 1, 0.0)])
            .chain([visit("a", 9, 1, 0.0)])
            .collect();
        assert_eq!(shown_epochs(&visits), [0, 1, 8]);
        assert_eq!(shown_epochs(&visits[..2]), [0]);
    }

    #[test]
    fn a_line_is_the_mean_over_seeds_with_its_range() {
        let visits = [
            visit("a", 1, 2, 1.0),
            visit("a", 1, 2, 3.0),
            visit("b", 1, 2, 9.0),
        ];
        let panel = LineChart {
            title: "x".into(),
            ..LineChart::default()
        };
        let chart = by_layer(&visits, 1, &panel, 0);
        assert_eq!(chart.series.len(), 2);
        let point = chart.series[0].points[0];
        assert_eq!(
            (point.x, point.y, point.interval),
            (2.0, 2.0, Some((1.0, 3.0)))
        );
        assert_eq!(chart.title, "x, after 1 epoch");
    }

    #[test]
    fn values_are_told_as_a_median_or_counted() {
        assert_eq!(gathered(Gathered::Median, &[1.0, 2.0, 9.0]), 2.0.into());
        assert_eq!(
            gathered(Gathered::Count, &[1.0, 0.0, 1.0]),
            "2 of 3".to_owned().into()
        );
    }
}
