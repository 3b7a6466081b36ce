//! A results folder: the tables of a comparison, written and read as a whole.

use std::path::Path;

use anyhow::{Result, ensure};

use super::differences::{differences, paired};
use super::ranks::ranks;
use super::speedup::speedup;
use super::tagged::{self, RunRows};
use super::{DifferenceRow, Groups, Manifest, PairedRow, SummaryRow, SweepRow, summarize};
use crate::event::{EpochRow, LayerRow, PercentileRow, Status};
use crate::record::files::{RealDisk, replace};
use crate::record::row::{Row, header, lines};
use crate::record::table::CsvTable;
use crate::report::bench::Bench;
use crate::report::distinct::distinct;
use crate::run_key::{GroupKey, grouped};
use crate::text::capitalized;
use crate::usage;

/// The rows of all runs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Runs {
    /// The epochs of every run: `curves.csv`.
    pub curves: Vec<RunRows<EpochRow>>,
    /// The layers of every run: `layers.csv`.
    pub layers: Vec<RunRows<LayerRow>>,
    /// The percentiles of the runs that recorded them: `percentiles.csv`.
    pub percentiles: Vec<RunRows<PercentileRow>>,
}

impl Runs {
    /// The runs of a group that did not diverge, as far as they are.
    pub fn drawn_of(&self, group: &GroupKey) -> Vec<&RunRows<EpochRow>> {
        let runs = self.curves.iter();
        runs.filter(|run| run.key.group == *group && !summarize::ended(run, Status::Diverged))
            .collect()
    }

    /// The finished runs of a group.
    pub fn finished_of(&self, group: &GroupKey) -> Vec<&RunRows<EpochRow>> {
        let runs = self.curves.iter();
        runs.filter(|run| run.key.group == *group && summarize::ended(run, Status::Finished))
            .collect()
    }
}

/// Name of the table of all epochs.
pub const CURVES: &str = "curves.csv";

/// Everything that a report is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Results {
    /// The folder's name, or the experiment's.
    pub name: String,
    /// What was run; `None` for a folder without `manifest.json`.
    pub manifest: Option<Manifest>,
    /// The rows of every run.
    pub runs: Runs,
    /// The groups of these runs, as they are shown.
    pub groups: Groups,
    /// One row a group.
    pub summary: Vec<SummaryRow>,
    /// Groups against the first method, of families at the same number.
    pub paired: Vec<PairedRow>,
    /// Any two groups of one batch size.
    pub differences: Vec<DifferenceRow>,
    /// What a sweep tried.
    pub sweep: Vec<SweepRow>,
    /// Step times that `normprop bench --out` put into the folder.
    pub bench: Option<Bench>,
}

impl Results {
    /// Results whose summary and differences are computed from the curves.
    pub fn of(
        name: String,
        manifest: Option<Manifest>,
        runs: Runs,
        sweep: Vec<SweepRow>,
    ) -> Results {
        let methods = manifest.iter().flat_map(|manifest| &manifest.methods);
        let planned = methods.map(|method| &method.label);
        let run = runs.curves.iter().map(|run| &run.key.group.label);
        let labels = distinct(planned.chain(run).cloned());
        let target = manifest.as_ref().and_then(|it| it.target_test_error);
        let grouped = grouped(&runs.curves, |run| &run.key.group);
        let mut summary = summarize::summary(&grouped, target);
        let most_runs = grouped.iter().map(|(_, runs)| runs.len()).max();
        let mut groups = Groups::of(&summary, labels);
        groups.most_runs = most_runs.unwrap_or(0);
        let ranks = ranks(&grouped, &groups);
        for row in &mut summary {
            row.speedup = speedup(&row.group, &grouped, &groups, target);
            let ranked = ranks.iter().find(|(key, _)| **key == row.group);
            row.ranked = ranked.map(|(_, ranked)| ranked.clone()).unwrap_or_default();
        }
        let paired = paired(&grouped, &groups);
        Results {
            name,
            manifest,
            differences: differences(&grouped, &groups),
            groups,
            runs,
            summary,
            paired,
            sweep,
            bench: None,
        }
    }

