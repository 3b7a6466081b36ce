//! Step times that `normprop bench` put into the folder.

use crate::report::bench;
use crate::report::comparison::{PictureKind, Topic};

/// Step times relative to `none`, in the styles of the comparison.
pub const PICTURE: PictureKind =
    PictureKind::once(bench::picture::STEM, Topic::StepTime, |results| {
        let rows = &results.bench.as_ref()?.rows;
        Some(bench::picture::figure(rows, &results.groups.labels))
    });
