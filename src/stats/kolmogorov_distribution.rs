//! The distribution of the two-sided Kolmogorov-Smirnov statistic Dₙ for a fully known law.
//!
//! No single formula serves every n and d, so, in the spirit of R. Simard and P. L'Ecuyer (2011),
//! each region has the method that is accurate there: Durbin's matrix in the body for n ≤ 1000,
//! the Pelz-Good series in the body for larger n, and twice the one-sided tail further out.

use std::f64::consts::PI;

/// Largest n for which the body is computed exactly; the series' error falls as 1/n².
const MATRIX_MAX_N: usize = 1000;

/// P(Dₙ ≥ d) for n values drawn from the hypothesized continuous distribution.
///
/// Relative error below 10⁻⁹ for n ≤ 1000 and below 10⁻⁶ beyond; 0 below the smallest double. NaN
/// for n = 0 or a NaN d.
pub fn kolmogorov_survival(n: usize, d: f64) -> f64 {
    if n == 0 || d.is_nan() {
        return f64::NAN;
    }
    let count = n as f64;
    let scaled = count * d;
    if scaled <= 0.5 {
        return 1.0;
    }
    if d >= 1.0 {
        return 0.0;
    }
    let square = scaled * d;
    let exact_body = n <= MATRIX_MAX_N;
    // Both crossings together have probability of order exp(−6nd²) of one, so that beyond these
    // limits (and for d ≥ ½ exactly) the two sides just add up.
    let two_sides = if exact_body { 4.0 } else { 3.0 };
    let survival = if d >= 0.5 || square >= two_sides {
        2.0 * one_sided_survival(n, d)
    } else if exact_body {
        1.0 - durbin_cdf(n, d)
    } else {
        1.0 - pelz_good_cdf(count, d)
    };
    survival.clamp(0.0, 1.0)
}

/// P(Dₙ⁺ ≥ d), by Smirnov's sum d Σⱼ C(n,j) (d + j/n)^{j−1} (1 − d − j/n)^{n−j} over
/// 0 ≤ j ≤ n(1 − d).
///
/// Each term is d/p times a binomial probability of j at p = d + j/n, evaluated by C. Loader's
/// saddle-point form (2000), whose parts stay small where factorials would not.
fn one_sided_survival(n: usize, d: f64) -> f64 {
    let count = n as f64;
    let shift = count * d;
    let last = (count - shift).floor() as usize;
    let outer = stirling_error(n) + 0.5 * (count / (2.0 * PI)).ln();
    let mut sum = (count * (-d).ln_1p()).exp();
    for j in 1..=last.min(n - 1) {
        let (hits, misses) = (j as f64, (n - j) as f64);
        let expected_misses = misses - shift;
        if expected_misses <= 0.0 {
            break;
        }
        let ln_binomial = outer
            - stirling_error(j)
            - stirling_error(n - j)
            - 0.5 * (hits.ln() + misses.ln())
            - deviance(hits, shift)
            - deviance(misses, -shift);
        sum += ln_binomial.exp() * shift / (shift + hits);
    }
    sum
}

/// x ln(x/(x + s)) + s, the binomial deviance of x where x + s was expected.
fn deviance(x: f64, s: f64) -> f64 {
    s - x * (s / x).ln_1p()
}

/// ln k! − ln(√(2πk) (k/e)ᵏ) for k ≥ 1.
fn stirling_error(k: usize) -> f64 {
    let x = k as f64;
    if k < 16 {
        let ln_factorial: f64 = (2..=k).map(|i| (i as f64).ln()).sum();
        return ln_factorial - (x + 0.5) * x.ln() + x - 0.5 * (2.0 * PI).ln();
    }
    let inverse_square = 1.0 / (x * x);
    let series = 1.0 / 360.0
        - inverse_square
            * (1.0 / 1260.0 - inverse_square * (1.0 / 1680.0 - inverse_square / 1188.0));
    (1.0 / 12.0 - inverse_square * series) / x
}

/// A square matrix of non-negative numbers with a common power of two split off, so that its
/// powers neither overflow nor vanish.
#[derive(Clone)]
struct ScaledMatrix {
    size: usize,
    entries: Vec<f64>,
    exponent: i32,
}

