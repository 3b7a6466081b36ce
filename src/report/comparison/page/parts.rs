//! Parts that both pages are made of.

use crate::report::comparison::pictures::{self, Picture};
use crate::report::comparison::{Manifest, Topic};
use crate::report::html_page::{PictureFiles, Section};

/// The picture that answers what the experiment asks: errors over batch sizes where there are enough of them for it, or
/// over the number in which methods differ, else the curves.
pub fn answer(pictures: &[Picture]) -> Option<&Picture> {
    let named = |name: &str| pictures.iter().find(|picture| picture.kind.name == name);
    let asked = [
        pictures::OVER_BATCH_SIZES,
        pictures::OVER_NUMBER,
        pictures::OVER_EPOCHS,
    ];
    asked.into_iter().find_map(named)
}

/// With the configuration that every run shares.
pub fn configuration(section: Section, manifest: &Manifest) -> Section {
    section.code("What every run shares", &manifest.configuration)
}

/// The section of a topic, with what it shows in words.
pub fn topic(topic: Topic) -> Section {
    let (heading, introduction) = topic.texts();
    introduction
        .into_iter()
        .fold(Section::new(heading), Section::paragraph)
}

/// With a picture, and links to its files where they lie in `folder`, seen from the page.
pub fn with_picture(section: Section, picture: &Picture, folder: Option<&str>) -> Section {
    section.figure(
        &picture.figure,
        picture.kind.caption,
        files(picture, folder).as_ref(),
    )
}

/// The files of a picture that lie in `folder`, seen from the page.
fn files(picture: &Picture, folder: Option<&str>) -> Option<PictureFiles> {
    let folder = folder?;
    Some(PictureFiles {
        stem: format!("{folder}{}", picture.stem),
        table: format!("{folder}{}", picture.kind.table),
    })
}
