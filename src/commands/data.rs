//! `normprop data`: what datasets there are, fetching and verifying them.

use anyhow::{Result, bail};
use indicatif::ProgressBar;
use serde_json::{Value, json};

use crate::bar;
use crate::cli::{DataCommand, OutputArgs};
use crate::data::Verdict;
use crate::data::catalogue::entries;
use crate::data::entry::CatalogueEntry;
use crate::data::fetch::fetch;
use crate::data::verify::{SplitReport, VerifyReport, verify};
use crate::engine::setup::data_dir;
use crate::output::print_json;
use crate::text::numbers::{bytes, count};
use crate::text::{Table, Terminal};
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

/// An error where this is not the official set: a script that asks should not have to read the answer.
fn refuse_others(report: &VerifyReport) -> Result<()> {
    if matches!(report.verdict, Verdict::Official | Verdict::Own) {
        return Ok(());
    }
    let others = report.files.iter().filter(|file| !file.official);
    let others: Vec<String> = others.map(|file| file.path.display().to_string()).collect();
    bail!(
        "not the official {}: {}; move the folder away and run: normprop data fetch {0}",
        report.name,
        others.join(", ")
    )
}

fn list(output: OutputArgs) -> Result<()> {
    if output.json {
        return print_json(&entries().map(to_json).collect::<Vec<_>>());
    }
    let images = |entry: &&CatalogueEntry| {
        let [train, test] = entry.images().map(|images| count(images as u64));
        format!("{train} + {test}")
    };
    let size = |entry: &&CatalogueEntry| {
        let shape = entry.shape;
        format!("{}×{}×{}", shape.channels, shape.height, shape.width)
    };
    let download = |entry: &&CatalogueEntry| match entry.is_embedded() {
        true => "none".into(),
        false => bytes(download_bytes(entry)),
    };
    let place = |entry: &&CatalogueEntry| match entry.is_embedded() {
        true => "in the program".to_owned(),
        false => {
            let folder = entry.locate(&data_dir()).ok();
            folder.map_or("no".into(), |folder| folder.display().to_string())
        }
    };
    let table = Table::of(&entries().collect::<Vec<_>>())
        .left("dataset", |entry| entry.name.into())
        .left("images", images)
        .left("size", size)
        .right("download", download)
        .left("here", place)
        .left("what", |entry| entry.title.into())
        .build();
    Ok(out!("{}", table.render(&Terminal::detect()))?)
}

fn download_bytes(entry: &CatalogueEntry) -> u64 {
    entry.download_bytes.iter().sum()
}

fn to_json(entry: &CatalogueEntry) -> Value {
    let [train_images, test_images] = entry.images();
    json!({
        "name": entry.name, "title": entry.title, "classes": entry.class_names(),
        "shape": [entry.shape.channels, entry.shape.height, entry.shape.width],
        "train_images": train_images, "test_images": test_images,
        "download_bytes": download_bytes(entry), "addresses": entry.addresses,
        "here": entry.is_here(&data_dir()),
        "license": entry.license, "citation": entry.citation,
    })
}

fn fetch_with_bar(name: &str, from: Option<&str>, output: OutputArgs) -> Result<()> {
    let template = "{msg} [{wide_bar}] {bytes}/{total_bytes} {bytes_per_sec} {eta}";
    let bar = ProgressBar::with_draw_target(None, bar::target(output.quiet));
    let bar = bar::styled(bar, template).with_message(name.to_owned());
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
        return print_json(report);
    }
    let folder = report.folder.as_ref();
    let folder = folder.map_or("in the program".into(), |path| path.display().to_string());
    outln!("{}: {folder}", report.name)?;
    if report.verdict == Verdict::Own {
        let [channels, rows, columns] = report.shape;
        outln!(
            "  {channels}×{rows}×{columns}, classes {}",
            report.classes.join(", ")
        )?;
    }
    for (name, split) in [("train", &report.train), ("test", &report.test)] {
        outln!("  {name:5} {}", split_line(split))?;
    }
    for file in &report.files {
        let not = if file.official { "" } else { "not " };
        outln!("  {}: {not}the official content", file.path.display())?;
    }
    outln!("  {}", report.verdict.sentence())?;
    Ok(())
}

fn split_line(split: &SplitReport) -> String {
    let counts = || split.class_counts.iter().copied();
    format!(
        "{} images, labels {} to {}, {} to {} a class",
        count(split.images as u64),
        split.label_range.0,
        split.label_range.1,
        counts().min().unwrap_or(0),
        counts().max().unwrap_or(0),
    )
}
