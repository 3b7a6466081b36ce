//! Equi-normalization, ENorm (Stock, Graham, Gribonval, Jégou, ICLR 2019, arXiv:1902.10416): behind each step the weights of
//! neighboring layers are balanced, and the network computes what it did.
//!
//! Where f(d·a) = d·f(a) for d > 0, row i of a layer's weights may be multiplied by d_i and column i of the next layer's
//! divided by it. For every pair of layers, from the first on, d_i = √(‖column i‖/(c·‖row i‖)): then c·‖row i‖ and
//! ‖column i‖ are equal, and with c = 1 no other factors make the weights shorter. Biases are multiplied as rows are. The
//! optimizer's velocities are multiplied by what their weights are divided by, as gradients would be.

use std::rc::Rc;

use anyhow::Result;
use tch::Tensor;

use super::ActsOn;
use super::descriptor::{Descriptor, Paper};
use crate::moments::Activation;
use crate::nn::residual::Part;
use crate::nn::rows::by_row;
use crate::nn::{
    Block, Builder, Layer, Reparametrization, ReparametrizedLayer, Update, UpdateRule, init, plain,
};
use crate::options::{OptionSpec, Options};
use crate::usage;

/// What `enorm` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "enorm",
    aliases: &["equi-normalization", "equinorm"],
    summary: "equi-normalization: behind each step the weights of neighboring layers are balanced, without changing what the network computes",
    formula: "y = f(W·x + b);  behind each step row i of W and b_i times d_i, column i of the next W divided by it, d_i = √(‖column i‖/(c·‖row i‖))",
    paper: Paper {
        authors: "Stock, Graham, Gribonval, Jégou",
        title: "Equi-normalization of Neural Networks",
        venue: "ICLR 2019, arXiv:1902.10416",
    },
    acts_on: &[ActsOn::Update],
    extra_parameters: "b",
    options: &[
        OptionSpec::number("asymmetry", 1.0, 1e-3, 1e3)
            .help("c; the authors use 1.1 for convolutions and 1.2 for fully connected layers"),
        OptionSpec::flag("last", true)
            .help("the last layer's weights take part; in the authors' code they do not"),
        OptionSpec::flag("scale_biases", true)
            .help("biases are multiplied too, which keeps what the network computes; the authors' code leaves them"),
    ],
    departures: &[
        "Lengths are those of the weights as the pair before left them; the authors' code takes those from before it.",
        "Velocities follow in fully connected layers too; in the authors' code in convolutions only. They do so in front of the next step.",
        "By default c is 1, biases are multiplied and the last layer takes part, all unlike the authors' code.",
        "A row or column of zeros leaves its pair as it is (ours).",
        "Only between the two convolutions of a residual branch: what is added to a stream meets other signals there.",
    ],
    learning_rate_at_50: 0.005,
    build,
    folds: true,
    ..Descriptor::ORDINARY
};

/// The buffer of d, `[outputs]`, in layers that have a next one to be balanced with.
const BALANCE: &str = "balance";

fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    check_activation(block)?;
    if block.op.is_identity() {
        return plain::build(block, builder);
    }
    let before = match block.last && !options.flag("last") {
        true => None,
        false => layer_before(block, builder),
    };
    let scale_biases = options.flag("scale_biases");
    let pair = before
        .as_deref()
        .and_then(|before| Pair::with(before, builder));
    let columns = pair.as_ref().map(|pair| pair.balance.shallow_clone());
    let layer = ReparametrizedLayer::build(block, builder, |builder| {
        let weight = init::he(&builder.direction(), block.op.fan_in());
        Ok(BalancedWeight {
            weight: builder.weight("weight", weight)?,
            pair,
            scale_biases,
            asymmetry: options.number("asymmetry"),
        })
    })?;
    let rows = match has_next(block) {
        true => {
            let ones = builder.filled(block.op.outputs(), 1.0);
            Some(builder.buffer(BALANCE, ones)?)
        }
        false => None,
    };
    if let Some(rows) = rows.as_ref().filter(|_| scale_biases) {
        let rule = FollowingVelocity {
            rows: Some(rows.shallow_clone()),
            columns: None,
        };
        builder.rule("bias", Rc::new(rule))?;
    }
    if rows.is_some() || columns.is_some() {
        builder.rule("weight", Rc::new(FollowingVelocity { rows, columns }))?;
    }
    Ok(layer)
}

