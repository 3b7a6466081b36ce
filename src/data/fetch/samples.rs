//! Tiny datasets, archives and catalogue entries for tests.

use std::io::Write;

use crate::data::catalogue::{Checksum, ClassCounts, DataFile, Download, Entry, Format};
use crate::data::files::sha256_of;
use crate::data::store::ImageShape;

pub(in crate::data) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A tar archive; paths are written as they are, even those no honest program writes.
pub(in crate::data) fn tar_of(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, bytes) in members {
        let mut header = tar::Header::new_gnu();
        header.as_gnu_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append(&header, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

fn image_file(count: u8) -> Vec<u8> {
    let header = [0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, 2, 0, 0, 0, 2];
    header
        .into_iter()
        .chain((0..count).flat_map(|i| [i, 50 + i, 100 + i, 150 + i]))
        .collect()
}

pub(in crate::data) fn label_file(labels: &[u8]) -> Vec<u8> {
    [&[0, 0, 8, 1, 0, 0, 0, labels.len() as u8], labels].concat()
}

/// The files of [`digits`] before compression: four training and two test images of 2×2.
fn plain_digit_files() -> [(&'static str, Vec<u8>); 4] {
    [
        ("train-images-idx3-ubyte", image_file(4)),
        ("train-labels-idx1-ubyte", label_file(&[1, 0, 0, 1])),
        ("t10k-images-idx3-ubyte", image_file(2)),
        ("t10k-labels-idx1-ubyte", label_file(&[0, 1])),
    ]
}

/// The files of [`digits`] as they are downloaded.
pub(in crate::data) fn digit_files() -> Vec<(String, Vec<u8>)> {
    plain_digit_files()
        .map(|(name, bytes)| (format!("{name}.gz"), gzip(&bytes)))
        .to_vec()
}

/// An entry in IDX files.
pub(in crate::data) fn digits(addresses: &[String]) -> Entry {
    let pins = plain_digit_files().map(|(name, bytes)| DataFile {
        name,
        sha256: Checksum::Pinned(sum(&bytes)),
    });
    let downloads: Vec<Download> = digit_files().iter().map(download_of).collect();
    Entry {
        name: "digits",
        shape: ImageShape {
            channels: 1,
            height: 2,
            width: 2,
        },
        format: Format::Idx,
        folder: "digits",
        train_files: kept(pins[..2].to_vec()),
        test_files: kept(pins[2..].to_vec()),
        downloads: kept(downloads),
        train_counts: ClassCounts::Each(2),
        test_counts: ClassCounts::Each(1),
        ..photos(addresses)
    }
}

/// The records of [`photos`]: one-pixel colour images, two in training and one for the test.
pub(in crate::data) const PHOTO_RECORDS: [(&str, &[u8]); 2] = [
    ("data_batch_1.bin", &[0, 1, 2, 3, 1, 4, 5, 6]),
    ("test_batch.bin", &[1, 7, 8, 9]),
];

/// The archive of [`photos`].
pub(in crate::data) fn photo_archive() -> Vec<u8> {
    gzip(&tar_of(&[
        ("photos/data_batch_1.bin", PHOTO_RECORDS[0].1),
        ("photos/readme.html", b"<html>"),
        ("photos/test_batch.bin", PHOTO_RECORDS[1].1),
    ]))
}

/// An entry in CIFAR files, in one archive.
pub(in crate::data) fn photos(addresses: &[String]) -> Entry {
    let files = PHOTO_RECORDS.map(|(name, bytes)| DataFile {
        name,
        sha256: Checksum::Pinned(sum(bytes)),
    });
    let addresses: Vec<&'static str> = addresses
        .iter()
        .map(|address| &*address.clone().leak())
        .collect();
    Entry {
        name: "photos",
        title: "a sample",
        shape: ImageShape {
            channels: 3,
            height: 1,
            width: 1,
        },
        classes: &["cat", "dog"],
        format: Format::Cifar { label_bytes: 1 },
        folder: "photo-records",
        system_folder: None,
        train_files: kept(files[..1].to_vec()),
        test_files: kept(files[1..].to_vec()),
        addresses: kept(addresses),
        downloads: kept(vec![download_of(&(
            "photos.tar.gz".to_owned(),
            photo_archive(),
        ))]),
        train_counts: ClassCounts::Each(1),
        test_counts: ClassCounts::Listed(&[0, 1]),
        licence: "none",
        citation: "none",
    }
}

fn download_of((name, bytes): &(String, Vec<u8>)) -> Download {
    Download {
        name: name.clone().leak(),
        size_bytes: bytes.len() as u64,
        sha256: Checksum::Pinned(sum(bytes)),
    }
}

fn sum(bytes: &[u8]) -> &'static str {
    sha256_of(bytes).unwrap().leak()
}

/// The catalogue's entries are made of constants; those of tests live as long.
fn kept<T>(values: Vec<T>) -> &'static [T] {
    values.leak()
}
