//! Where a dataset's files come from: what `--from` means.

use std::path::PathBuf;

use anyhow::Result;
use percent_encoding::percent_decode_str;

use crate::data::entry::{CatalogueEntry, Download, Packing};
use crate::usage;

/// A file to download.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WebFile {
    /// Its name.
    pub(super) name: String,
    /// Where it is, best first.
    pub(super) addresses: Vec<String>,
    /// What it must be, for a file from the official addresses.
    pub(super) official: Option<Download>,
}

/// Where to fetch from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// Files at web addresses.
    Web(Vec<WebFile>),
    /// An archive on this machine.
    Archive(PathBuf),
    /// A folder on this machine.
    Folder(PathBuf),
}

impl Origin {
    /// Makes sense of `--from`.
    pub(super) fn parse(from: Option<&str>, entry: &CatalogueEntry) -> Result<Origin> {
        let Some(from) = from else {
            return Ok(Origin::Web(official_files(entry)));
        };
        if from.starts_with("http://") || from.starts_with("https://") {
            return Ok(Origin::Web(web_files(from, entry)));
        }
        let path = match from.split_once("://") {
            None => PathBuf::from(from),
            Some(("file", rest)) => file_url_path(from, rest)?,
            Some((scheme, _)) => {
                return Err(usage!(
                    "--from {from}: `{scheme}` addresses are not supported; use http, https, file, or a path"
                ));
            }
        };
        if path.is_dir() {
            Ok(Origin::Folder(path))
        } else if !path.is_file() {
            Err(usage!("--from {from}: there is no such file or folder"))
        } else if is_archive_name(from) || in_one_archive(entry) {
            Ok(Origin::Archive(path))
        } else {
            let names: Vec<&str> = entry.files().map(|(name, _)| name).collect();
            Err(usage!(
                "--from {from}: `{}` is made of {}; give the folder that holds them, or a .tar.gz of them",
                entry.name,
                names.join(", ")
            ))
        }
    }
}

/// Whether the official download is one archive.
pub(super) fn in_one_archive(entry: &CatalogueEntry) -> bool {
    matches!(entry.packing, Packing::Archive(_))
}

/// Whether a file of that name is an archive.
pub(super) fn is_archive_name(name: &str) -> bool {
    [".tar.gz", ".tgz", ".tar"]
        .iter()
        .any(|ending| name.ends_with(ending))
}

fn official_files(entry: &CatalogueEntry) -> Vec<WebFile> {
    let file = |download: Download| WebFile {
        name: download.name.clone(),
        addresses: entry
            .addresses
            .iter()
            .map(|address| format!("{address}{}", download.name))
            .collect(),
        official: Some(download),
    };
    entry.downloads().into_iter().map(file).collect()
}

/// An address that ends in `/` is a folder with the official file names; any other is the one file meant.
fn web_files(address: &str, entry: &CatalogueEntry) -> Vec<WebFile> {
    let file = |name: String, address: String| WebFile {
        name,
        addresses: vec![address],
        official: None,
    };
    let without_query = address.split(['?', '#']).next().unwrap_or(address);
    if is_archive_name(without_query) || (in_one_archive(entry) && !without_query.ends_with('/')) {
        return vec![file(format!("{}.tar.gz", entry.name), address.to_owned())];
    }
    let base = address.trim_end_matches('/');
    let names = entry.downloads().into_iter().map(|download| download.name);
    names
        .map(|name| file(name.clone(), format!("{base}/{name}")))
        .collect()
}

fn file_url_path(url: &str, rest: &str) -> Result<PathBuf> {
    let path = rest.strip_prefix("localhost").unwrap_or(rest);
    if !path.starts_with('/') {
        return Err(usage!(
            "--from {url}: a file address is file:///FOLDER/FILE"
        ));
    }
    let text = percent_decode_str(path).decode_utf8();
    let text = text.map_err(|_| usage!("--from {url}: is not UTF-8"))?;
    Ok(PathBuf::from(text.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::catalogue::find;

    fn parse(from: &str, name: &str) -> Result<Origin> {
        Origin::parse(Some(from), find(name).unwrap())
    }

    #[test]
    fn web_addresses_are_files_or_folders() {
        let Origin::Web(official) = Origin::parse(None, find("mnist").unwrap()).unwrap() else {
            panic!("a web address");
        };
        assert!(
            official
                .iter()
                .all(|file| file.official.is_some() && file.addresses.len() == 2)
        );
        let one = |address: &str, name: &str| {
            Origin::Web(vec![WebFile {
                name: name.into(),
                addresses: vec![address.into()],
                official: None,
            }])
        };
        for address in ["https://a.org/c.tar.gz?raw=1", "http://a.org/cifar"] {
            assert_eq!(
                parse(address, "cifar10").unwrap(),
                one(address, "cifar10.tar.gz")
            );
        }
        let folder = parse("http://a.org/m/", "cifar10").unwrap();
        assert_eq!(
            folder,
            one(
                "http://a.org/m/cifar-10-binary.tar.gz",
                "cifar-10-binary.tar.gz"
            )
        );
        let Origin::Web(files) = parse("http://a.org/m", "mnist").unwrap() else {
            panic!("a web address");
        };
        assert_eq!(files.len(), 4);
        assert_eq!(
            files[3].addresses[0],
            "http://a.org/m/t10k-labels-idx1-ubyte.gz"
        );
    }

    #[test]
    fn local_paths_and_file_addresses_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("my copy.tgz");
        std::fs::write(&file, b"").unwrap();
        let path = file.display().to_string();
        assert_eq!(
            parse(&path, "cifar10").unwrap(),
            Origin::Archive(file.clone())
        );
        let url = format!("file://{}", path.replace(' ', "%20"));
        assert_eq!(parse(&url, "mnist").unwrap(), Origin::Archive(file));
        let folder_name = folder.path().display().to_string();
        let expected = Origin::Folder(folder.path().to_owned());
        assert_eq!(parse(&folder_name, "svhn").unwrap(), expected);
    }

    #[test]
    fn what_cannot_be_meant_is_a_usage_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("train_32x32.mat");
        std::fs::write(&file, b"").unwrap();
        for (from, says) in [
            ("ftp://a.org/x", "`ftp` addresses"),
            ("/no/such/thing", "no such file"),
            ("file://host/x", "file:///FOLDER/FILE"),
            ("file:///a%ff", "is not UTF-8"),
            (
                &file.display().to_string(),
                "train_32x32.mat, test_32x32.mat; give the folder",
            ),
        ] {
            let error = parse(from, "svhn").unwrap_err();
            assert!(error.to_string().contains(says), "{from}: {error}");
            assert!(error.downcast_ref::<crate::error::Failure>().is_some());
        }
    }
}
