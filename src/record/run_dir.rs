//! One run directory, held by one process at a time.

use super::files::{self, Disk, Operation, RealDisk, names_in};
use super::hold::{Hold, LOCK, Lock, Taken};
use super::lease::is_lease_name;
use super::metrics::TABLES;
use super::reach::{Owed, Reach};
use super::retention::{self, Found};
use super::{meta, summary, tensorboard};
use crate::event::Snapshot;
use anyhow::{Context, Result};
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Name of the file with the resolved configuration.
pub const CONFIG: &str = "config.toml";

/// How long a process that was told to save and end may still hold a run directory that is to be continued.
const LETTING_GO: Duration = Duration::from_secs(10);
/// How often the lock is looked at meanwhile.
const POLL: Duration = Duration::from_millis(25);

/// A run directory that this process alone may write to, until the value is dropped.
pub struct RunDir {
    path: PathBuf,
    disk: Fenced,
}

/// A file system on which nothing more is changed once another process has taken the run directory over.
struct Fenced {
    disk: Box<dyn Disk>,
    hold: Hold,
}

impl Disk for Fenced {
    fn perform(&self, operation: Operation) -> io::Result<()> {
        if !matches!(operation, Operation::Sync(_)) {
            self.hold.check()?;
        }
        self.disk.perform(operation)
    }
}

impl RunDir {
    /// Makes a run directory with its configuration where they are missing, and leaves what is there as it is.
    ///
    /// An existing one must have been made from the same configuration, and be at rest as far as this machine knows.
    pub fn make(path: &Path, config_toml: &str) -> Result<()> {
        make_folder(path)?;
        let _lock = Lock::take(path).map_err(|error| refusal(error, path))?;
        settle_configuration(&RealDisk, path, config_toml)
    }

    /// Takes a run directory, making it where it is missing.
    ///
    /// An existing one must have been made from the same configuration, byte for byte.
    pub fn open_or_create(path: &Path, config_toml: &str) -> Result<RunDir> {
        Self::open_on(path, config_toml, RealDisk)
    }

    /// [`RunDir::open_or_create`] on a given file system.
    pub(super) fn open_on(
        path: &Path,
        config_toml: &str,
        disk: impl Disk + 'static,
    ) -> Result<RunDir> {
        let run_dir = Self::take(path, Box::new(disk))?;
        run_dir.settle(config_toml)?;
        Ok(run_dir)
    }

    /// Waits for a process that is just saving and ending in a run directory, as the runs of a killed comparison are;
    /// one that stays is met, and named, by the next holder.
    pub fn wait_until_free(path: &Path) -> Result<()> {
        let lock_path = path.join(LOCK);
        let lock = match File::open(&lock_path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            other => other.with_context(|| format!("cannot open {}", lock_path.display()))?,
        };
        let begun = Instant::now();
        while matches!(lock.try_lock(), Err(TryLockError::WouldBlock))
            && begun.elapsed() < LETTING_GO
        {
            std::thread::sleep(POLL);
        }
        // Taken to look only. Where this fails, closing has to do.
        let _ = lock.unlock();
        Ok(())
    }

