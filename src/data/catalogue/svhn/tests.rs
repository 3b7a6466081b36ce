//! Reading of small MATLAB files.

use super::*;
use std::path::{Path, PathBuf};

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

fn load(path: &Path) -> Result<Split> {
    load_split(&mut SourceFile::open(path, 1 << 20)?, SHAPE, 1 << 20)
}

fn refusal(path: &Path) -> String {
    format!("{:#}", load(path).unwrap_err())
}

#[test]
fn images_become_row_major_and_label_ten_becomes_zero() {
    for (name, labels) in [
        ("train_32x32.mat", [1, 9, 0, 2, 3].as_slice()),
        ("test_32x32.mat", &[0, 5, 4]),
    ] {
        let split = load(&fixture(name)).unwrap();
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
    let split = load(&fixture("single.mat")).unwrap();
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

#[test]
fn damage_inside_a_compressed_variable_is_told_in_words() {
    let mut bytes = std::fs::read(fixture("train_32x32.mat")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x55;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.mat");
    std::fs::write(&path, bytes).unwrap();
    let message = refusal(&path);
    assert!(
        message.contains("damaged.mat: it is cut short, damaged or no MATLAB 5 file"),
        "{message}"
    );
    assert!(
        !message.contains("Error") && !message.contains('{'),
        "{message}"
    );
}

#[test]
fn a_claim_of_more_than_there_can_be_costs_no_memory() {
    let mut bytes = vec![0; 124];
    bytes.extend([0, 1, b'I', b'M']);
    let claim = 0xffff_fff0_u32.to_le_bytes();
    let element = |kind: u8, length: [u8; 4]| [[kind, 0, 0, 0], length].concat();
    bytes.extend(element(14, claim));
    bytes.extend([element(6, [8, 0, 0, 0]), vec![9; 8], element(5, claim)].concat());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("claims.mat");
    std::fs::write(&path, bytes).unwrap();
    assert!(
        refusal(&path).contains("ends within an element"),
        "{}",
        refusal(&path)
    );
}
