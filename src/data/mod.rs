//! Datasets: readers of the official file formats, an embedded set, checksummed download.
//!
//! Images stay bytes (n × C×H×W) in memory; what a network sees is made batch by batch from them.

pub mod augment;
pub mod batches;
pub mod catalogue;
mod cifar;
pub mod embedded;
pub mod fetch;
mod files;
mod idx;
pub mod normalizer;
mod store;
mod svhn;
pub mod verify;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use catalogue::{DataFile, Entry, Format};
pub use store::{Dataset, ImageShape, Split};

/// Loads the dataset called `name`, from `data_dir`, a distribution's package, or this program itself.
///
/// Record counts need not be the official ones; what is read is checked record by record.
pub fn load(name: &str, data_dir: &Path) -> Result<Dataset> {
    load_entry(catalogue::find(name)?, data_dir)
}

fn load_entry(entry: &Entry, data_dir: &Path) -> Result<Dataset> {
    if entry.is_embedded() {
        let (train, test) = embedded::load(entry.shape, entry.classes.len())?;
        return assemble(entry, train, test);
    }
    let folder = entry.locate(data_dir)?;
    load_from(entry, &folder).with_context(|| {
        format!(
            "dataset `{0}` in {1} cannot be used; `normprop data fetch {0}` gets it anew",
            entry.name,
            folder.display()
        )
    })
}

/// Loads a dataset whose files are all in `folder`.
fn load_from(entry: &Entry, folder: &Path) -> Result<Dataset> {
    let split = |files: &[DataFile]| -> Result<Split> {
        let paths: Vec<PathBuf> = files
            .iter()
            .filter_map(|file| entry.find_file(folder, file.name))
            .collect();
        load_split(entry, &paths)
    };
    assemble(entry, split(entry.train_files)?, split(entry.test_files)?)
}

fn load_split(entry: &Entry, paths: &[PathBuf]) -> Result<Split> {
    let classes = entry.classes.len();
    match (entry.format, paths) {
        (Format::Idx, [images, labels]) => idx::load_split(images, labels, entry.shape, classes),
        (Format::Cifar { label_bytes }, paths) => {
            cifar::load_split(paths, label_bytes, entry.shape, classes)
        }
        (Format::Mat, [path]) => svhn::load_split(path, entry.shape),
        (format, paths) => {
            anyhow::bail!("{} files do not make a split of {format:?}", paths.len())
        }
    }
}

fn assemble(entry: &Entry, train: Split, test: Split) -> Result<Dataset> {
    let classes = entry
        .classes
        .iter()
        .map(|&class| class.to_owned())
        .collect();
    Dataset::new(entry.name, entry.shape, classes, train, test)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_dataset_loads_from_nowhere_and_never_changes() {
        let mini = load("fashion-mnist-mini", Path::new("/nowhere")).unwrap();
        assert_eq!((mini.train.len(), mini.test.len()), (4_000, 1_000));
        assert_eq!(mini.classes[9], "Ankle boot");
        let sha256 = "2dd404609d5db9c14129a0b085e82ebd435a7cf5881e6560532eca7873c59f04";
        assert_eq!(mini.sha256, sha256, "recorded runs name this checksum");
    }

    #[test]
    fn a_damaged_file_is_named_with_the_command_that_replaces_it() {
        let data = tempfile::tempdir().unwrap();
        let folder = data.path().join("cifar-100-binary");
        std::fs::create_dir(&folder).unwrap();
        for name in ["train.bin", "test.bin"] {
            std::fs::write(folder.join(name), vec![0; 3_000]).unwrap();
        }
        let message = format!("{:#}", load("cifar100", data.path()).unwrap_err());
        assert!(
            message.contains("normprop data fetch cifar100"),
            "{message}"
        );
        assert!(
            message.contains("train.bin: byte 0: record 0 has only 3000"),
            "{message}"
        );
    }
}
