//! The catalogue itself.
//!
//! Checksums of downloads: TensorFlow Datasets' recorded checksums, torchvision, MLDatasets.jl and others agree.
//! Checksums of contents: computed from Debian's and from public copies, and published by several projects;
//! those of CIFAR's files inside their archives are published by torchvision-ruby only.

use super::cifar100_classes::CIFAR100_CLASSES;
use super::{Checksum, ClassCounts, DataFile, Download, Entry, Format};
use crate::data::store::ImageShape;

const GREY_28: ImageShape = ImageShape {
    channels: 1,
    height: 28,
    width: 28,
};
const COLOUR_32: ImageShape = ImageShape {
    channels: 3,
    height: 32,
    width: 32,
};

/// All datasets, the default first.
pub static ENTRIES: &[Entry] = &[
    FASHION_MNIST_MINI,
    FASHION_MNIST,
    MNIST,
    CIFAR10,
    CIFAR100,
    SVHN,
];

const fn pinned(name: &'static str, sha256: &'static str) -> DataFile {
    DataFile {
        name,
        sha256: Checksum::Pinned(sha256),
    }
}

const fn unpinned(name: &'static str, sha256: &'static str) -> DataFile {
    DataFile {
        name,
        sha256: Checksum::Unpinned(sha256),
    }
}

const fn download(name: &'static str, size_bytes: u64, sha256: &'static str) -> Download {
    Download {
        name,
        size_bytes,
        sha256: Checksum::Pinned(sha256),
    }
}

const FASHION_MNIST_MINI: Entry = Entry {
    name: "fashion-mnist-mini",
    title: "Fashion-MNIST, the first 400 + 100 images of each class, inside this program",
    format: Format::Embedded,
    folder: "",
    system_folder: None,
    train_files: &[],
    test_files: &[],
    addresses: &[],
    downloads: &[],
    train_counts: ClassCounts::Each(400),
    test_counts: ClassCounts::Each(100),
    ..FASHION_MNIST
};

const FASHION_MNIST: Entry = Entry {
    name: "fashion-mnist",
    title: "Fashion-MNIST, 28x28 grey pictures of clothes, 10 classes",
    shape: GREY_28,
    classes: &[
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ],
    format: Format::Idx,
    folder: "fashion-mnist",
    system_folder: Some("/usr/share/datasets/fashion-mnist"),
    train_files: &[
        pinned(
            "train-images-idx3-ubyte",
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        ),
        pinned(
            "train-labels-idx1-ubyte",
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        ),
    ],
    test_files: &[
        pinned(
            "t10k-images-idx3-ubyte",
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        ),
        pinned(
            "t10k-labels-idx1-ubyte",
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ),
    ],
    addresses: &["http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"],
    downloads: &[
        download(
            "train-images-idx3-ubyte.gz",
            26_421_880,
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        ),
        download(
            "train-labels-idx1-ubyte.gz",
            29_515,
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        ),
        download(
            "t10k-images-idx3-ubyte.gz",
            4_422_102,
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        ),
        download(
            "t10k-labels-idx1-ubyte.gz",
            5_148,
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        ),
    ],
    train_counts: ClassCounts::Each(6_000),
    test_counts: ClassCounts::Each(1_000),
    licence: "MIT, (c) 2017 Zalando SE",
    citation: "H. Xiao, K. Rasul, R. Vollgraf: Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning Algorithms. 2017, arXiv:1708.07747",
};

