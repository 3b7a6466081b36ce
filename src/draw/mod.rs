//! Pictures from plain data. Nothing here knows an experiment: callers fill a struct with public fields and ask for a
//! [`Figure`], which is SVG, drawn by a scene of our own, or PNG, drawn with the fonts in `assets/`; so pictures look the
//! same on every machine.
//!
//! | files | own |
//! | --- | --- |
//! | `chart`, `grid`, `intervals`, `heatmap`, `value_map`, `histogram`, `qq` | the charts |
//! | `series`, `lines`, `interval_layout`, `interval_table`, `interval_row`, `color_scale` | their parts |
//! | `axis`, `axis_ticks`, `span`, `ticks`, `tick_labels`, `plot`, `references`, `end_labels`, `legend`, `looks`, `stretch`, `summary` | axes and legends |
//! | `sheet`, `figure`, `svg`, `rect`, `style`, `marker`, `palette`, `font`, `text_style` | the scene, texts and colors |

mod axis;
mod axis_ticks;
mod chart;
mod color_scale;
mod end_labels;
mod figure;
mod font;
mod grid;
mod heatmap;
mod histogram;
mod interval_layout;
mod interval_row;
mod interval_table;
mod intervals;
mod legend;
mod lines;
mod looks;
mod marker;
mod palette;
mod plot;
mod qq;
mod rect;
mod references;
mod series;
mod sheet;
mod span;
mod stretch;
mod style;
mod summary;
mod svg;
#[cfg(test)]
mod tests;
mod text_histogram;
mod text_style;
mod tick_labels;
mod ticks;
mod value_map;

pub use axis::Axis;
pub use chart::LineChart;
pub use figure::Figure;
pub use grid::{PanelGrid, ShareY};
pub use heatmap::ConfusionMatrix;
pub use histogram::{HistogramChart, NormalCurve};
pub use interval_row::IntervalRow;
pub use intervals::{IntervalGroup, IntervalMark, IntervalPlot};
pub use marker::Marker;
pub use qq::QqPlot;
pub use series::{Point, ReferenceLine, Series};
pub use style::Style;
pub use text_histogram::TextHistogram;
pub use ticks::AxisScale;
pub use value_map::{MapCell, MapRow, ValueMap};

pub(crate) use looks::Looks;
pub(crate) use plot::Plot;
pub(crate) use rect::Rect;
pub(crate) use sheet::Sheet;
pub(crate) use span::Span;
pub(crate) use svg::{Scene, Stroke};
pub(crate) use text_style::{Anchor, TextStyle};
