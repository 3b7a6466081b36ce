//! SVHN's cropped digits (Y. Netzer et al., 2011): MATLAB 5 files with `X` and `y`.
//!
//! `X` is rows × columns × channels × n bytes in column-major order, `y` is n × 1 with the digit 0 as 10.
//!
//! A file is a header of 128 bytes and then elements: a type, a length, and so many bytes, filled up to a multiple of 8.
//! An element is a matrix, or a zlib stream of one; a matrix is four elements: flags, sizes, name, values.
//!
//! Checksums: recorded alike by TensorFlow Datasets, torchvision and others.

use std::io::Read;

use anyhow::{Context, Result, bail, ensure};
use flate2::read::ZlibDecoder;

use crate::data::{
    CatalogueEntry, ClassCounts, Format, ImageShape, Packing, SourceFile, Split, SplitFiles,
};

pub(super) const DATASETS: &[CatalogueEntry] = &[CatalogueEntry {
    name: "svhn",
    title: "SVHN, 32x32 color photographs of house-number digits (cropped)",
    shape: ImageShape::new(3, 32, 32),
    classes: "0, 1, 2, 3, 4, 5, 6, 7, 8, 9",
    format: &MatlabDigits,
    folders: &["svhn"],
    train_files: &[
        "435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8  train_32x32.mat",
    ],
    test_files: &[
        "cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b  test_32x32.mat",
    ],
    look_alikes: &[
        "train.tar.gz: whole house numbers; the cropped digits are train_32x32.mat and test_32x32.mat",
    ],
    addresses: &["http://ufldl.stanford.edu/housenumbers/"],
    packing: Packing::Each(""),
    download_bytes: &[182_040_794, 64_275_384],
    download_sums: &[
        "435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8",
        "cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b",
    ],
    train_counts: ClassCounts::Listed(&[
        4_948, 13_861, 10_585, 8_497, 7_458, 6_882, 5_727, 5_595, 5_045, 4_659,
    ]),
    test_counts: ClassCounts::Listed(&[
        1_744, 5_099, 4_149, 2_882, 2_523, 2_384, 1_977, 2_019, 1_660, 1_595,
    ]),
    license: "for non-commercial use only",
    citation: "Y. Netzer, T. Wang, A. Coates, A. Bissacco, B. Wu, A. Y. Ng: Reading Digits in Natural Images with Unsupervised Feature Learning. NIPS Workshop on Deep Learning, 2011",
}];

const HEADER_BYTES: usize = 128;
/// Types of elements.
const UINT8: usize = 2;
const DOUBLE: usize = 9;
const COMPRESSED: usize = 15;

/// The format.
#[derive(Debug)]
struct MatlabDigits;

impl Format for MatlabDigits {
    fn load(&self, entry: &CatalogueEntry, files: SplitFiles) -> Result<[Split; 2]> {
        let load = |files: &mut [SourceFile]| match files {
            [file] => load_split(file, entry.shape, entry.most_bytes()),
            _ => bail!(
                "a split in a MATLAB file has one of them, not {}",
                files.len()
            ),
        };
        let [train, test] = files.map(load);
        Ok([train?, test?])
    }
}

/// A numeric array in the bytes of its file.
struct Matrix<'a> {
    name: String,
    sizes: Vec<usize>,
    kind: usize,
    bytes: &'a [u8],
}

/// Reads one split from its file.
fn load_split(file: &mut SourceFile, shape: ImageShape, most: u64) -> Result<Split> {
    let bytes = file.read_all()?;
    split_of(&bytes, shape, most).with_context(|| format!("cannot use {}", file.path.display()))
}

