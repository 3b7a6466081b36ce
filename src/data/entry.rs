//! What the catalogue says of a dataset, and what a file format has to do.

use std::fmt::Debug;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};

use super::{ImageShape, SourceFile, Split};

/// The files of the training split and those of the test split, in the order of the entry.
pub type SplitFiles<'a> = [&'a mut [SourceFile]; 2];

/// How the files of a dataset are laid out: what a new format implements.
pub trait Format: Debug + Sync {
    /// The names under which the file `name` may be on disk, preferred first.
    fn names_on_disk(&self, name: &str) -> Vec<String> {
        vec![name.to_owned()]
    }

    /// Reads the training and the test split from their files.
    fn load(&self, entry: &CatalogueEntry, files: SplitFiles) -> Result<[Split; 2]>;
}

/// How the publisher packs the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// All in one tar archive of this name.
    Archive(&'static str),
    /// Each on its own, under its name and this ending.
    Each(&'static str),
}

/// A file that is downloaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    /// Its name at every address in [`CatalogueEntry::addresses`].
    pub name: String,
    /// Its length.
    pub size_bytes: u64,
    /// Its SHA-256, as downloaded.
    pub sha256: &'static str,
}

/// How many images of each class the official set has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClassCounts {
    /// The same number of every class.
    Each(usize),
    /// One number a class.
    Listed(&'static [usize]),
}

/// One dataset of the catalogue.
#[derive(Debug, Clone, Copy)]
pub struct CatalogueEntry {
    /// Name, as in `--dataset`.
    pub name: &'static str,
    /// One line on what it is.
    pub title: &'static str,
    /// Size of every image.
    pub shape: ImageShape,
    /// What each class number means, from 0: names with commas between.
    pub classes: &'static str,
    /// Layout of its files.
    pub format: &'static dyn Format,
    /// Folders that may hold the files: its own, under the data folder, then those that other programs make, there or
    /// elsewhere.
    pub folders: &'static [&'static str],
    /// Files of the training split as `sha256sum` lists them: checksum of the content (after decompression), name.
    pub train_files: &'static [&'static str],
    /// Files of the test split, likewise.
    pub test_files: &'static [&'static str],
    /// Files by which other versions of this dataset are known: name, colon, what it is.
    pub look_alikes: &'static [&'static str],
    /// Official addresses and their exact mirrors, best first; a download's name is put behind them.
    pub addresses: &'static [&'static str],
    /// How the files are packed at these addresses.
    pub packing: Packing,
    /// Length of the archive, or of each file as it is packed.
    pub download_bytes: &'static [u64],
    /// SHA-256 of the same.
    pub download_sums: &'static [&'static str],
    /// Images of each class in the official training split.
    pub train_counts: ClassCounts,
    /// Images of each class in the official test split.
    pub test_counts: ClassCounts,
    /// Terms of use.
    pub license: &'static str,
    /// What to cite.
    pub citation: &'static str,
}

impl CatalogueEntry {
    /// Whether the images are inside this program.
    pub fn is_embedded(&self) -> bool {
        self.train_files.is_empty()
    }

    /// Whether the images are inside this program or in a folder.
    pub fn is_here(&self, data_dir: &Path) -> bool {
        self.is_embedded() || self.locate(data_dir).is_ok()
    }

