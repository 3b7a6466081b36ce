//! IDX files (Y. LeCun's MNIST format), plain or gzip-compressed: MNIST and Fashion-MNIST.
//!
//! A file is two zero bytes, the element type (0x08 for bytes), the number of dimensions, each dimension as
//! a big-endian 32-bit number, then the elements in row-major order. Two files make a split: images, labels.
//!
//! Checksums of downloads: recorded alike by TensorFlow Datasets, torchvision and MLDatasets.jl. Checksums of contents:
//! computed from Debian's and from public copies, and published by several projects.

use std::io::Read;

use anyhow::{Context, Result, bail, ensure};

use crate::data::{
    CatalogueEntry, ClassCounts, Format, ImageShape, Packing, SourceFile, Split, SplitFiles,
};

const GRAY_28: ImageShape = ImageShape::new(1, 28, 28);

const UNSIGNED_BYTE: u8 = 0x08;

pub(super) const DATASETS: &[CatalogueEntry] = &[FASHION_MNIST, MNIST];

pub(super) const FASHION_MNIST: CatalogueEntry = CatalogueEntry {
    name: "fashion-mnist",
    title: "Fashion-MNIST, 28x28 gray pictures of clothes, 10 classes",
    shape: GRAY_28,
    classes: "T-shirt/top, Trouser, Pullover, Dress, Coat, Sandal, Shirt, Sneaker, Bag, Ankle boot",
    format: &Idx,
    folders: &[
        "fashion-mnist",
        "FashionMNIST/raw",
        "/usr/share/datasets/fashion-mnist",
    ],
    train_files: &[
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888  train-images-idx3-ubyte",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9  train-labels-idx1-ubyte",
    ],
    test_files: &[
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b  t10k-images-idx3-ubyte",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34  t10k-labels-idx1-ubyte",
    ],
    look_alikes: &[],
    addresses: &["http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"],
    packing: Packing::Each(".gz"),
    download_bytes: &[26_421_880, 29_515, 4_422_102, 5_148],
    download_sums: &[
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    ],
    train_counts: ClassCounts::Each(6_000),
    test_counts: ClassCounts::Each(1_000),
    license: "MIT, (c) 2017 Zalando SE",
    citation: "H. Xiao, K. Rasul, R. Vollgraf: Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning Algorithms. 2017, arXiv:1708.07747",
};

const MNIST: CatalogueEntry = CatalogueEntry {
    name: "mnist",
    title: "MNIST, 28x28 gray handwritten digits",
    shape: GRAY_28,
    classes: "0, 1, 2, 3, 4, 5, 6, 7, 8, 9",
    format: &Idx,
    folders: &["mnist", "MNIST/raw"],
    train_files: &[
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db  train-images-idx3-ubyte",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5  train-labels-idx1-ubyte",
    ],
    test_files: &[
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7  t10k-images-idx3-ubyte",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2  t10k-labels-idx1-ubyte",
    ],
    look_alikes: &[],
    addresses: &[
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ],
    packing: Packing::Each(".gz"),
    download_bytes: &[9_912_422, 28_881, 1_648_877, 4_542],
    download_sums: &[
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    ],
    train_counts: ClassCounts::Listed(&[
        5_923, 6_742, 5_958, 6_131, 5_842, 5_421, 5_918, 6_265, 5_851, 5_949,
    ]),
    test_counts: ClassCounts::Listed(&[980, 1_135, 1_032, 1_010, 982, 892, 958, 1_028, 974, 1_009]),
    license: "CC BY-SA 3.0, (c) Y. LeCun and C. Cortes",
    citation: "Y. LeCun, L. Bottou, Y. Bengio, P. Haffner: Gradient-Based Learning Applied to Document Recognition. Proceedings of the IEEE 86(11), 1998",
};

/// The format.
#[derive(Debug)]
pub(in crate::data) struct Idx;

