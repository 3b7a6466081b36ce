//! What follows from a normalization's form: which factors on weights change nothing, and what that does to
//! gradients.

use super::*;
use crate::nn::parameters::Parameter;

/// Options under which the invariance is exact: no ε, nothing that only starts later in training.
fn invariance_options(method: &Descriptor) -> String {
    let mut lines = Vec::new();
    if method.has_option("eps") {
        lines.push("eps = 1e-12");
    }
    lines.push(method.row_scale_options);
    lines.join("\n")
}

/// Feed-forward networks of each kind that the method serves, under those options, with a batch.
fn feed_forward(method: &Descriptor) -> Vec<(Network, Tensor)> {
    let options = invariance_options(method);
    let mut all = Vec::new();
    if method.serves(NetworkKind::Convolutional) {
        let network = conv_network(method.name, &options, 3);
        all.push((network, gaussian(&[9, 2, 8, 8], 2)));
    }
    if method.serves(NetworkKind::Dense) {
        let network = dense_network(method.name, &options, 3);
        all.push((network, gaussian(&[9, 12], 1)));
    }
    all
}

/// Those of them whose hidden weights have gradients. A unit of dense `frn` without its trained ε is divided by its
/// own size and keeps nothing but its sign.
fn with_gradients(method: &Descriptor) -> impl Iterator<Item = (Network, Tensor)> {
    let signs = |network: &Network| method.name == "frn" && network.kind() == NetworkKind::Dense;
    feed_forward(method)
        .into_iter()
        .filter(move |(network, _)| !signs(network))
}

/// The weights of every layer but the last, which most methods leave alone.
fn is_hidden_weight(parameter: &Parameter) -> bool {
    parameter.role == Role::Weight && !parameter.name.starts_with("logits")
}

fn hidden_weights(network: &Network) -> Vec<&Parameter> {
    let trained = network.parameters.trainable();
    trained.filter(|entry| is_hidden_weight(entry)).collect()
}

/// Gradients of `loss` at the hidden weights.
fn hidden_gradients(network: &Network, x: &Tensor) -> Vec<Tensor> {
    let pass = Pass::train(0, 0);
    let all = backward::gradients(&loss(network, x, &pass), &network.parameters, &pass);
    let trained = network.parameters.trainable().zip(all);
    let hidden = trained.filter(|(parameter, _)| is_hidden_weight(parameter));
    hidden.map(|(_, gradient)| gradient).collect()
}

/// Another factor for every row: a common one says nothing of statistics over several channels.
fn row_factors(weight: &Tensor) -> Tensor {
    let mut column = vec![1; weight.dim()];
    column[0] = weight.size()[0];
    (gaussian(&column, 17) * 0.7).exp()
}

fn lengthen_rows(network: &Network) {
    for weight in hidden_weights(network) {
        let tensor = &weight.tensor;
        let _ = tch::no_grad(|| tensor.shallow_clone().g_mul_(&row_factors(tensor)));
    }
}

/// Σ a·b over each row.
fn row_products(a: &Tensor, b: &Tensor) -> Tensor {
    (a * b)
        .flatten(1, -1)
        .sum_dim_intlist([1].as_slice(), false, None::<Kind>)
}

fn largest(values: &Tensor) -> f64 {
    values.abs().max().double_value(&[])
}

#[test]
fn outputs_do_not_depend_on_the_length_of_weight_rows_where_claimed() {
    for method in METHODS {
        for (network, x) in feed_forward(method) {
            let before = network.logits(&x, &Pass::train(0, 0));
            lengthen_rows(&network);
            let off = gap(&before, &network.logits(&x, &Pass::train(0, 0)));
            let claimed = method.row_scale_invariant;
            assert_eq!(off < 1e-7, claimed, "{} {off}", method.name);
        }
    }
}

#[test]
fn gradients_are_orthogonal_to_weight_rows_so_that_plain_steps_lengthen_them() {
    let lr = 0.3;
    for method in METHODS.iter().filter(|method| method.row_scale_invariant) {
        for (network, x) in with_gradients(method) {
            let gradients = hidden_gradients(&network, &x);
            for (weight, gradient) in hidden_weights(&network).into_iter().zip(&gradients) {
                let what = format!("{} {}", method.name, weight.name);
                let squares = |t: &Tensor| row_products(t, t);
                let (rows, steps) = (squares(&weight.tensor), squares(gradient));
                let length = steps.sum(Kind::Double).sqrt().double_value(&[]);
                assert!(length > 1e-3, "{what}: a gradient of {length}");

                let along = row_products(&weight.tensor, gradient);
                let cosine = largest(&(along / ((&rows * &steps).sqrt() + 1e-9)));
                assert!(cosine < 1e-6, "{what}: {cosine}");

                let moved = &weight.tensor - gradient * lr;
                let expected = rows + steps * (lr * lr);
                let relative = largest(&((squares(&moved) - &expected) / expected));
                assert!(relative < 1e-7, "{what}: {relative}");
            }
        }
    }
}