/// Refuses activations that a factor does not pass through.
fn check_activation(block: &Block) -> Result<()> {
    match block.activation {
        Activation::Identity
        | Activation::Relu
        | Activation::LeakyRelu { .. }
        | Activation::Prelu { .. } => Ok(()),
        other => Err(usage!(
            "enorm moves factors through activations, and {other} does not let them through; use activation = \"relu\", \
             \"leaky:0.1\" or \"prelu\""
        )),
    }
}

/// Whether the next layer's weights belong to this one's rows and to nothing else.
fn has_next(block: &Block) -> bool {
    match block.residual {
        None => !block.last,
        Some(place) => place.part == Part::First,
    }
}

/// The layer whose rows belong to this one's columns.
fn layer_before(block: &Block, builder: &Builder) -> Option<String> {
    let candidate = builder.latest_with(BALANCE)?;
    match block.residual {
        Some(place) => (place.part == Part::Second).then_some(candidate),
        // The last layer of a residual network looks like any other; what is before it is no such layer.
        None => (builder.latest_with("weight")? == candidate).then_some(candidate),
    }
}

/// The layer before: what is balanced with a weight's columns.
struct Pair {
    weight: Tensor,
    bias: Tensor,
    balance: Tensor,
}

impl Pair {
    /// That of the layer called `before`.
    fn with(before: &str, builder: &Builder) -> Option<Pair> {
        Some(Pair {
            weight: builder.of_block(before, "weight")?,
            bias: builder.of_block(before, "bias")?,
            balance: builder.of_block(before, BALANCE)?,
        })
    }

    /// d.
    fn factors(&self, next: &Tensor, asymmetry: f64) -> Tensor {
        let rows = init::row_norms(&self.weight);
        let columns = init::row_norms(&next.transpose(0, 1));
        let usable = rows.gt(0.0).logical_and(&columns.gt(0.0));
        let factors = (columns / (&rows * asymmetry)).sqrt();
        factors.where_self(&usable, &rows.ones_like())
    }
}

/// A vector with one number an input, shaped so that it multiplies a weight's columns.
fn by_column(vector: &Tensor, weight: &Tensor) -> Tensor {
    let mut shape = vec![1; weight.dim()];
    shape[1] = -1;
    vector.reshape(shape.as_slice())
}

/// A weight, which behind each step is balanced with that of the layer before.
struct BalancedWeight {
    weight: Tensor,
    pair: Option<Pair>,
    scale_biases: bool,
    asymmetry: f64,
}

impl Reparametrization for BalancedWeight {
    fn kernel(&self) -> Tensor {
        self.weight.shallow_clone()
    }

    fn after_step(&self) {
        let Some(pair) = &self.pair else { return };
        let factors = pair.factors(&self.weight, self.asymmetry);
        let multiply = |tensor: &Tensor, by: &Tensor| {
            let _ = tensor.shallow_clone().g_mul_(by);
        };
        multiply(&pair.weight, &by_row(&factors, &pair.weight));
        if self.scale_biases {
            multiply(&pair.bias, &factors);
        }
        multiply(
            &self.weight,
            &by_column(&factors.reciprocal(), &self.weight),
        );
        pair.balance.shallow_clone().copy_(&factors);
    }
}

/// The optimizer's step, in front of which the velocity takes in what its weights were multiplied by behind the last one.
#[derive(Debug)]
struct FollowingVelocity {
    /// d of the rows.
    rows: Option<Tensor>,
    /// d of the columns.
    columns: Option<Tensor>,
}

impl UpdateRule for FollowingVelocity {
    fn before_step(
        &self,
        _parameter: &Tensor,
        gradient: &Tensor,
        kept: &[Tensor],
        _update: &Update,
    ) -> Option<Tensor> {
        for velocity in kept {
            let mut moved = velocity.shallow_clone();
            if let Some(rows) = &self.rows {
                let _ = moved.g_div_(&by_row(rows, velocity));
            }
            if let Some(columns) = &self.columns {
                let _ = moved.g_mul_(&by_column(columns, velocity));
            }
        }
        Some(gradient.shallow_clone())
    }

    /// Averages of squares would follow by the square; SGD alone is derived.
    fn needs_sgd(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests;
