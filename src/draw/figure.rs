//! A finished picture: SVG text, and PNG rendered from it with the shipped font.

use anyhow::{Context, Result};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg;

use super::Rect;
use super::font::{self, FAMILY};
use super::palette::PAPER;
use super::svg::{Scene, escape};

/// Pixels of the PNG per pixel of the SVG, so that it stays sharp on dense screens and in print.
const PNG_SCALE: f32 = 2.0;

/// Space between pictures that are laid side by side, in pixels.
const GAP: f64 = 12.0;

/// A picture as SVG. Made by the charts of this module.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// Width in SVG pixels.
    pub width: f64,
    /// Height in SVG pixels.
    pub height: f64,
    /// A sentence that stands for the picture where it cannot be seen.
    pub alt: String,
    /// What lies between the outer `<svg>` tags.
    body: String,
}

impl Figure {
    /// Ends a scene: `height` in pixels, `alt` the sentence that stands for the picture.
    pub(super) fn new(scene: Scene, height: f64, alt: String) -> Figure {
        Figure {
            width: scene.width.ceil(),
            height: height.ceil(),
            alt,
            body: scene.body,
        }
    }

    /// The picture as a stand-alone SVG document.
    pub fn svg(&self) -> String {
        self.element(r#" xmlns="http://www.w3.org/2000/svg""#)
    }

    /// The picture as an `<svg>` element for an HTML document: no namespace, no ids.
    pub fn inline_svg(&self) -> String {
        self.element("")
    }

    fn element(&self, namespace: &str) -> String {
        let (width, height, body) = (self.width, self.height, &self.body);
        let size = format!(r#"width="{width}" height="{height}""#);
        let alt = escape(&self.alt);
        format!(
            r#"<svg{namespace} {size} viewBox="0 0 {width} {height}" font-family="{FAMILY}" role="img" aria-label="{alt}">
<rect {size} fill="{PAPER}"/>
{body}</svg>
"#
        )
    }

    /// Pictures laid out in rows of `columns`, as one picture.
    pub fn grid(figures: &[Figure], columns: usize) -> Figure {
        let rows: Vec<&[Figure]> = figures.chunks(columns.max(1)).collect();
        let row_width = |row: &&[Figure]| {
            let gaps = GAP * row.len().saturating_sub(1) as f64;
            row.iter().map(|figure| figure.width).sum::<f64>() + gaps
        };
        let mut scene = Scene::new(rows.iter().map(row_width).fold(1.0, f64::max));
        let mut y = 0.0;
        for row in &rows {
            let mut x = (scene.width - row_width(row)) / 2.0;
            for figure in *row {
                let place = Rect::new(x, y, figure.width, figure.height);
                scene.picture(place, &figure.body);
                x += figure.width + GAP;
            }
            y += row.iter().map(|figure| figure.height).fold(0.0, f64::max) + GAP;
        }
        let alt: Vec<&str> = figures.iter().map(|figure| figure.alt.as_str()).collect();
        Figure::new(scene, (y - GAP).max(1.0), alt.join(" / "))
    }

    /// The parsed SVG, with texts laid out in the shipped font.
    pub(super) fn tree(&self) -> Result<usvg::Tree> {
        let options = usvg::Options {
            font_family: "DejaVu Sans".to_string(),
            fontdb: font::database(),
            ..usvg::Options::default()
        };
        usvg::Tree::from_str(&self.svg(), &options)
            .with_context(|| format!("cannot parse the picture \"{}\" as SVG", self.alt))
    }

    /// The picture as PNG bytes, with two pixels for each pixel of the SVG.
    pub fn png(&self) -> Result<Vec<u8>> {
        let tree = self.tree()?;
        let size = tree.size();
        let (width, height) = (size.width() * PNG_SCALE, size.height() * PNG_SCALE);
        let alt = &self.alt;
        let mut pixmap =
            Pixmap::new(width.ceil() as u32, height.ceil() as u32).with_context(|| {
                format!("the picture \"{alt}\" is too large to draw: {width} x {height} pixels")
            })?;
        let scale = Transform::from_scale(PNG_SCALE, PNG_SCALE);
        resvg::render(&tree, scale, &mut pixmap.as_mut());
        let png = pixmap.encode_png();
        png.with_context(|| format!("cannot encode the picture \"{alt}\" as PNG"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::palette::INK;
    use super::super::text_style::{Anchor, TextStyle};
    use super::*;

    fn sample(width: f64) -> Figure {
        let mut scene = Scene::new(width);
        scene.rect(Rect::new(10.0, 10.0, 20.0, 20.0), INK);
        scene.text((10.0, 50.0), "σ² ≤ 1", TextStyle::new(13.0, Anchor::Start));
        Figure::new(scene, 60.0, "sample".into())
    }

    #[test]
    fn png_has_twice_the_size_and_shows_what_was_drawn() -> Result<()> {
        let pixmap = Pixmap::decode_png(&sample(80.0).png()?)?;
        assert_eq!((pixmap.width(), pixmap.height()), (160, 120));
        let red = |x, y| pixmap.pixel(x, y).map(|pixel| pixel.red());
        assert_eq!(red(40, 40), Some(0x22));
        assert_eq!(red(150, 10), Some(0xff));
        let text_is_drawn = (0..160).any(|x| (80..110).any(|y| red(x, y) < Some(0x80)));
        assert!(text_is_drawn);
        Ok(())
    }

    #[test]
    fn measured_and_rendered_text_widths_agree() -> Result<()> {
        let mut scene = Scene::new(400.0);
        let text = "MMMMMMMMMMMMMMMMMMMM";
        scene.text((0.0, 20.0), text, TextStyle::new(15.0, Anchor::Start));
        let tree = Figure::new(scene, 30.0, String::new()).tree()?;
        let rendered = f64::from(tree.root().children()[1].bounding_box().width());
        let measured = font::text_width(text, 15.0, font::Weight::Regular);
        assert!(
            (rendered - measured).abs() < 4.0,
            "{rendered} against {measured}"
        );
        Ok(())
    }

    #[test]
    fn clipped_groups_show_nothing_outside() -> Result<()> {
        let mut scene = Scene::new(60.0);
        scene.clipped(Rect::new(10.0, 10.0, 20.0, 20.0), |scene| {
            scene.rect(Rect::new(0.0, 0.0, 60.0, 60.0), INK);
        });
        let pixmap = Pixmap::decode_png(&Figure::new(scene, 60.0, String::new()).png()?)?;
        let red = |x, y| pixmap.pixel(x, y).map(|pixel| pixel.red());
        assert_eq!(
            [red(40, 40), red(10, 40), red(40, 70)],
            [Some(0x22), Some(0xff), Some(0xff)]
        );
        Ok(())
    }

    #[test]
    fn a_grid_holds_its_pictures_side_by_side() -> Result<()> {
        let grid = Figure::grid(&[sample(80.0), sample(100.0), sample(50.0)], 2);
        assert_eq!((grid.width, grid.height), (192.0, 132.0));
        assert_eq!(grid.svg().matches("σ² ≤ 1").count(), 3);
        assert!(grid.tree().is_ok());
        assert!(Figure::grid(&[], 0).png().is_ok());
        Ok(())
    }

    #[test]
    fn inline_pictures_name_no_address() {
        assert!(!sample(80.0).inline_svg().contains("http"));
        assert!(
            sample(80.0)
                .svg()
                .contains("xmlns=\"http://www.w3.org/2000/svg\"")
        );
    }
}
