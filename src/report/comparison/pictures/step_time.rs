//! Step times that `normprop bench` put into the folder.

use crate::draw::Figure;
use crate::report::bench;
use crate::report::comparison::{Draw, PictureKind, Results, Topic};

/// Step times relative to `none`.
pub const PICTURE: PictureKind =
    PictureKind::new(bench::picture::STEM, Topic::StepTime, Draw::Once(figure));

fn figure(results: &Results) -> Option<Figure> {
    let rows = &results.bench.as_ref()?.rows;
    Some(bench::picture::figure(rows))
}
