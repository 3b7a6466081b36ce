//! Toward a normal distribution by a power transform with a rate of its own for each set of numbers (Eftekhari, Papyan,
//! ICML 2025, arXiv:2505.00685).
//!
//! With x standardized, σ = sign x (1 at 0), and h = |x|, the transform of Yeo and Johnson with rate λ is
//! y = σ·((1 + h)^η − 1)/η, η = 1 + σ(λ − 1), and σ·ln(1 + h) at η = 0; λ = 1 is the identity. λ is one step of Newton's
//! method from 1 toward the largest likelihood of y as a normal variable.

use tch::{Kind, Tensor};

use super::Pass;
use crate::options::{OptionSpec, Options};

/// ε of the variance; its root keeps Newton's step and η off 0.
pub const EPS: OptionSpec = OptionSpec::number("eps", 1e-5, 1e-12, 1.0)
    .help("ε, added to the variance; its root is added to divisors of the transform");

/// Whether noise is added.
pub const NOISE: OptionSpec =
    OptionSpec::flag("noisy", false).help("the authors' noise behind the transform, in training");

/// How much.
pub const NOISE_FACTOR: OptionSpec = OptionSpec::number("noise_factor", 0.0, 0.0, 100.0)
    .help("ξ, the noise's deviation in units of the mean absolute deviation; 0 takes the authors': 1 for a layer, 0.4 elsewhere");

/// The transform.
#[derive(Debug, Clone, Copy)]
pub struct Gaussianizer {
    /// √ε.
    root_eps: f64,
    /// ξ; 0 for none.
    noise: f64,
}

/// The mean over `axes`, which stay with extent 1.
fn mean(x: &Tensor, axes: &[i64]) -> Tensor {
    x.mean_dim(axes, true, None::<Kind>)
}

/// σ, |x| and ln(1 + |x|). |x| is made as σ·x, whose derivative at 0 is 1.
fn parts(x: &Tensor) -> (Tensor, Tensor, Tensor) {
    let sign = x.detach().ge(0.0).to_kind(x.kind()) * 2.0 - 1.0;
    let size = x * &sign;
    let log = size.log1p();
    (sign, size, log)
}

impl Gaussianizer {
    /// By the options [`EPS`], [`NOISE`] and [`NOISE_FACTOR`], with the authors' ξ where none is given.
    pub fn of(options: &Options, authors_noise: f64) -> Gaussianizer {
        let factor = match options.number("noise_factor") {
            0.0 => authors_noise,
            factor => factor,
        };
        Gaussianizer {
            root_eps: options.number("eps").sqrt(),
            noise: match options.flag("noisy") {
                true => factor,
                false => 0.0,
            },
        }
    }

    /// λ of standardized numbers, estimated over `axes`, which stay with extent 1.
    pub fn rate(&self, x: &Tensor, axes: &[i64]) -> Tensor {
        let (sign, size, log) = parts(x);
        let grown = (&size + 1.0) * &log;
        // y ≈ x + (λ − 1)·first + (λ − 1)²/2·second.
        let first = &grown - &size;
        let second = &sign * (&grown * &log - &first * 2.0);
        let slope = mean(&(x * &first), axes) * 2.0;
        let squared = (&first - mean(&first, axes)).square();
        let curvature = mean(&(x * second + squared), axes) * 2.0;
        let gradient = &slope * 0.5 - mean(&(sign * log), axes);
        let hessian = (curvature - slope.square()) * 0.5;
        gradient / (hessian + self.root_eps) * -1.0 + 1.0
    }

    /// y for the rate λ.
    pub fn transform(&self, x: &Tensor, rate: &Tensor) -> Tensor {
        let (sign, _, log) = parts(x);
        let eta = &sign * (rate - 1.0) + 1.0;
        let outward = eta.detach().ge(0.0).to_kind(x.kind()) * 2.0 - 1.0;
        let is_small = eta.detach().abs().le(self.root_eps);
        // Where it is not used it must be harmless.
        let eta = (eta + outward * self.root_eps).masked_fill(&is_small, 1.0);
        let power = (&eta * &log).expm1() / eta;
        sign * log.where_self(&is_small, &power)
    }

