//! Gradients of a loss, also through layers with a custom backward pass.
//!
//! Where a layer has a vector-Jacobian product of its own, the graph ends at the operation's input and starts again at
//! its output, which is a leaf. The gradient is found segment by segment, from the loss to the first such operation: the
//! gradients that reach a leaf are added up, go through the product, and the result is what the segment before is
//! differentiated with. A network of residual units is cut where a unit begins, too, so that no two segments share a
//! part of the graph: libtorch forgets each part once it went through it.
//!
//! Weights that a layer computed itself are leaves too; the gradients at them are taken to the parameters at the end.

use tch::{Kind, Tensor};

use super::{Parameters, Pass};

/// ∂loss/∂p for every trained parameter p, in the order of [`Parameters::trainable`], zero where the loss
/// does not depend on it. `pass` is the one that the loss was computed in; its custom backward passes are used up.
pub fn gradients(loss: &Tensor, parameters: &Parameters, pass: &Pass) -> Vec<Tensor> {
    let trained: Vec<&Tensor> = parameters.trainable().map(|entry| &entry.tensor).collect();
    gradients_at(loss, &trained, pass)
}

/// The same with respect to any tensors that require gradients.
pub fn gradients_at(loss: &Tensor, trained: &[&Tensor], pass: &Pass) -> Vec<Tensor> {
    let computed = pass.custom_parameters.take();
    // Handles of one parameter share its memory, and no two parameters do.
    let places: Vec<_> = trained
        .iter()
        .map(|parameter| parameter.data_ptr())
        .collect();
    let mut wanted = trained.to_vec();
    wanted.extend(computed.iter().flat_map(|computed| &computed.leaves));
    let mut sums = by_segments(loss, &wanted, pass);
    let mut at_leaves = sums.split_off(trained.len()).into_iter();
    for custom in &computed {
        let gradients = custom.leaves.iter().zip(at_leaves.by_ref());
        let gradients = gradients.map(|(leaf, sum)| sum.unwrap_or_else(|| leaf.zeros_like()));
        let gradients = gradients.collect();
        let found = tch::no_grad(|| (custom.vjp)(gradients));
        for (parameter, gradient) in custom.parameters.iter().zip(found) {
            let place = parameter.data_ptr();
            if let Some(index) = places.iter().position(|&other| other == place) {
                add(&mut sums[index..=index], vec![gradient]);
            }
        }
    }
    let filled = sums.into_iter().zip(trained);
    filled
        .map(|(sum, p)| sum.unwrap_or_else(|| p.zeros_like()))
        .collect()
}

/// What libtorch finds at `wanted`, segment by segment; nothing where it finds none.
fn by_segments(loss: &Tensor, wanted: &[&Tensor], pass: &Pass) -> Vec<Option<Tensor>> {
    let customs = pass.custom.take();
    let mut sums: Vec<Option<Tensor>> = wanted.iter().map(|_| None).collect();
    let mut at_outputs: Vec<Option<Tensor>> = customs.iter().map(|_| None).collect();
    let mut objective = loss.shallow_clone();
    for (index, custom) in customs.iter().enumerate().rev() {
        let mut wanted = wanted.to_vec();
        wanted.extend(customs[..=index].iter().map(|custom| &custom.output));
        let mut found = Tensor::run_backward(&[&objective], &wanted, false, false);
        add(&mut at_outputs, found.split_off(sums.len()));
        add(&mut sums, found);
        let at_output = at_outputs[index]
            .take()
            .unwrap_or_else(|| custom.output.zeros_like());
        let at_input = tch::no_grad(|| (custom.vjp)(&at_output));
        objective = (&custom.input * at_input).sum(None::<Kind>);
    }
    add(
        &mut sums,
        Tensor::run_backward(&[&objective], wanted, false, false),
    );
    sums
}

