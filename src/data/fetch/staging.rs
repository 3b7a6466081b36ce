//! The hidden folder in which a dataset is made ready before it is moved to its place.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};

use super::download::{Client, FetchProgress};
use super::origin::{Origin, WebFile, is_archive_name};
use super::unpack::unpack_members;
use crate::data::entry::{CatalogueEntry, Download, Packing};
use crate::data::files::file_sha256;
use crate::text::numbers::hexadecimal;

/// The folder, locked: one process at a time.
pub(super) struct Staging<'e> {
    entry: &'e CatalogueEntry,
    folder: PathBuf,
    /// Where complete, named files go.
    pub(super) files: PathBuf,
    _lock: File,
}

impl<'e> Staging<'e> {
    /// Makes and locks `.fetch-NAME` under `data_dir`.
    pub(super) fn open(entry: &'e CatalogueEntry, data_dir: &Path) -> Result<Staging<'e>> {
        let folder = data_dir.join(format!(".fetch-{}", entry.name));
        let files = folder.join("files");
        let context = || format!("cannot write in {}", folder.display());
        std::fs::create_dir_all(&folder).with_context(context)?;
        let lock = File::create(folder.join("lock")).with_context(context)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!(
                "another process is fetching `{}` ({} is locked)",
                entry.name,
                folder.display()
            ),
            Err(TryLockError::Error(error)) => return Err(error).with_context(context),
        }
        if files.exists() {
            std::fs::remove_dir_all(&files).with_context(context)?;
        }
        std::fs::create_dir(&files).with_context(context)?;
        Ok(Staging {
            entry,
            folder,
            files,
            _lock: lock,
        })
    }

    /// Removes everything; what cannot be removed does no harm.
    pub(super) fn discard(&self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }

    /// Removes all but unfinished downloads.
    pub(super) fn tidy(&self) {
        let _ = std::fs::remove_dir_all(&self.files);
        let names = std::fs::read_dir(&self.folder);
        if names.is_ok_and(|names| names.flatten().all(|name| name.file_name() == "lock")) {
            self.discard();
        }
    }

    /// Brings the files of `origin` here. What has arrived of a download that breaks off stays for the next time.
    pub(super) fn fill(
        &self,
        origin: &Origin,
        client: &Client,
        progress: FetchProgress,
    ) -> Result<()> {
        match origin {
            Origin::Web(files) => {
                let mut arrived = Vec::new();
                for file in files {
                    arrived.push((self.download(file, client, progress)?, &file.name));
                }
                // Once all are complete.
                for (path, name) in arrived {
                    self.take(&path, name)?;
                }
                Ok(())
            }
            Origin::Archive(path) => self.unpack(path),
            Origin::Folder(folder) => self.copy_from(folder, progress),
        }
    }

    /// Downloads one file; a further address is tried if one fails.
    fn download(&self, file: &WebFile, client: &Client, tell: FetchProgress) -> Result<PathBuf> {
        // Parts of different contents never share a file.
        let content = match &file.official {
            Some(official) => official.sha256.to_owned(),
            None => file.addresses.concat(),
        };
        let digest = hexadecimal(&Sha256::digest(content));
        let part = format!("{}.{}.part", file.name, &digest[..8]);
        let path = self.folder.join(part);
        let mut failures = Vec::new();
        for url in &file.addresses {
            let result = match &file.official {
                Some(official) => official_from(url, official, &path, client, tell),
                None => client.download(url, &path, self.entry.most_bytes(), tell),
            };
            match result {
                Ok(()) => return Ok(path),
                Err(error) => failures.push(format!("{error:#}")),
            }
        }
        if file.official.is_some() {
            failures.push(format!(
                "If you have a copy, or know a mirror: normprop data fetch {} --from FILE-or-FOLDER-or-URL",
                self.entry.name
            ));
        }
        bail!("{}", failures.join("\n"))
    }

    /// Unpacks or moves a download. An archive that cannot be unpacked is thrown away.
    fn take(&self, path: &Path, name: &str) -> Result<()> {
        if is_archive_name(name) {
            return self.unpack(path).inspect_err(|_| {
                let _ = std::fs::remove_file(path);
            });
        }
        let target = self.files.join(name);
        std::fs::rename(path, &target).with_context(|| format!("cannot write {}", target.display()))
    }

    fn unpack(&self, archive: &Path) -> Result<()> {
        unpack_members(archive, self.entry, &self.files)
    }

    /// Copies the files from a folder that has them, or unpacks the official archive found there.
    fn copy_from(&self, folder: &Path, progress: FetchProgress) -> Result<()> {
        let entry = self.entry;
        let below = entry.folders.iter().map(|name| folder.join(name));
        let mut candidates = std::iter::once(folder.to_owned()).chain(below);
        let Some(source) = candidates.find(|folder| entry.check_files(folder).is_ok()) else {
            return match entry.packing {
                Packing::Archive(name) if folder.join(name).is_file() => {
                    self.unpack(&folder.join(name))
                }
                _ => entry.check_files(folder),
            };
        };
        let names = entry.files().map(|(name, _)| name);
        for path in names.filter_map(|name| entry.find_file(&source, name)) {
            let target = self.files.join(path.file_name().unwrap_or_default());
            let bytes = std::fs::copy(&path, &target)
                .with_context(|| format!("cannot copy {}", path.display()))?;
            progress(bytes, Some(bytes));
        }
        Ok(())
    }
}

/// Downloads one file and checks it. A continued download that turns out wrong is made once more in full:
/// its first part may be to blame.
fn official_from(
    url: &str,
    download: &Download,
    path: &Path,
    client: &Client,
    progress: FetchProgress,
) -> Result<()> {
    let expected = download.sha256;
    if path.is_file() && file_sha256(path)? == expected {
        return Ok(());
    }
    loop {
        let continued = path.is_file();
        client.download(url, path, download.size_bytes, progress)?;
        let sha256 = file_sha256(path)?;
        if sha256 == expected {
            return Ok(());
        }
        let context = || format!("cannot replace {}", path.display());
        let received = std::fs::metadata(path).with_context(context)?.len();
        std::fs::remove_file(path).with_context(context)?;
        ensure!(
            continued,
            "{url} gave a wrong file: {received} bytes with SHA-256 {sha256}, expected {} bytes with {expected}",
            download.size_bytes
        );
    }
}