#[test]
fn rows_that_are_longer_have_gradients_that_are_shorter() {
    for method in METHODS.iter().filter(|method| method.row_scale_invariant) {
        for (network, x) in with_gradients(method) {
            let before = hidden_gradients(&network, &x);
            lengthen_rows(&network);
            let after = hidden_gradients(&network, &x);
            let weights = hidden_weights(&network).into_iter();
            for ((weight, before), after) in weights.zip(&before).zip(&after) {
                let off = gap(&(after * row_factors(after)), before);
                let scale = largest(before);
                let what = format!("{} {}", method.name, weight.name);
                assert!(off < 1e-6 * scale, "{what}: {off} of {scale}");
            }
        }
    }
}

const CONV: LinearOp = LinearOp::Conv {
    inputs: 6,
    outputs: 6,
    kernel: 1,
    padding: 0,
    stride: 1,
};

const DENSE: LinearOp = LinearOp::Dense {
    inputs: 6,
    outputs: 6,
};

fn batch_for(op: &LinearOp) -> Tensor {
    if op.is_dense() {
        gaussian(&[5, 6], 1)
    } else {
        gaussian(&[5, 6, 4, 4], 1)
    }
}

#[test]
fn input_gradients_are_orthogonal_to_ones_and_to_what_is_normalized() {
    // Method, options, how many statistic groups the 6 channels of an image make.
    let cases = [
        ("layer-norm", "", 1, &[CONV, DENSE][..]),
        ("group-norm", "groups = 2", 2, &[CONV, DENSE][..]),
        ("instance-norm", "", 6, &[CONV][..]),
    ];
    for (method, options, groups, ops) in cases {
        for &op in ops {
            let net = single(method, &format!("eps = 0.0\n{options}"), op);
            let identity = Tensor::eye(6, (Kind::Double, Device::Cpu));
            set(&net, "layer.weight", &identity);
            let x = batch_for(&op).set_requires_grad(true);
            // γ = 1 and β = 0: this is x̂.
            let hat = pre_activation(&net, &x);
            let loss = (hat.sin() * gaussian(&hat.size(), 8)).sum(Kind::Double);
            let gradient = &Tensor::run_backward(&[&loss], &[&x], false, false)[0];
            let by_group = |t: &Tensor| t.reshape([5 * groups, -1]);
            let (hat, gradient) = (by_group(&hat.detach()), by_group(gradient));
            for other in [hat.ones_like(), hat] {
                let along = largest(&row_products(&other, &gradient));
                assert!(along < 1e-11, "{method} {op:?}: {along}");
            }
            assert!(largest(&gradient) > 1e-2, "{method}");
        }
    }
}

#[test]
fn a_factor_common_to_a_statistic_group_changes_nothing() {
    // Method, options, how many groups of rows share a factor.
    let cases = [
        ("layer-norm", "eps = 0.0", 1),
        ("rms-norm", "eps = 0.0", 1),
        ("group-norm", "eps = 0.0\ngroups = 2", 2),
        ("proxy-norm", "eps = 0.0\nnorm = \"layer\"", 1),
        ("proxy-norm", "eps = 0.0\nnorm = \"group\"\ngroups = 2", 2),
        ("spectral-norm", "gain = \"none\"", 1),
    ];
    for (method, options, groups) in cases {
        for op in [CONV, DENSE] {
            let what = format!("{method} {options:?} {op:?}");
            let net = single(method, options, op);
            let x = batch_for(&op);
            let output = || {
                let layer = &net.blocks[0].layer;
                let signal = layer.forward(&Signal::plain(x.copy()), &Pass::eval());
                signal.value()
            };
            let start = net.parameters.get("layer.weight").unwrap().detach().copy();
            let before = output();
            let factors = Tensor::from_slice(&[3.0, 0.5][..groups]);
            let each = factors.repeat_interleave_self_int(6 / groups as i64, 0, None);
            set(&net, "layer.weight", &(&start * op.per_row(&each)));
            assert!(gap(&before, &output()) < 1e-11, "{what}");
            // Within a group it matters.
            set(&net, "layer.weight", &(&start * row_factors(&start)));
            assert!(gap(&before, &output()) > 1e-2, "{what}");
        }
    }
}
