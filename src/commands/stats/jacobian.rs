//! Singular values of Jacobians beside the spread of the signal, for each `jacobian_scale` of NormProp.
//!
//! With unit weight rows the pre-activations keep unit variance from layer to layer and gradients grow
//! by 1.21 a layer; with the factor 1/1.21 gradients keep their length and pre-activations shrink. Both
//! cannot be had at once; the picture shows what each choice gives.

mod picture;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::output::Output;
use super::subject::Subject;
use crate::cli::StatsArgs;
use crate::config::{MethodConfig, RunConfig};
use crate::engine::trainer::Trainer;
use crate::methods;
use crate::nn::network::Network;
use crate::options::OptionKind;
use crate::probe::images::{ProbeImages, to_values};
use crate::probe::jacobian::{LayerJacobian, input_output, layers};
use crate::record::row::Row;
use crate::text::numbers::significant;
use crate::text::{Align, Table, Terminal};

/// The method and the option that are varied.
const METHOD: &str = "normprop";
const OPTION: &str = "jacobian_scale";

/// A row of `jacobian.csv`: one layer of one network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JacobianRow {
    network: String,
    layer: u64,
    name: String,
    inputs: u64,
    outputs: u64,
    exact: bool,
    images: u64,
    mean_square: f64,
    mean_square_error: f64,
    smallest: f64,
    median: f64,
    largest: f64,
    gain_from_top: f64,
    pre_std: f64,
    pre_unit_std: f64,
}

impl Row for JacobianRow {
    const FILE_NAME: &'static str = "jacobian.csv";
    const TEXT_COLUMNS: &'static [&'static str] = &["network", "name"];

    fn key(&self) -> u64 {
        self.layer
    }
}

/// A row of `jacobian-network.csv`: one singular value of the map from image to logits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SingularValueRow {
    network: String,
    index: u64,
    images: u64,
    mean: f64,
    min: f64,
    max: f64,
}

impl Row for SingularValueRow {
    const FILE_NAME: &'static str = "jacobian-network.csv";
    const TEXT_COLUMNS: &'static [&'static str] = &["network"];

    fn key(&self) -> u64 {
        self.index
    }
}

/// What was measured of one network.
struct Measured {
    label: String,
    layers: Vec<LayerJacobian>,
    /// `[images, values]`, largest first.
    end_to_end: Tensor,
}

/// Measures the subject and the three choices at initialisation.
pub fn run(subject: &Subject, args: &StatsArgs, output: &mut Output) -> Result<()> {
    let images = subject.images(args.images, &args.split);
    let mut measured = Vec::new();
    let own_config =
        |config: &RunConfig| subject.folder.is_none() && config.method == subject.config.method;
    let variants = variants(&subject.config)?;
    if !variants.iter().any(|(_, config)| own_config(config)) {
        measured.push(measure(
            subject.title.clone(),
            &subject.network,
            &images,
            subject.config.seed,
        )?);
    }
    for (label, config) in variants {
        let network = Trainer::initial_network(&config, &subject.dataset)?;
        measured.push(measure(label, &network, &images, config.seed)?);
    }
    let rows: Vec<JacobianRow> = measured
        .iter()
        .flat_map(|one| layer_rows(one, images.len()))
        .collect();
    output.table(&rows)?;
    output.table(&measured.iter().flat_map(value_rows).collect::<Vec<_>>())?;
    output.document("jacobian", &rows)?;
    output.figure("jacobian", &picture::picture(&measured, subject)?.figure())?;
    output.print(&text(&measured))
}

/// The configuration with NormProp and each of its choices, at initialisation.
fn variants(config: &RunConfig) -> Result<Vec<(String, RunConfig)>> {
    let method = methods::find(METHOD)?;
    let spec = method.options.iter().find(|spec| spec.name == OPTION);
    let choices: &[&str] = match spec.map(|spec| spec.kind) {
        Some(OptionKind::Choice(choices)) => choices,
        _ => &[],
    };
    let variant = |choice: &&str| {
        let mut config = config.clone();
        if config.method.name != METHOD {
            config.method = MethodConfig::default();
            config.method.name = METHOD.into();
        }
        config
            .method
            .options
            .insert(OPTION.into(), (*choice).into());
        Ok((
            format!("{OPTION} = {choice} at initialisation"),
            config.resolve()?,
        ))
    };
    choices.iter().map(variant).collect()
}

