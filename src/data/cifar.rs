//! CIFAR-10 and CIFAR-100 in their binary form (A. Krizhevsky, 2009).
//!
//! A file is any number of records: one label byte (CIFAR-10) or two (CIFAR-100: coarse, then fine), then
//! the 3×32×32 pixels, channel by channel, row by row. The last label byte is the class.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::store::{ImageShape, Split};

/// Superclasses of CIFAR-100.
const COARSE_CLASSES: usize = 20;

/// Reads the files one after another into one split.
pub(super) fn load_split(
    paths: &[PathBuf],
    label_bytes: usize,
    shape: ImageShape,
    classes: usize,
) -> Result<Split> {
    // One allocation of the right size: growing would hold nearly twice the images for a moment.
    let lengths = paths.iter().filter_map(|path| std::fs::metadata(path).ok());
    let bytes: u64 = lengths.map(|metadata| metadata.len()).sum();
    let records = usize::try_from(bytes)? / (label_bytes + shape.pixels());
    let mut split = Split {
        images: Vec::with_capacity(records * shape.pixels()),
        labels: Vec::with_capacity(records),
    };
    for path in paths {
        append_file(&mut split, path, label_bytes, shape, classes)?;
    }
    Ok(split)
}

fn append_file(
    split: &mut Split,
    path: &Path,
    label_bytes: usize,
    shape: ImageShape,
    classes: usize,
) -> Result<()> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let record_bytes = label_bytes + shape.pixels();
    let (records, surplus) = (bytes.len() / record_bytes, bytes.len() % record_bytes);
    ensure!(records + surplus > 0, "{}: is empty", path.display());
    ensure!(
        surplus == 0,
        "{}: byte {}: record {records} has only {surplus} of its {record_bytes} bytes; the file is cut short, \
         or holds something else",
        path.display(),
        records * record_bytes
    );
    for (record, content) in bytes.chunks_exact(record_bytes).enumerate() {
        let (labels, pixels) = content.split_at(label_bytes);
        let class = label_bytes - 1;
        for (offset, &label) in labels.iter().enumerate() {
            let limit = if offset == class {
                classes
            } else {
                COARSE_CLASSES
            };
            ensure!(
                usize::from(label) < limit,
                "{}: byte {}: record {record} has label {label}, but the labels go from 0 to {}",
                path.display(),
                record * record_bytes + offset,
                limit - 1
            );
        }
        split.labels.push(labels[class]);
        split.images.extend_from_slice(pixels);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: ImageShape = ImageShape {
        channels: 3,
        height: 32,
        width: 32,
    };

    /// A record whose pixels are all `fill`, except that the last is 255.
    fn record(labels: &[u8], fill: u8) -> Vec<u8> {
        let mut bytes = labels.to_vec();
        bytes.extend([fill; 3071]);
        bytes.push(255);
        bytes
    }

    fn read(files: &[Vec<u8>], label_bytes: usize, classes: usize) -> Result<Split> {
        let folder = tempfile::tempdir().unwrap();
        let paths: Vec<PathBuf> = (0..files.len())
            .map(|i| folder.path().join(format!("part_{i}.bin")))
            .collect();
        for (path, bytes) in paths.iter().zip(files) {
            std::fs::write(path, bytes).unwrap();
        }
        load_split(&paths, label_bytes, SHAPE, classes)
    }

    fn refusal(files: &[Vec<u8>], label_bytes: usize, classes: usize) -> String {
        format!("{:#}", read(files, label_bytes, classes).unwrap_err())
    }

    #[test]
    fn files_of_any_length_are_joined_in_order() {
        let files = [
            [record(&[3], 10), record(&[9], 11)].concat(),
            record(&[0], 12),
        ];
        let split = read(&files, 1, 10).unwrap();
        assert_eq!(split.labels, [3, 9, 0]);
        assert_eq!(split.images.len(), 3 * 3072);
        assert_eq!((split.image(1)[0], split.image(2)[0]), (11, 12));
        assert_eq!(split.image(0)[3071], 255);
    }

    #[test]
    fn the_fine_label_is_the_class() {
        let split = read(
            &[[record(&[19, 99], 1), record(&[0, 42], 2)].concat()],
            2,
            100,
        )
        .unwrap();
        assert_eq!(split.labels, [99, 42]);
        assert_eq!(split.image(1)[0], 2);
    }

    #[test]
    fn a_truncated_record_is_named_with_its_offset() {
        let whole = record(&[1], 0);
        let torn = [whole.as_slice(), &whole[..100]].concat();
        let message = refusal(&[whole, torn], 1, 10);
        assert!(
            message.contains("part_1.bin: byte 3073: record 1 has only 100 of"),
            "{message}"
        );
        assert!(refusal(&[Vec::new()], 1, 10).contains("part_0.bin: is empty"));
    }

    #[test]
    fn labels_out_of_range_are_named_with_their_offset() {
        let message = refusal(&[[record(&[1], 0), record(&[10], 0)].concat()], 1, 10);
        assert!(
            message.contains("part_0.bin: byte 3073: record 1 has label 10"),
            "{message}"
        );
        let message = refusal(
            &[[record(&[1, 2], 0), record(&[3, 100], 0)].concat()],
            2,
            100,
        );
        assert!(
            message.contains("byte 3075: record 1 has label 100"),
            "{message}"
        );
        let message = refusal(&[record(&[20, 5], 0)], 2, 100);
        assert!(
            message.contains("byte 0: record 0 has label 20"),
            "{message}"
        );
    }

    #[test]
    fn one_format_is_not_taken_for_the_other() {
        let cifar10 = [record(&[1], 7), record(&[2], 8)].concat();
        assert!(refusal(&[cifar10], 2, 100).contains("record 1 has only 3072 of its 3074 bytes"));
    }
}
