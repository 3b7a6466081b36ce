//! The picture of the tension between unit variance and unit Jacobian.

use anyhow::Result;

use super::measured::NetworkJacobians;
use crate::commands::stats::panels::{from_zero, layer_panel, logarithmic, marked, panel};
use crate::commands::stats::subject::Subject;
use crate::draw::{LineChart, PanelGrid, Point, Series};
use crate::moments::moments;
use crate::probe::jacobian::LayerJacobian;
use crate::text::numbers::significant;

fn series(measured: &[NetworkJacobians], point: &dyn Fn(&LayerJacobian) -> Point) -> Vec<Series> {
    let one = |one: &NetworkJacobians| Series {
        label: one.label.clone(),
        points: one.layers.iter().map(point).collect(),
        slot: None,
    };
    measured.iter().map(one).collect()
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
        from_zero("Std over images, within units"),
        series(measured, &|layer| at(layer, layer.pre_unit_std)),
    );
    let backward = layer_panel(
        "Backward: gradient from the top",
        logarithmic("Growth of its length"),
        series(measured, &|layer| at(layer, layer.gain_from_top)),
    );
    let root = moments(subject.config.activation()?).jacobian_root();
    Ok(PanelGrid {
        title: "Unit variance or unit Jacobian".into(),
        subtitle: format!(
            "{} images of {}; bands: two standard errors, for logits the range over images; init and fixed start alike",
            measured.first().map_or(0, |one| one.layers[0].images),
            subject.config.dataset
        ),
        panels: vec![
            marked(forward, 1.0, "unit variance"),
            layer_by_layer(measured, root),
            marked(backward, 1.0, "as sent"),
            end_to_end(measured),
        ],
        ..PanelGrid::default()
    })
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
        from_zero("Root mean square of σ"),
        series(measured, &with_band),
    );
    let panel = marked(panel, 1.0, "unit Jacobian");
    marked(panel, theory, &format!("√J = {}", significant(theory, 4)))
}

fn end_to_end(measured: &[NetworkJacobians]) -> LineChart {
    let one = |one: &NetworkJacobians| Series {
        label: one.label.clone(),
        points: one
            .end_to_end
            .iter()
            .map(|row| Point {
                x: row.index as f64,
                y: row.mean,
                interval: Some((row.min, row.max)),
            })
            .collect(),
        slot: None,
    };
    panel(
        "From image to logits",
        "Number of the singular value",
        logarithmic("Singular value"),
        measured.iter().map(one).collect(),
    )
}
