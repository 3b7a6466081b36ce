//! What every method says of itself is so.

use super::*;
use crate::nn::statistics::AT_THE_KINK;
use crate::nn::{AdamStep, Optimizer, OptimizerConfig, StepFormula};

#[test]
fn every_method_says_what_it_is() {
    for method in METHODS {
        let texts = [
            method.name,
            method.summary,
            method.formula,
            method.paper.authors,
            method.paper.title,
            method.paper.venue,
            method.extra_parameters,
        ];
        assert!(texts.iter().all(|text| !text.is_empty()), "{}", method.name);
        assert!(
            method.paper.year().is_some_and(|year| year > 1990),
            "{}",
            method.name
        );
    }
}

#[test]
fn gradients_equal_finite_differences_unless_declared() {
    for method in METHODS {
        for (network, x) in both(method) {
            let (relative, at) = gradient_gap(&network, &x);
            assert_eq!(
                relative < 1e-6,
                method.exact_gradient,
                "{} {at}",
                method.name
            );
        }
    }
}

#[test]
fn train_equals_eval_exactly_where_claimed() {
    for method in METHODS {
        for (network, x) in both(method) {
            // Evaluation first: training may move what it uses.
            let evaluated = network.logits(&x, &Pass::eval());
            let same = network.logits(&x, &Pass::train(0, 0)) == evaluated;
            assert_eq!(same, method.train_equals_eval, "{}", method.name);
        }
    }
}

#[test]
fn outputs_do_not_depend_on_the_rest_of_the_batch_unless_declared() {
    for method in METHODS {
        for ((network, x), (twin, _)) in quiet(method).into_iter().zip(quiet(method)) {
            let whole = network.logits(&x, &Pass::train(0, 0));
            // The last images, since images may also depend on those before them only.
            let part = twin.logits(&x.narrow(0, 5, 4), &Pass::train(0, 0));
            let independent = gap(&whole.narrow(0, 5, 4), &part) < 1e-12;
            assert_eq!(
                independent, !method.uses_batch_statistics,
                "{}",
                method.name
            );
        }
    }
}

#[test]
fn parameters_have_unique_names_and_return_bit_for_bit() {
    for method in METHODS {
        for ((source, x), (target, _)) in both(method).into_iter().zip(both(method)) {
            let mut names = std::collections::HashSet::new();
            for (from, to) in source.parameters.iter().zip(target.parameters.iter()) {
                assert!(names.insert(from.name.clone()), "{} twice", from.name);
                assert_eq!(from.name, to.name);
                let _ = tch::no_grad(|| {
                    from.tensor
                        .shallow_clone()
                        .g_add_(&(from.tensor.sin() * 0.1 + 0.05))
                });
                restore(&to.tensor, &to_named(&from.name, &from.tensor).unwrap()).unwrap();
            }
            assert_eq!(
                source.logits(&x, &Pass::eval()),
                target.logits(&x, &Pass::eval()),
                "{}",
                method.name
            );
        }
    }
}

/// A hidden layer's weight without the mean over positions, or where there is one position, over inputs.
fn without_slice_means(weight: &Tensor) -> Tensor {
    let axes: &[i64] = match weight.size()[2..] {
        [side, _] if side > 1 => &[2, 3],
        _ => &[1],
    };
    weight - weight.mean_dim(axes, true, None::<Kind>)
}

#[test]
fn every_method_starts_from_the_same_directions() {
    let unit = |t: &Tensor| t.flatten(1, -1) / init::row_norms(t).view([-1, 1]);
    for method in METHODS {
        for kind in kinds(method) {
            let ((network, _), (reference, _)) = (built(method, kind), built(METHODS[0], kind));
            for (index, own) in network
                .parameters
                .iter()
                .enumerate()
                .filter(|(_, own)| own.role == Role::Weight)
            {
                let Some(other) = reference.parameters.get(&own.name) else {
                    continue;
                };
                // A method may change how many channels a layer receives; the first one sees the data.
                if index == 0 || own.tensor.size() == other.size() {
                    let start = match method.name {
                        // It takes the means of slices out, which is what it is about.
                        "mean-shift-rejection" if !own.name.starts_with("logits") => {
                            without_slice_means(other)
                        }
                        _ => other.shallow_clone(),
                    };
                    assert!(
                        gap(&unit(&own.tensor), &unit(&start)) < 1e-9,
                        "{} {}",
                        method.name,
                        own.name
                    );
                }
            }
        }
    }
}