impl ScaledMatrix {
    fn product(&self, other: &ScaledMatrix) -> ScaledMatrix {
        let size = self.size;
        let mut entries = vec![0.0; size * size];
        for (row, target) in self.entries.chunks(size).zip(entries.chunks_mut(size)) {
            for (factor, other_row) in row.iter().zip(other.entries.chunks(size)) {
                for (sum, entry) in target.iter_mut().zip(other_row) {
                    *sum += factor * entry;
                }
            }
        }
        let largest = entries.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
        let shift = largest.log2().floor() as i32;
        let scale = 2.0_f64.powi(-shift);
        entries.iter_mut().for_each(|entry| *entry *= scale);
        ScaledMatrix {
            size,
            entries,
            exponent: self.exponent + other.exponent + shift,
        }
    }

    /// The `power`-th power, `power` ≥ 1, by repeated squaring.
    fn power(&self, power: usize) -> ScaledMatrix {
        if power <= 1 {
            return self.clone();
        }
        let half = self.power(power / 2);
        let square = half.product(&half);
        match power % 2 {
            0 => square,
            _ => square.product(self),
        }
    }
}

/// P(Dₙ < d) as n!/nⁿ times the middle entry of Hⁿ (J. Durbin, 1973; G. Marsaglia, W. W. Tsang and
/// J. Wang, 2003). With nd = k − h, 0 ≤ h < 1, H has size m = 2k − 1; it is 1/(i−j+1)! at i − j ≥ −1,
/// less hⁱ/i! in the first column and, mirrored, in the last row.
fn durbin_cdf(n: usize, d: f64) -> f64 {
    let count = n as f64;
    let k = (count * d).ceil();
    let h = k - count * d;
    let middle = k as usize - 1;
    let size = 2 * middle + 1;
    let mut inverse_factorial = vec![1.0; size + 1];
    for i in 1..=size {
        inverse_factorial[i] = inverse_factorial[i - 1] / i as f64;
    }
    let mut entries = vec![0.0; size * size];
    for i in 0..size {
        for j in 0..=(i + 1).min(size - 1) {
            entries[i * size + j] = inverse_factorial[i + 1 - j];
        }
    }
    for i in 0..size {
        let power = h.powi(i as i32 + 1);
        entries[i * size] -= power * inverse_factorial[i + 1];
        entries[(size - 1) * size + (size - 1 - i)] -= power * inverse_factorial[i + 1];
    }
    // The corner lost both edges at once; beyond h = ½ they overlap and that much comes back.
    let overlap = (2.0 * h - 1.0).max(0.0).powi(size as i32);
    entries[(size - 1) * size] += overlap * inverse_factorial[size];
    let power = ScaledMatrix {
        size,
        entries,
        exponent: 0,
    }
    .power(n);
    // n!/nⁿ and the split-off power of two may each lie outside the doubles; their sum of
    // logarithms does not.
    let ln_factorial_ratio = stirling_error(n) + 0.5 * (2.0 * PI * count).ln() - count;
    let ln_scale = ln_factorial_ratio + f64::from(power.exponent) * 2.0_f64.ln();
    power.entries[middle * size + middle] * ln_scale.exp()
}

