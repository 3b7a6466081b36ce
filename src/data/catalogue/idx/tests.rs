//! Reading of small IDX files.

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
    let paths = [&files.images, &files.labels];
    let mut opened = paths.map(|path| SourceFile::open(path, 1 << 20).unwrap());
    load_split(&mut opened, SHAPE, 10)
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
fn names_of_older_copies_are_known() {
    let names = Idx.names_on_disk("t10k-labels-idx1-ubyte");
    assert_eq!(names[0], "t10k-labels-idx1-ubyte");
    assert!(
        names.contains(&"t10k-labels.idx1-ubyte.gz".to_owned()),
        "{names:?}"
    );
}
