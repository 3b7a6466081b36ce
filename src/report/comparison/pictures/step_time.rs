//! Step times that `normprop bench` put into the folder.

use crate::report::bench;
use crate::report::comparison::picture::{Draw, PictureKind, Topic};

/// Step times relative to `none`, in the styles of the comparison.
pub const PICTURE: PictureKind = PictureKind {
    name: bench::picture::STEM,
    topic: Topic::StepTime,
    caption: "",
    draw: Draw::Once(|results| {
        let rows = &results.bench.as_ref()?.rows;
        Some(bench::picture::figure(rows, &results.groups.labels))
    }),
};
