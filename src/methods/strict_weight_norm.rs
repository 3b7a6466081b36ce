//! Strict weight normalization with translated rectifiers (Xiang, Li, 2017, arXiv:1704.03971).
//!
//! Rows are divided by their length and have no gain and no bias: a_o = ⟨w_o, x⟩/√(‖w_o‖² + ε). What freedom a layer
//! needs is in its activation, a rectifier with a trained threshold θ for each channel:
//! y = prelu(a − θ; α) + θ, with a trained slope α, held in [0, 1], below it; or y = relu(a − θ) + θ. The last layer has
//! the same rows with a gain and a bias.
//!
//! It is NormProp without its constants: at θ = 0 on N(0, 1) a layer's variance falls to 0.4417 (α = 0.25) or 0.3408
//! (relu), and nothing restores it but the gain of the last layer.

use anyhow::Result;
use tch::Tensor;

use super::{ActsOn, Descriptor, Paper};
use crate::moments::Activation;
use crate::nn::rows::{self, sum_of_rows};
use crate::nn::{
    ActivationPool, Block, Builder, Layer, LinearOp, Pass, Reparametrization, ReparametrizedLayer,
    Signal,
};
use crate::options::{OptionSpec, Options};

/// What `strict-weight-norm` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "strict-weight-norm",
    aliases: &["strict-wn", "tprelu"],
    summary: "unit weight rows without gain and bias; the activation has a trained threshold and slope instead",
    formula: "y = prelu(a − θ; α) + θ,  a = W·x/‖W‖",
    paper: Paper {
        authors: "Xiang, Li",
        title: "On the Effects of Batch and Weight Normalization in Generative Adversarial Networks",
        venue: "2017, arXiv:1704.03971",
    },
    acts_on: &[ActsOn::Weights, ActsOn::Activation],
    row_scale_invariant: true,
    extra_parameters: "θ, α",
    options: &[
        OptionSpec::choice("rectifier", &["prelu", "relu"])
            .help("what is translated: a rectifier with a trained slope α, or one with slope 0"),
        OptionSpec::number("slope_start", 0.25, 0.0, 1.0).help("what α starts at"),
        OptionSpec::number("eps", 1e-6, 0.0, 1.0).help("ε, added to a row's squared length"),
    ],
    departures: &[
        "Made for generators and discriminators; networks that classify are ours.",
        "Hidden layers have the translated rectifier whatever the configuration's activation is.",
        "Rows start at length 1: how they start is not known to us, and it decides nothing but how fast they turn.",
        "θ and α are free of weight decay (ours).",
        "Residual networks are ours: the threshold stands where an activation does, and a convolution in front of a sum has unit rows and nothing else, so that the stream grows with each unit.",
    ],
    learning_rate_at_50: 0.15,
    build,
    ..Descriptor::ORDINARY
};

fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    let gain = block.last;
    let rows = |builder: &mut Builder| StrictRows::build(block, gain, options, builder);
    if block.last {
        return ReparametrizedLayer::build(block, builder, rows);
    }
    if !block.is_activated() {
        return ReparametrizedLayer::without_bias(block, builder, rows);
    }
    // The rectifier takes the activation's place; the pool stays where it is.
    let bare = Block {
        activation: Activation::Identity,
        ..block.clone()
    };
    Ok(Box::new(StrictLayer {
        op: block.op,
        rows: match block.op.is_identity() {
            true => None,
            false => Some(rows(builder)?),
        },
        rectifier: TranslatedRectifier::build(block, options, builder)?,
        pool: ActivationPool::build(&bare, builder)?,
    }))
}

/// w_o/√(‖w_o‖² + ε), times a gain where there is one.
struct StrictRows {
    op: LinearOp,
    weight: Tensor,
    gain: Option<Tensor>,
    eps: f64,
}

impl StrictRows {
    fn build(
        block: &Block,
        has_gain: bool,
        options: &Options,
        builder: &mut Builder,
    ) -> Result<StrictRows> {
        let weight = rows::unit(&builder.direction(), false);
        Ok(StrictRows {
            op: block.op,
            weight: builder.weight("weight", weight)?,
            gain: match has_gain {
                true => Some(builder.gain("g", builder.filled(block.op.outputs(), 1.0))?),
                false => None,
            },
            eps: options.number("eps"),
        })
    }
}

impl Reparametrization for StrictRows {
    fn kernel(&self) -> Tensor {
        let factor = (sum_of_rows(&self.weight.square()) + self.eps).rsqrt();
        let factor = match &self.gain {
            Some(gain) => factor * gain,
            None => factor,
        };
        &self.weight * self.op.per_row(&factor)
    }
}

