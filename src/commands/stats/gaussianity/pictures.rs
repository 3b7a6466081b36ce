//! Histograms, quantile plots and the text in the terminal.

use super::super::subject::Subject;
use super::super::wording;
use super::{Measured, statistic};
use crate::draw::{Axis, Figure, HistogramBin, HistogramChart, NormalCurve, QqPlot};
use crate::stats::{Bins, Histogram, Reference, normal_qq};
use crate::text::numbers::{count, significant};
use crate::text::{Align, Table, Terminal, TextHistogram};

/// Lines of the histogram in the terminal.
const LINES: usize = 20;
/// Pictures in a row where there are several layers.
const COLUMNS: usize = 3;

/// One picture of all layers.
pub(super) fn sheet(layers: &[Measured], draw: impl Fn(&Measured) -> Figure) -> Figure {
    let figures: Vec<Figure> = layers.iter().map(draw).collect();
    Figure::grid(&figures, COLUMNS.min(figures.len()))
}

fn title(layer: &Measured, subject: &Subject) -> String {
    format!(
        "Layer {} ({}): {}",
        layer.read.layer, layer.read.name, subject.title
    )
}

/// The histogram with both normal curves.
pub(super) fn histogram(layer: &Measured, subject: &Subject) -> Figure {
    let summary = &layer.pooled.summary;
    let bins = layer.histogram.bins.iter().map(|bin| HistogramBin {
        low: bin.low,
        high: bin.high,
        density: bin.density,
    });
    let fitted = NormalCurve {
        label: format!(
            "N({}, {}²), fitted",
            significant(summary.mean, 2),
            significant(summary.std_dev, 2)
        ),
        mean: summary.mean,
        std: summary.std_dev,
    };
    HistogramChart {
        title: title(layer, subject),
        subtitle: format!(
            "{} units, n = {}: KS distance {}, skewness {}, excess kurtosis {}",
            layer.read.units.len(),
            count(summary.n as u64),
            significant(layer.pooled.standard.statistic, 2),
            significant(summary.skewness, 2),
            significant(summary.excess_kurtosis, 2),
        ),
        x: Axis::new("Pre-activation"),
        label: "measured".into(),
        bins: bins.collect(),
        curves: vec![NormalCurve::standard(), fitted],
    }
    .figure()
}

/// Quantiles against those of N(0, 1).
pub(super) fn qq(layer: &Measured, subject: &Subject) -> Figure {
    let summary = &layer.pooled.summary;
    QqPlot {
        title: title(layer, subject),
        subtitle: format!(
            "quantiles of {} values against N(0, 1)",
            count(summary.n as u64)
        ),
        label: "Quantile of the pre-activation".into(),
        // The picture leaves out points that fall on others.
        points: normal_qq(&layer.sample, usize::MAX),
        fitted: Some((summary.mean, summary.std_dev)),
    }
    .figure()
}

/// What is printed: histogram (of a single layer), table, sentences.
pub(super) fn text(layers: &[Measured]) -> String {
    let mut text = String::new();
    if let [only] = layers {
        text += &text_histogram(only);
        text += "(the tick is where N(0, 1) would end)\n\n";
    }
    text += &table(layers);
    for layer in layers {
        text += &format!("\n{}\n", wording::verdict(layer));
    }
    text + "\n" + wording::CAVEAT + "\n"
}

fn table(layers: &[Measured]) -> String {
    let mut table = Table::new([
        ("layer", Align::Left),
        ("values", Align::Right),
        ("KS distance", Align::Right),
        ("fitted", Align::Right),
        ("skewness", Align::Right),
        ("ex. kurtosis", Align::Right),
        ("mean", Align::Right),
        ("std", Align::Right),
        ("A²", Align::Right),
        ("W", Align::Right),
    ]);
    for layer in layers {
        let (pooled, summary) = (&layer.pooled, &layer.pooled.summary);
        let digits = |value: f64| significant(value, 3);
        table.push([
            format!("{} {}", layer.read.layer, layer.read.name),
            count(summary.n as u64),
            digits(pooled.standard.statistic),
            digits(statistic(pooled.fitted)),
            digits(summary.skewness),
            digits(summary.excess_kurtosis),
            digits(summary.mean),
            digits(summary.std_dev),
            digits(statistic(pooled.anderson_darling)),
            digits(statistic(pooled.shapiro_wilk)),
        ]);
    }
    table.render(&Terminal::detect())
}

/// A histogram of even lines, whatever the number of bins in the files.
fn text_histogram(layer: &Measured) -> String {
    let bins = Bins {
        count: Some(layer.histogram.bins.len().min(LINES)),
        range: None,
    };
    let histogram = Histogram::new(&layer.sample, bins, Reference::STANDARD);
    let bins = histogram.map_or(Vec::new(), |histogram| histogram.bins);
    let edges = bins
        .iter()
        .map(|bin| bin.low)
        .chain(bins.last().map(|bin| bin.high));
    let n = layer.pooled.summary.n as f64;
    TextHistogram {
        edges: edges.collect(),
        counts: bins.iter().map(|bin| bin.count as u64).collect(),
        expected: bins
            .iter()
            .map(|bin| bin.normal_density * (bin.high - bin.low) * n)
            .collect(),
        ..TextHistogram::default()
    }
    .render(&Terminal::detect())
}
