//! Is the pre-activation Gaussian? Histogram, quantile plot, moments and tests, per unit and pooled.

mod pictures;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::output::Output;
use super::subject::Subject;
use crate::cli::StatsArgs;
use crate::probe::gaussianity::{Gaussianity, LayerSample, sample_layers};
use crate::record::row::Row;
use crate::stats::{Bins, Histogram, Reference, Sample, TestResult};

/// Most bins that are chosen where none were asked for: more show noise.
const MOST_BINS: usize = 80;

/// A row of `gaussianity.csv`: the values of all units of a layer together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GaussianityRow {
    layer: u64,
    name: String,
    n: u64,
    mean: f64,
    std: f64,
    skewness: f64,
    excess_kurtosis: f64,
    /// Distance to N(0, 1).
    ks: f64,
    ks_p: f64,
    anderson_darling: f64,
    shapiro_w: f64,
    shapiro_p: f64,
}

impl Row for GaussianityRow {
    const FILE_NAME: &'static str = "gaussianity.csv";
    const TEXT_COLUMNS: &'static [&'static str] = &["name"];

    fn key(&self) -> u64 {
        self.layer
    }
}

/// A row of `gaussianity-units.csv`: one unit, or `pooled`, with every test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UnitRow {
    layer: u64,
    name: String,
    unit: String,
    n: u64,
    mean: f64,
    std: f64,
    skewness: f64,
    excess_kurtosis: f64,
    ks: f64,
    ks_p: f64,
    ks_fitted: f64,
    ks_fitted_lilliefors_p: f64,
    anderson_darling: f64,
    anderson_darling_p: f64,
    shapiro_w: f64,
    shapiro_p: f64,
}

impl Row for UnitRow {
    const FILE_NAME: &'static str = "gaussianity-units.csv";
    const TEXT_COLUMNS: &'static [&'static str] = &["name", "unit"];

    fn key(&self) -> u64 {
        self.layer
    }
}

/// A row of `histogram.csv`; `normal_density` is that of N(0, 1), averaged over the bin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HistogramRow {
    layer: u64,
    unit: String,
    bin_low: f64,
    bin_high: f64,
    count: u64,
    density: f64,
    normal_density: f64,
}

impl Row for HistogramRow {
    const FILE_NAME: &'static str = "histogram.csv";
    const TEXT_COLUMNS: &'static [&'static str] = &["unit"];

    fn key(&self) -> u64 {
        self.layer
    }
}

/// What was measured of one layer.
pub struct Measured {
    /// Where the values come from.
    pub read: LayerSample,
    /// All units together.
    pub pooled: Gaussianity,
    /// Each unit.
    pub units: Vec<Gaussianity>,
    sample: Sample,
    histogram: Histogram,
    unit_histograms: Vec<Histogram>,
}

/// Measures the layers asked for.
pub fn measured(subject: &Subject, args: &StatsArgs) -> Result<Vec<Measured>> {
    let layers = subject.layers(&args.layer)?;
    // More images than sites would be read for nothing.
    let units = layers
        .iter()
        .map(|&index| subject.network.blocks[index].node.outputs());
    let fewest = units.min().unwrap_or(1).max(1) as usize;
    let images = subject.images(args.samples.div_ceil(fewest), &args.split);
    let samples = sample_layers(
        &subject.network,
        &images,
        &layers,
        args.samples,
        subject.config.seed,
    )?;
    samples
        .into_iter()
        .map(|read| measure(read, args.bins, subject.config.seed))
        .collect()
}

/// Measures the layers asked for, writes the files and says what they show.
pub fn run(subject: &Subject, args: &StatsArgs, output: &mut Output) -> Result<()> {
    let measured = measured(subject, args)?;
    let rows: Vec<GaussianityRow> = measured.iter().map(layer_row).collect();
    output.table(&rows)?;
    output.table(&measured.iter().flat_map(unit_rows).collect::<Vec<_>>())?;
    output.table(&measured.iter().flat_map(histogram_rows).collect::<Vec<_>>())?;
    output.document("gaussianity", &rows)?;
    output.figure(
        "histogram",
        &pictures::sheet(&measured, |layer| pictures::histogram(layer, subject)),
    )?;
    output.figure(
        "qq",
        &pictures::sheet(&measured, |layer| pictures::qq(layer, subject)),
    )?;
    output.print(&pictures::text(&measured))
}

