//! `report.html`, and the page of several comparisons.

use std::path::Path;

use anyhow::Result;

use super::caveats::caveats;
use super::conclusion::{RULES, conclusions};
use super::pictures::{self, Picture, pictures};
use super::{Manifest, Results, Topic, tables};
use crate::report::bench::Bench;
use crate::report::distinct::distinct;
use crate::report::html_page::{HtmlPage, Section};
use crate::text::Table;
use crate::text::numbers::counted;

/// Name of the page.
pub const PAGE: &str = "report.html";

/// Draws the pictures as SVG and PNG, and writes the page, which needs no file of them.
pub fn save(results: &Results, folder: &Path) -> Result<()> {
    let pictures = pictures(results);
    let drawn = pictures::save(&pictures, folder);
    drawn.and(page_with(results, &pictures).save(&folder.join(PAGE)))
}

/// The page of one comparison.
pub fn page(results: &Results) -> HtmlPage {
    page_with(results, &pictures(results))
}

fn page_with(results: &Results, pictures: &[Picture]) -> HtmlPage {
    let tables = |topic| match topic {
        Topic::FinalError => vec![tables::summary(results), tables::paired(results)],
        Topic::StepTime => results.bench.iter().map(Bench::table).collect(),
        Topic::Convergence | Topic::Layers => Vec::new(),
    };
    let captioned = pictures
        .iter()
        .map(|picture| (picture, picture.kind.caption));
    let mut sections = sections(tables, &captioned.collect::<Vec<_>>());
    sections.extend(background(results));
    sections.splice(..0, came_out(results));
    HtmlPage {
        title: results.title().to_owned(),
        subtitle: subtitle(results),
        sections,
        ..HtmlPage::default()
    }
}

/// What came out, in sentences, with the rules that they follow.
fn came_out(results: &Results) -> Option<Section> {
    let sentences = conclusions(results);
    let section = Section::new("What came out").list(&sentences);
    (!sentences.is_empty()).then(|| section.note(RULES))
}

/// The page of several comparisons: the tables one after the other, and pictures of the same kind together.
pub fn side_by_side(all: &[Results]) -> HtmlPage {
    let summary = |results: &Results| Table {
        caption: results.title().to_owned(),
        ..tables::summary(results)
    };
    let tables = |topic| match topic {
        Topic::FinalError => all.iter().map(summary).collect(),
        _ => Vec::new(),
    };
    let drawn: Vec<Vec<Picture>> = all.iter().map(pictures).collect();
    let titled = drawn.iter().zip(all).flat_map(|(pictures, results)| {
        let titled = pictures.iter();
        titled.map(|picture| (picture, results.title()))
    });
    let mut titled: Vec<(&Picture, &str)> = titled.collect();
    let stems = distinct(titled.iter().map(|(picture, _)| &picture.stem));
    titled.sort_by_key(|(picture, _)| stems.iter().position(|stem| **stem == picture.stem));
    let mut sections = sections(tables, &titled);
    let mut all_caveats = Vec::new();
    for results in all {
        let own = caveats(results).into_iter();
        all_caveats.extend(own.map(|caveat| format!("{}: {caveat}", results.name)));
    }
    sections.push(Section::new("Caveats").caveats(&all_caveats));
    for results in all {
        if let Some(manifest) = &results.manifest {
            let section = Section::new(format!("Configuration: {}", results.name));
            sections.push(configuration(section, manifest).facts(&manifest.machine));
        }
    }
    let names: Vec<&str> = all.iter().map(|results| results.name.as_str()).collect();
    HtmlPage {
        title: format!("Side by side: {}", names.join(", ")),
        sections,
        ..HtmlPage::default()
    }
}

/// A section for each topic that has tables or pictures; pictures come with the text below them.
fn sections(tables: impl Fn(Topic) -> Vec<Table>, pictures: &[(&Picture, &str)]) -> Vec<Section> {
    let section = |topic: Topic| {
        let (heading, introduction) = topic.texts();
        let introduction = introduction.into_iter();
        let section = introduction.fold(Section::new(heading), Section::paragraph);
        let section = tables(topic).iter().fold(section, Section::table);
        let own = pictures
            .iter()
            .filter(|(picture, _)| picture.kind.topic == topic);
        own.fold(section, |section, (picture, caption)| {
            section.figure(&picture.figure, caption, None)
        })
    };
    let sections = Topic::ALL.into_iter().map(section);
    sections.filter(Section::is_filled).collect()
}

fn subtitle(results: &Results) -> String {
    let runs = counted(results.runs.curves.len() as u64, "run");
    let Some(manifest) = &results.manifest else {
        return runs;
    };
    let minute: String = manifest.collected.chars().take(16).collect();
    format!(
        "{}, {runs}, collected {} UTC with normprop {}",
        manifest.dataset,
        minute.replace('T', " "),
        manifest.normprop
    )
}

/// Sweep, reference, caveats, configuration, machine.
fn background(results: &Results) -> Vec<Section> {
    let manifest = results.manifest.as_ref();
    let text = "Chosen on training images that were held out for it, never on the test set.";
    let how = manifest.iter().flat_map(|manifest| &manifest.sweep);
    let sweep = how.fold(Section::new("Sweep").paragraph(text), Section::paragraph);
    let mut sections = vec![
        sweep.table(&tables::sweep(results)),
        Section::new("Reference").table(&tables::reference(results)),
        Section::new("Caveats").caveats(&caveats(results)),
    ];
    sections.retain(Section::is_filled);
    if let Some(manifest) = manifest {
        let methods = Section::new("Configuration").table(&tables::methods(manifest));
        sections.push(configuration(methods, manifest));
        sections.push(Section::new("Machine").facts(&manifest.machine));
    }
    sections
}

fn configuration(section: Section, manifest: &Manifest) -> Section {
    section.code("What every run shares", &manifest.configuration)
}
