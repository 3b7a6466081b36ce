//! Every chart as a small picture, kept as a snapshot; and no chart is troubled by any numbers or texts.
//!
//! After a wanted change of a drawing: `INSTA_UPDATE=always cargo test draw::tests`, then look at the difference.

use super::*;
use crate::stats::{Bin, Normal};
use crate::text::Terminal;
use insta::assert_snapshot;
use proptest::prelude::*;

fn point(x: f64, y: f64) -> Point {
    let interval = Some((y / 2.0, 2.0 * y));
    Point { x, y, interval }
}

/// A line with a band and a gap, one beyond the range, a lone point with its whisker, and a target, on a log axis.
fn line_chart() -> LineChart {
    let heights = [0.4, 0.2, f64::NAN, 0.05, 0.0, 0.1];
    let banded = (0..).zip(heights).map(|(x, y)| point(f64::from(x), y));
    let lone = Series::of("lone <point>", [point(3.0, 0.3)]).styled(Style::of_slot(4));
    let banded = Series::of("banded", banded).noted("3 seeds");
    LineChart {
        title: "Test error & target".into(),
        subtitle: "three lines".into(),
        x: Axis::new("Epoch").integer(),
        y: Axis::new("Error").log().percent().within(0.02, 1.0),
        series: vec![
            banded,
            Series::new("steep", [(0.0, 0.5), (1.0, 1e12)]),
            lone,
        ],
        references: vec![ReferenceLine::new(0.03, "target 3 %")],
    }
}

#[test]
fn line_charts() {
    assert_snapshot!("line_chart", line_chart().figure().svg());
}

#[test]
fn panels_share_legend_styles_and_range() {
    let lines = [("bn", 1.0), ("none", 2.0), ("normprop", 4.0)];
    let line = |&(label, top): &(&str, f64)| Series::new(label, [(0.0, 0.0), (1.0, top)]);
    let panel = |series: &[(&str, f64)]| LineChart {
        title: format!("{} lines", series.len()),
        series: series.iter().map(line).collect(),
        ..LineChart::default()
    };
    let panels = vec![panel(&lines[..2]), panel(&lines[1..]), panel(&[])];
    let grid = PanelGrid::new("Panels", "", panels).sharing(ShareY::All);
    assert_snapshot!("panel_grid", grid.figure().svg());
}

/// Rows within and beyond the range of the axis, and one without a value.
fn interval_plot(mark: IntervalMark) -> IntervalPlot {
    let row = |label: &str, value: f64| IntervalRow {
        label: label.into(),
        value,
        interval: Some((value - 0.1, value + 0.1)),
        outcomes: vec![value - 0.05, value + 0.05],
        text: format!("{value:.2}"),
        style: None,
    };
    let diverged = IntervalRow {
        interval: None,
        outcomes: Vec::new(),
        text: "diverged".into(),
        ..row("sgn", f64::NAN)
    };
    let group = |label: &str, rows| IntervalGroup {
        label: label.into(),
        rows,
    };
    IntervalPlot {
        title: "Final error".into(),
        mark,
        axis: Axis::new("Error").within(0.0, 0.5),
        groups: vec![
            group(
                "Batch size 1",
                vec![row("bn", 0.25), row("none", 0.45), diverged],
            ),
            group("", vec![row("bn", 0.7)]),
        ],
        references: vec![
            ReferenceLine::new(0.3, "paper"),
            ReferenceLine::new(0.6, "unseen"),
        ],
        ..IntervalPlot::default()
    }
}

#[test]
fn intervals_as_dots_and_as_bars() {
    assert_snapshot!(
        "interval_dots",
        interval_plot(IntervalMark::Dot).figure().svg()
    );
    assert_snapshot!(
        "interval_bars",
        interval_plot(IntervalMark::Bar).figure().svg()
    );
}

#[test]
fn confusion_matrices() {
    let matrix = ConfusionMatrix {
        title: "Confusions".into(),
        classes: vec!["cat".into(), "a <dog> with a long name".into()],
        counts: vec![vec![8, 2, 0], vec![1, 12_345, 0], vec![0, 0, 0]],
        ..ConfusionMatrix::default()
    };
    assert_snapshot!("confusion_matrix", matrix.figure().svg());
}

