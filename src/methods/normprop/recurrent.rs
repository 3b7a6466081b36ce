//! Recurrent Normalization Propagation (Laurent, Ballas, Vincent, ICLR 2017 workshop).
//!
//! i, f, o, g = γ_x W_x x_t/‖W_x‖ + γ_h W_h h_{t−1}/‖W_h‖ + b, row by row; c_t = σ(i) tanh(g) + σ(f) c_{t−1};
//! h_t = σ(o) tanh(γ_c c_t/√Var c)/√Var h. Var c and Var h are numbers, computed from the gains at the start
//! (`crate::moments::cell_constants`) and kept from then on.

use anyhow::Result;
use tch::Tensor;

use super::constraint::Constraint;
use crate::methods::descriptor::Recurrent;
use crate::moments::{GateDeviation, cell_constants};
use crate::nn::{Builder, Layer, Lstm, LstmBlock, LstmCell, rows};
use crate::options::Options;

/// How it serves an LSTM.
pub const RECURRENT: Recurrent = Recurrent {
    build,
    learning_rate_at_50: 0.05,
};

fn build(block: &LstmBlock, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    let (gate_gain, cell_gain) = (options.number("gate_gain"), options.number("cell_gain"));
    let deviation = match options.choice("gate_variance") {
        "sum" => GateDeviation::Sum,
        _ => GateDeviation::Quadrature,
    };
    let constants = cell_constants(gate_gain, gate_gain, cell_gain, deviation);
    let constraint = Constraint::of(options);
    Lstm::build(block, builder, |start, builder| {
        start.input = rows::unit(&start.input, constraint.centers);
        start.state = rows::unit(&start.state, constraint.centers);
        let gates = builder.filled(4 * start.hidden, gate_gain);
        let cells = builder.filled(start.hidden, cell_gain);
        Ok(NormPropCell {
            input_gain: builder.gain("gamma_input", gates.copy())?,
            state_gain: builder.gain("gamma_state", gates)?,
            cell_gain: builder.gain("gamma_cell", cells)?,
            constraint,
            cell_std: constants.cell_variance.sqrt(),
            hidden_std: constants.hidden_variance.sqrt(),
        })
    })
}

struct NormPropCell {
    /// γ_x, `[4H]`.
    input_gain: Tensor,
    /// γ_h, `[4H]`.
    state_gain: Tensor,
    /// γ_c, `[H]`.
    cell_gain: Tensor,
    constraint: Constraint,
    /// √Var c.
    cell_std: f64,
    /// √Var h.
    hidden_std: f64,
}

impl LstmCell for NormPropCell {
    fn kernels(&self, input: &Tensor, state: &Tensor) -> (Tensor, Tensor) {
        let unit_rows = |weight| self.constraint.unit_rows(weight);
        let input = unit_rows(input) * self.input_gain.view([-1, 1]);
        let state = unit_rows(state) * self.state_gain.view([-1, 1]);
        (input, state)
    }

    fn read(&self, cell: &Tensor) -> Tensor {
        cell * (&self.cell_gain / self.cell_std)
    }

    fn output(&self, state: Tensor) -> Tensor {
        state / self.hidden_std
    }

