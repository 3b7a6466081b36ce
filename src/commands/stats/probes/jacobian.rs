//! Singular values of Jacobians beside the spread of the signal, for each `jacobian_scale` of NormProp, or in a residual
//! network each rule for its sums.
//!
//! With unit weight rows the pre-activations keep unit variance from layer to layer and gradients grow
//! by 1.21 a layer; with the factor 1/1.21 gradients keep their length and pre-activations shrink. Both
//! cannot be had at once; the picture shows what each choice gives.

mod measured;
mod picture;

use anyhow::Result;

use crate::cli::StatsArgs;
use crate::commands::stats::variants::variants;
use crate::commands::stats::{Columns, NetworkProbe, Output, Subject, Trends, layer_panel};
use crate::config::RunConfig;
use crate::draw::Axis;
use crate::engine::trainer::Trainer;
use crate::nn::network::Network;
use crate::probe::jacobian::{LayerJacobian, layers};
use crate::text::listed;
use crate::text::numbers::significant;
use measured::{NetworkJacobians, SingularValue};

/// Unit variance or unit Jacobian?
pub struct Jacobians;

impl NetworkProbe for Jacobians {
    type Found = LayerJacobian;
    const NAME: &'static str = "jacobian";
    const ABOUT: &'static str = "Singular values of Jacobians beside the forward std, for each jacobian_scale of normprop (ResNets: each rule of sums)";

    /// The network alone, without the choices at initialization.
    fn measure(subject: &Subject, args: &StatsArgs) -> Result<Vec<LayerJacobian>> {
        let images = subject.images(args.images as usize, &args.split);
        let network = &subject.network;
        layers(network, &images.tensor(network), subject.config.seed)
    }

    fn columns() -> Columns<LayerJacobian> {
        Columns::new()
            .with("layer", |l: &LayerJacobian| l.layer)
            .with("name", |l| l.name.clone())
            .with("inputs", |l| l.spectrum.inputs)
            .with("outputs", |l| l.spectrum.outputs)
            .with("exact", |l| l.spectrum.exact)
            .with("images", |l| l.images)
            .with("mean_square", |l| l.spectrum.mean_square)
            .with("mean_square_error", |l| l.spectrum.mean_square_error)
            .with("smallest", |l| l.spectrum.smallest)
            .with("median", |l| l.spectrum.median)
            .with("largest", |l| l.spectrum.largest)
            .with("gain_from_top", |l| l.gain_from_top)
            .with("pre_std", |l| l.pre_std)
            .with("pre_unit_std", |l| l.pre_unit_std)
    }

    fn trends() -> Trends {
        let panel = |title, axis, mark| layer_panel(title, axis, Vec::new()).marked(1.0, mark);
        let spread = panel(
            "Pre-activation",
            Axis::new("Std within units").from_zero(),
            "unit variance",
        );
        let square = panel(
            "Each layer's Jacobian",
            Axis::new("Mean square of σ").from_zero(),
            "unit Jacobian",
        );
        let gain = panel(
            "Gradient from the top",
            Axis::new("Growth of its length").log(),
            "as sent",
        );
        Trends::new(
            "Unit variance or unit Jacobian",
            "singular values on a few images",
        )
        .with("std within units", |row| row.number("pre_unit_std"))
        .drawn(spread)
        .with("mean square", |row| row.number("mean_square"))
        .drawn(square)
        .with("largest", |row| row.number("largest"))
        .with("gradient from top", |row| row.number("gain_from_top"))
        .drawn(gain)
    }

    /// The network, and the three choices at initialization.
    fn look(subject: &Subject, args: &StatsArgs, output: &mut Output) -> Result<()> {
        let images = subject.images(args.images as usize, &args.split);
        let mut found = Vec::new();
        let variants = variants(&subject.config, subject.network.kind())?;
        let is_subject =
            |config: &RunConfig| subject.folder.is_none() && config.method == subject.config.method;
        let mut measure = |label, network: &Network, seed| {
            found.push(NetworkJacobians::of(label, network, &images, seed)?);
            anyhow::Ok(())
        };
        if !variants.iter().any(|(_, config)| is_subject(config)) {
            measure(subject.title.clone(), &subject.network, subject.config.seed)?;
        }
        for (label, config) in variants {
            let network = Trainer::initialized(&config, &subject.dataset)?.network;
            measure(label, &network, config.seed)?;
        }
        let layers = found.iter().map(|one| (&one.label, &one.layers));
        let layers = Self::columns().stacked("network", layers);
        output.main_table(Self::NAME, &layers)?;
        let values = Columns::new()
            .with("index", |value: &SingularValue| value.index)
            .with("images", |value| value.images)
            .with("mean", |value| value.mean)
            .with("min", |value| value.min)
            .with("max", |value| value.max);
        let end_to_end = found.iter().map(|one| (&one.label, &one.end_to_end));
        output.table("jacobian-network", &values.stacked("network", end_to_end))?;
        output.figure(Self::NAME, &picture::picture(&found, subject)?.figure());
        output.print(&text(&found))
    }
}

fn text(found: &[NetworkJacobians]) -> String {
    let exact = |l: &LayerJacobian| match l.spectrum.exact {
        true => "exact",
        false => "estimated",
    };
    let columns = Columns::new()
        .with("layer", |l: &LayerJacobian| {
            format!("{} {}", l.layer, l.name)
        })
        .with("mean square", |l| l.spectrum.mean_square)
        .with("± s.e.", |l| l.spectrum.mean_square_error)
        .with("largest", |l| l.spectrum.largest)
        .with("", move |l| exact(l).to_owned())
        .with("gradient from top", |l| l.gain_from_top)
        .with("pre std", |l| l.pre_std)
        .with("within units", |l| l.pre_unit_std);
    // Networks of which all that is shown is the same, as two choices may be at initialization, share a table.
    let mut shown: Vec<(Vec<String>, String)> = Vec::new();
    for one in found {
        let ends = [one.end_to_end.first(), one.end_to_end.last()];
        let [first, last] = ends.map(|end| significant(end.map_or(f64::NAN, |end| end.mean), 3));
        let body = format!(
            "singular values from image to logits {first} to {last} (means over images)\n{}",
            columns.table(&one.layers).text()
        );
        match shown.iter_mut().find(|(_, other)| *other == body) {
            Some((labels, _)) => labels.push(one.label.clone()),
            None => shown.push((vec![one.label.clone()], body)),
        }
    }
    let table = |(labels, body)| format!("{}: {body}\n", listed(labels));
    let text: String = shown.into_iter().map(table).collect();
    text + "Mean square: ‖J‖_F² over the number of outputs, by which a random gradient's squared length grows in the \
            layer. Estimates: the mean square by Hutchinson's method, the largest value from below by Lanczos steps. \
            In theory (unit rows, uncorrelated N(0, 1) inputs) a layer keeps either the spread at 1 or the \
            gradient's length, not both; inputs that are correlated, as real ones are, add to the spread.\n"
}
