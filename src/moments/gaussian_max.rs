//! Maxima of Gaussians: order statistics, activation followed by max-pooling.
//! Pairs are (mean, standard deviation).

use super::activation::{Activation, KNOTS};
use super::gaussian::{cumulative, ln_cumulative};
use super::{Moments, gaussian_expectation, moments};

/// Moments of max f(zᵢ) over `positions` independent zᵢ ~ N(0, 1), and of f′ at the winning position, so
/// that [`Moments::jacobian`] is that of activation and pool together. 0 positions are taken for 1.
///
/// The winner z has density k φ(z) G(f(z))^(k−1), G(y) = P(f(z) ≤ y). For an f that never falls, G(f(z))
/// may be replaced by Φ(z). The other activations fall to a minimum and rise after it, so that
/// f(x) ≤ f(z) is an interval, between z and the point on the other branch with the same value.
pub fn max_pool_moments(activation: Activation, positions: usize) -> Moments {
    if positions <= 1 {
        return moments(activation);
    }
    let valley = lowest_point(activation);
    // In logarithms, because Φ(z) near 1 raised to a large power would magnify its rounding.
    let ln_below = |z: f64| match valley {
        None => ln_cumulative(z),
        Some(lowest) => probability_not_above(activation, lowest, z).ln(),
    };
    let (count, others) = (positions as f64, (positions - 1) as f64);
    let knots: Vec<f64> = KNOTS.iter().copied().chain(valley).collect();
    let expectation = |g: &dyn Fn(f64) -> f64| {
        let weighted = |z: f64| count * (others * ln_below(z)).exp() * g(z);
        gaussian_expectation(weighted, 0.0, 1.0, &knots)
    };
    let mean = expectation(&|z| activation.value(z));
    Moments::from_parts(
        mean,
        expectation(&|z| (activation.value(z) - mean).powi(2)),
        expectation(&|z| activation.derivative(z).powi(2)),
    )
}

/// Where an activation that first falls and then rises is lowest; none for those that never fall.
fn lowest_point(activation: Activation) -> Option<f64> {
    match activation {
        _ if activation.is_monotone() => None,
        Activation::Gelu | Activation::Silu => {
            Some(bisect(-4.0, 0.0, |z| activation.derivative(z) < 0.0))
        }
        _ => Some(0.0),
    }
}

/// P(f(x) ≤ f(z)) for x ~ N(0, 1) and an f with its minimum at `lowest`.
fn probability_not_above(activation: Activation, lowest: f64, z: f64) -> f64 {
    let level = activation.value(z);
    let below = |x: f64| activation.value(x) < level;
    // Beyond 40 standard deviations there is no probability left to find.
    let edge = 40.0;
    if z >= lowest {
        let left = match below(-edge) {
            true => -edge,
            false => bisect(-edge, lowest, |x| !below(x)),
        };
        (cumulative(z) - cumulative(left)).max(0.0)
    } else {
        let right = match below(edge) {
            true => edge,
            false => bisect(lowest, edge, below),
        };
        (cumulative(right) - cumulative(z)).max(0.0)
    }
}

/// The point between `low` and `high` where `still` turns from true to false.
fn bisect(mut low: f64, mut high: f64, still: impl Fn(f64) -> bool) -> f64 {
    loop {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            return middle;
        }
        if still(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use super::*;
    use crate::moments::gaussian::density;
    use crate::moments::goldens::max_moments;

    fn close(got: f64, want: f64, relative: f64) {
        assert!((got - want).abs() <= relative * want.abs(), "{got} {want}");
    }

    #[test]
    fn closed_forms_of_small_maxima() {
        assert_eq!(max_moments(1), (0.0, 1.0));
        assert_eq!(max_moments(0), (0.0, 1.0));
        let root = PI.sqrt();
        let third = 1.0 + 3.0_f64.sqrt() / (2.0 * PI) - 9.0 / (4.0 * PI);
        let fourth = 6.0 * 2.0_f64.sqrt().atan() / PI.powf(1.5);
        let fourth_square = 1.0 + 3.0_f64.sqrt() / PI;
        for (count, mean, variance) in [
            (2, 1.0 / root, 1.0 - 1.0 / PI),
            (3, 1.5 / root, third),
            (4, fourth, fourth_square - fourth * fourth),
        ] {
            let (got_mean, got_std) = max_moments(count);
            close(got_mean, mean, 1e-13);
            close(got_std * got_std, variance, 1e-13);
        }
        let pair = max_pool_moments(Activation::Relu, 2);
        close(pair.mean, (1.0 + 2.0_f64.sqrt()) / (2.0 * root), 1e-13);
        close(pair.second, 0.75 + 0.5 / PI, 1e-13);
        let (mean, std) = max_moments(1_000_000);
        // By quadrature at 25 digits.
        close(mean, 4.862897486196, 1e-12);
        close(std, 0.2480045794191, 1e-12);
    }

    #[test]
    fn pooling_one_position_is_not_pooling() {
        for &activation in Activation::ALL {
            for positions in [0, 1] {
                assert_eq!(max_pool_moments(activation, positions), moments(activation));
            }
        }
    }

    /// E h(max(f(x), f(y))) over two independent N(0, 1), by brute force in two dimensions.
    fn pairwise(f: Activation, h: impl Fn(f64) -> f64) -> f64 {
        let grid: Vec<(f64, f64)> = {
            let rule = gauss_quad::GaussLegendre::new(40.try_into().unwrap());
            let panels = (-24..24).flat_map(|panel| {
                let place = move |x: f64| (f64::from(panel) + 0.5 + 0.5 * x) / 3.0;
                let pairs = rule.as_node_weight_pairs().iter();
                pairs
                    .map(|(x, w)| (place(*x), w / 6.0 * density(place(*x))))
                    .collect::<Vec<_>>()
            });
            panels.collect()
        };
        let values: Vec<f64> = grid.iter().map(|(z, _)| f.value(*z)).collect();
        let mut sum = 0.0;
        for (i, (_, first)) in grid.iter().enumerate() {
            for (j, (_, second)) in grid.iter().enumerate() {
                sum += first * second * h(values[i].max(values[j]));
            }
        }
        sum
    }

    #[test]
    fn activations_that_fall_and_rise_are_pooled_by_value_and_not_by_input() {
        for f in [
            Activation::Gelu,
            Activation::Silu,
            Activation::LeakyRelu { slope: -0.5 },
            Activation::Elu { alpha: -0.7 },
        ] {
            let pooled = max_pool_moments(f, 2);
            let mean = pairwise(f, |y| y);
            let second = pairwise(f, |y| y * y);
            assert!(
                (pooled.mean - mean).abs() < 3e-5,
                "{f}: {} {mean}",
                pooled.mean
            );
            assert!(
                (pooled.second - second).abs() < 3e-5,
                "{f}: {} {second}",
                pooled.second
            );
        }
        // |z| of two: E max = 2/√π, E max² = 1 + 2/π.
        let absolute = max_pool_moments(Activation::LeakyRelu { slope: -1.0 }, 2);
        close(absolute.mean, 2.0 / PI.sqrt(), 1e-12);
        close(absolute.second, 1.0 + 2.0 / PI, 1e-12);
        assert!((absolute.second_derivative - 1.0).abs() < 1e-12);
    }
}
