//! Mode normalization (Deecke, Murray, Bilen, ICLR 2019, arXiv:1810.05466): K sets of batch statistics, among which a small
//! trained gate divides each image.
//!
//! With p_n the mean of image n's channels over positions: g_n = softmax(A·p_n + b), one weight for each mode k. A mode's
//! mean μ_k and variance v_k are those of the batch with image n weighted by g_nk, and
//! y = f(γ·Σ_k g_nk·(a − μ_k)/√(v_k + ε) + β). Gradients flow through gates and statistics. Evaluation has running averages
//! of μ_k and of the mean square μ_k² + v_k; the gate works there too.

use anyhow::Result;
use tch::{Kind, Tensor};

use super::BatchSizeOne;
use super::descriptor::{Descriptor, Paper};
use crate::nn::residual::{Order, Part};
use crate::nn::statistics::{AVERAGE_MOMENTUM, EPS, update_average};
use crate::nn::{
    Affine, BatchNorm, BatchNormSettings, Block, Builder, Layer, LinearOp, Normalization,
    NormalizedLayer, Pass, Population,
};
use crate::options::{OptionSpec, Options};

/// Deviation of the gate's weights at the start, around 1/K.
const GATE_STD: f64 = 0.01;

/// A mode with less of all images than this is divided by it: one that no image belongs to has no statistics.
const SMALLEST_TOTAL: f64 = 1e-12;

/// What `mode-norm` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "mode-norm",
    aliases: &["mode-normalization"],
    summary: "batch normalization with several sets of statistics, among which a trained gate divides each image",
    formula: "y = f(γ·Σ_k g_k·(a − μ_k)/√(v_k + ε) + β),  g = softmax(A·mean a + b), μ_k, v_k over the batch weighted by g_k, a = W·x",
    paper: Paper {
        authors: "Deecke, Murray, Bilen",
        title: "Mode Normalization",
        venue: "ICLR 2019, arXiv:1810.05466",
    },
    row_scale_invariant: false,
    batch_size_one_conv: BatchSizeOne::Degenerates,
    extra_parameters: "A, b, γ, β",
    options: &[
        OptionSpec::count("modes", 2, 1, 1000).help("K"),
        OptionSpec::choice("where", &["all", "first"])
            .help("in every normalization, or in the network's first with bn in the others"),
        OptionSpec::flag("debias", true).help(
            "running averages divided by what they lack of a whole average while training is young",
        ),
        EPS,
        AVERAGE_MOMENTUM,
    ],
    departures: &[
        "b starts at 0; in the authors' code uniformly within ±1/√channels.",
        "Running averages are saved with the network; they are not in the authors' code.",
        "Running averages start at 0 and are divided by 1 − (1 − ρ)^t after t batches (debias, ours); evaluation before any training has mean 0 and variance 1.",
        "A variance below 0, which an average of squares minus the square of an average may be, counts as 0.",
        "A mode to which the gate gives no image of a batch adds nothing there, where its formula would divide 0 by 0 (ours).",
        "A decays as other weights do; b does not.",
        "In fully connected layers, which have one position, p is a itself (ours).",
        "The last layer is a plain linear layer with a bias.",
    ],
    learning_rate_at_50: 0.1,
    build,
    folds: false,
    ..Descriptor::WITH_BATCH_STATISTICS
};

fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    if options.choice("where") == "first" && !is_first_normalization(block) {
        let settings = BatchNormSettings::of(options, Population::Running);
        return NormalizedLayer::build(block, builder, |builder| {
            BatchNorm::build(block, builder, settings)
        });
    }
    NormalizedLayer::build(block, builder, |builder| {
        ModeNorm::build(block, options, builder)
    })
}

/// Whether no normalization stands in the network before that of `block`.
fn is_first_normalization(block: &Block) -> bool {
    match block.residual {
        None => block.first,
        Some(place) if place.order == Order::PostActivation => place.part == Part::Stem,
        Some(place) => place.part == Part::Entry && place.place.unit == 0,
    }
}

struct ModeNorm {
    op: LinearOp,
    /// A, `[K, outputs]`.
    gate: Tensor,
    /// b, `[K]`.
    gate_bias: Tensor,
    running: RunningModes,
    affine: Affine,
    eps: f64,
}

