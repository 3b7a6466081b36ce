//! What a kind of picture is: its name, its place on the page, and how it is drawn.

use super::results::Results;
use crate::draw::Figure;

/// A kind of picture.
pub struct PictureKind {
    /// File name without its ending.
    pub name: &'static str,
    /// The section it stands in.
    pub topic: Topic,
    /// The text below it; none when empty.
    pub caption: &'static str,
    /// The file of the results folder that holds what it shows.
    pub table: &'static str,
    /// Draws it, where the results have what it needs.
    pub draw: Draw,
}

impl PictureKind {
    /// A kind of picture without a text below it.
    pub const fn new(name: &'static str, topic: Topic, draw: Draw) -> PictureKind {
        PictureKind {
            name,
            topic,
            caption: "",
            table: topic.table(),
            draw,
        }
    }

    /// The same, drawn from another table than most pictures of its topic.
    pub const fn drawn_from(self, table: &'static str) -> PictureKind {
        PictureKind { table, ..self }
    }

    /// The same with a text below it.
    pub const fn captioned(self, caption: &'static str) -> PictureKind {
        PictureKind { caption, ..self }
    }
}

/// How results become a picture; `None` where they lack what it needs.
pub enum Draw {
    /// One picture of everything.
    Once(fn(&Results) -> Option<Figure>),
    /// A picture for each batch size.
    ByBatchSize(fn(&Results, u64) -> Option<Figure>),
}

/// What a section with pictures is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// Final errors.
    FinalError,
    /// Final errors less those of the first method.
    Differences,
    /// Curves over epochs.
    Convergence,
    /// Hidden layers.
    Layers,
    /// Step times.
    StepTime,
}

impl Topic {
    /// All of them, in the order of the page.
    pub const ALL: [Topic; 5] = [
        Topic::FinalError,
        Topic::Differences,
        Topic::Convergence,
        Topic::Layers,
        Topic::StepTime,
    ];

    /// The file of the results folder that most of its pictures are drawn from.
    const fn table(self) -> &'static str {
        match self {
            Topic::FinalError => "summary.csv",
            Topic::Differences => "paired.csv",
            Topic::Convergence => "curves.csv",
            Topic::Layers => "layers.csv",
            Topic::StepTime => "bench.csv",
        }
    }

    /// The heading of its section, and what the section shows in words where the heading does not say enough.
    pub fn texts(self) -> (&'static str, Option<&'static str>) {
        match self {
            Topic::FinalError => ("Final test error", None),
            Topic::Differences => ("Differences, seed by seed", None),
            Topic::Convergence => ("Convergence", None),
            Topic::Layers => (
                "Inside the network",
                Some(
                    "Mean and standard deviation of hidden pre-activations over training, on a fixed batch of test \
                     images: how far the distribution that a layer works on moves while the layers below it learn \
                     (internal covariate shift). Skewness and excess kurtosis tell how far it is from a normal \
                     distribution, which NormProp's constants assume. Up to five layers are drawn; layers.csv holds all.",
                ),
            ),
            Topic::StepTime => (
                "Step time relative to none",
                Some(
                    "Median time of a training step as a multiple of that of the network without normalization, with \
                     its 95 % bootstrap interval. normprop bench measured the methods step by step in turn, so that \
                     whatever else the machine did fell on all of them; bench.csv holds the times themselves.",
                ),
            ),
        }
    }
}