const DIGITS: &[&str] = &["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

const MNIST: Entry = Entry {
    name: "mnist",
    title: "MNIST, 28x28 grey handwritten digits",
    shape: GREY_28,
    classes: DIGITS,
    format: Format::Idx,
    folder: "mnist",
    system_folder: None,
    train_files: &[
        pinned(
            "train-images-idx3-ubyte",
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        ),
        pinned(
            "train-labels-idx1-ubyte",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        ),
    ],
    test_files: &[
        pinned(
            "t10k-images-idx3-ubyte",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        ),
        pinned(
            "t10k-labels-idx1-ubyte",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    ],
    addresses: &[
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ],
    downloads: &[
        download(
            "train-images-idx3-ubyte.gz",
            9_912_422,
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        ),
        download(
            "train-labels-idx1-ubyte.gz",
            28_881,
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        ),
        download(
            "t10k-images-idx3-ubyte.gz",
            1_648_877,
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        ),
        download(
            "t10k-labels-idx1-ubyte.gz",
            4_542,
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ),
    ],
    train_counts: ClassCounts::Listed(&[
        5_923, 6_742, 5_958, 6_131, 5_842, 5_421, 5_918, 6_265, 5_851, 5_949,
    ]),
    test_counts: ClassCounts::Listed(&[980, 1_135, 1_032, 1_010, 982, 892, 958, 1_028, 974, 1_009]),
    licence: "CC BY-SA 3.0, (c) Y. LeCun and C. Cortes",
    citation: "Y. LeCun, L. Bottou, Y. Bengio, P. Haffner: Gradient-Based Learning Applied to Document Recognition. Proceedings of the IEEE 86(11), 1998",
};

const CIFAR_CITATION: &str = "A. Krizhevsky: Learning Multiple Layers of Features from Tiny Images. Technical report, University of Toronto, 2009";
const CIFAR_ADDRESSES: &[&str] = &["https://www.cs.toronto.edu/~kriz/"];
const CIFAR_LICENCE: &str = "no licence is stated; its page asks users to cite the report";

const CIFAR10: Entry = Entry {
    name: "cifar10",
    title: "CIFAR-10, 32x32 colour photographs, 10 classes",
    shape: COLOUR_32,
    classes: &[
        "airplane",
        "automobile",
        "bird",
        "cat",
        "deer",
        "dog",
        "frog",
        "horse",
        "ship",
        "truck",
    ],
    format: Format::Cifar { label_bytes: 1 },
    folder: "cifar-10-batches-bin",
    system_folder: None,
    train_files: &[
        unpinned(
            "data_batch_1.bin",
            "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
        ),
        unpinned(
            "data_batch_2.bin",
            "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
        ),
        unpinned(
            "data_batch_3.bin",
            "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
        ),
        unpinned(
            "data_batch_4.bin",
            "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
        ),
        unpinned(
            "data_batch_5.bin",
            "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
        ),
    ],
    test_files: &[unpinned(
        "test_batch.bin",
        "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
    )],
    addresses: CIFAR_ADDRESSES,
    downloads: &[download(
        "cifar-10-binary.tar.gz",
        170_052_171,
        "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    )],
    train_counts: ClassCounts::Each(5_000),
    test_counts: ClassCounts::Each(1_000),
    licence: CIFAR_LICENCE,
    citation: CIFAR_CITATION,
};

const CIFAR100: Entry = Entry {
    name: "cifar100",
    title: "CIFAR-100, 32x32 colour photographs, 100 (fine) classes",
    classes: CIFAR100_CLASSES,
    format: Format::Cifar { label_bytes: 2 },
    folder: "cifar-100-binary",
    train_files: &[unpinned(
        "train.bin",
        "f31298fc616915fa142368359df1c4ca2ae984d6915ca468b998a5ec6aeebf29",
    )],
    test_files: &[unpinned(
        "test.bin",
        "d8b1e6b7b3bee4020055f0699b111f60b1af1e262aeb93a0b659061746f8224a",
    )],
    downloads: &[download(
        "cifar-100-binary.tar.gz",
        168_513_733,
        "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
    )],
    train_counts: ClassCounts::Each(500),
    test_counts: ClassCounts::Each(100),
    ..CIFAR10
};

const SVHN: Entry = Entry {
    name: "svhn",
    title: "SVHN, 32x32 colour photographs of house-number digits (cropped)",
    shape: COLOUR_32,
    classes: DIGITS,
    format: Format::Mat,
    folder: "svhn",
    system_folder: None,
    train_files: &[pinned(
        "train_32x32.mat",
        "435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8",
    )],
    test_files: &[pinned(
        "test_32x32.mat",
        "cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b",
    )],
    addresses: &["http://ufldl.stanford.edu/housenumbers/"],
    downloads: &[
        download(
            "train_32x32.mat",
            182_040_794,
            "435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8",
        ),
        download(
            "test_32x32.mat",
            64_275_384,
            "cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b",
        ),
    ],
    train_counts: ClassCounts::Listed(&[
        4_948, 13_861, 10_585, 8_497, 7_458, 6_882, 5_727, 5_595, 5_045, 4_659,
    ]),
    test_counts: ClassCounts::Listed(&[
        1_744, 5_099, 4_149, 2_882, 2_523, 2_384, 1_977, 2_019, 1_660, 1_595,
    ]),
    licence: "for non-commercial use only",
    citation: "Y. Netzer, T. Wang, A. Coates, A. Bissacco, B. Wu, A. Y. Ng: Reading Digits in Natural Images with Unsupervised Feature Learning. NIPS Workshop on Deep Learning, 2011",
};
