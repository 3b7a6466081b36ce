//! Loss, error and predictions of a network on a split.

use tch::{Device, Kind, Tensor};

use crate::data::batches::Normalizer;
use crate::data::{ImageShape, Split};
use crate::nn::layer::Pass;
use crate::nn::layout;
use crate::nn::network::Network;

/// Images evaluated at a time: large enough to fill the cores, small enough to stay in little memory.
const CHUNK: usize = 250;

/// What a network says about a split.
#[derive(Debug, Clone)]
pub struct Evaluation {
    /// Mean cross-entropy, in nats.
    pub loss: f64,
    /// Images misclassified.
    pub wrong: u64,
    /// Predicted class of each image.
    pub predictions: Vec<u8>,
}

impl Evaluation {
    /// Fraction misclassified.
    pub fn error(&self) -> f64 {
        self.wrong as f64 / self.predictions.len().max(1) as f64
    }
}

/// Evaluates `network` on every image of `split`, as a network of plain operations where the method folds into one.
pub fn evaluate(
    network: &Network,
    split: &Split,
    shape: ImageShape,
    normalizer: &Normalizer,
) -> Evaluation {
    let folded = network.fold();
    let mut loss = 0.0;
    let mut wrong = 0;
    let mut predictions = Vec::with_capacity(split.len());
    for (images, labels) in split
        .images
        .chunks(CHUNK * shape.pixels())
        .zip(split.labels.chunks(CHUNK))
    {
        let labels: Vec<i64> = labels.iter().map(|&label| i64::from(label)).collect();
        let pixels = normalizer.evaluation(images);
        let input = to_tensor(
            &pixels,
            labels.len(),
            shape,
            network.parameters.kind,
            network.parameters.device,
        );
        let logits = match &folded {
            Some(folded) => folded.logits(&input),
            None => tch::no_grad(|| network.logits(&input, &Pass::eval())),
        };
        let scored = Scores::of(&logits, &labels);
        loss += scored.loss_sum;
        wrong += scored.wrong;
        predictions.extend(scored.predictions);
    }
    Evaluation {
        loss: loss / split.len().max(1) as f64,
        wrong,
        predictions,
    }
}

/// A batch of pixels as the tensor a network takes, in channels-last order.
pub fn to_tensor(
    pixels: &[f32],
    images: usize,
    shape: ImageShape,
    kind: Kind,
    device: Device,
) -> Tensor {
    let size = [
        images as i64,
        shape.channels as i64,
        shape.height as i64,
        shape.width as i64,
    ];
    let images = Tensor::from_slice(pixels).reshape(size);
    layout::channels_last(&images)
        .to_device(device)
        .to_kind(kind)
}

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
        let host = logits
            .detach()
            .to_device(Device::Cpu)
            .to_kind(Kind::Double)
            .contiguous();
        let classes = host
            .size()
            .last()
            .map_or(1, |&classes| classes as usize)
            .max(1);
        let mut values = vec![0.0_f64; host.numel()];
        let count = values.len();
        host.copy_data(&mut values, count);
        let mut scores = Scores {
            loss_sum: 0.0,
            wrong: 0,
            predictions: Vec::with_capacity(labels.len()),
        };
        for (row, &label) in values.chunks(classes).zip(labels) {
            let mut best = 0;
            for (class, value) in row.iter().enumerate() {
                if *value > row[best] {
                    best = class;
                }
            }
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
    fn logits_that_are_not_numbers_are_wrong() {
        let scores = Scores::of(&Tensor::from_slice(&[f64::NAN, 1.0]).reshape([1, 2]), &[0]);
        assert_eq!(scores.wrong, 1);
        assert!(scores.loss_sum.is_nan());
    }
}
