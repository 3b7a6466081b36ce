//! Gradients of a loss, also through layers whose backward pass is not the derivative of their forward pass.
//!
//! A layer that controls its own backward pass cuts the graph: what it received stays on the side *before*
//! the cut, what it computed becomes a fresh leaf *after* it. The gradient is then found segment by segment,
//! from the loss to the first cut: a segment's gradient at its leaf goes through the layer's rule, and the
//! result is what the segment before the cut is differentiated with. Cuts lie on a chain: every way from
//! before a cut to the loss passes that cut.
//!
//! The same at the other end: a layer whose weights are a cheap function of its parameters may compute them itself and
//! hand them to the network as *derived* leaves, with the rule that takes the gradients at them back to the parameters.
//! That replaces a chain of recorded operations, each a call and a pass over memory, by one pass each way.

use tch::{Kind, Tensor};

use super::layer::Pass;
use super::parameters::Parameters;

/// A rule that turns the gradient behind a cut into the gradient before it.
pub type Control = Box<dyn Fn(&Tensor) -> Tensor>;

/// A place where the graph is cut.
pub struct Cut {
    before: Tensor,
    after: Tensor,
    control: Control,
}

impl std::fmt::Debug for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cut")
            .field("before", &self.before)
            .field("after", &self.after)
            .finish_non_exhaustive()
    }
}

/// Takes the gradients at derived leaves, in their order, to those at the parameters, in theirs.
pub type TakeBack = Box<dyn Fn(Vec<Tensor>) -> Vec<Tensor>>;

/// Leaves that stand for a function of parameters.
pub struct Derived {
    leaves: Vec<Tensor>,
    parameters: Vec<Tensor>,
    take_back: TakeBack,
}

impl std::fmt::Debug for Derived {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Derived")
            .field("leaves", &self.leaves)
            .field("parameters", &self.parameters)
            .finish_non_exhaustive()
    }
}

impl Pass {
    /// Makes `values`, computed from `parameters` without recording, leaves of the graph. `take_back` is called in the
    /// backward pass, without recording, with the gradients at them and returns those at the parameters. Only [`gradients`] and
    /// [`gradients_at`] know of it: a parameter that is reached so has no gradient in libtorch's eyes.
    pub fn derive<const N: usize>(
        &self,
        values: [Tensor; N],
        parameters: &[&Tensor],
        take_back: TakeBack,
    ) -> [Tensor; N] {
        let leaves = values.map(|value| value.set_requires_grad(true));
        self.derived.borrow_mut().push(Derived {
            leaves: leaves.iter().map(Tensor::shallow_clone).collect(),
            parameters: parameters.iter().map(|p| p.shallow_clone()).collect(),
            take_back,
        });
        leaves
    }

    /// Replaces the derivative of `value` with respect to `input` by `control`: returns `value` as the leaf
    /// that the rest of the network is computed from. `control` is called in the backward pass, once, with
    /// ∂loss/∂value, and returns what stands in for ∂loss/∂input, of the input's shape.
    pub fn cut(&self, input: Tensor, value: &Tensor, control: Control) -> Tensor {
        let after = value.detach();
        if !input.requires_grad() {
            return after;
        }
        let after = after.set_requires_grad(true);
        self.cuts.borrow_mut().push(Cut {
            before: input,
            after: after.shallow_clone(),
            control,
        });
        after
    }
}

/// ∂loss/∂p for every trained parameter p, in the order of [`Parameters::trainable`], zero where the loss
/// does not depend on it. `pass` is the one that the loss was computed in; its cuts and derived leaves are used up.
pub fn gradients(loss: &Tensor, parameters: &Parameters, pass: &Pass) -> Vec<Tensor> {
    let trained: Vec<&Tensor> = parameters.trainable().map(|entry| &entry.tensor).collect();
    gradients_at(loss, &trained, pass)
}

