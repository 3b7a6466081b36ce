//! Every fast way through a method computes what the plain one does.

use super::*;

#[test]
fn fused_forward_equals_the_two_halves() {
    for method in METHODS {
        // Two equal networks, since a training pass may move what evaluation uses.
        for ((network, x), (twin, _)) in both(method).into_iter().zip(both(method)) {
            for training in [true, false] {
                let pass = || {
                    if training {
                        Pass::train(0, 0)
                    } else {
                        Pass::eval()
                    }
                };
                let halves = pass();
                let mut signal = network.input(&x);
                for built in &network.blocks {
                    let value = signal.value();
                    let plain = Signal {
                        estimate: signal.estimate,
                        ..Signal::plain(value)
                    };
                    let pre = built.layer.pre_activation(&plain, &halves);
                    signal = built.layer.post_activation(pre, &halves);
                }
                let textbook = network.pool_globally(signal);
                assert!(
                    gap(&twin.logits(&x, &pass()), &textbook) < 1e-10,
                    "{}",
                    method.name
                );
            }
        }
    }
}

#[test]
fn every_method_trains_and_folds_in_mixed_precision() {
    for method in METHODS {
        for kind in kinds(method).filter(|&kind| kind != NetworkKind::Recurrent) {
            // A trained slope is a parameter that meets narrow activations.
            for activation in [Activation::Relu, Activation::Prelu { slope: 0.25 }] {
                let what = format!("{} {kind:?} {activation}", method.name);
                let (wide, narrow) = (
                    gradients_in(Kind::Float, method, kind, activation, &what),
                    gradients_in(Kind::BFloat16, method, kind, activation, &what),
                );
                let inner = |a: &Tensor, b: &Tensor| (a * b).sum(Kind::Double).double_value(&[]);
                let lengths = (inner(&wide, &wide) * inner(&narrow, &narrow)).sqrt();
                assert!(inner(&wide, &narrow) > 0.95 * lengths, "{what}");
                assert_ne!(wide, narrow, "{what}");
            }
        }
    }
}

/// All gradients of a float32 network whose activations have this element type, in one vector.
fn gradients_in(
    compute: Kind,
    method: &'static Descriptor,
    kind: NetworkKind,
    activation: Activation,
    what: &str,
) -> Tensor {
    let blocks = match kind {
        NetworkKind::Dense => perceptron(12, 4, &[16, 16], activation),
        _ => conv_blocks(activation),
    };
    let x = built(method, kind).1.to_kind(Kind::Float);
    let options = method.resolve(&toml::Table::new()).unwrap();
    let mut network = method
        .network(&options, blocks, 3, Kind::Float, Device::Cpu)
        .unwrap();
    network.compute = compute;
    let pass = Pass::train(0, 0);
    let loss = loss(&network, &x, &pass);
    let found = backward::gradients(&loss, &network.parameters, &pass);
    assert!(
        found.iter().all(|gradient| gradient.kind() == Kind::Float),
        "{what}"
    );
    let evaluated = network.logits(&x, &Pass::eval());
    assert_eq!(evaluated.kind(), Kind::Float, "{what}");
    if let Some(folded) = network.fold() {
        let largest = evaluated.abs().max().double_value(&[]).max(1.0);
        assert!(
            gap(&folded.logits(&x), &evaluated) < 0.05 * largest,
            "{what}"
        );
    }
    let flat: Vec<Tensor> = found
        .iter()
        .map(|gradient| gradient.flatten(0, -1))
        .collect();
    Tensor::cat(&flat, 0)
}

#[test]
fn folded_networks_compute_what_evaluation_does() {
    for method in METHODS {
        for kind in kinds(method).filter(|&kind| kind != NetworkKind::Recurrent) {
            let (network, x) = built(method, kind);
            // Gains, shifts and averages away from where they start.
            for (index, parameter) in network.parameters.iter().enumerate() {
                let change = gaussian(&parameter.tensor.size(), 40 + index as u64) * 0.1;
                let moved = &parameter.tensor * change.exp() + 0.03;
                tch::no_grad(|| parameter.tensor.shallow_clone().copy_(&moved));
            }
            let folded = network.fold();
            assert_eq!(folded.is_some(), method.folds, "{} {kind:?}", method.name);
            let Some(folded) = folded else { continue };
            let expected = network.logits(&x, &Pass::eval());
            let scale = expected.abs().max().double_value(&[]).max(1.0);
            let gap = gap(&folded.logits(&x), &expected);
            assert!(gap < 1e-10 * scale, "{} {kind:?}: {gap}", method.name);
        }
    }
}