/// Of the modes, `[K, outputs]` each.
struct ModeMoments {
    mean: Tensor,
    variance: Tensor,
}

/// Their running averages.
struct RunningModes {
    mean: Tensor,
    square: Tensor,
    /// Training batches so far, a count.
    batches: Tensor,
    debias: bool,
    momentum: f64,
}

impl RunningModes {
    fn track(&self, found: &ModeMoments) {
        let square = (found.mean.square() + &found.variance).detach();
        update_average(&self.mean, &found.mean.detach(), self.momentum);
        update_average(&self.square, &square, self.momentum);
        let _ = tch::no_grad(|| self.batches.shallow_clone().g_add_scalar_(1.0));
    }

    fn moments(&self) -> ModeMoments {
        let share = match self.debias {
            true => 1.0 - (1.0 - self.momentum).powf(self.batches.double_value(&[0])),
            false => 1.0,
        };
        if share == 0.0 {
            return ModeMoments {
                mean: self.mean.zeros_like(),
                variance: self.mean.ones_like(),
            };
        }
        let (mean, square) = (&self.mean / share, &self.square / share);
        let variance = (square - mean.square()).clamp_min(0.0);
        ModeMoments { mean, variance }
    }
}

impl ModeNorm {
    fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<ModeNorm> {
        let (modes, channels) = (options.count("modes"), block.op.outputs());
        let gate = builder.normals(&[modes, channels]) * GATE_STD + 1.0 / modes as f64;
        let zeros = builder
            .filled(modes * channels, 0.0)
            .reshape([modes, channels]);
        Ok(ModeNorm {
            op: block.op,
            gate: builder.weight("gate", gate)?,
            gate_bias: builder.shift("gate_bias", builder.filled(modes, 0.0))?,
            running: RunningModes {
                mean: builder.buffer("running_mean", zeros.copy())?,
                square: builder.buffer("running_square", zeros)?,
                batches: builder.count("batches", 0.0)?,
                debias: options.flag("debias"),
                momentum: options.number("average_momentum"),
            },
            affine: Affine::build(block, builder)?,
            eps: options.number("eps"),
        })
    }

    /// μ_k and v_k of a batch, of whose images `pooled` and `within` are mean and variance over positions, `[N, outputs]`.
    fn batch_moments(pooled: &Tensor, within: &Tensor, gates: &Tensor) -> ModeMoments {
        let total = gates.sum_dim_intlist([0].as_slice(), true, None::<Kind>);
        let total = total.clamp_min(SMALLEST_TOTAL);
        let weights = gates / total;
        let mean = weights.tr().matmul(pooled);
        let between = (pooled.unsqueeze(1) - mean.unsqueeze(0)).square();
        let spread = (between + within.unsqueeze(1)) * weights.unsqueeze(2);
        ModeMoments {
            mean,
            variance: spread.sum_dim_intlist([0].as_slice(), false, None::<Kind>),
        }
    }

    /// Mean and variance of each image's channels over positions, `[N, outputs]`.
    fn over_positions(linear: &Tensor) -> (Tensor, Tensor) {
        match linear.dim() {
            2 => (linear.shallow_clone(), linear.zeros_like()),
            _ => {
                let (variance, mean) = linear.var_mean_dim([2, 3].as_slice(), false, false);
                (mean, variance)
            }
        }
    }
}

