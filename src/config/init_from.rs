//! The checkpoint that a run starts from: found once, then known by its checksum.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::{Initialization, RunConfig};
use crate::error::KeyFault;
use crate::event::Snapshot;
use crate::record::run_dir::CONFIG;
use crate::record::{checkpoint, latest_snapshot};
use crate::text::numbers::hexadecimal;
use crate::usage;

/// Name of the key.
const KEY: &str = "init_from";

/// Puts the checkpoint file in the place of a run directory, and its checksum beside it, where that is not given.
pub fn settle(config: &mut RunConfig) -> Result<(), KeyFault> {
    let (given, sha256) = (&config.init_from, &config.init_from_sha256);
    if given.is_empty() {
        let what = "init_from_sha256 is given, but not the checkpoint: add init_from = \"FILE\"";
        return KeyFault::unless(sha256.is_empty(), "init_from_sha256", what);
    }
    let what = "init = \"lsuv\" and init_from both say where weights start: leave one of them out";
    KeyFault::unless(config.init == Initialization::Method, KEY, what)?;
    if !sha256.is_empty() {
        return Ok(());
    }
    let fault =
        |error: anyhow::Error| KeyFault::new(KEY, format!("init_from = {given:?}: {error:#}"));
    let file = checkpoint_of(Path::new(given)).map_err(fault)?;
    let bytes = std::fs::read(&file)
        .with_context(|| format!("{} cannot be read", file.display()))
        .map_err(fault)?;
    config.init_from_sha256 = hexadecimal(&Sha256::digest(&bytes));
    config.init_from = file.display().to_string();
    Ok(())
}

/// The checkpoint file that is named, or the last one of the run directory that is.
fn checkpoint_of(named: &Path) -> Result<PathBuf> {
    if named.is_file() {
        return Ok(named.to_path_buf());
    }
    if !named.join(CONFIG).is_file() {
        return Err(usage!("neither a run directory nor a checkpoint file"));
    }
    let newest = latest_snapshot(named)?.snapshot;
    let (_, file) = newest.context("the run has no checkpoint yet")?;
    Ok(file)
}

/// The checkpoint that the run starts from, if it starts from one. One that is gone or another now is refused.
pub fn read_source(config: &RunConfig) -> Result<Option<Snapshot>> {
    let (named, expected) = (&config.init_from, &config.init_from_sha256);
    if named.is_empty() {
        return Ok(None);
    }
    let gone = |error| {
        usage!(
            "init_from = {named:?}: cannot be read ({error}); the run starts from the file with SHA-256 {expected}: put it there, or name its place with --init-from"
        )
    };
    let bytes = std::fs::read(named).map_err(gone)?;
    let found = hexadecimal(&Sha256::digest(&bytes));
    if found != *expected {
        return Err(usage!(
            "init_from = {named:?}: the file has SHA-256 {found}, the run starts from the one with {expected}: put that back, or give --init-from {named} for another run"
        ));
    }
    let snapshot = checkpoint::decode(&bytes);
    Ok(Some(snapshot.with_context(|| {
        format!("init_from = {named:?} is damaged")
    })?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Position;

    fn config(text: &str) -> Result<RunConfig> {
        RunConfig::from_table(text.parse().unwrap())
    }

    fn write(path: &Path, epoch: u64) {
        let snapshot = Snapshot {
            network: None,
            tensors: Vec::new(),
            position: Position {
                epoch,
                ..Position::default()
            },
        };
        std::fs::write(path, checkpoint::encode(&snapshot).unwrap()).unwrap();
    }

    #[test]
    fn what_the_checkpoint_holds_tells_runs_apart_and_not_where_it_lies() {
        let folder = tempfile::tempdir().unwrap();
        let (one, same, other) = (
            folder.path().join("one"),
            folder.path().join("same"),
            folder.path().join("other"),
        );
        write(&one, 1);
        write(&same, 1);
        write(&other, 2);
        let from = |path: &Path| config(&format!("init_from = {path:?}")).unwrap();
        let name = |path: &Path| from(path).run_name().unwrap();
        assert_eq!(name(&one), name(&same));
        assert_ne!(name(&one), name(&other));
        assert_ne!(name(&one), config("").unwrap().run_name().unwrap());
        assert_eq!(
            read_source(&from(&other)).unwrap().unwrap().position.epoch,
            2
        );
        assert_eq!(read_source(&config("").unwrap()).unwrap(), None);

        // Once settled it is known by its checksum.
        let settled = from(&one);
        write(&one, 3);
        assert_eq!(config(&settled.to_toml().unwrap()).unwrap(), settled);
        let refusal = read_source(&settled).unwrap_err().to_string();
        assert!(
            refusal.contains("the run starts from the one with"),
            "{refusal}"
        );
        std::fs::remove_file(&one).unwrap();
        let refusal = read_source(&settled).unwrap_err().to_string();
        assert!(refusal.contains("cannot be read"), "{refusal}");
    }

    #[test]
    fn what_is_no_checkpoint_is_refused() {
        let refusal = |text: &str| config(text).unwrap_err().to_string();
        let nowhere = refusal("init_from = \"nowhere\"");
        assert!(nowhere.contains("neither a run directory nor"), "{nowhere}");
        assert!(refusal("init_from_sha256 = \"00\"").contains("add init_from"));
        assert!(
            refusal("init_from = \"x\"\ninit = \"lsuv\"\nmethod.name = \"none\"")
                .contains("leave one of them out")
        );
    }
}
