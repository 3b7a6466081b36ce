//! Pictures from plain data. Nothing here knows an experiment: callers fill a struct with public fields and ask for a
//! [`Figure`], which is SVG, drawn by a scene of our own, or PNG, drawn with the fonts in `assets/`; so pictures look the
//! same on every machine.
//!
//! | files | own |
//! | --- | --- |
//! | `chart`, `panel`, `grid`, `bars`, `bar_row`, `heatmap`, `histogram`, `qq` | the charts |
//! | `axis`, `ticks`, `tick_labels`, `plot`, `references`, `legend`, `slots`, `color_scale`, `stretch` | what charts share |
//! | `svg`, `rect`, `marker`, `palette`, `font`, `text_style`, `heading`, `figure` | the scene, texts and colors |

mod axis;
mod bar_row;
mod bars;
mod chart;
mod color_scale;
mod figure;
mod font;
mod grid;
mod heading;
mod heatmap;
mod histogram;
mod legend;
mod marker;
mod palette;
mod panel;
mod plot;
mod qq;
mod rect;
mod references;
mod slots;
mod stretch;
mod svg;
#[cfg(test)]
mod tests;
mod text_style;
mod tick_labels;
mod ticks;

pub use axis::Axis;
pub use bars::{IntervalGroup, IntervalMark, IntervalPlot, IntervalRow};
pub use chart::{LineChart, Point, Series};
pub use figure::{Figure, write_whole};
pub use grid::{PanelGrid, ShareY};
pub use heatmap::ConfusionMatrix;
pub use histogram::{Histogram, HistogramBin, NormalCurve};
pub use qq::QqPlot;
pub use references::Reference;
pub use svg::escape;
pub use tick_labels::TickFormat;
pub use ticks::Scale;
