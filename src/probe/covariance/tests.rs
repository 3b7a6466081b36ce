use super::*;
use crate::data::normalizer::DataNormalization;
use crate::data::normalizer::Normalizer;
use crate::data::{ImageShape, Split};
use crate::methods::conformance::{conv_network, convolutional, dense_network, gap, gaussian};
use crate::nn::{Pass, Signal};
use rand::Rng;

const SHAPE: ImageShape = ImageShape {
    channels: 2,
    height: 8,
    width: 8,
};

/// Independent uniform bytes: inputs without correlation.
fn noise(count: usize, shape: ImageShape) -> ProbeImages {
    let mut source = stream(11, Purpose::Probe, 0);
    let split = Split {
        images: (0..count * shape.pixels())
            .map(|_| source.next_u32() as u8)
            .collect(),
        labels: vec![0; count],
    };
    let normalizer = Normalizer::fit(DataNormalization::Global, &split, shape);
    ProbeImages::spread(count, &split, shape, &normalizer)
}

#[test]
fn white_inputs_leave_the_covariance_of_the_rows() {
    let shape = ImageShape {
        channels: 12,
        height: 1,
        width: 1,
    };
    let network = dense_network("none", "", 3);
    let found = measure(&network, &noise(20_000, shape), &[0], 20_000, 0).unwrap();
    let found = &found[0];
    assert_eq!(
        (found.basis, found.dimensions, found.sites),
        (Basis::Inputs, 12, 20_000)
    );
    assert!((found.input.mean_variance - 1.0).abs() < 0.02);
    assert!((found.input.mean_abs_correlation / found.chance_correlation() - 1.0).abs() < 0.5);
    assert!(found.input.effective_dimensions > 11.9);

    let weight = network.parameters.get("layer1.weight").unwrap().detach();
    let expected = spread(&weight.matmul(&weight.tr()));
    let relative = |a: f64, b: f64| (a / b - 1.0).abs();
    assert!(relative(found.output.canonical_error, expected.canonical_error) < 0.03);
    assert!(relative(found.output.mean_variance, expected.mean_variance) < 0.03);
    assert!(found.output.canonical_error < found.bound, "{found:?}");
}

#[test]
fn white_images_leave_the_covariance_of_the_kernels() {
    let network = conv_network("normprop", "jacobian_scale = \"none\"", 3);
    let found = &measure(&network, &noise(800, SHAPE), &[0], 40_000, 0).unwrap()[0];
    assert_eq!(
        (found.basis, found.dimensions, found.rows),
        (Basis::Patches, 18, Rows::Effective)
    );
    // Zero padding takes some of the variance away.
    assert!((0.8..1.0).contains(&found.input.mean_variance), "{found:?}");
    let weight = network
        .parameters
        .get("conv1.weight")
        .unwrap()
        .detach()
        .flatten(1, -1);
    assert!((found.overlap.coherence - overlap(&weight).coherence).abs() < 1e-9);
    let pairs = 6.0 * 5.0;
    assert!(
        (found.overlap.pair_norm - f64::sqrt(pairs)).abs() < 1e-6,
        "rows of length 1"
    );
    assert!(found.output.canonical_error < found.bound);
}

#[test]
fn repeated_inputs_break_the_bound() {
    // Twelve copies of one number: the bound takes them for independent.
    let shape = ImageShape {
        channels: 12,
        height: 1,
        width: 1,
    };
    let mut source = stream(2, Purpose::Probe, 0);
    let split = Split {
        images: (0..500)
            .flat_map(|_| vec![source.next_u32() as u8; 12])
            .collect(),
        labels: vec![0; 500],
    };
    let normalizer = Normalizer::fit(DataNormalization::Global, &split, shape);
    let copies = ProbeImages::spread(500, &split, shape, &normalizer);
    let found = &measure(&dense_network("none", "", 3), &copies, &[0], 500, 0).unwrap()[0];
    assert!((found.input.mean_abs_correlation - 1.0).abs() < 1e-9);
    assert!((found.input.effective_dimensions - 1.0).abs() < 1e-9);
    assert!(found.output.canonical_error > found.bound);
}

#[test]
fn effective_rows_predict_the_pre_activation_of_affine_methods() {
    let x = gaussian(&[4, 2, 8, 8], 1);
    for name in ["none", "bn", "normprop"] {
        let network = conv_network(name, "", 5);
        let built = &network.blocks[0];
        let op = built.node.block().unwrap().op;
        let (rows, constant) = effective_rows(&network, 0, &op);
        let kernel = rows.view(op.weight_shape().as_slice());
        let predicted = op.apply(&x, &kernel, Some(&constant));
        let pre = built
            .layer
            .pre_activation(&Signal::plain(x.shallow_clone()), &Pass::eval());
        assert!(gap(&predicted, &pre) < 1e-10, "{name}");
    }
}

#[test]
fn every_method_has_figures() {
    for method in convolutional() {
        let network = conv_network(method.name, "", 5);
        let found = measure(&network, &noise(40, SHAPE), &[0, 1, 2], 400, 0).unwrap();
        assert_eq!(found.len(), 3);
        for layer in found {
            let finite = [
                layer.bound,
                layer.output.canonical_error,
                layer.overlap.coherence,
            ];
            assert!(
                finite.iter().all(|value| value.is_finite()),
                "{} {layer:?}",
                method.name
            );
            assert!(layer.overlap.coherence <= 1.0 + 1e-9);
        }
    }
}

#[test]
fn channels_stand_for_patches_that_are_too_large() {
    let large = LinearOp::Conv {
        inputs: 700,
        outputs: 2,
        kernel: 3,
        padding: 1,
        stride: 1,
    };
    assert_eq!(Basis::of(&large), Basis::Channels);
    let x = gaussian(&[2, 700, 4, 4], 1);
    let found = patches(&large, &x);
    assert_eq!(found.size(), [2, 700, 16]);
    assert!(
        gap(&found, &x.flatten(2, 3)) < 1e-12,
        "padding 1 of a 3×3 kernel keeps the middle in place"
    );
}

#[test]
fn a_single_site_is_refused() {
    let error = measure(&conv_network("none", "", 1), &noise(1, SHAPE), &[2], 1, 0).unwrap_err();
    assert!(error.to_string().contains("two sites"));
}
