//! `normprop export`: a trained network for other programs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::json;
use tch::{Kind, Tensor};

use super::standalone::StandaloneNetwork;
use crate::cli::{ExportArgs, OutputArgs, PlaceArgs};
use crate::event::NetworkIdentity;
use crate::export::{ExportedNetwork, INPUT, OUTPUT, onnx, torch};
use crate::nn::NetworkKind;
use crate::nn::graph::Graph;
use crate::output::print_json;
use crate::report::files::write;
use crate::text::Table;
use crate::text::Terminal;
use crate::{out, outln, usage};

/// Runs the command.
pub fn run(args: &ExportArgs, output: OutputArgs) -> Result<()> {
    if args.batch_size.is_some() && args.to != "onnx" {
        return Err(usage!(
            "--batch-size belongs to --to onnx; the other formats take any number of images"
        ));
    }
    let mut loaded =
        StandaloneNetwork::load(args.run.as_deref(), &args.checkpoint, &PlaceArgs::default())?;
    // A file for others is computed with in float32, whatever the training used.
    loaded.network.compute = loaded.network.parameters.kind;
    let (mean, std) = constants(&loaded.identity);
    let graph = loaded.network.graph(&mean, &std);
    let about = about(&loaded)?;
    let file = args.out.clone().unwrap_or_else(|| {
        let name = match args.to.as_str() {
            "onnx" => "network.onnx",
            "torch" => "network.py",
            _ => "network.npz",
        };
        loaded.folder.join("export").join(name)
    });
    let subject = graph.as_ref().map(|graph| ExportedNetwork {
        graph,
        identity: &loaded.identity,
        about: &about,
    });
    let (files, arrays) = match (args.to.as_str(), &subject) {
        ("numpy", _) => {
            let arrays = arrays(&loaded, graph.as_ref(), (mean, std));
            write_arrays(&file, &arrays)?;
            (vec![file], arrays)
        }
        (_, None) => return Err(unfolded(&loaded, &args.to)),
        ("onnx", Some(subject)) => {
            let bytes = onnx::encode(subject, args.batch_size.map(i64::from))?;
            write(&file, &bytes)?;
            (vec![file], Vec::new())
        }
        (_, Some(subject)) => (write_module(&file, subject)?, Vec::new()),
    };
    let is_folded = graph.is_some();
    if output.json {
        return print_json(&document(&loaded, args, &files, &arrays, is_folded));
    }
    report(&loaded, args, &files, &arrays, is_folded)
}

/// Mean and standard deviation as they act on images.
fn constants(identity: &NetworkIdentity) -> (Tensor, Tensor) {
    let [channels, rows, columns] = identity.image.map(|extent| extent as i64);
    let of = |numbers: &[f64]| {
        let tensor = Tensor::from_slice(numbers).to_kind(Kind::Float);
        match numbers.len() as i64 == channels {
            true => tensor.view([1, channels, 1, 1]),
            false => tensor.view([1, channels, rows, columns]),
        }
    };
    let normalization = &identity.normalization;
    (of(&normalization.mean), of(&normalization.std))
}

/// What a file says of the network.
fn about(loaded: &StandaloneNetwork) -> Result<BTreeMap<&'static str, String>> {
    let (config, identity) = (&loaded.config, &loaded.identity);
    Ok(BTreeMap::from([
        ("classes", serde_json::to_string(&identity.classes)?),
        ("config", serde_json::to_string(&identity.config)?),
        ("dataset", config.dataset.clone()),
        ("dataset_sha256", identity.dataset_sha256.clone()),
        ("epoch", loaded.position.epoch.to_string()),
        ("made_by", format!("normprop {}", env!("CARGO_PKG_VERSION"))),
        ("method", config.method.name().to_owned()),
        ("model", config.model.name().to_owned()),
        (
            "pixels",
            "from 0 to 1; their normalization is the first step".to_owned(),
        ),
    ]))
}

/// Says that the network has no plain form, and which form there is.
fn unfolded(loaded: &StandaloneNetwork, format: &str) -> anyhow::Error {
    let method = loaded.config.method.name();
    let reason = match loaded.network.kind() {
        NetworkKind::Recurrent => {
            format!("the LSTM of {method} is more than a plain one when it is evaluated")
        }
        _ => format!(
            "the layers of {method} stay more than one linear operation, activation and pool when they are evaluated"
        ),
    };
    usage!(
        "--to {format}: {reason}. --to numpy writes the parameters as they were trained; `normprop methods {method}` has the formula"
    )
}

