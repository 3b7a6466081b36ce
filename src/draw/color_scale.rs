//! The strip that explains the shades of a heat map.

use super::palette::{AXIS, MUTED, sequential};
use super::text_style::{Anchor, HALF_HEIGHT, TICK_SIZE, TextStyle};
use super::{Rect, Scene, Stroke};

const STRIP_WIDTH: f64 = 14.0;
const GAP: f64 = 38.0;
/// Height of one step of the strip: whole pixels leave no seams between steps.
const STEP: f64 = 2.0;
const LARGEST_HEIGHT: f64 = 260.0;

/// The room that the strip needs at the right of the map.
pub const SCALE_WIDTH: f64 = GAP + STRIP_WIDTH + 50.0;

/// The shade (0 to 1) of a share: its square root brings out rare confusions, which are what one
/// looks for.
pub fn shade(share: f64) -> f64 {
    share.clamp(0.0, 1.0).sqrt()
}

/// Draws the strip at the right of `map`, level with its bottom, with the shares as ticks.
pub fn draw_color_scale(scene: &mut Scene, map: Rect, title: &str) {
    let steps = (map.height.min(LARGEST_HEIGHT) / STEP).floor().max(1.0);
    let height = steps * STEP;
    let bottom = map.bottom().round();
    let left = (map.right() + GAP).round();
    let strip = Rect::new(left, bottom - height, STRIP_WIDTH, height);
    for index in 0..steps as usize {
        let position = index as f64;
        let y = bottom - STEP * (position + 1.0);
        let fill = sequential((position + 0.5) / steps);
        scene.rect(Rect::new(strip.x, y, STRIP_WIDTH, STEP), &fill);
    }
    scene.frame(strip, Stroke::solid(AXIS, 1.0));
    for percent in [0.0, 1.0, 10.0, 50.0, 100.0] {
        let y = bottom - shade(percent / 100.0) * height;
        let right = strip.right();
        scene.line((right, y), (right + 4.0, y), Stroke::solid(AXIS, 1.0));
        let label = format!("{percent}\u{202f}%");
        let at = (right + 7.0, y + HALF_HEIGHT * TICK_SIZE);
        scene.text(at, &label, TextStyle::tick(Anchor::Start));
    }
    let style = TextStyle::tick(Anchor::Middle).rotated(-90.0).filled(MUTED);
    scene.text((strip.x - 8.0, strip.center().1), title, style);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strip_runs_from_white_to_dark_within_the_map() {
        let mut scene = Scene::new(300.0);
        draw_color_scale(&mut scene, Rect::new(0.0, 0.0, 100.0, 101.0), "share");
        assert_eq!(scene.body.matches("<rect").count(), 50);
        assert!(
            scene
                .body
                .contains("y=\"99\" width=\"14\" height=\"2\" fill=\"#fcfdfe\""),
            "{}",
            scene.body
        );
        assert!(scene.body.contains(">100\u{202f}%<") && scene.body.contains(">share<"));
    }
}