#[test]
fn methods_with_centered_rows_say_what_the_kink_does_to_their_first_step() {
    for method in METHODS.iter().filter(|m| m.serves(NetworkKind::Dense)) {
        let centered = method.has_option("center_rows");
        let options = if centered { "center_rows = true" } else { "" };
        let network = dense_network(method.name, options, 3);
        // Images of one gray each: centered rows turn them all to 0.
        let x = gaussian(&[9, 1], 1).repeat([1, 12]);
        let at_zero = pre_activation(&network, &x).abs().max().double_value(&[]) < 1e-12;
        let hidden = network.blocks[0].node.name();
        let mut trained = network.parameters.trainable();
        let shifts = trained.any(|own| own.role == Role::Shift && own.name.starts_with(hidden));
        let told = method.departures.contains(&AT_THE_KINK);
        assert_eq!(told, at_zero && shifts, "{}", method.name);
    }
}

#[test]
fn one_image_a_step_behaves_as_declared() {
    for method in METHODS {
        for ((network, x), kind) in quiet(method).into_iter().zip(kinds(method)) {
            let x = x.narrow(0, 0, 1);
            let dense = !kind.is_convolutional();
            let declared = if dense {
                method.batch_size_one_fc
            } else {
                method.batch_size_one_conv
            };
            assert_eq!(
                method.check_batch_size(1, dense).is_err(),
                declared == BatchSizeOne::Refused
            );
            if declared == BatchSizeOne::Refused {
                continue;
            }
            // Evaluation first: training may move what it uses.
            let evaluated = network.logits(&x, &Pass::eval());
            let logits = network.logits(&x, &Pass::train(0, 0));
            assert!(
                bool::try_from(logits.isfinite().all()).unwrap(),
                "{}",
                method.name
            );
            let same = gap(&logits, &evaluated) < 1e-12;
            assert_eq!(
                same,
                declared == BatchSizeOne::Works,
                "{} dense={dense}",
                method.name
            );
        }
    }
}

#[test]
fn layers_that_a_method_does_not_serve_are_refused_with_what_would_work() {
    for method in METHODS {
        let options = method.resolve(&toml::Table::new()).unwrap();
        let cases = [
            (NetworkKind::Convolutional, conv_blocks(Activation::Relu)),
            (
                NetworkKind::Dense,
                perceptron(12, 4, &[16], Activation::Relu),
            ),
            (NetworkKind::Recurrent, lstm(5, 6, 4)),
        ];
        for (kind, blocks) in cases {
            let built = method.network(&options, blocks, 3, Kind::Double, Device::Cpu);
            assert_eq!(
                built.is_ok(),
                method.serves(kind),
                "{} {kind:?}",
                method.name
            );
            if let Err(error) = built {
                let error = error.to_string();
                assert!(
                    error.contains(method.name) && error.contains("normprop"),
                    "{error}"
                );
            }
        }
    }
}

#[test]
fn every_optimizer_moves_the_weights_unless_the_method_says_that_it_does() {
    let adam = OptimizerConfig::plain(StepFormula::Adam(AdamStep {
        beta1: 0.9,
        beta2: 0.999,
        eps: 1e-8,
        amsgrad: false,
        decoupled: false,
    }));
    for method in METHODS {
        let refused = both(method)
            .iter()
            .any(|(network, _)| Optimizer::new(adam, &network.parameters).is_err());
        assert_eq!(refused, method.has_own_step(), "{}", method.name);
    }
}
