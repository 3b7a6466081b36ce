//! CIFAR-10 and CIFAR-100 in their binary form (A. Krizhevsky, 2009).
//!
//! A file is any number of records: one label byte (CIFAR-10) or two (CIFAR-100: coarse, then fine), then
//! the 3×32×32 pixels, channel by channel, row by row. The last label byte is the class.
//!
//! Checksums of the archives: recorded alike by TensorFlow Datasets, torchvision and others. Checksums of the files in
//! them: torchvision-ruby publishes them and compares them at every load; for CIFAR-10 other projects publish the same.

use anyhow::{Result, ensure};

use crate::data::{
    CatalogueEntry, ClassCounts, Format, ImageShape, Packing, SourceFile, Split, SplitFiles,
};

pub(super) const DATASETS: &[CatalogueEntry] = &[CIFAR10, CIFAR100];

const CIFAR10: CatalogueEntry = CatalogueEntry {
    name: "cifar10",
    title: "CIFAR-10, 32x32 color photographs, 10 classes",
    shape: ImageShape::new(3, 32, 32),
    classes: "airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck",
    format: &CifarBinary { label_bytes: 1 },
    folders: &["cifar-10-batches-bin", "cifar-10-batches-py"],
    train_files: &[
        "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5  data_batch_1.bin",
        "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed  data_batch_2.bin",
        "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67  data_batch_3.bin",
        "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48  data_batch_4.bin",
        "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add  data_batch_5.bin",
    ],
    test_files: &[
        "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b  test_batch.bin",
    ],
    look_alikes: &[
        "data_batch_1: the Python version; the binary one is cifar-10-binary.tar.gz",
        "data_batch_1.mat: the MATLAB version; the binary one is cifar-10-binary.tar.gz",
    ],
    addresses: &["https://www.cs.toronto.edu/~kriz/"],
    packing: Packing::Archive("cifar-10-binary.tar.gz"),
    download_bytes: &[170_052_171],
    download_sums: &["c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"],
    train_counts: ClassCounts::Each(5_000),
    test_counts: ClassCounts::Each(1_000),
    license: "no license is stated; its page asks users to cite the report",
    citation: "A. Krizhevsky: Learning Multiple Layers of Features from Tiny Images. Technical report, University of Toronto, 2009",
};

const CIFAR100: CatalogueEntry = CatalogueEntry {
    name: "cifar100",
    title: "CIFAR-100, 32x32 color photographs, 100 (fine) classes",
    classes: CIFAR100_CLASSES,
    format: &CifarBinary { label_bytes: 2 },
    folders: &["cifar-100-binary", "cifar-100-python"],
    train_files: &["f31298fc616915fa142368359df1c4ca2ae984d6915ca468b998a5ec6aeebf29  train.bin"],
    test_files: &["d8b1e6b7b3bee4020055f0699b111f60b1af1e262aeb93a0b659061746f8224a  test.bin"],
    look_alikes: &[
        "train: the Python version; the binary one is cifar-100-binary.tar.gz",
        "train.mat: the MATLAB version; the binary one is cifar-100-binary.tar.gz",
    ],
    packing: Packing::Archive("cifar-100-binary.tar.gz"),
    download_bytes: &[168_513_733],
    download_sums: &["58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec"],
    train_counts: ClassCounts::Each(500),
    test_counts: ClassCounts::Each(100),
    ..CIFAR10
};

/// The fine classes, in the official (alphabetical) order.
const CIFAR100_CLASSES: &str = "\
    apple, aquarium_fish, baby, bear, beaver, bed, bee, beetle, bicycle, bottle, bowl, boy, bridge, bus, \
    butterfly, camel, can, castle, caterpillar, cattle, chair, chimpanzee, clock, cloud, cockroach, couch, \
    crab, crocodile, cup, dinosaur, dolphin, elephant, flatfish, forest, fox, girl, hamster, house, \
    kangaroo, keyboard, lamp, lawn_mower, leopard, lion, lizard, lobster, man, maple_tree, motorcycle, \
    mountain, mouse, mushroom, oak_tree, orange, orchid, otter, palm_tree, pear, pickup_truck, pine_tree, \
    plain, plate, poppy, porcupine, possum, rabbit, raccoon, ray, road, rocket, rose, sea, seal, shark, \
    shrew, skunk, skyscraper, snail, snake, spider, squirrel, streetcar, sunflower, sweet_pepper, table, \
    tank, telephone, television, tiger, tractor, train, trout, tulip, turtle, wardrobe, whale, willow_tree, \
    wolf, woman, worm";

/// How many superclasses CIFAR-100 has.
const COARSE: usize = 20;

/// The format.
#[derive(Debug)]
pub(in crate::data) struct CifarBinary {
    /// Label bytes before the pixels.
    pub(in crate::data) label_bytes: usize,
}

impl Format for CifarBinary {
    fn load(&self, entry: &CatalogueEntry, files: SplitFiles) -> Result<[Split; 2]> {
        let [train_images, test_images] = entry.images();
        let classes = entry.class_names().len();
        let load = |files: &mut [SourceFile], images: usize| -> Result<Split> {
            // One allocation of the official size: growing would hold nearly twice the images for a moment.
            let mut split = Split {
                images: Vec::with_capacity(images * entry.shape.pixels()),
                labels: Vec::with_capacity(images),
            };
            for file in files {
                self.append(&mut split, file, entry.shape, classes)?;
            }
            Ok(split)
        };
        let [train, test] = files;
        Ok([load(train, train_images)?, load(test, test_images)?])
    }
}

impl CifarBinary {
    /// Reads the records of one file.
    fn append(
        &self,
        split: &mut Split,
        file: &mut SourceFile,
        shape: ImageShape,
        classes: usize,
    ) -> Result<()> {
        let label_bytes = self.label_bytes;
        let bytes = file.read_all()?;
        let path = file.path.display();
        let record_bytes = label_bytes + shape.pixels();
        let (records, surplus) = (bytes.len() / record_bytes, bytes.len() % record_bytes);
        ensure!(records + surplus > 0, "{}: is empty", path);
        ensure!(
            surplus == 0,
            "{}: byte {}: record {records} has only {surplus} of its {record_bytes} bytes; the file is cut short, \
             or holds something else",
            path,
            records * record_bytes
        );
        for (record, content) in bytes.chunks_exact(record_bytes).enumerate() {
            let (labels, pixels) = content.split_at(label_bytes);
            let class = label_bytes - 1;
            for (offset, &label) in labels.iter().enumerate() {
                let limit = if offset == class { classes } else { COARSE };
                ensure!(
                    usize::from(label) < limit,
                    "{}: byte {}: record {record} has label {label}, but the labels go from 0 to {}",
                    path,
                    record * record_bytes + offset,
                    limit - 1
                );
            }
            split.labels.push(labels[class]);
            split.images.extend_from_slice(pixels);
        }
        Ok(())
    }
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
        let mut split = Split::default();
        for path in paths {
            let mut file = SourceFile::open(&path, 1 << 20)?;
            CifarBinary { label_bytes }.append(&mut split, &mut file, SHAPE, classes)?;
        }
        Ok(split)
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