/// The same with respect to any tensors that require gradients.
pub fn gradients_at(loss: &Tensor, trained: &[&Tensor], pass: &Pass) -> Vec<Tensor> {
    let derived = pass.derived.take();
    // Handles of one parameter share its memory, and no two parameters do.
    let places: Vec<_> = trained
        .iter()
        .map(|parameter| parameter.data_ptr())
        .collect();
    let mut wanted = trained.to_vec();
    wanted.extend(derived.iter().flat_map(|derived| &derived.leaves));
    let mut sums = through_cuts(loss, &wanted, pass);
    let mut at_leaves = sums.split_off(trained.len()).into_iter();
    for Derived {
        leaves,
        parameters,
        take_back,
    } in &derived
    {
        let gradients = leaves.iter().zip(at_leaves.by_ref());
        let gradients = gradients.map(|(leaf, sum)| sum.unwrap_or_else(|| leaf.zeros_like()));
        let gradients = gradients.collect();
        let found = tch::no_grad(|| take_back(gradients));
        for (parameter, gradient) in parameters.iter().zip(found) {
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
fn through_cuts(loss: &Tensor, wanted: &[&Tensor], pass: &Pass) -> Vec<Option<Tensor>> {
    let mut sums: Vec<Option<Tensor>> = wanted.iter().map(|_| None).collect();
    let mut objective = loss.shallow_clone();
    for cut in pass.cuts.take().into_iter().rev() {
        let mut wanted = wanted.to_vec();
        wanted.push(&cut.after);
        let mut found = Tensor::run_backward(&[&objective], &wanted, false, false);
        let behind = found
            .pop()
            .filter(Tensor::defined)
            .unwrap_or_else(|| cut.after.zeros_like());
        add(&mut sums, found);
        let controlled = tch::no_grad(|| (cut.control)(&behind));
        objective = (&cut.before * controlled).sum(None::<Kind>);
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

    /// Two products with a tanh between them; both use w0. `cut` says what happens at the tanh.
    fn loss(handles: &[Tensor], cut: impl Fn(Tensor) -> Tensor) -> Tensor {
        let hidden = cut(handles[0].matmul(&handles[1].tr()));
        (hidden.matmul(&handles[0]).sin() * &handles[1]).sum(Kind::Double)
    }

    #[test]
    fn without_cuts_it_is_plain_backward_with_zeros_for_unused_parameters() {
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
    fn a_cut_with_the_true_derivative_changes_nothing() {
        let (parameters, handles) = parameters();
        let plain = Tensor::run_backward(
            &[&loss(&handles, |x| x.tanh())],
            &handles[..2],
            false,
            false,
        );
        let pass = Pass::train(0, 0);
        let cut_tanh = |x: Tensor| {
            let value = x.tanh();
            let slope: Tensor = 1.0 - value.detach().square();
            pass.cut(x, &value, Box::new(move |gradient| gradient * &slope))
        };
        let found = gradients(&loss(&handles, cut_tanh), &parameters, &pass);
        for (a, b) in found.iter().zip(&plain) {
            assert!((a - b).abs().max().double_value(&[]) < 1e-12);
        }
        assert!(found[0].abs().max().double_value(&[]) > 0.1);
    }

    #[test]
    fn derived_leaves_lead_back_to_their_parameters() {
        let (parameters, handles) = parameters();
        let value = |leaf: &Tensor| (leaf.sin() * &handles[1] * &handles[0]).sum(Kind::Double);
        // w0 is used through the derived leaf and directly, and both ways count.
        let plain = gradients(
            &value(&(&handles[0] * &handles[2])),
            &parameters,
            &Pass::train(0, 0),
        );
        let pass = Pass::train(0, 0);
        let product = tch::no_grad(|| &handles[0] * &handles[2]);
        let (first, third) = (handles[0].detach(), handles[2].detach());
        let take_back = move |found: Vec<Tensor>| vec![&found[0] * &third, &found[0] * &first];
        let [leaf] = pass.derive([product], &[&handles[0], &handles[2]], Box::new(take_back));
        let found = gradients(&value(&leaf), &parameters, &pass);
        for (a, b) in found.iter().zip(&plain) {
            assert!((a - b).abs().max().double_value(&[]) < 1e-12);
        }
        assert!(found[2].abs().max().double_value(&[]) > 0.1);
    }

    #[test]
    fn two_cuts_are_passed_from_the_last_to_the_first() {
        let (parameters, handles) = parameters();
        let pass = Pass::train(0, 0);
        // Each rule multiplies the gradient of an identity: 3 at the first cut, 5 at the second.
        let first = &handles[0] * 2.0;
        let first = pass.cut(
            first.shallow_clone(),
            &first,
            Box::new(|gradient| gradient * 3.0),
        );
        let second = first * &handles[1];
        let second = pass.cut(
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
