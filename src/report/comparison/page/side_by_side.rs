//! The page of several comparisons: each has a column, and what is of one kind stands next to each other.

use super::parts::{FilesFolder, answer, configuration, topic, with_picture};
use crate::report::comparison::caveats::caveats;
use crate::report::comparison::conclusion::{RULES, conclusions};
use crate::report::comparison::pictures::{Picture, pictures};
use crate::report::comparison::{Results, Topic, pivot};
use crate::report::distinct::distinct;
use crate::report::html_page::{HtmlPage, Section};
use crate::text::Table;

/// A comparison on the page.
struct Placed<'r> {
    column: usize,
    results: &'r Results,
    pictures: Vec<Picture>,
    /// Where the files of its pictures lie, seen from the page.
    folder: Option<&'r FilesFolder>,
}

impl<'r> Placed<'r> {
    fn at((column, (results, folder)): (usize, &'r (Results, Option<FilesFolder>))) -> Placed<'r> {
        Placed {
            column,
            pictures: pictures(results),
            results,
            folder: folder.as_ref(),
        }
    }

    fn answer(&self) -> Option<&Picture> {
        answer(&self.pictures)
    }

    /// The picture of this name that a section of a topic shows: all but the answer, which stands above.
    fn picture(&self, topic: Topic, stem: &str) -> Option<&Picture> {
        let is_shown = |picture: &&Picture| {
            picture.kind.topic == topic
                && picture.stem == stem
                && self.answer().is_none_or(|answer| answer.stem != stem)
        };
        self.pictures.iter().find(is_shown)
    }

    fn add(&self, section: Section, picture: Option<&Picture>) -> Section {
        let section = section.in_column(self.column);
        picture.into_iter().fold(section, |section, picture| {
            with_picture(section, picture, self.folder)
        })
    }
}

/// The page of several comparisons, each with the folder of its pictures' files.
pub fn side_by_side(all: &[(Results, Option<FilesFolder>)]) -> HtmlPage {
    let placed: Vec<Placed> = (1..).zip(all).map(Placed::at).collect();
    let mut sections = vec![came_out(&placed)];
    sections.extend(Topic::ALL.into_iter().map(|topic| of_topic(topic, &placed)));
    sections.retain(Section::is_filled);
    sections.push(made_with(&placed));
    let names: Vec<&str> = all
        .iter()
        .map(|(results, _)| results.name.as_str())
        .collect();
    HtmlPage {
        title: format!("Side by side: {}", names.join(", ")),
        sections,
        columns: all.len(),
        ..HtmlPage::default()
    }
}

fn came_out(placed: &[Placed]) -> Section {
    let section = Section::new("What came out").paragraph(RULES);
    let section = placed.iter().fold(section, |section, own| {
        let section = section.in_column(own.column);
        section.titled_list(own.results.title(), &conclusions(own.results))
    });
    placed
        .iter()
        .fold(section, |section, own| own.add(section, own.answer()))
}

fn of_topic(wanted: Topic, placed: &[Placed]) -> Section {
    let mut section = topic(wanted);
    if wanted == Topic::FinalError {
        section = placed.iter().fold(section, errors);
    }
    let of_placed = placed.iter().flat_map(|own| &own.pictures);
    for stem in distinct(of_placed.map(|picture| picture.stem.as_str())) {
        section = placed.iter().fold(section, |section, own| {
            own.add(section, own.picture(wanted, stem))
        });
    }
    section
}

/// The errors of a comparison, with everything to keep in mind with it.
fn errors(section: Section, own: &Placed) -> Section {
    let table = pivot::errors(own.results);
    let table = Table {
        caption: format!("{}. {}", own.results.title(), table.caption),
        ..table
    };
    let errors = Section::default().table(&table);
    let section = section.in_column(own.column);
    section.content_of(errors.caveats(&caveats(own.results)))
}

fn made_with(placed: &[Placed]) -> Section {
    let section = Section::new("Configuration and machine").folded();
    placed.iter().fold(section, |section, own| {
        let manifest = own.results.manifest.iter();
        manifest.fold(section, |section, manifest| {
            let own = configuration(Section::new(own.results.title()), manifest);
            section.fold(own.facts(&manifest.machine))
        })
    })
}
