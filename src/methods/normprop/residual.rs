//! Skip connections: what becomes of known moments when a branch is added to a stream.
//!
//! A unit's branch f ends in unit rows on standardized inputs, so at the start of training its variance is 1 and its
//! correlation with the stream x about 0: variances add. J = E f′(z)²/Var f(z), 1.4669 for ReLU, is what a standardized
//! activation does to squared gradients, J² what a branch of two does.
//!
//! - `alpha-beta` (ours): y = x + α·f(x/β), β² the stream's variance, 1 + l·α² behind l units. With α = 1/√L the variance
//!   behind L units is 2, and a unit multiplies squared gradients by 1 + α²J²/β², all together by at most about e^(J²):
//!   both stay bounded at any depth. The division and the standardization are one factor on weights; α goes into the
//!   weights and shift of the branch's end. A projection starts a new stream: β = 1.
//! - `tracked` (ours): the same with mean and variance of each channel carried along as functions of the parameters:
//!   see [`super::tracking`]. With `tracking` = `gains`, `last_gain` 1 and shortcut B it equals `alpha-beta` at the start.
//! - `sqrt2`: y = (x + f(x))/√2. Keeps the variance, and multiplies squared gradients by (1 + J²)/2 = 1.58 a unit.
//! - `naive`: y = x + f(x), with the constants of a plain network. The variance doubles with each unit.
//! - `v1-sqrt2`: v1 order, y = (f((x + b)/√2) − m*)/s* for the branch's end b, with the constants of that sum
//!   ([`crate::moments::rectified_sum`]).

use std::f64::consts::FRAC_1_SQRT_2;

use anyhow::Result;

use super::tracking::Tracking;
use crate::moments::{self, Activation};
use crate::nn::Block;
use crate::nn::residual::{Order, Part, Residual, Shortcut, Stream};
use crate::options::{OptionSpec, Options};
use crate::usage;

/// The options of residual networks.
pub const OPTIONS: [OptionSpec; 5] = [
    OptionSpec::choice(
        "residual",
        &["alpha-beta", "tracked", "sqrt2", "naive", "v1-sqrt2"],
    )
    .help("residual networks: alpha-beta, y = x + α·f(x/β), β² the stream's variance; tracked, the same by channel; sqrt2, y = (x + f)/√2; naive, y = x + f; v1-sqrt2, order v1 with the moments of a rectified (x + f)/√2, and the default there"),
    OptionSpec::number("alpha", 0.0, 0.0, 10.0)
        .help("residual networks: α, which multiplies branches with alpha-beta and tracked; 0: 1/√L for L units"),
    OptionSpec::choice("tracking", &["gains", "analytic"])
        .help("residual = \"tracked\": gains, a branch's last gain and shift taken at their word; analytic, its mean and variance through both layers, and its covariance with the stream"),
    OptionSpec::number("branch_gain", 1.0, 0.0, 100.0)
        .help("residual networks: where γ of a branch's first layer starts"),
    OptionSpec::number("last_gain", 1.0, 0.0, 100.0)
        .help("residual networks: where γ of a branch's last layer starts"),
];

/// How a branch and its stream are scaled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    AlphaBeta,
    Tracked,
    Sqrt2,
    Naive,
    V1Sqrt2,
}

/// What a block does about the skip connections of its network.
#[derive(Debug, Clone, Copy)]
pub struct Skip {
    rule: Rule,
    part: Residual,
    /// α.
    alpha: f64,
    /// How the moments of the stream's channels are tracked, where they travel with it.
    pub tracking: Option<Tracking>,
    /// Where γ starts.
    pub gain: f64,
    /// Where γ of a branch's last layer starts.
    last_gain: f64,
}

