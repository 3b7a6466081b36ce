//! Singular values of Jacobians on real images, and the spread of the signal beside them.
//!
//! A layer with Jacobian J maps a small change v of its input to J·v and a gradient u at its output to
//! Jᵀ·u. For random u of independent entries the gradient's squared length is multiplied by
//! ‖J‖_F²/(number of outputs) on average: that is the *mean square* here, J·Jᵀ's mean diagonal. With unit
//! weight rows and N(0, 1) pre-activations it is E f′(z)²/Var f(z), 1.4669 for ReLU, whose root is the
//! 1.21 of Normalization Propagation (Arpit et al., 2016, arXiv:1603.01431, which follows the dynamical
//! isometry of Saxe, McClelland, Ganguli, 2014, arXiv:1312.6120).
//!
//! Small Jacobians are written out and decomposed; of large ones the mean square is estimated by
//! Hutchinson's method (1989) and the largest singular value by Golub and Kahan's bidiagonalization
//! (1965), which approaches it from below.

mod linearization;
#[cfg(test)]
mod tests;

use anyhow::{Context, Result};
use tch::{Kind, Tensor};

use super::images::{by_unit, to_values, walk_layers};
use crate::nn::update::squared_length;
use crate::nn::{Network, Pass, Signal};
use crate::streams::{Purpose, stream};
pub use linearization::Linearization;
pub(super) use linearization::signs;
use linearization::singular_values;

/// Jacobians with at most this many entries are written out.
pub const LARGEST_EXACT: i64 = 300_000;
/// Images on which singular values are computed; the mean square is measured on all.
const DECOMPOSED_IMAGES: i64 = 4;
/// Random vectors for each image in Hutchinson's method.
const HUTCHINSON_PROBES: usize = 4;
/// Steps of the bidiagonalization.
const LANCZOS_STEPS: usize = 20;

/// Singular values of a map, over some images.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spectrum {
    /// Whether the Jacobians were written out; else `mean_square` and `largest` are estimates and
    /// `smallest` and `median` are NaN.
    pub exact: bool,
    /// Numbers at the input.
    pub inputs: usize,
    /// Numbers at the output.
    pub outputs: usize,
    /// ‖J‖_F²/outputs, mean over the images.
    pub mean_square: f64,
    /// Its standard error, of images and random vectors together.
    pub mean_square_error: f64,
    /// Smallest of the min(inputs, outputs) singular values, mean over the images.
    pub smallest: f64,
    /// Median of them.
    pub median: f64,
    /// Largest of them.
    pub largest: f64,
}

/// What is known of one layer.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerJacobian {
    /// The layer's number, from 1.
    pub layer: usize,
    /// Its name.
    pub name: String,
    /// Images looked at.
    pub images: usize,
    /// From what the layer receives to what it hands on.
    pub spectrum: Spectrum,
    /// By how much a random gradient behind the last hidden layer has grown when it has come back
    /// to this layer's input: ‖Jᵀu‖/‖u‖, root mean square over images. NaN behind the last hidden layer. Inside a
    /// residual branch, of the way through the branch alone.
    pub gain_from_top: f64,
    /// Standard deviation of the pre-activation over everything.
    pub pre_std: f64,
    /// Standard deviation over images and positions, root mean square over units: differences
    /// between the units' means do not count.
    pub pre_unit_std: f64,
}

/// Measures every layer of `network` on `images` `[N, C, H, W]`.
pub fn layers(network: &Network, images: &Tensor, seed: u64) -> Result<Vec<LayerJacobian>> {
    let last = network.blocks.len().saturating_sub(1);
    let mut inputs = Vec::new();
    let mut spreads = Vec::new();
    walk_layers(network, images, last, |_, input, pre| {
        inputs.push((input.value(), input.shallow_clone().estimate));
        spreads.push(spread(pre));
    });
    let gains = gains_from_top(network, images, seed)?;
    let mut found = Vec::with_capacity(inputs.len());
    for (index, (input, estimate)) in inputs.into_iter().enumerate() {
        let built = &network.blocks[index];
        let known = Signal {
            estimate,
            ..Signal::plain(input.shallow_clone())
        };
        let map = |x: &Tensor| {
            let signal = Signal {
                x: x.shallow_clone(),
                ..known.shallow_clone()
            };
            built.layer.forward(&signal, &Pass::eval()).value()
        };
        let name = built.node.name().to_owned();
        found.push(LayerJacobian {
            layer: index + 1,
            images: images.size()[0] as usize,
            spectrum: spectrum(&map, &input, seed)
                .with_context(|| format!("the Jacobian of layer {name}"))?,
            name,
            gain_from_top: gains.get(index).copied().unwrap_or(f64::NAN),
            pre_std: spreads[index].0,
            pre_unit_std: spreads[index].1,
        });
    }
    Ok(found)
}

