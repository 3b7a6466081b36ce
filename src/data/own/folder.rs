//! A folder of pictures: `train/CLASS/*.png` or `*.jpg`, and test pictures likewise in `test/CLASS/`.
//!
//! Classes are the folders' names in alphabetical order, pictures are taken in the order of their names, of each class one
//! after the other. Without a folder `test`, every fifth picture of each class is a test picture. Pictures are gray where
//! no pixel of any has a color.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::parts::{
    OwnParts, SIZES, check_bytes, check_classes, check_held_out, check_size, is_held_out,
};
use crate::data::{ImageShape, OwnImage, Split};
use crate::usage;

/// Endings of the pictures that are read.
const ENDINGS: [&str; 3] = ["png", "jpg", "jpeg"];

/// The pictures of each class.
type Listed = Vec<Vec<PathBuf>>;

/// Reads all pictures.
pub(super) fn load(root: &Path, size: Option<usize>) -> Result<OwnParts> {
    let (train_root, test_root) = (root.join("train"), root.join("test"));
    if !train_root.is_dir() {
        return Err(usage!(
            "{}: there is no folder {}; pictures lie in train/CLASS/, such as train/cat/1.png, and test pictures likewise in test/CLASS/",
            root.display(),
            train_root.display()
        ));
    }
    let classes = names(&train_root)?;
    check_classes(&train_root, classes.len())?;
    let all = listed(&train_root, &classes)?;
    let (train, test) = if test_root.is_dir() {
        same_classes(&test_root, &classes)?;
        (all, listed(&test_root, &classes)?)
    } else {
        for (class, pictures) in classes.iter().zip(&all) {
            check_held_out(&train_root, class, pictures.len())?;
        }
        (kept(&all, false), kept(&all, true))
    };
    let shape = ImageShape::new(3, 0, 0).of_size(match size {
        Some(size) => size,
        None => size_of(&train[0][0])?,
    });
    let count = train.iter().chain(&test).map(Vec::len).sum();
    check_bytes(root, count, shape.pixels())?;
    let whole = |listed: &Listed| read(listed, shape, size.is_some());
    let (train, test) = (whole(&train)?, whole(&test)?);
    let is_gray = [&train, &test].iter().all(|split| is_gray(split, shape));
    let (shape, train, test) = match is_gray {
        true => (
            ImageShape::new(1, shape.height, shape.width),
            first_channel(train, shape),
            first_channel(test, shape),
        ),
        false => (shape, train, test),
    };
    Ok(OwnParts {
        shape,
        classes,
        train,
        test,
    })
}

/// The names in a folder in alphabetical order, but hidden ones and what file managers leave.
fn names(folder: &Path) -> Result<Vec<String>> {
    let unreadable =
        |error: std::io::Error| usage!("{}: cannot be read: {error}", folder.display());
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name();
        match name.to_str() {
            Some(name) if name.starts_with('.') || name == "Thumbs.db" => {}
            Some(name) if !name.contains(char::is_control) => names.push(name.to_owned()),
            _ => {
                return Err(usage!(
                    "{}: the name {name:?} is not plain text: rename it",
                    folder.display()
                ));
            }
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// Refuses test folders of other classes than the training folders.
fn same_classes(test_root: &Path, classes: &[String]) -> Result<()> {
    let there = names(test_root)?;
    let place = test_root.display();
    if let Some(name) = there.iter().find(|name| !classes.contains(name)) {
        return Err(usage!("{place}: there is no class {name} in train"));
    }
    match classes.iter().find(|name| !there.contains(name)) {
        Some(name) => Err(usage!("{place}: class {name} of train is missing")),
        None => Ok(()),
    }
}

/// The pictures of each class.
fn listed(root: &Path, classes: &[String]) -> Result<Listed> {
    let pictures = |class: &String| {
        let folder = root.join(class);
        let place = folder.display();
        if !folder.is_dir() {
            return Err(usage!("{place} is no folder: here each class is one"));
        }
        let paths: Vec<PathBuf> = names(&folder)?
            .iter()
            .map(|name| folder.join(name))
            .collect();
        if paths.is_empty() {
            return Err(usage!("{place}: there is no picture of this class"));
        }
        match paths.iter().find(|path| !is_picture(path)) {
            Some(other) => Err(usage!(
                "{}: neither a PNG nor a JPEG picture by its name: convert it, or move it away",
                other.display()
            )),
            None => Ok(paths),
        }
    };
    classes.iter().map(pictures).collect()
}

fn is_picture(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    let is_one = |ending: &str| {
        ENDINGS
            .iter()
            .any(|known| ending.eq_ignore_ascii_case(known))
    };
    ending.is_some_and(is_one) && path.is_file()
}

/// The pictures that are held out of each class, or the others.
fn kept(all: &Listed, held_out: bool) -> Listed {
    let of_class = |pictures: &Vec<PathBuf>| {
        let numbered = pictures.iter().enumerate();
        let kept = numbered.filter(|&(index, _)| is_held_out(index) == held_out);
        kept.map(|(_, path)| path.clone()).collect()
    };
    all.iter().map(of_class).collect()
}

/// Rows and columns of a picture, which all others must have.
fn size_of(first: &Path) -> Result<usize> {
    let smallest = ImageShape::new(3, *SIZES.start(), *SIZES.start());
    let (columns, rows) = OwnImage::read(first, smallest)?.fitting.original;
    let own = (columns as usize, rows as usize);
    check_size(&format!("{}: a picture", first.display()), own)?;
    Ok(own.0)
}

/// Reads pictures in three channels: one of each class, then the next of each.
fn read(listed: &Listed, shape: ImageShape, is_fitted: bool) -> Result<Split> {
    let longest = listed.iter().map(Vec::len).max().unwrap_or(0);
    let mut split = Split::default();
    for index in 0..longest {
        for (class, pictures) in listed.iter().enumerate() {
            let Some(path) = pictures.get(index) else {
                continue;
            };
            let picture = OwnImage::read(path, shape)?;
            let (columns, rows) = picture.fitting.original;
            if !is_fitted && (columns as usize, rows as usize) != (shape.width, shape.height) {
                return Err(usage!(
                    "{}: {columns} x {rows} pixels, where the first picture has {} x {}; put @SIZE behind the path, \
                     as in dataset = \"folder:pictures@32\", and the middle of each is brought to that size",
                    path.display(),
                    shape.width,
                    shape.height
                ));
            }
            split.images.extend(picture.pixels);
            split.labels.push(class as u8);
        }
    }
    Ok(split)
}

/// Whether the three channels of every image are alike.
fn is_gray(split: &Split, shape: ImageShape) -> bool {
    let plane = shape.height * shape.width;
    let mut images = split.images.chunks(3 * plane);
    images.all(|image| {
        image[..plane] == image[plane..2 * plane] && image[..plane] == image[2 * plane..]
    })
}

/// The first channel of each image.
fn first_channel(split: Split, shape: ImageShape) -> Split {
    let plane = shape.height * shape.width;
    let images = split.images.chunks(3 * plane);
    Split {
        images: images.flat_map(|image| &image[..plane]).copied().collect(),
        labels: split.labels,
    }
}