/// The arrays of the numpy form: of the folded network, else the parameters as they were trained, with the constants of the
/// pixels.
fn arrays(
    loaded: &StandaloneNetwork,
    graph: Option<&Graph>,
    (mean, std): (Tensor, Tensor),
) -> Vec<(String, Tensor)> {
    if let Some(graph) = graph {
        let tensors = graph.tensors.iter();
        return tensors
            .map(|(name, tensor)| (name.clone(), tensor.shallow_clone()))
            .collect();
    }
    let mut arrays = vec![
        ("input.mean".to_owned(), mean),
        ("input.std".to_owned(), std),
    ];
    let parameters = loaded.network.parameters.iter();
    arrays.extend(parameters.map(|entry| (entry.name.clone(), entry.tensor.detach().contiguous())));
    arrays
}

fn write_arrays(file: &Path, arrays: &[(String, Tensor)]) -> Result<()> {
    // The library writes to a path alone; what is to appear whole or not at all is made elsewhere first.
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let path = folder.path().join("arrays.npz");
    Tensor::write_npz(arrays, &path)?;
    write(file, &std::fs::read(&path)?)
}

/// Writes the Python file, and its weights beside it.
fn write_module(file: &Path, subject: &ExportedNetwork) -> Result<Vec<PathBuf>> {
    let beside = file.with_extension("safetensors");
    if beside == file {
        return Err(usage!(
            "--out {}: the Python file cannot have the name of its weights, choose a name that ends in .py",
            file.display()
        ));
    }
    write(&beside, &torch::weights(subject)?)?;
    write(file, torch::module(subject)?.as_bytes())?;
    Ok(vec![file.to_path_buf(), beside])
}

fn document(
    loaded: &StandaloneNetwork,
    args: &ExportArgs,
    files: &[PathBuf],
    arrays: &[(String, Tensor)],
    is_folded: bool,
) -> serde_json::Value {
    let image = loaded.identity.image;
    let arrays = arrays.iter();
    let arrays = arrays.map(|(name, tensor)| (name.clone(), json!(tensor.size())));
    json!({
        "format": args.to, "files": files, "checkpoint": loaded.file, "epoch": loaded.position.epoch,
        "method": loaded.config.method.name(), "model": loaded.config.model.name(),
        "dataset": loaded.config.dataset, "classes": loaded.identity.classes, "folded": is_folded,
        "opset": (args.to == "onnx").then_some(onnx::OPSET),
        "input": { "name": INPUT, "shape": [json!(args.batch_size), json!(image[0]), json!(image[1]), json!(image[2])],
            "pixels": [0, 1] },
        "output": { "name": OUTPUT, "shape": [json!(args.batch_size), json!(loaded.identity.classes.len())] },
        "arrays": arrays.collect::<serde_json::Map<_, _>>(),
    })
}

fn report(
    loaded: &StandaloneNetwork,
    args: &ExportArgs,
    files: &[PathBuf],
    arrays: &[(String, Tensor)],
    is_folded: bool,
) -> Result<()> {
    let [channels, rows, columns] = loaded.identity.image;
    outln!("{}", loaded.headline())?;
    if is_folded {
        let batch = args
            .batch_size
            .map_or("N".to_owned(), |size| size.to_string());
        outln!(
            "in:  {INPUT} float32 [{batch}, {channels}, {rows}, {columns}], pixels from 0 to 1; the network normalizes them itself"
        )?;
        outln!(
            "out: {OUTPUT} float32 [{batch}, {}]",
            loaded.identity.classes.len()
        )?;
    } else {
        outln!(
            "not folded: these are the parameters as they were trained; `normprop methods {}` has the formula",
            loaded.config.method.name()
        )?;
    }
    if !arrays.is_empty() {
        let table = Table::of(arrays)
            .left("array", |(name, _)| name.clone())
            .left("shape", |(_, tensor)| format!("{:?}", tensor.size()))
            .build();
        out!("{}", table.render(&Terminal::detect()))?;
    }
    for file in files {
        outln!("{}", file.display())?;
    }
    Ok(())
}
