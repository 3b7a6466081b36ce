//! Is the pre-activation Gaussian? Histogram, quantile plot, moments and tests, per unit and pooled.

mod measured;
mod pictures;
mod wording;

use anyhow::Result;

use crate::cli::StatsArgs;
use crate::commands::stats::{
    Columns, NetworkProbe, Output, ProbeTable, Subject, TableField, Trends, layer_panel,
};
use crate::draw::Axis;
use crate::probe::gaussianity::{Gaussianity, sample_layers};
use crate::stats::Bin;
use measured::{LayerGaussianity, p_value, statistic};

/// Are pre-activations N(0, 1)?
pub struct Gaussian;

impl NetworkProbe for Gaussian {
    type Found = LayerGaussianity;
    const NAME: &'static str = "gaussianity";
    const ABOUT: &'static str =
        "Is the pre-activation Gaussian? Histogram, quantile plot, moments and tests";

    fn measure(subject: &Subject, args: &StatsArgs) -> Result<Vec<LayerGaussianity>> {
        let layers = subject.layers(args)?;
        // More images than sites would be read for nothing.
        let units = layers
            .iter()
            .map(|&index| subject.network.blocks[index].node.outputs());
        let fewest = units.min().unwrap_or(1).max(1) as usize;
        let samples = args.samples as usize;
        let images = subject.images(samples.div_ceil(fewest), &args.split);
        let seed = subject.config.seed;
        sample_layers(&subject.network, &images, &layers, samples, seed)?
            .into_iter()
            .map(|read| LayerGaussianity::of(read, args.bins.map(|bins| bins as usize), seed))
            .collect()
    }

    /// The values of all units of a layer together.
    fn columns() -> Columns<LayerGaussianity> {
        Columns::new()
            .with("layer", |l: &LayerGaussianity| l.read.layer)
            .with("name", |l| l.read.name.clone())
            .with("n", |l| l.pooled.summary.n)
            .with("mean", |l| l.pooled.summary.mean)
            .with("std", |l| l.pooled.summary.std_dev)
            .with("skewness", |l| l.pooled.summary.skewness)
            .with("excess_kurtosis", |l| l.pooled.summary.excess_kurtosis)
            // Distances to N(0, 1) and to the normal distribution of the same mean and standard deviation.
            .with("ks", |l| l.pooled.standard.statistic)
            .with("ks_p", |l| l.pooled.standard.p_value)
            .of_one_network()
            .with("anderson_darling", |l| statistic(l.pooled.anderson_darling))
            .of_one_network()
            .with("shapiro_w", |l| statistic(l.pooled.shapiro_wilk))
            .of_one_network()
            .with("shapiro_p", |l| p_value(l.pooled.shapiro_wilk))
            .of_one_network()
            .with("ks_fitted", |l| statistic(l.pooled.fitted))
            .over_checkpoints()
            .with("ks_of_units", |l| {
                l.median_of_units(|unit| unit.standard.statistic)
            })
            .over_checkpoints()
            .with("ks_fitted_of_units", |l| {
                l.median_of_units(|unit| statistic(unit.fitted))
            })
            .over_checkpoints()
    }

    fn trends() -> Trends {
        let panel = |title, axis, normal| {
            layer_panel(title, Axis::new(axis).from_zero(), Vec::new()).marked(normal, "normal")
        };
        let distance = panel("Distance to N(0, 1)", "KS distance", 0.0);
        let shape = panel(
            "Distance of the shape",
            "KS distance to the fitted normal",
            0.0,
        );
        let spread = panel("Spread", "Standard deviation", 1.0);
        let tails = panel("Tails", "Excess kurtosis", 0.0);
        Trends::new(
            "Are pre-activations Gaussian?",
            "all units of a layer pooled",
        )
        .with("KS to N(0,1)", |row| row.number("ks"))
        .drawn(distance)
        .with("KS fitted", |row| row.number("ks_fitted"))
        .drawn(shape)
        .with("std", |row| row.number("std"))
        .drawn(spread)
        .with("|skewness|", |row| row.number("skewness").abs())
        .with("excess kurtosis", |row| row.number("excess_kurtosis"))
        .drawn(tails)
    }

    fn look(subject: &Subject, args: &StatsArgs, output: &mut Output) -> Result<()> {
        let found = Self::measure(subject, args)?;
        output.main_table(Self::NAME, &Self::columns().table(&found))?;
        output.table("gaussianity-units", &unit_table(&found))?;
        output.table("histogram", &histogram_table(&found))?;
        let histogram = |layer: &LayerGaussianity| pictures::histogram(layer, subject);
        output.figure("histogram", &pictures::sheet(&found, histogram));
        let qq = |layer: &LayerGaussianity| pictures::qq(layer, subject);
        output.figure("qq", &pictures::sheet(&found, qq));
        output.print(&pictures::text(&found))
    }
}

/// The values of all units of a layer together, named `pooled`, then those of each unit, from 0.
fn named<'l, T>(pooled: &'l T, units: &'l [T]) -> impl Iterator<Item = (TableField, &'l T)> {
    let numbers = (0..units.len()).map(|unit| unit.to_string());
    let names = std::iter::once("pooled".to_owned()).chain(numbers);
    let all = std::iter::once(pooled).chain(units);
    names.map(TableField::from).zip(all)
}

fn unit_table(layers: &[LayerGaussianity]) -> ProbeTable {
    let columns = Columns::new()
        .with("n", |unit: &Gaussianity| unit.summary.n)
        .with("mean", |unit| unit.summary.mean)
        .with("std", |unit| unit.summary.std_dev)
        .with("skewness", |unit| unit.summary.skewness)
        .with("excess_kurtosis", |unit| unit.summary.excess_kurtosis)
        .with("ks", |unit| unit.standard.statistic)
        .with("ks_p", |unit| unit.standard.p_value)
        .with("ks_fitted", |unit| statistic(unit.fitted))
        .with("ks_fitted_lilliefors_p", |unit| p_value(unit.fitted))
        .with("anderson_darling", |unit| statistic(unit.anderson_darling))
        .with("anderson_darling_p", |unit| p_value(unit.anderson_darling))
        .with("shapiro_w", |unit| statistic(unit.shapiro_wilk))
        .with("shapiro_p", |unit| p_value(unit.shapiro_wilk));
    let tables = layers.iter().flat_map(|layer| {
        let units = named(&layer.pooled, &layer.units);
        units.map(|(unit, measured)| {
            let (number, name) = (layer.read.layer.into(), layer.read.name.clone().into());
            let labels = [("layer", number), ("name", name), ("unit", unit)];
            columns
                .table(std::slice::from_ref(measured))
                .labeled(labels)
        })
    });
    ProbeTable::stacked(tables)
}

/// `normal_density` is that of N(0, 1), averaged over the bin.
fn histogram_table(layers: &[LayerGaussianity]) -> ProbeTable {
    let columns = Columns::new()
        .with("bin_low", |bin: &Bin| bin.low)
        .with("bin_high", |bin| bin.high)
        .with("count", |bin| bin.count)
        .with("density", |bin| bin.density)
        .with("normal_density", |bin| bin.normal_density);
    let tables = layers.iter().flat_map(|layer| {
        let units = named(&layer.histogram, &layer.unit_histograms);
        units.map(|(unit, histogram)| {
            let labels = [("layer", layer.read.layer.into()), ("unit", unit)];
            columns.table(&histogram.bins).labeled(labels)
        })
    });
    ProbeTable::stacked(tables)
}
