//! Confusion matrices: true class by row, predicted class by column.

use std::fmt::Write;

use super::color_scale::{SCALE_WIDTH, draw_color_scale, shade};
use super::font::{Weight, fit};
use super::palette::{AXIS, sequential, text_upon};
use super::sheet::{MARGIN, Sheet};
use super::text_style::{Anchor, HALF_HEIGHT, LABEL_SIZE, TICK_SIZE, TextStyle, tick_width};
use super::{Figure, Rect, Scene, Stroke};
use crate::text::numbers::count;

/// Up to this many classes, cells carry numbers and classes their names.
const MOST_NAMED_CLASSES: usize = 20;
/// The matrix is drawn about this large when its cells carry no numbers.
const PLAIN_SIZE: f64 = 520.0;
const LARGEST_NAME_WIDTH: f64 = 110.0;
/// Shades of the color map in a picture with many cells.
const SHADES: usize = 32;
const SLANT_DEGREES: f64 = 40.0;
const CELL_EDGE: Stroke<'static> = Stroke::solid("#e3e3e3", 0.8);

/// How often each true class was taken for each class.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConfusionMatrix {
    /// The title.
    pub title: String,
    /// A second, lighter line below the title.
    pub subtitle: String,
    /// The names of the classes; those that are missing are numbered.
    pub classes: Vec<String>,
    /// `counts[t][p]`: samples of true class t that were predicted as p.
    pub counts: Vec<Vec<u64>>,
}

/// Pixels of the matrix.
#[derive(Clone, Copy)]
struct Cells {
    rect: Rect,
    cell: f64,
    named: bool,
}

impl Cells {
    /// The square of a cell.
    fn square(&self, row: usize, column: usize) -> Rect {
        let (across, down) = (self.cell * column as f64, self.cell * row as f64);
        let (x, y) = (self.rect.x + across, self.rect.y + down);
        Rect::new(x, y, self.cell, self.cell)
    }
}

impl ConfusionMatrix {
    /// Draws the matrix with a scale at its right; shades show the share of each row.
    pub fn figure(&self) -> Figure {
        let classes = self.counts.len();
        let named = classes <= MOST_NAMED_CLASSES;
        let (cell, names) = match named {
            true => (self.numbered_cell(), self.widest_name()),
            false => ((PLAIN_SIZE / classes as f64).max(2.0), tick_width("000")),
        };
        let left = (MARGIN + LABEL_SIZE + names + 20.0).round();
        let size = match classes {
            0 => 300.0,
            classes => cell * classes as f64,
        };
        let width = left + size + SCALE_WIDTH + MARGIN;
        let mut sheet = Sheet::new(width, "Confusion matrix", &self.title, &self.subtitle);
        let rect = Rect::new(left, sheet.top, size, size);
        if self.counts.iter().flatten().all(|count| *count == 0) {
            return sheet.without_data(rect);
        }
        let cells = Cells { rect, cell, named };
        let scene = &mut sheet.scene;
        match named {
            true => self.draw_numbered_cells(scene, cells),
            false => self.draw_plain_cells(scene, cells),
        }
        scene.frame(rect, Stroke::solid(AXIS, 1.0));
        draw_color_scale(scene, rect, "share of the true class");
        let bottom = self.draw_class_names(scene, cells) + LABEL_SIZE;
        let (x, y) = rect.center();
        scene.text((x, bottom + 6.0), "Predicted class", TextStyle::label());
        let vertical = TextStyle::label().rotated(-90.0);
        scene.text((MARGIN + LABEL_SIZE, y), "True class", vertical);
        sheet.finish(bottom + 12.0 + MARGIN)
    }

    /// The name of a class, or its number, as far as it fits.
    fn name(&self, class: usize) -> String {
        let number = || class.to_string();
        let name = self.classes.get(class).cloned().unwrap_or_else(number);
        fit(&name, TICK_SIZE, Weight::Regular, LARGEST_NAME_WIDTH)
    }

    fn widest_name(&self) -> f64 {
        let widths = (0..self.counts.len()).map(|class| tick_width(&self.name(class)));
        widths.fold(0.0, f64::max)
    }

    /// A cell's side: wide enough for the largest number.
    fn numbered_cell(&self) -> f64 {
        let counts = self.counts.iter().flatten();
        let widths = counts.map(|value| tick_width(&count(*value)) + 12.0);
        widths.fold(34.0, f64::max).min(90.0).round()
    }

    /// Row, column, count and share of the row of each cell within the square.
    fn cells(&self) -> impl Iterator<Item = (usize, usize, u64, f64)> {
        let classes = self.counts.len();
        let row = move |(row, counts): (usize, &'_ Vec<u64>)| {
            let total: f64 = counts.iter().map(|count| *count as f64).sum();
            let cells = counts.iter().copied().enumerate().take(classes);
            let cell = move |(column, count)| (row, column, count, count as f64 / total.max(1.0));
            cells.map(cell).collect::<Vec<_>>()
        };
        self.counts.iter().enumerate().flat_map(row)
    }

