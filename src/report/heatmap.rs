//! Confusion matrices: true class by row, predicted class by column.

use std::fmt::Write;

use super::axes::{LABEL_SIZE, TICK_SIZE, draw_no_data};
use super::figure::Figure;
use super::font::{Weight, fit, text_width};
use super::heading::{MARGIN, alt_text, draw_heading};
use super::numbers::count;
use super::palette::{AXIS, MUTED, PAPER, sequential, text_upon};
use super::svg::{Anchor, Rect, Scene, Stroke, TextStyle};

/// Up to this many classes, cells carry numbers and classes their names.
const MOST_NAMED_CLASSES: usize = 20;
/// The matrix is drawn about this large when its cells carry no numbers.
const PLAIN_SIZE: f64 = 520.0;
const LARGEST_NAME_WIDTH: f64 = 110.0;
/// Shades of the colour map in a picture with many cells.
const SHADES: usize = 32;
const BAR_WIDTH: f64 = 14.0;

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
struct Layout {
    rect: Rect,
    cell: f64,
    named: bool,
}

impl ConfusionMatrix {
    /// Draws the matrix with a scale at its right; shades show the share of each row.
    pub fn figure(&self) -> Figure {
        let classes = self.counts.len();
        let named = classes <= MOST_NAMED_CLASSES;
        let cell = if named {
            self.numbered_cell()
        } else {
            (PLAIN_SIZE / classes as f64).max(2.0)
        };
        let names = self.widest_name().min(LARGEST_NAME_WIDTH);
        let left = MARGIN + LABEL_SIZE + 12.0 + if named { names } else { 28.0 } + 8.0;
        let size = if classes == 0 {
            300.0
        } else {
            cell * classes as f64
        };
        let mut scene = Scene::new(left + size + 24.0 + BAR_WIDTH + 52.0 + MARGIN);
        let top = draw_heading(&mut scene, &self.title, &self.subtitle);
        let rect = Rect {
            x: left,
            y: top,
            width: size,
            height: size,
        };
        let alt = alt_text("Confusion matrix", &self.title, &self.subtitle);
        if self.counts.iter().flatten().all(|count| *count == 0) {
            draw_no_data(&mut scene, rect);
            return scene.finish(rect.bottom() + MARGIN, &alt);
        }
        let layout = Layout { rect, cell, named };
        if named {
            self.draw_numbered_cells(&mut scene, &layout);
        } else {
            self.draw_plain_cells(&mut scene, &layout);
        }
        draw_frame(&mut scene, rect);
        draw_scale(&mut scene, rect);
        let bottom = self.draw_class_names(&mut scene, &layout);
        let title = TextStyle {
            size: LABEL_SIZE,
            anchor: Anchor::Middle,
            ..TextStyle::default()
        };
        let (x, y) = rect.centre();
        scene.text((x, bottom + LABEL_SIZE + 6.0), "Predicted class", title);
        scene.text(
            (MARGIN + LABEL_SIZE, y),
            "True class",
            TextStyle {
                rotate: -90.0,
                ..title
            },
        );
        scene.finish(bottom + LABEL_SIZE + 12.0 + MARGIN, &alt)
    }

    fn name(&self, class: usize) -> String {
        self.classes
            .get(class)
            .cloned()
            .unwrap_or_else(|| class.to_string())
    }

    fn widest_name(&self) -> f64 {
        let width = |class| text_width(&self.name(class), TICK_SIZE, Weight::Regular);
        (0..self.counts.len()).map(width).fold(0.0, f64::max)
    }

    /// A cell's side: wide enough for the largest number.
    fn numbered_cell(&self) -> f64 {
        let width = |value: &u64| text_width(&count(*value), TICK_SIZE, Weight::Regular) + 12.0;
        self.counts
            .iter()
            .flatten()
            .map(width)
            .fold(34.0, f64::max)
            .min(90.0)
    }

    /// Row, column, count and share of the row of each cell within the square.
    fn cells(&self) -> impl Iterator<Item = (usize, usize, u64, f64)> {
        let classes = self.counts.len();
        self.counts
            .iter()
            .enumerate()
            .flat_map(move |(row, counts)| {
                let total = counts
                    .iter()
                    .map(|count| *count as f64)
                    .sum::<f64>()
                    .max(1.0);
                let cell = move |(column, count): (usize, &u64)| {
                    (row, column, *count, *count as f64 / total)
                };
                counts.iter().enumerate().take(classes).map(cell)
            })
    }

    fn draw_numbered_cells(&self, scene: &mut Scene, layout: &Layout) {
        let Layout { rect, cell, .. } = *layout;
        for (row, column, value, share) in self.cells() {
            let corner = (rect.x + cell * column as f64, rect.y + cell * row as f64);
            if value == 0 {
                continue;
            }
            let shade = shade(share);
            let square = Rect {
                x: corner.0,
                y: corner.1,
                width: cell,
                height: cell,
            };
            scene.rect(square, &sequential(shade));
            let fill = text_upon(shade);
            let style = TextStyle {
                size: TICK_SIZE,
                fill,
                anchor: Anchor::Middle,
                ..TextStyle::default()
            };
            scene.text(
                (
                    corner.0 + cell / 2.0,
                    corner.1 + cell / 2.0 + 0.36 * TICK_SIZE,
                ),
                &count(value),
                style,
            );
        }
        for index in 1..self.counts.len() {
            let offset = cell * index as f64;
            let stroke = Stroke::solid("#e3e3e3", 0.8);
            scene.line(
                (rect.x + offset, rect.y),
                (rect.x + offset, rect.bottom()),
                stroke,
            );
            scene.line(
                (rect.x, rect.y + offset),
                (rect.right(), rect.y + offset),
                stroke,
            );
        }
    }

