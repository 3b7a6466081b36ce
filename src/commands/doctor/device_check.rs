//! Whether a device computes: a training step whose numbers are known.

use anyhow::{Result, ensure};
use serde::Serialize;
use tch::{Cuda, Device, Kind, Tensor};

use crate::config::RunConfig;
use crate::engine::libtorch::Arithmetic;
use crate::engine::{device, gpu};
use crate::record::machine::Gpu;

/// A device, how a run computes there that asks for nothing else, and what is wrong with it.
#[derive(Debug, Serialize)]
pub struct DeviceCheck {
    device: String,
    gpu: Option<Gpu>,
    /// Whether products of float32 are rounded to TF32, as libtorch says.
    tf32: bool,
    /// Whether the same input gives the same bits, as libtorch says; the CPU needs no setting for that.
    deterministic: bool,
    problem: Option<String>,
}

/// Checks the CPU and every CUDA device.
pub fn all() -> Vec<DeviceCheck> {
    let gpus = (0..Cuda::device_count()).map(|index| format!("cuda:{index}"));
    let names = std::iter::once("cpu".to_owned()).chain(gpus);
    names.map(DeviceCheck::of).collect()
}

impl DeviceCheck {
    fn of(name: String) -> DeviceCheck {
        let config = RunConfig {
            device: name.clone(),
            ..RunConfig::default()
        };
        Arithmetic::of(&config).set();
        let arithmetic = Arithmetic::now();
        let found = device::find(&name);
        let gpu = found.as_ref().ok().and_then(|device| gpu::gpu(*device));
        let checked = found.and_then(train);
        DeviceCheck {
            gpu,
            tf32: arithmetic.tf32,
            deterministic: arithmetic.deterministic || !config.is_on_gpu(),
            device: name,
            problem: checked.err().map(|error| first_line(&error)),
        }
    }

    /// The device in a line.
    pub fn sentence(&self) -> String {
        let state = match self.problem {
            None => "works",
            Some(_) => "does not work",
        };
        let Some(gpu) = &self.gpu else {
            return format!("{}: {state}", self.device);
        };
        let shown = |fact: &Option<String>| fact.clone().unwrap_or_else(|| "unknown".to_owned());
        format!(
            "{}: {state}; {}, driver {}, CUDA {}, cuDNN {}; float32 {} TF32, {}",
            self.device,
            gpu.name.as_deref().unwrap_or("a GPU without a name"),
            shown(&gpu.driver),
            shown(&gpu.cuda),
            shown(&gpu.cudnn),
            if self.tf32 { "as" } else { "without" },
            if self.deterministic {
                "deterministic"
            } else {
                "not deterministic"
            },
        )
    }

    /// What is wrong, with the device's name.
    pub fn told_problem(&self) -> Option<String> {
        let problem = self.problem.as_ref()?;
        Some(format!("{}: {problem}", self.device))
    }
}

/// What libtorch says without the list of its functions behind.
fn first_line(error: &anyhow::Error) -> String {
    let text = format!("{error:#}");
    text.lines().next().unwrap_or_default().to_owned()
}

/// One step of a convolution's kernel down the sum of what it makes.
fn train(device: Device) -> Result<()> {
    let ones = |size: &[i64]| Tensor::f_ones(size, (Kind::Float, device));
    let image = ones(&[1, 1, 4, 4])?;
    let mut kernel = ones(&[1, 1, 3, 3])?.set_requires_grad(true);
    let sum =
        |tensor: &Tensor| -> Result<f64> { Ok(tensor.f_sum(Kind::Double)?.f_double_value(&[])?) };
    let made = image.f_conv2d(&kernel, None::<Tensor>, [1, 1], [0, 0], [1, 1], 1)?;
    let found = sum(&made)?;
    ensure!(
        found == 36.0,
        "a convolution is wrong: {found} in place of 36"
    );
    // Each of the 9 numbers of the kernel stands at 4 places of the image.
    let down = Tensor::f_run_backward(&[&made.f_sum(Kind::Float)?], &[&kernel], false, false)?;
    let found = sum(&down[0])?;
    ensure!(
        found == 36.0,
        "the gradient of a convolution is wrong: {found} in place of 36"
    );
    let _ = tch::no_grad(|| kernel.f_sub_(&(&down[0] * 0.5)))?;
    let found = sum(&kernel)?;
    ensure!(found == -9.0, "an update is wrong: {found} in place of -9");
    Ok(())
}
