//! Every dataset there is: what it is called, where its files are, where they come from, what they must hold.

mod cifar100_classes;
mod entries;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::store::ImageShape;
use crate::error::did_you_mean;
use crate::usage;

pub use entries::ENTRIES;

/// How a dataset's files are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Inside this program.
    Embedded,
    /// Two IDX files a split, images then labels, each plain or with `.gz`.
    Idx,
    /// CIFAR's binary records; the class is the last of `label_bytes` leading bytes.
    Cifar {
        /// Label bytes before the pixels: 1 in CIFAR-10, 2 (coarse, fine) in CIFAR-100.
        label_bytes: usize,
    },
    /// MATLAB 5 files with `X` (rows × columns × channels × n) and `y` (n × 1, digit 0 as 10).
    Mat,
}

/// A SHA-256, and how sure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checksum {
    /// Several independent publications agree on it, or it was computed from a trusted copy.
    Pinned(&'static str),
    /// Published in one place only: a difference is reported and nothing more.
    Unpinned(&'static str),
}

impl Checksum {
    /// The 64 hexadecimal digits.
    pub fn sha256(self) -> &'static str {
        match self {
            Checksum::Pinned(sha256) | Checksum::Unpinned(sha256) => sha256,
        }
    }
}

/// A file that a loader reads.
#[derive(Debug, Clone, Copy)]
pub struct DataFile {
    /// Its name (an IDX file may also have `.gz` behind it).
    pub name: &'static str,
    /// Checksum of its content, after decompression.
    pub sha256: Checksum,
}

/// A file that is downloaded.
#[derive(Debug, Clone, Copy)]
pub struct Download {
    /// Its name at every address in [`Entry::addresses`].
    pub name: &'static str,
    /// Its length.
    pub size_bytes: u64,
    /// Its checksum, as downloaded.
    pub sha256: Checksum,
}

/// How many images of each class the official set has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClassCounts {
    /// The same number of every class.
    Each(usize),
    /// One number a class.
    Listed(&'static [usize]),
}

impl ClassCounts {
    /// One number for each of `classes` classes.
    pub fn of(self, classes: usize) -> Vec<usize> {
        match self {
            ClassCounts::Each(count) => vec![count; classes],
            ClassCounts::Listed(counts) => counts.to_vec(),
        }
    }
}

/// One dataset of the catalogue.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// Name, as in `--dataset`.
    pub name: &'static str,
    /// One line on what it is.
    pub title: &'static str,
    /// Size of every image.
    pub shape: ImageShape,
    /// What each class number means.
    pub classes: &'static [&'static str],
    /// Layout of its files.
    pub format: Format,
    /// Folder under the data folder.
    pub folder: &'static str,
    /// Folder where a distribution's package puts the same files.
    pub system_folder: Option<&'static str>,
    /// Files of the training split.
    pub train_files: &'static [DataFile],
    /// Files of the test split.
    pub test_files: &'static [DataFile],
    /// Official addresses and their exact mirrors, best first; a download's name is put behind them.
    pub addresses: &'static [&'static str],
    /// What to download there: a single `.tar.gz` with all files, or the files themselves.
    pub downloads: &'static [Download],
    /// Images of each class in the official training split.
    pub train_counts: ClassCounts,
    /// Images of each class in the official test split.
    pub test_counts: ClassCounts,
    /// Terms of use.
    pub licence: &'static str,
    /// What to cite.
    pub citation: &'static str,
}

impl Entry {
    /// Whether the images are inside this program.
    pub fn is_embedded(&self) -> bool {
        self.format == Format::Embedded
    }

    /// All files a loader reads, training first.
    pub fn files(&self) -> impl Iterator<Item = &'static DataFile> {
        self.train_files.iter().chain(self.test_files)
    }

    /// Sum of the downloads' lengths.
    pub fn download_bytes(&self) -> u64 {
        self.downloads
            .iter()
            .map(|download| download.size_bytes)
            .sum()
    }

    /// The folder that this dataset has under `data_dir`.
    pub fn folder_in(&self, data_dir: &Path) -> PathBuf {
        data_dir.join(self.folder)
    }

    /// The names under which the file `name` may be on disk, preferred first.
    pub(super) fn file_names(&self, name: &str) -> Vec<String> {
        let compressed = (self.format == Format::Idx).then(|| format!("{name}.gz"));
        [Some(name.to_owned()), compressed]
            .into_iter()
            .flatten()
            .collect()
    }

    /// Whether a file of that name on disk is one of this dataset's.
    pub(super) fn is_file_name(&self, on_disk: &str) -> bool {
        self.files().any(|file| {
            self.file_names(file.name)
                .iter()
                .any(|name| name == on_disk)
        })
    }

    /// The file `name` in `folder`, compressed or not, if it is there.
    pub fn find_file(&self, folder: &Path, name: &str) -> Option<PathBuf> {
        self.file_names(name)
            .into_iter()
            .map(|name| folder.join(name))
            .find(|path| path.is_file())
    }

    /// Names of the files that are not in `folder`.
    pub fn missing_files(&self, folder: &Path) -> Vec<&'static str> {
        self.files()
            .map(|file| file.name)
            .filter(|name| self.find_file(folder, name).is_none())
            .collect()
    }

    /// The first folder that has all files: under `data_dir`, else a distribution's; or an error saying what
    /// is missing and which command gets it.
    pub fn locate(&self, data_dir: &Path) -> Result<PathBuf> {
        let own = self.folder_in(data_dir);
        let folders = [Some(own.clone()), self.system_folder.map(PathBuf::from)];
        let complete = folders
            .into_iter()
            .flatten()
            .find(|folder| self.missing_files(folder).is_empty());
        if let Some(folder) = complete {
            return Ok(folder);
        }
        let state = if own.is_dir() {
            format!(
                "{} lacks {}",
                own.display(),
                self.missing_files(&own).join(", ")
            )
        } else {
            format!("there is no folder {}", own.display())
        };
        let elsewhere = self
            .system_folder
            .map_or(String::new(), |folder| format!(", nor is it in {folder}"));
        bail!(
            "dataset `{name}` is not here: {state}{elsewhere}.\n\
             Get it:              normprop data fetch {name}\n\
             From your own copy:  normprop data fetch {name} --from FILE-or-FOLDER-or-URL",
            name = self.name
        )
    }
}

/// The catalogue's entry of that name, or a usage error naming the nearest.
pub fn find(name: &str) -> Result<&'static Entry> {
    ENTRIES
        .iter()
        .find(|entry| entry.name == name)
        .ok_or_else(|| {
            let hint = did_you_mean(name, ENTRIES.iter().map(|entry| entry.name));
            usage!("there is no dataset `{name}`; {hint}")
        })
}

#[cfg(test)]
mod tests;
