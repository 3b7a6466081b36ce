//! A results folder: the tables of a comparison, written and read as a whole.

use std::path::Path;

use anyhow::{Result, ensure};

use super::manifest::Manifest;
use super::rows::{PairedRow, SummaryRow, SweepRow};
use super::summarize;
use super::tagged::{self, RunRows};
use crate::event::{EpochRow, LayerRow};
use crate::record::files::{RealDisk, replace};
use crate::record::row::{Row, header, lines};
use crate::record::table::Table;
use crate::usage;

/// Everything that a report is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Results {
    /// The folder's name, or the experiment's.
    pub name: String,
    /// What was run; `None` for a folder without `manifest.json`.
    pub manifest: Option<Manifest>,
    /// The epochs of every run.
    pub curves: Vec<RunRows<EpochRow>>,
    /// The layers of every run.
    pub layers: Vec<RunRows<LayerRow>>,
    /// One row a group.
    pub summary: Vec<SummaryRow>,
    /// Groups against the first method.
    pub paired: Vec<PairedRow>,
    /// What a sweep tried.
    pub sweep: Vec<SweepRow>,
}

impl Results {
    /// Results whose summary and differences are computed from the curves.
    pub fn of(
        name: String,
        manifest: Option<Manifest>,
        curves: Vec<RunRows<EpochRow>>,
        layers: Vec<RunRows<LayerRow>>,
        sweep: Vec<SweepRow>,
    ) -> Results {
        let target = manifest
            .as_ref()
            .and_then(|manifest| manifest.target_test_error);
        let first = match &manifest {
            Some(manifest) => manifest.methods.first().map(|method| method.label.clone()),
            None => curves.first().map(|run| run.tag.label.clone()),
        };
        let summary = summarize::summary(&curves, target);
        let paired = summarize::paired(&curves, &first.unwrap_or_default());
        Results {
            name,
            manifest,
            curves,
            layers,
            summary,
            paired,
            sweep,
        }
    }

    /// Writes the tables and the manifest, each in one step.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let put =
            |name: &str, text: String| replace(&RealDisk, &folder.join(name), text.as_bytes());
        put(&curves_name(), tagged::to_csv(&self.curves)?)?;
        put(&layers_name(), tagged::to_csv(&self.layers)?)?;
        write_rows(folder, &self.summary)?;
        write_rows(folder, &self.paired)?;
        if !self.sweep.is_empty() {
            write_rows(folder, &self.sweep)?;
        }
        match &self.manifest {
            Some(manifest) => manifest.write(folder),
            None => Ok(()),
        }
    }

    /// Reads a results folder from `curves.csv`, `layers.csv`, `sweep.csv` and `manifest.json`, with a sentence for each table that has a torn end.
    pub fn read(folder: &Path) -> Result<(Results, Vec<String>)> {
        let curves_path = folder.join(curves_name());
        if !curves_path.is_file() {
            return Err(usage!(
                "{} is not a results folder of normprop compare: it has no {}",
                folder.display(),
                curves_name()
            ));
        }
        let manifest = Manifest::read(folder)?;
        let (curves, torn_curves) = tagged::from_csv(&curves_path)?;
        ensure!(!curves.is_empty(), "{} holds no run", curves_path.display());
        let layers_path = folder.join(layers_name());
        let (layers, torn_layers) = if layers_path.is_file() {
            tagged::from_csv(&layers_path)?
        } else {
            (Vec::new(), false)
        };
        let torn = [(torn_curves, curves_path), (torn_layers, layers_path)];
        let warnings = torn
            .into_iter()
            .filter(|(torn, _)| *torn)
            .map(|(_, path)| torn_warning(&path))
            .collect();
        let name = folder
            .file_name()
            .map_or_else(|| "results".into(), |name| name.to_string_lossy());
        let name = manifest
            .as_ref()
            .map_or(name.into_owned(), |manifest| manifest.experiment.clone());
        let sweep_path = folder.join(SweepRow::FILE_NAME);
        let sweep = if sweep_path.is_file() {
            Table::<SweepRow>::at(&sweep_path).read()?
        } else {
            Vec::new()
        };
        let results = Results::of(name, manifest, curves, layers, sweep);
        Ok((results, warnings))
    }

    /// The methods' labels in the order of the experiment; their places are their styles in every picture.
    pub fn labels(&self) -> Vec<&str> {
        let mut labels: Vec<&str> = Vec::new();
        if let Some(manifest) = &self.manifest {
            labels.extend(manifest.methods.iter().map(|method| method.label.as_str()));
        }
        for run in &self.curves {
            if !labels.contains(&run.tag.label.as_str()) {
                labels.push(&run.tag.label);
            }
        }
        labels
    }

    /// The title for pictures and page.
    pub fn title(&self) -> &str {
        match &self.manifest {
            Some(manifest) if !manifest.title.is_empty() => &manifest.title,
            _ => &self.name,
        }
    }
}

/// Name of the table of all epochs.
pub fn curves_name() -> String {
    "curves.csv".to_owned()
}

/// Name of the table of all layers.
pub fn layers_name() -> String {
    LayerRow::FILE_NAME.to_owned()
}

/// Writes one of the tables in one step.
pub fn write_rows<R: Row>(folder: &Path, rows: &[R]) -> Result<()> {
    let text = header::<R>() + &lines(rows)?;
    replace(&RealDisk, &folder.join(R::FILE_NAME), text.as_bytes())
}

fn torn_warning(path: &Path) -> String {
    format!(
        "{} ends in the middle of a line, which is left out; normprop compare makes the file anew",
        path.display()
    )
}
