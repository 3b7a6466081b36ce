//! Small multiples: line charts as panels of one picture, with one legend for all.

use super::font::{Weight, wrap};
use super::sheet::{MARGIN, Sheet, draw_no_data};
use super::summary;
use super::{Anchor, Figure, LineChart, Looks, Rect, Scene, Span, TextStyle};
use crate::stats::range;

/// The width of a panel, and where more than two stand in a row.
const PANEL_WIDTHS: [f64; 2] = [440.0, 400.0];
const PANEL_HEIGHT: f64 = 250.0;
const TITLE_SIZE: f64 = 14.0;
const TITLE_LINE: f64 = 19.0;
/// So many panels in a row are wider than those of longer rows.
const SHORT_ROW: usize = 2;
/// How many times the narrowest range of values the widest of even panels may be.
const LARGEST_RATIO: f64 = 8.0;

/// Which panels have one vertical range, so that they can be compared by eye.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ShareY {
    /// None: each has its own.
    #[default]
    None,
    /// Those of a row.
    Rows,
    /// All.
    All,
}

/// Line charts as panels of one picture, with one legend for all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PanelGrid {
    /// The title above all panels.
    pub title: String,
    /// A second, lighter line below the title.
    pub subtitle: String,
    /// Panels in a row; two or three unless it is said otherwise.
    columns: Option<usize>,
    /// Which panels have the same vertical range.
    share_y: ShareY,
    /// The panels, row by row.
    pub panels: Vec<LineChart>,
}

impl PanelGrid {
    /// Panels, each with a range of its own.
    pub fn new(
        title: impl Into<String>,
        subtitle: impl Into<String>,
        panels: Vec<LineChart>,
    ) -> PanelGrid {
        PanelGrid {
            title: title.into(),
            subtitle: subtitle.into(),
            panels,
            ..PanelGrid::default()
        }
    }

    /// The same with so many panels in a row.
    pub fn in_columns(mut self, columns: usize) -> PanelGrid {
        self.columns = Some(columns);
        self
    }

    /// The same with one vertical range for some of the panels.
    pub fn sharing(mut self, share_y: ShareY) -> PanelGrid {
        self.share_y = share_y;
        self
    }

    /// Draws the panels row by row and the common legend below.
    pub fn figure(&self) -> Figure {
        // Four are a square; else three in a row leave fewer places empty and the picture less tall.
        let columns = match self.panels.len() {
            3 | 5.. => 3,
            _ => 2,
        };
        let columns = self.columns.unwrap_or(columns);
        let columns = columns.min(self.panels.len()).max(1);
        let panel = PANEL_WIDTHS[usize::from(columns > SHORT_ROW)];
        let width = MARGIN + (panel + MARGIN) * columns as f64;
        let mut sheet = Sheet::new(width, "Line charts", &self.title, &self.subtitle);
        let (mut y, scene) = (sheet.top, &mut sheet.scene);
        let looks = Looks::of_series(self.panels.iter().flat_map(|chart| &chart.series));
        let of_all = common_y(&self.panels);
        for row in self.panels.chunks(columns) {
            let shared = match self.share_y {
                ShareY::None => None,
                ShareY::Rows => common_y(row),
                ShareY::All => of_all,
            };
            let lines = row
                .iter()
                .map(|chart| title_lines(chart, panel).len())
                .max();
            y += TITLE_LINE * lines.unwrap_or(0) as f64;
            for (column, chart) in row.iter().enumerate() {
                let x = MARGIN + (panel + MARGIN) * column as f64;
                let area = Rect::new(x, y, panel, PANEL_HEIGHT);
                let spans = chart.spans().map(|(x, y)| (x, shared.unwrap_or(y)));
                let data = chart.draw(scene, area, &looks, spans);
                draw_title(scene, data, &title_lines(chart, panel));
            }
            y += PANEL_HEIGHT + MARGIN;
        }
        if self.panels.is_empty() {
            draw_no_data(scene, Rect::new(MARGIN, y, panel, PANEL_HEIGHT));
            y += PANEL_HEIGHT + MARGIN;
        }
        let height = looks.draw_legend(scene, y - MARGIN);
        sheet.describe(summary::of_panels(&self.panels));
        sheet.finish(height)
    }
}

impl LineChart {
    /// Whether panels can share one axis: the widest range of values is not many times the narrowest, which would be
    /// squashed.
    pub fn are_even(panels: &[LineChart]) -> bool {
        let height = |panel: &LineChart| {
            let points = panel.series.iter().flat_map(|series| &series.points);
            let (low, high) = range(points.map(|point| point.y));
            high - low
        };
        let (narrow, wide) = range(panels.iter().map(height).filter(|height| *height > 0.0));
        wide <= LARGEST_RATIO * narrow
    }
}

/// The vertical range of some panels together, if they have one scale.
fn common_y(panels: &[LineChart]) -> Option<Span> {
    let scale = panels.first()?.y.scale;
    if panels.iter().any(|chart| chart.y.scale != scale) {
        return None;
    }
    let spans = panels.iter().filter_map(LineChart::spans);
    spans.map(|(_, y)| y).reduce(Span::union)
}

/// A panel's title, broken into lines.
fn title_lines(chart: &LineChart, panel: f64) -> Vec<String> {
    wrap(&chart.title, TITLE_SIZE, Weight::Bold, panel - 60.0)
}

/// Sets the title right above the data area.
fn draw_title(scene: &mut Scene, data: Rect, lines: &[String]) {
    for (index, line) in lines.iter().enumerate() {
        let above = TITLE_LINE * (lines.len() - 1 - index) as f64 + 8.0;
        let style = TextStyle::bold(TITLE_SIZE, Anchor::Middle);
        scene.text((data.center().0, data.y - above), line, style);
    }
}

#[cfg(test)]
mod tests {
    use super::super::series::Series;
    use super::*;

    fn panel(labels: [&str; 2], top: f64) -> LineChart {
        let series = labels.map(|label| Series::new(label, [(0.0, 0.0), (1.0, top)]));
        LineChart {
            series: series.to_vec(),
            ..LineChart::default()
        }
    }

    #[test]
    fn a_shared_range_spans_all_panels() {
        let panels = vec![panel(["bn", "none"], 1.0), panel(["bn", "none"], 9.0)];
        let eights = |share_y, columns| {
            let grid = PanelGrid::new("", "", panels.clone()).in_columns(columns);
            grid.sharing(share_y).figure().svg().matches(">8<").count()
        };
        assert_eq!((eights(ShareY::All, 1), eights(ShareY::None, 2)), (2, 1));
        assert_eq!((eights(ShareY::Rows, 2), eights(ShareY::Rows, 1)), (2, 1));
    }

    #[test]
    fn panels_of_very_different_ranges_are_not_even() {
        let panels = |top| [panel(["bn", "none"], 1.0), panel(["bn", "none"], top)];
        assert!(LineChart::are_even(&panels(7.0)));
        assert!(!LineChart::are_even(&panels(9.0)));
    }

    #[test]
    fn empty_grids_and_panels_say_so() {
        assert!(PanelGrid::default().figure().svg().contains(">no data<"));
        let panels = vec![panel(["bn", "none"], f64::NAN), panel(["bn", "none"], 1.0)];
        let lone = LineChart {
            title: "Layer 3".into(),
            ..LineChart::default()
        };
        let grid = PanelGrid::new("", "", [panels, vec![lone]].concat());
        let svg = grid.figure().svg();
        assert_eq!(
            (
                svg.matches(">no data<").count(),
                svg.matches(">Layer 3<").count()
            ),
            (1, 1)
        );
    }
}
