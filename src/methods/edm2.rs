//! Magnitude-preserving layers (Karras, Aittala, Lehtinen, Hellsten, Aila, Laine, CVPR 2024, arXiv:2312.02696): what the
//! diffusion networks of EDM2 are made of.
//!
//! Rows have unit length, twice: the stored row is reset to a fixed length after each step (*forced*), and divided by its
//! length in the graph too, so that its gradient is orthogonal to it. With c = √n, n the fan-in:
//! w_o/(c·ε + ‖w_o‖). The activation is divided by the root of its second moment, y = f(W·x)/√(E f(z)²), z ~ N(0, 1), so
//! that a signal of second moment 1 keeps it. There is no gain, no shift and no bias; the image has a further channel of
//! ones, whose weight is part of the row. The last layer has unit rows and one trained gain, started at 0.
//!
//! Shortcut and branch are added as ((1 − t)·shortcut + t·branch)/√((1 − t)² + t²).
//!
//! Beside NormProp: the mean is not removed, there is no γ and β, and no Jacobian factor.

use anyhow::Result;
use tch::Tensor;

use super::{ActsOn, Descriptor, Paper};
use crate::moments;
use crate::nn::residual::Part;
use crate::nn::rows::sum_of_rows;
use crate::nn::{ActivationPool, Block, Builder, Folded, Layer, LinearOp, Pass, Signal};
use crate::options::{OptionSpec, Options};

/// What `edm2` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "edm2",
    aliases: &["magnitude-preserving", "mp"],
    summary: "magnitude-preserving layers: forced unit rows, and activations divided by the root of their second moment",
    formula: "y = f(W·x/‖W‖)/√(E f(z)²),  z ~ N(0, 1)",
    paper: Paper {
        authors: "Karras, Aittala, Lehtinen, Hellsten, Aila, Laine",
        title: "Analyzing and Improving the Training Dynamics of Diffusion Models",
        venue: "CVPR 2024, arXiv:2312.02696",
    },
    acts_on: &[ActsOn::Weights, ActsOn::Activation],
    row_scale_invariant: true,
    extra_parameters: "the weight of a channel of ones, one gain of the logits",
    options: &[
        OptionSpec::choice("rows", &["unit", "rms"])
            .help("length at which rows are stored: 1, or the root of the fan-in n as in the paper, with which gradient descent turns them n times as slowly"),
        OptionSpec::flag("ones", true)
            .help("a channel of ones beside the image, the network's only shift"),
        OptionSpec::number("logit_gain", 0.0, -100.0, 100.0)
            .help("what the gain of the last layer starts at"),
        OptionSpec::number("share", 0.3, 0.0, 0.99)
            .help("t, the branch's share in the sum of a residual unit"),
        OptionSpec::number("eps", 1e-4, 0.0, 1.0)
            .help("ε, added to a row's root mean square (or, with rows = \"unit\", to its length)"),
    ],
    departures: &[
        "Made for diffusion networks that are trained by Adam; networks that classify are ours.",
        "Rows are stored at length 1, in the paper at the root of their fan-in (rows = \"rms\"). Adam's steps do not depend on it; those of gradient descent do, layer by layer.",
        "Rows are reset after a step, in the paper before the next training pass: the same weights in training, and in evaluation up to 1e-5 of a row's length.",
        "Constants follow the configuration's activation and are exact: 0.59647 for SiLU, where the authors' code has 0.596. That of PReLU follows the trained slope.",
        "The channel of ones is one weight a row without a border of zeros, so that it acts as a bias; it starts at 0, in the paper at random.",
        "A max-pool behind an activation raises the second moment; that is not made up for.",
        "Not here: the division of each position's vector by its root mean square in encoder blocks, activations clipped at 256, the decay of the learning rate with 1/√t, and averages of weights.",
        "Residual networks are not the paper's U-Net; the sum is its own, with t = 0.3.",
    ],
    learning_rate_at_50: 0.02,
    build,
    folds: true,
    // The gain of the logits starts at 0: nothing would pass.
    row_scale_options: "logit_gain = 1.0",
    ..Descriptor::ORDINARY
};

fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    let share = match block.residual {
        Some(unit) if unit.part == Part::Second => Some(options.number("share")),
        _ => None,
    };
    Ok(Box::new(MagnitudePreserving {
        rows: match block.op.is_identity() {
            true => None,
            false => Some(ForcedRows::build(block, options, builder)?),
        },
        gain: match block.last {
            true => {
                let start = builder.filled(1, options.number("logit_gain"));
                Some(builder.gain("gain", start)?)
            }
            false => None,
        },
        share,
        scale: moments::moments(block.activation).second.sqrt().recip(),
        activation_pool: ActivationPool::build(block, builder)?,
        block: block.clone(),
    }))
}

