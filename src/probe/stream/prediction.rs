//! What random weights give: moments, similarity and gradients of the stream of a residual network of order v2.
//!
//! A linear operation with random rows makes of inputs h the second moment E (W·h)² = Σ W²·E h² and, of two images, the
//! mean product Σ W²·E h·h′, tap by tap of its kernel, so that zeros at the border take their part away. An activation
//! sees Gaussians with these moments, (z, z′) with E z² = q and E z·z′ = p. For f(z) = z or a·z, ReLU at a = 0, and
//! cos θ = p/√(q·q′), with Cho and Saul (NIPS 2009):
//! E f(z)f(z′) = (1 − a)²·√(q·q′)/2π·(sin θ + (π − θ)·cos θ) + a·p, E f(z) = (1 − a)·√(q/2π), E f′(z)² = (1 + a²)/2.
//! Branch and shortcut are independent. Backwards a squared gradient is multiplied by Σ W² and by E f′².
//!
//! For inputs that are white and standardized these are the rules of sums: variance 1 + l·α² and gain 1 + α²·J²/β² with
//! NormProp's alpha-beta, variance 1 and gain (1 + J²)/2 with sqrt2, 2 and 1 + J² in the first unit with naive, J = E f′²/
//! Var f. Here they start from the products that the stream in front of the first unit really has, image by image and
//! position by position (ours), so that correlated inputs do what they do. Backwards they start from the gradient behind
//! the last unit.
//!
//! Weights enter by the lengths and sums of their rows as they are now: of a trained network the prediction says what
//! random weights of these lengths would do. Known where every layer folds into one linear operation and a ReLU, leaky
//! ReLU or identity, and training is evaluation.

mod products;
mod stage;

use tch::{Kind, Tensor};

use super::place::StreamNumbers;
use crate::nn::residual::{Order, Part, Shortcut};
use crate::nn::{Network, NetworkKind, layout};
use products::Products;
use stage::Stage;

/// The layers of a unit.
struct StreamUnit {
    entry: Stage,
    first: Stage,
    projection: Option<Stage>,
    second: Stage,
    shortcut: Shortcut,
    /// c² of the sum.
    factor: f64,
    /// The part of the sum's channels that the stream fills.
    share: f64,
}

/// Numbers at each place of the stream, from the stream `[n, C, H, W]` in front of the first unit and the map of squared
/// gradients `[1, 1, H, W]` behind the last one; nothing where a layer's part is not known.
pub(super) fn predict(
    network: &Network,
    first: &Tensor,
    last_gradient: &Tensor,
) -> Option<Vec<StreamNumbers>> {
    if network.kind() != NetworkKind::Residual(Order::PreActivation) {
        return None;
    }
    tch::no_grad(|| {
        let units = units(network)?;
        let mut places = vec![Products::of(first)];
        for unit in &units {
            let next = unit.forward(&places[places.len() - 1]);
            places.push(next);
        }
        let gradients = backward(&units, &places, last_gradient);
        // Independent signs have the same square everywhere.
        let squares = backward(&units, &places, &last_gradient.ones_like());
        Some(numbers(&places, &gradients, &squares))
    })
}

/// The layers of every unit.
fn units(network: &Network) -> Option<Vec<StreamUnit>> {
    let mut units = Vec::new();
    let (mut entry, mut first, mut projection) = (None, None, None);
    for built in &network.blocks {
        let Some(part) = built.node.residual() else {
            continue;
        };
        match part.part {
            Part::Entry => entry = Some(Stage::of(built)?),
            Part::First => first = Some(Stage::of(built)?),
            Part::Projection => projection = Some(Stage::of(built)?),
            Part::Second => {
                let channels = built.node.outputs() as f64;
                units.push(StreamUnit {
                    entry: entry.take()?,
                    first: first.take()?,
                    projection: projection.take(),
                    second: Stage::of(built)?,
                    shortcut: part.shortcut,
                    factor: built.layer.sum_factor().powi(2),
                    share: match part.shortcut {
                        Shortcut::Pad {
                            channels: zeros, ..
                        } => 1.0 - zeros as f64 / channels,
                        _ => 1.0,
                    },
                });
            }
            _ => {}
        }
    }
    Some(units)
}

impl StreamUnit {
    fn forward(&self, stream: &Products) -> Products {
        let nothing = stream.scaled(0.0);
        let read = self.entry.forward(&(stream.shallow_clone(), nothing));
        let (branch, _) = self.second.forward(&self.first.forward(&read));
        let kept = match (&self.projection, self.shortcut) {
            (Some(projection), _) => projection.forward(&read).0,
            (None, Shortcut::Pad { stride, .. }) => stream.strided(stride).scaled(self.share),
            (None, _) => stream.shallow_clone(),
        };
        kept.plus(&branch).scaled(self.factor)
    }

    /// The map of squared gradients at what enters the unit, `[1, 1, H, W]`, from the one at what leaves it.
    fn backward(&self, gradient: &Tensor, sides: (i64, i64)) -> Tensor {
        let sum = gradient * self.factor;
        let middle = (sum.size()[2], sum.size()[3]);
        let at_first = self.second.backward(&sum, middle);
        let mut at_read = self.first.backward(&at_first, sides);
        let direct = match (&self.projection, self.shortcut) {
            (Some(projection), _) => {
                at_read += projection.backward(&sum, sides);
                None
            }
            (None, Shortcut::Pad { stride, .. }) => Some(spread(&sum, stride, sides) * self.share),
            (None, _) => Some(sum),
        };
        let through = self.entry.backward(&at_read, sides);
        match direct {
            Some(direct) => direct + through,
            None => through,
        }
    }
}

/// The map with zeros between its positions, on maps of these sides.
fn spread(map: &Tensor, stride: i64, (height, width): (i64, i64)) -> Tensor {
    let wide = Tensor::zeros([1, 1, height, width], (map.kind(), map.device()));
    layout::subsampled(&wide, stride).copy_(map);
    wide
}

/// Maps of squared gradients at every place, from the one at the last.
fn backward(units: &[StreamUnit], places: &[Products], last: &Tensor) -> Vec<Tensor> {
    let mut maps = vec![last.shallow_clone()];
    for (unit, place) in units.iter().zip(places).rev() {
        let next = unit.backward(&maps[maps.len() - 1], place.sides());
        maps.push(next);
    }
    maps.reverse();
    maps
}

fn numbers(places: &[Products], gradients: &[Tensor], squares: &[Tensor]) -> Vec<StreamNumbers> {
    let total = |map: &Tensor| map.sum(Kind::Double).double_value(&[]);
    let spread = |place: usize| total(&(&squares[place] * places[place].variance_map()));
    let last = places.len() - 1;
    let number = |place: usize| {
        let products = &places[place];
        let gradient = total(&gradients[place]);
        let second_moment = products.second_moment();
        StreamNumbers {
            second_moment,
            variance: second_moment - products.squared_mean(),
            similarity: products.similarity(),
            gradient,
            gradient_ratio: match gradients.get(place + 1) {
                Some(next) => gradient / total(next),
                None => f64::NAN,
            },
            nonlinearity: (spread(place) / spread(last)).sqrt(),
        }
    };
    (0..places.len()).map(number).collect()
}

#[cfg(test)]
mod tests;
