//! `normprop doctor`: what this program runs on, and what is wrong if something is.

mod device_check;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use serde_json::json;
use tch::Cuda;

use device_check::DeviceCheck;

use crate::cli::OutputArgs;
use crate::data::catalogue::entries;
use crate::engine::libtorch::{TCH_VERSION, version, version_compiled_for};
use crate::engine::setup::data_dir;
use crate::out;
use crate::output::{print_json, wrapped};
use crate::record::machine::{Cpu, Git};

/// Runs the command.
pub fn run(output: OutputArgs) -> Result<()> {
    let cpu = Cpu::here();
    let libtorch = loaded_libtorch();
    let devices = device_check::all();
    let problems = problems(&devices);
    let here = entries().filter(|entry| entry.is_here(&data_dir()));
    let datasets: Vec<&str> = here.map(|entry| entry.name).collect();
    if output.json {
        let document = json!({
            "normprop": env!("CARGO_PKG_VERSION"), "git": Git::of_build(), "tch": TCH_VERSION, "libtorch": version(),
            "libtorch_path": libtorch, "cpu": cpu, "torch_threads": tch::get_num_threads(),
            "cuda_devices": Cuda::device_count(), "devices": devices, "data_dir": data_dir(), "datasets": datasets,
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
            ("libtorch", format!("{}, {place}", version())),
            ("processor", format!("{model}, {} cores", cpu.cores)),
            ("features", cpu.flags.join(" ")),
            ("torch threads", tch::get_num_threads().to_string()),
            ("CUDA devices", Cuda::device_count().to_string()),
        ];
        let devices = devices.iter().map(|check| ("device", check.sentence()));
        let places = [
            ("data folder", data_dir().display().to_string()),
            ("datasets here", datasets.join(", ")),
        ];
        let problems = problems.iter().map(|problem| ("problem", problem.clone()));
        let facts = facts.into_iter().chain(devices).chain(places);
        for (name, fact) in facts.chain(problems) {
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
        "normprop {} (commit {}), tch {TCH_VERSION}, libtorch {} from {libtorch}, data folder {}",
        env!("CARGO_PKG_VERSION"),
        commit(),
        version(),
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

/// What does not work: a device, and a library of another version.
fn problems(devices: &[DeviceCheck]) -> Vec<String> {
    let checks = devices.iter();
    let mut problems: Vec<String> = checks.filter_map(DeviceCheck::told_problem).collect();
    if version() != version_compiled_for() {
        problems.push(format!(
            "the libtorch in use is {}, and this program was compiled for {}: run scripts/setup --force",
            version(),
            version_compiled_for()
        ));
    }
    problems
}
