use tch::{Device, Kind, Tensor};

use super::sums::BranchSums;
use super::*;
use crate::methods;
use crate::moments::{Activation, moments};
use crate::nn::{Task, init, networks};
use crate::streams::{Purpose, stream};

const CLASSES: i64 = 10;

fn network(model: &str, keys: &str, method: &str, options: &str, side: i64) -> Network {
    let task = Task {
        channels: 3,
        height: side,
        width: side,
        classes: CLASSES,
        activation: Activation::Relu,
    };
    let (method, model) = (
        methods::find(method).unwrap(),
        networks::find(model).unwrap(),
    );
    let keys = model.resolve(&keys.parse().unwrap()).unwrap();
    let nodes = (model.build)(&keys, &task).unwrap();
    let options = method.resolve(&options.parse().unwrap()).unwrap();
    method
        .network(&options, nodes, 3, Kind::Double, Device::Cpu)
        .unwrap()
}

fn noise(shape: &[i64]) -> Tensor {
    init::standard_normal(shape, &mut stream(5, Purpose::Probe, 0))
}

fn images(count: i64, side: i64) -> LabeledImages {
    let labels: Vec<i64> = (0..count).map(|image| image % CLASSES).collect();
    (noise(&[count, 3, side, side]), Tensor::from_slice(&labels))
}

fn look(network: &Network, count: i64, side: i64) -> Vec<StreamPlace> {
    let parts = std::iter::once(images(count, side));
    measure(network, parts, &StreamView::Evaluation).unwrap()
}

fn assert_near(measured: f64, expected: f64, share: f64, what: &str) {
    let gap = (measured / expected - 1.0).abs();
    assert!(gap < share, "{what}: {measured} for {expected}");
}

/// Rule of the sum, α, and what multiplies the sum's square.
const RULES: [(&str, f64, f64); 3] = [
    ("alpha-beta", 0.577_350_269_189_625_8, 1.0),
    ("sqrt2", 1.0, 0.5),
    ("naive", 1.0, 1.0),
];

/// On white noise the stream does what is predicted, and what is predicted is what the rules say, less the border's part.
#[test]
fn white_noise_does_what_is_predicted() {
    let j_squared = moments(Activation::Relu).jacobian().powi(2);
    let border: f64 = (3.0 * 16.0 - 2.0) / (3.0 * 16.0);
    for (rule, alpha, factor) in RULES {
        let options = format!("residual = \"{rule}\"");
        let net = network("resnet", "depth = 8\nwidth = 6", "normprop", &options, 16);
        let places = look(&net, 16, 16);
        assert_eq!(places.len(), 4);
        for (unit, place) in places.iter().enumerate() {
            let (is, predicted) = (place.measured, place.predicted);
            let about = |what: &str| format!("{rule}, {what} in front of unit {unit}");
            assert_near(is.variance, predicted.variance, 0.05, &about("variance"));
            let second = (is.second_moment, predicted.second_moment);
            assert_near(second.0, second.1, 0.05, &about("second moment"));
            assert_near(is.gradient, predicted.gradient, 0.12, &about("gradient"));
            let nonlinearity = (is.nonlinearity, predicted.nonlinearity);
            assert_near(nonlinearity.0, nonlinearity.1, 0.08, &about("nonlinearity"));
            let gap = (is.similarity - predicted.similarity).abs();
            assert!(gap < 0.02, "{}: {gap}", about("similarity"));
        }
        // The stem has unit rows; at the border it sees zeros.
        let first = places[0].measured.variance;
        assert_near(first, border * border, 0.05, "variance behind the stem");
        // The first unit keeps its shape, its stream's variance is about 1.
        let ratio = places[0].predicted.gradient_ratio;
        let about_one = factor * (1.0 + alpha * alpha * j_squared);
        assert_near(ratio, about_one, 0.12, rule);
        let grown = places[1].predicted.variance / places[0].predicted.variance;
        assert_near(grown, factor * (1.0 + alpha * alpha), 0.08, rule);
    }
}

