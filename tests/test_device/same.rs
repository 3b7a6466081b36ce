//! Every method trains there as on the CPU.

use anyhow::Result;
use normprop::config::RunConfig;
use normprop::engine::trainer::Trainer;
use normprop::engine::{Interrupt, setup};
use normprop::event::{Event, Observer};
use normprop::methods::{Descriptor, METHODS};
use normprop::nn::NetworkKind;
use normprop::nn::residual::Order;
use tch::{Device, Tensor};

use crate::load::TestDevice;

/// What an epoch tells: the loss of every step, then what the evaluations and the probe say.
#[derive(Default)]
struct Told(Vec<f64>);

impl Observer for Told {
    fn on(&mut self, event: &Event) -> Result<()> {
        match event {
            Event::Step { row, .. } => self.0.push(row.loss),
            Event::Epoch { row, layers } => {
                let numbers = [
                    row.train_loss,
                    row.train_error,
                    row.test_loss,
                    row.test_error,
                    row.grad_norm,
                ];
                self.0.extend(numbers);
                self.0.extend(
                    layers
                        .iter()
                        .flat_map(|layer| [layer.pre_std, layer.post_mean, layer.row_norm_mean]),
                );
            }
            _ => {}
        }
        Ok(())
    }
}

/// Every kind of network.
pub const KINDS: [NetworkKind; 5] = [
    NetworkKind::Convolutional,
    NetworkKind::Dense,
    NetworkKind::Recurrent,
    NetworkKind::Residual(Order::PreActivation),
    NetworkKind::Residual(Order::PostActivation),
];

/// The keys of a small network of a kind. Away from convolutions gradients of some methods grow so much in eight steps
/// at the default rates that rounding shows.
pub fn network(kind: NetworkKind) -> String {
    match kind {
        NetworkKind::Convolutional => "width = 0.05".to_owned(),
        NetworkKind::Dense => "model = \"mlp\"\nmlp_widths = [16, 16]\nlr = 0.001".to_owned(),
        NetworkKind::Recurrent => "model = \"lstm\"\nlstm_hidden = 8\nlr = 0.01".to_owned(),
        NetworkKind::Residual(order) => format!(
            "model = \"resnet\"\ndepth = 8\nwidth = 0.125\nlr = 0.001\norder = \"{}\"",
            order.name()
        ),
    }
}

/// Eight steps in float64, and what is told of them.
fn trained(device: &str, keys: &str, method: &str) -> Result<Vec<f64>> {
    let text = format!(
        "train_subset = 30\ntest_subset = 10\nbatch_size = 4\nepochs = 1\nprobe_images = 10\nprecision = \"f64\"\n\
         augment = \"crop-flip\"\ndevice = \"{device}\"\n{keys}\nmethod = {{ {method} }}"
    );
    let config = RunConfig::from_table(text.parse()?)?;
    let dataset = setup::load_dataset(&config, &setup::data_dir())?;
    let mut told = Told::default();
    Trainer::new(config, &dataset)?.run(&mut [&mut told], &Interrupt::default())?;
    Ok(told.0)
}

/// What differs between the devices; nothing where all is equal.
fn difference(keys: &str, method: &str) -> Option<String> {
    let (here, there) = match (trained("cpu", keys, method), trained("cuda", keys, method)) {
        (Ok(here), Ok(there)) => (here, there),
        (Err(error), _) => return Some(format!("on the CPU: {error:#}")),
        (_, Err(error)) => return Some(format!("{error:#}")),
    };
    assert_eq!(here.len(), there.len());
    let gap = |(a, b): (&f64, &f64)| match a == b || a.is_nan() && b.is_nan() {
        true => 0.0,
        false => (a - b).abs() / a.abs().max(1e-2),
    };
    let largest = here.iter().zip(&there).map(gap).fold(0.0, f64::max);
    // Whitening divides by differences of eigenvalues, and four images leave some that are close.
    let bound = match method.contains("decorrelated-bn") {
        true => 1e-9,
        false => 1e-12,
    };
    (largest.is_nan() || largest > bound)
        .then(|| format!("{largest:.1e} apart: {here:?} and {there:?}"))
}

