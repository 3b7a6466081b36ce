//! Moments and quantiles of values.
//!
//! Two passes (mean first, then powers of deviations), each with compensated addition, so that a
//! million values of large mean lose nothing. A NaN among the values makes every result NaN, as in
//! NumPy, and so does an empty slice.

/// Arithmetic mean; NaN when empty.
pub fn mean(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let first_pass = compensated_sum(values.iter().copied()) / n;
    first_pass + compensated_sum(values.iter().map(|value| value - first_pass)) / n
}

/// Unbiased standard deviation √(Σ(xᵢ − x̄)²/(n−1)); NaN for fewer than two values.
pub fn std_dev(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return f64::NAN;
    }
    let n = values.len() as f64;
    (central_moment(values, mean(values), 2) * n / (n - 1.0)).sqrt()
}

/// Smallest and largest of the numbers that are not NaN; NaN where there is none.
pub fn range(values: impl IntoIterator<Item = f64>) -> (f64, f64) {
    let wider = |(low, high): (f64, f64), value: f64| (low.min(value), high.max(value));
    values.into_iter().fold((f64::NAN, f64::NAN), wider)
}

/// Median: the middle value, or the mean of the middle two; NaN when empty.
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// Quantile with linear interpolation at position q(n−1) of the sorted values (Hyndman and Fan's
/// type 7, NumPy's default); NaN when empty or unless 0 ≤ q ≤ 1.
pub fn quantile(values: &[f64], q: f64) -> f64 {
    if values.iter().any(|value| value.is_nan()) {
        return f64::NAN;
    }
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    quantile_of_sorted(&sorted, q)
}

/// [`quantile`] of values that are already ascending.
pub(super) fn quantile_of_sorted(sorted: &[f64], q: f64) -> f64 {
    if sorted.is_empty() || !(0.0..=1.0).contains(&q) {
        return f64::NAN;
    }
    let last = sorted.len() - 1;
    let position = q * last as f64;
    let below = (position.floor() as usize).min(last);
    let above = (below + 1).min(last);
    let fraction = position - below as f64;
    let (low, high) = (sorted[below], sorted[above]);
    // From the nearer end, so that the result never leaves [low, high].
    if low == high {
        low
    } else if fraction < 0.5 {
        low + (high - low) * fraction
    } else {
        high - (high - low) * (1.0 - fraction)
    }
}

/// Biased central moment Σ(xᵢ − `mean`)ᵏ/n of order k = `order`.
pub(super) fn central_moment(values: &[f64], mean: f64, order: i32) -> f64 {
    let powers = values.iter().map(|value| (value - mean).powi(order));
    compensated_sum(powers) / values.len() as f64
}

/// Skewness and excess kurtosis.
pub(super) fn shape(values: &[f64]) -> (f64, f64) {
    let mean = mean(values);
    let second = central_moment(values, mean, 2);
    // Deviations this small are the rounding error of the values themselves.
    let rounding = (f64::EPSILON * mean).powi(2);
    if second.is_nan() || second <= rounding {
        return (f64::NAN, f64::NAN);
    }
    let third = central_moment(values, mean, 3);
    let fourth = central_moment(values, mean, 4);
    (third / second.powf(1.5), fourth / (second * second) - 3.0)
}

/// Sum with Neumaier's compensation: the error is one rounding, whatever the number of terms.
pub(super) fn compensated_sum(terms: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut lost) = (0.0_f64, 0.0_f64);
    for term in terms {
        let next = sum + term;
        lost += if sum.abs() >= term.abs() {
            (sum - next) + term
        } else {
            (term - next) + sum
        };
        sum = next;
    }
    // An overflowed sum leaves NaN in the compensation; the sum itself tells more.
    if lost.is_finite() { sum + lost } else { sum }
}
