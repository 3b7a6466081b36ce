//! Methods that are made for residual networks: their units against `scripts/goldens/residual_rivals.py`, their starts,
//! what moves in their first steps, and what every method promises.

#[path = "../common/golden.rs"]
mod golden;
#[path = "../common/networks.rs"]
mod networks;
mod promises;
mod starts;
mod units;

use std::sync::LazyLock;

use golden::tensor;
use networks::{built_in, disturb, gap, get, largest, numbers, set};
use normprop::methods;
use normprop::nn::Network;
use serde_json::Value;
use tch::{Device, Kind, Tensor};

static GOLDENS: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../goldens/residual_rivals.json")).unwrap()
});

const DOUBLE: (Kind, Device) = (Kind::Double, Device::Cpu);

/// The methods of this file, with the order that each serves.
const RIVALS: [(&str, &str); 3] = [("skipinit", "v2"), ("fixup", "v1"), ("idshort", "v2")];

/// A network for images of three channels.
fn network(
    model: &str,
    keys: &str,
    method: &str,
    options: &str,
    side: i64,
) -> anyhow::Result<Network> {
    networks::network(model, keys, methods::find(method)?, options, (3, side))
}

/// A ResNet-8 at a quarter of the width.
fn small(method: &str, order: &str, more: &str) -> Network {
    let keys = format!("depth = 8\nwidth = 0.25\norder = \"{order}\"\n{more}");
    network("resnet", &keys, method, "", 8).unwrap()
}

fn images(count: i64) -> Tensor {
    numbers(&[count, 3, 8, 8], 0)
}

fn labels() -> Tensor {
    Tensor::from_slice(&[1_i64, 4, 7, 2, 9])
}

fn value(network: &Network, name: &str) -> Tensor {
    get(network, name).detach().copy()
}
