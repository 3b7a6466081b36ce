//! A table of numbers with shades: method by row, batch size by column.

use super::font::{Weight, fit, text_width};
use super::palette::{AXIS, GRID, INK, PAPER, sequential, text_upon};
use super::sheet::{MARGIN, Sheet};
use super::text_style::{Anchor, HALF_HEIGHT, LABEL_SIZE, TextStyle};
use super::{Figure, Rect, Scene, Stroke, Style};
use crate::stats::range;

const SIZE: f64 = 13.0;
const ROW_HEIGHT: f64 = 23.0;
const HEADING: f64 = 26.0;
const NARROWEST: f64 = 96.0;
/// The shade of the largest value: text upon darker ones is hard to read.
const DARKEST: f64 = 0.8;
/// The width of a row's mark.
const MARK: f64 = 26.0;

/// A number of a [`ValueMap`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MapCell {
    /// Decides the shade, by its logarithm; NaN leaves the cell white.
    pub value: f64,
    /// What is written in the cell.
    pub text: String,
    /// Whether it is the best of its column.
    pub best: bool,
}

/// A row of a [`ValueMap`].
#[derive(Clone, Debug, PartialEq)]
pub struct MapRow {
    /// Its name.
    pub label: String,
    /// How it looks in other pictures.
    pub style: Style,
    /// A cell a column.
    pub cells: Vec<MapCell>,
}

/// Numbers in rows and columns, darker where they are larger.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ValueMap {
    /// The title.
    pub title: String,
    /// A second, lighter line below the title.
    pub subtitle: String,
    /// What the columns are.
    pub heading: String,
    /// A heading a column.
    pub columns: Vec<String>,
    /// The rows from top to bottom.
    pub rows: Vec<MapRow>,
}

impl ValueMap {
    /// Draws the table.
    pub fn figure(&self) -> Figure {
        let width = |text: &str, weight| text_width(text, SIZE, weight);
        let names = self
            .rows
            .iter()
            .map(|row| width(&row.label, Weight::Regular));
        let left = MARGIN + names.fold(0.0, f64::max).min(240.0) + MARK + 10.0;
        let cells = self.rows.iter().flat_map(|row| &row.cells);
        let texts = cells.map(|cell| width(&cell.text, Weight::Bold));
        let headings = self
            .columns
            .iter()
            .map(|column| width(column, Weight::Bold));
        let column = texts
            .chain(headings)
            .fold(NARROWEST, |a, b| a.max(b + 16.0));
        let needed = left + column * self.columns.len() as f64 + MARGIN;
        let total = needed.max(480.0);
        let mut sheet = Sheet::new(total, "Table of numbers", &self.title, &self.subtitle);
        if self.rows.is_empty() || self.columns.is_empty() {
            let area = sheet.area(160.0);
            return sheet.without_data(area);
        }
        let left = left + (total - needed) / 2.0;
        let scene = &mut sheet.scene;
        let middle = left + column * self.columns.len() as f64 / 2.0;
        scene.text(
            (middle, sheet.top + LABEL_SIZE),
            &self.heading,
            TextStyle::label(),
        );
        let top = sheet.top + LABEL_SIZE + HEADING;
        for (index, text) in self.columns.iter().enumerate() {
            let at = (left + column * (index as f64 + 0.5), top - 8.0);
            scene.text(at, text, TextStyle::bold(SIZE, Anchor::Middle));
        }
        for (index, row) in self.rows.iter().enumerate() {
            let place = Rect::new(left, top + ROW_HEIGHT * index as f64, column, ROW_HEIGHT);
            self.draw_row(scene, row, place);
        }
        let height = ROW_HEIGHT * self.rows.len() as f64;
        let whole = Rect::new(left, top, column * self.columns.len() as f64, height);
        scene.frame(whole, Stroke::solid(AXIS, 1.0));
        for (index, row) in self.rows.iter().enumerate() {
            for (place, _) in row.cells.iter().enumerate().filter(|(_, cell)| cell.best) {
                let (x, y) = (column * place as f64, ROW_HEIGHT * index as f64);
                let cell = Rect::new(left + x, top + y, column, ROW_HEIGHT);
                scene.frame(cell, Stroke::solid(INK, 1.6));
            }
        }
        sheet.describe(self.summary());
        sheet.finish(whole.bottom() + MARGIN)
    }

