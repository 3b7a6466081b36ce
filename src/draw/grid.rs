//! Small multiples: line charts as panels of one picture, with one legend for all.

use super::axis::Span;
use super::chart::{LineChart, draw_slots_legend, slots_of};
use super::figure::Figure;
use super::font::{Weight, wrap};
use super::heading::{MARGIN, alt_text, draw_heading};
use super::panel::{draw_panel, spans};
use super::plot::draw_no_data;
use super::rect::Rect;
use super::svg::Scene;
use super::text_style::{Anchor, TextStyle};

const PANEL_WIDTH: f64 = 400.0;
const PANEL_HEIGHT: f64 = 250.0;
const TITLE_SIZE: f64 = 14.0;
const TITLE_LINE: f64 = 19.0;

/// Which panels have one vertical range, so that they can be compared by eye.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShareY {
    /// None: each has its own.
    None,
    /// Those of a row.
    Rows,
    /// All.
    All,
}

/// Line charts as panels of one picture, with one legend for all.
#[derive(Clone, Debug, PartialEq)]
pub struct PanelGrid {
    /// The title above all panels.
    pub title: String,
    /// A second, lighter line below the title.
    pub subtitle: String,
    /// Panels in a row.
    pub columns: usize,
    /// Which panels have the same vertical range.
    pub share_y: ShareY,
    /// The panels, row by row.
    pub panels: Vec<LineChart>,
}

impl Default for PanelGrid {
    fn default() -> Self {
        PanelGrid {
            title: String::new(),
            subtitle: String::new(),
            columns: 2,
            share_y: ShareY::None,
            panels: Vec::new(),
        }
    }
}

impl PanelGrid {
    /// Draws the panels row by row and the common legend below.
    pub fn figure(&self) -> Figure {
        let columns = self.columns.clamp(1, self.panels.len().max(1));
        let mut scene = Scene::new(MARGIN + (PANEL_WIDTH + MARGIN) * columns as f64);
        let mut y = draw_heading(&mut scene, &self.title, &self.subtitle);
        let slots = slots_of(&self.panels);
        let of_all = match self.share_y {
            ShareY::All => common_y(&self.panels),
            ShareY::None | ShareY::Rows => None,
        };
        for row in self.panels.chunks(columns) {
            let shared = match self.share_y {
                ShareY::Rows => common_y(row),
                ShareY::None | ShareY::All => of_all,
            };
            let lines = row.iter().map(|chart| title_lines(chart).len()).max();
            y += TITLE_LINE * lines.unwrap_or(0) as f64;
            for (column, chart) in row.iter().enumerate() {
                let x = MARGIN + (PANEL_WIDTH + MARGIN) * column as f64;
                let area = Rect::new(x, y, PANEL_WIDTH, PANEL_HEIGHT);
                let spans = spans(chart).map(|(x, y)| (x, shared.unwrap_or(y)));
                let data = draw_panel(&mut scene, area, chart, &slots, spans);
                draw_title(&mut scene, data, chart);
            }
            y += PANEL_HEIGHT + MARGIN;
        }
        if self.panels.is_empty() {
            draw_no_data(&mut scene, Rect::new(MARGIN, y, PANEL_WIDTH, PANEL_HEIGHT));
            y += PANEL_HEIGHT + MARGIN;
        }
        let height = draw_slots_legend(&mut scene, y - MARGIN, &slots);
        Figure::new(
            scene,
            height,
            alt_text("Line charts", &self.title, &self.subtitle),
        )
    }
}

/// The vertical range of some panels together, if they have one scale.
fn common_y(panels: &[LineChart]) -> Option<Span> {
    let scale = panels.first()?.y.scale;
    if panels.iter().any(|chart| chart.y.scale != scale) {
        return None;
    }
    let spans = panels.iter().filter_map(spans);
    spans.map(|(_, y)| y).reduce(Span::union)
}

/// A panel's title, broken into lines.
fn title_lines(chart: &LineChart) -> Vec<String> {
    wrap(&chart.title, TITLE_SIZE, Weight::Bold, PANEL_WIDTH - 60.0)
}

/// Sets the title right above the data area.
fn draw_title(scene: &mut Scene, data: Rect, chart: &LineChart) {
    let lines = title_lines(chart);
    for (index, line) in lines.iter().enumerate() {
        let above = TITLE_LINE * (lines.len() - 1 - index) as f64 + 8.0;
        let style = TextStyle::bold(TITLE_SIZE, Anchor::Middle);
        scene.text((data.centre().0, data.y - above), line, style);
    }
}

#[cfg(test)]
mod tests {
    use super::super::chart::Series;
    use super::*;

    fn panel(labels: [&str; 2], top: f64) -> LineChart {
        let series = labels.map(|label| Series::new(label, [(0.0, 0.0), (1.0, top)]));
        LineChart {
            series: series.to_vec(),
            ..LineChart::default()
        }
    }

    #[test]
    fn panels_share_one_legend_and_their_styles() {
        let panels = vec![panel(["bn", "none"], 1.0), panel(["none", "normprop"], 1.0)];
        let figure = PanelGrid {
            panels,
            ..PanelGrid::default()
        }
        .figure();
        for label in [">bn<", ">none<", ">normprop<"] {
            assert_eq!(figure.svg().matches(label).count(), 1, "{label}");
        }
        assert!(figure.tree().is_ok());
    }

    #[test]
    fn a_shared_range_spans_all_panels() {
        let panels = vec![panel(["bn", "none"], 1.0), panel(["bn", "none"], 9.0)];
        let eights = |share_y, columns| {
            let grid = PanelGrid {
                share_y,
                columns,
                panels: panels.clone(),
                ..PanelGrid::default()
            };
            grid.figure().svg().matches(">8<").count()
        };
        assert_eq!((eights(ShareY::All, 1), eights(ShareY::None, 2)), (2, 1));
        assert_eq!((eights(ShareY::Rows, 2), eights(ShareY::Rows, 1)), (2, 1));
    }

    #[test]
    fn empty_grids_and_panels_say_so() {
        assert!(PanelGrid::default().figure().svg().contains(">no data<"));
        let panels = vec![panel(["bn", "none"], f64::NAN), panel(["bn", "none"], 1.0)];
        let lone = LineChart {
            title: "Layer 3".into(),
            ..LineChart::default()
        };
        let grid = PanelGrid {
            columns: 0,
            panels: [panels, vec![lone]].concat(),
            ..PanelGrid::default()
        };
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
