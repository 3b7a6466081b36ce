//! The few file operations a run directory is made of, and what to say when one fails.
//!
//! They stand behind a trait so that tests can stop a run at any byte and fill any disk.

use anyhow::{Context, Result};
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Suffix of a file that is being written and has not yet got its final name.
const TEMPORARY_SUFFIX: &str = ".tmp";

/// One change of what lies on a disk.
#[derive(Debug, Clone, Copy)]
pub enum Operation<'a> {
    /// Adds bytes at the end of an existing file; when it fails, the file is as long as before.
    Append(&'a Path, &'a [u8]),
    /// Writes a whole file and flushes it to the device.
    Write(&'a Path, &'a [u8]),
    /// Gives a file another name in one step, replacing what had that name.
    Rename(&'a Path, &'a Path),
    /// Deletes a file.
    Remove(&'a Path),
    /// Flushes a file or a folder to the device.
    Sync(&'a Path),
}

/// What the record needs of a file system.
pub trait Disk: Send {
    /// Does one operation.
    fn perform(&self, operation: Operation) -> io::Result<()>;
}

/// The file system of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn perform(&self, operation: Operation) -> io::Result<()> {
        match operation {
            Operation::Append(path, bytes) => {
                let mut file = OpenOptions::new().append(true).open(path)?;
                let length = file.metadata()?.len();
                file.write_all(bytes).inspect_err(|_| {
                    // A reader of the file should not meet half a row; if this fails too, the next start cuts it off.
                    let _ = file.set_len(length);
                })
            }
            Operation::Write(path, bytes) => {
                let mut file = File::create(path)?;
                file.write_all(bytes)?;
                file.sync_all()
            }
            Operation::Rename(from, to) => std::fs::rename(from, to),
            Operation::Remove(path) => std::fs::remove_file(path),
            Operation::Sync(path) => File::open(path)?.sync_all(),
        }
    }
}

/// The name a file has while this process writes it, in the same folder as the file itself: two processes that write the
/// same file at once must not take each other's.
pub fn temporary_path(path: &Path) -> PathBuf {
    path.with_added_extension(format!("{}{TEMPORARY_SUFFIX}", std::process::id()))
}

/// The name that a file of this temporary name was to get; `None` for any other name.
pub fn final_name(temporary: &str) -> Option<&str> {
    // Versions up to 0.2 used no number.
    numbered(temporary).or_else(|| temporary.strip_suffix(TEMPORARY_SUFFIX))
}

fn numbered(temporary: &str) -> Option<&str> {
    let (name, number) = temporary.strip_suffix(TEMPORARY_SUFFIX)?.rsplit_once('.')?;
    number.parse::<u32>().is_ok().then_some(name)
}

