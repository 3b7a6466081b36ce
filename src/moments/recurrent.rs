//! Constants of the normalized LSTM cell, "Recurrent Normalization Propagation" (Laurent, Ballas, Vincent,
//! ICLR 2017 workshop).
//!
//! The cell computes its gates from γₓ Ŵₓx + γₕ Ŵₕh + b with unit-norm rows, then
//! c ← σ(i) tanh(g) + σ(f) c and h = σ(o) tanh(γ_c c/√Var c)/√Var h. Var c and Var h are computed once.

use super::{Activation, moments_at};

/// How the standard deviation a of a gate's pre-activation follows from γₓ and γₕ.
///
/// The paper uses both: a sum where it derives the cell (equations 9 and 10), quadrature in its
/// appendix (equation 22). For an input and a state that are independent, quadrature is right.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GateDeviation {
    /// a = γₓ + γₕ.
    Sum,
    /// a = √(γₓ² + γₕ²).
    Quadrature,
}

impl GateDeviation {
    /// The standard deviation a ≥ 0 of a gate's pre-activation.
    pub fn of(self, input_gain: f64, state_gain: f64) -> f64 {
        match self {
            GateDeviation::Sum => (input_gain + state_gain).abs(),
            GateDeviation::Quadrature => input_gain.hypot(state_gain),
        }
    }
}

/// The constants of a normalized LSTM cell.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct CellConstants {
    /// Var c = Var tanh(a z) · E σ(a z)²/(1 − E σ(a z)²) for z ~ N(0, 1) and a the standard deviation of a gate's
    /// pre-activation: the limit of a geometric series over time.
    pub cell_variance: f64,
    /// Var h = Var tanh(γ_c z) · E σ(a z)².
    pub hidden_variance: f64,
}

/// The constants for gains γₓ, γₕ, γ_c. Not finite if a gain is not.
pub fn cell_constants(
    input_gain: f64,
    state_gain: f64,
    cell_gain: f64,
    deviation: GateDeviation,
) -> CellConstants {
    let gate_std = deviation.of(input_gain, state_gain);
    let candidate_variance = moments_at(Activation::Tanh, 0.0, gate_std).variance();
    let gate_second = moments_at(Activation::Sigmoid, 0.0, gate_std).second;
    let output_variance = moments_at(Activation::Tanh, 0.0, cell_gain).variance();
    CellConstants {
        cell_variance: candidate_variance * gate_second / (1.0 - gate_second),
        hidden_variance: output_variance * gate_second,
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::{FRAC_1_SQRT_2, SQRT_2};

    use super::*;

    /// (γ of input and state, γ of the cell, rule, [a, Var c, Var h]).
    type Row = (f64, f64, GateDeviation, [f64; 3]);

    // Adaptive quadrature in multiple precision, 10 digits.
    const ROWS: [Row; 6] = [
        (
            2.0,
            1.0,
            GateDeviation::Sum,
            [4.0, 0.5569487162, 0.1611936238],
        ),
        (
            2.0,
            1.0,
            GateDeviation::Quadrature,
            [2.0 * SQRT_2, 0.4480519278, 0.1498295155],
        ),
        (
            1.0,
            1.0,
            GateDeviation::Sum,
            [2.0, 0.3399237695, 0.1374406589],
        ),
        (
            1.0,
            1.0,
            GateDeviation::Quadrature,
            [SQRT_2, 0.2429208204, 0.1255508877],
        ),
        (
            0.5,
            0.5,
            GateDeviation::Sum,
            [1.0, 0.1637054989, 0.05090599887],
        ),
        (
            0.5,
            0.5,
            GateDeviation::Quadrature,
            [FRAC_1_SQRT_2, 0.1040044570, 0.04778229118],
        ),
    ];

    #[test]
    fn both_rules_give_the_published_constants() {
        for (gain, cell_gain, rule, want) in ROWS {
            let got = cell_constants(gain, gain, cell_gain, rule);
            let got = [rule.of(gain, gain), got.cell_variance, got.hidden_variance];
            for (got, want) in got.into_iter().zip(want) {
                assert!(
                    (got / want - 1.0).abs() < 5e-10,
                    "{gain} {rule:?}: {got} {want}"
                );
            }
        }
    }

    #[test]
    fn closed_gates_pass_nothing_on() {
        let still = cell_constants(0.0, 0.0, 0.0, GateDeviation::Quadrature);
        assert_eq!((still.cell_variance, still.hidden_variance), (0.0, 0.0));
        let unusable = cell_constants(f64::NAN, 1.0, 1.0, GateDeviation::Sum);
        assert!(unusable.cell_variance.is_nan());
    }

    #[test]
    fn the_sign_of_a_gain_does_not_matter_under_quadrature() {
        let plus = cell_constants(1.5, 0.5, 1.0, GateDeviation::Quadrature);
        let minus = cell_constants(-1.5, 0.5, -1.0, GateDeviation::Quadrature);
        assert_eq!(plus, minus);
    }
}
