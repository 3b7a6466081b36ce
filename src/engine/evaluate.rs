//! Loss, error, calibration and predictions of a network on a split.

use tch::{Device, Tensor};

use crate::data::{ImageShape, Normalizer, Split};
use crate::nn::layout::values_of_all;
use crate::nn::{Calibration, Evaluator, Network, Scores};

/// Images evaluated at a time: large enough to fill the cores, small enough to stay in little memory.
const CHUNK: usize = 250;
/// The same for a device that is not the CPU.
const DEVICE_CHUNK: usize = 1000;

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
    let chunk = match network.parameters.device {
        Device::Cpu => CHUNK,
        _ => DEVICE_CHUNK,
    };
    let images = split.images.chunks(chunk * shape.pixels());
    let logits = images.map(|images| {
        let pixels = normalizer.evaluation(images);
        let size = shape.of_batch(images.len() / shape.pixels());
        evaluator.logits(&network.images(&pixels, size))
    });
    let logits: Vec<Tensor> = logits.collect();
    let mut loss = 0.0;
    let mut wrong = 0;
    let mut calibration = Calibration::default();
    let mut predictions = Vec::with_capacity(split.len());
    let values = values_of_all(&logits.iter().collect::<Vec<_>>());
    for (values, labels) in values.iter().zip(split.labels.chunks(chunk)) {
        let labels: Vec<i64> = labels.iter().map(|&label| i64::from(label)).collect();
        let classes = values.len() / labels.len().max(1);
        let scored = Scores::of_values(values, classes, &labels);
        calibration.add(values, classes, &labels);
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
