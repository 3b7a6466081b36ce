//! The picture of the tension between unit variance and unit Jacobian.

use anyhow::Result;

use super::measured::{NetworkJacobians, SingularValue};
use crate::commands::stats::variants::{AT_START, METHOD};
use crate::commands::stats::{Subject, layer_panel};
use crate::draw::{Axis, LineChart, PanelGrid, Point, Series};
use crate::methods;
use crate::moments::moments;
use crate::probe::jacobian::LayerJacobian;
use crate::text::numbers::significant;

/// A network's line: the choices at initialization are variants of one method.
fn line(place: usize, network: &NetworkJacobians, points: impl Iterator<Item = Point>) -> Series {
    let label = network.label.trim_end_matches(AT_START).replace(" = ", " ");
    Series::of(label.replace('_', " "), points).styled(methods::style(METHOD, place))
}

fn series(measured: &[NetworkJacobians], point: &dyn Fn(&LayerJacobian) -> Point) -> Vec<Series> {
    let networks = measured.iter().enumerate();
    networks
        .map(|(place, one)| line(place, one, one.layers.iter().map(point)))
        .collect()
}

fn at(layer: &LayerJacobian, y: f64) -> Point {
    Point {
        x: layer.layer as f64,
        y,
        interval: None,
    }
}

/// The picture of the tension: forward, layer by layer, backward, and end to end.
pub(super) fn picture(measured: &[NetworkJacobians], subject: &Subject) -> Result<PanelGrid> {
    let forward = layer_panel(
        "Forward: spread of the pre-activation",
        Axis::new("Std over images, within units").log(),
        series(measured, &|layer| at(layer, layer.pre_unit_std)),
    );
    let backward = layer_panel(
        "Backward: gradient from the top",
        Axis::new("Growth of its length").log(),
        series(measured, &|layer| at(layer, layer.gain_from_top)),
    );
    let root = moments(subject.config.activation()?).jacobian_root();
    let note = format!(
        "{} images of {}; choices of normprop at initialization, where init and fixed are alike; bands: two standard errors, for logits the range over images",
        measured.first().map_or(0, |one| one.layers[0].images),
        subject.config.dataset
    );
    let panels = vec![
        forward.marked(1.0, "unit variance"),
        layer_by_layer(measured, root),
        backward.marked(1.0, "as sent"),
        end_to_end(measured),
    ];
    Ok(PanelGrid::new(
        "Unit variance or unit Jacobian",
        note,
        panels,
    ))
}

/// Root of each layer's mean square, with two standard errors; `theory` is √J.
fn layer_by_layer(measured: &[NetworkJacobians], theory: f64) -> LineChart {
    let root = |value: f64| value.max(0.0).sqrt();
    let with_band = |layer: &LayerJacobian| {
        let (square, error) = (layer.spectrum.mean_square, layer.spectrum.mean_square_error);
        let band = (root(square - 2.0 * error), root(square + 2.0 * error));
        Point {
            interval: Some(band).filter(|(low, high)| low.is_finite() && high.is_finite()),
            ..at(layer, root(square))
        }
    };
    let panel = layer_panel(
        "Each layer's Jacobian",
        Axis::new("Root mean square of σ").from_zero(),
        series(measured, &with_band),
    );
    let theory_label = format!("√J = {}", significant(theory, 4));
    panel
        .marked(1.0, "unit Jacobian")
        .marked(theory, theory_label)
}

fn end_to_end(measured: &[NetworkJacobians]) -> LineChart {
    let point = |row: &SingularValue| Point {
        x: row.index as f64,
        y: row.mean,
        interval: Some((row.min, row.max)),
    };
    let networks = measured.iter().enumerate();
    let lines = networks
        .map(|(place, one)| line(place, one, one.end_to_end.iter().map(point)))
        .collect();
    let number = Axis::new("Number of the singular value").integer();
    let value = Axis::new("Singular value").log();
    LineChart::new("From image to logits", number, value, lines)
}
