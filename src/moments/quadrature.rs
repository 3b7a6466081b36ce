//! Numerical integration: Gauss rules of any order, and an adaptive rule for expectations under a Gaussian.

use std::sync::LazyLock;

use super::gaussian::density;

/// A quadrature rule: ∫ f(x) w(x) dx ≈ Σᵢ weightsᵢ · f(nodesᵢ), for the weight function w of its family.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Abscissae in increasing order, exactly symmetric about 0.
    pub nodes: Vec<f64>,
    /// One weight a node, in the same order.
    pub weights: Vec<f64>,
}

impl Rule {
    /// Σᵢ weightsᵢ · f(nodesᵢ).
    pub fn apply(&self, f: impl Fn(f64) -> f64) -> f64 {
        let terms = self.nodes.iter().zip(&self.weights);
        terms.map(|(node, weight)| weight * f(*node)).sum()
    }
}

/// Gauss-Legendre rule on [−1, 1] (w = 1), exact for polynomials of degree below 2 · `count`.
pub fn gauss_legendre(count: usize) -> Rule {
    let coupling = |k: usize| {
        let k = k as f64;
        k / (4.0 * k * k - 1.0).sqrt()
    };
    let mut rule = symmetric_gauss(count, 1.0, coupling);
    rule.weights.iter_mut().for_each(|weight| *weight *= 2.0);
    rule
}

/// Gauss-Hermite rule for the standard normal density (w = φ, weights add to 1), exact for polynomials
/// of degree below 2 · `count`. Good for smooth functions only: a kink costs nearly all its accuracy.
pub fn gauss_hermite(count: usize) -> Rule {
    let bound = (4.0 * count as f64 + 2.0).sqrt();
    symmetric_gauss(count, bound, |k| (k as f64).sqrt())
}

/// The Gauss rule of the orthonormal polynomials βₖ₊₁ pₖ₊₁ = x pₖ − βₖ pₖ₋₁ with βₖ = `coupling(k)` of an
/// even weight function of total mass 1 whose roots lie within ±`bound`.
///
/// A root is an eigenvalue of the Jacobi matrix and is found by bisection on Sturm's count; its weight
/// is Christoffel's 1/Σₖ pₖ(x)².
fn symmetric_gauss(count: usize, bound: f64, coupling: impl Fn(usize) -> f64) -> Rule {
    let couplings: Vec<f64> = (1..count).map(coupling).collect();
    let mut positive: Vec<f64> = (0..count / 2)
        .map(|above| root_with(above, bound, &couplings))
        .collect();
    let mut nodes: Vec<f64> = positive.iter().map(|node| -node).collect();
    if count % 2 == 1 {
        nodes.push(0.0);
    }
    positive.reverse();
    nodes.extend(positive);
    let weights = nodes.iter().map(|x| christoffel(*x, &couplings)).collect();
    Rule { nodes, weights }
}

/// The root that has exactly `above` other roots above it.
fn root_with(above: usize, bound: f64, couplings: &[f64]) -> f64 {
    let (mut low, mut high) = (0.0, bound);
    loop {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            return middle;
        }
        if roots_above(middle, couplings) > above {
            low = middle;
        } else {
            high = middle;
        }
    }
}

/// Sturm's count, by the ratios of consecutive polynomials, which cannot overflow.
fn roots_above(x: f64, couplings: &[f64]) -> usize {
    let mut ratio = x;
    let mut negative = usize::from(ratio < 0.0);
    for coupling in couplings {
        let divisor = if ratio == 0.0 {
            f64::MIN_POSITIVE
        } else {
            ratio
        };
        ratio = x - coupling * coupling / divisor;
        negative += usize::from(ratio < 0.0);
    }
    negative
}

fn christoffel(x: f64, couplings: &[f64]) -> f64 {
    let (mut previous, mut current, mut before) = (0.0, 1.0, 0.0);
    let mut sum = 1.0;
    for coupling in couplings {
        let next = (x * current - before * previous) / coupling;
        (previous, current, before) = (current, next, *coupling);
        sum += current * current;
        if sum > 1e300 {
            return 0.0;
        }
    }
    1.0 / sum
}

/// Nodes on one panel of the adaptive rule.
static PANEL: LazyLock<Rule> = LazyLock::new(|| gauss_legendre(20));

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
    let panel = |low: f64, high: f64, g: &dyn Fn(f64) -> f64| {
        let (centre, half) = (0.5 * (low + high), 0.5 * (high - low));
        half * PANEL.apply(|x| g(centre + half * x))
    };
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
    fn rules_agree_with_an_independent_implementation() {
        for count in [2_usize, 5, 20, 63] {
            let size = count.try_into().expect("positive");
            let theirs = gauss_quad::GaussLegendre::new(size);
            let ours = gauss_legendre(count);
            let same =
                |f: &dyn Fn(f64) -> f64| (ours.apply(f) - theirs.integrate(-1.0, 1.0, f)).abs();
            assert!(same(&|x| (3.0 * x).cos() + x) < 1e-13, "{count}");
            let theirs = gauss_quad::GaussHermite::new(size);
            let ours = gauss_hermite(count);
            let scale = std::f64::consts::PI.sqrt();
            let expected = theirs.integrate(|x| (x * std::f64::consts::SQRT_2).cos()) / scale;
            assert!((ours.apply(f64::cos) - expected).abs() < 1e-13, "{count}");
        }
    }

    #[test]
    fn hermite_rules_integrate_even_moments_exactly() {
        for count in [1_usize, 2, 3, 10, 64, 200] {
            let rule = gauss_hermite(count);
            assert_eq!(rule.nodes.len(), count);
            let mut moment = 1.0;
            for power in 0..count.min(8) {
                let got = rule.apply(|x| x.powi(2 * power as i32));
                assert!((got / moment - 1.0).abs() < 1e-12, "{count} {power}: {got}");
                moment *= (2 * power + 1) as f64;
            }
            assert!(rule.apply(|x| x * x * x).abs() < 1e-15);
        }
        assert!(gauss_hermite(0).nodes.is_empty());
    }

    #[test]
    fn hundreds_of_hermite_nodes_neither_overflow_nor_lose_mass() {
        let rule = gauss_hermite(900);
        assert!(rule.weights.iter().all(|weight| weight.is_finite()));
        assert!((rule.weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }

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