    /// What each class number means.
    pub fn class_names(&self) -> Vec<&'static str> {
        self.classes.split(", ").collect()
    }

    /// Images of each class in the official training and test split.
    pub fn class_counts(&self) -> [Vec<usize>; 2] {
        [self.train_counts, self.test_counts].map(|counts| match counts {
            ClassCounts::Each(count) => vec![count; self.class_names().len()],
            ClassCounts::Listed(counts) => counts.to_vec(),
        })
    }

    /// Images in the official training and test split.
    pub fn images(&self) -> [usize; 2] {
        self.class_counts().map(|counts| counts.iter().sum())
    }

    /// Names and checksums of all files, training first.
    pub fn files(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let lines = self.train_files.iter().chain(self.test_files);
        lines
            .filter_map(|line| line.split_once("  "))
            .map(|(sha256, name)| (name, sha256))
    }

    /// What to download: the archive, or each file as it is packed.
    pub fn downloads(&self) -> Vec<Download> {
        let names: Vec<String> = match self.packing {
            Packing::Archive(name) => vec![name.to_owned()],
            Packing::Each(ending) => self
                .files()
                .map(|(name, _)| name.to_owned() + ending)
                .collect(),
        };
        let facts = self.download_bytes.iter().zip(self.download_sums);
        let all = names.into_iter().zip(facts);
        all.map(|(name, (&size_bytes, &sha256))| Download {
            name,
            size_bytes,
            sha256,
        })
        .collect()
    }

    /// More bytes than the files of any variant of this dataset hold: four times as many as the official one. What is
    /// longer is not read to its end, whatever it claims to be.
    pub(super) fn most_bytes(&self) -> u64 {
        let images: usize = self.images().iter().sum();
        (4 * images * (self.shape.pixels() + 2)) as u64 + (1 << 20)
    }

    /// The folder that this dataset has under `data_dir`.
    pub fn own_folder(&self, data_dir: &Path) -> PathBuf {
        data_dir.join(self.folders[0])
    }

    /// Whether a file of that name on disk is one of this dataset's.
    pub(super) fn is_file_name(&self, on_disk: &str) -> bool {
        let mut names = self
            .files()
            .flat_map(|(name, _)| self.format.names_on_disk(name));
        names.any(|name| name == on_disk)
    }

    /// The file `name` in `folder`, under any of its names, if it is there.
    pub fn find_file(&self, folder: &Path, name: &str) -> Option<PathBuf> {
        let names = self.format.names_on_disk(name).into_iter();
        names
            .map(|name| folder.join(name))
            .find(|path| path.is_file())
    }

    /// Names of the files that are not in `folder`.
    pub fn missing_files(&self, folder: &Path) -> Vec<&'static str> {
        let names = self.files().map(|(name, _)| name);
        names
            .filter(|name| self.find_file(folder, name).is_none())
            .collect()
    }

    /// Whether all files are in `folder`; if not, the error names those that are not, and what is there in their place.
    pub fn check_files(&self, folder: &Path) -> Result<()> {
        ensure!(folder.is_dir(), "there is no folder {}", folder.display());
        let missing = self.missing_files(folder);
        if missing.is_empty() {
            return Ok(());
        }
        let other = self.look_alike(|name| folder.join(name).is_file());
        bail!("{} lacks {}{other}", folder.display(), missing.join(", "))
    }

    /// Whether a file of that name tells another version of the dataset.
    pub(super) fn is_look_alike(&self, name: &str) -> bool {
        self.look_alikes.iter().any(|line| file_of(line) == name)
    }

    /// Which other version of the dataset is here, as the end of a sentence; nothing where there is none.
    pub(super) fn look_alike(&self, is_here: impl Fn(&str) -> bool) -> String {
        let found = self.look_alikes.iter().find(|line| is_here(file_of(line)));
        found.map_or(String::new(), |line| format!("; it holds {line}"))
    }

    /// The first folder that has all files, or an error saying what is missing and which command gets it.
    pub fn locate(&self, data_dir: &Path) -> Result<PathBuf> {
        let folders = self.folders.iter().map(|folder| data_dir.join(folder));
        let folders: Vec<PathBuf> = folders.collect();
        let complete = |folder: &&PathBuf| self.check_files(folder).is_ok();
        if let Some(folder) = folders.iter().find(complete) {
            return Ok(folder.clone());
        }
        let (there, absent): (Vec<_>, Vec<_>) = folders.iter().partition(|folder| folder.is_dir());
        let looked_at = if there.is_empty() { absent } else { there };
        let faults = looked_at.iter().map(|folder| self.check_files(folder));
        let faults = faults.filter_map(|checked| Some(checked.err()?.to_string()));
        bail!(
            "dataset `{name}` is not here: {}.\n\
             Get it:              normprop data fetch {name}\n\
             From your own copy:  normprop data fetch {name} --from FILE-or-FOLDER-or-URL",
            faults.collect::<Vec<_>>().join("; "),
            name = self.name
        )
    }
}

/// The file's name in a line of [`CatalogueEntry::look_alikes`].
fn file_of(look_alike: &str) -> &str {
    look_alike.split(": ").next().unwrap_or(look_alike)
}
