//! `normprop report`: remake a comparison's tables and pictures from its CSV files (and the pictures of `normprop stats`
//! and `normprop bench` from theirs), or lay several side by side.

use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::{Value, json};

use super::compare::{document, print_results};
use super::stats::redraw;
use crate::cli::{OutputArgs, ReportArgs};
use crate::output::print_json;
use crate::report::bench;
use crate::report::comparison::Results;
use crate::report::comparison::page::{self, FilesFolder};
use crate::report::comparison::results::CURVES;
use crate::report::files::save;
use crate::{errln, outln};

/// Name of the page of several comparisons.
const SIDE_BY_SIDE: &str = "side-by-side.html";

/// Runs the command.
pub fn run(args: &ReportArgs, output: OutputArgs) -> Result<()> {
    if let [folder] = args.folders.as_slice()
        && args.out.is_none()
    {
        let mut drawn = redraw(folder)?;
        drawn.extend(redraw_bench(folder)?);
        if !drawn.is_empty() && !folder.join(CURVES).exists() {
            return say_redrawn(folder, &drawn, output);
        }
    }
    let mut all = Vec::with_capacity(args.folders.len());
    for folder in &args.folders {
        let (results, warnings) = Results::read(folder)?;
        for warning in warnings {
            errln!("normprop: {warning}");
        }
        all.push(results);
    }
    // What cannot be written must not cost the tables on the terminal.
    let written = match (args.folders.as_slice(), all.as_slice()) {
        ([folder], [results]) => one(results, folder, args.out.as_deref()),
        (folders, all) => several(all, folders, args.out.as_deref()),
    };
    if output.json {
        let rows = all.iter().map(document).collect::<Result<Vec<Value>>>()?;
        print_json(&json!({ "report": written.as_ref().ok(), "results": rows }))?;
        return written.map(drop);
    }
    for results in &all {
        if all.len() > 1 {
            outln!("{}", results.title())?;
        }
        print_results(results, output)?;
    }
    outln!("{}", written?.display())?;
    Ok(())
}

/// Draws the picture of `normprop bench` again where a folder has its table and is no comparison.
fn redraw_bench(folder: &Path) -> Result<Option<String>> {
    if folder.join(CURVES).exists() {
        return Ok(None);
    }
    let rows = bench::rows::read(folder)?;
    if rows.is_empty() {
        return Ok(None);
    }
    let stem = bench::picture::STEM;
    save(&bench::picture::figure(&rows), &folder.join(stem))?;
    Ok(Some(stem.to_owned()))
}

/// Names the pictures of `normprop stats` and `normprop bench` that were drawn again.
fn say_redrawn(folder: &Path, drawn: &[String], output: OutputArgs) -> Result<()> {
    if output.json {
        return print_json(&json!({ "folder": folder, "pictures": drawn }));
    }
    let files = drawn.iter().map(|stem| format!("{stem}.svg, {stem}.png"));
    let files: Vec<String> = files.collect();
    Ok(outln!("{}: {}", folder.display(), files.join(", "))?)
}

fn one(results: &Results, folder: &Path, out: Option<&Path>) -> Result<PathBuf> {
    match out {
        None => {
            results.write_tables(folder)?;
            page::save(results, folder)?;
            Ok(folder.join(page::PAGE))
        }
        Some(out) => {
            page::page(results, FilesFolder::seen_from(out, folder)).save(out)?;
            Ok(out.to_owned())
        }
    }
}

fn several(all: &[Results], folders: &[PathBuf], out: Option<&Path>) -> Result<PathBuf> {
    let parent = folders.first().and_then(|folder| folder.parent());
    let beside = || parent.unwrap_or(Path::new(".")).join(SIDE_BY_SIDE);
    let out = out.map_or_else(beside, Path::to_owned);
    let files = folders
        .iter()
        .map(|folder| FilesFolder::seen_from(&out, folder));
    let all = all.iter().cloned().zip(files);
    page::side_by_side(&all.collect::<Vec<_>>()).save(&out)?;
    Ok(out)
}
