//! Mean shift rejection (Ruff, Beck, Bach, 2019, arXiv:1911.13173): kernels without a mean, kept so by their gradients.
//!
//! A constant that is added to a map is seen by a kernel through the sum of its weights alone. Each kernel slice (one input
//! channel of one output) starts with mean 0, and the gradient G of a weight is replaced by G − mean G, the mean of each
//! slice: then slices keep mean 0. Rows start at a common length. No statistics; y = f(W·x + b).

use std::f64::consts::SQRT_2;
use std::rc::Rc;

use anyhow::Result;
use tch::{Kind, Tensor};

use super::ActsOn;
use super::descriptor::{Descriptor, Paper};
use crate::nn::statistics::AT_THE_KINK;
use crate::nn::{Block, Builder, Layer, LinearOp, Update, UpdateRule, plain, rows};
use crate::options::{OptionSpec, Options};

/// What `mean-shift-rejection` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "mean-shift-rejection",
    aliases: &["msr"],
    summary: "kernels that start with mean 0 and are kept so by gradients without a mean; no normalization",
    formula: "y = f(W·x + b);  G ← G − mean G over each kernel slice, in front of the optimizer",
    paper: Paper {
        authors: "Ruff, Beck, Bach",
        title: "Mean Shift Rejection: Training Deep Neural Networks Without Minibatch Statistics or Normalization",
        venue: "2019, arXiv:1911.13173",
    },
    acts_on: &[ActsOn::Weights, ActsOn::Update],
    is_start: true,
    extra_parameters: "b",
    options: &[
        OptionSpec::choice("rejection", &["project", "amplify"])
            .help("the mean of a gradient's slices is taken out, or what is not the mean is multiplied by 1 + mult (an author's code)"),
        OptionSpec::number("mult", 10.0, 0.0, 1e6).help("of rejection = \"amplify\""),
        OptionSpec::choice("pointwise", &["inputs", "leave"])
            .help("1×1 kernels and fully connected rows, which have one position: means over input channels, or no means at all"),
        OptionSpec::number("row_length", SQRT_2, 1e-3, 1e3)
            .help("length of weight rows at the start"),
    ],
    departures: &[
        "The paper's text was not readable to us; the start (slices of mean 0, rows of a common length) and the projection are our reading of its abstract.",
        "Rows start at length √2, which a rectifier makes up for (ours). Length 1 is nearer to the abstract; signals then fade from layer to layer.",
        "The second author's published code amplifies the part without a mean eleven times and keeps the mean, which is rejection = \"amplify\"; it says of itself that it is not validated.",
        "Means over input channels where a kernel has one position (ours).",
        "The paper's noise is left out: where it enters is not known to us.",
        "The last layer is a plain linear layer with a bias.",
        AT_THE_KINK,
    ],
    learning_rate_at_50: 0.05,
    build,
    folds: true,
    ..Descriptor::ORDINARY
};

fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    if block.last || block.op.is_identity() {
        return plain::build(block, builder);
    }
    let axes = slice_axes(&block.op, options.choice("pointwise") == "inputs");
    let direction = builder.direction();
    let centered = match axes {
        Some(axes) => without_means(&direction, axes),
        None => direction,
    };
    let start = rows::unit(&centered, false) * options.number("row_length");
    let layer = plain::build_from(block, start, builder)?;
    if let Some(axes) = axes {
        let rule = Rejection {
            axes,
            mult: (options.choice("rejection") == "amplify").then(|| options.number("mult")),
        };
        builder.rule("weight", Rc::new(rule))?;
    }
    Ok(layer)
}

/// The axes of a slice of weights; none where there is nothing to take a mean of.
fn slice_axes(op: &LinearOp, over_inputs: bool) -> Option<&'static [i64]> {
    match op {
        LinearOp::Conv {
            kernel: kernel @ 2..,
            ..
        } => (*kernel > 1).then_some(&[2, 3]),
        _ if over_inputs && op.fan_in() > 1 => Some(&[1]),
        _ => None,
    }
}

