//! The long short-term memory layer (Hochreiter, Schmidhuber, 1997), its cell open to normalization.
//!
//! It reads a sequence x_1 … x_T and hands on its last state h_T. From i, f, o, g = W_x x_t + W_h h_{t−1} + b:
//! c_t = σ(i) tanh(g) + σ(f) c_{t−1},  h_t = σ(o) tanh(c_t),  c_0 = h_0 = 0.
//!
//! Rows of W_x `[4H, I]` and W_h `[4H, H]` are in the order i, f, o, g. Each gate's block starts orthogonal,
//! made from the block's directions; biases, the forget gate's too, start at 0.

use anyhow::Result;
use tch::Tensor;

use super::{Builder, Layer, LstmBlock, Pass, Signal, init};

/// What a method does to the cell. Every function leaves things alone unless a method says otherwise.
pub trait LstmCell {
    /// The W_x and W_h that this pass uses, made from the trained ones.
    fn kernels(&self, input: &Tensor, state: &Tensor) -> (Tensor, Tensor) {
        (input.shallow_clone(), state.shallow_clone())
    }

    /// Whether making the weights is all that it does.
    fn only_makes_weights(&self) -> bool {
        false
    }

    /// What becomes of W_x x, `[N, T, 4H]`.
    fn normalize_input(&self, product: Tensor) -> Tensor {
        product
    }

    /// What becomes of W_h h, `[N, 4H]`.
    fn normalize_state(&self, product: Tensor) -> Tensor {
        product
    }

    /// What the tanh behind the cell sees of c, `[N, H]`.
    fn read(&self, cell: &Tensor) -> Tensor {
        cell.shallow_clone()
    }

    /// What becomes of h.
    fn output(&self, state: Tensor) -> Tensor {
        state
    }

    /// As [`Layer::after_step`], on the trained W_x and W_h.
    fn after_step(&self, _input: &Tensor, _state: &Tensor) {}
}

/// The cell without a method.
pub struct PlainCell;

impl LstmCell for PlainCell {
    fn only_makes_weights(&self) -> bool {
        true
    }
}

/// Reads `[N, T, I]`, hands on `[N, H]`.
pub struct Lstm<C> {
    hidden: i64,
    input: Tensor,
    state: Tensor,
    bias: Tensor,
    cell: C,
}

/// W_x and W_h as they start.
pub struct Start {
    /// W_x, `[4H, I]`.
    pub input: Tensor,
    /// W_h, `[4H, H]`.
    pub state: Tensor,
    /// H.
    pub hidden: i64,
}

impl<C: LstmCell + 'static> Lstm<C> {
    /// Builds it with the cell that `make` makes, which may change how the weights start.
    pub fn build(
        block: &LstmBlock,
        builder: &mut Builder,
        make: impl FnOnce(&mut Start, &mut Builder) -> Result<C>,
    ) -> Result<Box<dyn Layer>> {
        let (inputs, hidden) = (block.inputs, block.hidden);
        let directions = builder.direction();
        let gates = |first, count| -> Tensor {
            let blocks = directions.narrow(1, first, count).chunk(4, 0);
            Tensor::cat(&blocks.iter().map(init::orthogonal).collect::<Vec<_>>(), 0)
        };
        let mut start = Start {
            input: gates(0, inputs),
            state: gates(inputs, hidden),
            hidden,
        };
        let cell = make(&mut start, builder)?;
        Ok(Box::new(Lstm {
            hidden,
            input: builder.weight("weight_input", start.input)?,
            state: builder.weight("weight_state", start.state)?,
            bias: builder.shift("bias", builder.filled(4 * hidden, 0.0))?,
            cell,
        }))
    }
}

impl<C: LstmCell> Layer for Lstm<C> {
    fn pre_activation(&self, input: &Signal, _pass: &Pass) -> Tensor {
        let x = input.value();
        let (from_input, from_state) = self.cell.kernels(&self.input, &self.state);
        let driven = self
            .cell
            .normalize_input(x.linear(&from_input, None::<Tensor>))
            + &self.bias;
        let size = [x.size()[0], self.hidden];
        let mut state = Tensor::zeros(size, (x.kind(), x.device()));
        let mut cell = state.shallow_clone();
        for driven in driven.unbind(1) {
            let recurrent = self
                .cell
                .normalize_state(state.linear(&from_state, None::<Tensor>));
            let gates = (driven + recurrent).chunk(4, 1);
            cell = gates[0].sigmoid() * gates[3].tanh() + gates[1].sigmoid() * cell;
            state = self
                .cell
                .output(gates[2].sigmoid() * self.cell.read(&cell).tanh());
        }
        state
    }

