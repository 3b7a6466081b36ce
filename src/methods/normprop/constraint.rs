//! How weight rows of `normprop` keep their length.

use tch::Tensor;

use crate::nn::{Update, UpdateRule, rows};
use crate::options::Options;

/// How rows are kept at unit length, by the options `constraint` and `center_rows`.
#[derive(Debug, Clone, Copy)]
pub struct Constraint {
    /// Whether they are reset to it after each step of the optimizer.
    pub projects: bool,
    /// Whether they are divided by their length, which is differentiated through.
    pub divides: bool,
    /// Whether the mean of each is removed first.
    pub centers: bool,
}

impl Constraint {
    /// As the options ask for.
    pub fn of(options: &Options) -> Constraint {
        let constraint = options.choice("constraint");
        Constraint {
            projects: constraint != "reparametrize",
            divides: constraint != "project",
            centers: options.flag("center_rows"),
        }
    }

    /// W/‖W‖ of the trained W, whose rows have unit length already where nothing is divided.
    pub fn unit_rows(&self, weight: &Tensor) -> Tensor {
        match self.divides {
            true => rows::unit(weight, self.centers),
            false => weight.shallow_clone(),
        }
    }
}

/// The reset of rows behind the optimizer's step, or with it where one pass can do both.
impl UpdateRule for Constraint {
    fn before_step(
        &self,
        parameter: &Tensor,
        gradient: &Tensor,
        kept: &[Tensor],
        update: &Update,
    ) -> Option<Tensor> {
        match rows::step_and_make_unit(update, parameter, gradient, kept, self.centers) {
            true => None,
            false => Some(gradient.shallow_clone()),
        }
    }

    fn after_step(&self, parameter: &Tensor) {
        rows::make_all_unit(parameter, self.centers);
    }
}
