//! An archive of `numpy.savez` or `savez_compressed` with the arrays `x_train`, `y_train`, `x_test`, `y_test`.
//!
//! Images are N×H×W, N×H×W×C or N×C×H×W with C = 1 or 3; labels are N whole numbers from 0, or N×1. Pixels are bytes,
//! whole numbers up to 255, or floating-point numbers: in [0, 1], where 1 is white, or else in [0, 255]. Which, all images
//! decide together. Without test arrays, every fifth image of each class is a test image.

use std::path::Path;

use anyhow::Result;
use image::RgbImage;

use super::arrays::{Archive, ArrayNumbers, NumberArray};
use super::parts::{OwnParts, check_bytes, check_classes, check_held_out, check_size, is_held_out};
use crate::data::own_image::fitted;
use crate::data::{ImageShape, Split};
use crate::usage;

/// Where the channels stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ImageLayout {
    images: usize,
    shape: ImageShape,
    channels_last: bool,
}

/// The images and labels of a part, as they were saved.
struct NpzPart {
    name: &'static str,
    layout: ImageLayout,
    pixels: ArrayNumbers,
    labels: Vec<u8>,
}

/// Reads the archive.
pub(super) fn load(path: &Path, size: Option<usize>) -> Result<OwnParts> {
    let mut archive = Archive::open(path)?;
    let Some(train) = part(&mut archive, path, "train")? else {
        return Err(usage!(
            "{}: the arrays x_train and y_train are missing; it holds {}",
            path.display(),
            archive.names()
        ));
    };
    let test = part(&mut archive, path, "test")?;
    let own = train.layout.shape;
    if let Some(test) = test.as_ref().filter(|test| test.layout.shape != own) {
        return Err(usage!(
            "{}: training images are {}, test images {}",
            path.display(),
            told(own),
            told(test.layout.shape)
        ));
    }
    let place = format!("{}: x_train: images", path.display());
    if size.is_none() {
        check_size(&place, (own.width, own.height))?;
    }
    let shape = size.map_or(own, |size| own.of_size(size));
    let count = train.layout.images + test.as_ref().map_or(0, |test| test.layout.images);
    check_bytes(path, count, shape.pixels())?;
    let parts: Vec<&NpzPart> = [Some(&train), test.as_ref()]
        .into_iter()
        .flatten()
        .collect();
    let scale = scale(path, &parts)?;
    let classes = classes(path, &train, test.as_ref())?;
    let mut splits = parts.into_iter().map(|part| split(part, shape, scale));
    let (train, test) = (splits.next().unwrap_or_default(), splits.next());
    let names: Vec<String> = (0..classes).map(|class| class.to_string()).collect();
    let (train, test) = match test {
        Some(test) => (train, test),
        None => held_out(path, &train, &names)?,
    };
    Ok(OwnParts {
        shape,
        classes: names,
        train,
        test,
    })
}

fn told(shape: ImageShape) -> String {
    format!(
        "{} x {} in {} channels",
        shape.width, shape.height, shape.channels
    )
}

/// The arrays of a part; nothing where both are missing.
fn part(archive: &mut Archive, path: &Path, name: &'static str) -> Result<Option<NpzPart>> {
    let pixels = archive.array(&format!("x_{name}"))?;
    let labels = archive.array(&format!("y_{name}"))?;
    let (pixels, labels) = match (pixels, labels) {
        (None, None) => return Ok(None),
        (Some(pixels), Some(labels)) => (pixels, labels),
        (there, _) => {
            let missing = if there.is_some() { "y" } else { "x" };
            return Err(usage!(
                "{}: the array {missing}_{name} is missing; it holds {}",
                path.display(),
                archive.names()
            ));
        }
    };
    let Some(layout) = layout(&pixels.shape) else {
        return Err(usage!(
            "{}: x_{name} has the extents {:?}: images are N x rows x columns, N x rows x columns x C or N x C x rows x columns with C = 1 or 3",
            path.display(),
            pixels.shape
        ));
    };
    let labels = labels_of(labels, layout.images)
        .map_err(|what| usage!("{}: y_{name} {what}", path.display()))?;
    Ok(Some(NpzPart {
        name,
        layout,
        pixels: pixels.numbers,
        labels,
    }))
}

/// What the extents of an array of images mean.
fn layout(extents: &[usize]) -> Option<ImageLayout> {
    let (images, shape, channels_last) = match *extents {
        [n, h, w] => (n, ImageShape::new(1, h, w), false),
        [n, h, w, c @ (1 | 3)] => (n, ImageShape::new(c, h, w), true),
        [n, c @ (1 | 3), h, w] => (n, ImageShape::new(c, h, w), false),
        _ => return None,
    };
    (shape.pixels() > 0).then_some(ImageLayout {
        images,
        shape,
        channels_last,
    })
}

