//! Folders of pictures as people have them, and what is wrong with others.

use image::{GrayImage, Luma, Rgb, RgbImage};

use super::*;
use crate::data::{ImageShape, Split};

/// A gray picture of one level.
fn gray(root: &Path, name: &str, size: u32, level: u8) {
    let path = root.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    GrayImage::from_pixel(size, size, Luma([level]))
        .save(path)
        .unwrap();
}

/// Two classes of two training and one test picture each; class, part and number give the level.
fn pictures() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (class, name) in ["cat", "dog"].into_iter().enumerate() {
        for number in 0..2 {
            let level = (100 * class + 10 * number) as u8;
            gray(
                folder.path(),
                &format!("train/{name}/{number}.png"),
                9,
                level,
            );
        }
        gray(
            folder.path(),
            &format!("test/{name}/0.PNG"),
            9,
            (100 * class + 50) as u8,
        );
    }
    std::fs::write(folder.path().join("train/.DS_Store"), "x").unwrap();
    folder
}

#[test]
fn a_folder_of_pictures_is_read_in_the_order_of_names_class_by_class_in_turn() {
    let folder = pictures();
    let name = format!("folder:{}", folder.path().display());
    let read = load(&name).unwrap();
    assert_eq!(read.classes, ["cat", "dog"]);
    assert_eq!(read.shape, ImageShape::new(1, 9, 9));
    assert_eq!(
        (read.verdict, read.name.as_str()),
        (Verdict::Own, name.as_str())
    );
    assert_eq!(read.train.labels, [0, 1, 0, 1]);
    let firsts: Vec<u8> = (0..4).map(|index| read.train.image(index)[0]).collect();
    assert_eq!(firsts, [0, 100, 10, 110]);
    assert_eq!((read.test.images[0], read.test.images[81]), (50, 150));
    assert_eq!(load(&name).unwrap().sha256, read.sha256);

    // One pixel of a color gives three channels to all, in CHW order.
    let mut red = RgbImage::from_pixel(9, 9, Rgb([5, 5, 5]));
    red.put_pixel(0, 0, Rgb([200, 5, 5]));
    red.save(folder.path().join("test/dog/1.png")).unwrap();
    let colored = load(&name).unwrap();
    assert_eq!(colored.shape, ImageShape::new(3, 9, 9));
    assert_eq!(colored.test.len(), 3);
    let last = colored.test.image(2);
    assert_eq!((last[0], last[81], last[162]), (200, 5, 5));
    assert_ne!(colored.sha256, read.sha256);
}

#[test]
fn pictures_of_other_sizes_are_refused_or_brought_to_the_size_asked_for() {
    let folder = pictures();
    let name = format!("folder:{}", folder.path().display());
    let wide = GrayImage::from_fn(20, 10, |x, _| {
        Luma([if (5..15).contains(&x) { 7 } else { 255 }])
    });
    wide.save(folder.path().join("train/dog/2.png")).unwrap();
    let refused = refusal(&name);
    assert!(
        refused.contains(
            "train/dog/2.png: 20 x 10 pixels, where the first picture has 9 x 9; put @SIZE"
        ),
        "{refused}"
    );
    let fitted = load(&format!("{name}@8")).unwrap();
    assert_eq!(fitted.shape, ImageShape::new(1, 8, 8));
    // Its middle is of one level.
    assert!(fitted.train.image(4).iter().all(|&level| level == 7));
    gray(folder.path(), "train/cat/0.png", 65, 0);
    assert!(refusal(&name).contains(
        "cat/0.png: a picture of 65 x 65 pixels: images must be square, of 8 to 64 rows"
    ));
}

#[test]
fn without_test_pictures_every_fifth_of_a_class_is_one() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..11 {
        gray(
            folder.path(),
            &format!("train/a/{number:02}.png"),
            8,
            number,
        );
        gray(
            folder.path(),
            &format!("train/b/{number:02}.png"),
            8,
            100 + number,
        );
    }
    let name = format!("folder:{}", folder.path().display());
    let read = load(&name).unwrap();
    let levels =
        |split: &Split| -> Vec<u8> { (0..split.len()).map(|i| split.image(i)[0]).collect() };
    assert_eq!(levels(&read.test), [4, 104, 9, 109]);
    assert_eq!(read.train.class_counts(2), [9, 9]);
    gray(folder.path(), "train/c/1.png", 8, 1);
    assert!(refusal(&name).contains("every fifth training image is held out; class c has only 1"));
}

#[test]
fn what_is_wrong_with_a_folder_is_named() {
    let folder = pictures();
    let root = folder.path();
    let name = format!("folder:{}", root.display());
    let cases = [
        (
            "train/dog/note.txt",
            "note.txt: neither a PNG nor a JPEG picture by its name",
        ),
        (
            "train/readme",
            "train/readme is no folder: here each class is one",
        ),
        ("test/bird/1.png", "there is no class bird in train"),
        ("test/dog/1.jpg", "1.jpg: neither a PNG nor a JPEG picture"),
    ];
    for (path, expected) in cases {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, "text").unwrap();
        let refused = refusal(&name);
        assert!(refused.contains(expected), "{refused}");
        std::fs::remove_file(&path).unwrap();
        let _ = std::fs::remove_dir(root.join("test/bird"));
    }
    let bytes = std::fs::read(root.join("train/cat/1.png")).unwrap();
    std::fs::write(root.join("train/cat/1.png"), &bytes[..bytes.len() / 2]).unwrap();
    assert!(refusal(&name).contains("train/cat/1.png: is damaged"));
    std::fs::write(root.join("train/cat/1.png"), bytes).unwrap();
    std::fs::remove_file(root.join("test/dog/0.PNG")).unwrap();
    assert!(refusal(&name).contains("test/dog: there is no picture of this class"));
    std::fs::remove_dir_all(root.join("test/dog")).unwrap();
    assert!(refusal(&name).contains("test: class dog of train is missing"));
    std::fs::remove_dir_all(root.join("train/dog")).unwrap();
    assert!(refusal(&name).contains("train: 1 classes, where 2 to 256 are possible"));
    assert!(refusal("folder:/nowhere").contains("there is no folder /nowhere/train"));
}
