//! Data of one's own: a folder of pictures, or NumPy's archive of arrays, as `dataset` names them.
//!
//! `folder:PATH` and `npz:PATH` take images as they are, which must all be square and of one size; with `@SIZE` behind
//! the path, the middle of each is brought to that many rows and columns.

mod arrays;
mod folder;
mod npz;
mod parts;

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{Dataset, Verdict};
use crate::usage;
use parts::SIZES;

/// Where data of one's own lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnData {
    kind: OwnKind,
    path: PathBuf,
    /// The rows and columns that images are brought to, where asked for.
    size: Option<usize>,
}

/// How they are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OwnKind {
    Folder,
    Npz,
}

impl OwnData {
    /// What the name of a dataset stands for; nothing where it is one of the catalogue.
    ///
    /// # Errors
    /// A path that is empty, or a size that no image may have.
    pub fn named(dataset: &str) -> Result<Option<OwnData>> {
        let prefixes = [("folder:", OwnKind::Folder), ("npz:", OwnKind::Npz)];
        let found = prefixes
            .iter()
            .find_map(|&(prefix, kind)| Some((kind, dataset.strip_prefix(prefix)?)));
        let Some((kind, rest)) = found else {
            return Ok(None);
        };
        let sized = rest.rsplit_once('@');
        let sized = sized.and_then(|(path, size)| Some((path, size.parse::<usize>().ok()?)));
        let (path, size) = match sized {
            Some((path, size)) => (path, Some(size)),
            None => (rest, None),
        };
        if path.is_empty() {
            return Err(usage!(
                "dataset = {dataset:?}: a path is missing, as in folder:pictures or npz:digits.npz"
            ));
        }
        if let Some(size) = size.filter(|size| !SIZES.contains(size)) {
            return Err(usage!(
                "dataset = {dataset:?}: images may have {} to {} rows and columns, not {size}",
                SIZES.start(),
                SIZES.end()
            ));
        }
        Ok(Some(OwnData {
            kind,
            path: PathBuf::from(path),
            size,
        }))
    }

    /// The folder or archive.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads all of it.
    pub(super) fn load(&self, dataset: &str) -> Result<Dataset> {
        let parts = match self.kind {
            OwnKind::Folder => folder::load(&self.path, self.size)?,
            OwnKind::Npz => npz::load(&self.path, self.size)?,
        };
        let read = Dataset::new(dataset, parts.shape, parts.classes, parts.train, parts.test)?;
        Ok(Dataset {
            verdict: Verdict::Own,
            ..read
        })
    }
}

#[cfg(test)]
mod tests;
