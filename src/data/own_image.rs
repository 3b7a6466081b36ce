//! Pictures from anywhere as images for a network: read, checked, brought to its size.

use std::fmt;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anyhow::Result;
use image::imageops::FilterType;
use image::{DynamicImage, ImageDecoder, ImageReader, RgbImage};

use super::ImageShape;
use crate::usage;

/// A picture as a network takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnImage {
    /// C×H×W bytes.
    pub pixels: Vec<u8>,
    /// How it was brought to this size.
    pub fitting: Fitting,
}

/// How a picture came to its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fitting {
    /// Columns and rows of the file's picture.
    pub original: (u32, u32),
    /// Columns and rows of its middle part, which has the shape asked for.
    pub middle: (u32, u32),
    /// Columns and rows that the network takes.
    pub scaled: (u32, u32),
}

impl fmt::Display for Fitting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (columns, rows) = self.original;
        write!(f, "{columns} x {rows}")?;
        if self.middle != self.original {
            write!(f, ", of it {} x {}", self.middle.0, self.middle.1)?;
        }
        Ok(())
    }
}

impl OwnImage {
    /// Reads a PNG or JPEG file for a network that takes images of `shape`. The largest middle part of that shape is
    /// scaled, each pixel becoming the weighted mean of those that it covers (a triangle filter). 16 bits a value become 8.
    /// Refused are transparent pixels, and colors where the network takes gray images; gray becomes three equal channels.
    pub fn read(path: &Path, shape: ImageShape) -> Result<OwnImage> {
        let image = decode(path)?;
        let name = path.display();
        if image.color().has_alpha()
            && let Some((x, y)) = first(&image.to_rgba8(), |pixel| pixel[3] != u8::MAX)
        {
            return Err(usage!(
                "{name}: the pixel in column {x}, row {y} is transparent, and what lies behind it is not known: save the picture without transparency"
            ));
        }
        let colors = image.to_rgb8();
        let is_colored = |pixel: &[u8]| pixel[0] != pixel[1] || pixel[1] != pixel[2];
        if shape.channels == 1
            && let Some((x, y)) = first(&colors, is_colored)
        {
            return Err(usage!(
                "{name}: the pixel in column {x}, row {y} has a color, and the network takes gray images: save the picture in gray"
            ));
        }
        Ok(fitted(colors, shape))
    }
}

/// The picture of a file, turned as a camera notes it there.
fn decode(path: &Path) -> Result<DynamicImage> {
    let name = path.display();
    let unreadable = |error: std::io::Error| usage!("{name}: cannot be read: {error}");
    let file = File::open(path).map_err(unreadable)?;
    // By what is in it: a name may say anything.
    let reader = ImageReader::new(BufReader::new(file));
    let reader = reader.with_guessed_format().map_err(unreadable)?;
    if reader
        .format()
        .is_none_or(|format| !format.reading_enabled())
    {
        return Err(usage!("{name}: neither a PNG nor a JPEG picture"));
    }
    let damaged = |error: image::ImageError| usage!("{name}: is damaged: {error}");
    let mut decoder = reader.into_decoder().map_err(damaged)?;
    let orientation = decoder.orientation().map_err(damaged)?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(damaged)?;
    image.apply_orientation(orientation);
    Ok(image)
}

/// Column and row of the first pixel that is so.
fn first<P>(
    image: &image::ImageBuffer<P, Vec<u8>>,
    is_so: impl Fn(&[u8]) -> bool,
) -> Option<(u32, u32)>
where
    P: image::Pixel<Subpixel = u8>,
{
    let mut pixels = image.enumerate_pixels();
    let found = pixels.find(|(_, _, pixel)| is_so(pixel.channels()));
    found.map(|(x, y, _)| (x, y))
}

/// The largest middle part of the shape asked for, scaled to its size.
pub(super) fn fitted(colors: RgbImage, shape: ImageShape) -> OwnImage {
    let original = colors.dimensions();
    let scaled = (shape.width as u32, shape.height as u32);
    let middle = largest_part(original, scaled);
    let corner = ((original.0 - middle.0) / 2, (original.1 - middle.1) / 2);
    let part = image::imageops::crop_imm(&colors, corner.0, corner.1, middle.0, middle.1);
    let part = match middle == scaled {
        true => part.to_image(),
        false => {
            image::imageops::resize(&part.to_image(), scaled.0, scaled.1, FilterType::Triangle)
        }
    };
    let channel = |number: usize| part.pixels().map(move |pixel| pixel[number]);
    OwnImage {
        pixels: (0..shape.channels).flat_map(channel).collect(),
        fitting: Fitting {
            original,
            middle,
            scaled,
        },
    }
}