impl Format for Idx {
    /// Compressed or not, and with the dot of older copies.
    fn names_on_disk(&self, name: &str) -> Vec<String> {
        let names = [name.to_owned(), name.replace("-idx", ".idx")];
        names
            .into_iter()
            .flat_map(|name| [name.clone(), name + ".gz"])
            .collect()
    }

    fn load(&self, entry: &CatalogueEntry, files: SplitFiles) -> Result<[Split; 2]> {
        let (shape, classes) = (entry.shape, entry.class_names().len());
        let [train, test] = files.map(|files| load_split(files, shape, classes));
        Ok([train?, test?])
    }
}

/// Reads one split from its image file and its label file.
fn load_split(files: &mut [SourceFile], shape: ImageShape, classes: usize) -> Result<Split> {
    let [images, labels] = files else {
        bail!("a split in IDX files has two of them, not {}", files.len());
    };
    let (image_count, pixels) = read_array(images, &[shape.height, shape.width], "images")?;
    let (label_count, label_bytes) = read_array(labels, &[], "labels")?;
    ensure!(
        image_count == label_count,
        "{} has {image_count} images but {} has {label_count} labels: they do not belong together",
        images.path.display(),
        labels.path.display()
    );
    if let Some(i) = label_bytes.iter().position(|&l| usize::from(l) >= classes) {
        bail!(
            "{}: byte {} (image {i}): label {}, but the labels go from 0 to {}",
            labels.path.display(),
            8 + i,
            label_bytes[i],
            classes - 1
        );
    }
    Ok(Split {
        images: pixels,
        labels: label_bytes,
    })
}

/// Reads an array of bytes whose dimensions after the first must be `inner`: the first dimension, the bytes.
fn read_array(file: &mut SourceFile, inner: &[usize], what: &str) -> Result<(usize, Vec<u8>)> {
    let path = file.path.clone();
    let mut magic = [0; 4];
    let cut_short = || format!("{}: ends within its header", path.display());
    file.read_exact(&mut magic).with_context(cut_short)?;
    let expected_magic = [0, 0, UNSIGNED_BYTE, 1 + inner.len() as u8];
    ensure!(
        magic == expected_magic,
        "{}: byte 0: magic number {}, but an IDX file of {what} begins with {}{}",
        path.display(),
        magic_text(magic),
        magic_text(expected_magic),
        mix_up_hint(magic)
    );
    let mut dimensions = Vec::new();
    for _ in 0..=inner.len() {
        let mut number = [0; 4];
        file.read_exact(&mut number).with_context(cut_short)?;
        dimensions.push(u32::from_be_bytes(number) as usize);
    }
    ensure!(
        dimensions[1..] == *inner,
        "{}: byte 8: its {what} are {:?}, expected {inner:?} (rows, columns)",
        path.display(),
        &dimensions[1..]
    );
    let header_bytes = 4 + 4 * dimensions.len();
    let elements = dimensions.iter().map(|&d| d as u64).product::<u64>();
    let mut bytes = Vec::new();
    file.take(elements + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("{}: damaged after byte {header_bytes}", path.display()))?;
    let found = bytes.len() as u64;
    ensure!(
        found >= elements,
        "{}: ends at byte {}: {elements} bytes of {what} should follow its header, {found} do",
        path.display(),
        header_bytes as u64 + found
    );
    ensure!(
        found == elements,
        "{}: byte {}: something follows the last of its {} {what}",
        path.display(),
        header_bytes as u64 + elements,
        dimensions[0]
    );
    Ok((dimensions[0], bytes))
}

fn magic_text(magic: [u8; 4]) -> String {
    format!("0x{:08x}", u32::from_be_bytes(magic))
}

fn mix_up_hint(magic: [u8; 4]) -> &'static str {
    match magic {
        [0, 0, UNSIGNED_BYTE, 1] => " (these are labels: are the two files interchanged?)",
        [0, 0, UNSIGNED_BYTE, 3] => " (these are images: are the two files interchanged?)",
        _ => "",
    }
}

#[cfg(test)]
mod tests;