/// Asserts that all methods that serve a kind of network train it alike.
#[track_caller]
fn all_train_alike(kind: NetworkKind) {
    let Some((device, _turn)) = TestDevice::alone() else {
        return;
    };
    let served: Vec<&Descriptor> = METHODS
        .iter()
        .copied()
        .filter(|method| method.serves(kind))
        .collect();
    assert!(!served.is_empty());
    let mut apart = Vec::new();
    for method in served {
        let found = difference(&network(kind), &format!("name = \"{}\"", method.name));
        apart.extend(found.map(|what| format!("{}: {what}", method.name)));
    }
    assert!(apart.is_empty(), "{}", apart.join("\n"));
    assert_eq!(device.counts().mixed, 0, "{}", device.tell());
}

#[test]
fn every_method_trains_convolutions_as_on_the_cpu() {
    all_train_alike(NetworkKind::Convolutional);
}

#[test]
fn every_method_trains_an_mlp_as_on_the_cpu() {
    all_train_alike(NetworkKind::Dense);
}

#[test]
fn every_method_trains_an_lstm_as_on_the_cpu() {
    all_train_alike(NetworkKind::Recurrent);
}

#[test]
fn every_method_trains_residual_units_as_on_the_cpu() {
    all_train_alike(NetworkKind::Residual(Order::PreActivation));
    all_train_alike(NetworkKind::Residual(Order::PostActivation));
}

#[test]
fn every_optimizer_moves_parameters_as_on_the_cpu() {
    let Some((device, _turn)) = TestDevice::alone() else {
        return;
    };
    let with = |keys: &str| format!("{}\n{keys}", network(NetworkKind::Convolutional));
    let rates = "gain_lr_factor = 0.5\nshift_lr_factor = 0.1\nweight_decay = 0.01";
    for keys in [
        "nesterov = true",
        "momentum = 0.0",
        "optimizer = \"adam\"",
        "optimizer = \"adam\"\namsgrad = true",
        "optimizer = \"adamw\"\ndecay_all = true",
        "optimizer = \"rmsprop\"\nmomentum = 0.9\nlr = 1e-3",
        "optimizer = \"rmsprop\"\ncentered = true\nlr = 1e-3",
    ] {
        for method in ["none", "normprop"] {
            let found = difference(
                &with(&format!("{keys}\n{rates}")),
                &format!("name = \"{method}\""),
            );
            assert!(found.is_none(), "{method}, {keys}: {found:?}");
        }
    }
    assert_eq!(device.counts().mixed, 0, "{}", device.tell());
}

#[test]
fn clipped_gradients_move_parameters_as_on_the_cpu() {
    let Some((device, _turn)) = TestDevice::alone() else {
        return;
    };
    for keys in ["clip_norm = 0.01", "clip_norm = 1e9", "clip_units = 0.01"] {
        let keys = format!("{}\n{keys}", network(NetworkKind::Convolutional));
        let found = difference(&keys, "name = \"normprop\"");
        assert!(found.is_none(), "{keys}: {found:?}");
    }
    assert_eq!(device.counts().mixed, 0, "{}", device.tell());
}

#[test]
fn operands_on_two_devices_are_an_error_and_counted() {
    let Some((device, _turn)) = TestDevice::alone() else {
        return;
    };
    let here = Tensor::from_slice(&[1.0, 2.0]);
    let there = here.to_device(Device::Cuda(0));
    assert_eq!(there.device(), Device::Cuda(0));
    // libtorch itself compares the devices of the operands of most operations, as it does for CUDA; not those of these.
    assert!(here.f_add(&there).is_err());
    let image = Tensor::ones([1, 1, 3, 3], (tch::Kind::Float, Device::Cuda(0)));
    let kernel = Tensor::ones([1, 1, 3, 3], (tch::Kind::Float, Device::Cpu));
    let mixed = image.f_conv2d(&kernel, None::<Tensor>, [1, 1], [0, 0], [1, 1], 1);
    assert!(mixed.is_err());
    assert_eq!(device.counts().mixed, 1, "{}", device.tell());
    // A single number of the host is an argument.
    let sum = &there + &Tensor::from(1.0);
    let before = device.counts();
    assert_eq!(sum.double_value(&[1]), 3.0);
    let counted = device.counts().since(before);
    assert_eq!((counted.waits, counted.operations), (1, 0));
    let values = Vec::<f64>::try_from(&sum).unwrap();
    assert_eq!(values, [2.0, 3.0]);
    let counted = device.counts().since(before);
    assert_eq!(
        (counted.to_host, counted.to_device),
        (1, 0),
        "{}",
        device.tell()
    );
}