impl Normalization for ModeNorm {
    fn apply(&self, linear: &Tensor, pass: &Pass) -> Tensor {
        let (pooled, within) = ModeNorm::over_positions(linear);
        let gates = (pooled.matmul(&self.gate.tr()) + &self.gate_bias).softmax(1, pooled.kind());
        let moments = match pass.training() {
            true => {
                let found = ModeNorm::batch_moments(&pooled, &within, &gates);
                self.running.track(&found);
                found
            }
            false => self.running.moments(),
        };
        // A number near all means is taken off first, and cancels: the sum over modes then loses no digits.
        let center = moments
            .mean
            .detach()
            .mean_dim([0].as_slice(), false, None::<Kind>);
        let factors = (moments.variance + self.eps).rsqrt();
        let factor = gates.matmul(&factors);
        let shift = gates.matmul(&((moments.mean - &center) * factors));
        let of_image = |values: Tensor| match linear.dim() {
            2 => values,
            _ => values.unsqueeze(2).unsqueeze(3),
        };
        let centered = linear - self.op.per_channel(&center);
        self.affine
            .apply(&(centered * of_image(factor) - of_image(shift)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::conformance;
    use crate::moments::Activation;
    use crate::nn::Signal;

    const OP: LinearOp = LinearOp::Conv {
        inputs: 2,
        outputs: 3,
        kernel: 3,
        padding: 1,
        stride: 1,
    };

    #[test]
    fn golden_layer_forward_backward_and_averages() {
        for case in ["mode_norm", "mode_norm_units"] {
            conformance::assert_golden_layer("mode-norm", "", Activation::Identity, case);
        }
    }

    #[test]
    fn one_mode_is_batch_normalization_in_training_and_with_whole_averages_in_evaluation() {
        let options = "modes = 1\naverage_momentum = 0.25";
        let net = conformance::single("mode-norm", options, OP);
        let bn = conformance::single("bn", "population = \"cumulative\"", OP);
        let x = conformance::gaussian(&[5, 2, 4, 4], 1) + 0.5;
        let outputs = [&net, &bn].map(|net| conformance::pre_activation(net, &x));
        assert!(conformance::gap(&outputs[0], &outputs[1]) < 1e-12);
        // After one batch a debiased average is that batch's, and its biased variance.
        let layer = &net.blocks[0].layer;
        let evaluated = layer.pre_activation(&Signal::plain(x.copy()), &Pass::eval());
        assert!(conformance::gap(&evaluated, &outputs[0]) < 1e-12);
    }

    #[test]
    fn with_one_image_every_mode_has_its_statistics() {
        let net = conformance::single("mode-norm", "modes = 3", OP);
        let x = conformance::gaussian(&[1, 2, 4, 4], 1);
        let instance = conformance::single("instance-norm", "", OP);
        let outputs = [&net, &instance].map(|net| conformance::pre_activation(net, &x));
        assert!(conformance::gap(&outputs[0], &outputs[1]) < 1e-12);
    }

    #[test]
    fn it_stands_in_the_first_normalization_alone_when_told_so() {
        let net = conformance::conv_network("mode-norm", "where = \"first\"", 3);
        let gates = ["conv1.gate", "conv2.gate"].map(|name| net.parameters.get(name).is_some());
        assert_eq!(gates, [true, false]);
        assert!(net.parameters.get("conv2.running_var").is_some());
    }

    /// A float32 gate may close for all images of a batch.
    #[test]
    fn a_mode_without_images_adds_nothing() {
        let net = conformance::single("mode-norm", "", OP);
        let bias = Tensor::from_slice(&[0.0, -1e4]);
        conformance::set(&net, "layer.gate_bias", &bias);
        let x = conformance::gaussian(&[5, 2, 4, 4], 1);
        let bn = conformance::single("bn", "", OP);
        let outputs = [&net, &bn].map(|net| conformance::pre_activation(net, &x));
        assert!(conformance::gap(&outputs[0], &outputs[1]) < 1e-12);
        let gate = net.parameters.get("layer.gate").unwrap();
        let y = conformance::pre_activation(&net, &x);
        let loss = (y.sin() * conformance::gaussian(&y.size(), 2)).sum(Kind::Double);
        let gradient = &Tensor::run_backward(&[loss], &[gate], false, false)[0];
        assert!(bool::try_from(gradient.isfinite().all()).unwrap());
    }

    #[test]
    fn gates_start_near_each_other_and_differ_by_seed() {
        let gate = |seed: u64| {
            let net = conformance::conv_network("mode-norm", "", seed);
            net.parameters.get("conv1.gate").unwrap().detach().copy()
        };
        let (one, other) = (gate(1), gate(2));
        assert!((&one - 0.5).abs().max().double_value(&[]) < 0.05);
        assert!(conformance::gap(&one, &other) > 1e-3);
        assert_eq!(one, gate(1));
    }

    #[test]
    fn gradients_are_exact_under_other_options() {
        let first = "where = \"first\"";
        conformance::assert_exact_gradients("mode-norm", &["modes = 4", first]);
    }
}
