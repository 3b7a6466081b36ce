//! IDX files (Y. LeCun's MNIST format), plain or gzip-compressed: MNIST and Fashion-MNIST.
//!
//! A file is two zero bytes, the element type (0x08 for bytes), the number of dimensions, each dimension as
//! a big-endian 32-bit number, then the elements in row-major order.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use super::files::open_plain_or_gzip;
use super::store::{ImageShape, Split};

const UNSIGNED_BYTE: u8 = 0x08;

/// Reads one split from its image file and its label file.
pub(super) fn load_split(
    images: &Path,
    labels: &Path,
    shape: ImageShape,
    classes: usize,
) -> Result<Split> {
    let (image_count, pixels) = read_array(images, &[shape.height, shape.width], "images")?;
    let (label_count, label_bytes) = read_array(labels, &[], "labels")?;
    ensure!(
        image_count == label_count,
        "{} has {image_count} images but {} has {label_count} labels: they do not belong together",
        images.display(),
        labels.display()
    );
    if let Some(i) = label_bytes.iter().position(|&l| usize::from(l) >= classes) {
        bail!(
            "{}: byte {} (image {i}): label {}, but the labels go from 0 to {}",
            labels.display(),
            8 + i,
            label_bytes[i],
            classes - 1
        );
    }
    Ok(Split {
        images: pixels,
        labels: label_bytes,
    })
}

/// Reads an array of bytes whose dimensions after the first must be `inner`: the first dimension, the bytes.
fn read_array(path: &Path, inner: &[usize], what: &str) -> Result<(usize, Vec<u8>)> {
    let mut reader = open_plain_or_gzip(path)?;
    let mut magic = [0; 4];
    let cut_short = || format!("{}: ends within its header", path.display());
    reader.read_exact(&mut magic).with_context(cut_short)?;
    let expected_magic = [0, 0, UNSIGNED_BYTE, 1 + inner.len() as u8];
    ensure!(
        magic == expected_magic,
        "{}: byte 0: magic number {}, but an IDX file of {what} begins with {}{}",
        path.display(),
        magic_text(magic),
        magic_text(expected_magic),
        mix_up_hint(magic)
    );
    let mut dimensions = Vec::new();
    for _ in 0..=inner.len() {
        let mut number = [0; 4];
        reader.read_exact(&mut number).with_context(cut_short)?;
        dimensions.push(u32::from_be_bytes(number) as usize);
    }
    ensure!(
        dimensions[1..] == *inner,
        "{}: byte 8: its {what} are {:?}, expected {inner:?} (rows, columns)",
        path.display(),
        &dimensions[1..]
    );
    let header_bytes = 4 + 4 * dimensions.len();
    let elements = dimensions.iter().map(|&d| d as u64).product::<u64>();
    let mut bytes = Vec::new();
    reader
        .take(elements + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("{}: damaged after byte {header_bytes}", path.display()))?;
    let found = bytes.len() as u64;
    ensure!(
        found >= elements,
        "{}: ends at byte {}: {elements} bytes of {what} should follow its header, {found} do",
        path.display(),
        header_bytes as u64 + found
    );
    ensure!(
        found == elements,
        "{}: byte {}: something follows the last of its {} {what}",
        path.display(),
        header_bytes as u64 + elements,
        dimensions[0]
    );
    Ok((dimensions[0], bytes))
}

fn magic_text(magic: [u8; 4]) -> String {
    format!("0x{:08x}", u32::from_be_bytes(magic))
}

