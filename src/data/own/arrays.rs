//! Arrays out of NumPy's archives, with bounds on what a file may claim.
//!
//! An array is a file of NumPy's format: `\x93NUMPY`, a version, the length of a header, the header as a Python table with
//! the keys `descr`, `fortran_order` and `shape`, then the elements. The reader in tch trusts the header's extents and reads
//! beyond a file that is shorter; here they are held against what is there.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use anyhow::Result;
use zip::ZipArchive;
use zip::result::ZipError;

use super::parts::MOST_BYTES;
use crate::usage;

/// More bytes than a header has.
const MOST_OF_HEADER: u64 = 1 << 16;

/// An archive of arrays.
pub(super) struct Archive<'p> {
    path: &'p Path,
    zip: ZipArchive<BufReader<File>>,
}

/// An array of numbers.
pub(super) struct NumberArray {
    /// Its extents.
    pub(super) shape: Vec<usize>,
    /// Its numbers in row-major order.
    pub(super) numbers: ArrayNumbers,
}

/// The numbers of an array.
pub(super) enum ArrayNumbers {
    /// Bytes.
    Bytes(Vec<u8>),
    /// All other whole numbers.
    Whole(Vec<i64>),
    /// Floating-point numbers.
    Real(Vec<f32>),
}

impl Archive<'_> {
    /// Opens an archive.
    pub(super) fn open(path: &Path) -> Result<Archive<'_>> {
        let name = path.display();
        let file = File::open(path).map_err(|error| usage!("{name}: cannot be read: {error}"))?;
        let zip = ZipArchive::new(BufReader::new(file));
        let zip = zip.map_err(|error| {
            usage!("{name}: is no whole archive of numpy.savez or savez_compressed: {error}")
        })?;
        Ok(Archive { path, zip })
    }

    /// The names of its arrays, those that a message has room for.
    pub(super) fn names(&self) -> String {
        let names = self.zip.file_names().take(20);
        let names = names.map(|name| format!("{:?}", name.trim_end_matches(".npy")));
        names.collect::<Vec<String>>().join(", ")
    }

    /// The array of that name; nothing where there is none.
    pub(super) fn array(&mut self, name: &str) -> Result<Option<NumberArray>> {
        self.array_of(name, MOST_BYTES as u64)
    }

    /// The same of at most so many bytes.
    pub(super) fn array_of(&mut self, name: &str, bytes: u64) -> Result<Option<NumberArray>> {
        let place = format!("{}: {name}", self.path.display());
        let entry = match self.zip.by_name(&format!("{name}.npy")) {
            Err(ZipError::FileNotFound) => return Ok(None),
            Err(error) => return Err(usage!("{place}: is damaged: {error}")),
            Ok(entry) => entry,
        };
        // What is longer is not unpacked to its end, whatever its length is said to be.
        let most = bytes + MOST_OF_HEADER;
        let mut unpacked = Vec::new();
        let read = entry.take(most + 1).read_to_end(&mut unpacked);
        read.map_err(|error| usage!("{place}: is damaged: {error}"))?;
        if unpacked.len() as u64 > most {
            return Err(usage!(
                "{place}: holds more than {most} bytes, the most that is read"
            ));
        }
        let array = parsed(&unpacked).map_err(|what| usage!("{place}: {what}"))?;
        Ok(Some(array))
    }
}

/// What a header says.
struct NpyHeader<'h> {
    /// Order of bytes, kind and bytes of an element, such as `<f4`.
    element: &'h str,
    is_fortran: bool,
    shape: Vec<usize>,
    /// Where the elements begin.
    end: usize,
}

/// The header of an array's file.
fn header(bytes: &[u8]) -> Option<NpyHeader<'_>> {
    let version = *bytes.strip_prefix(b"\x93NUMPY")?.first()?;
    let begin = if version == 1 { 10 } else { 12 };
    let digits = bytes.get(8..begin)?.iter().rev();
    let length = digits.fold(0_usize, |all, &digit| all * 256 + usize::from(digit));
    let end = begin + length;
    let text = str::from_utf8(bytes.get(begin..end)?).ok()?;
    let value = |key: &str| Some(text.split_once(&format!("'{key}':"))?.1.trim_start());
    let extents = value("shape")?.strip_prefix('(')?.split(')').next()?;
    let extents = extents.split(',').map(str::trim);
    let extents = extents.filter(|extent| !extent.is_empty());
    Some(NpyHeader {
        element: value("descr")?.strip_prefix('\'')?.split('\'').next()?,
        is_fortran: value("fortran_order")?.starts_with("True"),
        shape: extents.map(|n| n.parse().ok()).collect::<Option<_>>()?,
        end,
    })
}

/// The array in a file's bytes, or what is wrong with them.
fn parsed(bytes: &[u8]) -> Result<NumberArray, String> {
    let header = header(bytes).ok_or("is no array of numbers as NumPy writes it")?;
    let NpyHeader { element, shape, .. } = header;
    if header.is_fortran && shape.len() > 1 {
        return Err("lies in Fortran's order: save numpy.ascontiguousarray of it".to_owned());
    }
    let (data, is_big) = (&bytes[header.end..], element.starts_with('>'));
    let kind = element.trim_start_matches(['<', '>', '|', '=']);
    let size = kind.get(1..).and_then(|size| size.parse::<usize>().ok());
    let needed = size.and_then(|size| {
        let mut extents = shape.iter();
        extents.try_fold(size, |all, &extent| all.checked_mul(extent))
    });
    if needed != Some(data.len()) {
        return Err(format!(
            "is cut short or damaged: {} bytes for {shape:?} elements of type {element}",
            data.len()
        ));
    }
    let numbers = match kind {
        "u1" => ArrayNumbers::Bytes(data.to_vec()),
        "i1" => ArrayNumbers::Whole(each(data, is_big, |b| i8::from_le_bytes(b).into())),
        "u2" => ArrayNumbers::Whole(each(data, is_big, |b| u16::from_le_bytes(b).into())),
        "i2" => ArrayNumbers::Whole(each(data, is_big, |b| i16::from_le_bytes(b).into())),
        "u4" => ArrayNumbers::Whole(each(data, is_big, |b| u32::from_le_bytes(b).into())),
        "i4" => ArrayNumbers::Whole(each(data, is_big, |b| i32::from_le_bytes(b).into())),
        // What is larger is refused as any number above 255.
        "u8" => ArrayNumbers::Whole(each(data, is_big, |b| {
            i64::try_from(u64::from_le_bytes(b)).unwrap_or(i64::MAX)
        })),
        "i8" => ArrayNumbers::Whole(each(data, is_big, i64::from_le_bytes)),
        "f4" => ArrayNumbers::Real(each(data, is_big, f32::from_le_bytes)),
        "f8" => ArrayNumbers::Real(each(data, is_big, |b| f64::from_le_bytes(b) as f32)),
        _ => {
            return Err(format!(
                "has elements of type {element}: uint8, whole numbers, float32 and float64 are read"
            ));
        }
    };
    Ok(NumberArray { shape, numbers })
}

/// Elements of N bytes, the last byte first where they are big-endian.
fn each<const N: usize, T>(data: &[u8], is_big: bool, of: impl Fn([u8; N]) -> T) -> Vec<T> {
    let element = |bytes: &[u8; N]| {
        let mut bytes = *bytes;
        if is_big {
            bytes.reverse();
        }
        of(bytes)
    };
    data.as_chunks::<N>().0.iter().map(element).collect()
}
