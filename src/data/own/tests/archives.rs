//! Archives of arrays as people save them, and what is wrong with others.

#[path = "../../../../tests/common/numpy.rs"]
mod numpy;

use super::*;
use crate::data::ImageShape;
use numpy::{npy, write_npz};

/// The names and bytes of an archive's entries.
type Entries = Vec<(&'static str, Vec<u8>)>;

/// An archive of these arrays, and the name that it has as a dataset.
fn archive(folder: &Path, arrays: &[(&str, Vec<u8>)]) -> String {
    let path = folder.join("data.npz");
    write_npz(&path, arrays);
    format!("npz:{}", path.display())
}

/// Two color images in CHW order whose bytes count up, and the same with channels last.
fn both_orders() -> (Vec<u8>, Vec<u8>) {
    let first: Vec<u8> = (0..2 * 192).map(|index| (index % 251) as u8).collect();
    let last = (0..2 * 192).map(|index| {
        let (image, pixel, channel) = (index / 192, index % 192 / 3, index % 3);
        first[image * 192 + channel * 64 + pixel]
    });
    let last = last.collect();
    (first, last)
}

fn labels(values: &[u8]) -> Vec<u8> {
    npy("|u1", &format!("{},", values.len()), values)
}

#[test]
fn arrays_in_either_order_and_of_any_kind_give_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (first, last) = both_orders();
    let real = |scale: f32| -> Vec<u8> {
        let numbers = first.iter().map(|&byte| f32::from(byte) * scale);
        numbers.flat_map(f32::to_le_bytes).collect()
    };
    let whole: Vec<u8> = first
        .iter()
        .flat_map(|&byte| i64::from(byte).to_be_bytes())
        .collect();
    let wide_labels: Vec<u8> = [0_i64, 1]
        .iter()
        .flat_map(|label| label.to_le_bytes())
        .collect();
    let cases = [
        ("|u1", "2, 3, 8, 8", first.clone()),
        ("|u1", "2, 8, 8, 3", last),
        ("<f4", "2, 3, 8, 8", real(1.0 / 255.0)),
        ("<f4", "2, 3, 8, 8", real(1.0)),
        (">i8", "2, 3, 8, 8", whole),
    ];
    for (kind, extents, bytes) in cases {
        let arrays = [
            ("x_train", npy(kind, extents, &bytes)),
            ("y_train", npy("<i8", "2, 1", &wide_labels)),
            ("x_test", npy("|u1", "2, 3, 8, 8", &first)),
            ("y_test", labels(&[1, 0])),
        ];
        // Floating-point numbers up to 1 are told from bytes by all images together.
        let arrays = match kind {
            "<f4" => vec![
                arrays[0].clone(),
                arrays[1].clone(),
                ("x_test", npy(kind, extents, &bytes)),
                arrays[3].clone(),
            ],
            _ => arrays.to_vec(),
        };
        let read = load(&archive(folder.path(), &arrays)).unwrap();
        assert_eq!(read.shape, ImageShape::new(3, 8, 8));
        assert_eq!(read.train.images, first, "{kind} {extents}");
        assert_eq!(read.train.labels, [0, 1]);
        assert_eq!(read.test.labels, [1, 0]);
        assert_eq!(read.classes, ["0", "1"]);
    }
}

#[test]
fn gray_arrays_without_a_test_part_hold_some_out_and_can_be_scaled() {
    let folder = tempfile::tempdir().unwrap();
    let pixels: Vec<u8> = (0..10).flat_map(|image| [image; 100]).collect();
    let arrays = [
        ("x_train", npy("|u1", "10, 10, 10", &pixels)),
        ("y_train", labels(&[0, 0, 1, 1, 0, 0, 1, 1, 0, 1])),
    ];
    let name = archive(folder.path(), &arrays);
    let read = load(&name).unwrap();
    assert_eq!(read.shape, ImageShape::new(1, 10, 10));
    assert_eq!(
        (read.train.len(), read.test.labels.as_slice()),
        (8, &[0, 1][..])
    );
    assert_eq!((read.test.image(0)[0], read.test.image(1)[0]), (8, 9));
    let larger = load(&format!("{name}@16")).unwrap();
    assert_eq!(larger.shape, ImageShape::new(1, 16, 16));
    assert!(larger.train.image(3).iter().all(|&level| level == 3));
}

