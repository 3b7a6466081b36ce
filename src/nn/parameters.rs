//! Named tensors in a fixed order, each with a role.

use std::rc::Rc;

use anyhow::{Context, Result, bail};
use tch::{Device, Kind, Tensor};

use super::{UpdateRule, layout};
use crate::event::{ElementType, NamedTensor};

/// What a tensor is for: decides weight decay, and whether it is trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A linear operation's weight.
    Weight,
    /// A gain (gamma).
    Gain,
    /// A shift (beta) or bias.
    Shift,
    /// A parameter of an activation function.
    Activation,
    /// State that is kept but not trained, such as a running average.
    Buffer,
}

/// A tensor with its name and role. The tensor is a handle: layers hold handles to the same storage.
#[derive(Debug)]
pub struct Parameter {
    /// Unique, dotted: `<layer>.<what>`.
    pub name: String,
    /// Role.
    pub role: Role,
    /// Handle.
    pub tensor: Tensor,
    /// What updates it; the optimizer's own step where there is none.
    pub rule: Option<Rc<dyn UpdateRule>>,
    /// Multiplies its learning rate.
    pub rate_factor: f64,
}

impl Parameter {
    /// The layer that it belongs to.
    pub fn layer(&self) -> &str {
        self.name.split('.').next().unwrap_or(&self.name)
    }
}

/// All tensors of a network.
#[derive(Debug)]
pub struct Parameters {
    entries: Vec<Parameter>,
    /// Element type of every tensor.
    pub kind: Kind,
    /// Where they live, but for counts.
    pub device: Device,
}

impl Parameters {
    /// An empty set.
    pub fn new(kind: Kind, device: Device) -> Parameters {
        Parameters {
            entries: Vec::new(),
            kind,
            device,
        }
    }

    /// Registers `initial` and returns the handle that the layer keeps.
    pub fn register(&mut self, name: String, role: Role, initial: Tensor) -> Result<Tensor> {
        self.register_on(self.device, name, role, initial)
    }

    /// Registers a count, a buffer `[1]` that stays on the host: to look at it is to wait for nothing.
    pub fn register_count(&mut self, name: String, initial: f64) -> Result<Tensor> {
        self.register_on(
            Device::Cpu,
            name,
            Role::Buffer,
            Tensor::from_slice(&[initial]),
        )
    }

    fn register_on(
        &mut self,
        device: Device,
        name: String,
        role: Role,
        initial: Tensor,
    ) -> Result<Tensor> {
        if self.get(&name).is_some() {
            bail!("two parameters are called {name}");
        }
        let moved = initial.to_device(device).to_kind(self.kind).detach();
        let tensor = layout::channels_last(&moved);
        let tensor = tensor.set_requires_grad(role != Role::Buffer);
        let handle = tensor.shallow_clone();
        self.entries.push(Parameter {
            name,
            role,
            tensor,
            rule: None,
            rate_factor: 1.0,
        });
        Ok(handle)
    }

    /// Lets `rule` update the trained tensor called `name`.
    pub fn set_rule(&mut self, name: &str, rule: Rc<dyn UpdateRule>) -> Result<()> {
        self.trained(name)?.rule = Some(rule);
        Ok(())
    }

    /// Multiplies the learning rate of the trained tensor called `name` by `factor`.
    pub fn set_rate_factor(&mut self, name: &str, factor: f64) -> Result<()> {
        self.trained(name)?.rate_factor = factor;
        Ok(())
    }

    fn trained(&mut self, name: &str) -> Result<&mut Parameter> {
        let found = self
            .entries
            .iter_mut()
            .find(|entry| entry.name == name && entry.role != Role::Buffer);
        found.with_context(|| format!("no trained parameter is called {name}"))
    }

    /// The tensor called `name`.
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.entries
            .iter()
            .find(|entry| entry.name == name)
            .map(|entry| &entry.tensor)
    }

    /// Every tensor, in order of registration.
    pub fn iter(&self) -> impl Iterator<Item = &Parameter> {
        self.entries.iter()
    }

    /// The trained tensors, in order of registration.
    pub fn trainable(&self) -> impl Iterator<Item = &Parameter> {
        self.entries
            .iter()
            .filter(|entry| entry.role != Role::Buffer)
    }

    /// Whether every number that is trained is finite.
    pub fn are_finite(&self) -> bool {
        self.trainable()
            .all(|entry| entry.tensor.isfinite().all().int64_value(&[]) != 0)
    }

    /// Writes saved values into every tensor; all of them must be among `saved`.
    pub fn restore(&self, saved: &[NamedTensor]) -> Result<()> {
        self.entries
            .iter()
            .try_for_each(|entry| restore(&entry.tensor, find(saved, &entry.name)?))
    }

    /// What of `saved` fits in name and shape.
    pub fn fit(&self, saved: &[NamedTensor]) -> Fit {
        let mut fit = Fit::default();
        for entry in &self.entries {
            let shape = entry.tensor.size();
            match find(saved, &entry.name).map(shape_of) {
                Ok(there) if there == shape => {
                    fit.taken.push(entry.name.clone());
                    fit.weights += usize::from(entry.role == Role::Weight);
                }
                Ok(there) => {
                    let name = &entry.name;
                    fit.fresh
                        .push(format!("{name} ({there:?} there, {shape:?} here)"));
                }
                Err(_) => fit.fresh.push(format!("{} (not there)", entry.name)),
            }
        }
        let is_unknown = |tensor: &&NamedTensor| self.get(&tensor.name).is_none();
        let unknown = saved.iter().filter(is_unknown);
        fit.unused = unknown.map(|tensor| tensor.name.clone()).collect();
        fit
    }

    /// Writes those of `saved` that fit in name and shape, and leaves the others as they are.
    pub fn take_over(&self, saved: &[NamedTensor]) -> Result<()> {
        for entry in &self.entries {
            let there = find(saved, &entry.name).ok();
            if let Some(tensor) = there.filter(|there| shape_of(there) == entry.tensor.size()) {
                write(&entry.tensor, tensor)?;
            }
        }
        Ok(())
    }

    /// How many numbers are trained.
    pub fn trainable_count(&self) -> u64 {
        self.trainable()
            .map(|entry| entry.tensor.numel() as u64)
            .sum()
    }
}

