//! Residual networks: their size, their sums, and every method in them.

mod custom_backward;
mod declared;
mod estimates;
#[path = "../common/golden.rs"]
mod golden;
mod goldens;
mod invariance;
#[path = "../common/networks.rs"]
mod networks;
mod options;
mod placement;
mod sizes;
mod training;

use normprop::methods::{self, Descriptor, METHODS};
use normprop::moments::Activation;
use normprop::nn::{Network, NetworkKind, Node};

use networks::{built, built_in, disturb, gap, get, largest, network, nodes, numbers, set};

/// ResNet-8 with a quarter of the channels, in every order and with every shortcut.
const SMALL: [&str; 4] = [
    "order = \"v2\"\nshortcut = \"B\"\ndepth = 8\nwidth = 0.25",
    "order = \"v2\"\nshortcut = \"A\"\ndepth = 8\nwidth = 0.25",
    "order = \"v1\"\nshortcut = \"B\"\ndepth = 8\nwidth = 0.25",
    "order = \"v1\"\nshortcut = \"A\"\ndepth = 8\nwidth = 0.25",
];

/// A [`SMALL`] network under a method of this name, on images of two channels and side 8.
fn small(keys: &str, method: &str, options: &str) -> Network {
    let method = methods::find(method).unwrap();
    network("resnet", keys, method, options, (2, 8)).unwrap()
}

/// Every method with the nodes of every [`SMALL`] network that it serves, and what each is in words.
fn each_served(
    image: (i64, i64),
    activation: Activation,
) -> impl Iterator<Item = (&'static Descriptor, Vec<Node>, String)> {
    let pairs = METHODS
        .iter()
        .flat_map(|method| SMALL.map(|keys| (*method, keys)));
    let of_pairs = pairs.map(move |(method, keys)| {
        let what = format!("{} {keys:?}", method.name);
        (method, nodes("resnet", keys, image, activation), what)
    });
    of_pairs.filter(|(method, nodes, _)| method.serves(NetworkKind::of(&nodes[0])))
}

/// The networks of these with ReLU, on images of two channels and side 8.
fn each_small() -> impl Iterator<Item = (&'static Descriptor, Network, String)> {
    each_with(|_| "")
}

/// The same without noise: what an image gives then depends on no number drawn for another.
fn each_quiet() -> impl Iterator<Item = (&'static Descriptor, Network, String)> {
    each_with(|method| match method.has_option("noisy") {
        true => "noisy = false",
        false => "",
    })
}

fn each_with(
    options: fn(&Descriptor) -> &'static str,
) -> impl Iterator<Item = (&'static Descriptor, Network, String)> {
    each_served((2, 8), Activation::Relu).map(move |(method, nodes, what)| {
        let built = built(nodes, method, options(method));
        let network = built.unwrap_or_else(|error| panic!("{what}: {error}"));
        (method, network, what)
    })
}
