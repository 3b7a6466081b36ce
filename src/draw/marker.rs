//! The shapes that stand at data points.

use std::f64::consts::FRAC_1_SQRT_2;

/// A shape; all cover about the same area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marker {
    /// A disc.
    Circle,
    /// A square.
    Square,
    /// A triangle, its tip up.
    TriangleUp,
    /// A square on its corner.
    Diamond,
    /// A triangle, its tip down.
    TriangleDown,
    /// A slanted cross.
    Cross,
    /// An upright cross.
    Plus,
}

impl Marker {
    /// The corners about the origin for a half-width of `r`, y downwards; none for the circle.
    pub(super) fn corners(self, r: f64) -> Vec<(f64, f64)> {
        let (side, tall, wide, base) = (0.9 * r, 1.25 * r, 1.1 * r, 0.8 * r);
        match self {
            Marker::Circle => Vec::new(),
            Marker::Square => vec![(-side, -side), (side, -side), (side, side), (-side, side)],
            Marker::TriangleUp => vec![(0.0, -tall), (wide, base), (-wide, base)],
            Marker::TriangleDown => vec![(0.0, tall), (wide, -base), (-wide, -base)],
            Marker::Diamond => vec![(0.0, -tall), (tall, 0.0), (0.0, tall), (-tall, 0.0)],
            Marker::Cross => turned(&cross(1.15 * r, 0.42 * r)),
            Marker::Plus => cross(1.15 * r, 0.42 * r),
        }
    }
}

/// An upright cross with arms of the given length and half-thickness.
fn cross(arm: f64, half: f64) -> Vec<(f64, f64)> {
    let corner = [(half, -arm), (half, -half), (arm, -half)];
    // A quarter turn takes (x, y) to (-y, x).
    let quarter = |(x, y): (f64, f64)| (-y, x);
    let mut upright = corner.to_vec();
    for _ in 0..3 {
        let turned: Vec<_> = upright[upright.len() - 3..]
            .iter()
            .copied()
            .map(quarter)
            .collect();
        upright.extend(turned);
    }
    upright
}

/// The same turned by 45 degrees.
fn turned(shape: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let turn = |&(x, y): &(f64, f64)| ((x - y) * FRAC_1_SQRT_2, (x + y) * FRAC_1_SQRT_2);
    shape.iter().map(turn).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_centered_and_of_like_area() {
        let shapes = [
            Marker::Square,
            Marker::TriangleUp,
            Marker::TriangleDown,
            Marker::Diamond,
            Marker::Cross,
            Marker::Plus,
        ];
        for shape in shapes {
            let corners = shape.corners(1.0);
            let next = corners.iter().cycle().skip(1);
            let doubled: f64 = corners
                .iter()
                .zip(next)
                .map(|(a, b)| a.0 * b.1 - b.0 * a.1)
                .sum();
            assert!(
                (2.0..4.0).contains(&(0.5 * doubled.abs())),
                "{shape:?}: {doubled}"
            );
            let center: f64 = corners.iter().map(|corner| corner.0).sum();
            assert!(center.abs() < 1e-12, "{shape:?}");
        }
        assert_eq!(Marker::Cross.corners(1.0).len(), 12);
    }
}