/// Columns and rows of the largest part that has the shape of `wanted`, at least one pixel.
fn largest_part((columns, rows): (u32, u32), wanted: (u32, u32)) -> (u32, u32) {
    let [columns, rows, width, height] = [columns, rows, wanted.0, wanted.1].map(u64::from);
    let (width, height) = match columns * height > rows * width {
        true => (rows * width / height, rows),
        false => (columns, columns * height / width),
    };
    (width.max(1) as u32, height.max(1) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{GrayImage, Luma, Rgb, Rgba, RgbaImage};

    const GRAY: ImageShape = ImageShape::new(1, 4, 4);
    const COLOR: ImageShape = ImageShape::new(3, 2, 2);

    #[test]
    fn a_picture_of_the_right_size_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let ramp = GrayImage::from_fn(4, 4, |x, y| Luma([(y * 4 + x) as u8 * 10]));
        ramp.save(&path).unwrap();
        let read = OwnImage::read(&path, GRAY).unwrap();
        assert_eq!(read.pixels, ramp.into_raw());
        assert_eq!(read.fitting.to_string(), "4 x 4");

        // The same in three equal channels, and opaque.
        let read = OwnImage::read(&path, ImageShape::new(3, 4, 4)).unwrap();
        assert_eq!(read.pixels[..16], read.pixels[32..]);
        let opaque = RgbaImage::from_fn(4, 4, |x, _| {
            let level = x as u8 * 50;
            Rgba([level, level, level, 255])
        });
        opaque.save(&path).unwrap();
        assert_eq!(
            OwnImage::read(&path, GRAY).unwrap().pixels[..4],
            [0, 50, 100, 150]
        );
    }

    #[test]
    fn the_middle_is_scaled_and_channels_come_one_behind_the_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wide.png");
        // Columns 2 to 5 are the middle: red on the left, blue on the right.
        let wide = RgbImage::from_fn(8, 4, |x, _| match x {
            2 | 3 => Rgb([200, 0, 0]),
            4 | 5 => Rgb([0, 0, 100]),
            _ => Rgb([9, 255, 9]),
        });
        wide.save(&path).unwrap();
        let read = OwnImage::read(&path, COLOR).unwrap();
        assert_eq!(read.fitting.to_string(), "8 x 4, of it 4 x 4");
        let (red, rest) = read.pixels.split_at(4);
        assert!(red[0] > 150 && red[1] < 50 && red[0] == red[2], "{red:?}");
        assert!(rest[..4].iter().all(|&green| green == 0), "{rest:?}");
        assert!(rest[5] > 75 && rest[4] < 25, "{rest:?}");
        assert_eq!(largest_part((3, 100), (4, 2)), (3, 1));
        assert_eq!(largest_part((1, 1000), (1000, 1)), (1, 1));
    }

    #[test]
    fn what_cannot_be_answered_is_refused_with_the_file_and_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.png");
        let refusal = |shape| OwnImage::read(&path, shape).unwrap_err().to_string();
        assert!(refusal(GRAY).contains("x.png: cannot be read"));
        std::fs::write(&path, "text").unwrap();
        assert!(refusal(GRAY).contains("neither a PNG nor a JPEG"));
        let mut colors = RgbImage::from_pixel(3, 3, Rgb([7, 7, 7]));
        colors.put_pixel(2, 1, Rgb([7, 8, 7]));
        colors.save(&path).unwrap();
        assert!(refusal(GRAY).contains("column 2, row 1 has a color"));
        assert!(OwnImage::read(&path, COLOR).is_ok());
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        assert!(refusal(COLOR).contains("is damaged"));
        let mut clear = RgbaImage::from_pixel(3, 3, Rgba([7, 7, 7, 255]));
        clear.put_pixel(0, 2, Rgba([7, 7, 7, 254]));
        clear.save(&path).unwrap();
        assert!(refusal(COLOR).contains("column 0, row 2 is transparent"));
    }
}