/// Standard deviation over all values, and within units.
fn spread(pre: &Tensor) -> (f64, f64) {
    let values = by_unit(pre).flatten(1, 2).to_kind(Kind::Double);
    let variances = values.var_dim([1].as_slice(), false, false);
    let within = variances.mean(Kind::Double).double_value(&[]).sqrt();
    (values.std(false).double_value(&[]), within)
}

/// For each layer up to the last hidden one, ‖Jᵀu‖/‖u‖ of the map from its input to the last hidden
/// layer's output.
fn gains_from_top(network: &Network, images: &Tensor, seed: u64) -> Result<Vec<f64>> {
    let hidden = network.blocks.iter().filter(|built| !built.node.is_last());
    let (hidden, pass) = (hidden.count(), Pass::eval());
    let input = network.input(&images.detach().copy().set_requires_grad(true));
    let mut inputs = Vec::new();
    let signal = network.follow(input, &pass, hidden, |_, layer, received| {
        // The value itself must be in the graph for a gradient to stop at it.
        let known = Signal {
            estimate: received.shallow_clone().estimate,
            ..Signal::plain(received.value())
        };
        inputs.push(known.x.shallow_clone());
        layer.forward(&known, &pass)
    });
    if inputs.is_empty() {
        return Ok(Vec::new());
    }
    let top = signal.value();
    let mut sums = vec![0.0; inputs.len()];
    let mut total = 0.0;
    for probe in 0..HUTCHINSON_PROBES {
        let u = linearization::signs(&top, seed, probe as u64);
        let along = (&top * &u).sum(None::<Kind>);
        let gradients = Tensor::f_run_backward(&[&along], &inputs, true, false)?;
        for (sum, gradient) in sums.iter_mut().zip(&gradients) {
            *sum += squared_length(gradient);
        }
        total += squared_length(&u);
    }
    Ok(sums.iter().map(|sum| (sum / total).sqrt()).collect())
}

/// Singular values of `map` at each row of `x`; the map must treat the rows separately.
pub fn spectrum(map: &dyn Fn(&Tensor) -> Tensor, x: &Tensor, seed: u64) -> Result<Spectrum> {
    let at = Linearization::new(map, x)?;
    let (inputs, outputs) = (at.inputs(), at.outputs());
    let exact = inputs.saturating_mul(outputs) <= LARGEST_EXACT;
    let few = DECOMPOSED_IMAGES.min(x.size()[0]);
    let (squares, values) = if exact {
        // Rows are cheap beside the decomposition, so the mean square is exact on every image.
        let jacobians = at.matrices()?;
        let squares = jacobians.square();
        let squares = squares.sum_dim_intlist([1, 2].as_slice(), false, Kind::Double);
        let values = singular_values(&jacobians.narrow(0, 0, few))?;
        (to_values(&(squares / outputs as f64)), values)
    } else {
        let mut squares = Tensor::zeros([x.size()[0]], (Kind::Double, x.device()));
        for probe in 0..HUTCHINSON_PROBES {
            squares += at.hutchinson(seed, probe as u64)?;
        }
        let few = Linearization::new(map, &x.narrow(0, 0, few))?;
        let start = stream(seed, Purpose::Probe, 0);
        (
            to_values(&(squares / HUTCHINSON_PROBES as f64)),
            few.lanczos(LANCZOS_STEPS, start)?,
        )
    };
    let count = squares.len() as f64;
    // Averaged over the images.
    let (ascending, _) = values.sort(1, false);
    let values = to_values(&ascending.mean_dim([0].as_slice(), false, Kind::Double));
    let place = |share: f64| values.get((share * (values.len().saturating_sub(1)) as f64) as usize);
    let value = |share: f64| place(share).copied().unwrap_or(f64::NAN);
    Ok(Spectrum {
        exact,
        inputs: inputs as usize,
        outputs: outputs as usize,
        mean_square: crate::stats::mean(&squares),
        mean_square_error: crate::stats::std_dev(&squares) / count.sqrt(),
        smallest: if exact { value(0.0) } else { f64::NAN },
        median: if exact { value(0.5) } else { f64::NAN },
        largest: value(1.0),
    })
}

/// Singular values of the map from images to logits, `[N, min(classes, pixels)]`, largest first.
pub fn input_output(network: &Network, images: &Tensor) -> Result<Tensor> {
    let map = |x: &Tensor| network.logits(x, &Pass::eval());
    let jacobians = Linearization::new(&map, images)?.matrices()?;
    singular_values(&jacobians)
}
