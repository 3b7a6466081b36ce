//! Weight normalization of an LSTM: w_o = g_o v_o/‖v_o‖ for every row of W_x and of W_h.
//!
//! The gains start at the lengths of the orthogonal start's rows, so the cell starts as one without a method.

use anyhow::Result;
use tch::Tensor;

use crate::methods::descriptor::Recurrent;
use crate::nn::{Builder, Layer, Lstm, LstmBlock, LstmCell, init};
use crate::options::Options;

/// How it serves an LSTM.
pub const RECURRENT: Recurrent = Recurrent {
    build,
    learning_rate_at_50: 0.1,
};

fn build(block: &LstmBlock, _options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    Lstm::build(block, builder, |start, builder| {
        Ok(WeightNormCell {
            input_length: builder.gain("g_input", init::row_norms(&start.input))?,
            state_length: builder.gain("g_state", init::row_norms(&start.state))?,
        })
    })
}

struct WeightNormCell {
    /// g of W_x, `[4H]`.
    input_length: Tensor,
    /// g of W_h, `[4H]`.
    state_length: Tensor,
}

impl LstmCell for WeightNormCell {
    fn only_makes_weights(&self) -> bool {
        true
    }

    fn kernels(&self, input: &Tensor, state: &Tensor) -> (Tensor, Tensor) {
        let rows = |direction: &Tensor, length: &Tensor| {
            Tensor::internal_weight_norm(direction, &length.view([-1, 1]), 0)
        };
        let input = rows(input, &self.input_length);
        (input, rows(state, &self.state_length))
    }
}

#[cfg(test)]
mod tests {
    use crate::methods::conformance;
    use crate::nn::Pass;

    #[test]
    fn it_starts_as_the_plain_cell_and_lengths_of_rows_do_not_matter() {
        let x = conformance::gaussian(&[9, 1, 7, 5], 2);
        let (own, plain) = (
            conformance::lstm_network("weight-norm", "", 3),
            conformance::lstm_network("none", "", 3),
        );
        let last = |net: &crate::nn::network::Network| {
            net.blocks[0]
                .layer
                .forward(&net.input(&x), &Pass::eval())
                .value()
        };
        assert!(conformance::gap(&last(&own), &last(&plain)) < 1e-12);
        for name in ["lstm.weight_input", "lstm.weight_state"] {
            conformance::set(
                &own,
                name,
                &(own.parameters.get(name).unwrap().detach() * 3.0),
            );
        }
        assert!(conformance::gap(&last(&own), &last(&plain)) < 1e-12);
        conformance::set(
            &own,
            "lstm.g_input",
            &(own.parameters.get("lstm.g_input").unwrap().detach() * 2.0),
        );
        assert!(conformance::gap(&last(&own), &last(&plain)) > 1e-3);
    }
}