    fn after_step(&self, input: &Tensor, state: &Tensor) {
        if !self.constraint.projects {
            return;
        }
        for weight in [input, state] {
            rows::make_all_unit(weight, self.constraint.centers);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::conformance;
    use crate::nn::Pass;
    use crate::nn::init;
    use tch::Kind;

    fn variance(t: &Tensor) -> f64 {
        t.var(false).double_value(&[])
    }

    #[test]
    fn constants_match_a_simulation_with_independent_gates() {
        // γ_x = γ_h = 2, γ_c = 1, 40 steps: the published tolerances are 2 % for Var c and 5 % for Var h.
        let constants = cell_constants(2.0, 2.0, 1.0, GateDeviation::Quadrature);
        let (count, gate_std) = (60_000, 8_f64.sqrt());
        let gate =
            |step: u64, which: u64| conformance::gaussian(&[count], 10 * step + which) * gate_std;
        let mut cell = conformance::gaussian(&[count], 9999) * 0.0;
        for step in 0..40 {
            cell = gate(step, 0).sigmoid() * gate(step, 1).tanh() + gate(step, 2).sigmoid() * cell;
        }
        let state = gate(40, 3).sigmoid() * (&cell / constants.cell_variance.sqrt()).tanh();
        assert!((variance(&cell) / constants.cell_variance - 1.0).abs() < 0.02);
        assert!((variance(&state) / constants.hidden_variance - 1.0).abs() < 0.05);
        let sum = cell_constants(2.0, 2.0, 1.0, GateDeviation::Sum);
        assert!((variance(&cell) / sum.cell_variance - 1.0).abs() > 0.1);
    }

    #[test]
    fn lengths_of_rows_do_not_matter_when_reparametrized() {
        let net = conformance::lstm_network("normprop", "constraint = \"reparametrize\"", 3);
        let x = conformance::gaussian(&[9, 1, 7, 5], 2);
        let before = net.logits(&x, &Pass::eval());
        for name in ["lstm.weight_input", "lstm.weight_state"] {
            let weight = net.parameters.get(name).unwrap();
            let factors =
                Tensor::linspace(0.5, 3.0, weight.size()[0], (Kind::Double, tch::Device::Cpu));
            conformance::set(&net, name, &(weight.detach() * factors.view([-1, 1])));
        }
        assert!(conformance::gap(&before, &net.logits(&x, &Pass::eval())) < 1e-9);
    }

    #[test]
    fn rows_start_at_unit_length_and_return_to_it_by_projection() {
        for (options, expected) in [("", 1.0), ("constraint = \"reparametrize\"", 2.0)] {
            let net = conformance::lstm_network("normprop", options, 3);
            for name in ["lstm.weight_input", "lstm.weight_state"] {
                let weight = net.parameters.get(name).unwrap();
                let ones = Tensor::ones([24], (Kind::Double, tch::Device::Cpu));
                assert!(conformance::gap(&init::row_norms(&weight.detach()), &ones) < 1e-9);
                conformance::set(&net, name, &(weight.detach() * 2.0));
                net.after_step();
                assert!(
                    conformance::gap(&init::row_norms(&weight.detach()), &(ones * expected)) < 1e-9
                );
            }
        }
    }

    #[test]
    fn constants_stay_when_gains_move_and_differ_between_the_two_rules() {
        let x = conformance::gaussian(&[9, 1, 1, 5], 2);
        let last = |options: &str, cell_gain: f64| {
            let net = conformance::lstm_network("normprop", options, 3);
            let gains = Tensor::full([6], cell_gain, (Kind::Double, tch::Device::Cpu));
            conformance::set(&net, "lstm.gamma_cell", &gains);
            net.blocks[0]
                .layer
                .forward(&net.input(&x), &Pass::eval())
                .value()
        };
        // One step, so c is known; h = σ(o) tanh(γ_c c/√Var c)/√Var h with the constants of the start.
        let net = conformance::lstm_network("normprop", "gate_gain = 2.0\ncell_gain = 1.0", 3);
        let get = |name: &str| net.parameters.get(name).unwrap();
        let gates = (x.flatten(1, -1).matmul(&get("lstm.weight_input").tr())
            * get("lstm.gamma_input"))
        .chunk(4, 1);
        let cell = gates[0].sigmoid() * gates[3].tanh();
        for (rule, deviation) in [
            ("quadrature", GateDeviation::Quadrature),
            ("sum", GateDeviation::Sum),
        ] {
            let constants = cell_constants(2.0, 2.0, 1.0, deviation);
            let expected = gates[2].sigmoid()
                * (&cell * 3.0 / constants.cell_variance.sqrt()).tanh()
                / constants.hidden_variance.sqrt();
            let options = format!("gate_variance = \"{rule}\"\ngate_gain = 2.0\ncell_gain = 1.0");
            assert!(
                conformance::gap(&last(&options, 3.0), &expected) < 1e-9,
                "{rule}"
            );
        }
    }

    #[test]
    fn gradients_are_right_with_every_option() {
        for options in [
            "constraint = \"both\"",
            "center_rows = true\nconstraint = \"reparametrize\"",
        ] {
            let net = conformance::lstm_network("normprop", options, 3);
            let (relative, at) =
                conformance::gradient_gap(&net, &conformance::gaussian(&[9, 1, 7, 5], 2));
            assert!(relative < 1e-6, "{options} {at}");
        }
    }
}