fn split_of(bytes: &[u8], shape: ImageShape, most: u64) -> Result<Split> {
    let damaged = "it is cut short, damaged or no MATLAB 5 file";
    let mut rest = bytes;
    let header = take(&mut rest, HEADER_BYTES).context(damaged)?;
    // The version, 0x0100, and the letters MI, with the least significant byte first.
    ensure!(header[124..] == [0, 1, b'I', b'M'], damaged);
    let (mut images, mut labels, mut names) = (None, None, Vec::new());
    while !rest.is_empty() {
        let (kind, content) = take_element(&mut rest).context(damaged)?;
        let mut unpacked = Vec::new();
        let content = if kind == COMPRESSED {
            let mut reader = ZlibDecoder::new(content).take(most);
            reader.read_to_end(&mut unpacked).context(damaged)?;
            take_element(&mut unpacked.as_slice()).context(damaged)?.1
        } else {
            content
        };
        let matrix = matrix(content).context(damaged)?;
        match matrix.name.as_str() {
            "X" => images = Some(read_images(&matrix, shape)?),
            "y" => labels = Some(read_labels(&matrix)?),
            _ => {}
        }
        names.push(matrix.name);
    }
    let names = names.join(", ");
    let missing = |name| format!("it has no variable `{name}` (its variables: {names})");
    let labels = labels.with_context(|| missing("y"))?;
    let images = images.with_context(|| missing("X"))?;
    let count = images.len() / shape.pixels();
    ensure!(
        count == labels.len(),
        "`X` holds {count} images but `y` has {} labels",
        labels.len()
    );
    Ok(Split { images, labels })
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8]> {
    rest.split_off(..length)
        .context("it ends within an element")
}

/// The next element: its type and its bytes.
fn take_element<'a>(rest: &mut &'a [u8]) -> Result<(usize, &'a [u8])> {
    let tag = take(rest, 8)?;
    let (kind, length) = (number(&tag[..4]), number(&tag[4..]));
    if kind >> 16 != 0 {
        // Up to 4 bytes stand in the tag itself.
        let length = (kind >> 16).min(4);
        return Ok((kind & 0xffff, &tag[4..4 + length]));
    }
    let bytes = take(rest, length)?;
    if kind != COMPRESSED {
        let filling = length.next_multiple_of(8) - length;
        take(rest, filling.min(rest.len()))?;
    }
    Ok((kind, bytes))
}

/// The array whose four elements `content` holds.
fn matrix(mut content: &[u8]) -> Result<Matrix<'_>> {
    let mut next = || take_element(&mut content);
    let ((_, _flags), (_, sizes), (_, name), (kind, bytes)) = (next()?, next()?, next()?, next()?);
    Ok(Matrix {
        name: String::from_utf8_lossy(name).into_owned(),
        sizes: sizes.chunks_exact(4).map(number).collect(),
        kind,
        bytes,
    })
}

fn number(bytes: &[u8]) -> usize {
    let highest_first = bytes.iter().rev();
    highest_first.fold(0, |sum, &byte| sum << 8 | usize::from(byte))
}

fn read_labels(matrix: &Matrix<'_>) -> Result<Vec<u8>> {
    let labels: Vec<f64> = match matrix.kind {
        UINT8 => matrix.bytes.iter().map(|&label| f64::from(label)).collect(),
        DOUBLE => {
            let (values, _) = matrix.bytes.as_chunks::<8>();
            values.iter().copied().map(f64::from_le_bytes).collect()
        }
        _ => bail!("`y` should be of class uint8 or double"),
    };
    let as_digit = |(i, label): (usize, f64)| match label {
        10.0 => Ok(0),
        _ if label.fract() == 0.0 && (1.0..10.0).contains(&label) => Ok(label as u8),
        _ => bail!("`y`: entry {i} is {label}, but the labels go from 1 to 10"),
    };
    labels.into_iter().enumerate().map(as_digit).collect()
}

fn read_images(matrix: &Matrix<'_>, shape: ImageShape) -> Result<Vec<u8>> {
    ensure!(matrix.kind == UINT8, "`X` should be of class uint8");
    let expected = [shape.height, shape.width, shape.channels];
    // MATLAB drops a last dimension of 1: a single image comes without it.
    ensure!(
        matrix.sizes.starts_with(&expected) && matrix.sizes.len() <= expected.len() + 1,
        "`X` has the size {:?}, expected {expected:?} (rows, columns, channels) and the number of images",
        matrix.sizes
    );
    let count: usize = matrix.sizes[expected.len()..].iter().product();
    ensure!(
        matrix.bytes.len() as u64 == count as u64 * shape.pixels() as u64,
        "`X` has {} bytes, which are not {count} images",
        matrix.bytes.len()
    );
    let mut images = vec![0; matrix.bytes.len()];
    let plane = shape.height * shape.width;
    let planes = matrix.bytes.chunks_exact(plane);
    for (from, to) in planes.zip(images.chunks_exact_mut(plane)) {
        for (column, values) in from.chunks_exact(shape.height).enumerate() {
            for (row, &value) in values.iter().enumerate() {
                to[row * shape.width + column] = value;
            }
        }
    }
    Ok(images)
}

#[cfg(test)]
mod tests;
