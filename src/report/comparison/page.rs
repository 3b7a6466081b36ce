//! The pictures of a results folder, and `report.html`.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Result;

use super::curves::{self, Curve};
use super::layers::{self, Moment};
use super::results::Results;
use super::{errors, percentiles, tables};
use crate::draw::Figure;
use crate::report::bench::{self, Bench};
use crate::report::{Block, HtmlReport, Section};
use crate::text::{Align, Table};

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
    /// Step times.
    Speed,
}

/// Every picture of a comparison; none of a sweep alone.
pub fn pictures(results: &Results) -> Vec<Picture> {
    let mut pictures = Vec::new();
    if results.curves.is_empty() {
        return pictures;
    }
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
    for (stem, figure, caption) in [
        ("differences", errors::differences(results), ""),
        ("batch-sizes", errors::over_batch_sizes(results), ""),
        (
            "learning-rates",
            errors::over_rates(results),
            "The table counts the runs that diverged.",
        ),
    ] {
        if let Some(figure) = figure {
            add(stem.into(), Place::Result, figure, caption);
        }
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
    if let Some(bench) = &results.bench {
        let on = bench.machine.as_ref().map_or(String::new(), |machine| {
            format!("Measured on: {}.", machine.sentence())
        });
        let figure = bench::picture::figure(&bench.rows, &results.labels());
        pictures.push(Picture {
            stem: bench::picture::STEM.into(),
            place: Place::Speed,
            figure,
            caption: on,
        });
    }
    pictures
}

/// Draws the pictures as SVG and PNG, and writes the page.
pub fn save(results: &Results, folder: &Path) -> Result<()> {
    let pictures = pictures(results);
    draw(&pictures, folder)?;
    page(results, pictures).save(&folder.join(PAGE))
}

/// Draws pictures on all cores: turning them into pixels is what takes the time of a report.
fn draw(pictures: &[Picture], folder: &Path) -> Result<()> {
    let workers = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    let next = AtomicUsize::new(0);
    let work = || -> Result<()> {
        while let Some(picture) = pictures.get(next.fetch_add(1, Ordering::Relaxed)) {
            if !is_drawn(picture, folder) {
                picture.figure.save(&folder.join(&picture.stem))?;
            }
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let handles: Vec<_> = (0..workers.min(pictures.len()))
            .map(|_| scope.spawn(work))
            .collect();
        handles
            .into_iter()
            .try_for_each(|handle| match handle.join() {
                Ok(drawn) => drawn,
                Err(panic) => std::panic::resume_unwind(panic),
            })
    })
}

/// Whether the folder holds this very picture already, as it does when no run was added.
fn is_drawn(picture: &Picture, folder: &Path) -> bool {
    let file = |ending: &str| folder.join(format!("{}.{ending}", picture.stem));
    let drawn = std::fs::read(file("svg")).is_ok_and(|svg| svg == picture.figure.svg().as_bytes());
    drawn && std::fs::metadata(file("png")).is_ok_and(|png| png.len() > 0)
}

/// The page of one comparison.
pub fn page(results: &Results, pictures: Vec<Picture>) -> HtmlReport {
    let mut sections = Sections::default();
    for table in [tables::summary(results), tables::paired(results)] {
        sections.add_table(Place::Result, table);
    }
    if let Some(bench) = &results.bench {
        sections.add_table(Place::Speed, speed_table(bench));
    }
    for picture in pictures {
        sections.add_figure(picture.place, picture.figure, picture.caption);
    }
    let mut sections = sections.finish();
    sections.extend(background(results));
    HtmlReport {
        title: results.title().to_owned(),
        subtitle: subtitle(results),
        sections,
    }
}

/// Method by setting, with what could not be measured said above.
fn speed_table(bench: &Bench) -> Table {
    let mut table = bench::tables::relative(&bench.rows);
    table.caption = bench::tables::remarks(&bench.rows).join("; ");
    table
}

/// The sections that have pictures, in order.
pub(super) struct Sections([Section; 4]);

impl Default for Sections {
    fn default() -> Sections {
        Sections([
            Section::new("Final error"),
            Section::new("Convergence"),
            Section::new("Inside the network").paragraph(
                "Mean and standard deviation of hidden pre-activations over training, on a fixed batch of test images: how \
                 far the distribution that a layer works on moves while the layers below it learn (internal covariate \
                 shift). Skewness and excess kurtosis tell how far it is from a normal distribution, which NormProp's \
                 constants assume. Up to five layers are drawn; layers.csv holds all.",
            ),
            Section::new("Step time relative to none").paragraph(
                "Median time of a training step as a multiple of that of the network without normalization, with its 95 % \
                 bootstrap interval. normprop bench measured the methods step by step in turn, so that whatever else the \
                 machine did fell on all of them; bench.csv holds the times themselves.",
            ),
        ])
    }
}

impl Sections {
    fn of(&mut self, place: Place) -> &mut Section {
        let [result, convergence, layers, speed] = &mut self.0;
        match place {
            Place::Result => result,
            Place::Convergence => convergence,
            Place::Layers => layers,
            Place::Speed => speed,
        }
    }

    /// Adds a table that has rows.
    pub(super) fn add_table(&mut self, place: Place, table: Table) {
        if !table.rows.is_empty() {
            self.of(place).blocks.push(Block::Table(table));
        }
    }

    /// Adds a picture.
    pub(super) fn add_figure(&mut self, place: Place, figure: Figure, caption: String) {
        self.of(place).blocks.push(Block::Figure(figure, caption));
    }

    /// Those that have more than words.
    pub(super) fn finish(self) -> Vec<Section> {
        let is_shown = |block: &Block| !matches!(block, Block::Paragraph(_));
        let filled = |section: &Section| section.blocks.iter().any(is_shown);
        self.0.into_iter().filter(filled).collect()
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
        let how = results.manifest.iter().flat_map(|manifest| &manifest.sweep);
        let section = how.fold(Section::new("Sweep").paragraph(text), |section, how| {
            section.paragraph(how)
        });
        sections.push(section.table(sweep));
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