/// The labels of so many images.
fn labels_of(labels: NumberArray, images: usize) -> Result<Vec<u8>, String> {
    let fits = matches!(*labels.shape, [n] | [n, 1] if n == images);
    if !fits {
        return Err(format!(
            "has the extents {:?}, where {images} images need one label each",
            labels.shape
        ));
    }
    let label = |(index, number): (usize, f64)| match number {
        number if number.fract() == 0.0 && (0.0..=255.0).contains(&number) => Ok(number as u8),
        number => Err(format!(
            "has the label {number} at {index}: labels are whole numbers from 0 to 255"
        )),
    };
    let numbers: Vec<f64> = match labels.numbers {
        ArrayNumbers::Bytes(bytes) => return Ok(bytes),
        ArrayNumbers::Whole(whole) => whole.into_iter().map(|number| number as f64).collect(),
        ArrayNumbers::Real(real) => real.into_iter().map(f64::from).collect(),
    };
    numbers.into_iter().enumerate().map(label).collect()
}

/// How many classes there are: none may lack training images.
fn classes(path: &Path, train: &NpzPart, test: Option<&NpzPart>) -> Result<usize> {
    let classes = train
        .labels
        .iter()
        .max()
        .map_or(0, |&most| usize::from(most) + 1);
    let place = path.display();
    check_classes(path, classes)?;
    for class in 0..classes {
        if !train
            .labels
            .iter()
            .any(|&label| usize::from(label) == class)
        {
            return Err(usage!(
                "{place}: y_train has labels up to {}, but no image of class {class}: number classes from 0 without gaps",
                classes - 1
            ));
        }
    }
    let labels = test.map_or(&[][..], |test| &test.labels);
    match labels
        .iter()
        .position(|&label| usize::from(label) >= classes)
    {
        Some(index) => Err(usage!(
            "{place}: y_test has the label {} at {index}, but y_train only labels up to {}",
            labels[index],
            classes - 1
        )),
        None => Ok(classes),
    }
}

/// What pixels are multiplied by to become bytes.
fn scale(path: &Path, parts: &[&NpzPart]) -> Result<f32> {
    let mut range = (f32::INFINITY, f32::NEG_INFINITY);
    for part in parts {
        let refuse = |index: usize, number: f64| {
            usage!(
                "{}: x_{} has the value {number} (number {index}): pixels are bytes, whole numbers up to 255, or floating-point numbers from 0 to 1 or 255; \
                 save them before they are normalized",
                path.display(),
                part.name
            )
        };
        match &part.pixels {
            ArrayNumbers::Bytes(_) => {}
            ArrayNumbers::Whole(whole) => {
                let wrong = whole.iter().position(|number| !(0..=255).contains(number));
                if let Some(index) = wrong {
                    return Err(refuse(index, whole[index] as f64));
                }
            }
            ArrayNumbers::Real(real) => {
                let wrong = real
                    .iter()
                    .position(|number| !(0.0..=255.0).contains(number));
                if let Some(index) = wrong {
                    return Err(refuse(index, f64::from(real[index])));
                }
                let wider =
                    |(low, high): (f32, f32), &number: &f32| (low.min(number), high.max(number));
                range = real.iter().fold(range, wider);
            }
        }
    }
    Ok(if range.1 <= 1.0 { 255.0 } else { 1.0 })
}

/// The images of a part as C×H×W bytes of `shape`.
fn split(part: &NpzPart, shape: ImageShape, scale: f32) -> Split {
    let byte = |index: usize| match &part.pixels {
        ArrayNumbers::Bytes(bytes) => bytes[index],
        ArrayNumbers::Whole(whole) => whole[index] as u8,
        ArrayNumbers::Real(real) => (real[index] * scale).round() as u8,
    };
    let ImageLayout {
        images,
        shape: own,
        channels_last,
    } = part.layout;
    let plane = own.height * own.width;
    let place = |image: usize, channel: usize, pixel: usize| match channels_last {
        true => (image * plane + pixel) * own.channels + channel,
        false => (image * own.channels + channel) * plane + pixel,
    };
    let mut bytes = Vec::with_capacity(images * shape.pixels());
    for image in 0..images {
        if shape == own {
            for channel in 0..own.channels {
                bytes.extend((0..plane).map(|pixel| byte(place(image, channel, pixel))));
            }
            continue;
        }
        let colors = RgbImage::from_fn(own.width as u32, own.height as u32, |x, y| {
            let pixel = y as usize * own.width + x as usize;
            let channel = |number: usize| byte(place(image, number.min(own.channels - 1), pixel));
            image::Rgb([channel(0), channel(1), channel(2)])
        });
        bytes.extend(fitted(colors, shape).pixels);
    }
    Split {
        images: bytes,
        labels: part.labels.clone(),
    }
}

/// The training images without every fifth of each class, and those.
fn held_out(path: &Path, all: &Split, classes: &[String]) -> Result<(Split, Split)> {
    let counts = all.class_counts(classes.len());
    for (class, &count) in classes.iter().zip(&counts) {
        check_held_out(path, class, count)?;
    }
    let (mut train, mut test) = (Split::default(), Split::default());
    let mut seen = vec![0; classes.len()];
    for (index, &label) in all.labels.iter().enumerate() {
        let number = &mut seen[usize::from(label)];
        let part = if is_held_out(*number) {
            &mut test
        } else {
            &mut train
        };
        *number += 1;
        part.images.extend_from_slice(all.image(index));
        part.labels.push(label);
    }
    Ok((train, test))
}
