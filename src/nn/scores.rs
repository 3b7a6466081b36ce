//! What logits are worth: cross-entropy and mistakes.

use tch::Tensor;

use super::layout::to_values;

/// Mean cross-entropy of `logits` `[N, classes]` at `labels`, differentiable, in the logits' own precision.
pub fn cross_entropy(logits: &Tensor, labels: &Tensor) -> Tensor {
    logits.log_softmax(-1, logits.kind()).nll_loss(labels)
}

/// Cross-entropy and mistakes of one batch, computed from the logits in float64.
pub struct Scores {
    /// Sum over images of −log softmax at the label.
    pub loss_sum: f64,
    /// Images whose largest logit is not the label's. Logits that are not numbers count as wrong.
    pub wrong: u64,
    /// Class of the largest logit.
    pub predictions: Vec<u8>,
}

impl Scores {
    /// Scores `logits` `[N, classes]` against `labels`.
    pub fn of(logits: &Tensor, labels: &[i64]) -> Scores {
        let classes = logits.size().last().copied().unwrap_or(1);
        Scores::of_values(&to_values(logits), classes as usize, labels)
    }

    /// The same of logits that were read already, `classes` of them a row.
    pub fn of_values(logits: &[f64], classes: usize, labels: &[i64]) -> Scores {
        let mut scores = Scores {
            loss_sum: 0.0,
            wrong: 0,
            predictions: Vec::with_capacity(labels.len()),
        };
        for (row, &label) in logits.chunks(classes.max(1)).zip(labels) {
            let best = first_largest(row);
            let largest = row[best];
            let sum: f64 = row.iter().map(|value| (value - largest).exp()).sum();
            scores.loss_sum += largest + sum.ln() - row[label as usize];
            let finite = row.iter().all(|value| value.is_finite());
            scores.wrong += u64::from(best as i64 != label || !finite);
            scores.predictions.push(best as u8);
        }
        scores
    }
}

/// The first of the classes whose logit is largest; 0 where none is a number.
pub fn first_largest(logits: &[f64]) -> usize {
    let larger = |best: usize, class: usize| match logits[class] > logits[best] {
        true => class,
        false => best,
    };
    (0..logits.len()).fold(0, larger)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_equal_torchs_cross_entropy() {
        let logits = Tensor::from_slice(&[1.0_f64, 2.0, -3.0, 800.0, 0.5, 799.0]).reshape([2, 3]);
        let labels = [1, 2];
        let scores = Scores::of(&logits, &labels);
        let torch = cross_entropy(&logits, &Tensor::from_slice(&labels));
        assert!((scores.loss_sum / 2.0 - torch.double_value(&[])).abs() < 1e-12);
        assert_eq!((scores.wrong, scores.predictions), (1, vec![1, 0]));
    }

    #[test]
    fn of_equal_logits_the_first_is_the_largest() {
        assert_eq!(first_largest(&[-1.0, 3.0, 3.0]), 1);
        assert_eq!(first_largest(&[f64::NAN, f64::NAN]), 0);
    }

    #[test]
    fn logits_that_are_not_numbers_are_wrong() {
        let scores = Scores::of(&Tensor::from_slice(&[f64::NAN, 1.0]).reshape([1, 2]), &[0]);
        assert_eq!(scores.wrong, 1);
        assert!(scores.loss_sum.is_nan());
    }
}
