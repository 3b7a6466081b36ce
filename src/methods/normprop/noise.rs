//! The noise that batch statistics would bring, without a batch (beyond the paper).
//!
//! Batch normalization disturbs what it normalizes: the mean and variance of n independent standard normal values are
//! themselves random, μ̂ ~ N(0, 1/n) and n·σ̂² ~ χ²_{n−1}, independent of each other. Shekhovtsov and Flach put noise of
//! that kind behind a deterministic normalization to get back what batch normalization's noise gives
//! ("Stochastic Normalizations as Bayesian Learning", ACCV 2018, arXiv:1811.00639). Here each unit's normalized
//! pre-activation z becomes (z − μ̂)/σ̂ in training, with one μ̂ and one σ̂ a unit and step. Since γ·(z − μ̂)/σ̂ + β =
//! (γ/σ̂)·z + (β − γ·μ̂/σ̂), it is worked into gain and shift and costs no pass over activations.
//!
//! The source, as far as it is remembered and was not read again, draws the mean's noise behind the scale and has a form
//! that is learned; here the noise is exactly what batch normalization does to n independent Gaussian values.

use anyhow::Result;
use tch::Tensor;

use crate::nn::Pass;
use crate::options::{OptionSpec, Options};
use crate::usage;

/// The option that turns it on.
pub const OPTION: OptionSpec = OptionSpec::count("noise_values", 0, 0, 1_000_000_000)
            .help("in training, disturb each unit as statistics of so many independent values would; 0: not (beyond the paper)");

/// E 1/σ̂² = n/(n − 3) is finite from here on.
const FEWEST: i64 = 4;

/// Disturbs gains and shifts in training.
#[derive(Debug)]
pub struct StatisticsNoise {
    /// n, how many values the statistics that are not taken would come from.
    values: i64,
}

impl StatisticsNoise {
    /// What the options ask for; none where they do not.
    pub fn of(options: &Options) -> Result<Option<StatisticsNoise>> {
        match options.count(OPTION.name) {
            0 => Ok(None),
            values if values < FEWEST => Err(usage!(
                "method.{} = {values}: the noise of so few values has no finite variance; give {FEWEST} or more, or 0 for no noise",
                OPTION.name
            )),
            values => Ok(Some(StatisticsNoise { values })),
        }
    }

    /// γ/σ̂ and β − γ·μ̂/σ̂ for fresh μ̂ and σ̂ of each unit, differentiable in γ and β.
    pub fn disturbed(&self, gamma: &Tensor, beta: &Tensor, pass: &Pass) -> (Tensor, Tensor) {
        let shape = gamma.size();
        let mean = pass.normal(&shape, gamma) / (self.values as f64).sqrt();
        let squares = pass.chi_squared((self.values - 1) as f64, &shape, gamma);
        let inverse_std = (squares / self.values as f64).rsqrt();
        let gain = gamma * inverse_std;
        let shift = beta - &gain * mean;
        (gain, shift)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::conformance::{conv_network, gap, gaussian, pre_activation, single};
    use crate::nn::block::LinearOp;
    use tch::Kind;

    const OP: LinearOp = LinearOp::Conv {
        inputs: 2,
        outputs: 4000,
        kernel: 1,
        padding: 0,
        stride: 1,
    };

    #[test]
    fn units_are_disturbed_as_statistics_of_so_many_values_would() {
        let n = 20.0;
        let quiet = single("normprop", "", OP);
        let noisy = single("normprop", "noise_values = 20", OP);
        let x = gaussian(&[4, 2, 6, 6], 2);
        let at = |network| pre_activation(network, &x);
        let center = |t: &Tensor| t.mean_dim([0, 2, 3].as_slice(), true, None::<Kind>);
        let (plain, disturbed) = (at(&quiet), at(&noisy));
        let (a, b) = (&plain - center(&plain), &disturbed - center(&disturbed));
        let factor = center(&(&a * &b)) / center(&a.square());
        assert!(gap(&b, &(&a * &factor)) < 1e-10, "one factor a unit");
        let number = |t: Tensor| t.double_value(&[]);
        // E σ̂² = (n − 1)/n; E 1/σ̂² = n/(n − 3).
        let variance = number(factor.pow_tensor_scalar(-2).mean(Kind::Double));
        assert!((variance - (n - 1.0) / n).abs() < 0.02, "{variance}");
        let inverse = number(factor.square().mean(Kind::Double));
        assert!((inverse - n / (n - 3.0)).abs() < 0.03, "{inverse}");
        // γ = 1/√J and z are the same in both: what is left is −γ·μ̂/σ̂, and 1/σ̂ is known.
        let shift = (center(&disturbed) - center(&plain) * &factor) / &factor;
        let gamma = quiet
            .parameters
            .get("layer.gamma")
            .unwrap()
            .double_value(&[0]);
        let std = number((shift / gamma).std(false));
        assert!((std - n.sqrt().recip()).abs() < 0.006, "{std}");
    }

    #[test]
    fn evaluation_has_no_noise_and_training_repeats_by_step() {
        let x = gaussian(&[5, 2, 8, 8], 2);
        let quiet = conv_network("normprop", "", 3);
        for constraint in ["project", "reparametrize"] {
            let options = format!("noise_values = 20\nconstraint = \"{constraint}\"");
            let noisy = conv_network("normprop", &options, 3);
            let evaluated =
                |network: &crate::nn::network::Network| network.logits(&x, &Pass::eval());
            assert!(gap(&evaluated(&noisy), &evaluated(&quiet)) < 1e-9);
            let at = |step| noisy.logits(&x, &Pass::train(5, step));
            assert_eq!(at(1), at(1));
            assert!(gap(&at(1), &at(2)) > 1e-3);
        }
    }

    #[test]
    fn fused_and_textbook_halves_draw_the_same_noise() {
        let network = conv_network("normprop", "noise_values = 20", 3);
        let x = gaussian(&[5, 2, 8, 8], 2);
        let pass = Pass::train(1, 1);
        let mut signal = network.input(&x);
        for built in &network.blocks {
            let pre = built.layer.pre_activation(&signal, &pass);
            signal = built.layer.post_activation(pre, &pass);
        }
        let textbook = network.pool_globally(signal);
        assert!(gap(&network.logits(&x, &Pass::train(1, 1)), &textbook) < 1e-10);
    }

    #[test]
    fn too_few_values_are_refused() {
        let of = |given: &str| {
            let given = given.parse().unwrap();
            StatisticsNoise::of(&super::super::DESCRIPTOR.resolve(&given).unwrap())
        };
        let error = of("noise_values = 3").unwrap_err().to_string();
        assert!(error.contains("give 4 or more"), "{error}");
        assert!(of("noise_values = 4").unwrap().is_some());
        assert!(of("").unwrap().is_none());
    }
}
