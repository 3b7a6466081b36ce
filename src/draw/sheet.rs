//! The sheet that a picture is drawn on: title and subtitle above, the content below them.

use super::font::wrap;
use super::palette::{AXIS, MUTED};
use super::{Anchor, Figure, Rect, Scene, Stroke, TextStyle};

/// Space around a picture's content in pixels.
pub const MARGIN: f64 = 18.0;

const TITLE_SIZE: f64 = 17.0;
const SUBTITLE_SIZE: f64 = 13.0;

/// A picture in the making, with its heading drawn.
pub struct Sheet {
    pub scene: Scene,
    /// The height at which the content starts.
    pub top: f64,
    alt: String,
}

impl Sheet {
    /// A sheet of the given width with its heading, wrapped and centered. `kind` says what the picture is in the text
    /// that stands for it where it cannot be seen.
    pub fn new(width: f64, kind: &str, title: &str, subtitle: &str) -> Sheet {
        let mut scene = Scene::new(width);
        let mut y = MARGIN;
        let title_style = TextStyle::bold(TITLE_SIZE, Anchor::Middle);
        let subtitle_style = TextStyle::new(SUBTITLE_SIZE, Anchor::Middle).filled(MUTED);
        for (text, style) in [(title, title_style), (subtitle, subtitle_style)] {
            for line in wrap(text, style.size, style.weight, width - 2.0 * MARGIN) {
                scene.text((width / 2.0, y + 0.8 * style.size), &line, style);
                y += 1.3 * style.size;
            }
        }
        let top = if y > MARGIN { (y + 10.0).round() } else { y };
        let alt = alt_text(kind, title, subtitle);
        Sheet { scene, top, alt }
    }

    /// The content's area of the given height, as wide as the sheet allows.
    pub fn area(&self, height: f64) -> Rect {
        Rect::new(MARGIN, self.top, self.scene.width - 2.0 * MARGIN, height)
    }

    /// Adds what the picture shows to the text that stands for it.
    pub fn describe(&mut self, what: String) {
        if !what.is_empty() {
            self.alt = format!("{}. {what}", self.alt);
        }
    }

    /// The picture, with its height in pixels.
    pub fn finish(self, height: f64) -> Figure {
        Figure::new(self.scene, height, self.alt)
    }

    /// The picture of an empty area.
    pub fn without_data(mut self, area: Rect) -> Figure {
        draw_no_data(&mut self.scene, area);
        self.finish(area.bottom() + MARGIN)
    }
}

/// Draws an empty data area that says so.
pub fn draw_no_data(scene: &mut Scene, area: Rect) {
    scene.frame(area, Stroke::new(AXIS, 1.0, "4 4"));
    let (x, y) = area.center();
    let style = TextStyle::new(16.0, Anchor::Middle).filled(MUTED);
    scene.text((x, y + 5.0), "no data", style);
}

/// One sentence from the parts of a picture's title that are not empty.
fn alt_text(kind: &str, title: &str, subtitle: &str) -> String {
    match (title, subtitle) {
        ("", "") => kind.to_owned(),
        (title, "") => format!("{kind}: {title}"),
        ("", subtitle) => format!("{kind}: {subtitle}"),
        (title, subtitle) => format!("{kind}: {title}. {subtitle}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_push_the_content_down_line_by_line() {
        let top = |title, subtitle| Sheet::new(300.0, "", title, subtitle).top;
        assert_eq!(top("", ""), MARGIN);
        let one = top("Short", "");
        assert!(top("Short", "more") > one);
        let long = "A title that is much too long for a picture of 300 pixels";
        assert!(top(long, "") > one + TITLE_SIZE);
    }

    #[test]
    fn alternative_texts_name_the_kind() {
        let alt = |title, subtitle| Sheet::new(300.0, "Line chart", title, subtitle).alt;
        assert_eq!(alt("Loss", ""), "Line chart: Loss");
        assert_eq!(alt("Loss", "of bn"), "Line chart: Loss. of bn");
        assert_eq!(alt("", ""), "Line chart");
    }
}
