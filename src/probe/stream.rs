//! The stream of a residual network from unit to unit: its moments, its gradient, what branches add to it, and what
//! random weights would give.
//!
//! With x the stream that enters a unit, over images and positions:
//! - second moment E x², variance over the data of one channel, averaged over channels, and the squared mean that is left;
//! - similarity: the cosine between the streams of two images, averaged over pairs;
//! - gradient: ‖∂loss/∂x‖² of an image's own loss, averaged over images. From unit to unit it is multiplied by the
//!   gradient scale; weights of unit rows keep it where a map changes its shape, which the mean square would not;
//! - correlation of the branch with what it is added to, by channel;
//! - nonlinearity coefficient (Philipp, Carbonell, 2018, arXiv:1806.00179) of the map f from x to the stream behind the
//!   last unit: √(E_x Tr(J·Cov_x·Jᵀ)/Tr Cov_f), 1 for an affine map. The trace is estimated by Hutchinson's method
//!   (1989). That the map starts and ends on the stream is ours; the paper's is that of the whole network.
//!
//! What random weights would give stands beside it: see `prediction`.

mod nonlinearity;
mod place;
mod prediction;
mod sums;
mod taps;
#[cfg(test)]
mod tests;

use anyhow::Result;
use tch::{Kind, Tensor};

use super::restore_guard::RestoreGuard;
use crate::nn::scores::cross_entropy;
use crate::nn::{Network, NetworkKind, Pass, Role};
use crate::usage;
pub use place::{StreamNumbers, StreamPlace};
use prediction::predict;
use sums::{BranchSums, StreamSums};
use taps::Taps;

/// Images that similarities and Jacobians are predicted on and nonlinearity is measured on.
const FEW: i64 = 32;

/// Images `[N, C, H, W]` with their labels `[N]`.
pub type LabeledImages = (Tensor, Tensor);

/// How the network is looked at.
pub enum StreamView<'p> {
    /// As in evaluation: images do not see each other, and may come in any parts.
    Evaluation,
    /// As in training, where a method takes statistics of the batch: a part is a batch. Running averages are the same
    /// afterwards. Nothing is predicted.
    Training(&'p dyn Fn() -> Pass),
}

impl StreamView<'_> {
    fn pass(&self) -> Pass {
        match self {
            StreamView::Evaluation => Pass::eval(),
            StreamView::Training(pass) => pass(),
        }
    }
}

/// Measures every place of the stream on these parts of the images.
pub fn measure(
    network: &Network,
    parts: impl Iterator<Item = LabeledImages>,
    view: &StreamView,
) -> Result<Vec<StreamPlace>> {
    check(network.kind())?;
    let buffers = network.parameters.iter();
    let buffers = buffers.filter(|entry| entry.role == Role::Buffer);
    let _guard = RestoreGuard::of(buffers.map(|entry| &entry.tensor).collect());
    let mut all: Option<SeenImages> = None;
    for part in parts {
        let found = SeenImages::of(network, &part, view)?;
        all = Some(match all {
            None => found,
            Some(before) => before.with(found),
        });
    }
    let Some(all) = all else {
        return Err(usage!("there is no image to look at"));
    };
    let nonlinearity = nonlinearity::measure(network, &all.few_images, &|| view.pass())?;
    let last = &all.streams[all.streams.len() - 1];
    let predicted = match view {
        StreamView::Evaluation => predict(network, &all.first_stream, &last.gradient_map()),
        StreamView::Training(_) => None,
    };
    Ok(places(network, &all, &nonlinearity, predicted))
}

/// Refuses networks without a stream.
pub fn check(kind: NetworkKind) -> Result<()> {
    match kind {
        NetworkKind::Residual(_) => Ok(()),
        other => Err(usage!(
            "the probe stream looks at residual networks, and this is {}; use --set model=resnet or --set model=wide-resnet, or another probe",
            other.name()
        )),
    }
}

/// What was seen of some images.
struct SeenImages {
    streams: Vec<StreamSums>,
    branches: Vec<BranchSums>,
    /// The first few images.
    few_images: Tensor,
    /// What enters the first unit, of these.
    first_stream: Tensor,
}

impl SeenImages {
    fn of(network: &Network, (images, labels): &LabeledImages, view: &StreamView) -> Result<Self> {
        let pass = view.pass();
        let taps = Taps::of(network, images, &pass);
        // A sum, so that an image's gradient does not depend on the others.
        let loss = cross_entropy(&taps.logits, labels) * labels.size()[0] as f64;
        let gradients = taps.gradients(&loss, &pass);
        let pairs = taps.streams.iter().zip(&gradients);
        let few = FEW.min(images.size()[0]);
        Ok(SeenImages {
            streams: pairs
                .map(|(stream, gradient)| StreamSums::of(&stream.value(), gradient))
                .collect(),
            branches: taps
                .sums
                .iter()
                .map(|(shortcut, branch)| BranchSums::of(shortcut, branch))
                .collect(),
            few_images: images.narrow(0, 0, few),
            first_stream: taps.streams[0]
                .value()
                .detach()
                .narrow(0, 0, few)
                .to_kind(Kind::Double),
        })
    }

    /// Both together; the few images are filled up.
    fn with(self, other: SeenImages) -> SeenImages {
        let streams = self.streams.into_iter().zip(other.streams);
        let branches = self.branches.into_iter().zip(other.branches);
        let few = |one: &Tensor, other: &Tensor| {
            let both = Tensor::cat(&[one, other], 0);
            both.narrow(0, 0, FEW.min(both.size()[0]))
        };
        SeenImages {
            streams: streams.map(|(one, other)| one.with(&other)).collect(),
            branches: branches.map(|(one, other)| one.with(&other)).collect(),
            few_images: few(&self.few_images, &other.few_images),
            first_stream: few(&self.first_stream, &other.first_stream),
        }
    }
}

fn places(
    network: &Network,
    all: &SeenImages,
    nonlinearity: &[f64],
    predicted: Option<Vec<StreamNumbers>>,
) -> Vec<StreamPlace> {
    let names = taps::names(network);
    let gradients: Vec<f64> = all.streams.iter().map(StreamSums::gradient).collect();
    let ratio = |place: usize| match gradients.get(place + 1) {
        Some(next) => gradients[place] / next,
        None => f64::NAN,
    };
    let numbers = all.streams.iter().zip(names).enumerate();
    let place = |(units, (sums, name)): (usize, (&StreamSums, String))| {
        let branch = all.branches.get(units).map(BranchSums::correlations);
        let (correlation, correlation_std) = branch.unwrap_or((f64::NAN, f64::NAN));
        StreamPlace {
            units,
            name,
            channels: sums.channels(),
            images: sums.images(),
            measured: StreamNumbers {
                second_moment: sums.second_moment(),
                variance: sums.variance(),
                similarity: sums.similarity(),
                gradient: gradients[units],
                gradient_ratio: ratio(units),
                nonlinearity: nonlinearity[units],
            },
            predicted: predicted
                .as_ref()
                .map_or(StreamNumbers::UNKNOWN, |all| all[units]),
            correlation,
            correlation_std,
        }
    };
    numbers.map(place).collect()
}