    /// y with noise in training: ξ·mean|y − mean y|·z, z ~ N(0, 1) for each number. The factor has no gradient.
    pub fn with_noise(&self, y: Tensor, axes: &[i64], pass: &Pass) -> Tensor {
        if self.noise == 0.0 || !pass.training() {
            return y;
        }
        let still = y.detach();
        let spread = mean(&(&still - mean(&still, axes)).abs(), axes) * self.noise;
        y + pass.normal(&still.size(), &still) * spread
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::init;
    use crate::streams::{Purpose, stream};
    use tch::Device;

    const PLAIN: Gaussianizer = Gaussianizer {
        root_eps: 1e-9,
        noise: 0.0,
    };

    fn number(value: f64) -> Tensor {
        Tensor::from_slice(&[value])
    }

    #[test]
    fn it_is_the_transform_of_yeo_and_johnson() {
        let at = |x: f64, rate: f64| {
            PLAIN
                .transform(&number(x), &number(rate))
                .double_value(&[0])
        };
        for x in [-2.0, -0.3, 0.0, 0.7, 3.0] {
            assert!((at(x, 1.0) - x).abs() < 1e-8, "{x}");
        }
        // ln(1 + x) for λ = 0 above, and −ln(1 − x) for λ = 2 below.
        assert!((at(3.0, 0.0) - 4f64.ln()).abs() < 1e-8);
        assert!((at(-3.0, 2.0) + 4f64.ln()).abs() < 1e-8);
        assert!((at(3.0, 2.0) - 7.5).abs() < 1e-6);
        assert!((at(-3.0, 0.0) + 7.5).abs() < 1e-6);
    }

    #[test]
    fn a_skewed_sample_gets_straighter_and_a_normal_one_is_left_alone() {
        let z = init::standard_normal(&[1, 4000], &mut stream(1, Purpose::Probe, 0));
        let standardized = |x: &Tensor| {
            let mean = x.mean_dim([1].as_slice(), true, None::<Kind>);
            let std = x.std_dim([1].as_slice(), false, true);
            (x - mean) / std
        };
        let skewness = |x: &Tensor| standardized(x).pow_tensor_scalar(3).mean(Kind::Double);
        let normal = standardized(&z);
        let rate = PLAIN.rate(&normal, &[1]).double_value(&[0, 0]);
        assert!((rate - 1.0).abs() < 0.05, "{rate}");
        let skewed = standardized(&(&z * 0.5).exp());
        let rate = PLAIN.rate(&skewed, &[1]);
        assert!(rate.double_value(&[0, 0]) < 0.9);
        let straight = PLAIN.transform(&skewed, &rate);
        let (before, after) = (skewness(&skewed), skewness(&straight));
        assert!(after.double_value(&[]).abs() < 0.6 * before.double_value(&[]));
    }

    #[test]
    fn zeros_stay_zeros_and_pass_their_gradient() {
        let given = Gaussianizer {
            root_eps: 1e-5f64.sqrt(),
            noise: 0.0,
        };
        let x = Tensor::zeros([2, 5], (Kind::Double, Device::Cpu)).set_requires_grad(true);
        let rate = given.rate(&x, &[1]);
        assert_eq!((&rate - 1.0).abs().max().double_value(&[]), 0.0);
        let y = given.transform(&x, &rate);
        assert_eq!(y.abs().max().double_value(&[]), 0.0);
        let gradient = &Tensor::run_backward(&[y.sum(Kind::Double)], &[&x], false, false)[0];
        assert!((gradient - 1.0).abs().max().double_value(&[]) < 1e-12);
    }

    #[test]
    fn noise_has_the_deviation_asked_for_and_none_in_evaluation() {
        let noisy = Gaussianizer {
            root_eps: 1e-3,
            noise: 0.4,
        };
        let y = init::standard_normal(&[3, 40_000], &mut stream(2, Purpose::Probe, 0)) * 2.0;
        let made = noisy.with_noise(y.copy(), &[1], &Pass::train(0, 0)) - &y;
        let expected = (&y - mean(&y, &[1]))
            .abs()
            .mean_dim([1].as_slice(), false, None::<Kind>);
        let found = made.std_dim([1].as_slice(), false, false) / expected / 0.4;
        assert!((found - 1.0).abs().max().double_value(&[]) < 0.02);
        assert_eq!(noisy.with_noise(y.copy(), &[1], &Pass::eval()), y);
    }
}