    /// One path for all cells of a shade keeps the file small: 100 classes have 10 000 cells.
    fn draw_plain_cells(&self, scene: &mut Scene, layout: &Layout) {
        let Layout { rect, cell, .. } = *layout;
        let mut paths = vec![String::new(); SHADES];
        for (row, column, _, share) in self.cells() {
            let index = (shade(share) * (SHADES - 1) as f64).ceil() as usize;
            if index > 0
                && let Some(path) = paths.get_mut(index)
            {
                let (x, y) = (rect.x + cell * column as f64, rect.y + cell * row as f64);
                // Writing to a String cannot fail.
                let _ = write!(path, "M{x:.1} {y:.1}h{cell:.2}v{cell:.2}h-{cell:.2}z");
            }
        }
        for (index, path) in paths
            .iter()
            .enumerate()
            .filter(|(_, path)| !path.is_empty())
        {
            scene.area(path, &sequential(index as f64 / (SHADES - 1) as f64), 1.0);
        }
    }

    /// Names (or every tenth number) at the left and below; returns where they end.
    fn draw_class_names(&self, scene: &mut Scene, layout: &Layout) -> f64 {
        let Layout { rect, cell, named } = *layout;
        let widest = self.widest_name().min(LARGEST_NAME_WIDTH);
        let upright = !named || widest <= cell - 4.0;
        for class in (0..self.counts.len()).step_by(if named { 1 } else { 10 }) {
            let name = if named {
                self.name(class)
            } else {
                class.to_string()
            };
            let name = fit(&name, TICK_SIZE, Weight::Regular, LARGEST_NAME_WIDTH);
            let middle = cell * (class as f64 + 0.5);
            let style = TextStyle {
                size: TICK_SIZE,
                fill: MUTED,
                anchor: Anchor::End,
                ..TextStyle::default()
            };
            scene.text(
                (rect.x - 8.0, rect.y + middle + 0.36 * TICK_SIZE),
                &name,
                style,
            );
            if upright {
                let style = TextStyle {
                    anchor: Anchor::Middle,
                    ..style
                };
                scene.text(
                    (rect.x + middle, rect.bottom() + TICK_SIZE + 5.0),
                    &name,
                    style,
                );
            } else {
                let style = TextStyle {
                    rotate: -40.0,
                    ..style
                };
                scene.text(
                    (rect.x + middle + 5.0, rect.bottom() + TICK_SIZE + 2.0),
                    &name,
                    style,
                );
            }
        }
        rect.bottom()
            + if upright {
                TICK_SIZE + 9.0
            } else {
                0.643 * widest + TICK_SIZE + 10.0
            }
    }
}

/// The square root brings out the rare confusions, which are what one looks for.
fn shade(share: f64) -> f64 {
    share.clamp(0.0, 1.0).sqrt()
}

fn draw_frame(scene: &mut Scene, rect: Rect) {
    let corners = [
        (rect.x, rect.y),
        (rect.right(), rect.y),
        (rect.right(), rect.bottom()),
        (rect.x, rect.bottom()),
        (rect.x, rect.y),
    ];
    scene.polyline(&corners, Stroke::solid(AXIS, 1.0));
}

/// The colour scale at the right of the matrix.
fn draw_scale(scene: &mut Scene, matrix: Rect) {
    let height = matrix.height.min(260.0);
    let bar = Rect {
        x: matrix.right() + 24.0,
        y: matrix.bottom() - height,
        width: BAR_WIDTH,
        height,
    };
    let steps = 52;
    let step = height / f64::from(steps);
    for index in 0..steps {
        let y = bar.bottom() - step * f64::from(index + 1);
        // Half a pixel of overlap hides the seams between the steps.
        let slice = Rect {
            y,
            height: step + 0.5,
            ..bar
        };
        scene.rect(
            slice,
            &sequential((f64::from(index) + 0.5) / f64::from(steps)),
        );
    }
    scene.rect(
        Rect {
            y: bar.bottom(),
            height: 1.0,
            ..bar
        },
        PAPER,
    );
    draw_frame(scene, bar);
    for (share, label) in [
        (0.0, "0\u{202f}%"),
        (0.01, "1\u{202f}%"),
        (0.1, "10\u{202f}%"),
        (0.5, "50\u{202f}%"),
        (1.0, "100\u{202f}%"),
    ] {
        let y = bar.bottom() - shade(share) * height;
        scene.line(
            (bar.right(), y),
            (bar.right() + 4.0, y),
            Stroke::solid(AXIS, 1.0),
        );
        let style = TextStyle {
            size: TICK_SIZE,
            fill: MUTED,
            ..TextStyle::default()
        };
        scene.text((bar.right() + 7.0, y + 0.36 * TICK_SIZE), label, style);
    }
    let style = TextStyle {
        size: TICK_SIZE,
        fill: MUTED,
        anchor: Anchor::Middle,
        rotate: -90.0,
        ..TextStyle::default()
    };
    scene.text(
        (bar.x - 6.0, bar.centre().1),
        "share of the true class",
        style,
    );
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
    fn ten_classes_have_names_and_numbers() {
        let figure = matrix(10).figure();
        assert!(figure.tree().is_ok());
        let svg = figure.svg();
        assert_eq!(svg.matches(">87<").count(), 10);
        assert_eq!(svg.matches(">class &lt;9&gt;<").count(), 2);
        assert!(svg.contains(">True class<") && svg.contains(">Predicted class<"));
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
