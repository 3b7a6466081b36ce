//! Where the groups of a plot of intervals stand: below each other, or side by side behind one column of names.

use super::font::{Weight, fit, text_width};
use super::interval_row::{LARGEST_TEXT_WIDTH, NAME_SIZE};
use super::plot::height_below;
use super::references::{draw_vertical_references, vertical_references_height};
use super::sheet::{MARGIN, Sheet};
use super::summary;
use super::text_style::{Anchor, HALF_HEIGHT, TextStyle, widest_tick};
use super::{
    Axis, AxisScale, Figure, IntervalGroup, IntervalMark, IntervalPlot, IntervalRow, Looks, Plot,
    Rect, Scene, Span,
};

const STACKED_WIDTH: f64 = 760.0;
/// The width of a table with many columns, and of the marks of one with few.
const WIDE: f64 = 1180.0;
const MARKS_WIDTH: f64 = 150.0;
const STACKED_ROW: f64 = 26.0;
pub(super) const GROUP_HEIGHT: f64 = 25.0;
const LARGEST_NAME_WIDTH: f64 = 200.0;
/// Pixels below the last row of a group.
pub(super) const GROUP_GAP: f64 = 6.0;
/// More names than this stand once beside all groups,
const MOST_STACKED: usize = 7;
/// and so do the names of more rows than this, which would be a picture taller than a screen.
const MOST_ROWS: usize = 20;
/// A group whose own range is a smaller part than this of the common one gets its own.
const SQUASHED: f64 = 0.3;
/// Figures are left out where they would leave a column less than this for its marks.
const NARROWEST: f64 = 70.0;

/// What the picture is, for its alternative text.
const KIND: &str = "Values with intervals";

impl IntervalPlot {
    /// Whether rows of so many names in so many groups become one table of names with a column a group.
    pub fn is_table(groups: usize, names: usize, rows: usize) -> bool {
        groups > 1 && (names > MOST_STACKED || rows > MOST_ROWS)
    }

    /// Draws the plot; it grows with the number of rows, unless they become a table.
    pub fn figure(&self) -> Figure {
        let Some(layout) = Layout::of(self) else {
            let sheet = Sheet::new(760.0, KIND, &self.title, &self.subtitle);
            let area = sheet.area(160.0);
            return sheet.without_data(area);
        };
        let mut sheet = Sheet::new(layout.width(), KIND, &self.title, &self.subtitle);
        let top = sheet.top;
        let height = layout.draw(&mut sheet.scene, top);
        sheet.describe(summary::of_rows(&self.groups));
        sheet.finish(height)
    }
}

/// A plot with the places of its groups.
pub(super) struct Layout<'p> {
    pub(super) plot: &'p IntervalPlot,
    /// What each group's axis shows; one for all where their axes are the same.
    spans: Vec<Span>,
    looks: Looks,
    side_by_side: bool,
    /// Where marks begin.
    pub(super) left: f64,
    /// The width of the figures behind the rows.
    texts: f64,
}

