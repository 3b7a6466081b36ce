//! The picture of a stream: a panel for each quantity, measured and predicted.

use super::measured::NetworkStream;
use crate::commands::stats::Subject;
use crate::commands::stats::variants::AT_START;
use crate::draw::{Axis, LineChart, Marker, PanelGrid, Point, Series, Style};
use crate::probe::stream::StreamPlace;

/// How a network is called in the legend.
fn name(network: &NetworkStream) -> String {
    let name = network.label.trim_end_matches(AT_START);
    name.replace(" = ", " ")
}

/// What was measured is a solid line.
fn measured(style: Style) -> Style {
    Style { dash: "", ..style }
}

/// What was predicted has the network's color.
fn predicted(style: Style) -> Style {
    Style {
        dash: "2 3",
        marker: Marker::Cross,
        ..style
    }
}

/// The axis of the picture of one network, or of several side by side.
const UNITS: &str = "Units before";

fn panel(title: &str, x: &str, y: Axis) -> LineChart {
    LineChart::new(title, Axis::new(x).integer(), y, Vec::new())
}

/// Without lines.
pub(super) fn variance(x: &str) -> LineChart {
    panel("Variance within channels", x, Axis::new("Variance").log())
}

/// Without lines.
pub(super) fn similarity(x: &str) -> LineChart {
    panel(
        "Similarity of two images",
        x,
        Axis::new("Mean cosine").from_zero(),
    )
}

/// Without lines.
pub(super) fn gradient_ratio(x: &str) -> LineChart {
    panel(
        "Growth of the squared gradient in a unit",
        x,
        Axis::new("In front of / behind it").from_zero(),
    )
    .marked(1.0, "as sent")
}

/// Without lines.
pub(super) fn correlation(x: &str) -> LineChart {
    panel(
        "Correlation of branch and stream",
        x,
        Axis::new("Mean over channels").from_zero(),
    )
    .marked(0.0, "random weights")
}

/// Without lines.
pub(super) fn nonlinearity(x: &str) -> LineChart {
    panel(
        "Nonlinearity of the map to the end",
        x,
        Axis::new("Nonlinearity coefficient").log(),
    )
    .marked(1.0, "affine")
}

/// What is read of a place: measured and predicted.
type MeasuredAndPredicted = fn(&StreamPlace) -> (f64, f64);

/// A line a network, and one for its prediction.
fn with_lines(
    chart: LineChart,
    found: &[NetworkStream],
    values: MeasuredAndPredicted,
) -> LineChart {
    let lines = found.iter().flat_map(|one| {
        let line = |label: String, style, value: fn((f64, f64)) -> f64| {
            let points = one.places.iter();
            let points = points.map(move |place| (place.units as f64, value(values(place))));
            Series::new(label, points).styled(style)
        };
        let label = format!("{}: predicted", name(one));
        let is_known = one.places.iter().any(|place| !values(place).1.is_nan());
        [
            Some(line(name(one), measured(one.style), |both| both.0)),
            is_known.then(|| line(label, predicted(one.style), |both| both.1)),
        ]
    });
    LineChart {
        series: lines.flatten().collect(),
        ..chart
    }
}

/// Mean over channels; of one network with a band of one standard deviation.
fn correlations(found: &[NetworkStream]) -> LineChart {
    let lines = found.iter().map(|one| {
        let point = |place: &StreamPlace| Point {
            x: place.units as f64,
            y: place.correlation,
            // Bands of several networks hide each other.
            interval: (found.len() == 1).then_some((
                place.correlation - place.correlation_std,
                place.correlation + place.correlation_std,
            )),
        };
        Series::of(name(one), one.places.iter().map(point)).styled(measured(one.style))
    });
    LineChart {
        series: lines.collect(),
        ..correlation(UNITS)
    }
}

/// Every quantity of every network.
pub(super) fn picture(found: &[NetworkStream], subject: &Subject) -> PanelGrid {
    let images = found[0].places.first().map_or(0, |place| place.images);
    let note = format!(
        "{images} images of {}; a network and what is predicted of it have one color",
        subject.config.dataset
    );
    let panels = vec![
        with_lines(variance(UNITS), found, |p| {
            (p.measured.variance, p.predicted.variance)
        }),
        with_lines(
            panel("Squared mean of channels", UNITS, Axis::new("Mean²").log()),
            found,
            |p| (p.measured.squared_mean(), p.predicted.squared_mean()),
        ),
        with_lines(gradient_ratio(UNITS), found, |p| {
            (p.measured.gradient_ratio, p.predicted.gradient_ratio)
        }),
        with_lines(
            panel("Squared gradient", UNITS, Axis::new("‖∂loss/∂x‖²").log()),
            found,
            |p| (p.measured.gradient, p.predicted.gradient),
        ),
        with_lines(similarity(UNITS), found, |p| {
            (p.measured.similarity, p.predicted.similarity)
        }),
        with_lines(nonlinearity(UNITS), found, |p| {
            (p.measured.nonlinearity, p.predicted.nonlinearity)
        }),
        correlations(found),
        with_lines(
            panel("Second moment", UNITS, Axis::new("E x²").log()),
            found,
            |p| (p.measured.second_moment, p.predicted.second_moment),
        ),
    ];
    PanelGrid::new("The stream of a residual network", note, panels)
}