/// Numbers minus the means over these axes.
fn without_means(tensor: &Tensor, axes: &[i64]) -> Tensor {
    tensor - tensor.mean_dim(axes, true, None::<Kind>)
}

/// What replaces the gradient.
#[derive(Debug)]
struct Rejection {
    axes: &'static [i64],
    /// How much more of the part without a mean, where the mean stays.
    mult: Option<f64>,
}

impl Rejection {
    fn apply(&self, gradient: &Tensor) -> Tensor {
        let rest = without_means(gradient, self.axes);
        match self.mult {
            None => rest,
            Some(mult) => gradient + rest * mult,
        }
    }
}

impl UpdateRule for Rejection {
    fn before_step(
        &self,
        _parameter: &Tensor,
        gradient: &Tensor,
        _kept: &[Tensor],
        _update: &Update,
    ) -> Option<Tensor> {
        Some(self.apply(gradient))
    }

    /// The steps of other optimizers are not linear in the gradient: slices would not keep mean 0.
    fn needs_sgd(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::conformance;
    use crate::nn::{Optimizer, OptimizerConfig, Pass, SgdStep, StepFormula, backward, init};

    const OP: LinearOp = LinearOp::Conv {
        inputs: 2,
        outputs: 3,
        kernel: 3,
        padding: 0,
        stride: 1,
    };

    fn largest(values: &Tensor) -> f64 {
        values.abs().max().double_value(&[])
    }

    #[test]
    fn golden_gradients_and_start() {
        let case = conformance::golden_case("mean_shift_rejection");
        let get = |key: &str| conformance::golden_tensor(case, key);
        for (mult, key) in [(None, "projected"), (Some(10.0), "amplified")] {
            let axes = &[2, 3];
            let found = Rejection { axes, mult }.apply(&get("gradient"));
            conformance::assert_golden(key, &found, &case[key]);
        }
        let start = rows::unit(&without_means(&get("direction"), &[2, 3]), false);
        assert!(conformance::gap(&start, &get("start")) < 1e-12);
    }

    #[test]
    fn slices_keep_mean_zero_through_momentum_and_decay() {
        let formula = StepFormula::Sgd(SgdStep {
            momentum: 0.9,
            nesterov: true,
        });
        let config = OptimizerConfig {
            weight_decay: 0.01,
            ..OptimizerConfig::plain(formula)
        };
        let means = |options: &str| {
            let net = conformance::conv_network("mean-shift-rejection", options, 3);
            let mut sgd = Optimizer::new(config, &net.parameters).unwrap();
            let x = conformance::gaussian(&[9, 2, 8, 8], 2);
            for step in 0..20 {
                let pass = Pass::train(0, step);
                let loss = net.logits(&x, &pass).sin().sum(Kind::Double);
                let gradients = backward::gradients(&loss, &net.parameters, &pass);
                sgd.step(&net.parameters, &gradients, 0.005);
            }
            let mean = |name: &str, axes: &[i64]| {
                let weight = net.parameters.get(name).unwrap();
                largest(&weight.mean_dim(axes, false, None::<Kind>))
            };
            [mean("conv1.weight", &[2, 3]), mean("conv2.weight", &[1])]
        };
        assert!(means("").iter().all(|mean| *mean < 1e-12));
        assert!(
            means("rejection = \"amplify\"\nmult = 1.0")
                .iter()
                .all(|mean| *mean > 1e-6)
        );
        let [spatial, pointwise] = means("pointwise = \"leave\"");
        assert!(spatial < 1e-12 && pointwise > 1e-6);
    }

    #[test]
    fn a_constant_image_gives_the_bias_and_rows_have_their_length() {
        let net = conformance::single("mean-shift-rejection", "row_length = 1.5", OP);
        let options = (Kind::Double, tch::Device::Cpu);
        let x = Tensor::from_slice(&[0.7, -2.0]).view([1, 2, 1, 1])
            * Tensor::ones([1, 2, 6, 6], options);
        assert!(largest(&conformance::pre_activation(&net, &x)) < 1e-14);
        let lengths = init::row_norms(net.parameters.get("layer.weight").unwrap());
        assert!(largest(&(lengths - 1.5)) < 1e-10);
    }
}
