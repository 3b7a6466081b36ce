//! What line charts are made of: points, lines, and labeled lines across.

use super::Style;

/// A point of a series; not-a-number coordinates leave a gap in its line.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    /// Position on the horizontal axis.
    pub x: f64,
    /// Position on the vertical axis.
    pub y: f64,
    /// Low and high end of the interval around `y`, drawn as a band.
    pub interval: Option<(f64, f64)>,
}

/// A line with a label.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// The text in the legend; series of the same label share one style and one entry.
    pub label: String,
    /// The points in drawing order.
    pub points: Vec<Point>,
    /// Color, dash and marker, so that a method looks the same in every picture; by default they follow from the order
    /// in which labels first occur.
    pub style: Option<Style>,
    /// Whether it is there for comparison only: thin and gray, without a name.
    pub muted: bool,
    /// What is behind the line, shown with each of its points: "3 seeds".
    pub note: String,
}

impl Series {
    /// A series without intervals.
    pub fn new(label: impl Into<String>, points: impl IntoIterator<Item = (f64, f64)>) -> Series {
        let interval = None;
        let point = |(x, y)| Point { x, y, interval };
        Series::of(label, points.into_iter().map(point))
    }

    /// A series of points that may have intervals.
    pub fn of(label: impl Into<String>, points: impl IntoIterator<Item = Point>) -> Series {
        Series {
            label: label.into(),
            points: points.into_iter().collect(),
            style: None,
            muted: false,
            note: String::new(),
        }
    }

    /// The same in a style.
    pub fn styled(mut self, style: Style) -> Series {
        self.style = Some(style);
        self
    }

    /// The same for comparison only.
    pub fn muted(mut self) -> Series {
        self.muted = true;
        self
    }

    /// The same with what is behind it.
    pub fn noted(mut self, note: impl Into<String>) -> Series {
        self.note = note.into();
        self
    }

    /// The points that can be drawn.
    pub(crate) fn drawable(&self) -> impl DoubleEndedIterator<Item = &Point> {
        let points = self.points.iter();
        points.filter(|point| point.x.is_finite() && point.y.is_finite())
    }
}

/// A labeled line across a chart: a target, or a figure from the literature.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReferenceLine {
    /// Position on the value axis.
    pub value: f64,
    /// The text that stands at the line.
    pub label: String,
}

impl ReferenceLine {
    /// A line with its label.
    pub fn new(value: f64, label: impl Into<String>) -> ReferenceLine {
        ReferenceLine {
            value,
            label: label.into(),
        }
    }
}