/// w_o/(c·ε + ‖w_o‖), stored with length c.
struct ForcedRows {
    op: LinearOp,
    weight: Tensor,
    /// The weight of a channel of ones, `[outputs]`.
    ones: Option<Tensor>,
    /// c.
    length: f64,
    eps: f64,
}

impl ForcedRows {
    fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<ForcedRows> {
        let has_ones = block.first && options.flag("ones");
        let row = block.op.fan_in() + i64::from(has_ones);
        let zeros = builder.filled(block.op.outputs(), 0.0);
        let rows = ForcedRows {
            op: block.op,
            weight: builder.weight("weight", builder.direction())?,
            ones: match has_ones {
                true => Some(builder.shift("ones", zeros)?),
                false => None,
            },
            length: match options.choice("rows") {
                "rms" => (row as f64).sqrt(),
                _ => 1.0,
            },
            eps: options.number("eps"),
        };
        tch::no_grad(|| rows.reset());
        Ok(rows)
    }

    /// 1/(c·ε + ‖w_o‖), `[outputs]`.
    fn factors(&self) -> Tensor {
        let squared = sum_of_rows(&self.weight.square());
        let squared = match &self.ones {
            Some(ones) => squared + ones.square(),
            None => squared,
        };
        (squared.sqrt() + self.eps * self.length).reciprocal()
    }

    /// Stores rows at length c.
    fn reset(&self) {
        let factors = self.factors() * self.length;
        let mut weight = self.weight.shallow_clone();
        let _ = weight.g_mul_(&self.op.per_row(&factors));
        if let Some(ones) = &self.ones {
            let _ = ones.shallow_clone().g_mul_(&factors);
        }
    }
}

struct MagnitudePreserving {
    block: Block,
    /// Nothing where the block has no weights.
    rows: Option<ForcedRows>,
    /// Of the logits, `[1]`.
    gain: Option<Tensor>,
    /// t, where a sum follows.
    share: Option<f64>,
    /// 1/√(E f²).
    scale: f64,
    activation_pool: ActivationPool,
}

impl MagnitudePreserving {
    /// The weights and the bias that the linear operation gets to act on `scale`·x when it sees x.
    fn kernel(&self, rows: &ForcedRows, scale: f64) -> (Tensor, Option<Tensor>) {
        // (1 − t)·(shortcut + t/(1 − t)·branch): the sum multiplies both by the same number.
        let factor = self.share.map_or(1.0, |share| share / (1.0 - share));
        let factors = rows.factors() * factor;
        let factors = match &self.gain {
            Some(gain) => factors * gain,
            None => factors,
        };
        let bias = rows.ones.as_ref().map(|ones| ones * &factors);
        (&rows.weight * rows.op.per_row(&(factors * scale)), bias)
    }
}

impl Layer for MagnitudePreserving {
    fn pre_activation(&self, input: &Signal, _pass: &Pass) -> Tensor {
        let Some(rows) = &self.rows else {
            return input.value();
        };
        let (kernel, bias) = self.kernel(rows, input.scale);
        rows.op.apply_narrow(&input.x, &kernel, bias.as_ref())
    }

    fn post_activation(&self, pre: Tensor, _pass: &Pass) -> Signal {
        let output = match &self.rows {
            Some(_) => self.activation_pool.apply(pre),
            None => self.activation_pool.apply_to_shared(&pre),
        };
        let Some(slope) = &self.activation_pool.slope else {
            return Signal::scaled(output, self.scale);
        };
        // E f² = (1 + α²)/2.
        let scale = (slope.square() * 0.5 + 0.5).rsqrt().to_kind(output.kind());
        Signal::plain(output * self.block.op.per_channel(&scale))
    }

    fn fold(&self) -> Option<Folded> {
        // A trained slope has a constant of its own for each channel.
        if self.activation_pool.slope.is_some() {
            return None;
        }
        let linear = self.rows.as_ref().map(|rows| {
            let (kernel, bias) = self.kernel(rows, 1.0);
            let zeros = || kernel.new_zeros([rows.op.outputs()], (kernel.kind(), kernel.device()));
            let bias = bias.unwrap_or_else(zeros);
            (kernel, bias)
        });
        Some(Folded {
            linear,
            scale: self.scale,
            ..Folded::activation(&self.activation_pool)
        })
    }

