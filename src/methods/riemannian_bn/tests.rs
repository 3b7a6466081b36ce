use super::*;
use crate::methods::conformance;

#[test]
fn only_rows_with_more_inputs_than_outputs_live_on_the_sphere() {
    // conv1 has 18 inputs for 6 outputs; conv2 6 for 5; the logits are plain.
    for update in ["sgd-g", "adam-g"] {
        let net = conformance::conv_network("riemannian-bn", &format!("update = \"{update}\""), 3);
        let ruled: Vec<&str> = net
            .parameters
            .trainable()
            .filter(|p| p.rule.is_some())
            .map(|p| p.name.as_str())
            .collect();
        assert_eq!(ruled, ["conv1.weight", "conv2.weight"]);
        assert_eq!(
            net.parameters.get("conv1.second_moment").is_some(),
            update == "adam-g"
        );
    }
    // 12-16-16: the first hidden layer has fewer inputs than outputs, the second as many.
    let net = conformance::dense_network("riemannian-bn", "", 3);
    assert!(net.parameters.trainable().all(|p| p.rule.is_none()));
}

#[test]
fn forward_is_batch_normalization_whatever_the_rows_lengths() {
    let (own, other) = (
        conformance::conv_network("riemannian-bn", "eps = 1e-12", 3),
        conformance::conv_network("bn", "eps = 1e-12", 3),
    );
    let x = conformance::gaussian(&[9, 2, 8, 8], 2);
    assert!(
        conformance::gap(
            &own.logits(&x, &Pass::train(0, 0)),
            &other.logits(&x, &Pass::train(0, 0))
        ) < 1e-8
    );
}
