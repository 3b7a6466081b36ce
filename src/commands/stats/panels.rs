//! The parts that the pictures of several probes are put together from.

use crate::draw::{Axis, LineChart, Reference, Scale, Series};

/// A panel over whole numbers (layers, steps, epochs).
pub fn panel(title: &str, x: &str, y: Axis, series: Vec<Series>) -> LineChart {
    LineChart {
        title: title.into(),
        x: Axis {
            integer: true,
            ..Axis::new(x)
        },
        y,
        series,
        ..LineChart::default()
    }
}

/// A logarithmic axis.
pub fn logarithmic(label: &str) -> Axis {
    Axis {
        scale: Scale::Log,
        ..Axis::new(label)
    }
}

/// An axis from 0 to 1.
pub fn unit_interval(label: &str) -> Axis {
    Axis {
        range: Some((0.0, 1.0)),
        ..Axis::new(label)
    }
}

/// An axis that holds 0.
pub fn from_zero(label: &str) -> Axis {
    Axis {
        include_zero: true,
        ..Axis::new(label)
    }
}

/// A labelled line across a panel.
pub fn mark(value: f64, label: &str) -> Reference {
    Reference {
        value,
        label: label.into(),
    }
}
