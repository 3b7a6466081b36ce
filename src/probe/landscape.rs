//! How smooth the loss is along the gradient: loss variation, gradient predictiveness and effective
//! smoothness (Santurkar, Tsipras, Ilyas, Mądry, 2018, arXiv:1805.11604).
//!
//! At parameters θ with the batch's loss L and gradient g = ∇L(θ), for step lengths ε: the loss L(θ − εg)
//! and the change of the gradient d(ε) = ‖g − ∇L(θ − εg)‖ over all parameters. Reported are the smallest
//! and largest of both, and β = max over ε of d(ε)/‖εg‖, the largest change of the gradient per distance.
//! L is the cross-entropy of that same batch in training mode, without weight decay. Steps are those of
//! the definition: what a method restores after an update (unit rows, say) is not restored here.
//!
//! Networks whose layers ignore the length of their weights have gradients that shrink as the weights
//! grow, so d(ε)/‖g‖ is reported beside d(ε).

use anyhow::{Result, ensure};
use tch::Tensor;

use super::restore_guard::RestoreGuard;
use crate::nn::backward::gradients_at;
use crate::nn::update::squared_length;
use crate::nn::{Parameters, Pass, Role};

/// The landscape along one gradient.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Landscape {
    /// L(θ).
    pub loss: f64,
    /// ‖g‖.
    pub gradient_norm: f64,
    /// Smallest L(θ − εg).
    pub loss_min: f64,
    /// Largest L(θ − εg).
    pub loss_max: f64,
    /// Smallest d(ε).
    pub change_min: f64,
    /// Largest d(ε).
    pub change_max: f64,
    /// Smallest d(ε)/‖g‖.
    pub relative_change_min: f64,
    /// Largest d(ε)/‖g‖.
    pub relative_change_max: f64,
    /// Largest d(ε)/(ε‖g‖).
    pub smoothness: f64,
}

/// A loss as the parameters are now, and the pass it was computed in.
pub type Loss<'l> = dyn Fn() -> (Tensor, Pass) + 'l;

/// Looks along the gradient of `loss` by the parameters at steps of these `lengths` (positive).
/// Parameters and buffers are the same afterwards, bit for bit.
pub fn probe(parameters: &Parameters, lengths: &[f64], loss: &Loss) -> Result<Landscape> {
    let of = |buffer: bool| {
        let entries = parameters
            .iter()
            .filter(move |entry| (entry.role == Role::Buffer) == buffer);
        entries.map(|entry| &entry.tensor).collect::<Vec<_>>()
    };
    probe_tensors(&of(false), &of(true), lengths, loss)
}

fn probe_tensors(
    trained: &[&Tensor],
    buffers: &[&Tensor],
    lengths: &[f64],
    loss: &Loss,
) -> Result<Landscape> {
    ensure!(!lengths.is_empty(), "no step lengths to look at");
    let guard = RestoreGuard::of([trained, buffers].concat());
    let (start, gradients) = loss_and_gradients(trained, loss)?;
    let gradient_norm = norm(&gradients);
    let mut found = Landscape {
        loss: start,
        gradient_norm,
        loss_min: f64::INFINITY,
        loss_max: f64::NEG_INFINITY,
        change_min: f64::INFINITY,
        change_max: 0.0,
        relative_change_min: f64::NAN,
        relative_change_max: f64::NAN,
        smoothness: 0.0,
    };
    for &length in lengths {
        guard.restore();
        {
            let _no_grad = tch::no_grad_guard();
            for (parameter, gradient) in trained.iter().zip(&gradients) {
                let _ = parameter.shallow_clone().g_sub_(&(gradient * length));
            }
        }
        let (there, changed) = loss_and_gradients(trained, loss)?;
        let differences: Vec<Tensor> = gradients.iter().zip(&changed).map(|(a, b)| a - b).collect();
        let change = norm(&differences);
        found.loss_min = lower(found.loss_min, there);
        found.loss_max = higher(found.loss_max, there);
        found.change_min = lower(found.change_min, change);
        found.change_max = higher(found.change_max, change);
        found.smoothness = higher(found.smoothness, change / (length * gradient_norm));
    }
    found.relative_change_min = found.change_min / gradient_norm;
    found.relative_change_max = found.change_max / gradient_norm;
    Ok(found)
}

/// The smaller one; a loss that is not a number counts as infinite.
fn lower(a: f64, b: f64) -> f64 {
    a.min(if b.is_nan() { f64::INFINITY } else { b })
}

fn higher(a: f64, b: f64) -> f64 {
    a.max(if b.is_nan() { f64::INFINITY } else { b })
}

fn loss_and_gradients(trained: &[&Tensor], loss: &Loss) -> Result<(f64, Vec<Tensor>)> {
    let (value, pass) = loss();
    // libtorch does not check this, and crashes.
    ensure!(
        value.requires_grad(),
        "the loss does not depend on the parameters"
    );
    let gradients = gradients_at(&value, trained, &pass);
    Ok((value.double_value(&[]), gradients))
}

