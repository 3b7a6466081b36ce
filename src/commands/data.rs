//! `normprop data`: what datasets there are, fetching and verifying them.

use std::path::Path;

use anyhow::{Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::cli::{DataCommand, OutputArgs};
use crate::data::catalogue::{self, ENTRIES, Entry};
use crate::data::fetch::fetch;
use crate::data::verify::{ChecksumState, SplitReport, VerifyReport, verify};
use crate::engine::setup::data_dir;
use crate::text::numbers::{bytes, count};
use crate::text::{Align, Table, Terminal};
use crate::{out, outln};

/// Runs the command.
pub fn run(command: &DataCommand, output: OutputArgs) -> Result<()> {
    match command {
        DataCommand::List => list(output),
        DataCommand::Fetch { name, from } => {
            fetch_with_bar(name, from.as_deref(), output)?;
            show(&verify(name, &data_dir())?, output)
        }
        DataCommand::Verify { name } => {
            let report = verify(name, &data_dir())?;
            show(&report, output)?;
            refuse_others(&report)
        }
    }
}

/// An error where a file is certainly not the official one: whoever asks should not have to read the answer.
fn refuse_others(report: &VerifyReport) -> Result<()> {
    let others = report
        .files
        .iter()
        .filter(|file| file.checksum == ChecksumState::NotOfficial);
    let others: Vec<String> = others.map(|file| file.path.display().to_string()).collect();
    if others.is_empty() {
        return Ok(());
    }
    bail!(
        "not the official content of {}: {}; move the folder away and run: normprop data fetch {0}",
        report.name,
        others.join(", ")
    )
}

fn list(output: OutputArgs) -> Result<()> {
    if output.json {
        let all: Vec<Value> = ENTRIES.iter().map(to_json).collect();
        outln!("{}", serde_json::to_string_pretty(&all)?)?;
        return Ok(());
    }
    let mut table = Table::new([
        ("dataset", Align::Left),
        ("images", Align::Left),
        ("size", Align::Left),
        ("download", Align::Right),
        ("here", Align::Left),
        ("what", Align::Left),
    ]);
    for entry in ENTRIES {
        let classes = entry.classes.len();
        let total =
            |counts: catalogue::ClassCounts| count(counts.of(classes).iter().sum::<usize>() as u64);
        let shape = entry.shape;
        table.push([
            entry.name.to_string(),
            format!(
                "{} + {}",
                total(entry.train_counts),
                total(entry.test_counts)
            ),
            format!("{}×{}×{}", shape.channels, shape.height, shape.width),
            if entry.is_embedded() {
                "none".into()
            } else {
                bytes(entry.download_bytes())
            },
            place(entry),
            entry.title.into(),
        ]);
    }
    out!("{}", table.render(&Terminal::detect()))?;
    Ok(())
}

fn place(entry: &Entry) -> String {
    if entry.is_embedded() {
        return "in the program".into();
    }
    entry
        .locate(&data_dir())
        .map_or("no".into(), |folder| folder.display().to_string())
}

fn to_json(entry: &Entry) -> Value {
    let classes = entry.classes.len();
    json!({
        "name": entry.name, "title": entry.title, "classes": entry.classes,
        "shape": [entry.shape.channels, entry.shape.height, entry.shape.width],
        "train_images": entry.train_counts.of(classes).iter().sum::<usize>(),
        "test_images": entry.test_counts.of(classes).iter().sum::<usize>(),
        "download_bytes": entry.download_bytes(), "addresses": entry.addresses,
        "here": entry.is_embedded() || entry.locate(&data_dir()).is_ok(),
        "licence": entry.licence, "citation": entry.citation,
    })
}

fn fetch_with_bar(name: &str, from: Option<&str>, output: OutputArgs) -> Result<()> {
    let bar = if output.quiet {
        ProgressBar::hidden()
    } else {
        ProgressBar::no_length()
    };
    if let Ok(style) = ProgressStyle::with_template(
        "{msg} [{wide_bar}] {bytes}/{total_bytes} {bytes_per_sec} {eta}",
    ) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_message(name.to_string());
    let mut progress = |done: u64, total: Option<u64>| {
        if let Some(total) = total {
            bar.set_length(total);
        }
        bar.set_position(done);
    };
    fetch(name, &data_dir(), from, &mut progress)?;
    bar.finish_and_clear();
    Ok(())
}

fn show(report: &VerifyReport, output: OutputArgs) -> Result<()> {
    if output.json {
        outln!("{}", serde_json::to_string_pretty(report)?)?;
        return Ok(());
    }
    let folder = report
        .folder
        .as_deref()
        .map_or("in the program".into(), |path: &Path| {
            path.display().to_string()
        });
    outln!("{}: {folder}", report.name)?;
    for (name, split) in [("train", &report.train), ("test", &report.test)] {
        outln!("  {name:5} {}", split_line(split))?;
    }
    for file in &report.files {
        let state = match file.checksum {
            ChecksumState::Official => "the official content",
            ChecksumState::NotOfficial => "not the official content",
            ChecksumState::Unknown => "differs from an unconfirmed checksum",
        };
        outln!("  {}: {state}", file.path.display())?;
    }
    let verdict = match (report.seems_official(), report.has_official_counts()) {
        (true, _) => "everything fits the official set",
        (false, true) => "readable, with the official counts, but not the official files",
        (false, false) => {
            "readable, but not the official set: results on it are results on a subset or variant"
        }
    };
    outln!("  {verdict}")?;
    Ok(())
}

fn split_line(split: &SplitReport) -> String {
    let (fewest, most) = (
        split.class_counts.iter().min(),
        split.class_counts.iter().max(),
    );
    format!(
        "{} images, labels {} to {}, {} to {} a class",
        count(split.images as u64),
        split.label_range.0,
        split.label_range.1,
        fewest.copied().unwrap_or(0),
        most.copied().unwrap_or(0),
    )
}
