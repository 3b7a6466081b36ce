use super::*;
use crate::methods::conformance::{
    conv_network, conv_with, convolutional, dense_network, dense_with, gap, gaussian,
};
use crate::moments::{Activation, moments};
use crate::nn::networks::perceptron;
use tch::Device;

fn weight(network: &Network, name: &str) -> Tensor {
    network
        .parameters
        .get(&format!("{name}.weight"))
        .unwrap()
        .detach()
}

#[test]
fn a_linear_network_has_the_singular_values_of_its_product() {
    let network = dense_with("none", "", Activation::Identity, 2);
    let x = gaussian(&[3, 12], 1);
    let product = weight(&network, "logits")
        .matmul(&weight(&network, "layer2"))
        .matmul(&weight(&network, "layer1"));
    let expected = singular_values(&product).unwrap();
    let found = input_output(&network, &x).unwrap();
    assert_eq!(found.size(), [3, 4]);
    assert!(gap(&found, &expected.unsqueeze(0)) < 1e-10);
}

#[test]
fn written_out_jacobians_are_those_of_the_layers() {
    let network = dense_with("none", "", Activation::Identity, 2);
    let found = layers(&network, &gaussian(&[5, 12], 1), 0).unwrap();
    for layer in &found {
        let weight = weight(&network, &layer.name);
        let values = to_values(&singular_values(&weight).unwrap());
        let spectrum = layer.spectrum;
        assert!(spectrum.exact);
        assert!((spectrum.largest - values[0]).abs() < 1e-9, "{layer:?}");
        assert!((spectrum.smallest - values[values.len() - 1]).abs() < 1e-9);
        let square = squared_length(&weight) / weight.size()[0] as f64;
        assert!((spectrum.mean_square - square).abs() < 1e-9);
        assert!(spectrum.mean_square_error < 1e-9);
    }
    let last = found.last().unwrap();
    assert!(
        last.gain_from_top.is_nan(),
        "the logits lie behind the last hidden layer"
    );
}

#[test]
fn estimates_agree_with_the_matrices() {
    // Every kind of operation that a block may hold, differentiated twice.
    for activation in [Activation::Relu, Activation::Silu, Activation::Tanh] {
        // Factors of enorm do not pass through the others.
        let serves = |name: &str| activation == Activation::Relu || name != "enorm";
        for method in convolutional().filter(|method| serves(method.name)) {
            let method = method.name;
            let network = conv_with(method, "", activation, 4);
            let x = gaussian(&[3, 2, 8, 8], 2);
            let map = |x: &Tensor| network.logits(x, &Pass::eval());
            let at = Linearization::new(&map, &x).unwrap();
            let matrices = at.matrices().unwrap();
            let exact = singular_values(&matrices).unwrap().select(1, 0);
            let ritz = at
                .lanczos(3, stream(1, Purpose::Probe, 0))
                .unwrap()
                .select(1, 0);
            assert!(gap(&exact, &ritz) < 1e-8, "{method} {activation:?}");
            let u = gaussian(&[3, 3], 5);
            let by_matrix = u.unsqueeze(1).matmul(&matrices).squeeze_dim(1);
            assert!(gap(&at.transposed(&u).unwrap().flatten(1, -1), &by_matrix) < 1e-10);
        }
    }
}

#[test]
fn bidiagonalization_finds_the_largest_of_many_from_below() {
    let matrix = gaussian(&[60, 90], 3);
    let map = |x: &Tensor| x.matmul(&matrix.tr());
    let at = Linearization::new(&map, &gaussian(&[2, 90], 1)).unwrap();
    let exact = singular_values(&matrix).unwrap().double_value(&[0]);
    let ritz = |steps| {
        at.lanczos(steps, stream(1, Purpose::Probe, 0))
            .unwrap()
            .double_value(&[1, 0])
    };
    assert!(ritz(5) < exact && ritz(5) > 0.8 * exact);
    assert!(
        (ritz(40) / exact - 1.0).abs() < 1e-3,
        "{} {exact}",
        ritz(40)
    );
}

#[test]
fn hutchinsons_estimate_is_unbiased() {
    let matrix = gaussian(&[40, 30], 3);
    let map = |x: &Tensor| x.matmul(&matrix.tr());
    let at = Linearization::new(&map, &gaussian(&[500, 30], 1)).unwrap();
    let estimates = to_values(&at.hutchinson(7, 0).unwrap());
    let exact = squared_length(&matrix) / 40.0;
    let error = crate::stats::std_dev(&estimates) / (500f64).sqrt();
    assert!((crate::stats::mean(&estimates) - exact).abs() < 4.0 * error);
    assert!(error < 0.05 * exact);
}

