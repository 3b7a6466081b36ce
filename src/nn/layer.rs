//! The contract between a network and the methods: what a layer does, and what it is built from.

use std::cell::RefCell;
use std::rc::Rc;

use anyhow::Result;
use rand_chacha::ChaCha8Rng;
use tch::{Device, Kind, Tensor};

use super::backward::{Cut, Derived};
use super::block::{Block, MaxPool};
use super::fold::Folded;
use super::init;
use super::parameters::{Parameters, Role};
use super::propagation::ChannelMoments;
use super::sgd::UpdateRule;
use crate::moments::Activation;
use crate::streams::{Purpose, stream};

/// Whether a forward pass trains (batch statistics, noise) or evaluates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Training.
    Train,
    /// Evaluation.
    Eval,
}

/// One pass through the network: its mode, the stream that noise is drawn from in training, and what layers with a
/// backward pass of their own put in the place of activations (cuts) and of parameters (derived tensors).
#[derive(Debug)]
pub struct Pass {
    /// Training or evaluation.
    pub mode: Mode,
    noise: RefCell<ChaCha8Rng>,
    pub(super) cuts: RefCell<Vec<Cut>>,
    pub(super) derived: RefCell<Vec<Derived>>,
}

impl Pass {
    /// An evaluating pass.
    pub fn eval() -> Pass {
        Pass::new(Mode::Eval, stream(0, Purpose::Noise, 0))
    }

    /// The training pass of optimizer step `step` in the run with this seed.
    pub fn train(seed: u64, step: u64) -> Pass {
        Pass::new(Mode::Train, stream(seed, Purpose::Noise, step))
    }

    fn new(mode: Mode, noise: ChaCha8Rng) -> Pass {
        Pass {
            mode,
            noise: RefCell::new(noise),
            cuts: RefCell::default(),
            derived: RefCell::default(),
        }
    }

    /// Whether it trains.
    pub fn training(&self) -> bool {
        self.mode == Mode::Train
    }

    /// Independent standard normals of the shape, element type and device of `like`.
    pub fn normal(&self, shape: &[i64], like: &Tensor) -> Tensor {
        let values = init::standard_normal(shape, &mut self.noise.borrow_mut());
        values.to_device(like.device()).to_kind(like.kind())
    }

    /// Independent draws of χ² with `degrees` > 0 degrees of freedom.
    pub fn chi_squared(&self, degrees: f64, shape: &[i64], like: &Tensor) -> Tensor {
        let values = init::chi_squared(degrees, shape, &mut self.noise.borrow_mut());
        values.to_device(like.device()).to_kind(like.kind())
    }

    /// Independent uniform numbers in [0, 1).
    pub fn uniform(&self, shape: &[i64], like: &Tensor) -> Tensor {
        let values = init::uniform(shape, &mut self.noise.borrow_mut());
        values.to_device(like.device()).to_kind(like.kind())
    }
}

/// What a method believes of a signal without looking at it. A method reads only what its own layers wrote.
#[derive(Debug)]
pub enum Estimate {
    /// Mean and variance of each channel.
    Moments(ChannelMoments),
    /// Draws from the signal's estimated distribution, shaped like the signal.
    Sample(Tensor),
}

/// What flows from block to block: (x + `offset`)·`scale`.
///
/// Numbers that are the same everywhere cost a pass over all activations when they are worked in, and nothing when the
/// next linear operation takes them into its weights and bias; so they travel beside the tensor.
#[derive(Debug)]
pub struct Signal {
    /// The tensor.
    pub x: Tensor,
    /// What is still to be added to it.
    pub offset: f64,
    /// What the sum is still to be multiplied by.
    pub scale: f64,
    /// What the method that made it estimates of its value; nothing on data.
    pub estimate: Option<Estimate>,
}

impl Signal {
    /// A tensor as it is.
    pub fn plain(x: Tensor) -> Signal {
        Signal::scaled(x, 1.0)
    }

    /// A tensor and its pending factor.
    pub fn scaled(x: Tensor, scale: f64) -> Signal {
        Signal {
            x,
            offset: 0.0,
            scale,
            estimate: None,
        }
    }

    /// The same signal with an estimate of its value.
    pub fn with_estimate(self, estimate: Estimate) -> Signal {
        Signal {
            estimate: Some(estimate),
            ..self
        }
    }

    /// x + offset.
    pub fn shifted(&self) -> Tensor {
        if self.offset == 0.0 {
            self.x.shallow_clone()
        } else {
            &self.x + self.offset
        }
    }

    /// The value, worked out.
    pub fn value(&self) -> Tensor {
        if self.scale == 1.0 {
            self.shifted()
        } else {
            self.shifted() * self.scale
        }
    }
}

/// One block of a network under one method. Owns handles to its parameters and buffers.
pub trait Layer {
    /// What enters the activation: linear operation and normalization. Shape `[N, outputs, ...]`.
    fn pre_activation(&self, input: &Signal, pass: &Pass) -> Tensor;

    /// Activation, pool and whatever the method does behind them. May overwrite `pre`.
    fn post_activation(&self, pre: Tensor, pass: &Pass) -> Signal;

    /// The whole block. Methods may fuse the two halves; a test holds them equal.
    fn forward(&self, input: &Signal, pass: &Pass) -> Signal {
        self.post_activation(self.pre_activation(input, pass), pass)
    }

    /// Called once before training, without gradients, with what the layer receives from a batch of training
    /// images: for data-dependent initialization.
    fn initialize(&self, _input: &Signal) {}

