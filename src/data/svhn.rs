//! SVHN's cropped digits (Y. Netzer et al., 2011): MATLAB 5 files with `X` and `y`.
//!
//! `X` is rows × columns × channels × n bytes in column-major order, `y` is n × 1 with the digit 0 as 10.

use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail, ensure};
use matfile::{Array, MatFile, NumericData};

use super::store::{ImageShape, Split};

/// Reads one split from its `.mat` file.
pub(super) fn load_split(path: &Path, shape: ImageShape) -> Result<Split> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let parsed = MatFile::parse(file).map_err(|error| {
        anyhow!(
            "{}: is cut short, damaged or no MATLAB 5 file ({error})",
            path.display()
        )
    })?;
    let split = || -> Result<Split> {
        let labels = read_labels(variable(&parsed, "y")?)?;
        let images = read_images(variable(&parsed, "X")?, shape)?;
        let count = images.len() / shape.pixels();
        ensure!(
            count == labels.len(),
            "`X` holds {count} images but `y` has {} labels",
            labels.len()
        );
        Ok(Split { images, labels })
    };
    split().with_context(|| format!("cannot use {}", path.display()))
}

fn variable<'a>(parsed: &'a MatFile, name: &str) -> Result<&'a Array> {
    parsed.find_by_name(name).with_context(|| {
        let names: Vec<&str> = parsed.arrays().iter().map(Array::name).collect();
        format!(
            "it has no variable `{name}` (its variables: {}); the file is cut short, or holds something else",
            if names.is_empty() { "none".to_owned() } else { names.join(", ") }
        )
    })
}

fn read_labels(array: &Array) -> Result<Vec<u8>> {
    let labels: Vec<f64> = match array.data() {
        NumericData::UInt8 { real, .. } => real.iter().map(|&label| f64::from(label)).collect(),
        NumericData::Double { real, .. } => real.clone(),
        _ => bail!("`y` should be of class uint8 or double"),
    };
    let as_digit = |(i, label): (usize, f64)| match label {
        10.0 => Ok(0),
        _ if label.fract() == 0.0 && (1.0..10.0).contains(&label) => Ok(label as u8),
        _ => bail!("`y`: entry {i} is {label}, but the labels go from 1 to 10"),
    };
    labels.into_iter().enumerate().map(as_digit).collect()
}

fn read_images(array: &Array, shape: ImageShape) -> Result<Vec<u8>> {
    let NumericData::UInt8 { real, .. } = array.data() else {
        bail!("`X` should be of class uint8");
    };
    let expected = [shape.height, shape.width, shape.channels];
    // MATLAB drops a last dimension of 1: a single image comes without it.
    ensure!(
        array.size().starts_with(&expected) && array.ndims() <= expected.len() + 1,
        "`X` has the size {:?}, expected {expected:?} (rows, columns, channels) and the number of images",
        array.size()
    );
    let mut images = vec![0; real.len()];
    let plane = shape.height * shape.width;
    for (from, to) in real.chunks_exact(plane).zip(images.chunks_exact_mut(plane)) {
        for (column, values) in from.chunks_exact(shape.height).enumerate() {
            for (row, &value) in values.iter().enumerate() {
                to[row * shape.width + column] = value;
            }
        }
    }
    Ok(images)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    const SHAPE: ImageShape = ImageShape {
        channels: 3,
        height: 32,
        width: 32,
    };

    fn fixture(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/fixtures/svhn")
            .join(name)
    }

    /// What `scripts/goldens/svhn.py` puts at image n, channel c, row i, column j.
    fn expected_pixel(n: usize, c: usize, i: usize, j: usize) -> u8 {
        ((7 * n + 83 * c + 5 * i + 3 * j) % 256) as u8
    }

    fn refusal(path: &Path) -> String {
        format!("{:#}", load_split(path, SHAPE).unwrap_err())
    }

    #[test]
    fn images_become_row_major_and_label_ten_becomes_zero() {
        for (name, labels) in [
            ("train_32x32.mat", [1, 9, 0, 2, 3].as_slice()),
            ("test_32x32.mat", &[0, 5, 4]),
        ] {
            let split = load_split(&fixture(name), SHAPE).unwrap();
            assert_eq!(split.labels, labels, "{name}");
            for n in 0..labels.len() {
                for (k, &pixel) in split.image(n).iter().enumerate() {
                    let (c, i, j) = (k / 1024, k / 32 % 32, k % 32);
                    assert_eq!(pixel, expected_pixel(n, c, i, j), "{name} {n} {c} {i} {j}");
                }
            }
        }
    }

    #[test]
    fn a_single_image_has_no_fourth_dimension() {
        let split = load_split(&fixture("single.mat"), SHAPE).unwrap();
        assert_eq!((split.len(), split.images.len()), (1, 3072));
        assert_eq!(
            split.image(0)[2 * 1024 + 31 * 32 + 1],
            expected_pixel(0, 2, 31, 1)
        );
    }

    #[test]
    fn wrong_content_is_explained() {
        assert!(refusal(&fixture("bad_label.mat")).contains("entry 1 is 11"));
        assert!(refusal(&fixture("fraction.mat")).contains("entry 0 is 2.5"));
        assert!(refusal(&fixture("uneven.mat")).contains("2 images but `y` has 3 labels"));
        assert!(refusal(&fixture("small.mat")).contains("[32, 16, 3, 2]"));
        assert!(refusal(&fixture("no_y.mat")).contains("no variable `y` (its variables: X)"));
        assert!(refusal(&fixture("wide.mat")).contains("class uint8"));
    }

    #[test]
    fn truncated_files_are_refused_wherever_they_end() {
        let whole = std::fs::read(fixture("train_32x32.mat")).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cut.mat");
        for kept in [0, 100, 130, 200, whole.len() / 2, whole.len() - 20] {
            std::fs::write(&path, &whole[..kept]).unwrap();
            assert!(
                refusal(&path).contains("cut short"),
                "{kept} of {} bytes",
                whole.len()
            );
        }
        assert!(refusal(Path::new("/no/such.mat")).contains("cannot read /no/such.mat"));
    }
}