    fn draw_numbered_cells(&self, scene: &mut Scene, cells: Cells) {
        for (row, column, value, share) in self.cells().filter(|(_, _, value, _)| *value > 0) {
            let square = cells.square(row, column);
            let shade = shade(share);
            scene.rect(square, &sequential(shade));
            let (x, y) = square.center();
            let style = TextStyle::tick(Anchor::Middle).filled(text_upon(shade));
            scene.text((x, y + HALF_HEIGHT * TICK_SIZE), &count(value), style);
        }
        let rect = cells.rect;
        for index in 1..self.counts.len() {
            let offset = cells.cell * index as f64;
            let (x, y) = (rect.x + offset, rect.y + offset);
            scene.line((x, rect.y), (x, rect.bottom()), CELL_EDGE);
            scene.line((rect.x, y), (rect.right(), y), CELL_EDGE);
        }
    }

    /// One path for all cells of a shade keeps the file small: 100 classes have 10 000 cells.
    fn draw_plain_cells(&self, scene: &mut Scene, cells: Cells) {
        let mut paths = vec![String::new(); SHADES];
        for (row, column, _, share) in self.cells() {
            let index = (shade(share) * (SHADES - 1) as f64).ceil() as usize;
            if let (1.., Some(path)) = (index, paths.get_mut(index)) {
                let (Rect { x, y, .. }, side) = (cells.square(row, column), cells.cell);
                // Writing to a String cannot fail.
                let _ = write!(path, "M{x:.1} {y:.1}h{side:.2}v{side:.2}h-{side:.2}z");
            }
        }
        let paths = paths.iter().enumerate();
        for (index, path) in paths.filter(|(_, path)| !path.is_empty()) {
            scene.area(path, &sequential(index as f64 / (SHADES - 1) as f64), 1.0);
        }
    }

    /// Names (or every tenth number) at the left and below; returns where they end.
    fn draw_class_names(&self, scene: &mut Scene, Cells { rect, cell, named }: Cells) -> f64 {
        let widest = self.widest_name();
        let upright = !named || widest <= cell - 4.0;
        for class in (0..self.counts.len()).step_by(if named { 1 } else { 10 }) {
            let name = match named {
                true => self.name(class),
                false => class.to_string(),
            };
            let middle = cell * (class as f64 + 0.5);
            let at = (rect.x - 8.0, rect.y + middle + HALF_HEIGHT * TICK_SIZE);
            scene.text(at, &name, TextStyle::tick(Anchor::End));
            let (x, y) = (rect.x + middle, rect.bottom() + TICK_SIZE);
            if upright {
                scene.text((x, y + 5.0), &name, TextStyle::tick(Anchor::Middle));
            } else {
                let slanted = TextStyle::tick(Anchor::End).rotated(-SLANT_DEGREES);
                scene.text((x + 5.0, y + 2.0), &name, slanted);
            }
        }
        let slanted = SLANT_DEGREES.to_radians().sin() * widest;
        rect.bottom() + TICK_SIZE + if upright { 9.0 } else { slanted + 10.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(classes: usize) -> ConfusionMatrix {
        let count = |row: usize, column: usize| {
            if row == column {
                87
            } else {
                ((row * 7 + column * 3) % 4) as u64
            }
        };
        ConfusionMatrix {
            title: "Fashion-MNIST".into(),
            classes: (0..classes)
                .map(|class| format!("class <{class}>"))
                .collect(),
            counts: (0..classes)
                .map(|row| (0..classes).map(|column| count(row, column)).collect())
                .collect(),
            ..ConfusionMatrix::default()
        }
    }

    #[test]
    fn a_hundred_classes_have_neither_and_stay_small() {
        let figure = matrix(100).figure();
        assert!(figure.tree().is_ok());
        let svg = figure.svg();
        assert!(!svg.contains(">87<") && !svg.contains("class &lt;"));
        assert_eq!(svg.matches(">90<").count(), 2);
        assert!(svg.len() < 400_000, "{} bytes", svg.len());
    }

    #[test]
    fn ragged_unnamed_and_empty_matrices_are_no_trouble() {
        let ragged = ConfusionMatrix {
            counts: vec![vec![1, 2, 3, 4], vec![], vec![5]],
            ..ConfusionMatrix::default()
        };
        let svg = ragged.figure().svg();
        assert!(svg.contains(">3<") && !svg.contains(">4<"));
        for counts in [Vec::new(), vec![Vec::new()], vec![vec![0, 0], vec![0, 0]]] {
            let figure = ConfusionMatrix {
                counts,
                ..ConfusionMatrix::default()
            }
            .figure();
            assert!(figure.svg().contains(">no data<") && figure.png().is_ok());
        }
    }
}