fn norm(tensors: &[Tensor]) -> f64 {
    tensors.iter().map(squared_length).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::conformance::{conv_network, gaussian};
    use crate::nn::parameters::to_named;
    use crate::nn::scores::cross_entropy;
    use tch::{Device, Kind};

    /// L = ½·θᵀHθ with H = diag(1, 4), θ = (2, 1), in two parameters.
    fn quadratic() -> (Parameters, impl Fn() -> (Tensor, Pass)) {
        let mut parameters = Parameters::new(Kind::Double, Device::Cpu);
        let mut add = |name: &str, value: f64| {
            let initial = Tensor::from_slice(&[value]);
            parameters
                .register(name.into(), Role::Weight, initial)
                .unwrap()
        };
        let (first, second) = (add("a", 2.0), add("b", 1.0));
        let value = move || (first.square() * 0.5 + second.square() * 2.0).sum(Kind::Double);
        (parameters, move || (value(), Pass::train(0, 0)))
    }

    #[test]
    fn a_parabola_is_measured_exactly() {
        let (parameters, loss) = quadratic();
        let found = probe(&parameters, &[0.1, 0.3, 0.6], &loss).unwrap();
        // g = (2, 4), Hg = (2, 16), ‖g‖ = √20, ‖Hg‖ = √260; L(ε) = ½(2 − 2ε)² + 2(1 − 4ε)².
        let along = |e: f64| 0.5 * (2.0 - 2.0 * e).powi(2) + 2.0 * (1.0 - 4.0 * e).powi(2);
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
        close(found.loss, 4.0);
        close(found.gradient_norm, 20f64.sqrt());
        close(found.loss_min, along(0.3));
        close(found.loss_max, along(0.6));
        close(found.change_min, 0.1 * 260f64.sqrt());
        close(found.change_max, 0.6 * 260f64.sqrt());
        close(found.relative_change_max, 0.6 * 13f64.sqrt());
        close(found.smoothness, 13f64.sqrt());
        assert!(
            found.smoothness <= 4.0,
            "never above the largest eigenvalue"
        );
    }

    #[test]
    fn probing_leaves_parameters_and_buffers_bit_for_bit() {
        for method in ["bn", "normprop"] {
            let network = conv_network(method, "", 1);
            let images = gaussian(&[6, 2, 8, 8], 2);
            let labels = Tensor::from_slice(&[0_i64, 1, 2, 0, 1, 2]);
            let state = || -> Vec<_> {
                let entries = network.parameters.iter();
                entries
                    .map(|entry| to_named(&entry.name, &entry.tensor).unwrap())
                    .collect()
            };
            let before = state();
            let loss = || {
                let pass = Pass::train(0, 0);
                let value = cross_entropy(&network.logits(&images, &pass), &labels);
                (value, pass)
            };
            let found = probe(&network.parameters, &[0.1, 0.2], &loss).unwrap();
            assert_eq!(before, state(), "{method}");
            assert!(
                found.loss_min < found.loss && found.smoothness > 0.0,
                "{method} {found:?}"
            );
        }
    }

    #[test]
    fn the_state_is_put_back_when_probing_fails() {
        let (parameters, _) = quadratic();
        let values = || parameters.get("a").unwrap().double_value(&[0]);
        let constant = || (Tensor::from(1.0), Pass::train(0, 0));
        assert!(probe(&parameters, &[0.1], &constant).is_err());
        assert!(probe(&parameters, &[], &constant).is_err());
        assert_eq!(values(), 2.0);
    }

    #[test]
    fn a_loss_that_is_not_a_number_counts_as_infinite() {
        assert_eq!(lower(3.0, f64::NAN), 3.0);
        assert_eq!(higher(3.0, f64::NAN), f64::INFINITY);
    }

    #[test]
    fn scale_invariant_layers_have_gradients_that_shrink_as_weights_grow() {
        let images = gaussian(&[6, 2, 8, 8], 2);
        let labels = Tensor::from_slice(&[0_i64, 1, 2, 0, 1, 2]);
        let measure = |factor: f64| {
            let network = conv_network("bn", "eps = 0.0", 1);
            // Only the batch-normalized weights.
            let weights =
                ["conv1.weight", "conv2.weight"].map(|name| network.parameters.get(name).unwrap());
            for weight in weights {
                let _ = tch::no_grad(|| weight.shallow_clone().g_mul_scalar_(factor));
            }
            let loss = || {
                let pass = Pass::train(0, 0);
                let value = cross_entropy(&network.logits(&images, &pass), &labels);
                (value, pass)
            };
            probe_tensors(&weights, &[], &[0.1 * factor * factor], &loss).unwrap()
        };
        let (once, thrice) = (measure(1.0), measure(3.0));
        assert!((once.change_max / thrice.change_max / 3.0 - 1.0).abs() < 1e-6);
        assert!((once.relative_change_max / thrice.relative_change_max - 1.0).abs() < 1e-6);
    }
}
