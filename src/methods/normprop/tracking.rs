//! `residual` = `tracked`: mean μ and variance v of each of the stream's channels, as functions of the parameters.
//!
//! A stem and a projection hand on μ = β, v = γ². What a unit adds to that, by `tracking`:
//!
//! - `gains`: its branch's last layer is taken at its word, μ += α·β₂ and v += α²γ₂².
//! - `analytic`: the branch is followed through both layers. Its input h is standardized, so that the first layer makes
//!   u_j ~ N(β₁_j, γ₁_j²). With e_j and q_j, mean and variance of f(u_j),
//!   μ += α(γ₂·W₂·(e − m)/s + β₂) and v += α²γ₂²·W₂²·q/s² + 2αc, W₂² being squared number by number.
//!   c_i = γ₂_i·Σ_jδ W₂[i, j, δ]·T[j, i, −δ] is the covariance of branch and stream in channel i, over the positions δ
//!   under the kernels that lead back to the same place, T[j, i, δ] = E f′(u_j)/s·γ₁_j·W₁[j, i, δ]·√v_i·E f′(z)/s that of
//!   unit j behind the first layer with the stream's channel i: Stein's Cov(x, g(u)) = E g′(u)·Cov(x, u), twice.
//!   Where the shortcut is not the stream itself, c counts as 0.
//!
//! At the start e = m, q = s² and γ = 1: the two differ by 2αc, which has mean 0 over channels and, behind unit rows of n
//! random numbers, a standard deviation of about √v·(E f′(z)/s)²/√n.

use tch::{Device, Kind, Tensor};

use super::two_slopes::TwoSlopes;
use crate::nn::residual::Part;
use crate::nn::{ActivationPool, BranchMoments, ChannelMoments, Estimate, LinearOp, Pass};

/// Added to a tracked variance: appended channels have none while a branch's last gain is 0.
pub const VARIANCE_EPS: f64 = 1e-12;

/// How much of a branch is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tracking {
    /// Its last gain and shift.
    Gains,
    /// Both layers.
    Analytic,
}

/// An activation with m and s behind it.
pub struct Standardized<'l> {
    /// f.
    pub activation: &'l ActivationPool,
    /// m.
    pub mean: Tensor,
    /// s.
    pub std: Tensor,
    /// All three, where the activation is one of fixed slopes.
    pub two_slopes: Option<TwoSlopes>,
}

/// A layer a = gain·rows·x + shift whose rows have unit length.
pub struct TrackedRows<'l> {
    /// Which operation.
    pub op: &'l LinearOp,
    /// W.
    pub rows: Tensor,
    /// γ, times what multiplies the block's output.
    pub gain: Tensor,
    /// β, times the same.
    pub shift: Tensor,
}

impl Tracking {
    /// What is known of the output of a layer that plays this part, `input` being known of what it receives.
    pub fn behind(
        self,
        part: Part,
        layer: &TrackedRows,
        output: &Standardized,
        input: Option<&Estimate>,
        pass: &Pass,
    ) -> Option<Estimate> {
        match (self, part, input) {
            (_, Part::Stem | Part::Projection, _) | (Tracking::Gains, Part::Second, _) => {
                Some(Estimate::Moments(layer.at_its_word()))
            }
            (Tracking::Analytic, Part::First, _) => {
                let with_stream = match input {
                    Some(Estimate::Branch(branch)) => branch.with_stream.as_ref(),
                    _ => None,
                };
                Some(Estimate::Branch(layer.first(output, with_stream, pass)))
            }
            (Tracking::Analytic, Part::Second, Some(Estimate::Branch(branch))) => {
                Some(Estimate::Branch(layer.second(branch)))
            }
            _ => None,
        }
    }
}

/// Behind the activation in front of a unit that adds to this very stream, `slope` being E f′(z)/s.
pub fn behind_entry(stream: &ChannelMoments, slope: &Tensor) -> BranchMoments {
    let variance = &stream.variance;
    let deviation = variance * (variance + VARIANCE_EPS).rsqrt();
    BranchMoments {
        moments: ChannelMoments::standard(variance.numel() as i64, variance),
        with_stream: Some(deviation * slope),
    }
}

impl TrackedRows<'_> {
    /// Mean and variance of the output for a standardized input.
    fn at_its_word(&self) -> ChannelMoments {
        ChannelMoments {
            mean: self.shift.shallow_clone(),
            variance: self.gain.square(),
        }
    }

    /// Mean and variance behind f, and γ·E f′/s.
    fn behind(&self, output: &Standardized, pass: &Pass) -> [Tensor; 3] {
        // Number by number on the host: elsewhere it would have to wait for them.
        match output.two_slopes {
            Some(two_slopes) if self.gain.device() == Device::Cpu => {
                return two_slopes.behind(&self.gain, &self.shift, pass);
            }
            _ => {}
        }
        let linear = self.at_its_word();
        let active = linear.through_activation_pool(output.activation);
        [
            (active.mean - &output.mean) / &output.std,
            active.variance / output.std.square(),
            linear.mean_slope(output.activation) * &self.gain / &output.std,
        ]
    }

    /// Behind a branch's first layer, whose inputs vary with the stream as told.
    fn first(
        &self,
        output: &Standardized,
        with_stream: Option<&Tensor>,
        pass: &Pass,
    ) -> BranchMoments {
        let [mean, variance, slope] = self.behind(output, pass);
        BranchMoments {
            moments: ChannelMoments { mean, variance },
            with_stream: with_stream.map(|inputs| {
                let factors = slope.unsqueeze(1) * inputs;
                &self.rows * factors.unsqueeze(-1).unsqueeze(-1)
            }),
        }
    }

    /// Behind a branch's second layer.
    fn second(&self, branch: &BranchMoments) -> BranchMoments {
        let linear = branch.moments.through_linear(self.op, Some(&self.rows));
        let covariance = |behind_first: &Tensor| {
            let back = behind_first.transpose(0, 1).flip([2, 3]);
            let paths =
                (&self.rows * back).sum_dim_intlist([1, 2, 3].as_slice(), false, None::<Kind>);
            paths * &self.gain
        };
        BranchMoments {
            moments: ChannelMoments {
                mean: linear.mean * &self.gain + &self.shift,
                variance: linear.variance * self.gain.square(),
            },
            with_stream: branch.with_stream.as_ref().map(covariance),
        }
    }
}