impl Skip {
    /// For `block`; nothing in a plain network, whose options must say nothing of residual ones.
    pub fn of(block: &Block, options: &Options) -> Result<Option<Skip>> {
        let Some(part) = block.residual else {
            let given = options.to_table();
            let off =
                |option: &&OptionSpec| given.get(option.name) != Some(&option.default_value());
            return match OPTIONS.iter().find(off) {
                Some(option) if !block.last => Err(usage!(
                    "method.{} is an option of residual networks: use model = \"resnet\" or \"wide-resnet\", or leave it out",
                    option.name
                )),
                _ => Ok(None),
            };
        };
        let rule = match options.choice("residual") {
            "alpha-beta" => Rule::AlphaBeta,
            "tracked" => Rule::Tracked,
            "sqrt2" => Rule::Sqrt2,
            "naive" => Rule::Naive,
            _ => Rule::V1Sqrt2,
        };
        match (part.order, rule) {
            (Order::PreActivation, Rule::V1Sqrt2) => {
                return Err(usage!(
                    "method.residual = \"v1-sqrt2\" is for order = \"v1\"; with order = \"v2\" use alpha-beta, tracked, sqrt2 or naive"
                ));
            }
            (Order::PostActivation, Rule::AlphaBeta | Rule::Tracked | Rule::Sqrt2) => {
                return Err(usage!(
                    "method.residual = \"{}\" is for order = \"v2\"; with order = \"v1\" use v1-sqrt2 or naive",
                    options.choice("residual")
                ));
            }
            _ => {}
        }
        if options.choice("jacobian_scale") != "init" {
            return Err(usage!(
                "method.jacobian_scale has no part in residual networks: branch_gain = 0.8257 starts γ at 1/√J there; leave it out"
            ));
        }
        let tracking = match options.choice("tracking") {
            "analytic" => Tracking::Analytic,
            _ => Tracking::Gains,
        };
        if tracking == Tracking::Analytic && rule != Rule::Tracked {
            return Err(usage!(
                "method.tracking = \"analytic\" goes with method.residual = \"tracked\"; \"{}\" tracks nothing",
                options.choice("residual")
            ));
        }
        let given = options.number("alpha");
        if given != 0.0 && !matches!(rule, Rule::AlphaBeta | Rule::Tracked) {
            return Err(usage!(
                "method.alpha = {given} goes with method.residual = \"alpha-beta\" or \"tracked\"; \"{}\" has no α",
                options.choice("residual")
            ));
        }
        Ok(Some(Skip {
            rule,
            part,
            alpha: match rule {
                Rule::AlphaBeta | Rule::Tracked if given == 0.0 => {
                    (part.place.units as f64).sqrt().recip()
                }
                Rule::AlphaBeta | Rule::Tracked => given,
                Rule::Sqrt2 | Rule::Naive | Rule::V1Sqrt2 => 1.0,
            },
            tracking: (rule == Rule::Tracked).then_some(tracking),
            last_gain: options.number("last_gain"),
            gain: match part.part {
                Part::First => options.number("branch_gain"),
                Part::Second => options.number("last_gain"),
                _ => 1.0,
            },
        }))
    }

    /// What multiplies the block's output: α at a branch's end.
    pub fn output_factor(&self) -> f64 {
        match self.part.part {
            Part::Second => self.alpha,
            _ => 1.0,
        }
    }

    /// c of y = c·(x + f).
    pub fn sum_factor(&self) -> f64 {
        match self.rule {
            Rule::Sqrt2 | Rule::V1Sqrt2 => FRAC_1_SQRT_2,
            _ => 1.0,
        }
    }

    /// What the block does in its unit.
    pub fn part(&self) -> Part {
        self.part.part
    }

    /// Whether it reads a stream that its unit adds to unchanged, and the branch is followed.
    pub fn starts_tracked_branch(&self) -> bool {
        let adds_to_it = self.part.shortcut == Shortcut::Identity;
        self.tracking == Some(Tracking::Analytic) && self.part() == Part::Entry && adds_to_it
    }

    /// β: what the stream is divided by where it is read.
    pub fn stream_std(&self) -> f64 {
        self.std_of(self.part.place.stream)
    }

    fn std_of(&self, stream: Stream) -> f64 {
        match self.rule {
            Rule::AlphaBeta => stream.variance(self.alpha * self.last_gain).sqrt(),
            _ => 1.0,
        }
    }

    /// What the block, which has so many outputs, takes off them.
    ///
    /// A ReLU that reads the stream x hands on max(x, 0) − m·β = max(x − m·β, −m·β). The stem and the branches hand on
    /// their outputs less what changes in m·β, so that x − m·β is what arrives, and the mean costs no pass of its own.
    pub fn taken_off(&self, outputs: i64) -> f64 {
        let Residual {
            part,
            order,
            shortcut,
            place,
        } = self.part;
        // Nothing where it would be added back: x is centered otherwise, or a factor acts on the sum.
        let is_kept = matches!(self.rule, Rule::AlphaBeta | Rule::Naive);
        if order != Order::PreActivation || !is_kept {
            return 0.0;
        }
        match (part, shortcut) {
            (Part::Stem, _) => self.mean_of(place.stream),
            (Part::Second, Shortcut::Identity) => {
                self.mean_of(place.stream.behind(shortcut, outputs)) - self.mean_of(place.stream)
            }
            (Part::Second, Shortcut::Projection) => {
                self.mean_of(place.stream.behind(shortcut, outputs))
            }
            (Part::Second, Shortcut::Pad { channels, .. }) => {
                self.mean_of(place.stream.behind(shortcut, outputs - channels))
            }
            _ => 0.0,
        }
    }

    /// m·β: the mean of a rectified stream.
    fn mean_of(&self, stream: Stream) -> f64 {
        moments::moments(Activation::Relu).mean * self.std_of(stream)
    }

    /// m and s behind the activation that reads the stream.
    pub fn constants(&self, activation: Activation) -> Result<(f64, f64)> {
        if self.rule == Rule::V1Sqrt2 {
            if activation != Activation::Relu {
                return Err(usage!(
                    "method.residual = \"v1-sqrt2\" knows its constants for activation = \"relu\" only; use order = \"v2\""
                ));
            }
            return Ok(moments::rectified_sum(self.part.place.stream.sums));
        }
        let output = moments::moments(activation);
        Ok((output.mean, output.std()))
    }
}