/// 16 channels behind the stem, four times as many in each stage: WRN-16-4.
#[test]
fn a_wide_network_has_the_predicted_variance_within_five_percent() {
    let net = network(
        "wide-resnet",
        "depth = 16\nwidening = 4",
        "normprop",
        "",
        32,
    );
    for place in look(&net, 10, 32) {
        let (is, expected) = (place.measured.variance, place.predicted.variance);
        assert_near(is, expected, 0.05, &place.name);
    }
}

#[test]
fn other_methods_have_predictions_where_layers_fold() {
    for (method, keys, known) in [
        ("none", "depth = 8\nwidth = 4", true),
        ("none", "depth = 8\nwidth = 4\nshortcut = \"A\"", true),
        ("nf", "depth = 8\nwidth = 4", true),
        ("idshort", "depth = 8\nwidth = 4", true),
        ("none", "depth = 8\norder = \"v1\"\nwidth = 0.5", false),
        ("group-norm", "depth = 8\nwidth = 0.5", false),
    ] {
        let options = match method {
            "nf" => "skip_gain = 1.0",
            _ => "",
        };
        let net = network("resnet", keys, method, options, 16);
        for place in look(&net, 8, 16) {
            let (is, predicted) = (place.measured, place.predicted);
            assert!(is.variance > 0.0 && is.gradient > 0.0, "{method}");
            assert_eq!(!predicted.variance.is_nan(), known, "{method} {keys}");
            if known {
                let what = format!("{method}, {keys} at {}", place.name);
                let second = (is.second_moment, predicted.second_moment);
                assert_near(second.0, second.1, 0.25, &what);
                assert_near(is.variance, predicted.variance, 0.35, &what);
                assert_near(is.gradient, predicted.gradient, 0.12, &what);
                let gap = (is.similarity - predicted.similarity).abs();
                assert!(gap < 0.08, "{what}: {gap}");
            }
        }
    }
}

#[test]
fn parts_of_the_images_do_not_matter() {
    let net = network("resnet", "depth = 8\nwidth = 0.5", "normprop", "", 8);
    let (pixels, labels) = images(7, 8);
    let whole = look(&net, 7, 8);
    for size in [1, 3] {
        let parts = (0..7).step_by(size).map(|from| {
            let count = (size as i64).min(7 - from);
            (pixels.narrow(0, from, count), labels.narrow(0, from, count))
        });
        let found = measure(&net, parts, &StreamView::Evaluation).unwrap();
        for (one, other) in found.iter().zip(&whole) {
            let values = |place: &StreamPlace| {
                let all = [place.measured, place.predicted].map(|n| {
                    [
                        n.second_moment,
                        n.variance,
                        n.similarity,
                        n.gradient,
                        n.gradient_ratio,
                        n.nonlinearity,
                    ]
                });
                [all[0], all[1], [place.correlation; 6]].concat()
            };
            for (a, b) in values(one).into_iter().zip(values(other)) {
                assert!(a.is_nan() && b.is_nan() || (a - b).abs() <= 1e-9 * b.abs().max(1e-3));
            }
            assert_eq!(one.images, 7);
        }
    }
}

/// On images of one pixel the gradient at a channel of the stream is that of the shift of the layer before it.
#[test]
fn gradients_equal_finite_differences() {
    let net = network(
        "resnet",
        "depth = 8\nwidth = 0.25",
        "normprop",
        "alpha = 0.5",
        1,
    );
    let (pixels, labels) = images(1, 1);
    let loss = || {
        let logits = tch::no_grad(|| net.logits(&pixels, &Pass::eval()));
        cross_entropy(&logits, &labels).double_value(&[])
    };
    let found = look(&net, 1, 1);
    for (place, name, factor) in [(0, "stem", 1.0), (1, "s1u1-conv2", 0.5)] {
        let shift = net.parameters.get(&format!("{name}.beta")).unwrap();
        let moved = |channel: i64, by: f64| {
            tch::no_grad(|| {
                let _ = shift.get(channel).g_add_scalar_(by);
                let value = loss();
                let _ = shift.get(channel).g_add_scalar_(-by);
                value
            })
        };
        let step = 1e-6;
        let slopes = (0..shift.size()[0])
            .map(|channel| (moved(channel, step) - moved(channel, -step)) / (2.0 * step * factor));
        let expected: f64 = slopes.map(|slope| slope * slope).sum();
        assert!(expected > 1e-6);
        let is = found[place].measured.gradient;
        assert_near(is, expected, 1e-5, name);
    }
}

