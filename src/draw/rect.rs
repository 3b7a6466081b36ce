//! Rectangles of pixels.

/// A rectangle in pixels, y downwards.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rect {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

impl Rect {
    /// A rectangle from its upper left corner and size.
    pub fn new(x: f64, y: f64, width: f64, height: f64) -> Rect {
        Rect {
            x,
            y,
            width,
            height,
        }
    }

    /// The column of the right edge.
    pub fn right(&self) -> f64 {
        self.x + self.width
    }

    /// The row of the lower edge.
    pub fn bottom(&self) -> f64 {
        self.y + self.height
    }

    /// The pixel in the middle.
    pub fn center(&self) -> (f64, f64) {
        (self.x + self.width / 2.0, self.y + self.height / 2.0)
    }

    /// Whether a pixel lies inside or on the edge.
    pub fn contains(&self, (x, y): (f64, f64)) -> bool {
        // What lies upon the edge is inside, rounding apart.
        const SLACK: f64 = 0.01;
        let (across, down) = (x - self.x, y - self.y);
        across >= -SLACK
            && across <= self.width + SLACK
            && down >= -SLACK
            && down <= self.height + SLACK
    }

    /// Whether the two have an area in common.
    pub fn overlaps(&self, other: &Rect) -> bool {
        self.x < other.right()
            && other.x < self.right()
            && self.y < other.bottom()
            && other.y < self.bottom()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rectangles_know_what_they_hold_and_overlap() {
        let rect = Rect::new(0.0, 0.0, 10.0, 5.0);
        assert!(
            rect.contains((10.0, 0.0)) && !rect.contains((10.1, 0.0)) && !rect.contains((5.0, 6.0))
        );
        assert!(
            rect.overlaps(&Rect::new(9.0, 4.0, 3.0, 3.0))
                && !rect.overlaps(&Rect::new(10.0, 0.0, 3.0, 3.0))
        );
    }
}
