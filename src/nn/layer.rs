//! The contract between a network and the methods: what the layer of a block does.

use tch::Tensor;

use super::{Folded, Pass, Signal};

/// One block of a network under one method. Owns handles to its parameters and buffers.
pub trait Layer {
    /// What enters the activation: linear operation and normalization. Shape `[N, outputs, ...]`. At the end of a residual
    /// branch without the factor by which the branch enters its sum.
    fn pre_activation(&self, input: &Signal, pass: &Pass) -> Tensor;

    /// Activation, pool and what the method does behind them. May overwrite `pre`.
    fn post_activation(&self, pre: Tensor, pass: &Pass) -> Signal;

    /// The whole block. Methods may fuse the two halves; a test holds them equal.
    fn forward(&self, input: &Signal, pass: &Pass) -> Signal {
        self.post_activation(self.pre_activation(input, pass), pass)
    }

    /// c of the sum c·(shortcut + branch) that the block ends, where it ends a residual unit.
    fn sum_factor(&self) -> f64 {
        1.0
    }

    /// Whether it replaces the derivative of an activation: see [`Pass::custom_backward`].
    fn has_custom_backward(&self) -> bool {
        false
    }

    /// Called once before training, without gradients, with what the layer receives from a batch of training
    /// images: for data-dependent initialization.
    fn initialize(&self, _input: &Signal) {}

    /// Called before an evaluation that follows training: drops the population statistics and returns true
    /// if the layer wants them gathered again, by training passes over the training images.
    fn restart_population(&self) -> bool {
        false
    }

    /// What the block computes in evaluation as one plain linear operation, with the parameters as they are now;
    /// `None` where it is none. Called without gradients.
    fn fold(&self) -> Option<Folded> {
        None
    }

    /// W_x, W_h and b, with the parameters as they are now, of a layer that is a plain LSTM in evaluation. Called without
    /// gradients.
    fn plain_lstm(&self) -> Option<[Tensor; 3]> {
        None
    }

    /// Called without gradients after each optimizer step, to restore what the method keeps fixed.
    fn after_step(&self) {}
}
