//! What average pooling and dropout do to a mean and a variance. Pairs are (mean, standard deviation).

/// Variance of the average of `positions` values of equal variance whose mean pairwise correlation is
/// ρ: variance · (1 + (k − 1)ρ)/k. The mean is unchanged. 0 positions mean no pooling, as does 1.
///
/// Maps of natural images are far from independent (ρ = 0): measure ρ before trusting √k.
pub fn average_pool_variance(variance: f64, positions: usize, correlation: f64) -> f64 {
    let positions = positions.max(1) as f64;
    // Rounding or an impossible ρ < −1/(k − 1) must not make a variance negative.
    variance * ((1.0 + (positions - 1.0) * correlation) / positions).max(0.0)
}

/// The factor that gives an average of `positions` values of mean 0 its variance back:
/// √(k/(1 + (k − 1)ρ)), √k for independent ones. Infinite when the average has no variance.
pub fn average_pool_gain(positions: usize, correlation: f64) -> f64 {
    average_pool_variance(1.0, positions, correlation)
        .sqrt()
        .recip()
}

/// (mean, standard deviation) after inverted dropout, which keeps a value with probability
/// q = `keep` ∈ (0, 1] and divides it by q: mean m, variance E x²/q − m² = v/q + m²(1/q − 1).
pub fn dropout_moments(mean: f64, std: f64, keep: f64) -> (f64, f64) {
    let variance = std * std / keep + mean * mean * (1.0 / keep - 1.0);
    (mean, variance.sqrt())
}

/// √q, the factor that gives values of mean 0 their variance back after inverted dropout.
///
/// It scales the expectation of a value by √q too, so the same network without dropout is no longer its
/// average: unit variance and train = test cannot both hold.
pub fn dropout_gain(keep: f64) -> f64 {
    keep.sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moments::{Activation, moments};

    fn close(got: f64, want: f64) {
        assert!((got - want).abs() <= 5e-10 * want.abs(), "{got} {want}");
    }

    #[test]
    fn averages_of_independent_and_identical_positions() {
        close(average_pool_variance(2.0, 4, 0.0), 0.5);
        close(average_pool_variance(2.0, 4, 1.0), 2.0);
        close(average_pool_variance(3.0, 9, 0.25), 1.0);
        close(average_pool_gain(16, 0.0), 4.0);
        close(average_pool_gain(9, 0.25), 3.0_f64.sqrt());
        for positions in [0, 1] {
            assert_eq!(average_pool_variance(2.0, positions, 0.3), 2.0);
            assert_eq!(average_pool_gain(positions, 0.3), 1.0);
        }
        assert_eq!(average_pool_variance(1.0, 2, -1.5), 0.0);
    }

    #[test]
    fn dropout_of_standard_normal_values_is_undone_by_its_gain() {
        for (keep, gain) in [
            (0.5, std::f64::consts::FRAC_1_SQRT_2),
            (0.8, 0.8944271910),
            (0.9, 0.9486832981),
        ] {
            close(dropout_gain(keep), gain);
            close(dropout_moments(0.0, 1.0, keep).1 * dropout_gain(keep), 1.0);
        }
        assert_eq!(dropout_moments(0.3, 0.7, 1.0), (0.3, 0.7));
    }

    #[test]
    fn relu_then_dropout() {
        let relu = moments(Activation::Relu);
        for (keep, std) in [
            (0.5, 0.9169760394),
            (0.8, 0.6825284294),
            (0.9, 0.6296035359),
        ] {
            let (mean, got) = dropout_moments(relu.mean, relu.std(), keep);
            close(mean, 0.3989422804);
            close(got, std);
            let after = relu.after_dropout(keep);
            close(after.std(), std);
            close(after.mean, 0.3989422804);
            close(after.second, 0.5 / keep);
            close(after.second_derivative, 0.5 / keep);
        }
    }
}
