//! The title and subtitle above a picture.

use super::font::wrap;
use super::palette::MUTED;
use super::svg::Scene;
use super::text_style::{Anchor, TextStyle};

/// Space around a picture's content in pixels.
pub const MARGIN: f64 = 18.0;

const TITLE_SIZE: f64 = 17.0;
const SUBTITLE_SIZE: f64 = 13.0;

/// Draws title and subtitle, wrapped and centred, and returns the height at which the rest starts.
pub fn draw_heading(scene: &mut Scene, title: &str, subtitle: &str) -> f64 {
    let (centre, width) = (scene.width / 2.0, scene.width - 2.0 * MARGIN);
    let mut y = MARGIN;
    let texts = [
        (title, TextStyle::bold(TITLE_SIZE, Anchor::Middle)),
        (
            subtitle,
            TextStyle::new(SUBTITLE_SIZE, Anchor::Middle).filled(MUTED),
        ),
    ];
    for (text, style) in texts {
        for line in wrap(text, style.size, style.weight, width) {
            scene.text((centre, y + 0.8 * style.size), &line, style);
            y += 1.3 * style.size;
        }
    }
    if y > MARGIN { (y + 10.0).round() } else { y }
}

/// One sentence from the parts of a picture's title that are not empty.
pub fn alt_text(kind: &str, title: &str, subtitle: &str) -> String {
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
