//! Data of one's own: a folder of pictures, or NumPy's archive of arrays, as `dataset` names them.
//!
//! `folder:PATH` and `npz:PATH` take images as they are, which must all be square and of one size; with `@SIZE` behind
//! the path, the middle of each is brought to that many rows and columns.

mod arrays;
mod folder;
mod npz;

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use super::load::Loaded;
use super::{Dataset, ImageShape, Split, Verdict};
use crate::usage;

/// Rows that an image may have.
const SIZES: std::ops::RangeInclusive<usize> = 8..=64;
/// Most classes: labels are bytes.
const MOST_CLASSES: usize = 256;
/// Most bytes of pixels in all, and of one array.
const MOST_BYTES: usize = 1 << 31;
/// Without test images, every so many training images of each class are held out for that.
const HELD_OUT_OF: usize = 5;

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

/// What was read.
struct OwnParts {
    shape: ImageShape,
    classes: Vec<String>,
    train: Split,
    test: Split,
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

    /// Reads all of it.
    pub(super) fn load(&self, dataset: &str) -> Result<Loaded> {
        let parts = match self.kind {
            OwnKind::Folder => folder::load(&self.path, self.size)?,
            OwnKind::Npz => npz::load(&self.path, self.size)?,
        };
        let loaded = Dataset::new(dataset, parts.shape, parts.classes, parts.train, parts.test)?;
        Ok(Loaded {
            dataset: Dataset {
                verdict: Verdict::Own,
                ..loaded
            },
            folder: Some(self.path.clone()),
            files: Vec::new(),
        })
    }
}

/// Refuses images that are no squares of a size that networks take.
fn check_size(what: &str, (columns, rows): (usize, usize)) -> Result<()> {
    if columns == rows && SIZES.contains(&rows) {
        return Ok(());
    }
    Err(usage!(
        "{what} of {columns} x {rows} pixels: images must be square, of {0} to {1} rows; \
         put @SIZE behind the path, as in dataset = \"folder:pictures@32\", and the middle of each is brought to that size",
        SIZES.start(),
        SIZES.end()
    ))
}

/// Refuses too few or too many classes.
fn check_classes(place: &Path, classes: usize) -> Result<()> {
    if (2..=MOST_CLASSES).contains(&classes) {
        return Ok(());
    }
    Err(usage!(
        "{}: {classes} classes, where 2 to {MOST_CLASSES} are possible",
        place.display()
    ))
}

/// Refuses more pixels than are held in memory.
fn check_bytes(place: &Path, images: usize, bytes_each: usize) -> Result<()> {
    let fits = images
        .checked_mul(bytes_each)
        .is_some_and(|bytes| bytes <= MOST_BYTES);
    ensure!(
        fits,
        "{}: {images} images of {bytes_each} bytes are more than the {MOST_BYTES} bytes that data of one's own may have",
        place.display()
    );
    Ok(())
}

/// Whether image number `index` of its class is held out for testing.
fn is_held_out(index: usize) -> bool {
    index % HELD_OUT_OF == HELD_OUT_OF - 1
}

/// Refuses a class of which nothing would be held out.
fn check_held_out(place: &Path, class: &str, images: usize) -> Result<()> {
    if images >= HELD_OUT_OF {
        return Ok(());
    }
    Err(usage!(
        "{}: there are no test images, so that every fifth training image is held out; class {class} has only {images}",
        place.display()
    ))
}

#[cfg(test)]
mod tests;