/// The series of W. Pelz and I. J. Good (1976): P(Dₙ ≤ z/√n) = K₀ + K₁/√n + K₂/n + K₃/n^{3/2} + O(1/n²),
/// in the form that converges fast for small z (sums over half-integers and integers of
/// exp(−π²·/2z²)); used here for z² < 3.
fn pelz_good_cdf(n: f64, d: f64) -> f64 {
    let z = n.sqrt() * d;
    let z2 = z * z;
    let z4 = z2 * z2;
    let z6 = z4 * z2;
    let rate = PI * PI / (2.0 * z2);
    let mut terms = [0.0_f64; 4];
    for k in 0..20_i32 {
        // Half-integers: v = π²(k + ½)².
        let half = f64::from(k) + 0.5;
        let v = (PI * half).powi(2);
        let weight = (-rate * half * half).exp();
        terms[0] += weight;
        terms[1] += weight * (v - z2);
        terms[2] +=
            weight * (6.0 * z6 + 2.0 * z4 + (2.0 * z4 - 5.0 * z2) * v + (1.0 - 2.0 * z2) * v * v);
        terms[3] += weight
            * (v * v * v * (5.0 - 30.0 * z2)
                + v * v * (212.0 * z4 - 60.0 * z2)
                + v * (135.0 * z4 - 96.0 * z6)
                - 30.0 * z6
                - 90.0 * z4 * z4);
    }
    let (mut second, mut third) = (0.0, 0.0);
    for k in 1..20_i32 {
        let v = (PI * f64::from(k)).powi(2);
        let weight = (-rate * f64::from(k * k)).exp();
        second += weight * v;
        third += weight * v * (3.0 * z2 - v);
    }
    let k0 = terms[0] / z;
    let k1 = terms[1] / (6.0 * z4);
    let k2 = terms[2] / (72.0 * z6 * z) - second / (36.0 * z2 * z);
    let k3 = terms[3] / (6480.0 * z6 * z4) + third / (216.0 * z6);
    let root = n.sqrt();
    (2.0 * PI).sqrt() * (k0 + (k1 + (k2 + k3 / root) / root) / root)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::goldens::{assert_relative, number, rows};

    #[test]
    fn survival_agrees_with_scipy() {
        // From n = 141 SciPy itself uses the series, and two sides from nd² = 2.2: it is off by up
        // to 2·10⁻⁶ there, which the next test, against an exact recursion, leaves to SciPy.
        for row in rows("kstwo") {
            let (n, d, p) = (number(&row, "n"), number(&row, "d"), number(&row, "sf"));
            let what = format!("n = {n}, d = {d}");
            let got = kolmogorov_survival(n as usize, d);
            assert!((got - p).abs() < 3e-6, "{what}: {got} against {p}");
            if n <= 140.0 || n * d * d >= 4.0 {
                assert_relative(got, p, 1e-9, &what);
            } else if n > 1000.0 {
                assert_relative(got, p, 4e-6, &what);
            }
        }
    }

    #[test]
    fn survival_agrees_with_pomeranz_recursion() {
        for row in rows("kstwo_exact") {
            let (n, d) = (number(&row, "n"), number(&row, "d"));
            let got = kolmogorov_survival(n as usize, d);
            assert_relative(got, number(&row, "sf"), 1e-9, &format!("n = {n}, d = {d}"));
        }
    }

    #[test]
    fn matrix_and_series_meet() {
        for square in [0.8, 2.5_f64] {
            let d = (square / 1000.0).sqrt();
            let (exact, series) = (durbin_cdf(1000, d), pelz_good_cdf(1000.0, d));
            assert_relative(1.0 - series, 1.0 - exact, 1e-6, &format!("{square}"));
        }
    }

    #[test]
    fn simple_cases_are_exact() {
        assert_relative(kolmogorov_survival(1, 0.75), 0.5, 1e-14, "n = 1");
        assert_eq!(kolmogorov_survival(10, 0.05), 1.0);
        assert_eq!(kolmogorov_survival(10, 1.0), 0.0);
        assert!(kolmogorov_survival(0, 0.5).is_nan());
        assert!(kolmogorov_survival(5, f64::NAN).is_nan());
        // P(Dₙ ≥ 1 − ε) = 2εⁿ.
        assert_relative(kolmogorov_survival(5, 0.99), 2e-10, 1e-9, "far tail");
    }

    #[test]
    fn survival_falls_steadily_through_every_region() {
        for n in [3, 20, 140, 300, 1001, 100_000] {
            let steps = (1..=60).map(|i| f64::from(i) * 0.05 / f64::from(n).sqrt());
            let values: Vec<f64> = steps.map(|d| kolmogorov_survival(n as usize, d)).collect();
            assert!(
                values.windows(2).all(|pair| pair[1] <= pair[0] + 1e-12),
                "{n}: {values:?}"
            );
        }
    }
}