/// a ↦ prelu(a − θ; α) + θ, or the same with relu.
struct TranslatedRectifier {
    /// θ, `[outputs]`.
    threshold: Tensor,
    /// α, `[outputs]`; none for relu.
    slope: Option<Tensor>,
}

impl TranslatedRectifier {
    fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Self> {
        let channels = block.op.outputs();
        let start = builder.filled(channels, options.number("slope_start"));
        Ok(TranslatedRectifier {
            threshold: builder.activation("threshold", builder.filled(channels, 0.0))?,
            slope: match options.choice("rectifier") {
                "relu" => None,
                _ => Some(builder.activation("slope", start)?),
            },
        })
    }

    fn apply(&self, op: &LinearOp, pre: &Tensor) -> Tensor {
        let threshold = op.per_channel(&self.threshold).to_kind(pre.kind());
        let above = pre - &threshold;
        let rectified = match &self.slope {
            Some(slope) => above.prelu(&slope.clamp(0.0, 1.0).to_kind(pre.kind())),
            None => above.relu(),
        };
        rectified + threshold
    }
}

/// A hidden block.
struct StrictLayer {
    op: LinearOp,
    /// Nothing where the block has no weights.
    rows: Option<StrictRows>,
    rectifier: TranslatedRectifier,
    pool: ActivationPool,
}

impl Layer for StrictLayer {
    fn pre_activation(&self, input: &Signal, _pass: &Pass) -> Tensor {
        let x = input.value();
        match &self.rows {
            Some(rows) => self.op.apply_narrow(&x, &rows.kernel(), None),
            None => x,
        }
    }

    fn post_activation(&self, pre: Tensor, _pass: &Pass) -> Signal {
        Signal::plain(self.pool.apply(self.rectifier.apply(&self.op, &pre)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::conformance;
    use crate::nn::init;
    use crate::nn::parameters::Role;

    const IDENTITY: Activation = Activation::Identity;

    #[test]
    fn golden_layers_forward_and_backward() {
        let check = conformance::assert_golden_layer;
        check("strict-weight-norm", "", IDENTITY, "strict_weight_norm");
        let relu = "rectifier = \"relu\"";
        check(
            "strict-weight-norm",
            relu,
            IDENTITY,
            "strict_weight_norm_relu",
        );
    }

    #[test]
    fn slopes_act_as_the_nearest_in_zero_to_one() {
        let case = conformance::golden_case("strict_weight_norm");
        let net = conformance::golden_layer("strict-weight-norm", "", IDENTITY, case);
        let x = conformance::golden_inputs();
        let with = |slopes: [f64; 2]| {
            conformance::set(&net, "layer.slope", &Tensor::from_slice(&slopes));
            let signal = Signal::plain(x.copy());
            net.blocks[0].layer.forward(&signal, &Pass::eval()).value()
        };
        assert!(conformance::gap(&with([-3.0, 7.0]), &with([0.0, 1.0])) < 1e-15);
        // With slope 1 nothing is bent.
        let pre = conformance::pre_activation(&net, &x);
        let (bent, plain) = (with([1.0, 1.0]), pre);
        assert!(conformance::gap(&bent, &plain) < 1e-15);
    }

    #[test]
    fn rows_have_length_one_and_the_last_layer_a_gain_and_a_bias() {
        let net = conformance::dense_network("strict-weight-norm", "", 3);
        let get = |name: &str| net.parameters.get(name);
        for layer in ["layer1", "layer2", "logits"] {
            let lengths = init::row_norms(get(&format!("{layer}.weight")).unwrap());
            assert!(conformance::gap(&lengths, &lengths.ones_like()) < 1e-9);
            let own = [".g", ".bias"].map(|name| get(&format!("{layer}{name}")).is_some());
            assert_eq!(own, [layer == "logits"; 2], "{layer}");
        }
        for entry in net.parameters.iter() {
            let of_activation = [".threshold", ".slope"]
                .iter()
                .any(|end| entry.name.ends_with(end));
            assert_eq!(
                entry.role == Role::Activation,
                of_activation,
                "{}",
                entry.name
            );
        }
    }

    #[test]
    fn the_configured_activation_does_not_matter() {
        let x = conformance::gaussian(&[9, 12], 1);
        let logits = |activation| {
            conformance::dense_with("strict-weight-norm", "", activation, 3)
                .logits(&x, &Pass::eval())
        };
        assert_eq!(logits(Activation::Relu), logits(Activation::Tanh));
    }

    #[test]
    fn gradients_are_exact_under_other_options() {
        let relu = "rectifier = \"relu\"";
        conformance::assert_exact_gradients("strict-weight-norm", &[relu, "slope_start = 0.7"]);
    }
}
