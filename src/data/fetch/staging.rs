//! The hidden folder in which a dataset is made ready before it is moved to its place.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};

use super::download::{Client, FetchProgress};
use super::origin::{Origin, WebFile, in_one_archive, is_archive_name};
use super::unpack::unpack_members;
use crate::data::entry::{CatalogueEntry, Download};
use crate::data::files::file_sha256;
use crate::text::numbers::hexadecimal;

/// The folder, locked: one process at a time.
pub(super) struct Staging {
    folder: PathBuf,
    /// Where complete, named files go.
    pub(super) files: PathBuf,
    _lock: File,
}

impl Staging {
    /// Makes and locks `.fetch-NAME` under `data_dir`.
    pub(super) fn open(entry: &CatalogueEntry, data_dir: &Path) -> Result<Staging> {
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
        let unfinished = std::fs::read_dir(&self.folder)
            .map(|names| names.flatten().any(|name| name.file_name() != "lock"))
            .unwrap_or(true);
        if !unfinished {
            self.discard();
        }
    }

    /// Brings the files of `origin` here. What has arrived of a download that breaks off stays for the next time.
    pub(super) fn fill(
        &self,
        entry: &CatalogueEntry,
        origin: &Origin,
        client: &Client,
        progress: FetchProgress,
    ) -> Result<()> {
        match origin {
            Origin::Web(files) => {
                let mut arrived = Vec::new();
                for file in files {
                    arrived.push((self.download(entry, file, client, progress)?, &file.name));
                }
                // Once all are complete.
                for (path, name) in arrived {
                    self.take(entry, &path, name)?;
                }
                Ok(())
            }
            Origin::Archive(path) => self.unpack(entry, path),
            Origin::Folder(folder) => self.copy_from(entry, folder, progress),
        }
    }

    /// Downloads one file; a further address is tried if one fails.
    fn download(
        &self,
        entry: &CatalogueEntry,
        file: &WebFile,
        client: &Client,
        progress: FetchProgress,
    ) -> Result<PathBuf> {
        // Parts of different contents never share a file.
        let content = file
            .official
            .as_ref()
            .map_or(file.addresses.concat(), |official| {
                official.sha256.to_owned()
            });
        let digest = hexadecimal(&Sha256::digest(content));
        let path = self
            .folder
            .join(format!("{}.{}.part", file.name, &digest[..8]));
        let mut failures = Vec::new();
        for url in &file.addresses {
            let result = match &file.official {
                Some(official) => official_from(url, official, &path, client, progress),
                None => client
                    .download(url, &path, entry.most_bytes(), progress)
                    .map(|_| ()),
            };
            match result {
                Ok(()) => return Ok(path),
                Err(error) => failures.push(format!("{error:#}")),
            }
        }
        if file.official.is_some() {
            failures.push(format!(
                "If you have a copy, or know a mirror: normprop data fetch {} --from FILE-or-FOLDER-or-URL",
                entry.name
            ));
        }
        bail!("{}", failures.join("\n"))
    }

    /// Unpacks or moves a download. An archive that cannot be unpacked is thrown away.
    fn take(&self, entry: &CatalogueEntry, path: &Path, name: &str) -> Result<()> {
        if is_archive_name(name) {
            return self.unpack(entry, path).inspect_err(|_| {
                let _ = std::fs::remove_file(path);
            });
        }
        let target = self.files.join(name);
        std::fs::rename(path, &target).with_context(|| format!("cannot write {}", target.display()))
    }

    fn unpack(&self, entry: &CatalogueEntry, archive: &Path) -> Result<()> {
        unpack_members(archive, entry, &self.files)
    }

    /// Copies the files from a folder that has them, or unpacks the official archive found there.
    fn copy_from(
        &self,
        entry: &CatalogueEntry,
        folder: &Path,
        progress: FetchProgress,
    ) -> Result<()> {
        let below = entry.folders.iter().map(|name| folder.join(name));
        let mut candidates = std::iter::once(folder.to_owned()).chain(below);
        let Some(source) = candidates.find(|folder| entry.check_files(folder).is_ok()) else {
            let downloads = entry
                .downloads()
                .into_iter()
                .map(|download| folder.join(download.name));
            let archive = downloads
                .filter(|_| in_one_archive(entry))
                .find(|path| path.is_file());
            return match archive {
                Some(archive) => self.unpack(entry, &archive),
                None => entry.check_files(folder),
            };
        };
        for path in entry
            .files()
            .filter_map(|(name, _)| entry.find_file(&source, name))
        {
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
