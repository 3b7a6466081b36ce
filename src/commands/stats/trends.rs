//! What is drawn and told of a probe over checkpoints.

use super::TableRow;
use crate::draw::{Axis, LineChart, Series};

/// A panel over the layers.
pub fn layer_panel(title: &str, y: Axis, series: Vec<Series>) -> LineChart {
    LineChart::new(title, Axis::new("Layer").integer(), y, series)
}

/// How the values of layers and seeds become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gathered {
    /// Their median.
    Median,
    /// How many of them are not 0.
    Count,
}

/// One value of a layer, from its row in the table over checkpoints.
pub struct Trend {
    /// Heading of its column in the terminal.
    pub heading: &'static str,
    /// The value.
    pub value: fn(TableRow) -> f64,
    /// How the values of layers and seeds become one.
    pub gathered: Gathered,
    /// Title, axes and marks of its panel over the layers, without lines; none where it is not drawn.
    pub panel: Option<LineChart>,
}

/// The values of a probe, in the order in which they are told.
pub struct Trends {
    /// Title of the picture.
    pub title: &'static str,
    /// What to know about the picture.
    pub subtitle: &'static str,
    /// The values.
    pub list: Vec<Trend>,
}

impl Trends {
    /// No values yet.
    pub fn new(title: &'static str, subtitle: &'static str) -> Self {
        Trends {
            title,
            subtitle,
            list: Vec::new(),
        }
    }

    /// One more value.
    pub fn with(mut self, heading: &'static str, value: fn(TableRow) -> f64) -> Self {
        self.list.push(Trend {
            heading,
            value,
            gathered: Gathered::Median,
            panel: None,
        });
        self
    }

    /// The value added last is drawn too: a row of panels like `panel`, one an epoch.
    pub fn drawn(mut self, panel: LineChart) -> Self {
        if let Some(trend) = self.list.last_mut() {
            trend.panel = Some(panel);
        }
        self
    }

    /// The value added last is so or not; told is in how many layers it is.
    pub fn counted(mut self) -> Self {
        if let Some(trend) = self.list.last_mut() {
            trend.gathered = Gathered::Count;
        }
        self
    }
}
