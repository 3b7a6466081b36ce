//! The pictures of a results folder, and `report.html`.

use std::path::Path;

use anyhow::Result;

use super::curves::{self, Curve};
use super::layers::{self, Moment};
use super::results::Results;
use super::{errors, percentiles, tables};
use crate::report::{Align, Block, Figure, HtmlReport, Section, Table};

/// Name of the page.
pub const PAGE: &str = "report.html";

/// A picture of a report.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// File name without its ending.
    pub stem: String,
    /// The section it stands in.
    pub place: Place,
    /// The picture.
    pub figure: Figure,
    /// The text below it.
    pub caption: String,
}

/// The sections that have pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Final errors.
    Result,
    /// Curves over epochs.
    Convergence,
    /// Hidden layers.
    Layers,
}

/// Every picture of a comparison.
pub fn pictures(results: &Results) -> Vec<Picture> {
    let mut pictures = Vec::new();
    let mut add = |stem: String, place: Place, figure: Figure, caption: &str| {
        pictures.push(Picture {
            stem,
            place,
            figure,
            caption: caption.to_owned(),
        });
    };
    add(
        "final-error".into(),
        Place::Result,
        errors::final_errors(results),
        "",
    );
    if let Some(figure) = errors::differences(results) {
        add("differences".into(), Place::Result, figure, "");
    }
    if let Some(figure) = errors::over_rates(results) {
        add(
            "learning-rates".into(),
            Place::Result,
            figure,
            "The table counts the runs that diverged.",
        );
    }
    let seen = "As seen in training: each image with the weights of its step.";
    for (stem, curve, caption) in [
        ("test-error", Curve::TestError, ""),
        ("train-error", Curve::TrainError, seen),
        ("train-loss", Curve::TrainLoss, seen),
    ] {
        add(
            stem.into(),
            Place::Convergence,
            curves::figure(results, curve),
            caption,
        );
    }
    if let Some(figure) = percentiles::figure(results) {
        add("percentiles".into(), Place::Layers, figure, "");
    }
    for moment in Moment::ALL {
        for (batch_size, figure) in layers::figures(results, moment) {
            add(
                format!("layer-{}-bs{batch_size}", moment.file()),
                Place::Layers,
                figure,
                "",
            );
        }
    }
    pictures
}

/// Draws the pictures as SVG and PNG, and writes the page.
pub fn save(results: &Results, folder: &Path) -> Result<()> {
    let pictures = pictures(results);
    for picture in &pictures {
        picture.figure.save(&folder.join(&picture.stem))?;
    }
    page(results, pictures).save(&folder.join(PAGE))
}

/// The page of one comparison.
pub fn page(results: &Results, pictures: Vec<Picture>) -> HtmlReport {
    let mut sections: Vec<Section> = [Place::Result, Place::Convergence, Place::Layers]
        .map(opening)
        .into();
    for table in [tables::summary(results), tables::paired(results)] {
        add_table(&mut sections[0], table);
    }
    for picture in pictures {
        let section = match picture.place {
            Place::Result => &mut sections[0],
            Place::Convergence => &mut sections[1],
            Place::Layers => &mut sections[2],
        };
        section
            .blocks
            .push(Block::Figure(picture.figure, picture.caption));
    }
    sections.retain(|section| {
        section
            .blocks
            .iter()
            .any(|block| matches!(block, Block::Figure(..)))
    });
    sections.extend(background(results));
    HtmlReport {
        title: results.title().to_owned(),
        subtitle: subtitle(results),
        sections,
    }
}

fn opening(place: Place) -> Section {
    match place {
        Place::Result => Section::new("Final error"),
        Place::Convergence => Section::new("Convergence"),
        Place::Layers => Section::new("Inside the network").paragraph(
            "Mean and standard deviation of hidden pre-activations over training, on a fixed batch of test images: how far \
             the distribution that a layer works on moves while the layers below it learn (internal covariate shift). \
             Skewness and excess kurtosis tell how far it is from a normal distribution, which NormProp's constants assume. \
             Up to five layers are drawn; layers.csv holds all.",
        ),
    }
}

