//! Floating-point operations of a network, counted from its nodes.
//!
//! Only linear operations count, a multiplication and an addition as two. Forward, for one image:
//! 2 · outputs · fan-in · positions, where a convolution has a position for each number of an output map and a
//! dense layer one; an LSTM of H units on T rows of I numbers has 2 · 4H · (I + H) · T.
//! Backward: the gradient of the weights costs as much again, and so does that of the inputs, which the first
//! block does not need (of an LSTM's inputs, then, only those that are its state).
//!
//! Activations, pools, normalization and the optimizer are left out on purpose: what a method does beside the
//! network's own work must not make it look busier.

use super::{LinearOp, Node};

/// Operations on one image.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Flops {
    /// Of the forward pass.
    pub forward: f64,
    /// Of the backward pass.
    pub backward: f64,
}

impl Flops {
    /// Operations of a training step on one image.
    pub fn step(&self) -> f64 {
        self.forward + self.backward
    }
}

/// What `nodes` compute on one image of `height` × `width` pixels.
pub fn per_image<'n>(
    nodes: impl IntoIterator<Item = &'n Node>,
    height: usize,
    width: usize,
) -> Flops {
    let (mut height, mut width) = (height as i64, width as i64);
    let mut flops = Flops::default();
    for (index, node) in nodes.into_iter().enumerate() {
        let (forward, own_inputs) = match node {
            Node::Lstm(lstm) => {
                let sides = [4 * lstm.hidden, lstm.inputs + lstm.hidden, height];
                let state = lstm.hidden as f64 / (lstm.inputs + lstm.hidden) as f64;
                (product(&sides), state)
            }
            Node::Block(block) => {
                let positions = match block.op {
                    LinearOp::Conv {
                        kernel,
                        padding,
                        stride,
                        ..
                    } => {
                        // A shortcut's maps end as large as its branch's, which come before it.
                        if !node.acts_on_shortcut() {
                            let made = |side| (side + 2 * padding - kernel) / stride + 1;
                            (height, width) = (made(height), made(width));
                        }
                        height * width
                    }
                    LinearOp::Dense { .. } => 1,
                    LinearOp::Identity { .. } => 0,
                };
                if let Some(pool) = block.pool {
                    (height, width) = (pool.pooled(height), pool.pooled(width));
                }
                (
                    product(&[block.op.outputs(), block.op.fan_in(), positions]),
                    0.0,
                )
            }
        };
        let inputs_share = if index == 0 { own_inputs } else { 1.0 };
        flops.forward += 2.0 * forward;
        flops.backward += 2.0 * forward * (1.0 + inputs_share);
    }
    flops
}

fn product(factors: &[i64]) -> f64 {
    factors.iter().map(|&factor| factor as f64).product()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moments::Activation;
    use crate::nn::networks::{find, lstm, network_in_network, perceptron};
    use crate::nn::{Builder, Network, Pass, Task, plain};
    use tch::{Device, Kind, Tensor};

    #[test]
    fn nin_of_width_one_equals_the_sum_by_hand() {
        let nodes = network_in_network(1, 10, 1.0, Activation::Relu);
        let flops = per_image(&nodes, 28, 28);
        // Multiplications: on 28 × 28 = 784 positions 192·25 + 160·192 + 96·160, on 14 × 14 = 196 positions
        // 192·2400 + 2·192·192, on 7 × 7 = 49 positions 192·1728 + 192·192 + 10·192.
        let forward = 2.0 * (784.0 * 50_880.0 + 196.0 * 534_528.0 + 49.0 * 370_560.0);
        assert_eq!(forward, 325_629_696.0);
        assert_eq!(flops.forward, forward);
        assert_eq!(flops.backward, 2.0 * forward - 2.0 * 784.0 * 4_800.0);
        assert_eq!(flops.step(), 969_362_688.0);
    }

    #[test]
    fn perceptron_and_lstm_equal_the_sums_by_hand() {
        let nodes = perceptron(784, 10, &[256, 128], Activation::Relu);
        let flops = per_image(&nodes, 28, 28);
        assert_eq!(flops.forward, 2.0 * (200_704.0 + 32_768.0 + 1_280.0));
        assert_eq!(
            flops.backward,
            2.0 * (200_704.0 + 2.0 * 32_768.0 + 2.0 * 1_280.0)
        );
        let flops = per_image(&lstm(28, 100, 10), 28, 28);
        assert_eq!(flops.forward, 2.0 * (28.0 * 400.0 * 128.0 + 1000.0));
        // Weights: all of it again; state: the 100 of 128 columns that belong to it; logits twice.
        let lstm = 28.0 * 400.0 * (128.0 + 100.0);
        assert!((flops.backward - 2.0 * (lstm + 2000.0)).abs() < 1e-6);
    }

    #[test]
    fn sizes_are_those_of_the_tensors() {
        let nodes = network_in_network(3, 10, 0.05, Activation::Relu);
        let mut x = Tensor::zeros([1, 3, 32, 30], (Kind::Float, Device::Cpu));
        let mut multiplications = 0;
        for block in nodes.iter().filter_map(Node::block) {
            let weight = Tensor::zeros(block.op.weight_shape(), (Kind::Float, Device::Cpu));
            x = block.op.apply(&x, &weight, None);
            multiplications += x.numel() * block.op.fan_in() as usize;
            if let Some(pool) = &block.pool {
                x = pool.apply(&x);
            }
        }
        assert_eq!(
            per_image(&nodes, 32, 30).forward,
            2.0 * multiplications as f64
        );
    }

    /// On maps of odd sides, in both orders, where a shortcut's convolution has a stride and where it is none.
    #[test]
    fn strides_and_shortcuts_count_as_the_network_computes_them() {
        let build = |node: &Node, builder: &mut Builder| {
            plain::build(node.block().expect("no recurrent layers"), builder)
        };
        let images = Tensor::zeros([1, 3, 15, 13], (Kind::Float, Device::Cpu));
        let task = Task {
            channels: 3,
            height: 15,
            width: 13,
            classes: 10,
            activation: Activation::Relu,
        };
        for keys in ["", "order = \"v1\"", "shortcut = \"A\""] {
            let descriptor = find("resnet").unwrap();
            let keys = descriptor.resolve(&keys.parse().unwrap()).unwrap();
            let nodes = (descriptor.build)(&keys, &task).unwrap();
            let counted = per_image(&nodes, 15, 13).forward;
            let network = Network::build(nodes, &build, 0, Kind::Float, Device::Cpu);
            let (network, pass) = (network.unwrap(), Pass::eval());
            let mut multiplications = 0;
            network.walk(
                &images,
                &pass,
                network.blocks.len(),
                |index, layer, signal| {
                    let op = network.blocks[index].node.block().unwrap().op;
                    let pre = layer.pre_activation(signal, &pass);
                    if !op.is_identity() {
                        multiplications += pre.numel() * op.fan_in() as usize;
                    }
                    layer.post_activation(pre, &pass)
                },
            );
            assert_eq!(counted, 2.0 * multiplications as f64, "{keys:?}");
        }
    }
}