    fn sum_factor(&self) -> f64 {
        self.share
            .map_or(1.0, |share| (1.0 - share) / (1.0 - share).hypot(share))
    }

    fn after_step(&self) {
        if let Some(rows) = &self.rows {
            rows.reset();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::conformance;
    use crate::moments::Activation;
    use crate::nn::init;
    use crate::nn::network::Network;
    use tch::Kind;

    fn golden(options: &str, case: &str) -> Network {
        let case = conformance::golden_case(case);
        conformance::golden_layer("edm2", options, Activation::Silu, case)
    }

    #[test]
    fn golden_layers_forward_and_backward() {
        let check = conformance::assert_golden_layer;
        check(
            "edm2",
            "rows = \"rms\"\nones = false",
            Activation::Silu,
            "edm2",
        );
        check("edm2", "rows = \"rms\"", Activation::Silu, "edm2_ones");
    }

    #[test]
    fn golden_resets_of_a_row() {
        let case = conformance::golden_case("edm2_weight");
        let net = golden("rows = \"rms\"\nones = false", "edm2");
        for key in ["once", "twice"] {
            tch::no_grad(|| net.after_step());
            let weight = net.parameters.get("layer.weight").unwrap();
            conformance::assert_golden(key, weight, &case[key]);
        }
    }

    #[test]
    fn how_rows_are_stored_changes_nothing_but_the_steps() {
        let logits = |options: &str| {
            let options = format!("{options}\nlogit_gain = 1.0\neps = 0.0");
            let net = conformance::conv_network("edm2", &options, 3);
            net.logits(&conformance::gaussian(&[9, 2, 8, 8], 2), &Pass::eval())
        };
        let (unit, rms) = (logits("rows = \"unit\""), logits("rows = \"rms\""));
        assert!(conformance::gap(&unit, &rms) < 1e-12);
        assert!(unit.abs().max().double_value(&[]) > 0.1);
        // The second convolution is 1×1 on six channels.
        for (rows, expected) in [("unit", 1.0), ("rms", 6f64.sqrt())] {
            let net = conformance::conv_network("edm2", &format!("rows = \"{rows}\""), 3);
            let weight = net.parameters.get("conv2.weight").unwrap();
            let _ = tch::no_grad(|| weight.shallow_clone().g_mul_scalar_(1.7));
            tch::no_grad(|| net.after_step());
            let off = init::row_norms(weight) / expected - 1.0;
            assert!(off.abs().max().double_value(&[]) < 2e-4, "{rows}");
        }
    }

    #[test]
    fn a_second_moment_of_one_passes() {
        for activation in [Activation::Relu, Activation::Silu, Activation::Gelu] {
            let net = conformance::single_with(
                "edm2",
                "",
                activation,
                LinearOp::Dense {
                    inputs: 400,
                    outputs: 400,
                },
            );
            let x = conformance::gaussian(&[400, 400], 1);
            let layer = &net.blocks[0].layer;
            let y = layer.forward(&Signal::plain(x), &Pass::eval()).value();
            let second = y.square().mean(Kind::Double).double_value(&[]);
            assert!((second - 1.0).abs() < 0.02, "{activation}: {second}");
        }
    }

    #[test]
    fn the_last_gain_starts_at_zero_and_there_is_no_other_shift_than_that_of_ones() {
        let net = conformance::dense_network("edm2", "", 3);
        let x = conformance::gaussian(&[9, 12], 1);
        assert_eq!(
            net.logits(&x, &Pass::eval()).abs().max().double_value(&[]),
            0.0
        );
        let names: Vec<&str> = net.parameters.iter().map(|e| e.name.as_str()).collect();
        let expected = [
            "layer1.weight",
            "layer1.ones",
            "layer2.weight",
            "logits.weight",
            "logits.gain",
        ];
        assert_eq!(names, expected);
        let net = conformance::dense_network("edm2", "ones = false", 3);
        assert!(net.parameters.get("layer1.ones").is_none());
    }

    #[test]
    fn gradients_are_exact_under_other_options() {
        let gain = "logit_gain = 1.0";
        let variants = [
            gain.to_owned(),
            format!("{gain}\nrows = \"rms\""),
            format!("{gain}\nones = false"),
        ];
        conformance::assert_exact_gradients("edm2", &variants.each_ref().map(String::as_str));
    }
}
