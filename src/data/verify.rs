//! What a dataset on disk holds, against what the official one holds.

use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::Serialize;

use super::load::{FileReport, Loaded, load_entry, load_own};
use super::{CatalogueEntry, OwnData, Split, Verdict, catalogue};

/// One split of a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SplitReport {
    /// Number of images.
    pub images: usize,
    /// Smallest and largest label.
    pub label_range: (u8, u8),
    /// Images of each class.
    pub class_counts: Vec<usize>,
    /// Images of each class in the official set; empty for data of one's own.
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
    /// Channels, rows and columns of every image.
    pub shape: [usize; 3],
    /// What each class number means.
    pub classes: Vec<String>,
    /// Training split.
    pub train: SplitReport,
    /// Test split.
    pub test: SplitReport,
    /// SHA-256 of shape, labels and pixels, as runs record it.
    pub sha256: String,
    /// How it compares with the official set.
    pub verdict: Verdict,
}

/// Reads the dataset called `name` in full and reports what it holds. That it can be read means that record
/// lengths, counts and labels fit; an error says where they do not.
pub fn verify(name: &str, data_dir: &Path) -> Result<VerifyReport> {
    match OwnData::named(name)? {
        Some(own) => Ok(report(load_own(&own, name)?, [Vec::new(), Vec::new()])),
        None => verify_entry(catalogue::find(name)?, data_dir),
    }
}

pub(super) fn verify_entry(entry: &CatalogueEntry, data_dir: &Path) -> Result<VerifyReport> {
    Ok(report(load_entry(entry, data_dir)?, entry.class_counts()))
}

fn report(loaded: Loaded, official_counts: [Vec<usize>; 2]) -> VerifyReport {
    let Loaded {
        dataset,
        folder,
        files,
    } = loaded;
    let classes = dataset.classes.len();
    let [train, test] = official_counts;
    let shape = dataset.shape;
    VerifyReport {
        name: dataset.name,
        folder,
        files,
        shape: [shape.channels, shape.height, shape.width],
        train: split_report(&dataset.train, classes, train),
        test: split_report(&dataset.test, classes, test),
        classes: dataset.classes,
        sha256: dataset.sha256,
        verdict: dataset.verdict,
    }
}

fn split_report(split: &Split, classes: usize, official_class_counts: Vec<usize>) -> SplitReport {
    let labels = || split.labels.iter().copied();
    SplitReport {
        images: split.len(),
        label_range: (labels().min().unwrap_or(0), labels().max().unwrap_or(0)),
        class_counts: split.class_counts(classes),
        official_class_counts,
    }
}

#[cfg(test)]
mod tests {
    use super::super::fetch::samples;
    use super::*;

    #[test]
    fn the_embedded_set_is_what_it_should_be() {
        let report = verify("fashion-mnist-mini", Path::new("/nowhere")).unwrap();
        assert_eq!(report.verdict, Verdict::Official);
        assert_eq!((report.train.images, report.test.images), (4_000, 1_000));
        assert_eq!(report.train.label_range, (0, 9));
        assert_eq!(report.folder, None);
    }

    #[test]
    fn the_verdict_follows_from_contents_and_counts() {
        let data = tempfile::tempdir().unwrap();
        let entry = samples::digits(&[]);
        let folder = entry.own_folder(data.path());
        std::fs::create_dir(&folder).unwrap();
        for (name, bytes) in samples::digit_files() {
            std::fs::write(folder.join(name), bytes).unwrap();
        }
        let report = verify_entry(&entry, data.path()).unwrap();
        assert_eq!(report.verdict, Verdict::Official);
        assert!(report.files.iter().all(|file| file.official));
        assert_eq!(report.folder.as_deref(), Some(folder.as_path()));

        let labels = folder.join("train-labels-idx1-ubyte.gz");
        for (content, verdict) in [
            ([0, 1, 1, 0], Verdict::OtherContent),
            ([1, 1, 0, 1], Verdict::OtherCounts),
        ] {
            std::fs::write(&labels, samples::gzip(&samples::label_file(&content))).unwrap();
            let report = verify_entry(&entry, data.path()).unwrap();
            assert_eq!(report.verdict, verdict);
            let official: Vec<bool> = report.files.iter().map(|file| file.official).collect();
            assert_eq!(official, [true, false, true, true]);
        }
    }

    #[test]
    fn other_bytes_in_the_format_of_cifar_are_told_like_any_other() {
        let data = tempfile::tempdir().unwrap();
        let entry = samples::photos(&[]);
        let folder = entry.own_folder(data.path());
        std::fs::create_dir(&folder).unwrap();
        for (name, bytes) in samples::PHOTO_RECORDS {
            let zeroed: Vec<u8> = bytes
                .iter()
                .enumerate()
                .map(|(i, &b)| if i % 4 == 0 { b } else { 0 })
                .collect();
            std::fs::write(folder.join(name), zeroed).unwrap();
        }
        let report = verify_entry(&entry, data.path()).unwrap();
        assert_eq!(report.verdict, Verdict::OtherContent);
    }
}
