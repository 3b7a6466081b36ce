//! Online Normalization (Chiley et al., NeurIPS 2019, arXiv:1905.05894).
//!
//! Images pass one after the other, also within a batch. For image t and each channel, with mean m and biased
//! variance s² of its positions: y_t = (x_t − μ_t)/√(σ²_t + ε) by what was known before it, then
//! σ² ← a σ² + (1−a) s² + a(1−a)(m − μ)², μ ← a μ + (1−a) m: exponentially weighted, exact.
//!
//! The backward pass is controlled rather than differentiated, image by image with g = ∂loss/∂y_t and b the
//! decay backwards: g' = g − (1−b) V y_t, V ← V + mean(g' y_t); g'' = g'/√(σ²_t + ε) − (1−b) U, U ← U + mean(g'').
//! U and V hold what would otherwise make the gradient leave the orthogonal complement of 1 and y.
//!
//! Then γ, β, and a bound against errors that compound over layers: a clamp to [−5, 5], or each image divided by
//! its root mean square. Evaluation uses μ and σ² as they stand.

use std::rc::Rc;

use anyhow::Result;
use tch::{Kind, Tensor};

use super::{ActsOn, Descriptor, Paper};
use crate::nn::native;
use crate::nn::statistics::EPS;
use crate::nn::{Affine, Block, Builder, Layer, LinearOp, Normalization, NormalizedLayer, Pass};
use crate::options::{OptionSpec, Options};

/// What `online-norm` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "online-norm",
    summary: "online normalization: image after image by running statistics; the backward pass is a control process",
    formula: "y_t = f(bound(γ·(a_t − μ_t)/√(σ²_t + ε) + β)),  μ, σ² over the images before t",
    paper: Paper {
        authors: "Chiley, Sharapov, Kosson, Koster, Reece, Samaniego de la Fuente, Subbiah, James",
        title: "Online Normalization for Training Neural Networks",
        venue: "NeurIPS 2019, arXiv:1905.05894",
    },
    acts_on: &[ActsOn::PreActivation],
    uses_batch_statistics: true,
    train_equals_eval: false,
    exact_gradient: false,
    extra_parameters: "γ, β",
    options: &[
        OptionSpec::number("forward_decay", 0.999, 0.0, 1.0)
            .help("a, the weight of the past in μ and σ²"),
        OptionSpec::number("backward_decay", 0.99, 0.0, 1.0)
            .help("b; 1 − b is the strength of the control"),
        EPS,
        OptionSpec::choice("bound", &["clamp", "layer-scaling", "none"])
            .help("clamp to [−clamp_at, clamp_at] (the authors' code), divide each image by its root mean square (the paper's formula), or nothing"),
        OptionSpec::number("clamp_at", 5.0, 0.0, 1e6)
            .help("the bound with bound = \"clamp\""),
    ],
    departures: &[
        "Statistics of the images before t depend on the order within a batch; with one image a batch nothing else is in it.",
        "g is the gradient of the batch's mean loss, so that U and V scale with 1/batch_size.",
        "The authors' code clamps, the paper's formula scales layers; the default is the code's.",
        "The last layer is a plain linear layer with a bias.",
    ],
    build,
    ..Descriptor::ORDINARY
};

fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    NormalizedLayer::build(block, builder, |builder| {
        let outputs = block.op.outputs();
        let zeros = builder.filled(outputs, 0.0);
        Ok(OnlineNorm {
            op: block.op,
            affine: Affine::build(block, builder)?,
            mean: builder.buffer("running_mean", zeros.copy())?,
            variance: builder.buffer("running_var", builder.filled(outputs, 1.0))?,
            control: Rc::new(Control {
                decay: options.number("backward_decay"),
                along_output: builder.buffer("control_output", zeros.copy())?,
                along_ones: builder.buffer("control_ones", zeros)?,
            }),
            decay: options.number("forward_decay"),
            eps: options.number("eps"),
            bound: match options.choice("bound") {
                "clamp" => Bound::Clamp(options.number("clamp_at")),
                "layer-scaling" => Bound::LayerScaling,
                _ => Bound::None,
            },
        })
    })
}

/// What keeps errors from compounding over layers.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Bound {
    Clamp(f64),
    LayerScaling,
    None,
}

impl Bound {
    fn apply(self, x: Tensor) -> Tensor {
        match self {
            Bound::Clamp(limit) => x.clamp(-limit, limit),
            Bound::LayerScaling => {
                let axes: Vec<i64> = (1..x.dim() as i64).collect();
                let squares = x.square().mean_dim(axes.as_slice(), true, None::<Kind>);
                x * (squares + 1e-5).rsqrt()
            }
            Bound::None => x,
        }
    }
}

