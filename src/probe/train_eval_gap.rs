//! What a network says of the same images as in training and as in evaluation.
//!
//! A method that takes statistics of the batch in training and averages of them in evaluation computes two functions;
//! how far they are apart is what its evaluation owes to the averages. Methods without such statistics have no gap.

use anyhow::{Result, ensure};
use tch::Tensor;

use super::restore_guard::RestoreGuard;
use crate::nn::{Network, Pass, Role, Scores};

/// Mean loss (nats) and error (a fraction) over the images.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MeanScores {
    /// Mean cross-entropy, in nats.
    pub loss: f64,
    /// Fraction misclassified.
    pub error: f64,
}

/// The same images seen in both ways.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrainEvalGap {
    /// Images seen.
    pub images: usize,
    /// As in training, batch by batch.
    pub training: MeanScores,
    /// As in evaluation.
    pub evaluation: MeanScores,
}

/// Sends `images` `[N, C, H, W]` through the network in batches of `batch_size`, an incomplete last one left out, in
/// both modes. `pass` makes the training pass of a batch. Running averages are the same afterwards, bit for bit.
pub fn measure(
    network: &Network,
    images: &Tensor,
    labels: &[i64],
    batch_size: usize,
    pass: &dyn Fn(u64) -> Pass,
) -> Result<TrainEvalGap> {
    let batches = labels.chunks_exact(batch_size);
    let count = batches.len() * batch_size;
    ensure!(
        count > 0,
        "{} images are fewer than a batch of {batch_size}",
        labels.len()
    );
    let entries = network.parameters.iter();
    let buffers = entries.filter(|entry| entry.role == Role::Buffer);
    let guard = RestoreGuard::of(buffers.map(|entry| &entry.tensor).collect());
    let (mut training, mut evaluation) = ((0.0, 0), (0.0, 0));
    for (index, labels) in batches.enumerate() {
        let batch = images.narrow(0, (index * batch_size) as i64, batch_size as i64);
        let add = |sum: &mut (f64, u64), pass: &Pass| {
            let logits = tch::no_grad(|| network.logits(&batch, pass));
            let scores = Scores::of(&logits, labels);
            sum.0 += scores.loss_sum;
            sum.1 += scores.wrong;
        };
        // In this order: a training pass changes the averages that the evaluation of the next batch must not see.
        add(&mut evaluation, &Pass::eval());
        add(&mut training, &pass(index as u64));
        guard.restore();
    }
    let mean = |(loss, wrong): (f64, u64)| MeanScores {
        loss: loss / count as f64,
        error: wrong as f64 / count as f64,
    };
    Ok(TrainEvalGap {
        images: count,
        training: mean(training),
        evaluation: mean(evaluation),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::conformance::{conv_network, gaussian};
    use crate::nn::parameters::to_named;

    fn look(method: &str, options: &str) -> (TrainEvalGap, bool) {
        let network = conv_network(method, options, 1);
        let images = gaussian(&[7, 2, 8, 8], 2);
        let state = || -> Vec<_> {
            let entries = network.parameters.iter();
            entries
                .map(|entry| to_named(&entry.name, &entry.tensor).unwrap())
                .collect()
        };
        let before = state();
        let labels = [0, 1, 2, 0, 1, 2, 0];
        let modes = measure(&network, &images, &labels, 3, &|i| Pass::train(0, i)).unwrap();
        (modes, before == state())
    }

    #[test]
    fn a_method_without_batch_statistics_has_no_gap() {
        let (modes, same) = look("normprop", "");
        assert!(same);
        assert!((modes.training.loss - modes.evaluation.loss).abs() < 1e-9);
        assert_eq!(modes.training.error, modes.evaluation.error);
        assert!(modes.training.loss > 0.1);
    }

    #[test]
    fn batch_normalization_has_one_and_its_averages_are_left_alone() {
        let (modes, same) = look("bn", "");
        assert!(same);
        assert!((modes.training.loss - modes.evaluation.loss).abs() > 1e-3);
    }

    #[test]
    fn too_few_images_are_an_error() {
        let network = conv_network("bn", "", 1);
        let images = gaussian(&[2, 2, 8, 8], 2);
        assert!(measure(&network, &images, &[0, 1], 3, &|_| Pass::eval()).is_err());
    }
}
