//! The largest absolute values of a standard Gaussian sample, and the constants that make them a scale.

use std::f64::consts::PI;

use super::gaussian::cumulative;
use super::quadrature::integrate;

/// E of the mean of the `top` largest |z| among `count` independent z ~ N(0, 1); `top` is taken as at least
/// 1 and at most `count`.
///
/// With p(t) = P(|z| > t) the number of values beyond t is binomial B(n, p), so the sum of the k largest is
/// ∫ min(k, B) dt, whose expectation is ∫ E min(k, B) dt from 0 to ∞.
pub fn half_normal_top_mean(count: u64, top: u64) -> f64 {
    let count = count.max(1);
    let top = top.clamp(1, count);
    let (n, k) = (count as f64, top as f64);
    // Beyond 14 standard deviations no sample that fits a memory has a value.
    integrate(
        |t| expected_minimum(k, n, 2.0 * cumulative(-t)),
        &[0.0, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 14.0],
    ) / k
}

/// E min(k, B) for a binomial B with `n` trials of probability `p`.
///
/// Probabilities are taken relative to that of the mode, from which they fall on both sides: P(B = 0), where a
/// recursion could start too, is no number that a float can hold once n is large.
fn expected_minimum(k: f64, n: f64, p: f64) -> f64 {
    // What is less than this share of the mode's probability changes no digit.
    const NEGLIGIBLE: f64 = 1e-20;
    let odds = p / (1.0 - p);
    let mode = ((n + 1.0) * p).floor().min(n);
    let (mut total, mut sum) = (1.0, mode.min(k));
    let (mut at, mut probability) = (mode, 1.0);
    while at < n && probability > NEGLIGIBLE {
        probability *= (n - at) / (at + 1.0) * odds;
        at += 1.0;
        total += probability;
        sum += at.min(k) * probability;
    }
    (at, probability) = (mode, 1.0);
    while at > 0.0 && probability > NEGLIGIBLE {
        probability *= at / ((n - at + 1.0) * odds);
        at -= 1.0;
        total += probability;
        sum += at.min(k) * probability;
    }
    sum / total
}

/// C(n) = (1 + √(π ln 4))/(2 √(2 ln n)), by which the largest |x − μ| of n values is multiplied to get a
/// scale: the mean of the reciprocals of two bounds on E max |z|, hence about 1.4 times 1/E max |z|
/// (Hoffer, Banner, Golan, Soudry, 2018, arXiv:1803.01814). A count below 2 is taken for 2.
pub fn extreme_bound_constant(count: u64) -> f64 {
    (1.0 + (PI * 4f64.ln()).sqrt()) / (2.0 * (2.0 * (count.max(2) as f64).ln()).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(got: f64, want: f64, relative: f64) {
        assert!((got / want - 1.0).abs() < relative, "{got} is not {want}");
    }

    #[test]
    fn expected_maxima_and_bound_constants() {
        // (n, E max |z|, C(n))
        for (count, maximum, constant) in [
            (128, 2.8275578, 0.49546903),
            (1024, 3.4418703, 0.41453913),
            (16384, 4.1340866, 0.35034951),
            (65536, 4.4430398, 0.32772196),
        ] {
            close(half_normal_top_mean(count, 1), maximum, 2e-8);
            close(extreme_bound_constant(count), constant, 2e-8);
        }
        close(extreme_bound_constant(4), 0.9269376709, 1e-9);
        close(1.0 / half_normal_top_mean(1024, 1), 0.29053971, 2e-8);
    }

    #[test]
    fn means_of_the_ten_largest() {
        // C(n) times the expectation, by SciPy's binomial tail and adaptive quadrature.
        for (count, product) in [
            (1024, 1.1949709732),
            (4096, 1.2475253696),
            (16384, 1.2855178749),
            (65536, 1.3143551643),
        ] {
            let mean = half_normal_top_mean(count, 10);
            close(extreme_bound_constant(count) * mean, product, 1e-9);
        }
    }

    #[test]
    fn means_of_large_parts_of_large_samples() {
        // By mpmath from incomplete beta functions, and from probabilities in logarithms for the larger counts.
        for (count, top, mean) in [
            (64, 40, 1.128785655676),
            (512, 300, 1.173374601777),
            (4096, 2048, 1.271010272551),
            (4096, 1000, 1.658344196136),
            (4096, 700, 1.827949903218),
        ] {
            close(half_normal_top_mean(count, top), mean, 1e-11);
        }
    }

    #[test]
    fn all_of_a_sample_is_the_mean_absolute_value() {
        let mean_absolute = (2.0 / PI).sqrt();
        for (count, top) in [
            (1, 1),
            (2, 2),
            (7, 7),
            (12, 50),
            (4096, 4096),
            (100_000, 100_000),
        ] {
            close(half_normal_top_mean(count, top), mean_absolute, 1e-12);
        }
        // E max(|z₁|, |z₂|) = 2/√π.
        close(half_normal_top_mean(2, 1), 2.0 / PI.sqrt(), 1e-12);
        assert!(half_normal_top_mean(100, 3) < half_normal_top_mean(100, 2));
    }
}