impl<'p> Layout<'p> {
    /// `None` without a value to draw.
    fn of(plot: &'p IntervalPlot) -> Option<Layout<'p>> {
        let common = plot.span(&plot.groups)?;
        let own = plot.groups.chunks(1);
        let own: Vec<Option<Span>> = own.map(|group| plot.span(group)).collect();
        let names = distinct_names(plot);
        let side_by_side =
            IntervalPlot::is_table(plot.groups.len(), names.len(), plot.rows().count());
        let is_squashed =
            |own: &Option<Span>| own.is_some_and(|own| own.share_of(&common) < SQUASHED);
        let have_own = plot.mark == IntervalMark::Dot && own.iter().any(is_squashed);
        let spans = match have_own {
            true => own.into_iter().map(|own| own.unwrap_or(common)).collect(),
            false => vec![common],
        };
        let width = |text: &str, weight| text_width(text, NAME_SIZE, weight);
        let names = names
            .into_iter()
            .map(|name| width(name, Weight::Regular) + 12.0);
        let headings = plot.groups.iter().filter(|_| !side_by_side);
        let headings = headings.map(|group| width(&group.label, Weight::Bold));
        let widest = names.chain(headings).fold(0.0, f64::max);
        let texts = widest_tick(plot.rows().map(|row| row.text.as_str())).min(LARGEST_TEXT_WIDTH);
        let mut layout = Layout {
            plot,
            spans,
            looks: Looks::assign(plot.rows().map(|row| (row.label.as_str(), row.style))),
            side_by_side,
            left: MARGIN + widest.min(LARGEST_NAME_WIDTH) + 12.0,
            texts,
        };
        if side_by_side && layout.column_width() - layout.room_behind() < NARROWEST {
            layout.texts = 0.0;
        }
        Some(layout)
    }

    /// Of the picture.
    pub(super) fn width(&self) -> f64 {
        let column = MARKS_WIDTH + self.room_behind();
        let columns = column * self.plot.groups.len() as f64;
        match self.side_by_side {
            true => (self.left + columns + MARGIN / 2.0).clamp(STACKED_WIDTH, WIDE),
            false => STACKED_WIDTH,
        }
    }

    /// Draws everything below `top`, and returns the height of the picture.
    fn draw(&self, scene: &mut Scene, top: f64) -> f64 {
        match (self.side_by_side, self.spans.len()) {
            (true, _) => self.draw_table(scene, top),
            (false, 1) => self.draw_on_one_axis(scene, top),
            (false, _) => self.draw_on_own_axes(scene, top),
        }
    }

    fn span(&self, index: usize) -> Span {
        self.spans[index.min(self.spans.len() - 1)]
    }

    /// The data area with an axis from a round value on.
    pub(super) fn area(&self, rect: Rect, index: usize) -> Plot {
        let x = self
            .plot
            .axis
            .settled_horizontally(self.span(index), rect.width);
        Plot { rect, x, y: x }
    }

    pub(super) fn room_behind(&self) -> f64 {
        if self.texts > 0.0 {
            self.texts + 28.0
        } else {
            18.0
        }
    }

    pub(super) fn column_width(&self) -> f64 {
        (self.width() - self.left - MARGIN / 2.0) / self.plot.groups.len() as f64
    }

    fn stacked_area(&self, y: f64, height: f64, index: usize) -> Plot {
        let width = STACKED_WIDTH - MARGIN - self.texts - 14.0 - self.left;
        self.area(Rect::new(self.left, y, width, height), index)
    }

    pub(super) fn draw_references(&self, scene: &mut Scene, area: &Plot, right: f64) {
        draw_vertical_references(scene, area, &self.plot.references, right);
    }

    /// Groups below each other, their marks over one axis at the bottom.
    fn draw_on_one_axis(&self, scene: &mut Scene, top: f64) -> f64 {
        let top = top + vertical_references_height(&self.plot.references);
        let height = self.plot.groups.iter().map(group_height).sum();
        let area = self.stacked_area(top, height, 0);
        area.draw_horizontal_axis(scene, &self.plot.axis);
        self.draw_references(scene, &area, STACKED_WIDTH - MARGIN);
        let mut y = top;
        for group in &self.plot.groups {
            y = self.draw_heading(scene, group, y);
            y = self.draw_rows(scene, &area, group, y) + GROUP_GAP;
        }
        area.rect.bottom() + height_below(&self.plot.axis) + MARGIN / 2.0
    }

    /// Groups below each other, each with an axis of its own.
    fn draw_on_own_axes(&self, scene: &mut Scene, top: f64) -> f64 {
        let mut y = top;
        let last = self.plot.groups.len() - 1;
        for (index, group) in self.plot.groups.iter().enumerate() {
            let references = vertical_references_height(&self.plot.references);
            let heading = self.draw_heading(scene, group, y) - y;
            y += heading.max(references);
            let height = STACKED_ROW * group.rows.len() as f64 + GROUP_GAP;
            let area = self.stacked_area(y, height, index);
            let axis = match index == last {
                true => self.plot.axis.clone(),
                false => self.plot.axis.clone().unnamed(),
            };
            area.draw_horizontal_axis(scene, &axis);
            self.draw_references(scene, &area, STACKED_WIDTH - MARGIN);
            self.draw_rows(scene, &area, group, y);
            y = area.rect.bottom() + height_below(&axis) + GROUP_GAP;
        }
        y + MARGIN / 2.0 - GROUP_GAP
    }

    /// The heading of a group; returns where its rows begin.
    fn draw_heading(&self, scene: &mut Scene, group: &IntervalGroup, y: f64) -> f64 {
        if group.label.is_empty() {
            return y;
        }
        let room = STACKED_WIDTH - 2.0 * MARGIN;
        let heading = fit(&group.label, NAME_SIZE, Weight::Bold, room);
        let style = TextStyle::bold(NAME_SIZE, Anchor::Start);
        scene.text((MARGIN, y + 0.7 * GROUP_HEIGHT), &heading, style);
        y + GROUP_HEIGHT
    }

    /// The rows of a group with their names; returns where they end.
    fn draw_rows(&self, scene: &mut Scene, area: &Plot, group: &IntervalGroup, y: f64) -> f64 {
        let mut y = y;
        for row in &group.rows {
            let middle = y + STACKED_ROW / 2.0;
            self.in_group(scene, group, row, |scene| {
                self.draw_name(scene, &row.label, middle);
                self.draw_row(scene, area, row, middle);
            });
            y += STACKED_ROW;
        }
        y
    }

    pub(super) fn draw_name(&self, scene: &mut Scene, name: &str, middle: f64) {
        let name = fit(name, NAME_SIZE, Weight::Regular, self.left - MARGIN - 22.0);
        let at = (self.left - 10.0, middle + HALF_HEIGHT * NAME_SIZE);
        scene.text(at, &name, TextStyle::new(NAME_SIZE, Anchor::End));
    }

    /// Draws a row as a group that says what it shows.
    pub(super) fn in_group(
        &self,
        scene: &mut Scene,
        group: &IntervalGroup,
        row: &IntervalRow,
        draw: impl FnOnce(&mut Scene),
    ) {
        let words = row.in_words(&group.label, &self.plot.axis);
        let data = [("label", row.label.as_str()), ("note", &words)];
        scene.group("row", &data, draw);
    }

    pub(super) fn draw_row(&self, scene: &mut Scene, area: &Plot, row: &IntervalRow, middle: f64) {
        let is_bar =
            self.plot.mark == IntervalMark::Bar && self.plot.axis.scale == AxisScale::Linear;
        if self.texts > 0.0 {
            row.draw_text(scene, area, middle);
        }
        row.draw_marks(scene, area, middle, self.looks.style(&row.label), is_bar);
    }
}

impl Axis {
    /// The same axis without its label.
    pub(super) fn unnamed(mut self) -> Axis {
        self.label.clear();
        self
    }
}

/// The names of the rows in the order in which they first occur.
pub(super) fn distinct_names(plot: &IntervalPlot) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for row in plot.rows() {
        if !names.contains(&row.label.as_str()) {
            names.push(&row.label);
        }
    }
    names
}

/// The height of a group's heading and rows.
fn group_height(group: &IntervalGroup) -> f64 {
    let heading = if group.label.is_empty() {
        0.0
    } else {
        GROUP_HEIGHT
    };
    heading + STACKED_ROW * group.rows.len() as f64 + GROUP_GAP
}
