//! Layer normalization of an LSTM (Ba, Kiros, Hinton 2016, the paper's supplement):
//! i, f, o, g = LN(W_x x_t; γ_x) + LN(W_h h_{t−1}; γ_h) + b,  h_t = σ(o) tanh(LN(c_t; γ_c, β_c)).
//!
//! One statistic over the products of all four gates, as there; the shifts of the first two are b.

use anyhow::Result;
use tch::Tensor;

use crate::methods::descriptor::Recurrent;
use crate::nn::{Builder, Layer, Lstm, LstmBlock, LstmCell};
use crate::options::Options;
use crate::usage;

/// How it serves an LSTM.
pub const RECURRENT: Recurrent = Recurrent {
    build,
    learning_rate_at_50: 0.1,
};

fn build(block: &LstmBlock, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    if options.count("project_every") > 0 {
        return Err(usage!(
            "method.project_every is for layers whose normalization follows their weights alone, not for an LSTM; leave it out"
        ));
    }
    let eps = options.number("eps");
    Lstm::build(block, builder, |start, builder| {
        let units = start.hidden;
        let gates = builder.filled(4 * units, 1.0);
        Ok(LayerNormCell {
            input_gain: builder.gain("gamma_input", gates.copy())?,
            state_gain: builder.gain("gamma_state", gates)?,
            cell_gain: builder.gain("gamma_cell", builder.filled(units, 1.0))?,
            cell_shift: builder.shift("beta_cell", builder.filled(units, 0.0))?,
            eps,
        })
    })
}

struct LayerNormCell {
    /// γ_x, `[4H]`.
    input_gain: Tensor,
    /// γ_h, `[4H]`.
    state_gain: Tensor,
    /// γ_c, `[H]`.
    cell_gain: Tensor,
    /// β_c, `[H]`.
    cell_shift: Tensor,
    eps: f64,
}

impl LayerNormCell {
    fn over_units(&self, x: &Tensor, gain: &Tensor, shift: Option<&Tensor>) -> Tensor {
        x.layer_norm(gain.size(), Some(gain), shift, self.eps, false)
    }
}

impl LstmCell for LayerNormCell {
    fn normalize_input(&self, product: Tensor) -> Tensor {
        self.over_units(&product, &self.input_gain, None)
    }

    fn normalize_state(&self, product: Tensor) -> Tensor {
        self.over_units(&product, &self.state_gain, None)
    }

    fn read(&self, cell: &Tensor) -> Tensor {
        self.over_units(cell, &self.cell_gain, Some(&self.cell_shift))
    }
}

#[cfg(test)]
mod tests {
    use crate::methods::conformance;
    use crate::nn::Pass;
    use tch::{Kind, Tensor};

    fn standardized(x: &Tensor) -> Tensor {
        let centered = x - x.mean_dim([1].as_slice(), true, Kind::Double);
        let variance = centered
            .square()
            .mean_dim([1].as_slice(), true, Kind::Double);
        centered / (variance + 1e-5).sqrt()
    }

    #[test]
    fn two_steps_equal_the_formula() {
        let net = conformance::lstm_network("layer-norm", "", 3);
        let get = |name: &str| net.parameters.get(name).unwrap().detach();
        conformance::set(&net, "lstm.gamma_state", &conformance::gaussian(&[24], 4));
        conformance::set(&net, "lstm.beta_cell", &conformance::gaussian(&[6], 5));
        let x = conformance::gaussian(&[9, 1, 2, 5], 2);
        let mut state = Tensor::zeros([9, 6], (Kind::Double, tch::Device::Cpu));
        let mut cell = state.copy();
        for step in 0..2 {
            let input = x
                .select(2, step)
                .flatten(1, -1)
                .matmul(&get("lstm.weight_input").tr());
            let recurrent = standardized(&state.matmul(&get("lstm.weight_state").tr()))
                * get("lstm.gamma_state");
            let gates = (standardized(&input) + recurrent).chunk(4, 1);
            cell = gates[0].sigmoid() * gates[3].tanh() + gates[1].sigmoid() * cell;
            state = gates[2].sigmoid() * (standardized(&cell) + get("lstm.beta_cell")).tanh();
        }
        let own = net.blocks[0]
            .layer
            .forward(&net.input(&x), &Pass::eval())
            .value();
        assert!(conformance::gap(&own, &state) < 1e-10);
    }
}
