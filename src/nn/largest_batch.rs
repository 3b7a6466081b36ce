//! How many images a training batch has, for formulas that hold this number.

use anyhow::Result;
use tch::Tensor;

use super::Builder;

/// The images of the largest batch seen in training, a count: the last batch of an epoch may be smaller.
#[derive(Debug)]
pub struct LargestBatch(Tensor);

impl LargestBatch {
    /// Registers the count `images`, started at 1.
    pub fn build(builder: &mut Builder) -> Result<LargestBatch> {
        Ok(LargestBatch(builder.count("images", 1.0)?))
    }

    /// Takes note of a training batch.
    pub fn see(&self, batch: &Tensor) {
        let images = batch.size()[0] as f64;
        let _ = tch::no_grad(|| self.0.shallow_clone().clamp_min_(images));
    }

    /// The number.
    pub fn images(&self) -> f64 {
        self.0.double_value(&[0]).round().max(1.0)
    }
}
