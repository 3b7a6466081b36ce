//! Normality normalization without a batch (Eftekhari, Papyan, ICML 2025, arXiv:2505.00685).
//!
//! An image's numbers are standardized over the layer, over groups of channels, or over the positions of a channel, taken
//! toward a normal distribution by a power transform with a rate of their own (`nn::normality`), disturbed by noise in
//! training where it is asked for, and multiplied by γ and shifted by β, one each a channel. The form with statistics of the batch is
//! `normality-bn`.

use anyhow::Result;
use tch::Tensor;

use super::{ActsOn, Descriptor, Paper};
use crate::nn::groups::{GROUPS, by_group, group_norm, groups};
use crate::nn::normality::{EPS, Gaussianizer, NOISE, NOISE_FACTOR};
use crate::nn::residual::Part;
use crate::nn::{
    ActivationLayer, Affine, Block, Builder, Layer, Normalization, NormalizedLayer, Pass,
};
use crate::options::{OptionSpec, Options};
use crate::usage;

/// What `normality-norm` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "normality-norm",
    aliases: &["normality-ln"],
    summary: "layer, group or instance normalization, then a power transform toward a normal distribution",
    formula: "y = f(γ·T_λ(x̂) + β),  x̂ = LN(W·x), T Yeo-Johnson's transform, λ one Newton step toward normality",
    paper: Paper {
        authors: "Eftekhari, Papyan",
        title: "On the Importance of Gaussianizing Representations",
        venue: "ICML 2025, arXiv:2505.00685",
    },
    acts_on: &[ActsOn::PreActivation],
    extra_parameters: "γ, β",
    options: &[
        OptionSpec::choice("form", &["layer", "group", "instance"])
            .help("what is standardized over; the batch is normality-bn's"),
        GROUPS.help("groups of \"group\"; 0 chooses as group-norm does"),
        NOISE,
        NOISE_FACTOR,
        EPS,
    ],
    departures: &[
        "The authors add noise behind the transform in training; here noisy = true does, and then training is not evaluation.",
        "A map's layer is all its channels and positions, as layer-norm's here.",
        "Narrow layers have fewer than 32 groups, so that a group holds 8 channels where that divides them.",
        "form = \"instance\": in residual networks of order v2 the head is an activation alone, as instance-norm's here.",
        "The last layer is a plain linear layer with a bias.",
    ],
    learning_rate_at_50: 0.05,
    build,
    ..Descriptor::ORDINARY
};

fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    let form = options.choice("form");
    let is_head = block.residual.is_some_and(|place| place.part == Part::Head);
    if form == "instance" && is_head {
        return ActivationLayer::build(block, builder);
    }
    if form == "instance" && block.op.is_dense() && !block.last {
        return Err(usage!(
            "method.form = \"instance\" averages over positions, and {} is fully connected: it has none; use form = \
             \"layer\" or \"group\"",
            block.name
        ));
    }
    NormalizedLayer::build(block, builder, |builder| {
        Ok(NormalityNorm {
            groups: match form {
                "layer" => 1,
                "group" => groups(options.count("groups"), block)?,
                _ => block.op.outputs(),
            },
            gaussianizer: Gaussianizer::of(options, if form == "layer" { 1.0 } else { 0.4 }),
            affine: Affine::build(block, builder)?,
            eps: options.number("eps"),
        })
    })
}

struct NormalityNorm {
    groups: i64,
    gaussianizer: Gaussianizer,
    affine: Affine,
    eps: f64,
}

impl Normalization for NormalityNorm {
    fn apply(&self, linear: &Tensor, pass: &Pass) -> Tensor {
        let hat = by_group(
            &group_norm(linear, self.groups, None, self.eps),
            self.groups,
        );
        let rate = self.gaussianizer.rate(&hat, &[2]);
        let y = self.gaussianizer.transform(&hat, &rate);
        let y = self.gaussianizer.with_noise(y, &[2], pass);
        self.affine.apply(&y.reshape(linear.size()))
    }
}

#[cfg(test)]
mod tests {
    use crate::methods::conformance;
    use crate::moments::Activation;

    #[test]
    fn golden_layers_forward_and_backward() {
        for (form, case) in [
            ("form = \"layer\"", "normality_layer"),
            ("form = \"group\"\ngroups = 2", "normality_group"),
            ("form = \"instance\"", "normality_instance"),
        ] {
            let activation = Activation::Identity;
            conformance::assert_golden_layer("normality-norm", form, activation, case);
        }
    }

    #[test]
    fn the_instance_form_refuses_fully_connected_layers() {
        let method = crate::methods::find("normality-norm").unwrap();
        let options = method.resolve(&"form = \"instance\"".parse().unwrap());
        let blocks = crate::nn::networks::perceptron(12, 4, &[16], Activation::Relu);
        let (kind, device) = (tch::Kind::Double, tch::Device::Cpu);
        let built = method.network(&options.unwrap(), blocks, 1, kind, device);
        let message = built.err().map(|error| error.to_string()).unwrap();
        assert!(
            message.contains("layer1") && message.contains("\"group\""),
            "{message}"
        );
    }

    #[test]
    fn with_noise_training_is_not_evaluation_and_the_noises_factor_has_no_gradient() {
        use crate::nn::Pass;
        conformance::assert_exact_gradients("normality-norm", &["form = \"group\""]);
        let net = conformance::conv_network("normality-norm", "noisy = true", 3);
        let x = conformance::gaussian(&[9, 2, 8, 8], 2);
        let logits = |pass: Pass| net.logits(&x, &pass);
        assert!(conformance::gap(&logits(Pass::train(0, 0)), &logits(Pass::eval())) > 1e-3);
        assert!(conformance::gradient_gap(&net, &x).0 > 1e-6);
    }
}
