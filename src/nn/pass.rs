//! One pass through a network, and what layers with a custom backward pass leave in it.
//!
//! A layer replaces the derivative of an activation by a vector-Jacobian product of its own
//! ([`Pass::custom_backward`]), or computes its weights itself and says how gradients at them lead to its parameters
//! ([`Pass::custom_parameter_backward`]). The latter replaces a chain of recorded operations, each a call and a pass over
//! memory, by one pass each way. [`backward`](super::backward) puts both to use.

use std::cell::RefCell;

use rand_chacha::ChaCha8Rng;
use tch::Tensor;

use super::{init, native};
use crate::streams::{Purpose, stream};

/// A vector-Jacobian product: from the gradient at an operation's output to the one at its input.
pub type Vjp = Box<dyn Fn(&Tensor) -> Tensor>;

/// The same for several tensors: from the gradients at those computed, in their order, to those at the parameters, in
/// theirs.
pub type ParameterVjp = Box<dyn Fn(Vec<Tensor>) -> Vec<Tensor>>;

/// An operation on activations with its own backward pass. The graph ends at `input` and starts again at `output`.
pub(super) struct CustomBackward {
    pub(super) input: Tensor,
    pub(super) output: Tensor,
    pub(super) vjp: Vjp,
}

/// Leaves of the graph that were computed from parameters, with their own backward pass.
pub(super) struct CustomParameterBackward {
    pub(super) leaves: Vec<Tensor>,
    pub(super) parameters: Vec<Tensor>,
    pub(super) vjp: ParameterVjp,
}

/// One pass through the network: whether it trains (batch statistics, noise) or evaluates, the stream that noise is
/// drawn from in training, and the custom backward passes of its layers.
pub struct Pass {
    training: bool,
    noise: RefCell<ChaCha8Rng>,
    pub(super) custom: RefCell<Vec<CustomBackward>>,
    pub(super) custom_parameters: RefCell<Vec<CustomParameterBackward>>,
}

impl Pass {
    /// An evaluating pass.
    pub fn eval() -> Pass {
        Pass::new(false, stream(0, Purpose::Noise, 0))
    }

    /// The training pass of optimizer step `step` in the run with this seed.
    pub fn train(seed: u64, step: u64) -> Pass {
        Pass::new(true, stream(seed, Purpose::Noise, step))
    }

    fn new(training: bool, noise: ChaCha8Rng) -> Pass {
        Pass {
            training,
            noise: RefCell::new(noise),
            custom: RefCell::default(),
            custom_parameters: RefCell::default(),
        }
    }

    /// Whether it trains.
    pub fn training(&self) -> bool {
        self.training
    }

    /// Independent standard normals of the shape, element type and device of `like`.
    pub fn normal(&self, shape: &[i64], like: &Tensor) -> Tensor {
        self.draw(like, |stream| init::standard_normal(shape, stream))
    }

    /// Independent draws of χ² with `degrees` > 0 degrees of freedom.
    pub fn chi_squared(&self, degrees: f64, shape: &[i64], like: &Tensor) -> Tensor {
        self.draw(like, |stream| init::chi_squared(degrees, shape, stream))
    }

    /// Independent uniform numbers in [0, 1).
    pub fn uniform(&self, shape: &[i64], like: &Tensor) -> Tensor {
        self.draw(like, |stream| init::uniform(shape, stream))
    }

    fn draw(&self, like: &Tensor, values: impl FnOnce(&mut ChaCha8Rng) -> Tensor) -> Tensor {
        let values = values(&mut self.noise.borrow_mut());
        native::sent(&values.to_kind(like.kind()), like.device())
    }

    /// Replaces the derivative of `value` with respect to `input` by `vjp`: returns `value` as the leaf that the rest of
    /// the network is computed from. `vjp` is called in the backward pass, once, without recording, with ∂loss/∂value,
    /// and returns what stands in for ∂loss/∂input, of the input's shape.
    pub fn custom_backward(&self, input: Tensor, value: &Tensor, vjp: Vjp) -> Tensor {
        let output = value.detach();
        if !input.requires_grad() {
            return output;
        }
        let output = output.set_requires_grad(true);
        self.custom.borrow_mut().push(CustomBackward {
            input,
            output: output.shallow_clone(),
            vjp,
        });
        output
    }

    /// Makes `values`, computed from `parameters` without recording, leaves of the graph. `vjp` is called in the backward
    /// pass, once, without recording, with the gradients at them and returns those at the parameters. Only
    /// [`gradients`](super::backward::gradients) and [`gradients_at`](super::backward::gradients_at) know of it: a
    /// parameter that is reached so has no gradient in libtorch's eyes.
    pub fn custom_parameter_backward<const N: usize>(
        &self,
        values: [Tensor; N],
        parameters: &[&Tensor],
        vjp: ParameterVjp,
    ) -> [Tensor; N] {
        let leaves = values.map(|value| value.set_requires_grad(true));
        let made = CustomParameterBackward {
            leaves: leaves.iter().map(Tensor::shallow_clone).collect(),
            parameters: parameters.iter().map(|p| p.shallow_clone()).collect(),
            vjp,
        };
        self.custom_parameters.borrow_mut().push(made);
        leaves
    }
}
