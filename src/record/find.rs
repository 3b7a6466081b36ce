//! Which run directories there are, and which is the newest.

use super::run_dir::CONFIG;
use super::{meta, time};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// Folders are searched this deep: a folder of experiments, an experiment, a run, and one to spare.
const DEPTH: usize = 4;

/// The run directories at or under a folder, sorted by path; a missing folder has none.
///
/// A run directory is one that holds a `config.toml`; hidden folders and links are not followed.
pub fn list_runs(root: &Path) -> Result<Vec<PathBuf>> {
    let mut runs = Vec::new();
    if root.is_dir() {
        collect(root, DEPTH, &mut runs)?;
    }
    runs.sort();
    Ok(runs)
}

fn collect(folder: &Path, depth: usize, runs: &mut Vec<PathBuf>) -> Result<()> {
    if folder.join(CONFIG).is_file() {
        runs.push(folder.to_owned());
        return Ok(());
    }
    if depth == 0 {
        return Ok(());
    }
    let context = || format!("cannot list {}", folder.display());
    for entry in std::fs::read_dir(folder).with_context(context)? {
        let entry = entry.with_context(context)?;
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if !hidden && entry.file_type().with_context(context)?.is_dir() {
            collect(&entry.path(), depth - 1, runs)?;
        }
    }
    Ok(())
}

/// The run directories at or under a folder, the one last taken up first.
///
/// The time is that of the last sitting in `meta.json`, or where that is missing or damaged, when the
/// configuration was written. Runs of the same millisecond are ordered by path.
pub fn runs_by_start(root: &Path) -> Result<Vec<PathBuf>> {
    let mut runs = Vec::new();
    for run in list_runs(root)? {
        runs.push((started(&run)?, run));
    }
    runs.sort_by(|left, right| right.cmp(left));
    Ok(runs.into_iter().map(|(_, run)| run).collect())
}

fn started(run: &Path) -> Result<String> {
    if let Ok(Some(meta)) = meta::read(run) {
        return Ok(meta.last_started().to_owned());
    }
    let config = run.join(CONFIG);
    let modified = std::fs::metadata(&config).and_then(|metadata| metadata.modified());
    let modified = modified.with_context(|| format!("cannot read {}", config.display()))?;
    Ok(time::rfc3339(modified))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{EpochSums, Position};
    use crate::record::files::RealDisk;
    use crate::record::meta::{Facts, Meta};
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    fn make_run(path: &Path, started: Option<SystemTime>) {
        std::fs::create_dir_all(path).unwrap();
        std::fs::write(path.join(CONFIG), "").unwrap();
        let Some(started) = started else { return };
        let facts = Facts {
            threads: 1,
            ..Facts::default()
        };
        let position = Position {
            epoch: 0,
            step_in_epoch: 0,
            step: 0,
            sums: EpochSums::default(),
            best: None,
            train_s: 0.0,
        };
        let meta = Meta::start(None, &facts, &position, started);
        meta.write(&RealDisk, path).unwrap();
    }

    #[test]
    fn runs_are_found_and_ordered_by_their_start() {
        let root = tempfile::tempdir().unwrap();
        let run = |name: &str| root.path().join(name);
        let early = UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        make_run(&run("quick/a"), Some(early + Duration::from_secs(10)));
        make_run(&run("quick/b"), Some(early));
        make_run(&run("c"), Some(early + Duration::from_millis(10_001)));
        make_run(&run(".hidden/d"), Some(early));
        make_run(&run("quick/a/inside"), Some(early));
        // Killed before it wrote meta.json: dated by its configuration, written just now.
        make_run(&run("quick/e"), None);
        let sorted = ["c", "quick/a", "quick/b", "quick/e"].map(run);
        assert_eq!(list_runs(root.path()).unwrap(), sorted);
        let newest_first = ["quick/e", "c", "quick/a", "quick/b"].map(run);
        assert_eq!(runs_by_start(root.path()).unwrap(), newest_first);
        assert_eq!(runs_by_start(&run("quick/b")).unwrap(), [run("quick/b")]);
    }

    #[test]
    fn a_missing_folder_has_no_runs() {
        let root = tempfile::tempdir().unwrap();
        assert!(list_runs(&root.path().join("none")).unwrap().is_empty());
    }
}