fn subtitle(results: &Results) -> String {
    let runs = results.curves.len();
    let runs = if runs == 1 {
        "1 run".to_owned()
    } else {
        format!("{runs} runs")
    };
    match &results.manifest {
        Some(manifest) => {
            let minute: String = manifest.collected.chars().take(16).collect();
            let minute = minute.replace('T', " ");
            format!(
                "{}, {runs}, collected {minute} UTC with normprop {}",
                manifest.dataset, manifest.normprop
            )
        }
        None => runs,
    }
}

/// Sweep, reference, caveats, configuration, machine.
fn background(results: &Results) -> Vec<Section> {
    let mut sections = Vec::new();
    let sweep = tables::sweep(results);
    if !sweep.rows.is_empty() {
        let text = "Chosen on training images that were held out for it, never on the test set.";
        sections.push(Section::new("Sweep").paragraph(text).table(sweep));
    }
    let reference = tables::reference(results);
    if !reference.rows.is_empty() {
        sections.push(Section::new("Reference").table(reference));
    }
    sections.push(Section::new("Caveats").block(Block::Caveats(tables::caveats(results))));
    let Some(manifest) = &results.manifest else {
        return sections;
    };
    let mut methods = Table::new([
        ("method", Align::Left),
        ("what it is", Align::Left),
        ("settings of its own", Align::Left),
    ]);
    for method in &manifest.methods {
        methods.push([
            method.label.clone(),
            method.summary.clone(),
            method.differs.join(", "),
        ]);
    }
    let configuration = Section::new("Configuration")
        .table(methods)
        .block(Block::Code {
            title: "What every run shares".to_owned(),
            text: manifest.configuration.clone(),
        });
    sections.push(configuration);
    sections.push(Section::new("Machine").block(Block::Facts(manifest.machine.clone())));
    sections
}

fn add_table(section: &mut Section, table: Table) {
    if !table.rows.is_empty() {
        section.blocks.push(Block::Table(table));
    }
}

/// One page of several comparisons: their tables in one, their pictures side by side.
pub fn side_by_side(all: &[Results]) -> HtmlReport {
    let mut summary = Section::new("Final error");
    for results in all {
        let mut table = tables::summary(results);
        table.caption = results.title().to_owned();
        add_table(&mut summary, table);
    }
    let drawn: Vec<Vec<Picture>> = all.iter().map(pictures).collect();
    let mut stems: Vec<(String, Place)> = Vec::new();
    for picture in drawn.iter().flatten() {
        if !stems.iter().any(|(stem, _)| *stem == picture.stem) {
            stems.push((picture.stem.clone(), picture.place));
        }
    }
    let mut sections = vec![summary, opening(Place::Convergence), opening(Place::Layers)];
    for (stem, place) in stems {
        let of_stem = |pictures: &Vec<Picture>| {
            pictures
                .iter()
                .find(|picture| picture.stem == stem)
                .map(|picture| picture.figure.clone())
        };
        let figures: Vec<Figure> = drawn.iter().filter_map(of_stem).collect();
        let section = match place {
            Place::Result => &mut sections[0],
            Place::Convergence => &mut sections[1],
            Place::Layers => &mut sections[2],
        };
        for figure in figures {
            section.blocks.push(Block::Figure(figure, String::new()));
        }
    }
    sections.retain(|section| {
        section
            .blocks
            .iter()
            .any(|block| !matches!(block, Block::Paragraph(_)))
    });
    let mut caveats: Vec<String> = Vec::new();
    for results in all {
        let own = tables::caveats(results)
            .into_iter()
            .map(|caveat| format!("{}: {caveat}", results.name));
        caveats.extend(own);
    }
    sections.push(Section::new("Caveats").block(Block::Caveats(caveats)));
    for results in all {
        let Some(manifest) = &results.manifest else {
            continue;
        };
        let section = Section::new(format!("Configuration: {}", results.name))
            .block(Block::Code {
                title: "What every run shares".to_owned(),
                text: manifest.configuration.clone(),
            })
            .block(Block::Facts(manifest.machine.clone()));
        sections.push(section);
    }
    let names: Vec<&str> = all.iter().map(|results| results.name.as_str()).collect();
    HtmlReport {
        title: format!("Side by side: {}", names.join(", ")),
        subtitle: String::new(),
        sections,
    }
}
