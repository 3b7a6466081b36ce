//! The parts that the pictures of several probes are put together from.

use crate::draw::{Axis, LineChart, ReferenceLine, Series};

/// A panel over whole numbers (layers, steps, epochs).
pub fn panel(title: &str, x: &str, y: Axis, series: Vec<Series>) -> LineChart {
    LineChart {
        title: title.into(),
        x: Axis::new(x).integer(),
        y,
        series,
        ..LineChart::default()
    }
}

/// A panel over the layers.
pub fn layer_panel(title: &str, y: Axis, series: Vec<Series>) -> LineChart {
    panel(title, "Layer", y, series)
}

/// A logarithmic axis.
pub fn logarithmic(label: &str) -> Axis {
    Axis::new(label).log()
}

/// An axis from 0 to 1.
pub fn unit_interval(label: &str) -> Axis {
    Axis::new(label).within(0.0, 1.0)
}

/// An axis that holds 0.
pub fn from_zero(label: &str) -> Axis {
    Axis::new(label).from_zero()
}

/// The panel with one more labeled line across it.
pub fn marked(mut panel: LineChart, value: f64, label: &str) -> LineChart {
    panel.references.push(ReferenceLine::new(value, label));
    panel
}