#[test]
fn what_is_wrong_with_arrays_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let pixels = |value: u8, images: usize| vec![value; images * 64];
    let x = || ("x_train", npy("|u1", "2, 8, 8", &pixels(1, 2)));
    let y = || ("y_train", labels(&[0, 1]));
    let negative: Vec<u8> = vec![-1.5_f32; 128]
        .into_iter()
        .flat_map(f32::to_le_bytes)
        .collect();
    let cases: Vec<(Entries, &str)> = vec![
        (
            vec![("images", npy("|u1", "2, 8, 8", &pixels(1, 2)))],
            "the arrays x_train and y_train are missing; it holds \"images\"",
        ),
        (vec![x()], "the array y_train is missing"),
        (
            vec![x(), ("y_train", labels(&[0, 1, 1]))],
            "y_train has the extents [3], where 2 images need one label each",
        ),
        (
            vec![x(), ("y_train", labels(&[0, 2]))],
            "labels up to 2, but no image of class 1",
        ),
        (
            vec![x(), y(), x2(&pixels(1, 1)), ("y_test", labels(&[2]))],
            "y_test has the label 2 at 0, but y_train only labels up to 1",
        ),
        (
            vec![
                x(),
                y(),
                ("x_test", npy("|u1", "1, 9, 9", &[0; 81])),
                ("y_test", labels(&[1])),
            ],
            "training images are 8 x 8 in 1 channels, test images 9 x 9",
        ),
        (
            vec![("x_train", npy("|u1", "2, 8, 9", &[0; 144])), y()],
            "x_train: images of 9 x 8 pixels: images must be square",
        ),
        (
            vec![("x_train", npy("|u1", "2, 8, 8, 4", &[0; 512])), y()],
            "x_train has the extents [2, 8, 8, 4]: images are N x rows x columns",
        ),
        (
            vec![("x_train", npy("<f4", "2, 8, 8", &negative)), y()],
            "x_train has the value -1.5 (number 0): pixels are bytes",
        ),
        (
            vec![("x_train", npy("|u1", "2, 8, 8", &pixels(1, 1))), y()],
            "x_train: is cut short or damaged: 64 bytes for [2, 8, 8] elements of type |u1",
        ),
        (
            vec![
                ("x_train", npy("|u1", "18446744073709551615, 8, 8", &[])),
                y(),
            ],
            "x_train: is ",
        ),
        (
            vec![("x_train", npy("<c8", "2, 8, 8", &[0; 1024])), y()],
            "has elements of type <c8",
        ),
        (
            vec![("x_train", npy("|u1", "4294967296, 4294967296", &[])), y()],
            "x_train: is ",
        ),
        (
            vec![("x_train", npy("[('a', '<f4')]", "2, 8, 8", &[])), y()],
            "x_train: is ",
        ),
        (vec![("x_train", b"text".to_vec()), y()], "x_train: is "),
        (
            vec![
                x(),
                ("y_train", npy("<f4", "2,", &[0, 0, 0, 63, 0, 0, 128, 63])),
            ],
            "y_train has the label 0.5 at 0",
        ),
    ];
    for (arrays, expected) in cases {
        let refused = refusal(&archive(folder.path(), &arrays));
        assert!(refused.contains(expected), "{expected}\n{refused}");
    }
    let name = archive(folder.path(), &[x(), y()]);
    let path = name.trim_start_matches("npz:");
    let bytes = std::fs::read(path).unwrap();
    std::fs::write(path, &bytes[..bytes.len() - 30]).unwrap();
    assert!(refusal(&name).contains("data.npz: is no whole archive of numpy.savez"));
    assert!(refusal("npz:/nowhere.npz").contains("/nowhere.npz: cannot be read"));
}

/// Test images.
fn x2(pixels: &[u8]) -> (&'static str, Vec<u8>) {
    ("x_test", npy("|u1", "1, 8, 8", pixels))
}

#[test]
fn an_archive_that_unpacks_to_more_than_is_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let arrays = [("x_train", npy("|u1", "200000,", &vec![0; 200_000]))];
    archive(folder.path(), &arrays);
    let path = folder.path().join("data.npz");
    let array = |most| {
        let mut archive = arrays::Archive::open(&path).unwrap();
        let read = archive.array_of("x_train", most);
        read.map(|found| found.is_some())
            .map_err(|error| error.to_string())
    };
    assert_eq!(array(200_000), Ok(true));
    assert_eq!(std::fs::metadata(&path).unwrap().len() / 2000, 0);
    let refused = array(100_000).unwrap_err();
    assert!(
        refused.contains("x_train: holds more than 165536 bytes, the most that is read"),
        "{refused}"
    );
}