    /// Called before an evaluation that follows training: drops the population statistics and returns true
    /// if the layer wants them gathered anew, by training passes over the training images.
    fn restart_population(&self) -> bool {
        false
    }

    /// What the block computes in evaluation as one plain linear operation, with the parameters as they are now;
    /// `None` where it is none. Called without gradients.
    fn fold(&self) -> Option<Folded> {
        None
    }

    /// Called without gradients after each optimizer step, to restore what the method keeps fixed.
    fn after_step(&self) {}
}

/// What a method's `build` function works with: a name space for parameters and the block's directions.
pub struct Builder<'a> {
    parameters: &'a mut Parameters,
    prefix: String,
    directions: Tensor,
}

impl<'a> Builder<'a> {
    /// A builder for the block called `prefix`, with its directions.
    pub fn new(parameters: &'a mut Parameters, prefix: &str, directions: Tensor) -> Builder<'a> {
        Builder {
            parameters,
            prefix: prefix.into(),
            directions,
        }
    }

    /// Standard normals of the weight's shape, the same for every method with the same seed.
    pub fn direction(&self) -> Tensor {
        self.directions.copy()
    }

    /// A vector filled with `value`.
    pub fn filled(&self, length: i64, value: f64) -> Tensor {
        Tensor::full([length], value, (Kind::Double, Device::Cpu))
    }

    /// Registers a weight.
    pub fn weight(&mut self, name: &str, initial: Tensor) -> Result<Tensor> {
        self.register(name, Role::Weight, initial)
    }

    /// Registers a gain.
    pub fn gain(&mut self, name: &str, initial: Tensor) -> Result<Tensor> {
        self.register(name, Role::Gain, initial)
    }

    /// Registers a shift or bias.
    pub fn shift(&mut self, name: &str, initial: Tensor) -> Result<Tensor> {
        self.register(name, Role::Shift, initial)
    }

    /// Registers a parameter of the activation.
    pub fn activation(&mut self, name: &str, initial: Tensor) -> Result<Tensor> {
        self.register(name, Role::Activation, initial)
    }

    /// Registers a buffer: saved, not trained.
    pub fn buffer(&mut self, name: &str, initial: Tensor) -> Result<Tensor> {
        self.register(name, Role::Buffer, initial)
    }

    /// Lets `rule` update the trained tensor that was registered as `name`.
    pub fn rule(&mut self, name: &str, rule: Rc<dyn UpdateRule>) -> Result<()> {
        self.parameters
            .set_rule(&format!("{}.{name}", self.prefix), rule)
    }

    fn register(&mut self, name: &str, role: Role, initial: Tensor) -> Result<Tensor> {
        self.parameters
            .register(format!("{}.{name}", self.prefix), role, initial)
    }
}

/// The usual end of a block: activation, then pool.
#[derive(Debug)]
pub struct Tail {
    /// The activation.
    pub activation: Activation,
    /// PReLU's slope, `[channels]`.
    pub slope: Option<Tensor>,
    /// The pool.
    pub pool: Option<MaxPool>,
}

impl Tail {
    /// The tail of `block`, with a slope parameter `slope` for PReLU.
    pub fn build(block: &Block, builder: &mut Builder) -> Result<Tail> {
        Tail::build_for(block, block.op.outputs(), builder)
    }

    /// The same for a method that gives the activation another number of channels than the block's outputs.
    pub fn build_for(block: &Block, channels: i64, builder: &mut Builder) -> Result<Tail> {
        let slope = match block.activation {
            Activation::Prelu { slope } => {
                let initial = builder.filled(channels, slope);
                Some(builder.activation("slope", initial)?)
            }
            _ => None,
        };
        Ok(Tail {
            activation: block.activation,
            slope,
            pool: block.pool,
        })
    }

    /// The same tail, with a handle to the same slope.
    pub fn shallow_clone(&self) -> Tail {
        Tail {
            activation: self.activation,
            slope: self.slope.as_ref().map(Tensor::shallow_clone),
            pool: self.pool,
        }
    }

    /// pool(f(pre)). Overwrites `pre` where that is safe for the backward pass.
    pub fn apply(&self, pre: Tensor) -> Tensor {
        let active = self.activate(pre);
        match &self.pool {
            None => active,
            Some(pool) => pool.apply(&active),
        }
    }

    /// f(pre).
    pub fn activate(&self, mut pre: Tensor) -> Tensor {
        match self.activation {
            Activation::Identity => pre,
            Activation::Relu => pre.relu_(),
            Activation::LeakyRelu { slope } => leaky(&pre, slope),
            Activation::Prelu { slope } => match &self.slope {
                Some(slope) => pre.prelu(&slope.to_kind(pre.kind())),
                None => leaky(&pre, slope),
            },
            Activation::Elu { alpha } => {
                let negative = pre.clamp_max(0.0).expm1() * alpha;
                pre.clamp_min(0.0) + negative
            }
            Activation::Selu => pre.selu(),
            Activation::Gelu => pre.gelu("none"),
            Activation::Silu => pre.silu(),
            Activation::Tanh => pre.tanh_(),
            Activation::Sigmoid => pre.sigmoid_(),
            Activation::Softplus => pre.softplus(),
        }
    }
}

/// x for x > 0, slope·x otherwise, for any slope: the larger of the two is that only up to slope 1.
fn leaky(pre: &Tensor, slope: f64) -> Tensor {
    pre.prelu(&Tensor::full([1], slope, (pre.kind(), pre.device())))
}

#[cfg(test)]
mod tests;
