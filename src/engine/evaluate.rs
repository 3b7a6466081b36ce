//! Loss, error, calibration and predictions of a network on a split.

use crate::data::{ImageShape, Normalizer, Split};
use crate::nn::layout::to_values;
use crate::nn::{Calibration, Evaluator, Network, Scores};

/// Images evaluated at a time: large enough to fill the cores, small enough to stay in little memory.
const CHUNK: usize = 250;

/// What a network says about a split.
#[derive(Debug, Clone)]
pub struct Evaluation {
    /// Mean cross-entropy, in nats.
    pub loss: f64,
    /// Images misclassified.
    pub wrong: u64,
    /// How far the probabilities are those of being right.
    pub calibration: Calibration,
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
    let evaluator = Evaluator::new(network);
    let mut loss = 0.0;
    let mut wrong = 0;
    let mut calibration = Calibration::default();
    let mut predictions = Vec::with_capacity(split.len());
    let images = split.images.chunks(CHUNK * shape.pixels());
    for (images, labels) in images.zip(split.labels.chunks(CHUNK)) {
        let labels: Vec<i64> = labels.iter().map(|&label| i64::from(label)).collect();
        let pixels = normalizer.evaluation(images);
        let input = network.images(&pixels, shape.of_batch(labels.len()));
        let logits = evaluator.logits(&input);
        let classes = logits.size().last().copied().unwrap_or(1) as usize;
        let logits = to_values(&logits);
        let scored = Scores::of_values(&logits, classes, &labels);
        calibration.add(&logits, classes, &labels);
        loss += scored.loss_sum;
        wrong += scored.wrong;
        predictions.extend(scored.predictions);
    }
    Evaluation {
        loss: loss / split.len().max(1) as f64,
        wrong,
        calibration,
        predictions,
    }
}
