//! The checksum of a dataset's images without reading them again: it is noted beside the files, with what tells that
//! they are still the same.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::load::load_entry;
use super::{CatalogueEntry, OwnData, catalogue};

/// Name of the note: the checksum, then a line for each file.
const NOTE: &str = "normprop-checksum.txt";

/// [`Dataset::sha256`](super::Dataset::sha256) of the dataset called `name`. Its files are read only where no note is of
/// files of their lengths and times of modification; a note that cannot be written is left out.
pub fn checksum(name: &str, data_dir: &Path) -> Result<String> {
    if let Some(own) = OwnData::named(name)? {
        return Ok(own.load(name)?.sha256);
    }
    let entry = catalogue::find(name)?;
    let read = || Ok(load_entry(entry, data_dir)?.dataset.sha256);
    if entry.is_embedded() {
        return read();
    }
    let folder = entry.locate(data_dir)?;
    let (note, files) = (folder.join(NOTE), describe(entry, &folder)?);
    let noted = std::fs::read_to_string(&note).unwrap_or_default();
    if let Some((sha256, of)) = noted.split_once('\n')
        && of == files
    {
        return Ok(sha256.to_owned());
    }
    let sha256 = read()?;
    let _ = std::fs::write(&note, format!("{sha256}\n{files}"));
    Ok(sha256)
}

/// A line for each file: its length in bytes, when it was last changed in seconds, and its path.
fn describe(entry: &CatalogueEntry, folder: &Path) -> Result<String> {
    let paths = entry
        .files()
        .filter_map(|(name, _)| entry.find_file(folder, name));
    let line = |path: PathBuf| {
        let file = path.metadata()?;
        let changed = format!("{}.{:09}", file.mtime(), file.mtime_nsec());
        Ok(format!("{} {changed} {}\n", file.len(), path.display()))
    };
    paths.map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::load;

    #[test]
    fn a_checksum_is_noted_and_counts_as_long_as_the_files_are_the_same() {
        let data = tempfile::tempdir().unwrap();
        let folder = data.path().join("cifar-100-binary");
        std::fs::create_dir(&folder).unwrap();
        let put = |name: &str, byte: u8| std::fs::write(folder.join(name), [byte; 3074]).unwrap();
        put("train.bin", 1);
        put("test.bin", 2);
        let here = || checksum("cifar100", data.path()).unwrap();
        let read = || load("cifar100", data.path()).unwrap().dataset.sha256;
        let first = here();
        assert_eq!(first, read());
        assert_eq!(first, here());

        let note = folder.join(NOTE);
        let text = std::fs::read_to_string(&note).unwrap();
        std::fs::write(&note, text.replace(&first, "noted")).unwrap();
        assert_eq!(here(), "noted", "the files are not read");
        for half in [&text[..text.len() - 1], "", &text[..40]] {
            std::fs::write(&note, half).unwrap();
            assert_eq!(here(), first, "a torn note counts for nothing");
        }
        put("train.bin", 3);
        let time = std::time::SystemTime::now() + std::time::Duration::from_secs(5);
        let file = std::fs::File::options()
            .write(true)
            .open(folder.join("train.bin"));
        file.unwrap().set_modified(time).unwrap();
        assert_ne!(here(), first);
        assert_eq!(here(), read());
        std::fs::remove_file(folder.join("test.bin")).unwrap();
        assert!(checksum("cifar100", data.path()).is_err());
    }
}