#[test]
fn correlations_of_known_summands() {
    let x = noise(&[3, 4, 5, 5]);
    let (mean, spread) = BranchSums::of(&x, &(&x * -2.0 + 3.0)).correlations();
    assert!((mean + 1.0).abs() < 1e-12 && spread < 1e-12);
    let half = Tensor::cat(&[x.narrow(1, 0, 2), -x.narrow(1, 2, 2)], 1);
    let (mean, spread) = BranchSums::of(&x, &half).correlations();
    assert!(mean.abs() < 1e-12 && (spread - (4.0_f64 / 3.0).sqrt()).abs() < 1e-12);
    let (mean, _) = BranchSums::of(&x, &x.ones_like()).correlations();
    assert!(mean.is_nan());
}

/// With α = 0 a unit hands on its shortcut: nothing correlates, the gradient stays, the map is affine.
#[test]
fn a_branch_that_is_multiplied_by_zero_does_nothing() {
    let net = network(
        "resnet",
        "depth = 8\nshortcut = \"A\"\nwidth = 0.5",
        "skipinit",
        "",
        8,
    );
    let places = look(&net, 32, 8);
    assert!(places.iter().all(|place| place.correlation.is_nan()));
    let (first, second) = (places[0].measured, places[1].measured);
    assert!((first.gradient_ratio - 1.0).abs() < 1e-12);
    assert!((first.variance - second.variance).abs() < 1e-12);
    assert!((first.similarity - second.similarity).abs() < 1e-12);
    assert_near(first.nonlinearity, 1.0, 0.05, "an affine map");
    assert!((first.nonlinearity - 1.0).abs() > 1e-9, "it is estimated");
}

/// Random branches of wide units are uncorrelated with the stream; projected units are no exception.
#[test]
fn branches_of_random_weights_are_uncorrelated_with_the_stream() {
    let net = network("resnet", "depth = 8\nwidth = 4", "normprop", "", 8);
    let places = look(&net, 24, 8);
    for place in &places[..3] {
        assert!(place.correlation.abs() < 0.06, "{}", place.correlation);
        assert!(place.correlation_std > 0.01 && place.correlation_std < 0.25);
    }
    assert!(places[3].correlation.is_nan());
}

#[test]
fn statistics_of_the_batch_are_those_of_training_and_averages_stay() {
    let net = network("resnet", "depth = 8\nwidth = 0.5", "bn", "", 8);
    let averages = || {
        let entries = net.parameters.iter();
        let buffers = entries.filter(|entry| entry.role == Role::Buffer);
        buffers.map(|entry| entry.tensor.copy()).collect::<Vec<_>>()
    };
    let before = averages();
    let parts = std::iter::once(images(16, 8));
    let view = StreamView::Training(&|| Pass::train(0, 0));
    let places = measure(&net, parts, &view).unwrap();
    assert!(!before.is_empty());
    assert_eq!(before, averages());
    for place in &places {
        assert!(place.measured.gradient > 0.0 && place.predicted.gradient.is_nan());
    }
    // What is normalized is the sum of unit variances: the stream's grows by about a branch's in a unit of equal shape.
    let grown = places[1].measured.second_moment - places[0].measured.second_moment;
    assert!(grown > 0.3 && grown < 3.0, "{grown}");
}

#[test]
fn networks_without_a_stream_are_refused() {
    let net = network("nin", "width = 0.05", "none", "", 32);
    let parts = std::iter::once(images(1, 32));
    let error = measure(&net, parts, &StreamView::Evaluation).unwrap_err();
    let told = error.to_string();
    assert!(
        told.contains("this is a convolutional network") && told.contains("--set model=resnet"),
        "{told}"
    );
}
