//! `normprop report`: remake a comparison's tables and pictures from its CSV files, or lay several side by side.

use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::{Value, json};

use super::compare::{document, print_results};
use crate::cli::{OutputArgs, ReportArgs};
use crate::output::print_json;
use crate::report::comparison::{Results, page};
use crate::{errln, outln};

/// Name of the page of several comparisons.
const SIDE_BY_SIDE: &str = "side-by-side.html";

/// Runs the command.
pub fn run(args: &ReportArgs, output: OutputArgs) -> Result<()> {
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

fn one(results: &Results, folder: &Path, out: Option<&Path>) -> Result<PathBuf> {
    match out {
        None => {
            results.write_tables(folder)?;
            page::save(results, folder)?;
            Ok(folder.join(page::PAGE))
        }
        Some(out) => {
            page::page(results).save(out)?;
            Ok(out.to_owned())
        }
    }
}

fn several(all: &[Results], folders: &[PathBuf], out: Option<&Path>) -> Result<PathBuf> {
    let parent = folders.first().and_then(|folder| folder.parent());
    let beside = || parent.unwrap_or(Path::new(".")).join(SIDE_BY_SIDE);
    let out = out.map_or_else(beside, Path::to_owned);
    page::side_by_side(all).save(&out)?;
    Ok(out)
}
