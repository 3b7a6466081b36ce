//! What a dataset on disk holds, against what the official one holds.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Serialize;

use super::catalogue::{Checksum, ClassCounts, DataFile, Entry};
use super::files::{open_plain_or_gzip, sha256_of};
use super::{Dataset, Split, catalogue, load_entry};

/// How a file's content compares with the official file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChecksumState {
    /// It is the official content.
    Official,
    /// It is certainly not the official content.
    NotOfficial,
    /// It differs from a checksum that is itself not certain.
    Unknown,
}

/// One file of a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileReport {
    /// Where it is.
    pub path: PathBuf,
    /// SHA-256 of its content, after decompression.
    pub sha256: String,
    /// How that compares with the official file.
    pub checksum: ChecksumState,
}

/// One split of a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SplitReport {
    /// Number of images.
    pub images: usize,
    /// Smallest and largest label.
    pub label_range: (u8, u8),
    /// Images of each class.
    pub class_counts: Vec<usize>,
    /// Images of each class in the official set.
    pub official_class_counts: Vec<usize>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
    /// The dataset's name.
    pub name: String,
    /// The folder it was read from; none for the one inside this program.
    pub folder: Option<PathBuf>,
    /// Its files; none for the one inside this program.
    pub files: Vec<FileReport>,
    /// Training split.
    pub train: SplitReport,
    /// Test split.
    pub test: SplitReport,
    /// SHA-256 of shape, labels and pixels, as runs record it.
    pub sha256: String,
}

impl VerifyReport {
    /// Whether every class has as many images as in the official set.
    pub fn has_official_counts(&self) -> bool {
        [&self.train, &self.test]
            .iter()
            .all(|split| split.class_counts == split.official_class_counts)
    }

    /// Whether nothing speaks against this being the official set: its counts are, and no file certainly differs.
    pub fn seems_official(&self) -> bool {
        self.has_official_counts()
            && self
                .files
                .iter()
                .all(|file| file.checksum != ChecksumState::NotOfficial)
    }
}

/// Reads the dataset called `name` in full and reports what it holds. That it can be read means that record
/// lengths, counts and labels fit; an error says where they do not.
pub fn verify(name: &str, data_dir: &Path) -> Result<VerifyReport> {
    verify_entry(catalogue::find(name)?, data_dir)
}

pub(super) fn verify_entry(entry: &Entry, data_dir: &Path) -> Result<VerifyReport> {
    let dataset = load_entry(entry, data_dir)?;
    let folder = if entry.is_embedded() {
        None
    } else {
        Some(entry.locate(data_dir)?)
    };
    let mut files = Vec::new();
    if let Some(folder) = &folder {
        for file in entry.files() {
            let path = entry
                .find_file(folder, file.name)
                .with_context(|| format!("{} went away", folder.join(file.name).display()))?;
            files.push(file_report(file, path)?);
        }
    }
    let Dataset {
        train,
        test,
        sha256,
        ..
    } = dataset;
    let classes = entry.classes.len();
    Ok(VerifyReport {
        name: entry.name.to_owned(),
        folder,
        files,
        train: split_report(&train, classes, entry.train_counts),
        test: split_report(&test, classes, entry.test_counts),
        sha256,
    })
}

fn file_report(file: &DataFile, path: PathBuf) -> Result<FileReport> {
    let sha256 = sha256_of(open_plain_or_gzip(&path)?)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let checksum = match file.sha256 {
        known if known.sha256() == sha256 => ChecksumState::Official,
        Checksum::Pinned(_) => ChecksumState::NotOfficial,
        Checksum::Unpinned(_) => ChecksumState::Unknown,
    };
    Ok(FileReport {
        path,
        sha256,
        checksum,
    })
}

fn split_report(split: &Split, classes: usize, official: ClassCounts) -> SplitReport {
    let labels = || split.labels.iter().copied();
    SplitReport {
        images: split.len(),
        label_range: (labels().min().unwrap_or(0), labels().max().unwrap_or(0)),
        class_counts: split.class_counts(classes),
        official_class_counts: official.of(classes),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fetch::samples;
    use super::*;

    #[test]
    fn the_embedded_set_is_what_it_should_be() {
        let report = verify("fashion-mnist-mini", Path::new("/nowhere")).unwrap();
        assert!(report.has_official_counts() && report.seems_official());
        assert_eq!((report.train.images, report.test.images), (4_000, 1_000));
        assert_eq!(report.train.label_range, (0, 9));
        assert_eq!(report.folder, None);
    }

    #[test]
    fn files_are_compared_with_what_is_known_of_them() {
        let data = tempfile::tempdir().unwrap();
        let entry = samples::digits(&[]);
        let folder = data.path().join(entry.folder);
        std::fs::create_dir(&folder).unwrap();
        for (name, bytes) in samples::digit_files() {
            std::fs::write(folder.join(name), bytes).unwrap();
        }
        let report = verify_entry(&entry, data.path()).unwrap();
        assert!(report.seems_official());
        assert!(
            report
                .files
                .iter()
                .all(|file| file.checksum == ChecksumState::Official)
        );
        assert_eq!(report.folder.as_deref(), Some(folder.as_path()));

        let labels = folder.join("train-labels-idx1-ubyte.gz");
        std::fs::write(labels, samples::gzip(&samples::label_file(&[1, 1, 0, 1]))).unwrap();
        let report = verify_entry(&entry, data.path()).unwrap();
        assert_eq!(report.files[1].checksum, ChecksumState::NotOfficial);
        assert_eq!(report.train.class_counts, [1, 3]);
        assert!(!report.has_official_counts() && !report.seems_official());
    }

    #[test]
    fn an_uncertain_checksum_speaks_against_nothing() {
        let data = tempfile::tempdir().unwrap();
        let path = data.path().join("some.bin");
        std::fs::write(&path, b"abc").unwrap();
        let state = |sha256| {
            file_report(
                &DataFile {
                    name: "some.bin",
                    sha256,
                },
                path.clone(),
            )
        };
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(
            state(Checksum::Unpinned(abc)).unwrap().checksum,
            ChecksumState::Official
        );
        assert_eq!(
            state(Checksum::Unpinned("00")).unwrap().checksum,
            ChecksumState::Unknown
        );
        assert_eq!(
            state(Checksum::Pinned("00")).unwrap().checksum,
            ChecksumState::NotOfficial
        );
    }
}
