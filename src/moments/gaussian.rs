//! The standard normal distribution: density, distribution function, its logarithm and its inverse.

use std::f64::consts::SQRT_2;

use statrs::function::erf::erfc_inv;

/// 1/√(2π), the height of the standard normal density at 0 and the mean of max(z, 0), z ~ N(0, 1).
pub const INVERSE_SQRT_TAU: f64 = 0.398_942_280_401_432_7;

/// ½ ln(2π).
const HALF_LN_TAU: f64 = 0.918_938_533_204_672_8;

/// Where the series around 0 gives way to the continued fraction of the tail.
const TAIL: f64 = 1.5;

/// Standard normal density φ(x) = e^(−x²/2)/√(2π).
pub fn density(x: f64) -> f64 {
    INVERSE_SQRT_TAU * (-0.5 * x * x).exp()
}

/// Standard normal distribution function Φ(x) = P(z ≤ x), to a few units in the last place, in the lower
/// tail too.
///
/// Written out here because the error functions of the crates at hand are good to 1e-11 only, which would
/// show in every constant built on them.
pub fn cumulative(x: f64) -> f64 {
    if x < -TAIL {
        density(x) * mills_ratio(-x)
    } else if x > TAIL {
        1.0 - density(x) * mills_ratio(x)
    } else {
        0.5 + density(x) * odd_series(x)
    }
}

/// (Φ(x) − ½)/φ(x) = x + x³/3 + x⁵/(3 · 5) + …, for |x| ≤ `TAIL`: 30 terms leave nothing to add.
fn odd_series(x: f64) -> f64 {
    let step = |(term, sum): (f64, f64), n: i32| {
        let term = term * x * x / f64::from(2 * n + 1);
        (term, sum + term)
    };
    (1..=30).fold((x, x), step).1
}

/// ln Φ(x) without underflow: finite for every finite `x`.
pub fn ln_cumulative(x: f64) -> f64 {
    if x > 0.0 {
        (-cumulative(-x)).ln_1p()
    } else if x > -TAIL {
        cumulative(x).ln()
    } else {
        -0.5 * x * x - HALF_LN_TAU + mills_ratio(-x).ln()
    }
}

/// Mills' ratio Φ(−x)/φ(x): the upper tail's probability over the density, close to 1/x for large `x`.
///
/// It overflows to infinity below about −38.
pub fn mills_ratio(x: f64) -> f64 {
    if x < TAIL {
        return cumulative(-x) / density(x);
    }
    // Laplace's continued fraction x + 1/(x + 2/(x + 3/(x + …))), from the inside out. Its error falls
    // like e^(−2x√(2n)) with the number n of terms.
    let terms = 20 + (400.0 / (x * x)) as u32;
    let fraction = (1..=terms).rev();
    1.0 / fraction.fold(x, |tail, term| x + f64::from(term) / tail)
}

/// Quantile function Φ⁻¹(p); −∞ at 0, ∞ at 1, NaN outside [0, 1].
pub fn quantile(p: f64) -> f64 {
    if !(0.0..=1.0).contains(&p) {
        return f64::NAN;
    }
    let rough = -SQRT_2 * erfc_inv(2.0 * p);
    if !rough.is_finite() {
        return rough;
    }
    // One Newton step, taken in the lower tail, where Φ keeps its relative accuracy.
    let step = if rough < 0.0 {
        (cumulative(rough) - p) / density(rough)
    } else {
        ((1.0 - p) - cumulative(-rough)) / density(rough)
    };
    if step.is_finite() {
        rough - step
    } else {
        rough
    }
}

/// The `count` midpoint quantiles Φ⁻¹((i + ½)/count), i = 0 … count − 1: a stratified stand-in for a
/// standard normal sample, as the proxy variable of Proxy Normalization uses it
/// (Labatie, Masters, Eaton-Rosen, Luschi, 2021, arXiv:2106.03743).
pub fn midpoint_quantiles(count: usize) -> Vec<f64> {
    (0..count)
        .map(|index| quantile((index as f64 + 0.5) / count as f64))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(got: f64, want: f64, relative: f64) {
        assert!(
            (got - want).abs() <= relative * want.abs(),
            "{got:e} is not {want:e}"
        );
    }

    // Reference values: mpmath at 40 digits.
    #[test]
    fn distribution_function_keeps_relative_accuracy_in_the_tail() {
        assert_eq!(cumulative(0.0), 0.5);
        close(cumulative(1.0), 0.841_344_746_068_542_9, 1e-15);
        close(cumulative(-1.0), 0.158_655_253_931_457_05, 1e-15);
        close(cumulative(-10.0), 7.619_853_024_160_526e-24, 1e-13);
        close(cumulative(-37.0), 5.725_571_222_524_577e-300, 1e-12);
        assert_eq!(cumulative(40.0), 1.0);
    }

    #[test]
    fn logarithm_is_finite_where_the_probability_underflows() {
        close(ln_cumulative(-1.0), -1.841_021_645_009_263_5, 1e-14);
        close(ln_cumulative(-5.0), -15.064_998_393_988_726, 1e-14);
        close(ln_cumulative(-40.0), -804.608_442_013_753_8, 1e-14);
        close(ln_cumulative(-1e4), -50_000_010.129_278_92, 1e-15);
        close(ln_cumulative(6.0), -9.865_876_455_243_757e-10, 1e-12);
        let (below, above) = (ln_cumulative(-TAIL - 1e-14), ln_cumulative(-TAIL + 1e-14));
        close(below, above, 5e-14);
    }

    #[test]
    fn mills_ratio_meets_itself_where_its_two_forms_join() {
        close(mills_ratio(0.0), 1.253_314_137_315_500_3, 1e-15);
        for x in [TAIL, 2.0, 2.5] {
            let series = (0.5 - density(x) * odd_series(x)) / density(x);
            close(mills_ratio(x), series, 1e-9);
        }
        let (below, above) = (mills_ratio(TAIL * (1.0 - 1e-15)), mills_ratio(TAIL));
        close(below, above, 2e-14);
        close(mills_ratio(20.0), 0.049_875_925_981_836_78, 1e-12);
        close(mills_ratio(1e8), 1e-8, 1e-14);
    }

    #[test]
    fn quantile_inverts_the_distribution_function() {
        for x in [-30.0, -8.0, -2.5, -1e-3, 0.0, 0.3, 1.0, 4.0] {
            let back = quantile(cumulative(x));
            assert!((back - x).abs() < 1e-11 * (1.0 + x.abs()), "{x}: {back}");
        }
        close(quantile(0.975), 1.959_963_984_540_054_2, 1e-15);
        close(quantile(1e-10), -6.361_340_902_404_056, 1e-14);
        assert_eq!(quantile(0.0), f64::NEG_INFINITY);
        assert_eq!(quantile(1.0), f64::INFINITY);
        assert!(quantile(-0.1).is_nan() && quantile(1.1).is_nan() && quantile(f64::NAN).is_nan());
    }

    #[test]
    fn two_hundred_midpoints_give_the_proxy_constants_of_relu() {
        let outputs: Vec<f64> = midpoint_quantiles(200).iter().map(|z| z.max(0.0)).collect();
        let mean = outputs.iter().sum::<f64>() / 200.0;
        let variance = outputs.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / 200.0;
        close(mean, 0.3984511734, 1e-9);
        close(variance, 0.3380347742, 1e-9);
        close(1.0 / (variance + 0.03).sqrt(), 1.648373304, 1e-9);
        assert!(midpoint_quantiles(0).is_empty());
    }
}