/// Mean over positions, `[N, C]`.
fn over_positions(x: &Tensor) -> Tensor {
    if x.dim() == 2 {
        return x.shallow_clone();
    }
    let maps = x.flatten(2, -1);
    maps.mean_dim([2].as_slice(), false, None::<Kind>)
}

/// `[N, C]` shaped to act on `like`, `[N, C, ...]`.
fn to_positions(x: &Tensor, like: &Tensor) -> Tensor {
    let mut size = x.size();
    size.resize(like.dim(), 1);
    x.view(size.as_slice())
}

/// States s_0 … s_N of s ← d·s + c_t, from s_0 `[C]` and changes c `[N, C]`: `[N + 1, C]`.
fn scan(decay: f64, start: &Tensor, changes: &Tensor) -> Tensor {
    let count = changes.size()[0] as usize;
    let mut powers = vec![0.0; (count + 1) * (count + 1)];
    for (state, row) in powers.chunks_mut(count + 1).enumerate() {
        row[0] = decay.powi(state as i32);
        for (change, power) in row.iter_mut().skip(1).take(state).enumerate() {
            *power = decay.powi((state - 1 - change) as i32);
        }
    }
    let size = count as i64 + 1;
    let powers = Tensor::from_slice(&powers).view([size, size]);
    let powers = native::sent(&powers.to_kind(start.kind()), start.device());
    powers.matmul(&Tensor::cat(&[&start.unsqueeze(0), changes], 0))
}

struct OnlineNorm {
    op: LinearOp,
    affine: Affine,
    mean: Tensor,
    variance: Tensor,
    control: Rc<Control>,
    decay: f64,
    eps: f64,
    bound: Bound,
}

impl OnlineNorm {
    /// Normalizes image after image; returns the outputs and √(σ²_t + ε), `[N, C]`.
    fn stream(&self, x: &Tensor) -> (Tensor, Tensor) {
        let count = x.size()[0];
        let means = over_positions(x);
        let variances = over_positions(&(x - to_positions(&means, x)).square());
        let centers = scan(self.decay, &self.mean, &(&means * (1.0 - self.decay)));
        let known = centers.narrow(0, 0, count);
        let surprise = (means - &known).square() * (self.decay * (1.0 - self.decay));
        let changes = variances * (1.0 - self.decay) + surprise;
        let spreads = scan(self.decay, &self.variance, &changes);
        let deviation = (spreads.narrow(0, 0, count) + self.eps).sqrt();
        self.mean.shallow_clone().copy_(&centers.get(count));
        self.variance.shallow_clone().copy_(&spreads.get(count));
        let normalized = (x - to_positions(&known, x)) / to_positions(&deviation, x);
        (normalized, deviation)
    }
}

impl Normalization for OnlineNorm {
    fn has_custom_backward(&self) -> bool {
        true
    }

    fn apply(&self, linear: &Tensor, pass: &Pass) -> Tensor {
        let normalized = if pass.training() {
            let (value, deviation) = tch::no_grad(|| self.stream(linear));
            let (control, output) = (Rc::clone(&self.control), value.shallow_clone());
            pass.custom_backward(
                linear.shallow_clone(),
                &value,
                Box::new(move |gradient| control.apply(gradient, &output, &deviation)),
            )
        } else {
            let deviation = (&self.variance + self.eps).sqrt();
            (linear - self.op.per_channel(&self.mean)) / self.op.per_channel(&deviation)
        };
        self.bound.apply(self.affine.apply(&normalized))
    }
}

/// The backward process and its state.
#[derive(Debug)]
struct Control {
    /// b.
    decay: f64,
    /// V, `[C]`.
    along_output: Tensor,
    /// U, `[C]`.
    along_ones: Tensor,
}

impl Control {
    /// The gradient before the normalization from `gradient` behind it, image after image; moves U and V.
    fn apply(&self, gradient: &Tensor, output: &Tensor, deviation: &Tensor) -> Tensor {
        let strength = 1.0 - self.decay;
        let count = gradient.size()[0];
        let products = over_positions(&(gradient * output));
        let squares = over_positions(&output.square());
        let mut state = self.along_output.copy();
        let mut states = Vec::with_capacity(count as usize);
        for image in 0..count {
            states.push(state.shallow_clone());
            state = &state + products.get(image) - squares.get(image) * &state * strength;
        }
        self.along_output.shallow_clone().copy_(&state);
        let along_output = to_positions(&Tensor::stack(&states, 0), output);
        let scaled =
            (gradient - output * along_output * strength) / to_positions(deviation, output);
        let sums = scan(self.decay, &self.along_ones, &over_positions(&scaled));
        self.along_ones.shallow_clone().copy_(&sums.get(count));
        scaled - to_positions(&sums.narrow(0, 0, count), output) * strength
    }
}

#[cfg(test)]
mod tests;
