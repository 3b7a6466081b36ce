//! `normprop bench`: how long a training step takes, method against method in the same minutes.

mod display;
mod measure;
mod memory;
mod plan;

use std::time::SystemTime;

use anyhow::{Context, Result};
use serde_json::json;

use crate::cli::{BenchArgs, OutputArgs};
use crate::config::RunConfig;
use crate::data::Dataset;
use crate::engine::{device, gpu, libtorch, memory as process_memory, setup};
use crate::output::{arguments, print_json, print_tables};
use crate::record::machine::{Cpu, Git, load_average, reduce_command_line_here};
use crate::record::time::rfc3339;
use crate::report::bench::machine::SCHEMA_VERSION;
use crate::report::bench::{BenchMachine, BenchRow, picture, tables};
use crate::report::comparison::results::write_rows;
use crate::report::files::save;
use crate::{outln, usage};
use display::Display;
use measure::Measurement;
use plan::BenchSetting;

/// Runs the command.
pub fn run(args: &BenchArgs, output: OutputArgs) -> Result<()> {
    if args.peak_memory {
        return memory::answer(args);
    }
    process_memory::keep_freed();
    let cells = plan::cells(args)?;
    let config = first_config(&cells)?;
    let dataset = setup::load_dataset(config, &setup::data_dir())?;
    std::fs::create_dir_all(&args.out)
        .with_context(|| format!("cannot make the folder {}", args.out.display()))?;
    let mut machine = machine(config, &dataset);
    if machine.was_busy() {
        output.say(&format!("normprop: {}", machine.sentence()));
    }
    let mut measurement = Measurement::new(args, &dataset);
    let mut display = Display::new(cells.len(), output.quiet);
    let mut rows: Vec<BenchRow> = Vec::new();
    let mut written = Ok(());
    for cell in &cells {
        rows.extend(measurement.cell(cell, &mut display)?);
        // What was measured outlives a bench that is broken off; what cannot be written is shown at least.
        written = write_rows(&args.out, &rows);
    }
    display.finish();
    machine.product_peaks = measurement.peaks;
    machine.ended = rfc3339(SystemTime::now());
    let figure = picture::figure(&rows);
    let written = written
        .and(machine.write(&args.out))
        .and(save(&figure, &args.out.join(picture::STEM)));
    if output.json {
        print_json(&json!({ "rows": rows, "machine": machine }))?;
        return written;
    }
    print(&rows, &machine)?;
    written?;
    outln!(
        "bench.csv, machine.json and the picture: {}",
        args.out.display()
    )?;
    Ok(())
}

/// The first configuration that can be measured; an error with all reasons where there is none.
fn first_config(cells: &[BenchSetting]) -> Result<&RunConfig> {
    let entries = || cells.iter().flat_map(|cell| &cell.entries);
    entries()
        .find_map(|entry| entry.config.as_ref().ok())
        .ok_or_else(|| {
            let reasons = entries().filter_map(|entry| entry.config.as_ref().err());
            let reasons: Vec<&str> = reasons.map(String::as_str).collect();
            usage!("there is nothing to measure: {}", reasons.join("; "))
        })
}

/// The record of the machine as the bench begins.
fn machine(config: &RunConfig, dataset: &Dataset) -> BenchMachine {
    BenchMachine {
        schema_version: SCHEMA_VERSION,
        normprop: env!("CARGO_PKG_VERSION").into(),
        git: Git::of_build(),
        rustc: option_env!("NORMPROP_RUSTC").map(str::to_owned),
        tch: libtorch::TCH_VERSION.into(),
        libtorch: libtorch::version().into(),
        cpu: Cpu::here(),
        device: config.device_name().to_owned(),
        gpu: device::find(&config.device).ok().and_then(gpu::gpu),
        dataset_sha256: dataset.sha256.clone(),
        command_line: reduce_command_line_here(&arguments()),
        started: rfc3339(SystemTime::now()),
        ended: String::new(),
        load_before: load_average(),
        product_peaks: Vec::new(),
    }
}

fn print(rows: &[BenchRow], machine: &BenchMachine) -> Result<()> {
    print_tables([
        tables::steps(rows),
        tables::phases(rows),
        tables::formats(rows),
        tables::evaluations(rows),
    ])?;
    for remark in tables::remarks(rows) {
        outln!("{remark}")?;
    }
    outln!("{}", machine.sentence())?;
    Ok(())
}
