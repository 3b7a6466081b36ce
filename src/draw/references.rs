//! Labeled lines across a chart: targets and figures from the literature.

use super::font::{Weight, text_width};
use super::palette::MUTED;
use super::text_style::{Anchor, TICK_SIZE, TextStyle};
use super::{Plot, Rect, ReferenceLine, Scene, Stroke};

const LINE: Stroke<'static> = Stroke::new(MUTED, 1.2, "5 3");
/// Pixels between a line and its label, and between a label and the frame.
const GAP: f64 = 4.0;

/// Draws horizontal lines; each label stands at that side of its line where it covers the fewest
/// of the `busy` pixels and no other label.
pub fn draw_horizontal_references(
    scene: &mut Scene,
    plot: &Plot,
    references: &[ReferenceLine],
    busy: &[(f64, f64)],
) {
    let mut taken: Vec<Rect> = Vec::new();
    for reference in references {
        let inside = |y: &f64| plot.rect.contains((plot.rect.x, *y));
        let Some(y) = plot.y_pixel(reference.value).filter(inside) else {
            continue;
        };
        scene.line((plot.rect.x, y), (plot.rect.right(), y), LINE);
        let width = text_width(&reference.label, TICK_SIZE, Weight::Regular);
        let cost = |place: &Rect| {
            let covered = busy.iter().filter(|pixel| place.contains(**pixel)).count();
            let outside = place.y < plot.rect.y || place.bottom() > plot.rect.bottom();
            let clashes = taken.iter().filter(|other| other.overlaps(place)).count();
            covered + 1_000 * (clashes + usize::from(outside))
        };
        let Some(best) = places(plot.rect, y, width).into_iter().min_by_key(cost) else {
            continue;
        };
        taken.push(best);
        let style = TextStyle::tick(Anchor::Start).with_halo();
        let at = (best.x, best.bottom() - 0.25 * TICK_SIZE);
        scene.text(at, &reference.label, style);
    }
}

/// Where a label of the given width can stand at a line of height `y`, the best first.
fn places(frame: Rect, y: f64, width: f64) -> Vec<Rect> {
    let height = 1.1 * TICK_SIZE;
    let columns = [
        frame.right() - GAP - width,
        frame.x + GAP,
        frame.center().0 - width / 2.0,
        frame.x + 0.25 * frame.width - width / 2.0,
        frame.x + 0.75 * frame.width - width / 2.0,
    ];
    let rows = [y - height - 1.0, y + 2.0];
    let inside = |x: f64| x.min(frame.right() - GAP - width).max(frame.x + GAP);
    rows.into_iter()
        .flat_map(|row| columns.map(|x| Rect::new(inside(x), row, width, height)))
        .collect()
}

/// The room that [`draw_vertical_references`] needs above the data area.
pub fn vertical_references_height(references: &[ReferenceLine]) -> f64 {
    1.25 * TICK_SIZE * references.len() as f64
}

/// Draws vertical lines, each with its label in a row of its own above the data area.
pub fn draw_vertical_references(
    scene: &mut Scene,
    plot: &Plot,
    references: &[ReferenceLine],
    right: f64,
) {
    for (index, reference) in references.iter().enumerate() {
        let inside = |x: &f64| plot.rect.contains((*x, plot.rect.y));
        let Some(x) = plot.x_pixel(reference.value).filter(inside) else {
            continue;
        };
        let row = plot.rect.y - GAP - 1.25 * TICK_SIZE * index as f64;
        scene.line((x, row + 1.0), (x, plot.rect.bottom()), LINE);
        let width = text_width(&reference.label, TICK_SIZE, Weight::Regular);
        let left = (x - width / 2.0).max(plot.rect.x).min(right - width);
        let style = TextStyle::tick(Anchor::Start).with_halo();
        scene.text((left, row), &reference.label, style);
    }
}

#[cfg(test)]
mod tests {
    use super::super::axis::Axis;
    use super::*;

    fn plot() -> Plot {
        let span = Axis {
            range: Some((0.0, 1.0)),
            ..Axis::default()
        }
        .span([0.5].into_iter(), 0.0);
        let span = span.expect("a value and a range");
        Plot {
            rect: Rect::new(0.0, 0.0, 400.0, 200.0),
            x: span,
            y: span,
        }
    }

    fn places_of(references: &[ReferenceLine], busy: &[(f64, f64)]) -> Vec<(f64, f64)> {
        let mut scene = Scene::new(400.0);
        draw_horizontal_references(&mut scene, &plot(), references, busy);
        let number = |line: &str, name: &str| -> f64 {
            let rest = line
                .split(&format!(" {name}=\""))
                .nth(1)
                .unwrap_or_default();
            rest.split('"')
                .next()
                .unwrap_or_default()
                .parse()
                .expect("a number")
        };
        let texts = scene.body.lines().filter(|line| line.starts_with("<text"));
        texts
            .map(|line| (number(line, "x"), number(line, "y")))
            .collect()
    }

    #[test]
    fn labels_avoid_the_data_and_each_other() {
        let free = places_of(&[ReferenceLine::new(0.5, "paper")], &[])[0];
        assert!(free.0 > 300.0 && free.1 < 100.0, "{free:?}");
        let busy: Vec<(f64, f64)> = (200..400).map(|x| (f64::from(x), 95.0)).collect();
        let moved = places_of(&[ReferenceLine::new(0.5, "paper")], &busy)[0];
        assert!(moved.0 < 10.0, "{moved:?}");
        let two = places_of(
            &[
                ReferenceLine::new(0.5, "first"),
                ReferenceLine::new(0.5, "second"),
            ],
            &[],
        );
        assert!((two[0].0 - two[1].0).abs() > 50.0, "{two:?}");
    }

    #[test]
    fn lines_outside_of_the_range_are_left_out() {
        assert!(
            places_of(
                &[
                    ReferenceLine::new(1.5, "a"),
                    ReferenceLine::new(f64::NAN, "b")
                ],
                &[]
            )
            .is_empty()
        );
        let mut scene = Scene::new(400.0);
        draw_vertical_references(
            &mut scene,
            &plot(),
            &[
                ReferenceLine::new(0.2, "in"),
                ReferenceLine::new(2.0, "out"),
            ],
            400.0,
        );
        assert!(scene.body.contains(">in<") && !scene.body.contains(">out<"));
    }
}
