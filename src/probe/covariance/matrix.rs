//! Figures that describe a covariance matrix, and a weight matrix's rows.

use tch::{Kind, Tensor};

/// Summary of a covariance matrix.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// Mean of the variances.
    pub mean_variance: f64,
    /// Mean |correlation| over pairs of different dimensions that vary; NaN with fewer than two.
    pub mean_abs_correlation: f64,
    /// (Σλ)²/Σλ² over the eigenvalues λ: how many dimensions the variance fills.
    pub effective_dimensions: f64,
    /// √(Σ_{i≠j} Cᵢⱼ²), the canonical error min_α ‖C − diag(α)‖_F.
    pub canonical_error: f64,
    /// The canonical error as a share of ‖C‖_F.
    pub relative_error: f64,
}

/// How much weight rows overlap.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Overlap {
    /// μ = max over i ≠ j of |cos(Wᵢ, Wⱼ)|; NaN for a single row.
    pub coherence: f64,
    /// Mean of |cos(Wᵢ, Wⱼ)| over i ≠ j.
    pub mean_abs_cosine: f64,
    /// √(Σ_{i≠j} ‖Wᵢ‖²‖Wⱼ‖²).
    pub pair_norm: f64,
}

/// Covariance `[D, D]` of the rows of `values` `[n, D]`, divisor n − 1.
pub fn covariance(values: &Tensor) -> Tensor {
    let centered = values - values.mean_dim([0].as_slice(), true, Kind::Double);
    let degrees = (values.size()[0] - 1).max(1) as f64;
    centered.tr().matmul(&centered) / degrees
}

/// Describes a covariance matrix.
pub fn spread(covariance: &Tensor) -> Spread {
    let number = |tensor: Tensor| tensor.double_value(&[]);
    let variances = covariance.diag(0);
    let total = number(covariance.square().sum(Kind::Double));
    let diagonal = number(variances.square().sum(Kind::Double));
    let trace = number(variances.sum(Kind::Double));
    let canonical_error = (total - diagonal).max(0.0).sqrt();

    let varies = variances.gt(0.0);
    let kept = varies.nonzero().squeeze_dim(1);
    let dimensions = kept.size()[0] as f64;
    let scale = variances.index_select(0, &kept).rsqrt();
    let inside = covariance.index_select(0, &kept).index_select(1, &kept);
    let correlations = inside * scale.unsqueeze(1) * scale.unsqueeze(0);
    let off_diagonal = number(correlations.abs().sum(Kind::Double)) - dimensions;
    Spread {
        mean_variance: number(variances.mean(Kind::Double)),
        mean_abs_correlation: off_diagonal.max(0.0) / (dimensions * (dimensions - 1.0)),
        effective_dimensions: trace * trace / total,
        canonical_error,
        relative_error: canonical_error / total.sqrt(),
    }
}

/// Overlap of the rows of `weight` `[outputs, inputs]`; rows of length 0 overlap with none.
pub fn overlap(weight: &Tensor) -> Overlap {
    let number = |tensor: Tensor| tensor.double_value(&[]);
    let squares = weight.square();
    let squared = squares.sum_dim_intlist([1].as_slice(), false, Kind::Double);
    let count = weight.size()[0];
    let unit = weight / squared.sqrt().clamp_min(f64::MIN_POSITIVE).unsqueeze(1);
    let other = 1.0 - Tensor::eye(count, (Kind::Double, weight.device()));
    let cosines: Tensor = unit.matmul(&unit.tr()).abs() * other;
    let total = number(squared.sum(Kind::Double));
    let own = number(squared.square().sum(Kind::Double));
    let pairs = (count * (count - 1)) as f64;
    let largest = number(cosines.max());
    Overlap {
        coherence: if count > 1 { largest } else { f64::NAN },
        mean_abs_cosine: number(cosines.sum(Kind::Double)) / pairs,
        pair_norm: (total * total - own).max(0.0).sqrt(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_covariance_is_described() {
        // Variances 4 and 1, correlation −0.5, and a constant third dimension.
        let matrix =
            Tensor::from_slice(&[4.0, -1.0, 0.0, -1.0, 1.0, 0.0, 0.0, 0.0, 0.0]).view([3, 3]);
        let found = spread(&matrix);
        assert!((found.mean_variance - 5.0 / 3.0).abs() < 1e-12);
        assert!((found.mean_abs_correlation - 0.5).abs() < 1e-12);
        assert!((found.canonical_error - 2f64.sqrt()).abs() < 1e-12);
        assert!((found.relative_error - (2.0f64 / 19.0).sqrt()).abs() < 1e-12);
        assert!((found.effective_dimensions - 25.0 / 19.0).abs() < 1e-12);
    }

    #[test]
    fn samples_have_the_unbiased_covariance() {
        let values = Tensor::from_slice(&[1.0, 2.0, 3.0, 2.0, 5.0, 5.0]).view([3, 2]);
        let expected = [4.0, 3.0, 3.0, 3.0];
        let found = crate::probe::images::to_values(&covariance(&values));
        assert!(
            found
                .iter()
                .zip(expected)
                .all(|(a, b)| (a - b).abs() < 1e-12),
            "{found:?}"
        );
    }

    #[test]
    fn overlap_is_that_of_the_directions() {
        // Rows of length 1, 2 and √2, at right angles and at 45°.
        let rows = Tensor::from_slice(&[1.0, 0.0, 0.0, -2.0, 1.0, 1.0]).view([3, 2]);
        let found = overlap(&rows);
        let half = 0.5f64.sqrt();
        assert!((found.coherence - half).abs() < 1e-12);
        assert!((found.mean_abs_cosine - 2.0 * half / 3.0).abs() < 1e-12);
        // 2·(1·4 + 1·2 + 4·2)
        assert!((found.pair_norm - 28f64.sqrt()).abs() < 1e-12);
        assert!(overlap(&rows.narrow(0, 0, 1)).coherence.is_nan());
    }
}