fn measure(read: LayerSample, bins: Option<usize>, seed: u64) -> Result<Measured> {
    let (pooled, sample) = Gaussianity::of(&read.pooled(), seed)
        .with_context(|| format!("layer {} ({}) has no values", read.layer, read.name))?;
    let wanted = Bins {
        count: bins,
        range: None,
    };
    let place = || {
        format!(
            "layer {} ({}): its values cannot be put in bins",
            read.layer, read.name
        )
    };
    let mut histogram = Histogram::new(&sample, wanted, Reference::STANDARD).with_context(place)?;
    if bins.is_none() && histogram.bins.len() > MOST_BINS {
        let fewer = Bins {
            count: Some(MOST_BINS),
            range: None,
        };
        histogram = Histogram::new(&sample, fewer, Reference::STANDARD).with_context(place)?;
    }
    let shared = Bins {
        count: Some(histogram.bins.len()),
        range: histogram
            .bins
            .first()
            .zip(histogram.bins.last())
            .map(|(a, b)| (a.low, b.high)),
    };
    let mut units = Vec::with_capacity(read.units.len());
    let mut unit_histograms = Vec::with_capacity(read.units.len());
    for values in &read.units {
        let (unit, sample) = Gaussianity::of(values, seed).with_context(place)?;
        units.push(unit);
        unit_histograms
            .push(Histogram::new(&sample, shared, Reference::STANDARD).with_context(place)?);
    }
    Ok(Measured {
        read,
        pooled,
        units,
        sample,
        histogram,
        unit_histograms,
    })
}

fn statistic(test: Option<TestResult>) -> f64 {
    test.map_or(f64::NAN, |test| test.statistic)
}

fn p_value(test: Option<TestResult>) -> f64 {
    test.map_or(f64::NAN, |test| test.p_value)
}

fn layer_row(layer: &Measured) -> GaussianityRow {
    let (pooled, summary) = (&layer.pooled, &layer.pooled.summary);
    GaussianityRow {
        layer: layer.read.layer as u64,
        name: layer.read.name.clone(),
        n: summary.n as u64,
        mean: summary.mean,
        std: summary.std_dev,
        skewness: summary.skewness,
        excess_kurtosis: summary.excess_kurtosis,
        ks: pooled.standard.statistic,
        ks_p: pooled.standard.p_value,
        anderson_darling: statistic(pooled.anderson_darling),
        shapiro_w: statistic(pooled.shapiro_wilk),
        shapiro_p: p_value(pooled.shapiro_wilk),
    }
}

/// Names of the rows of a layer: `pooled`, then its units from 0.
fn named<'a, T>(pooled: &'a T, units: &'a [T]) -> impl Iterator<Item = (String, &'a T)> {
    let units = units
        .iter()
        .enumerate()
        .map(|(i, unit)| (i.to_string(), unit));
    std::iter::once(("pooled".to_string(), pooled)).chain(units)
}

fn unit_rows(layer: &Measured) -> Vec<UnitRow> {
    let row = |(unit, measured): (String, &Gaussianity)| UnitRow {
        layer: layer.read.layer as u64,
        name: layer.read.name.clone(),
        unit,
        n: measured.summary.n as u64,
        mean: measured.summary.mean,
        std: measured.summary.std_dev,
        skewness: measured.summary.skewness,
        excess_kurtosis: measured.summary.excess_kurtosis,
        ks: measured.standard.statistic,
        ks_p: measured.standard.p_value,
        ks_fitted: statistic(measured.fitted),
        ks_fitted_lilliefors_p: p_value(measured.fitted),
        anderson_darling: statistic(measured.anderson_darling),
        anderson_darling_p: p_value(measured.anderson_darling),
        shapiro_w: statistic(measured.shapiro_wilk),
        shapiro_p: p_value(measured.shapiro_wilk),
    };
    named(&layer.pooled, &layer.units).map(row).collect()
}

fn histogram_rows(layer: &Measured) -> Vec<HistogramRow> {
    let number = layer.read.layer as u64;
    named(&layer.histogram, &layer.unit_histograms)
        .flat_map(|(unit, histogram)| {
            histogram.bins.iter().map(move |bin| HistogramRow {
                layer: number,
                unit: unit.clone(),
                bin_low: bin.low,
                bin_high: bin.high,
                count: bin.count as u64,
                density: bin.density,
                normal_density: bin.normal_density,
            })
        })
        .collect()
}