#[test]
fn distributions() {
    let curve = |label: &str, mean, std_dev| NormalCurve {
        label: label.into(),
        normal: Normal { mean, std_dev },
    };
    let bin = |low, density| Bin {
        low,
        high: low + 1.0,
        density,
        ..Bin::default()
    };
    // A thousand points would make a large snapshot: of the curve only its place in the legend and its color count.
    let short = |svg: String| {
        let lines = svg.lines().map(|line| line.chars().take(200).collect());
        lines.collect::<Vec<String>>().join("\n")
    };
    let histogram = HistogramChart {
        title: "Layer 3".into(),
        x: Axis::new("Pre-activation"),
        label: "sample".into(),
        bins: vec![bin(-1.0, 0.25), bin(0.0, 0.75)],
        curves: vec![
            NormalCurve::standard(),
            curve("without spread", 0.1, 0.0),
            curve("fitted normal", 0.1, 0.9),
        ],
        ..HistogramChart::default()
    };
    assert_snapshot!("histogram", short(histogram.figure().svg()));
    let plot = QqPlot {
        title: "Layer 3".into(),
        label: "Sample quantile".into(),
        points: vec![(-1.0, -1.2), (0.0, 0.1), (1.0, f64::NAN), (1.5, 1.9)],
        fitted: (0.0, 1.25),
        ..QqPlot::default()
    };
    assert_snapshot!("qq", plot.figure().svg());
}

#[test]
fn legends_wrap_into_columns() {
    let line = |index: usize| Series::new(format!("method {index}"), [(0.0, 1.0)]);
    let chart = LineChart {
        series: (0..9).map(line).collect(),
        ..LineChart::default()
    };
    let svg = chart.figure().svg();
    let texts = svg.lines().filter(|line| line.contains(">method "));
    assert_snapshot!("legend", texts.collect::<Vec<_>>().join("\n"));
}

#[test]
fn every_chart_without_data_says_so_and_can_be_rendered() {
    let empty = [
        LineChart::default().figure(),
        PanelGrid::default().figure(),
        ValueMap::default().figure(),
        IntervalPlot::default().figure(),
        ConfusionMatrix::default().figure(),
        HistogramChart::default().figure(),
        QqPlot::default().figure(),
    ];
    for figure in empty {
        assert!(figure.svg().contains(">no data<") && figure.png().is_ok());
    }
    for figure in [
        line_chart().figure(),
        interval_plot(IntervalMark::Bar).figure(),
    ] {
        assert!(!figure.svg().contains(">no data<") && figure.png().is_ok());
    }
}

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
        let scale = if log { AxisScale::Log } else { AxisScale::Linear };
        let axis = Axis { scale, range, label: text.clone(), ..Axis::default() };
        let point = |&(x, y, low): &(f64, f64, f64)| Point { x, y, interval: Some((low, y)) };
        let series = Series::of(text.clone(), points.iter().map(point));
        let references = points.iter().map(|point| ReferenceLine::new(point.0, text.clone()));
        let chart = LineChart {
            title: text.clone(),
            x: Axis { range: None, ..axis.clone() },
            y: axis,
            series: vec![series],
            references: references.take(2).collect(),
            ..LineChart::default()
        };
        prop_assert!(is_sound(&chart.figure()));
        let grid = PanelGrid::new("", "", vec![chart]);
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
        let scale = if log { AxisScale::Log } else { AxisScale::Linear };
        let plot = IntervalPlot {
            axis: Axis { scale, ..Axis::default() },
            mark: if is_bar { IntervalMark::Bar } else { IntervalMark::Dot },
            groups: vec![IntervalGroup { label: "group".into(), rows }],
            ..IntervalPlot::default()
        };
        prop_assert!(is_sound(&plot.figure()));
    }

    #[test]
    fn histograms_bear_any_edges(edges in prop::collection::vec(any::<f64>(), 0..8)) {
        let bin = |ends: &[f64]| Bin { low: ends[0], high: ends[1], count: 3, normal_density: 0.1, ..Bin::default() };
        let bins: Vec<Bin> = edges.windows(2).map(bin).collect();
        let text = TextHistogram { bins: &bins, n: 9, bar_width: 30 };
        prop_assert!(text.render(&Terminal::plain()).ends_with('\n'));
    }

    #[test]
    fn distributions_bear_any_numbers(
        bins in prop::collection::vec((number(), number(), number()), 0..8),
        mean in number(),
        std in number(),
    ) {
        let bin = |&(low, high, density): &(f64, f64, f64)| Bin { low, high, density, ..Bin::default() };
        let histogram = HistogramChart {
            bins: bins.iter().map(bin).collect(),
            curves: vec![NormalCurve { label: "fitted".into(), normal: Normal { mean, std_dev: std } }],
            ..HistogramChart::default()
        };
        prop_assert!(is_sound(&histogram.figure()));
        let points = bins.iter().map(|&(x, y, _)| (x, y)).collect();
        let plot = QqPlot { points, fitted: (mean, std), ..QqPlot::default() };
        prop_assert!(is_sound(&plot.figure()));
    }
}
