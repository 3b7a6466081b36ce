//! What a method builds a layer with.

use std::rc::Rc;

use anyhow::Result;
use rand_chacha::ChaCha8Rng;
use tch::{Device, Kind, Tensor};

use super::{Parameters, Role, UpdateRule, init};
use crate::streams::{Purpose, stream};

/// What a method's `build` function works with: a name space for parameters and the block's directions.
pub struct Builder<'a> {
    parameters: &'a mut Parameters,
    prefix: String,
    directions: Tensor,
    /// Where further draws come from.
    source: ChaCha8Rng,
}

impl<'a> Builder<'a> {
    /// A builder for the block called `prefix`, with its directions.
    pub fn new(parameters: &'a mut Parameters, prefix: &str, directions: Tensor) -> Builder<'a> {
        Builder {
            parameters,
            prefix: prefix.into(),
            directions,
            source: stream(0, Purpose::Init, 0),
        }
    }

    /// The same with directions of this shape drawn from `source`, and further draws from there.
    pub fn drawn(
        parameters: &'a mut Parameters,
        prefix: &str,
        shape: &[i64],
        mut source: ChaCha8Rng,
    ) -> Builder<'a> {
        let directions = init::standard_normal(shape, &mut source);
        Builder {
            source,
            ..Builder::new(parameters, prefix, directions)
        }
    }

    /// Standard normals of the weight's shape, the same for every method with the same seed.
    pub fn direction(&self) -> Tensor {
        self.directions.copy()
    }

    /// Standard normals beside the directions.
    pub fn normals(&mut self, shape: &[i64]) -> Tensor {
        init::standard_normal(shape, &mut self.source)
    }

    /// The block registered last that has a tensor called `name`.
    pub fn latest_with(&self, name: &str) -> Option<String> {
        let ending = format!(".{name}");
        let entries = self.parameters.iter();
        let found = entries.filter_map(|entry| entry.name.strip_suffix(&ending));
        found.last().map(str::to_owned)
    }

    /// The tensor called `name` of a block built before.
    pub fn of_block(&self, block: &str, name: &str) -> Option<Tensor> {
        let found = self.parameters.get(&format!("{block}.{name}"));
        found.map(Tensor::shallow_clone)
    }

    /// A vector filled with `value`.
    pub fn filled(&self, length: i64, value: f64) -> Tensor {
        Tensor::full([length], value, (Kind::Double, Device::Cpu))
    }

    /// A tensor that is neither trained nor saved, in the element type and on the device of those registered.
    pub fn constant(&self, values: &Tensor) -> Tensor {
        let (kind, device) = (self.parameters.kind, self.parameters.device);
        values.to_device(device).to_kind(kind)
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

    /// The shift called `name`, without the block's own name before it, whose learning rate is multiplied by
    /// `rate_factor`: what several blocks share. The first that asks registers it.
    pub fn shared_shift(
        &mut self,
        name: &str,
        initial: Tensor,
        rate_factor: f64,
    ) -> Result<Tensor> {
        if let Some(tensor) = self.parameters.get(name) {
            return Ok(tensor.shallow_clone());
        }
        let tensor = self
            .parameters
            .register(name.into(), Role::Shift, initial)?;
        self.parameters.set_rate_factor(name, rate_factor)?;
        Ok(tensor)
    }

    /// Registers a parameter of the activation.
    pub fn activation(&mut self, name: &str, initial: Tensor) -> Result<Tensor> {
        self.register(name, Role::Activation, initial)
    }

    /// Registers a buffer: saved, not trained.
    pub fn buffer(&mut self, name: &str, initial: Tensor) -> Result<Tensor> {
        self.register(name, Role::Buffer, initial)
    }

    /// Registers a count: a buffer `[1]` that stays on the host.
    pub fn count(&mut self, name: &str, initial: f64) -> Result<Tensor> {
        let name = format!("{}.{name}", self.prefix);
        self.parameters.register_count(name, initial)
    }

    /// Lets `rule` update the trained tensor that was registered as `name`.
    pub fn rule(&mut self, name: &str, rule: Rc<dyn UpdateRule>) -> Result<()> {
        self.parameters
            .set_rule(&format!("{}.{name}", self.prefix), rule)
    }

    /// Multiplies the learning rate of the trained tensor that was registered as `name` by `factor`.
    pub fn rate_factor(&mut self, name: &str, factor: f64) -> Result<()> {
        self.parameters
            .set_rate_factor(&format!("{}.{name}", self.prefix), factor)
    }

    fn register(&mut self, name: &str, role: Role, initial: Tensor) -> Result<Tensor> {
        self.parameters
            .register(format!("{}.{name}", self.prefix), role, initial)
    }
}