/// What fits of saved tensors, by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fit {
    /// The same name and shape.
    pub taken: Vec<String>,
    /// How many of these are weights of linear operations.
    pub weights: usize,
    /// Of the network, with the reason why nothing fits.
    pub fresh: Vec<String>,
    /// Saved, and of no use here.
    pub unused: Vec<String>,
}

fn shape_of(saved: &NamedTensor) -> Vec<i64> {
    saved.shape.iter().map(|&extent| extent as i64).collect()
}

fn kind_of(saved: &NamedTensor) -> Kind {
    match saved.element {
        ElementType::F32 => Kind::Float,
        ElementType::F64 => Kind::Double,
        ElementType::I64 => Kind::Int64,
    }
}

/// Writes saved values of the same shape, in the element type of `tensor`.
fn write(tensor: &Tensor, saved: &NamedTensor) -> Result<()> {
    let values = Tensor::f_from_data_size(&saved.bytes, &shape_of(saved), kind_of(saved))?;
    tch::no_grad(|| tensor.shallow_clone().f_copy_(&values))?;
    Ok(())
}

/// The saved tensor called `name`.
pub fn find<'s>(saved: &'s [NamedTensor], name: &str) -> Result<&'s NamedTensor> {
    let found = saved.iter().find(|tensor| tensor.name == name);
    found.with_context(|| format!("the checkpoint has no tensor {name}"))
}

/// Copies a tensor's values out as bytes.
pub fn to_named(name: &str, tensor: &Tensor) -> Result<NamedTensor> {
    let element = match tensor.kind() {
        Kind::Float => ElementType::F32,
        Kind::Double => ElementType::F64,
        Kind::Int64 => ElementType::I64,
        other => bail!("{name}: element type {other:?} cannot be saved"),
    };
    let host = tensor.detach().to_device(Device::Cpu).contiguous();
    let mut bytes = vec![0_u8; host.numel() * host.kind().elt_size_in_bytes()];
    host.f_copy_data_u8(&mut bytes, host.numel())?;
    let shape = host.size().iter().map(|&extent| extent as usize).collect();
    Ok(NamedTensor {
        name: name.into(),
        element,
        shape,
        bytes,
    })
}

/// Writes saved values into `tensor`, which must have the same shape and element type.
pub fn restore(tensor: &Tensor, saved: &NamedTensor) -> Result<()> {
    let (shape, kind) = (shape_of(saved), kind_of(saved));
    if tensor.size() != shape || tensor.kind() != kind {
        bail!(
            "{}: the checkpoint holds {:?} {:?}, the network needs {:?} {:?}",
            saved.name,
            kind,
            shape,
            tensor.kind(),
            tensor.size()
        );
    }
    write(tensor, saved)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_must_differ() {
        let mut parameters = Parameters::new(Kind::Float, Device::Cpu);
        let one = || Tensor::ones([2], (Kind::Float, Device::Cpu));
        let _ = parameters
            .register("a.weight".into(), Role::Weight, one())
            .unwrap();
        let error = parameters
            .register("a.weight".into(), Role::Weight, one())
            .unwrap_err();
        assert!(error.to_string().contains("a.weight"));
    }

    #[test]
    fn what_fits_is_taken_over_and_the_rest_is_named() {
        let mut parameters = Parameters::new(Kind::Float, Device::Cpu);
        let ones = |size: i64| Tensor::ones([size], (Kind::Double, Device::Cpu));
        for (name, size) in [("a.weight", 2), ("b.weight", 3), ("c.weight", 1)] {
            let initial = ones(size);
            let _ = parameters
                .register(name.into(), Role::Weight, initial)
                .unwrap();
        }
        let saved = [("a.weight", 2), ("b.weight", 2), ("velocity.a.weight", 2)];
        let saved = saved.map(|(name, size)| to_named(name, &(ones(size) * 5)).unwrap());
        let fit = parameters.fit(&saved);
        assert_eq!((fit.taken, fit.weights), (vec!["a.weight".to_owned()], 1));
        assert_eq!(
            fit.fresh,
            ["b.weight ([2] there, [3] here)", "c.weight (not there)"]
        );
        assert_eq!(fit.unused, ["velocity.a.weight"]);
        parameters.take_over(&saved).unwrap();
        let sum = |name: &str| parameters.get(name).unwrap().sum(Kind::Double);
        assert_eq!(sum("a.weight").double_value(&[]), 10.0);
        assert_eq!(sum("b.weight").double_value(&[]), 3.0);
    }

    #[test]
    fn saved_values_return_bit_for_bit() {
        for kind in [Kind::Float, Kind::Double] {
            let original = Tensor::from_slice(&[1.5e-40, -0.0, f64::INFINITY, 3.1])
                .to_kind(kind)
                .reshape([2, 2]);
            let saved = to_named("x", &original).unwrap();
            let target = Tensor::zeros([2, 2], (kind, Device::Cpu)).set_requires_grad(true);
            restore(&target, &saved).unwrap();
            assert_eq!(to_named("x", &target).unwrap(), saved);
            let wrong = Tensor::zeros([4], (kind, Device::Cpu));
            assert!(
                restore(&wrong, &saved)
                    .unwrap_err()
                    .to_string()
                    .contains("[2, 2]")
            );
        }
    }
}