    /// Writes the tables and the manifest, each in one step.
    pub fn write(&self, folder: &Path) -> Result<()> {
        self.write_tables(folder)?;
        match &self.manifest {
            Some(manifest) => manifest.write(folder),
            None => Ok(()),
        }
    }

    /// Writes the tables, each in one step.
    pub fn write_tables(&self, folder: &Path) -> Result<()> {
        let runs = &self.runs;
        let put =
            |name: &str, text: String| replace(&RealDisk, &folder.join(name), text.as_bytes());
        put(CURVES, tagged::to_csv(&runs.curves)?)?;
        if !runs.layers.is_empty() {
            put(LayerRow::FILE_NAME, tagged::to_csv(&runs.layers)?)?;
        }
        if !runs.percentiles.is_empty() {
            put(PercentileRow::FILE_NAME, tagged::to_csv(&runs.percentiles)?)?;
        }
        write_rows(folder, &self.summary)?;
        write_rows(folder, &self.paired)?;
        if !self.differences.is_empty() {
            write_rows(folder, &self.differences)?;
        }
        if !self.sweep.is_empty() {
            write_rows(folder, &self.sweep)?;
        }
        Ok(())
    }

    /// Reads a results folder from `curves.csv`, `layers.csv`, `sweep.csv`, `manifest.json` and, where it was benched too,
    /// `bench.csv`, with a sentence for each table that has a torn end.
    pub fn read(folder: &Path) -> Result<(Results, Vec<String>)> {
        let curves = folder.join(CURVES);
        if !curves.exists() {
            return Err(usage!(
                "{} is not a results folder of normprop compare: it has no {CURVES}",
                folder.display()
            ));
        }
        let manifest = Manifest::read(folder)?;
        let mut warnings = Vec::new();
        let runs = Runs {
            curves: read_runs(&curves, &mut warnings)?,
            layers: read_runs(&folder.join(LayerRow::FILE_NAME), &mut warnings)?,
            percentiles: read_runs(&folder.join(PercentileRow::FILE_NAME), &mut warnings)?,
        };
        let sweep = CsvTable::<SweepRow>::in_folder(folder).read_if_there()?;
        ensure!(
            !runs.curves.is_empty() || !sweep.is_empty(),
            "{} holds no run",
            curves.display()
        );
        let name = match (&manifest, folder.file_name()) {
            (Some(manifest), _) => manifest.experiment.clone(),
            (None, Some(name)) => name.to_string_lossy().into_owned(),
            (None, None) => "results".to_owned(),
        };
        let mut results = Results::of(name, manifest, runs, sweep);
        results.bench = Bench::read(folder)?;
        Ok((results, warnings))
    }

    /// The line below a picture's title: what was compared, and what the picture shows of it.
    pub fn about(&self, note: &str) -> String {
        format!(
            "{}. {}",
            self.title().trim_end_matches('.'),
            capitalized(note)
        )
    }

    /// The title for pictures and page.
    pub fn title(&self) -> &str {
        match &self.manifest {
            Some(manifest) if !manifest.title.is_empty() => &manifest.title,
            _ => &self.name,
        }
    }
}

/// Writes one of the tables in one step.
pub fn write_rows<R: Row>(folder: &Path, rows: &[R]) -> Result<()> {
    let text = header::<R>() + &lines(rows)?;
    replace(&RealDisk, &folder.join(R::FILE_NAME), text.as_bytes())
}

/// The runs of a table; none where there is no such file. A torn end is left out and warned of.
fn read_runs<R: Row>(path: &Path, warnings: &mut Vec<String>) -> Result<Vec<RunRows<R>>> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let (runs, torn) = tagged::from_csv(path)?;
    if torn {
        warnings.push(format!(
            "{} ends in the middle of a line, which is left out; normprop compare writes the file again",
            path.display()
        ));
    }
    Ok(runs)
}