/// Adds a segment's gradients, where there are any.
fn add(sums: &mut [Option<Tensor>], segment: Vec<Tensor>) {
    for (sum, gradient) in sums
        .iter_mut()
        .zip(segment)
        .filter(|(_, gradient)| gradient.defined())
    {
        *sum = Some(match sum.take() {
            None => gradient,
            Some(sum) => sum + gradient,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::parameters::Role;
    use tch::Device;

    fn parameters() -> (Parameters, Vec<Tensor>) {
        let mut parameters = Parameters::new(Kind::Double, Device::Cpu);
        let handles = (0..3)
            .map(|index| {
                let start =
                    Tensor::linspace(0.2, 1.0 + f64::from(index), 12, (Kind::Double, Device::Cpu));
                parameters
                    .register(format!("w{index}"), Role::Weight, start.reshape([3, 4]))
                    .unwrap()
            })
            .collect();
        (parameters, handles)
    }

    /// Two products with a tanh between them; both use w0. `tanh` computes the tanh.
    fn loss(handles: &[Tensor], tanh: impl Fn(Tensor) -> Tensor) -> Tensor {
        let hidden = tanh(handles[0].matmul(&handles[1].tr()));
        (hidden.matmul(&handles[0]).sin() * &handles[1]).sum(Kind::Double)
    }

    #[test]
    fn without_custom_passes_it_is_plain_backward_with_zeros_for_unused_parameters() {
        let (parameters, handles) = parameters();
        let found = gradients(
            &loss(&handles, |x| x.tanh()),
            &parameters,
            &Pass::train(0, 0),
        );
        let plain = Tensor::run_backward(
            &[&loss(&handles, |x| x.tanh())],
            &handles[..2],
            false,
            false,
        );
        assert_eq!(found[..2], plain[..]);
        assert_eq!(found[2], handles[2].zeros_like());
    }

    #[test]
    fn a_custom_backward_with_the_true_derivative_changes_nothing() {
        let (parameters, handles) = parameters();
        let plain = Tensor::run_backward(
            &[&loss(&handles, |x| x.tanh())],
            &handles[..2],
            false,
            false,
        );
        let pass = Pass::train(0, 0);
        let custom_tanh = |x: Tensor| {
            let value = x.tanh();
            let slope: Tensor = 1.0 - value.detach().square();
            pass.custom_backward(x, &value, Box::new(move |gradient| gradient * &slope))
        };
        let found = gradients(&loss(&handles, custom_tanh), &parameters, &pass);
        for (a, b) in found.iter().zip(&plain) {
            assert!((a - b).abs().max().double_value(&[]) < 1e-12);
        }
        assert!(found[0].abs().max().double_value(&[]) > 0.1);
    }

    #[test]
    fn computed_weights_lead_back_to_their_parameters() {
        let (parameters, handles) = parameters();
        let value = |leaf: &Tensor| (leaf.sin() * &handles[1] * &handles[0]).sum(Kind::Double);
        // w0 is used through the computed leaf and directly, and both ways count.
        let plain = gradients(
            &value(&(&handles[0] * &handles[2])),
            &parameters,
            &Pass::train(0, 0),
        );
        let pass = Pass::train(0, 0);
        let product = tch::no_grad(|| &handles[0] * &handles[2]);
        let (first, third) = (handles[0].detach(), handles[2].detach());
        let vjp = move |found: Vec<Tensor>| vec![&found[0] * &third, &found[0] * &first];
        let [leaf] =
            pass.custom_parameter_backward([product], &[&handles[0], &handles[2]], Box::new(vjp));
        let found = gradients(&value(&leaf), &parameters, &pass);
        for (a, b) in found.iter().zip(&plain) {
            assert!((a - b).abs().max().double_value(&[]) < 1e-12);
        }
        assert!(found[2].abs().max().double_value(&[]) > 0.1);
    }

    #[test]
    fn two_custom_backwards_are_passed_from_the_last_to_the_first() {
        let (parameters, handles) = parameters();
        let pass = Pass::train(0, 0);
        // Each rule multiplies the gradient of an identity: 3 at the first, 5 at the second.
        let first = &handles[0] * 2.0;
        let first = pass.custom_backward(
            first.shallow_clone(),
            &first,
            Box::new(|gradient| gradient * 3.0),
        );
        let second = first * &handles[1];
        let second = pass.custom_backward(
            second.shallow_clone(),
            &second,
            Box::new(|gradient| gradient * 5.0),
        );
        let found = gradients(
            &(second * &handles[2]).sum(Kind::Double),
            &parameters,
            &pass,
        );
        let expected = [
            &handles[1] * &handles[2] * 30.0,
            &handles[0] * &handles[2] * 10.0,
            &handles[0] * &handles[1] * 2.0,
        ];
        for (a, b) in found.iter().zip(&expected) {
            assert!((a - b).abs().max().double_value(&[]) < 1e-12);
        }
    }
}