#[test]
fn dead_rows_give_zeros_and_not_nan() {
    let map = |x: &Tensor| x * 0.0;
    let at = Linearization::new(&map, &gaussian(&[2, 9], 1)).unwrap();
    let ritz = at.lanczos(4, stream(1, Purpose::Probe, 0)).unwrap();
    assert_eq!(ritz.abs().max().double_value(&[]), 0.0);
}

/// NormProp layers of `width` units on inputs N(0, 1).
fn wide(jacobian_scale: &str, depth: usize) -> Network {
    let method = crate::methods::find("normprop").unwrap();
    let table = format!("jacobian_scale = \"{jacobian_scale}\"")
        .parse()
        .unwrap();
    let options = method.resolve(&table).unwrap();
    let blocks = perceptron(200, 10, &vec![200; depth], Activation::Relu);
    method
        .network(&options, blocks, 1, Kind::Double, Device::Cpu)
        .unwrap()
}

#[test]
fn relu_layers_with_unit_rows_have_the_theoretical_mean_square() {
    let theory = moments(Activation::Relu).jacobian();
    assert!((theory - 1.4669).abs() < 1e-4);
    let x = gaussian(&[30, 200], 1);
    let plain = layers(&wide("none", 1), &x, 0).unwrap();
    assert!(
        (plain[0].spectrum.mean_square / theory - 1.0).abs() < 0.03,
        "{plain:?}"
    );
    for scale in ["init", "fixed"] {
        let found = layers(&wide(scale, 1), &x, 0).unwrap();
        assert!(
            (found[0].spectrum.mean_square - 1.0).abs() < 0.03,
            "{found:?}"
        );
    }
}

#[test]
fn unit_variance_and_unit_jacobian_exclude_each_other() {
    let x = gaussian(&[60, 200], 1);
    let plain = layers(&wide("none", 6), &x, 0).unwrap();
    let scaled = layers(&wide("init", 6), &x, 0).unwrap();
    assert!((plain[5].pre_unit_std - 1.0).abs() < 0.1, "{plain:?}");
    assert!(scaled[5].pre_unit_std < 0.5, "{scaled:?}");
    let rate = moments(Activation::Relu).jacobian_root().powi(6);
    assert!(
        (plain[0].gain_from_top / rate - 1.0).abs() < 0.15,
        "{plain:?}"
    );
    assert!((scaled[0].gain_from_top - 1.0).abs() < 0.3, "{scaled:?}");
}

#[test]
fn convolutions_are_estimated_and_agree_with_what_is_written_out() {
    let network = conv_network("normprop", "", 1);
    let x = gaussian(&[20, 2, 8, 8], 3);
    let built = &network.blocks[0];
    let map = |x: &Tensor| {
        built
            .layer
            .forward(&Signal::plain(x.shallow_clone()), &Pass::eval())
            .value()
    };
    let exact = spectrum(&map, &x, 0).unwrap();
    assert!(exact.exact && exact.inputs == 128 && exact.outputs == 6 * 16);
    let at = Linearization::new(&map, &x).unwrap();
    let estimate = crate::stats::mean(&to_values(&at.hutchinson(3, 1).unwrap()));
    assert!(
        (estimate / exact.mean_square - 1.0).abs() < 0.15,
        "{estimate} {exact:?}"
    );
    assert!(exact.smallest <= exact.median && exact.median <= exact.largest);
}

#[test]
fn a_network_without_hidden_layers_has_no_gains() {
    let found = layers(&dense_network("none", "", 1), &gaussian(&[3, 12], 1), 0).unwrap();
    assert_eq!(found.len(), 3);
    let method = crate::methods::find("none").unwrap();
    let options = method.resolve(&toml::Table::new()).unwrap();
    let blocks = perceptron(12, 4, &[], Activation::Relu);
    let network = method
        .network(&options, blocks, 1, Kind::Double, Device::Cpu)
        .unwrap();
    let found = layers(&network, &gaussian(&[3, 12], 1), 0).unwrap();
    assert!(found.len() == 1 && found[0].gain_from_top.is_nan());
}
