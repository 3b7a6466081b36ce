//! The hidden folder in which a dataset is made ready before it is moved to its place.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use super::download::{Client, Progress};
use super::origin::{Origin, in_one_archive, is_archive_name};
use super::unpack::unpack_members;
use crate::data::catalogue::{Download, Entry};
use crate::data::files::sha256_of;

/// The folder, locked: one process at a time.
pub(super) struct Staging {
    folder: PathBuf,
    /// Where complete, named files go.
    pub(super) files: PathBuf,
    _lock: File,
}

impl Staging {
    /// Makes and locks `.fetch-NAME` under `data_dir`.
    pub(super) fn open(entry: &Entry, data_dir: &Path) -> Result<Staging> {
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

    /// Removes everything; what cannot be removed is in nobody's way.
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
        entry: &Entry,
        origin: &Origin,
        client: &Client,
        progress: Progress,
    ) -> Result<()> {
        match origin {
            Origin::Official => {
                let mut arrived = Vec::new();
                for download in entry.downloads {
                    let path = self.official(entry, download, client, progress)?;
                    arrived.push((path, download.name));
                }
                self.take_all(entry, &arrived)?;
            }
            Origin::Web(files) => {
                let mut arrived = Vec::new();
                for (url, name) in files {
                    let path = self.partial(name, url)?;
                    client.download(url, &path, progress)?;
                    arrived.push((path, name.as_str()));
                }
                self.take_all(entry, &arrived)?;
            }
            Origin::Archive(path) => self.unpack(entry, path)?,
            Origin::Folder(folder) => self.copy_from(entry, folder, progress)?,
        }
        Ok(())
    }

    /// Downloads one official file and insists on its checksum; a further address is tried if one fails.
    fn official(
        &self,
        entry: &Entry,
        download: &Download,
        client: &Client,
        progress: Progress,
    ) -> Result<PathBuf> {
        let path = self.partial(download.name, download.sha256.sha256())?;
        let mut failures = Vec::new();
        for address in entry.addresses {
            let url = format!("{address}{}", download.name);
            match official_from(&url, download, &path, client, progress) {
                Ok(()) => return Ok(path),
                Err(error) => failures.push(format!("{error:#}")),
            }
        }
        bail!(
            "{}\nIf you have a copy, or know a mirror: normprop data fetch {} --from FILE-or-FOLDER-or-URL",
            failures.join("\n"),
            entry.name
        )
    }

    /// Where a download grows. Parts of different contents never share a file.
    fn partial(&self, name: &str, content: &str) -> Result<PathBuf> {
        let digest = sha256_of(content.as_bytes())?;
        Ok(self.folder.join(format!("{name}.{}.part", &digest[..8])))
    }

    /// Unpacks or moves downloads, once all are complete. An archive that cannot be unpacked is thrown away.
    fn take_all(&self, entry: &Entry, arrived: &[(PathBuf, &str)]) -> Result<()> {
        for (path, name) in arrived {
            if is_archive_name(name) {
                self.unpack(entry, path).inspect_err(|_| {
                    let _ = std::fs::remove_file(path);
                })?;
            } else {
                let target = self.files.join(name);
                std::fs::rename(path, &target)
                    .with_context(|| format!("cannot write {}", target.display()))?;
            }
        }
        Ok(())
    }

    fn unpack(&self, entry: &Entry, archive: &Path) -> Result<()> {
        unpack_members(archive, &|name| entry.is_file_name(name), &self.files)
    }

    /// Copies the files from a folder that has them, or unpacks the official archive found there.
    fn copy_from(&self, entry: &Entry, folder: &Path, progress: Progress) -> Result<()> {
        let candidates = [folder.to_owned(), folder.join(entry.folder)];
        if let Some(source) = candidates
            .iter()
            .find(|dir| entry.missing_files(dir).is_empty())
        {
            for path in entry
                .files()
                .filter_map(|file| entry.find_file(source, file.name))
            {
                let target = self.files.join(path.file_name().unwrap_or_default());
                let bytes = std::fs::copy(&path, &target)
                    .with_context(|| format!("cannot copy {}", path.display()))?;
                progress(bytes, Some(bytes));
            }
            return Ok(());
        }
        let archive = entry
            .downloads
            .iter()
            .map(|download| folder.join(download.name));
        match archive
            .filter(|_| in_one_archive(entry))
            .find(|path| path.is_file())
        {
            Some(archive) => self.unpack(entry, &archive),
            None => bail!(
                "{} lacks {}",
                folder.display(),
                entry.missing_files(folder).join(", ")
            ),
        }
    }
}

/// Downloads one file and checks it. A continued download that turns out wrong is made once more in full:
/// its first part may be to blame.
fn official_from(
    url: &str,
    download: &Download,
    path: &Path,
    client: &Client,
    progress: Progress,
) -> Result<()> {
    let expected = download.sha256.sha256();
    if path.is_file() && file_sha256(path)? == expected {
        return Ok(());
    }
    loop {
        let resumed = client.download(url, path, progress)?;
        let sha256 = file_sha256(path)?;
        if sha256 == expected {
            return Ok(());
        }
        let context = || format!("cannot replace {}", path.display());
        let received = std::fs::metadata(path).with_context(context)?.len();
        std::fs::remove_file(path).with_context(context)?;
        ensure!(
            resumed,
            "{url} gave a wrong file: {received} bytes with SHA-256 {sha256}, expected {} bytes with {expected}",
            download.size_bytes
        );
    }
}

fn file_sha256(path: &Path) -> Result<String> {
    let context = || format!("cannot read {}", path.display());
    sha256_of(File::open(path).with_context(context)?).with_context(context)
}
