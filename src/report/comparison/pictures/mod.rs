//! The pictures of a comparison. Each is a file here and a line of [`PICTURES`]; files, page, alternative texts and the
//! page of several comparisons follow from that.

mod batch_sizes;
mod curves;
mod differences;
mod dots;
mod final_error;
mod layers;
mod learning_rates;
mod over_number;
mod percentiles;
mod speedup;
mod step_time;

use std::panic::resume_unwind;
use std::path::Path;

use anyhow::Result;

use super::{Draw, PictureKind, Results};
use crate::draw::Figure;
use crate::report::files;

/// Every kind of picture, in the order of the page.
pub const PICTURES: &[&PictureKind] = &[
    &final_error::PICTURE,
    &differences::PICTURE,
    &batch_sizes::PICTURE,
    &over_number::PICTURE,
    &learning_rates::PICTURE,
    &curves::TEST_ERROR,
    &curves::TRAIN_ERROR,
    &curves::TRAIN_LOSS,
    &speedup::PICTURE,
    &percentiles::PICTURE,
    &layers::MEAN,
    &layers::STD,
    &layers::SKEWNESS,
    &layers::KURTOSIS,
    &step_time::PICTURE,
];

/// The picture that answers how the batch size matters.
pub const OVER_BATCH_SIZES: &str = batch_sizes::PICTURE.name;
/// The picture that answers how a number matters in which methods differ.
pub const OVER_NUMBER: &str = over_number::PICTURE.name;
/// The picture that answers how fast and how far the methods learn.
pub const OVER_EPOCHS: &str = curves::TEST_ERROR.name;

/// A picture of some results.
#[derive(Clone)]
pub struct Picture {
    /// What it shows.
    pub kind: &'static PictureKind,
    /// File name without its ending.
    pub stem: String,
    /// The picture.
    pub figure: Figure,
}

/// Every picture of a comparison; none of a sweep alone.
pub fn pictures(results: &Results) -> Vec<Picture> {
    let mut pictures = Vec::new();
    if results.runs.curves.is_empty() {
        return pictures;
    }
    for &kind in PICTURES {
        let mut add = |stem, figure: Option<Figure>| {
            pictures.extend(figure.map(|figure| Picture { kind, stem, figure }));
        };
        match kind.draw {
            Draw::Once(draw) => add(kind.name.to_owned(), draw(results)),
            Draw::ByBatchSize(draw) => {
                for &size in &results.groups.batch_sizes {
                    add(format!("{}-bs{size}", kind.name), draw(results, size));
                }
            }
        }
    }
    pictures
}

/// Writes pictures as SVG and PNG, on all cores: turning them into pixels is what takes the time of a report. One that
/// cannot be written does not keep the others away.
pub fn save(pictures: &[Picture], folder: &Path) -> Result<()> {
    let workers = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    let work = |first: usize| -> Result<()> {
        let own = pictures.iter().skip(first).step_by(workers);
        let new = own.filter(|picture| !is_saved(picture, folder));
        let saved = new.map(|new| files::save(&new.figure, &folder.join(&new.stem)));
        saved.fold(Ok(()), Result::and)
    };
    std::thread::scope(|scope| {
        let workers = (0..workers).map(|first| scope.spawn(move || work(first)));
        let workers = workers.collect::<Vec<_>>().into_iter();
        let saved =
            workers.map(|worker| worker.join().unwrap_or_else(|panic| resume_unwind(panic)));
        saved.fold(Ok(()), Result::and)
    })
}

/// Whether the folder holds this very picture already, as it does when no run was added.
fn is_saved(picture: &Picture, folder: &Path) -> bool {
    let path = folder.join(&picture.stem);
    let read = |ending| std::fs::read(path.with_added_extension(ending)).unwrap_or_default();
    let png = read("png");
    read("svg") == picture.figure.svg().as_bytes()
        && png.starts_with(b"\x89PNG")
        && png.ends_with(b"IEND\xaeB`\x82")
}