    /// Takes a run directory and removes what an earlier run left there; nothing else is touched.
    ///
    /// Returns the names of the files and folders that no run makes, which stay.
    pub fn overwrite(path: &Path, config_toml: &str) -> Result<(RunDir, Vec<String>)> {
        let run_dir = Self::take(path, Box::new(RealDisk))?;
        let foreign = run_dir.clear()?;
        run_dir.settle(config_toml)?;
        Ok((run_dir, foreign))
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file system it lies on.
    pub fn disk(&self) -> &dyn Disk {
        &self.disk
    }

    /// The newest intact state that `fits` takes and that the tables reach up to, with a warning for each other one.
    pub fn latest_snapshot_that(
        &self,
        owed: &Owed,
        fits: &mut dyn FnMut(&Snapshot) -> Result<()>,
    ) -> Result<Found> {
        let reach = Reach::read(&self.path, owed)?;
        retention::latest_snapshot_that(&self.path, &mut |snapshot| {
            reach.check(&snapshot.position)?;
            fits(snapshot)
        })
    }

    /// Makes the directory and takes hold of it.
    fn take(path: &Path, disk: Box<dyn Disk>) -> Result<RunDir> {
        make_folder(path)?;
        let hold = Hold::take(path).map_err(|error| refusal(error, path))?;
        let path = path.to_owned();
        let disk = Fenced { disk, hold };
        Ok(RunDir { path, disk })
    }

    /// Removes half-written files of a killed process, then writes or compares the configuration.
    fn settle(&self, config_toml: &str) -> Result<()> {
        for name in names_in(&self.path)? {
            if files::final_name(&name).is_some_and(is_made_by_a_run) {
                self.remove(&name)?;
            }
        }
        settle_configuration(self.disk(), &self.path, config_toml)
    }

    /// Removes what a run made, in an order in which a kill leaves no directory that lies about its run: first the
    /// claim to be finished, then states, then tables, last the configuration.
    fn clear(&self) -> Result<Vec<String>> {
        let (mut own, foreign): (Vec<String>, Vec<String>) = names_in(&self.path)?
            .into_iter()
            .filter(|name| name != LOCK && !is_lease_name(name))
            .partition(|name| is_made_by_a_run(files::final_name(name).unwrap_or(name)));
        own.sort_by_key(|name| match name.as_str() {
            summary::FILE_NAME => 0,
            retention::LATEST | retention::BEST => 1,
            name if retention::parse_name(name).is_some() => 2,
            CONFIG => 4,
            _ => 3,
        });
        for name in own {
            self.remove(&name)?;
        }
        Ok(foreign)
    }

    fn remove(&self, name: &str) -> Result<()> {
        let path = self.path.join(name);
        self.disk
            .perform(Operation::Remove(&path))
            .with_context(|| format!("cannot delete {}", path.display()))
    }
}

fn make_folder(path: &Path) -> Result<()> {
    std::fs::create_dir_all(path)
        .with_context(|| format!("cannot make the run directory {}", path.display()))
}

/// Says which run directory is taken, and what to do.
fn refusal(error: anyhow::Error, path: &Path) -> anyhow::Error {
    match error.downcast_ref::<Taken>() {
        Some(taken) => anyhow::anyhow!(
            "another process is working in {}{}: wait for it to end, stop it, or choose another folder for runs (--out of train, --runs of compare)",
            path.display(),
            match taken.elsewhere {
                true => ", on another machine",
                false => "",
            }
        ),
        None => error,
    }
}

/// Writes the configuration, or compares it with the one that is there.
fn settle_configuration(disk: &dyn Disk, folder: &Path, config_toml: &str) -> Result<()> {
    let path = folder.join(CONFIG);
    match files::read_text_if_there(&path)? {
        None => files::replace(disk, &path, config_toml.as_bytes()),
        Some(text) if text == config_toml => Ok(()),
        Some(text) => Err(crate::usage!(
            "{} is not the configuration asked for ({}): delete the folder to start this run over, or choose another one for runs (--out of train, --runs of compare)",
            path.display(),
            first_difference(&text, config_toml)
        )),
    }
}

/// Whether a run makes a file of this name. Lock and leases are not among them.
fn is_made_by_a_run(name: &str) -> bool {
    let documents = [CONFIG, meta::FILE_NAME, summary::FILE_NAME];
    documents.contains(&name)
        || TABLES.contains(&name)
        || [retention::LATEST, retention::BEST].contains(&name)
        || retention::parse_name(name).is_some()
        || tensorboard::is_event_file_name(name)
}

fn first_difference(there: &str, wanted: &str) -> String {
    let (mut there, mut wanted) = (there.lines(), wanted.lines());
    for number in 1.. {
        match (there.next(), wanted.next()) {
            (None, None) => break,
            (left, right) if left == right => {}
            (left, right) => {
                let (left, right) = (left.unwrap_or_default(), right.unwrap_or_default());
                return format!("line {number} is `{left}`, asked for is `{right}`");
            }
        }
    }
    "only line breaks differ".to_owned()
}

#[cfg(test)]
mod tests;
