//! What both kinds of data of one's own have in common: what is read, and its limits.

use std::path::Path;

use anyhow::{Result, ensure};

use crate::data::{ImageShape, Split};
use crate::usage;

/// Rows that an image may have.
pub(super) const SIZES: std::ops::RangeInclusive<usize> = 8..=64;
/// Most classes: labels are bytes.
pub(super) const MOST_CLASSES: usize = 256;
/// Most bytes of pixels in all, and of one array.
pub(super) const MOST_BYTES: usize = 1 << 31;
/// Without test images, every so many training images of each class are held out for that.
pub(super) const HELD_OUT_OF: usize = 5;

/// What was read.
pub(super) struct OwnParts {
    pub(super) shape: ImageShape,
    pub(super) classes: Vec<String>,
    pub(super) train: Split,
    pub(super) test: Split,
}

/// Refuses images that are no squares of a size that networks take.
pub(super) fn check_size(what: &str, (columns, rows): (usize, usize)) -> Result<()> {
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
pub(super) fn check_classes(place: &Path, classes: usize) -> Result<()> {
    if (2..=MOST_CLASSES).contains(&classes) {
        return Ok(());
    }
    Err(usage!(
        "{}: {classes} classes, where 2 to {MOST_CLASSES} are possible",
        place.display()
    ))
}

/// Refuses more pixels than are held in memory.
pub(super) fn check_bytes(place: &Path, images: usize, bytes_each: usize) -> Result<()> {
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
pub(super) fn is_held_out(index: usize) -> bool {
    index % HELD_OUT_OF == HELD_OUT_OF - 1
}

/// Refuses a class of which nothing would be held out.
pub(super) fn check_held_out(place: &Path, class: &str, images: usize) -> Result<()> {
    if images >= HELD_OUT_OF {
        return Ok(());
    }
    Err(usage!(
        "{}: there are no test images, so that every fifth training image is held out; class {class} has only {images}",
        place.display()
    ))
}