    fn post_activation(&self, pre: Tensor, _pass: &Pass) -> Signal {
        Signal::plain(pre)
    }

    fn plain_lstm(&self) -> Option<[Tensor; 3]> {
        let (input, state) = self.cell.kernels(&self.input, &self.state);
        let bias = self.bias.shallow_clone();
        self.cell
            .only_makes_weights()
            .then_some([input, state, bias])
    }

    fn after_step(&self) {
        self.cell.after_step(&self.input, &self.state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::init::standard_normal;
    use crate::nn::network::Network;
    use crate::nn::networks;
    use crate::nn::node::Node;
    use crate::nn::plain;
    use crate::streams::{Purpose, stream};
    use tch::{Device, Kind};

    fn gaussian(shape: &[i64], seed: u64) -> Tensor {
        standard_normal(shape, &mut stream(seed, Purpose::Probe, 0))
    }

    fn gap(a: &Tensor, b: &Tensor) -> f64 {
        (a - b).abs().max().double_value(&[])
    }

    fn network() -> Network {
        let build = |node: &Node, builder: &mut Builder| match node {
            Node::Lstm(lstm) => Lstm::build(lstm, builder, |_, _| Ok(PlainCell)),
            Node::Block(block) => plain::build(block, builder),
        };
        Network::build(
            networks::lstm(5, 6, 3),
            &build,
            1,
            Kind::Double,
            Device::Cpu,
        )
        .unwrap()
    }

    #[test]
    fn it_equals_torchs_lstm() {
        let net = network();
        let get = |name: &str| net.parameters.get(name).unwrap();
        tch::no_grad(|| get("lstm.bias").shallow_clone().copy_(&gaussian(&[24], 7)));
        // torch orders the gates i, f, g, o.
        let reorder = |t: &Tensor| {
            let parts = t.chunk(4, 0);
            Tensor::cat(&[&parts[0], &parts[1], &parts[3], &parts[2]], 0)
        };
        let weights =
            ["lstm.weight_input", "lstm.weight_state", "lstm.bias"].map(|name| reorder(get(name)));
        let [input, state, bias] = &weights;
        let zeros = Tensor::zeros([1, 4, 6], (Kind::Double, Device::Cpu));
        let x = gaussian(&[4, 7, 5], 2);
        let none = bias.zeros_like();
        let (_, last, _) = x.lstm(
            &[&zeros, &zeros],
            &[input, state, bias, &none],
            true,
            1,
            0.0,
            false,
            false,
            true,
        );
        let own = net.blocks[0]
            .layer
            .forward(&Signal::plain(x), &Pass::eval());
        assert!(gap(&own.value(), &last.get(0)) < 1e-12);
    }

    #[test]
    fn images_are_read_row_by_row_with_their_channels_side_by_side() {
        let net = network();
        let images = gaussian(&[2, 3, 4, 5], 1);
        let read = net.input(&images).value();
        assert_eq!(read.size(), [2, 4, 15]);
        assert_eq!(
            read.get(1).get(2).narrow(0, 5, 5),
            images.get(1).get(1).get(2)
        );
    }

    #[test]
    fn every_gate_starts_orthogonal() {
        let net = network();
        let get = |name: &str| net.parameters.get(name).unwrap();
        let identity = |size: i64| Tensor::eye(size, (Kind::Double, Device::Cpu));
        for (input, state) in get("lstm.weight_input")
            .chunk(4, 0)
            .iter()
            .zip(get("lstm.weight_state").chunk(4, 0))
        {
            assert!(gap(&input.tr().matmul(input), &identity(5)) < 1e-12);
            assert!(gap(&state.tr().matmul(&state), &identity(6)) < 1e-12);
        }
        let wide = init::orthogonal(&gaussian(&[3, 5], 1));
        assert!(gap(&wide.matmul(&wide.tr()), &identity(3)) < 1e-12);
    }
}