/// The names in a folder, sorted; those that are not UTF-8 are shown as far as they go.
pub fn names_in(folder: &Path) -> Result<Vec<String>> {
    let context = || format!("cannot list {}", folder.display());
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(context)? {
        let name = entry.with_context(context)?.file_name();
        names.push(name.to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// Removes what killed processes left half-written in a folder that no other process writes to.
pub fn remove_leftovers(folder: &Path) -> Result<()> {
    for name in names_in(folder)? {
        if numbered(&name).is_some() {
            std::fs::remove_file(folder.join(name))
                .with_context(|| format!("cannot tidy {}", folder.display()))?;
        }
    }
    Ok(())
}

/// Replaces a file in one step: at any moment its name stands for all of the old bytes or all of the new.
///
/// Temporary name, flush to the device, rename, flush of the folder.
pub fn replace(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> Result<()> {
    let temporary = temporary_path(path);
    let written = disk
        .perform(Operation::Write(&temporary, bytes))
        .and_then(|()| disk.perform(Operation::Rename(&temporary, path)))
        .inspect_err(|_| {
            // Gives the space back; a leftover does no harm and is removed at the next start.
            let _ = disk.perform(Operation::Remove(&temporary));
        });
    let folder = path.parent();
    written
        .and_then(|()| folder.map_or(Ok(()), |folder| disk.perform(Operation::Sync(folder))))
        .map_err(|error| write_failure(error, path, Some(bytes.len())))
}

/// Adds bytes at the end of an existing file.
pub fn append(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> Result<()> {
    disk.perform(Operation::Append(path, bytes))
        .map_err(|error| write_failure(error, path, Some(bytes.len())))
}

/// Turns a failed write into a message that names the file, how many bytes it needed where that is known, what
/// became of the record, and what to do.
pub fn write_failure(error: io::Error, path: &Path, needed_bytes: Option<usize>) -> anyhow::Error {
    let (reason, remedy) = match error.kind() {
        ErrorKind::StorageFull => ("the disk is full", "free some space"),
        ErrorKind::QuotaExceeded => ("your disk quota is used up", "free some space"),
        ErrorKind::FileTooLarge => (
            "it would be longer than files may be here, see ulimit -f",
            "raise the limit",
        ),
        ErrorKind::ResourceBusy => (
            "the folder is no longer ours",
            "wait for the other process to end",
        ),
        ErrorKind::PermissionDenied => ("permission is denied", "put that right"),
        ErrorKind::ReadOnlyFilesystem => ("the file system is read-only", "put that right"),
        ErrorKind::NotFound => ("the file or its folder is gone", "put that right"),
        _ => ("the operating system reports an error", "put that right"),
    };
    use ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    let lacks_room = matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge);
    let needed = needed_bytes.filter(|_| lacks_room);
    let needed = needed.map(|bytes| format!(" ({bytes} bytes were needed)"));
    let folder = path.parent().unwrap_or(path).display();
    let message = format!(
        "cannot write {}: {reason}{}; everything recorded until then is kept in {folder}: {remedy}, then run the same command again",
        path.display(),
        needed.unwrap_or_default()
    );
    anyhow::Error::new(error).context(message)
}

/// A text as this program writes it. Editors and version control put a byte order mark before it, and a carriage return
/// before each line break.
pub fn plain_text(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(bytes.len());
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        match line.strip_suffix(b"\r\n") {
            Some(line) => plain.extend(line.iter().chain(b"\n")),
            None => plain.extend(line),
        }
    }
    plain
}

/// The [`plain_text`] of a file.
pub fn read_text(path: &Path) -> io::Result<String> {
    String::from_utf8(plain_text(&std::fs::read(path)?))
        .map_err(|_| io::Error::new(ErrorKind::InvalidData, "it is not UTF-8 text"))
}

/// [`read_text`], or `None` when there is no such file.
pub fn read_text_if_there(path: &Path) -> Result<Option<String>> {
    match read_text(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replace_leaves_the_new_bytes_and_no_temporary_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        replace(&RealDisk, &path, b"one").unwrap();
        replace(&RealDisk, &path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_temporary_name_tells_the_final_one() {
        let temporary = temporary_path(Path::new("metrics.csv"));
        assert!(
            temporary
                .to_str()
                .is_some_and(|name| name.contains(&std::process::id().to_string()))
        );
        assert_eq!(final_name(temporary.to_str().unwrap()), Some("metrics.csv"));
        assert_eq!(final_name("metrics.csv.tmp"), Some("metrics.csv"));
        assert_eq!(final_name("metrics.csv"), None);
    }

    #[test]
    fn only_what_a_process_left_half_written_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["summary.csv", "summary.csv.4711.tmp", "notes.tmp"] {
            std::fs::write(folder.path().join(name), "x").unwrap();
        }
        remove_leftovers(folder.path()).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
        assert!(folder.path().join("notes.tmp").is_file());
    }

    #[test]
    fn append_does_not_make_a_file_without_a_header() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.csv");
        let error = append(&RealDisk, &path, b"1,2\n").unwrap_err();
        assert!(
            error
                .to_string()
                .contains("metrics.csv: the file or its folder is gone")
        );
        assert!(!path.exists());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_device_is_named_with_what_was_needed_and_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint-3.safetensors");
        replace(&RealDisk, &path, b"old").unwrap();
        std::os::unix::fs::symlink("/dev/full", temporary_path(&path)).unwrap();
        let error = replace(&RealDisk, &path, &[7; 1000]).unwrap_err();
        let message = error.to_string();
        assert!(
            message.contains("checkpoint-3.safetensors: the disk is full (1000 bytes were needed)"),
            "{message}"
        );
        assert!(message.contains("everything recorded until then is kept"));
        assert!(message.contains("free some space, then run the same command again"));
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert!(!temporary_path(&path).is_symlink());
    }
}
