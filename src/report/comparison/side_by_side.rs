//! One page of several comparisons.

use super::page::{Picture, Place, Sections, pictures};
use super::results::Results;
use super::tables;
use crate::report::{Block, HtmlReport, Section};

/// The page: the tables one after the other, and pictures of the same kind together.
pub fn side_by_side(all: &[Results]) -> HtmlReport {
    let mut sections = Sections::default();
    for results in all {
        let mut table = tables::summary(results);
        table.caption = results.title().to_owned();
        sections.add_table(Place::Result, table);
    }
    let drawn: Vec<(&Results, Vec<Picture>)> = all
        .iter()
        .map(|results| (results, pictures(results)))
        .collect();
    let mut kinds: Vec<(&str, Place)> = Vec::new();
    for picture in drawn.iter().flat_map(|(_, pictures)| pictures) {
        if !kinds.iter().any(|(stem, _)| *stem == picture.stem) {
            kinds.push((&picture.stem, picture.place));
        }
    }
    for (stem, place) in kinds {
        for (results, pictures) in &drawn {
            for picture in pictures.iter().filter(|picture| picture.stem == stem) {
                sections.add_figure(place, picture.figure.clone(), results.title().to_owned());
            }
        }
    }
    let mut sections = sections.finish();
    sections.push(Section::new("Caveats").block(Block::Caveats(caveats(all))));
    sections.extend(all.iter().filter_map(configuration));
    let names: Vec<&str> = all.iter().map(|results| results.name.as_str()).collect();
    HtmlReport {
        title: format!("Side by side: {}", names.join(", ")),
        subtitle: String::new(),
        sections,
    }
}

fn caveats(all: &[Results]) -> Vec<String> {
    let of = |results: &Results| {
        let own = tables::caveats(results).into_iter();
        own.map(|caveat| format!("{}: {caveat}", results.name))
            .collect::<Vec<String>>()
    };
    all.iter().flat_map(of).collect()
}

fn configuration(results: &Results) -> Option<Section> {
    let manifest = results.manifest.as_ref()?;
    let shared = Block::Code {
        title: "What every run shares".to_owned(),
        text: manifest.configuration.clone(),
    };
    let machine = Block::Facts(manifest.machine.clone());
    let section = Section::new(format!("Configuration: {}", results.name));
    Some(section.block(shared).block(machine))
}
