//! Pictures, tables and the one-file report, made from plain data.
//!
//! Nothing here reads a run directory or knows a tensor: callers fill a struct with public fields
//! and ask for a [`Figure`], a rendered [`Table`] or an [`HtmlReport`]. Pictures are drawn as SVG by
//! a scene of our own and turned into PNG with the fonts in `assets/`, so they look the same on
//! every machine.

mod axes;
mod bars;
mod chart;
mod figure;
mod font;
mod heading;
mod heatmap;
mod histogram;
mod html;
mod legend;
pub mod numbers;
mod palette;
mod panel;
mod qq;
mod svg;
mod table;
mod terminal;
mod text_histogram;
mod ticks;

pub use axes::Axis;
pub use bars::{IntervalGroup, IntervalMark, IntervalPlot, IntervalRow};
pub use chart::{LineChart, PanelGrid, Point, Reference, Series};
pub use figure::Figure;
pub use heatmap::ConfusionMatrix;
pub use histogram::{Histogram, HistogramBin, NormalCurve};
pub use html::{Block, HtmlReport, Section};
pub use qq::QqPlot;
pub use table::{Align, Column, Table};
pub use terminal::Terminal;
pub use text_histogram::TextHistogram;
pub use ticks::{Scale, TickFormat};
