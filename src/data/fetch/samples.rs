//! Tiny datasets, archives and catalogue entries for tests.

use std::io::Write;

use sha2::{Digest, Sha256};

use crate::data::catalogue::{cifar::CifarBinary, idx::Idx};
use crate::data::entry::{CatalogueEntry, ClassCounts, Packing};
use crate::data::store::ImageShape;
use crate::text::numbers::hexadecimal;

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
pub(in crate::data) fn digits(addresses: &[String]) -> CatalogueEntry {
    let files = plain_digit_files().map(|(name, bytes)| line(name, &bytes));
    let downloads: Vec<Vec<u8>> = digit_files().into_iter().map(|(_, bytes)| bytes).collect();
    CatalogueEntry {
        name: "digits",
        shape: ImageShape {
            channels: 1,
            height: 2,
            width: 2,
        },
        format: &Idx,
        folders: &["digits"],
        train_files: kept(files[..2].to_vec()),
        test_files: kept(files[2..].to_vec()),
        packing: Packing::Each(".gz"),
        download_bytes: kept(downloads.iter().map(|bytes| bytes.len() as u64).collect()),
        download_sums: kept(downloads.iter().map(|bytes| sum(bytes)).collect()),
        train_counts: ClassCounts::Each(2),
        test_counts: ClassCounts::Each(1),
        ..photos(addresses)
    }
}

/// The records of [`photos`]: one-pixel color images, two in training and one for the test.
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
pub(in crate::data) fn photos(addresses: &[String]) -> CatalogueEntry {
    let files = PHOTO_RECORDS.map(|(name, bytes)| line(name, bytes));
    let addresses: Vec<&'static str> = addresses
        .iter()
        .map(|address| &*address.clone().leak())
        .collect();
    let archive = photo_archive();
    CatalogueEntry {
        name: "photos",
        title: "a sample",
        shape: ImageShape {
            channels: 3,
            height: 1,
            width: 1,
        },
        classes: "cat, dog",
        format: &CifarBinary { label_bytes: 1 },
        folders: &["photo-records"],
        train_files: kept(files[..1].to_vec()),
        test_files: kept(files[1..].to_vec()),
        look_alikes: &[],
        addresses: kept(addresses),
        packing: Packing::Archive("photos.tar.gz"),
        download_bytes: kept(vec![archive.len() as u64]),
        download_sums: kept(vec![sum(&archive)]),
        train_counts: ClassCounts::Each(1),
        test_counts: ClassCounts::Listed(&[0, 1]),
        license: "none",
        citation: "none",
    }
}

/// The line of a file in an entry.
fn line(name: &str, bytes: &[u8]) -> &'static str {
    format!("{}  {name}", sum(bytes)).leak()
}

fn sum(bytes: &[u8]) -> &'static str {
    hexadecimal(&Sha256::digest(bytes)).leak()
}

/// The catalogue's entries are made of constants; those of tests live as long.
fn kept<T>(values: Vec<T>) -> &'static [T] {
    values.leak()
}
