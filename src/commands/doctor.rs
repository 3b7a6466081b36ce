//! `normprop doctor`: what this program runs on, and what is wrong if something is.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use serde_json::json;
use tch::{Cuda, Device, Kind, Tensor};

use super::train::{LIBTORCH_VERSION, TCH_VERSION};
use crate::cli::OutputArgs;
use crate::data::catalogue::entries;
use crate::engine::setup::data_dir;
use crate::out;
use crate::output::{print_json, wrapped};
use crate::record::machine::{Cpu, Git};

/// Runs the command.
pub fn run(output: OutputArgs) -> Result<()> {
    let cpu = Cpu::here();
    let libtorch = loaded_libtorch();
    let problems = problems(libtorch.as_ref());
    let here = entries().filter(|entry| entry.is_here(&data_dir()));
    let datasets: Vec<&str> = here.map(|entry| entry.name).collect();
    if output.json {
        let document = json!({
            "normprop": env!("CARGO_PKG_VERSION"), "git": Git::of_build(), "tch": TCH_VERSION, "libtorch": LIBTORCH_VERSION,
            "libtorch_path": libtorch, "cpu": cpu, "torch_threads": tch::get_num_threads(),
            "cuda_devices": Cuda::device_count(), "data_dir": data_dir(), "datasets": datasets,
            "problems": problems,
        });
        print_json(&document)?;
    } else {
        let place = shown_or(libtorch.as_deref(), "not found among the loaded libraries");
        let model = cpu.model.as_deref().unwrap_or("unknown");
        let facts = [
            ("normprop", env!("CARGO_PKG_VERSION").into()),
            ("commit", commit()),
            ("tch", TCH_VERSION.into()),
            ("libtorch", format!("{LIBTORCH_VERSION}, {place}")),
            ("processor", format!("{model}, {} cores", cpu.cores)),
            ("features", cpu.flags.join(" ")),
            ("torch threads", tch::get_num_threads().to_string()),
            ("CUDA devices", Cuda::device_count().to_string()),
            ("data folder", data_dir().display().to_string()),
            ("datasets here", datasets.join(", ")),
        ];
        let problems = problems.iter().map(|problem| ("problem", problem.clone()));
        for (name, fact) in facts.into_iter().chain(problems) {
            out!("{}", wrapped(&format!("{name:<13}  {fact}\n")))?;
        }
    }
    match problems.len() {
        0 => Ok(()),
        1 => bail!("1 problem was found"),
        count => bail!("{count} problems were found"),
    }
}

/// `--verbose`, of every command: versions and places.
pub fn versions() -> String {
    let libtorch = shown_or(loaded_libtorch().as_deref(), "an unknown place");
    format!(
        "normprop {} (commit {}), tch {TCH_VERSION}, libtorch {LIBTORCH_VERSION} from {libtorch}, data folder {}",
        env!("CARGO_PKG_VERSION"),
        commit(),
        data_dir().display()
    )
}

fn shown_or(path: Option<&Path>, otherwise: &str) -> String {
    path.map_or(otherwise.to_owned(), |path| path.display().to_string())
}

fn commit() -> String {
    match Git::of_build() {
        None => "unknown".into(),
        Some(Git { commit, dirty }) if dirty => format!("{commit}, changed since"),
        Some(Git { commit, .. }) => commit,
    }
}

/// Where the libtorch in this process was loaded from, where the system tells it.
fn loaded_libtorch() -> Option<PathBuf> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let mut lines = maps.lines();
    let line = lines.find(|line| line.ends_with("/libtorch_cpu.so"))?;
    line.find('/').map(|start| PathBuf::from(&line[start..]))
}

/// What does not work: a computation with a known result, and the library's version.
fn problems(libtorch: Option<&PathBuf>) -> Vec<String> {
    let mut problems = Vec::new();
    let image = Tensor::ones([1, 1, 4, 4], (Kind::Float, Device::Cpu));
    let kernel = Tensor::ones([1, 1, 3, 3], (Kind::Float, Device::Cpu));
    match image.f_conv2d(&kernel, None::<Tensor>, [1, 1], [0, 0], [1, 1], 1) {
        Ok(output) if output.sum(Kind::Double).double_value(&[]) == 36.0 => {}
        Ok(_) => problems.push("libtorch computes a convolution wrongly".into()),
        Err(error) => problems.push(format!("libtorch cannot compute a convolution: {error}")),
    }
    let root = libtorch.and_then(|path| path.parent()?.parent());
    let header = root.map(|root| root.join("include/torch/headeronly/version.h"));
    if let Some(text) = header.and_then(|path| std::fs::read_to_string(path).ok()) {
        let has = |line: &str| text.lines().any(|other| other.trim() == line);
        if !(has("#define TORCH_VERSION_MAJOR 2") && has("#define TORCH_VERSION_MINOR 13")) {
            problems.push(format!(
                "the libtorch in use is not {LIBTORCH_VERSION}: run scripts/setup --force"
            ));
        }
    }
    problems
}
