//! From the catalogue and files to a dataset in memory.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Serialize;

use super::{CatalogueEntry, Dataset, OwnData, SourceFile, Verdict, catalogue};

/// One file of a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileReport {
    /// Where it is.
    pub path: PathBuf,
    /// SHA-256 of its content, after decompression.
    pub sha256: String,
    /// Whether that is the official file's.
    pub official: bool,
}

/// A dataset with what is known of where it came from.
#[derive(Debug)]
pub struct Loaded {
    /// The dataset.
    pub dataset: Dataset,
    /// The folder (or archive of one's own) it was read from; none for one inside this program.
    pub folder: Option<PathBuf>,
    /// Its files; none for one inside this program, nor for data of one's own.
    pub files: Vec<FileReport>,
}

/// Loads the dataset called `name`, from `data_dir`, a distribution's package, or this program itself; or data of one's
/// own ([`OwnData`]).
///
/// Record counts need not be the official ones; what is read is checked record by record.
pub fn load(name: &str, data_dir: &Path) -> Result<Loaded> {
    match OwnData::named(name)? {
        Some(own) => load_own(&own, name),
        None => load_entry(catalogue::find(name)?, data_dir),
    }
}

/// Loads data of one's own, which `name` stands for.
pub(super) fn load_own(own: &OwnData, name: &str) -> Result<Loaded> {
    Ok(Loaded {
        dataset: own.load(name)?,
        folder: Some(own.path().to_owned()),
        files: Vec::new(),
    })
}

/// Loads a dataset from the folder that has it.
pub(super) fn load_entry(entry: &CatalogueEntry, data_dir: &Path) -> Result<Loaded> {
    if entry.is_embedded() {
        return load_from(entry, None);
    }
    let folder = entry.locate(data_dir)?;
    load_from(entry, Some(&folder)).with_context(|| {
        format!(
            "dataset `{0}` in {1} cannot be used; to replace it: normprop data fetch {0}",
            entry.name,
            folder.display()
        )
    })
}

/// Loads a dataset whose files are all in `folder`.
pub(super) fn load_from(entry: &CatalogueEntry, folder: Option<&Path>) -> Result<Loaded> {
    let mut sources = Vec::new();
    for (name, _) in entry.files() {
        let folder = folder.unwrap_or(Path::new(""));
        let path = entry.find_file(folder, name);
        let path = path.with_context(|| format!("{} went away", folder.join(name).display()))?;
        sources.push(SourceFile::open(&path, entry.most_bytes())?);
    }
    let (train, test) = sources.split_at_mut(entry.train_files.len());
    let [train_split, test_split] = entry.format.load(entry, [train, test])?;
    let mut files = Vec::new();
    for (source, (_, official)) in sources.into_iter().zip(entry.files()) {
        let path = source.path.clone();
        let sha256 = source
            .sha256()
            .with_context(|| format!("cannot read {}", path.display()))?;
        let official = sha256 == official;
        files.push(FileReport {
            path,
            sha256,
            official,
        });
    }
    let names = entry.class_names();
    let counts = [&train_split, &test_split].map(|split| split.class_counts(names.len()));
    let verdict = match (
        counts == entry.class_counts(),
        files.iter().all(|file| file.official),
    ) {
        (true, true) => Verdict::Official,
        (true, false) => Verdict::OtherContent,
        (false, _) => Verdict::OtherCounts,
    };
    let classes = names.into_iter().map(str::to_owned).collect();
    let dataset = Dataset::new(entry.name, entry.shape, classes, train_split, test_split)?;
    Ok(Loaded {
        dataset: Dataset { verdict, ..dataset },
        folder: folder.map(Path::to_owned),
        files,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_dataset_loads_from_nowhere_and_never_changes() {
        let mini = load("fashion-mnist-mini", Path::new("/nowhere"))
            .unwrap()
            .dataset;
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
        for says in [
            "normprop data fetch cifar100",
            "train.bin: byte 0: record 0 has only 3000",
        ] {
            assert!(message.contains(says), "{message}");
        }
    }
}