fn measure(label: String, network: &Network, images: &ProbeImages, seed: u64) -> Result<Measured> {
    let images = images.tensor(network);
    Ok(Measured {
        label,
        layers: layers(network, &images, seed)?,
        end_to_end: input_output(network, &images)?,
    })
}

fn layer_rows(measured: &Measured, images: usize) -> Vec<JacobianRow> {
    let row = |layer: &LayerJacobian| JacobianRow {
        network: measured.label.clone(),
        layer: layer.layer as u64,
        name: layer.name.clone(),
        inputs: layer.spectrum.inputs as u64,
        outputs: layer.spectrum.outputs as u64,
        exact: layer.spectrum.exact,
        images: images as u64,
        mean_square: layer.spectrum.mean_square,
        mean_square_error: layer.spectrum.mean_square_error,
        smallest: layer.spectrum.smallest,
        median: layer.spectrum.median,
        largest: layer.spectrum.largest,
        gain_from_top: layer.gain_from_top,
        pre_std: layer.pre_std,
        pre_unit_std: layer.pre_unit_std,
    };
    measured.layers.iter().map(row).collect()
}

fn value_rows(measured: &Measured) -> Vec<SingularValueRow> {
    let over_images = |values: Tensor| to_values(&values);
    let means = over_images(
        measured
            .end_to_end
            .mean_dim([0].as_slice(), false, Kind::Double),
    );
    let lows = over_images(measured.end_to_end.amin([0].as_slice(), false));
    let highs = over_images(measured.end_to_end.amax([0].as_slice(), false));
    let images = measured.end_to_end.size()[0] as u64;
    let all = means.into_iter().zip(lows).zip(highs).enumerate();
    all.map(|(index, ((mean, min), max))| SingularValueRow {
        network: measured.label.clone(),
        index: index as u64 + 1,
        images,
        mean,
        min,
        max,
    })
    .collect()
}

fn text(measured: &[Measured]) -> String {
    let mut text = String::new();
    for one in measured {
        let mut table = Table::new([
            ("layer", Align::Left),
            ("mean square", Align::Right),
            ("± s.e.", Align::Right),
            ("largest", Align::Right),
            ("", Align::Left),
            ("gradient from top", Align::Right),
            ("pre std", Align::Right),
            ("within units", Align::Right),
        ]);
        for layer in &one.layers {
            let spectrum = &layer.spectrum;
            table.push([
                format!("{} {}", layer.layer, layer.name),
                significant(spectrum.mean_square, 3),
                significant(spectrum.mean_square_error, 1),
                significant(spectrum.largest, 3),
                if spectrum.exact {
                    "exact".into()
                } else {
                    "estimated".to_string()
                },
                significant(layer.gain_from_top, 3),
                significant(layer.pre_std, 3),
                significant(layer.pre_unit_std, 3),
            ]);
        }
        let values = value_rows(one);
        let (first, last) = (values.first(), values.last());
        let value =
            |row: Option<&SingularValueRow>| significant(row.map_or(f64::NAN, |row| row.mean), 3);
        text += &format!(
            "{}: singular values from image to logits {} to {} (means over images)\n{}\n",
            one.label,
            value(first),
            value(last),
            table.render(&Terminal::detect())
        );
    }
    text + "Mean square: ‖J‖_F² over the number of outputs, by which a random gradient's squared length grows in the \
            layer. Estimates: the mean square by Hutchinson's method, the largest value from below by Lanczos steps. \
            In theory (unit rows, uncorrelated N(0, 1) inputs) a layer keeps either the spread at 1 or the \
            gradient's length, not both; inputs that are correlated, as real ones are, add to the spread.\n"
}
