//! Every picture bears any numbers and texts.

use super::*;
use proptest::prelude::*;

/// Any number, often one of those that trouble a layout.
fn number() -> impl Strategy<Value = f64> {
    let troubling = prop::sample::select(vec![
        0.0,
        -0.0,
        f64::NAN,
        f64::INFINITY,
        f64::MAX,
        f64::MIN_POSITIVE,
        1e-320,
        -1e300,
    ]);
    prop_oneof![any::<f64>(), troubling, -2.0..2.0f64]
}

fn is_sound(figure: &Figure) -> bool {
    let svg = figure.svg();
    figure.tree().is_ok() && !svg.contains("NaN") && !svg.contains("=\"inf")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn line_charts_bear_any_numbers_and_texts(
        points in prop::collection::vec((number(), number(), number()), 0..12),
        range in prop::option::of((number(), number())),
        log in any::<bool>(),
        text in ".{0,60}",
    ) {
        let scale = if log { Scale::Log } else { Scale::Linear };
        let axis = Axis { scale, range, label: text.clone(), ..Axis::default() };
        let point = |&(x, y, low): &(f64, f64, f64)| Point { x, y, interval: Some((low, y)) };
        let series = Series {
            label: text.clone(),
            points: points.iter().map(point).collect(),
            slot: None,
        };
        let references = points.iter().map(|point| Reference { value: point.0, label: text.clone() });
        let chart = LineChart {
            title: text.clone(),
            x: Axis { range: None, ..axis.clone() },
            y: axis,
            series: vec![series],
            references: references.take(2).collect(),
            ..LineChart::default()
        };
        prop_assert!(is_sound(&chart.figure()));
        let grid = PanelGrid { panels: vec![chart], ..PanelGrid::default() };
        prop_assert!(is_sound(&grid.figure()));
    }

    #[test]
    fn interval_plots_bear_any_numbers(
        values in prop::collection::vec((number(), number(), number()), 0..6),
        is_bar in any::<bool>(),
        log in any::<bool>(),
    ) {
        let row = |&(value, low, high): &(f64, f64, f64)| IntervalRow {
            value,
            interval: Some((low, high)),
            outcomes: vec![low, high],
            ..IntervalRow::default()
        };
        let rows = values.iter().map(row).collect();
        let scale = if log { Scale::Log } else { Scale::Linear };
        let plot = IntervalPlot {
            axis: Axis { scale, ..Axis::default() },
            mark: if is_bar { IntervalMark::Bar } else { IntervalMark::Dot },
            groups: vec![IntervalGroup { label: "group".into(), rows }],
            ..IntervalPlot::default()
        };
        prop_assert!(is_sound(&plot.figure()));
    }

    #[test]
    fn distributions_bear_any_numbers(
        bins in prop::collection::vec((number(), number(), number()), 0..8),
        mean in number(),
        std in number(),
    ) {
        let bin = |&(low, high, density): &(f64, f64, f64)| HistogramBin { low, high, density };
        let histogram = Histogram {
            bins: bins.iter().map(bin).collect(),
            curves: vec![NormalCurve { label: "fitted".into(), mean, std }],
            ..Histogram::default()
        };
        prop_assert!(is_sound(&histogram.figure()));
        let points = bins.iter().map(|&(x, y, _)| (x, y)).collect();
        let plot = QqPlot { points, fitted: Some((mean, std)), ..QqPlot::default() };
        prop_assert!(is_sound(&plot.figure()));
    }
}
