//! The formulas by which gradients move parameters.

use super::adam_step::AdamStep;
use super::rms_prop_step::RmsPropStep;
use super::sgd_step::SgdStep;

/// The formula of an optimizer, with its constants.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum StepFormula {
    /// Stochastic gradient descent with momentum.
    Sgd(SgdStep),
    /// Adam, AdamW and AMSGrad.
    Adam(AdamStep),
    /// RMSProp.
    RmsProp(RmsPropStep),
}

impl StepFormula {
    /// What is kept of each parameter, in the order in which steps take it: the names that checkpoints give it.
    pub fn kept(&self) -> &'static [&'static str] {
        match self {
            StepFormula::Sgd(_) => &["velocity"],
            StepFormula::Adam(AdamStep { amsgrad: false, .. }) => {
                &["first_moment", "second_moment"]
            }
            StepFormula::Adam(_) => &["first_moment", "second_moment", "largest_second_moment"],
            StepFormula::RmsProp(RmsPropStep {
                centered: false, ..
            }) => &["square_average", "velocity"],
            StepFormula::RmsProp(_) => &["square_average", "velocity", "gradient_average"],
        }
    }

    /// Every name that [`StepFormula::kept`] can give.
    pub const ALL_KEPT: [&'static str; 6] = [
        "velocity",
        "first_moment",
        "second_moment",
        "largest_second_moment",
        "square_average",
        "gradient_average",
    ];

    /// 1 − β₁ᵗ and √(1 − β₂ᵗ) at step t = 1, 2, …, by which Adam divides averages that started at 0; 1 elsewhere.
    pub fn bias(&self, t: u64) -> [f64; 2] {
        match self {
            StepFormula::Adam(adam) => {
                let rest = |beta: f64| 1.0 - beta.powf(t as f64);
                [rest(adam.beta1), rest(adam.beta2).sqrt()]
            }
            _ => [1.0, 1.0],
        }
    }

    /// μ of SGD, which rules with a step of their own take over; 0 for the other formulas.
    pub fn momentum(&self) -> f64 {
        match self {
            StepFormula::Sgd(sgd) => sgd.momentum,
            _ => 0.0,
        }
    }
}

/// The decay rate of an average whose weights halve every so many images, at a batch size: β = 2^(−B/h).
///
/// So β' = β^(B'/B) between batch sizes B and B' (Marek, Lotfi, Somasundaram, Wilson, Goldblum, 2025,
/// arXiv:2507.07101, there for the second moment of Adam, in tokens).
pub fn decay_of_half_life(images: f64, batch_size: usize) -> f64 {
    (-(batch_size as f64) / images).exp2()
}
