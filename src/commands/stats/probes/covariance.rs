//! Correlation of each layer's inputs, overlap of its weight rows, canonical error and its bound.

use anyhow::Result;

use crate::cli::StatsArgs;
use crate::commands::stats::{
    Columns, NetworkProbe, Output, Subject, TableRow, Trends, layer_panel,
};
use crate::draw::{Axis, LineChart, PanelGrid, Series, Style};
use crate::nn::Block;
use crate::probe::covariance::{LayerCovariance, Rows, measure};
use crate::text::numbers::count;

/// Images that sites lie in; more cost time and change little.
const IMAGES: usize = 500;
/// Most sites read of a layer.
const MOST_SITES: usize = 10_000;

/// Are signals canonical: of unit variance and uncorrelated?
pub struct Canonical;

impl NetworkProbe for Canonical {
    type Found = LayerCovariance;
    const NAME: &'static str = "covariance";
    const ABOUT: &'static str =
        "Correlation of each layer's inputs, coherence of its rows, canonical error and its bound";

    fn measure(subject: &Subject, args: &StatsArgs) -> Result<Vec<LayerCovariance>> {
        let mut layers = subject.layers(args)?;
        if args.layer == "all" {
            let blocks = &subject.network.blocks;
            let has_weights = |block: &Block| !block.op.is_identity();
            layers.retain(|&index| blocks[index].node.block().is_none_or(has_weights));
        }
        let sites = MOST_SITES.min(args.samples as usize);
        // Where an image has one site only, more images are needed.
        let images = match subject.network.kind().is_convolutional() {
            true => IMAGES.min(sites),
            false => sites,
        };
        let images = subject.images(images, &args.split);
        let seed = subject.config.seed;
        measure(&subject.network, &images, &layers, sites, seed)
    }

    fn columns() -> Columns<LayerCovariance> {
        Columns::new()
            .with("layer", |l: &LayerCovariance| l.layer)
            .with("name", |l| l.name.clone())
            .with("basis", |l| l.basis.name().to_owned())
            .of_one_network()
            .with("dimensions", |l| l.dimensions)
            .with("sites", |l| l.sites)
            .with("input_variance", |l| l.input.mean_variance)
            .of_one_network()
            .with("mean_abs_correlation", |l| l.input.mean_abs_correlation)
            .with("chance_correlation", LayerCovariance::chance_correlation)
            .with("effective_dimensions", |l| l.input.effective_dimensions)
            .with("rows", |l| l.rows.name().to_owned())
            .of_one_network()
            .with("coherence", |l| l.overlap.coherence)
            .with("mean_abs_cosine", |l| l.overlap.mean_abs_cosine)
            .of_one_network()
            .with("pre_variance", |l| l.output.mean_variance)
            .with("canonical_error", |l| l.output.canonical_error)
            .with("canonical_error_relative", |l| l.output.relative_error)
            .with("bound", |l| l.bound)
    }

    fn trends() -> Trends {
        let panel = |title, axis| layer_panel(title, axis, Vec::new());
        let inputs = panel(
            "Correlation of inputs",
            Axis::new("Mean |correlation|").from_zero(),
        );
        let error = panel("Canonical error", Axis::new("Share of ‖Σ‖").from_zero());
        let to_bound = Axis::new("Canonical error / bound").log();
        let to_bound = panel("Error / bound of Proposition 1", to_bound).marked(1.0, "bound");
        Trends::new(
            "Are signals canonical?",
            "the bound takes inputs for uncorrelated",
        )
        .with("mean |r|", |row| row.number("mean_abs_correlation"))
        .drawn(inputs)
        .with("coherence μ", |row| row.number("coherence"))
        .with("error of ‖Σ‖", |row| {
            row.number("canonical_error_relative")
        })
        .drawn(error)
        .with("error/bound", error_to_bound)
        .drawn(to_bound)
        .with("beyond the bound", |row| {
            f64::from(error_to_bound(row) > 1.0)
        })
        .counted()
    }

    fn look(subject: &Subject, args: &StatsArgs, output: &mut Output) -> Result<()> {
        let found = Self::measure(subject, args)?;
        output.main_table(Self::NAME, &Self::columns().table(&found))?;
        output.figure(Self::NAME, &picture(&found, subject).figure());
        output.print(&text(&found))
    }
}

/// The canonical error as a multiple of its bound.
fn error_to_bound(row: TableRow) -> f64 {
    row.number("canonical_error") / row.number("bound")
}

fn picture(found: &[LayerCovariance], subject: &Subject) -> PanelGrid {
    let title = format!("Are signals canonical? {}", subject.title);
    let dataset = &subject.config.dataset;
    let note = format!("on images of {dataset}; the bound holds for uncorrelated inputs");
    PanelGrid::new(title, note, panels(found))
}

fn panels(found: &[LayerCovariance]) -> Vec<LineChart> {
    let line = |label: &str, slot, value: fn(&LayerCovariance) -> f64| {
        let points = found.iter().map(|layer| (layer.layer as f64, value(layer)));
        Series::new(label, points).styled(Style::of_slot(slot))
    };
    let inputs = vec![
        line("inputs: mean |correlation|", 0, |l| {
            l.input.mean_abs_correlation
        }),
        line(
            "independent inputs, by chance",
            2,
            LayerCovariance::chance_correlation,
        ),
    ];
    let rows = vec![
        line("rows: coherence μ", 1, |l| l.overlap.coherence),
        line("rows: mean |cos|", 3, |l| l.overlap.mean_abs_cosine),
    ];
    let norms = vec![
        line("canonical error", 4, |l| l.output.canonical_error),
        line("bound of Proposition 1", 5, |l| l.bound),
    ];
    let share = vec![line("canonical error", 4, |l| l.output.relative_error)];
    let share_axis = Axis::new("Canonical error / ‖Σ‖").within(0.0, 1.0);
    vec![
        layer_panel(
            "Inputs: are they uncorrelated?",
            Axis::new("Mean |correlation|").within(0.0, 1.0),
            inputs,
        ),
        layer_panel(
            "Weight rows: do they overlap?",
            Axis::new("|cos| of row pairs").within(0.0, 1.0),
            rows,
        ),
        layer_panel(
            "Pre-activations: off-diagonal covariance",
            Axis::new("Frobenius norm").log(),
            norms,
        ),
        layer_panel("Pre-activations: share of ‖Σ‖", share_axis, share).marked(0.0, "canonical"),
    ]
}

fn text(found: &[LayerCovariance]) -> String {
    let columns = Columns::new()
        .with("layer", |l: &LayerCovariance| {
            format!("{} {}", l.layer, l.name)
        })
        .with("input", |l| {
            format!("{} {}", count(l.dimensions as u64), l.basis.name())
        })
        .with("mean |r|", |l| l.input.mean_abs_correlation)
        .with("by chance", LayerCovariance::chance_correlation)
        .with("eff. dim.", |l| l.input.effective_dimensions)
        .with("coherence μ", |l| l.overlap.coherence)
        .with("error", |l| l.output.canonical_error)
        .with("of ‖Σ‖", |l| l.output.relative_error)
        .with("bound", |l| l.bound)
        .with("error/bound", LayerCovariance::error_to_bound);
    let mut text = columns.table(found).text();
    let beyond = found.iter().filter(|layer| layer.error_to_bound() > 1.0);
    let beyond = beyond.count();
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
