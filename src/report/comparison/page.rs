//! `report.html`: first what came out, then what it rests on.

mod parts;
mod side_by_side;

use std::path::Path;

use anyhow::Result;

pub use parts::FilesFolder;
pub use side_by_side::side_by_side;

use parts::{answer, configuration, topic, with_picture};

use super::conclusion::{RULES, conclusions};
use super::pictures::{self, Picture, pictures};
use super::{Manifest, Results, Topic, caveats, pivot, tables};
use crate::report::bench::Bench;
use crate::report::html_page::{HtmlPage, Section};
use crate::text::numbers::counted;

/// Name of the page.
pub const PAGE: &str = "report.html";

/// Draws the pictures as SVG and PNG, and writes the page, which needs no file of them.
pub fn save(results: &Results, folder: &Path) -> Result<()> {
    let pictures = pictures(results);
    let drawn = pictures::save(&pictures, folder);
    let path = folder.join(PAGE);
    let page = page_with(results, &pictures, FilesFolder::seen_from(&path, folder));
    drawn.and(page.save(&path))
}

/// The page of one comparison, with links to what there is in the folder of its results.
pub fn page(results: &Results, folder: Option<FilesFolder>) -> HtmlPage {
    page_with(results, &pictures(results), folder)
}

fn page_with(results: &Results, pictures: &[Picture], folder: Option<FilesFolder>) -> HtmlPage {
    let folder = folder.as_ref();
    let answer = answer(pictures);
    let rest = |section: Section, topic: Topic| {
        let own = pictures
            .iter()
            .filter(|picture| picture.kind.topic == topic);
        let own = own.filter(|picture| answer.is_none_or(|answer| answer.stem != picture.stem));
        own.fold(section, |section, picture| {
            with_picture(section, picture, folder)
        })
    };
    let step_times = results.bench.iter().map(Bench::table);
    let sections = [
        came_out(results, answer, folder),
        rest(errors(results), Topic::FinalError),
        rest(topic(Topic::Differences), Topic::Differences).table(&tables::paired(results)),
        with_target(results, rest(topic(Topic::Convergence), Topic::Convergence)),
        rest(topic(Topic::Layers), Topic::Layers),
        sweep(results).folded(),
        rest(topic(Topic::StepTime), Topic::StepTime).tables(step_times),
        Section::new("Reference").table(&tables::reference(results)),
    ];
    let sections = sections.into_iter().filter(Section::is_filled);
    let manifest = results.manifest.iter();
    HtmlPage {
        title: results.title().to_owned(),
        subtitle: subtitle(results),
        sections: sections.chain(manifest.flat_map(made_with)).collect(),
        ..HtmlPage::default()
    }
}

/// What came out, in sentences, with the rules that they follow, and the picture of it.
fn came_out(results: &Results, answer: Option<&Picture>, folder: Option<&FilesFolder>) -> Section {
    let sentences = conclusions(results);
    let section = Section::new("What came out").beside();
    let section = match sentences.is_empty() {
        true => section,
        false => section.list(&sentences).note(RULES),
    };
    answer.into_iter().fold(section, |section, picture| {
        with_picture(section, picture, folder)
    })
}

/// Final errors, and below them what else was taken from the runs.
fn errors(results: &Results) -> Section {
    let section = topic(Topic::FinalError).table(&pivot::errors(results));
    let section = section.caveats(&caveats::of_errors(results));
    let all = Section::new("All figures").table(&tables::summary(results));
    match results.summary.is_empty() {
        true => section,
        false => section.fold(all.caveats(&caveats::of_figures(results))),
    }
}

/// With what it took to the target, where there is one.
fn with_target(results: &Results, section: Section) -> Section {
    let steps = Section::new("Steps to the target").table(&tables::to_target(results));
    match steps.is_filled() {
        true => section.fold(steps),
        false => section,
    }
}

/// What a sweep tried; empty where there was none.
fn sweep(results: &Results) -> Section {
    let text = "Chosen on training images that were held out for it, never on the test set.";
    let how = results.manifest.iter().flat_map(|manifest| &manifest.sweep);
    let section = how.fold(Section::new("Sweep").paragraph(text), Section::paragraph);
    let section = section.tables([pivot::chosen(results), tables::sweep(results)]);
    section.caveats(&caveats::of_sweep(results))
}

/// Configuration and machine.
fn made_with(manifest: &Manifest) -> [Section; 2] {
    let methods = Section::new("Configuration").table(&tables::methods(manifest));
    [
        configuration(methods, manifest).folded(),
        Section::new("Machine").facts(&manifest.machine).folded(),
    ]
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
