//! A bounded function of each number in the place of a normalization.

use anyhow::Result;
use tch::Tensor;

use super::{Affine, Block, Builder, Normalization, Pass};
use crate::options::OptionSpec;

/// What α starts at.
pub const ALPHA_START: OptionSpec =
    OptionSpec::number("alpha_start", 0.5, 1e-6, 1e3).help("what α starts at");

/// y = γ·g(α·a + s) + β, with α and s one number a layer, γ and β one a channel. No statistics.
#[derive(Debug)]
pub struct Squashed {
    function: fn(&Tensor) -> Tensor,
    /// α, `[1]`.
    alpha: Tensor,
    /// s, `[1]`, where there is one.
    shift: Option<Tensor>,
    affine: Affine,
}

impl Squashed {
    /// With `function` for g, and without s.
    pub fn build(
        function: fn(&Tensor) -> Tensor,
        alpha: f64,
        block: &Block,
        builder: &mut Builder,
    ) -> Result<Squashed> {
        Ok(Squashed {
            function,
            alpha: builder.gain("alpha", builder.filled(1, alpha))?,
            shift: None,
            affine: Affine::build(block, builder)?,
        })
    }

    /// The same with s, started at 0.
    pub fn shifted(self, builder: &mut Builder) -> Result<Squashed> {
        let shift = builder.shift("shift", builder.filled(1, 0.0))?;
        Ok(Squashed {
            shift: Some(shift),
            ..self
        })
    }
}

impl Normalization for Squashed {
    fn apply(&self, linear: &Tensor, _pass: &Pass) -> Tensor {
        let scaled = linear * &self.alpha;
        let moved = match &self.shift {
            Some(shift) => scaled + shift,
            None => scaled,
        };
        self.affine.apply(&(self.function)(&moved))
    }
}
