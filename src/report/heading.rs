//! The title and subtitle above a picture.

use super::font::{Weight, wrap};
use super::palette::MUTED;
use super::svg::{Anchor, Scene, TextStyle};

/// Space around a picture's content in pixels.
pub(super) const MARGIN: f64 = 18.0;

const TITLE_SIZE: f64 = 17.0;
const SUBTITLE_SIZE: f64 = 13.0;

/// Draws title and subtitle, wrapped and centred, and returns the height at which the rest starts.
pub(super) fn draw_heading(scene: &mut Scene, title: &str, subtitle: &str) -> f64 {
    let (centre, width) = (scene.width() / 2.0, scene.width() - 2.0 * MARGIN);
    let mut y = MARGIN;
    let texts = [
        (title, TITLE_SIZE, Weight::Bold),
        (subtitle, SUBTITLE_SIZE, Weight::Regular),
    ];
    for (text, size, weight) in texts {
        for line in wrap(text, size, weight, width) {
            let style = TextStyle {
                size,
                weight,
                anchor: Anchor::Middle,
                ..TextStyle::default()
            };
            let fill = if weight == Weight::Bold {
                style.fill
            } else {
                MUTED
            };
            scene.text((centre, y + 0.8 * size), &line, TextStyle { fill, ..style });
            y += 1.3 * size;
        }
    }
    if y > MARGIN { y + 10.0 } else { y }
}

/// One sentence from the parts of a picture's title that are not empty.
pub(super) fn alt_text(kind: &str, title: &str, subtitle: &str) -> String {
    let parts: Vec<&str> = [title, subtitle]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect();
    if parts.is_empty() {
        kind.to_string()
    } else {
        format!("{kind}: {}", parts.join(". "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_push_the_content_down_line_by_line() {
        let height =
            |title: &str, subtitle: &str| draw_heading(&mut Scene::new(300.0), title, subtitle);
        assert_eq!(height("", ""), MARGIN);
        let one = height("Short", "");
        assert!(height("Short", "more") > one);
        assert!(
            height(
                "A title that is much too long for a picture of 300 pixels",
                ""
            ) > one + TITLE_SIZE
        );
    }

    #[test]
    fn alternative_texts_name_the_kind() {
        assert_eq!(alt_text("Line chart", "Loss", ""), "Line chart: Loss");
        assert_eq!(alt_text("Line chart", "", ""), "Line chart");
    }
}
