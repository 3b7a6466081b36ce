//! Parts that both pages are made of.

use std::path::{Path, PathBuf, absolute};

use crate::report::comparison::pictures::{self, Picture};
use crate::report::comparison::{Manifest, Topic};
use crate::report::html_page::{PictureFile, Section};

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

/// With a picture, and links to those of its files that are there; without `folder` there are none.
pub fn with_picture(section: Section, picture: &Picture, folder: Option<&FilesFolder>) -> Section {
    let files = folder.map_or_else(Vec::new, |folder| folder.files_of(picture));
    section.figure(&picture.figure, picture.kind.caption, &files)
}

/// A folder with tables and files of pictures, beside the page or elsewhere.
#[derive(Debug, Clone)]
pub struct FilesFolder {
    folder: PathBuf,
    /// The way there from the page.
    from_page: PathBuf,
}

impl FilesFolder {
    /// The folder, linked to by a page that is to lie at `page`. `None` where there is no way from one to the other, as
    /// between two drives.
    pub fn seen_from(page: &Path, folder: &Path) -> Option<FilesFolder> {
        let beside = page.parent().filter(|parent| *parent != Path::new(""));
        let beside = beside.unwrap_or(Path::new("."));
        let (from, to) = match (beside.canonicalize(), folder.canonicalize()) {
            (Ok(from), Ok(to)) => (from, to),
            // A page may be written into a folder that is yet to be made.
            _ => (absolute(beside).ok()?, absolute(folder).ok()?),
        };
        Some(FilesFolder {
            from_page: pathdiff::diff_paths(to, from)?,
            folder: folder.to_owned(),
        })
    }

    fn files_of(&self, picture: &Picture) -> Vec<PictureFile> {
        let stem = &picture.stem;
        let names = [
            ("SVG", format!("{stem}.svg")),
            ("PNG", format!("{stem}.png")),
            ("CSV", picture.kind.table.to_owned()),
        ];
        let names = names.into_iter();
        let there = names.filter(|(_, file)| self.folder.join(file).is_file());
        let linked = there.filter_map(|(name, file)| {
            let path = self.from_page.join(file);
            let path = path.to_str()?.to_owned();
            Some(PictureFile { name, path })
        });
        linked.collect()
    }
}
