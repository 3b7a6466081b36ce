//! Histograms, quantile plots and the text in the terminal.

use super::measured::{LayerGaussianity, statistic};
use super::wording;
use crate::commands::stats::{Columns, Subject};
use crate::draw::{Axis, Figure, HistogramChart, NormalCurve, QqPlot, TextHistogram};
use crate::stats::{Bins, Histogram, Normal, normal_qq};
use crate::text::Terminal;
use crate::text::numbers::{count, significant};

/// Lines of the histogram in the terminal.
const LINES: usize = 20;
/// Characters of its longest bar.
const BAR_WIDTH: usize = 50;
/// Pictures in a row where there are several layers.
const COLUMNS: usize = 3;

/// One picture of all layers.
pub(super) fn sheet(
    layers: &[LayerGaussianity],
    draw: impl Fn(&LayerGaussianity) -> Figure,
) -> Figure {
    let figures: Vec<Figure> = layers.iter().map(draw).collect();
    Figure::grid(&figures, COLUMNS.min(figures.len()))
}

fn title(layer: &LayerGaussianity, subject: &Subject) -> String {
    format!(
        "Layer {} ({}): {}",
        layer.read.layer, layer.read.name, subject.title
    )
}

/// The histogram with both normal curves.
pub(super) fn histogram(layer: &LayerGaussianity, subject: &Subject) -> Figure {
    let summary = &layer.pooled.summary;
    let fitted = NormalCurve {
        label: format!(
            "N({}, {}²), fitted",
            significant(summary.mean, 2),
            significant(summary.std_dev, 2)
        ),
        normal: Normal::fitted(&layer.sample),
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
        bins: layer.histogram.bins.clone(),
        curves: vec![NormalCurve::standard(), fitted],
    }
    .figure()
}

/// Quantiles against those of N(0, 1).
pub(super) fn qq(layer: &LayerGaussianity, subject: &Subject) -> Figure {
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
        fitted: (summary.mean, summary.std_dev),
    }
    .figure()
}

/// What is printed: histogram (of a single layer), table, sentences.
pub(super) fn text(layers: &[LayerGaussianity]) -> String {
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

fn table(layers: &[LayerGaussianity]) -> String {
    let columns = Columns::new()
        .with("layer", |l: &LayerGaussianity| {
            format!("{} {}", l.read.layer, l.read.name)
        })
        .with("values", |l| l.pooled.summary.n)
        .with("KS distance", |l| l.pooled.standard.statistic)
        .with("fitted", |l| statistic(l.pooled.fitted))
        .with("skewness", |l| l.pooled.summary.skewness)
        .with("ex. kurtosis", |l| l.pooled.summary.excess_kurtosis)
        .with("mean", |l| l.pooled.summary.mean)
        .with("std", |l| l.pooled.summary.std_dev)
        .with("A²", |l| statistic(l.pooled.anderson_darling))
        .with("W", |l| statistic(l.pooled.shapiro_wilk));
    columns.table(layers).text()
}

/// A histogram of even lines, whatever the number of bins in the files.
fn text_histogram(layer: &LayerGaussianity) -> String {
    let bins = Bins {
        count: Some(layer.histogram.bins.len().min(LINES)),
        range: None,
    };
    let histogram = Histogram::new(&layer.sample, bins, Normal::STANDARD);
    let bins = histogram.map_or(Vec::new(), |histogram| histogram.bins);
    TextHistogram {
        bins: &bins,
        n: layer.sample.n(),
        bar_width: BAR_WIDTH,
    }
    .render(&Terminal::detect())
}