fn mix_up_hint(magic: [u8; 4]) -> &'static str {
    match magic {
        [0, 0, UNSIGNED_BYTE, 1] => " (these are labels: are the two files interchanged?)",
        [0, 0, UNSIGNED_BYTE, 3] => " (these are images: are the two files interchanged?)",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::path::PathBuf;

    const SHAPE: ImageShape = ImageShape {
        channels: 1,
        height: 2,
        width: 3,
    };

    fn image_file(count: u32) -> Vec<u8> {
        let mut bytes = vec![0, 0, 8, 3];
        for number in [count, 2, 3] {
            bytes.extend(number.to_be_bytes());
        }
        bytes.extend((0..count * 6).map(|i| i as u8));
        bytes
    }

    fn label_file(labels: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0, 0, 8, 1];
        bytes.extend((labels.len() as u32).to_be_bytes());
        bytes.extend(labels);
        bytes
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    struct Files {
        _folder: tempfile::TempDir,
        images: PathBuf,
        labels: PathBuf,
    }

    fn files(images: &[u8], labels: &[u8]) -> Files {
        let folder = tempfile::tempdir().unwrap();
        let (image_path, label_path) = (folder.path().join("images"), folder.path().join("labels"));
        std::fs::write(&image_path, images).unwrap();
        std::fs::write(&label_path, labels).unwrap();
        Files {
            _folder: folder,
            images: image_path,
            labels: label_path,
        }
    }

    fn read(images: &[u8], labels: &[u8]) -> Result<Split> {
        let files = files(images, labels);
        load_split(&files.images, &files.labels, SHAPE, 10)
    }

    fn refusal(images: &[u8], labels: &[u8]) -> String {
        format!("{:#}", read(images, labels).unwrap_err())
    }

    #[test]
    fn plain_and_compressed_files_read_alike() {
        let (images, labels) = (image_file(3), label_file(&[9, 0, 4]));
        let plain = read(&images, &labels).unwrap();
        assert_eq!(plain.labels, [9, 0, 4]);
        assert_eq!(plain.image(1), [6, 7, 8, 9, 10, 11]);
        assert_eq!(read(&gzip(&images), &gzip(&labels)).unwrap(), plain);
    }

    #[test]
    fn truncated_and_overlong_files_are_named() {
        let (images, labels) = (image_file(3), label_file(&[9, 0, 4]));
        let message = refusal(&images[..images.len() - 1], &labels);
        assert!(
            message.contains("ends at byte 33: 18 bytes of images"),
            "{message}"
        );
        assert!(refusal(&images[..10], &labels).contains("within its header"));
        assert!(refusal(&images, &[]).contains("labels: ends within its header"));
        let longer = [labels.as_slice(), &[1]].concat();
        assert!(refusal(&images, &longer).contains("byte 11: something follows"));
        let packed = gzip(&images);
        assert!(refusal(&packed[..packed.len() - 9], &labels).contains("images"));
        let mut corrupt = packed.clone();
        let crc = packed.len() - 8;
        corrupt[crc] ^= 1;
        assert!(refusal(&corrupt, &labels).contains("damaged after byte 16"));
        assert!(refusal(&[packed.as_slice(), b"tail"].concat(), &labels).contains("damaged"));
    }

    #[test]
    fn a_header_that_promises_too_much_costs_no_memory() {
        let mut images = image_file(1);
        images[4..8].copy_from_slice(&u32::MAX.to_be_bytes());
        assert!(refusal(&images, &label_file(&[0])).contains("25769803770 bytes of images"));
    }

    #[test]
    fn what_is_not_the_expected_array_is_refused() {
        let (images, labels) = (image_file(3), label_file(&[9, 0, 4]));
        assert!(refusal(&labels, &images).contains("interchanged"));
        assert!(refusal(b"<html>", &labels).contains("0x3c68746d"));
        let mut turned = images.clone();
        turned.swap(11, 15);
        assert!(refusal(&turned, &labels).contains("[3, 2], expected [2, 3]"));
        assert!(refusal(&images, &label_file(&[1, 2])).contains("3 images but"));
        let message = refusal(&images, &label_file(&[9, 10, 4]));
        assert!(message.contains("byte 9 (image 1): label 10"), "{message}");
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = load_split(Path::new("/no/images"), Path::new("/no/labels"), SHAPE, 10);
        assert!(format!("{:#}", error.unwrap_err()).contains("cannot read /no/images"));
    }
}