    /// A row whose first cell stands at `place`.
    fn draw_row(&self, scene: &mut Scene, row: &MapRow, place: Rect) {
        let (_, middle) = place.center();
        let baseline = middle + HALF_HEIGHT * SIZE;
        let name = fit(&row.label, SIZE, Weight::Regular, 240.0);
        let at = (place.x - MARK - 4.0, baseline);
        scene.text(at, &name, TextStyle::new(SIZE, Anchor::End));
        scene.marker(
            row.style.marker,
            (place.x - MARK / 2.0, middle),
            4.4,
            row.style.color,
        );
        for (index, cell) in row.cells.iter().take(self.columns.len()).enumerate() {
            let x = place.x + place.width * index as f64;
            let square = Rect::new(x, place.y, place.width, place.height);
            let note = format!("{} {}; {}", self.heading, self.columns[index], cell.text);
            let data = [("label", row.label.as_str()), ("note", note.trim())];
            scene.group("cell", &data, |scene| self.draw_cell(scene, cell, square));
        }
    }

    fn draw_cell(&self, scene: &mut Scene, cell: &MapCell, square: Rect) {
        let shade = self.shade(cell.value);
        scene.rect(square, &shade.map_or(PAPER.to_owned(), sequential));
        scene.frame(square, Stroke::solid(GRID, 0.7));
        let style = match cell.best {
            true => TextStyle::bold(SIZE, Anchor::Middle),
            false => TextStyle::new(SIZE, Anchor::Middle),
        };
        let style = style.filled(text_upon(shade.unwrap_or(0.0)));
        let (x, middle) = square.center();
        scene.text((x, middle + HALF_HEIGHT * SIZE), &cell.text, style);
    }

    /// The best of each column in words.
    fn summary(&self) -> String {
        let best = |(index, column): (usize, &String)| {
            let cell = |row: &MapRow| row.cells.get(index).filter(|cell| cell.best).cloned();
            let best = self.rows.iter().filter_map(|row| Some((row, cell(row)?)));
            let best = best.map(|(row, cell)| format!("{} {}", row.label, cell.text));
            let best: Vec<String> = best.collect();
            (!best.is_empty()).then(|| {
                let place = format!("{} {column}", self.heading);
                format!("{}: lowest {}.", place.trim(), best.join(" and "))
            })
        };
        let columns = self.columns.iter().enumerate();
        columns.filter_map(best).collect::<Vec<_>>().join(" ")
    }

    /// Between 0 and [`DARKEST`], by the logarithm of a value among all.
    fn shade(&self, value: f64) -> Option<f64> {
        let position = |value: f64| (value > 0.0 && value.is_finite()).then(|| value.ln());
        let cells = self.rows.iter().flat_map(|row| &row.cells);
        let (low, high) = range(cells.filter_map(|cell| position(cell.value)));
        let at = position(value)?;
        Some(match high > low {
            true => DARKEST * (at - low) / (high - low),
            false => 0.0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(value: f64, best: bool) -> MapCell {
        MapCell {
            value,
            text: format!("{value:.2}"),
            best,
        }
    }

    #[test]
    fn larger_values_are_darker_and_the_best_is_bold() {
        let row = |label: &str, cells: Vec<MapCell>| MapRow {
            label: label.into(),
            style: Style::of_slot(0),
            cells,
        };
        let map = ValueMap {
            columns: vec!["1".into(), "50".into()],
            rows: vec![
                row("bn", vec![cell(0.9, false), cell(0.1, true)]),
                row("none", vec![cell(f64::NAN, false), cell(0.3, false)]),
            ],
            ..ValueMap::default()
        };
        let [best, middle, worst] = [0.1, 0.3, 0.9].map(|value| map.shade(value).unwrap());
        assert!(best == 0.0 && (middle - 0.4).abs() < 1e-9 && worst == DARKEST);
        assert_eq!(map.summary(), "50: lowest bn 0.10.");
        let svg = map.figure().svg();
        let bold: Vec<&str> = svg.lines().filter(|line| line.contains("bold")).collect();
        assert!(bold.iter().any(|line| line.contains(">0.10<")), "{bold:?}");
        assert!(!bold.iter().any(|line| line.contains(">0.30<")));
        assert!(ValueMap::default().figure().svg().contains(">no data<"));
    }
}
