//! Numerical integration: an adaptive rule, for expectations under a Gaussian above all.

use std::num::NonZeroUsize;
use std::sync::LazyLock;

use gauss_quad::GaussLegendre;

use super::gaussian::density;

/// Points of the rule on one panel.
const POINTS: NonZeroUsize = NonZeroUsize::new(20).unwrap();

/// The rule on one panel of the adaptive rule.
static PANEL: LazyLock<GaussLegendre> = LazyLock::new(|| GaussLegendre::new(POINTS));

/// A panel is accepted once halving it changes its integral by less than this share of ∫ |f|.
const RELATIVE_TOLERANCE: f64 = 2e-15;

/// No panel is halved more often than this, and no integral looks at more panels than `PANEL_LIMIT`:
/// rounding noise in `f` must not keep the rule busy for ever.
const DEPTH_LIMIT: u32 = 50;
const PANEL_LIMIT: usize = 4000;

/// ∫ f(x) dx from the first to the last of `breaks`, which are in increasing order and name the places
/// inside where `f` or a derivative jumps, or where it changes fast. Adaptive halving of 20-point
/// Gauss-Legendre panels, to about 1e-14 of ∫ |f|. NaN if `f` is NaN where it is looked at.
pub fn integrate(f: impl Fn(f64) -> f64, breaks: &[f64]) -> f64 {
    let panel = |low, high, g: &dyn Fn(f64) -> f64| PANEL.integrate(low, high, g);
    let mut waiting: Vec<(f64, f64, f64, u32)> = Vec::new();
    let mut magnitude = 0.0;
    for ends in breaks.windows(2) {
        let (low, high) = (ends[0], ends[1]);
        waiting.push((low, high, panel(low, high, &f), 0));
        magnitude += panel(low, high, &|x| f(x).abs());
    }
    let (mut total, mut panels) = (0.0, 0);
    while let Some((low, high, whole, depth)) = waiting.pop() {
        let middle = 0.5 * (low + high);
        let (left, right) = (panel(low, middle, &f), panel(middle, high, &f));
        panels += 1;
        let off = (left + right - whole).abs() > RELATIVE_TOLERANCE * magnitude;
        if off && depth < DEPTH_LIMIT && panels < PANEL_LIMIT {
            waiting.push((low, middle, left, depth + 1));
            waiting.push((middle, high, right, depth + 1));
        } else {
            total += left + right;
        }
    }
    total
}

/// Beyond this many standard deviations the density is below 1e-43 and nothing that grows like a
/// polynomial is left.
const REACH: f64 = 14.0;

/// E g(x) for x ~ N(`mean`, `std`²), by [`integrate`]; `knots` are values of x where `g` has kinks or
/// changes fast. `std` = 0 gives g(`mean`).
pub fn gaussian_expectation(g: impl Fn(f64) -> f64, mean: f64, std: f64, knots: &[f64]) -> f64 {
    if std == 0.0 {
        return g(mean);
    }
    let mut breaks = vec![-REACH, -6.0, -2.0, 0.0, 2.0, 6.0, REACH];
    let standardized = knots.iter().map(|knot| (knot - mean) / std);
    breaks.extend(standardized.filter(|t| t.abs() < REACH));
    breaks.sort_by(f64::total_cmp);
    breaks.dedup();
    integrate(|t| g(mean + std * t) * density(t), &breaks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adaptive_rule_finds_kinks_and_narrow_peaks() {
        let kinked = integrate(|x| (x - 0.1234567).abs(), &[-1.0, 1.0]);
        assert!((kinked - (1.0 + 0.1234567_f64.powi(2))).abs() < 1e-13);
        let peak = integrate(|x| 1e-4 / (x * x + 1e-8), &[-1.0, 0.0, 1.0]);
        assert!((peak - 2.0 * 1e4_f64.atan()).abs() < 1e-12, "{peak}");
        let root = integrate(f64::sqrt, &[0.0, 1.0]);
        assert!((root - 2.0 / 3.0).abs() < 1e-13, "{root}");
    }

    #[test]
    fn unusable_functions_end_in_nan_and_not_in_a_loop() {
        assert!(integrate(|_| f64::NAN, &[0.0, 1.0]).is_nan());
        assert!(gaussian_expectation(|x| x, 0.0, f64::NAN, &[0.0]).is_nan());
        assert_eq!(integrate(|x| x, &[1.0]), 0.0);
        let noisy = integrate(|x| (1e9 * x).sin(), &[0.0, 1.0]);
        assert!(noisy.abs() < 1.0);
    }

    #[test]
    fn expectations_follow_mean_and_standard_deviation() {
        let second = gaussian_expectation(|x| x * x, -1.5, 0.3, &[]);
        assert!((second - (2.25 + 0.09)).abs() < 1e-13);
        assert_eq!(gaussian_expectation(|x| x + 1.0, 2.0, 0.0, &[]), 3.0);
        let step = gaussian_expectation(|x| f64::from(x > 0.5), 0.0, 2.0, &[0.5]);
        assert!((step - super::super::gaussian::cumulative(-0.25)).abs() < 1e-14);
    }
}
