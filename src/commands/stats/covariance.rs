//! Correlation of each layer's inputs, overlap of its weight rows, canonical error and its bound.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::output::Output;
use super::panels::{logarithmic, mark, panel, unit_interval};
use super::subject::Subject;
use crate::cli::StatsArgs;
use crate::draw::{LineChart, PanelGrid, Series};
use crate::nn::node::NetworkKind;
use crate::probe::covariance::{LayerCovariance, Rows, measure};
use crate::record::row::Row;
use crate::text::numbers::{count, significant};
use crate::text::{Align, Table, Terminal};

/// Images that sites lie in; more cost time and change little.
const IMAGES: usize = 500;
/// Most sites read of a layer.
const MOST_SITES: usize = 10_000;

/// A row of `covariance.csv`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CovarianceRow {
    layer: u64,
    name: String,
    basis: String,
    dimensions: u64,
    sites: u64,
    input_variance: f64,
    mean_abs_correlation: f64,
    chance_correlation: f64,
    effective_dimensions: f64,
    rows: String,
    coherence: f64,
    mean_abs_cosine: f64,
    pre_variance: f64,
    canonical_error: f64,
    canonical_error_relative: f64,
    bound: f64,
}

impl Row for CovarianceRow {
    const FILE_NAME: &'static str = "covariance.csv";
    const TEXT_COLUMNS: &'static [&'static str] = &["name", "basis", "rows"];

    fn key(&self) -> u64 {
        self.layer
    }
}

/// Measures the layers asked for.
pub fn measured(subject: &Subject, args: &StatsArgs) -> Result<Vec<LayerCovariance>> {
    let layers = subject.layers(&args.layer)?;
    let sites = args.samples.min(MOST_SITES);
    let dense = subject.network.kind() != NetworkKind::Convolutional;
    // Where an image has one site only, more images are needed.
    let images = subject.images(if dense { sites } else { IMAGES.min(sites) }, &args.split);
    measure(
        &subject.network,
        &images,
        &layers,
        sites,
        subject.config.seed,
    )
}

/// Measures the layers asked for, writes the files and says what they show.
pub fn run(subject: &Subject, args: &StatsArgs, output: &mut Output) -> Result<()> {
    let found = measured(subject, args)?;
    let rows: Vec<CovarianceRow> = found.iter().map(csv_row).collect();
    output.table(&rows)?;
    output.document("covariance", &rows)?;
    output.figure("covariance", &picture(&found, subject).figure())?;
    output.print(&text(&found))
}

fn csv_row(layer: &LayerCovariance) -> CovarianceRow {
    CovarianceRow {
        layer: layer.layer as u64,
        name: layer.name.clone(),
        basis: layer.basis.name().into(),
        dimensions: layer.dimensions as u64,
        sites: layer.sites as u64,
        input_variance: layer.input.mean_variance,
        mean_abs_correlation: layer.input.mean_abs_correlation,
        chance_correlation: layer.chance_correlation(),
        effective_dimensions: layer.input.effective_dimensions,
        rows: layer.rows.name().into(),
        coherence: layer.overlap.coherence,
        mean_abs_cosine: layer.overlap.mean_abs_cosine,
        pre_variance: layer.output.mean_variance,
        canonical_error: layer.output.canonical_error,
        canonical_error_relative: layer.output.relative_error,
        bound: layer.bound,
    }
}

fn picture(found: &[LayerCovariance], subject: &Subject) -> PanelGrid {
    PanelGrid {
        title: format!("Are signals canonical? {}", subject.title),
        subtitle: format!(
            "on images of {}; the bound holds for uncorrelated inputs",
            subject.config.dataset
        ),
        panels: panels(found),
        ..PanelGrid::default()
    }
}

fn panels(found: &[LayerCovariance]) -> Vec<LineChart> {
    let line = |label: &str, slot, value: &dyn Fn(&LayerCovariance) -> f64| Series {
        slot: Some(slot),
        ..Series::new(
            label,
            found.iter().map(|layer| (layer.layer as f64, value(layer))),
        )
    };
    vec![
        panel(
            "Inputs: are they uncorrelated?",
            "Layer",
            unit_interval("Mean |correlation|"),
            vec![
                line("inputs: mean |correlation|", 0, &|layer| {
                    layer.input.mean_abs_correlation
                }),
                line(
                    "independent inputs, by chance",
                    2,
                    &LayerCovariance::chance_correlation,
                ),
            ],
        ),
        panel(
            "Weight rows: do they overlap?",
            "Layer",
            unit_interval("|cos| of row pairs"),
            vec![
                line("rows: coherence μ", 1, &|layer| layer.overlap.coherence),
                line("rows: mean |cos|", 3, &|layer| {
                    layer.overlap.mean_abs_cosine
                }),
            ],
        ),
        panel(
            "Pre-activations: off-diagonal covariance",
            "Layer",
            logarithmic("Frobenius norm"),
            vec![
                line("canonical error", 4, &|layer| layer.output.canonical_error),
                line("bound of Proposition 1", 5, &|layer| layer.bound),
            ],
        ),
        LineChart {
            references: vec![mark(0.0, "canonical")],
            ..panel(
                "Pre-activations: share of ‖Σ‖",
                "Layer",
                unit_interval("Canonical error / ‖Σ‖"),
                vec![line("canonical error", 4, &|layer| {
                    layer.output.relative_error
                })],
            )
        },
    ]
}

fn text(found: &[LayerCovariance]) -> String {
    let mut table = Table::new([
        ("layer", Align::Left),
        ("input", Align::Left),
        ("mean |r|", Align::Right),
        ("by chance", Align::Right),
        ("eff. dim.", Align::Right),
        ("coherence μ", Align::Right),
        ("error", Align::Right),
        ("of ‖Σ‖", Align::Right),
        ("bound", Align::Right),
        ("error/bound", Align::Right),
    ]);
    for layer in found {
        let digits = |value: f64| significant(value, 3);
        table.push([
            format!("{} {}", layer.layer, layer.name),
            format!("{} {}", count(layer.dimensions as u64), layer.basis.name()),
            digits(layer.input.mean_abs_correlation),
            significant(layer.chance_correlation(), 2),
            digits(layer.input.effective_dimensions),
            digits(layer.overlap.coherence),
            digits(layer.output.canonical_error),
            digits(layer.output.relative_error),
            digits(layer.bound),
            significant(layer.output.canonical_error / layer.bound, 2),
        ]);
    }
    let mut text = table.render(&Terminal::detect());
    let beyond = found
        .iter()
        .filter(|layer| layer.output.canonical_error > layer.bound)
        .count();
    text += &format!(
        "\nThe canonical error min_α ‖Σ − diag(α)‖_F exceeds the bound of Proposition 1 in {beyond} of {} layers. \
         The bound takes inputs for uncorrelated; where they are not (mean |r| above what chance gives) nothing \
         keeps the error below it. Sites of one image depend on each other.\n",
        found.len()
    );
    if found.iter().any(|layer| layer.rows == Rows::Stored) {
        text += "Some layers are not affine in evaluation: there the stored weight's rows were taken.\n";
    }
    text
}
