//! How activations are written in configurations, on the command line and in reports.

use std::fmt;

use anyhow::Result;

use super::activation::Activation;
use crate::error::did_you_mean;
use crate::usage;

/// The largest parameter, either sign: sums over a layer of more would leave the range of 32-bit floats.
const LARGEST: f64 = 1000.0;

impl Activation {
    /// Every activation, with the parameter that it has when none is given: as in PyTorch, and as in the papers of PReLU
    /// (He, Zhang, Ren, Sun, 2015, arXiv:1502.01852) and ELU (Clevert, Unterthiner, Hochreiter, 2015, arXiv:1511.07289).
    pub const ALL: &[Activation] = &[
        Activation::Relu,
        Activation::LeakyRelu { slope: 0.01 },
        Activation::Prelu { slope: 0.25 },
        Activation::Elu { alpha: 1.0 },
        Activation::Selu,
        Activation::Gelu,
        Activation::Silu,
        Activation::Tanh,
        Activation::Sigmoid,
        Activation::Softplus,
        Activation::Identity,
    ];

    /// The name without its parameter.
    pub fn name(self) -> &'static str {
        match self {
            Activation::Relu => "relu",
            Activation::LeakyRelu { .. } => "leaky",
            Activation::Prelu { .. } => "prelu",
            Activation::Elu { .. } => "elu",
            Activation::Selu => "selu",
            Activation::Gelu => "gelu",
            Activation::Silu => "silu",
            Activation::Tanh => "tanh",
            Activation::Sigmoid => "sigmoid",
            Activation::Softplus => "softplus",
            Activation::Identity => "identity",
        }
    }

    /// Reads `name` or `name:parameter`: `relu`, `leaky`, `leaky:0.2`, `prelu:0.25`, `elu:1.0`, …
    ///
    /// # Errors
    /// A usage error for an unknown name, a parameter that is no number from -1000 to 1000, or a parameter of an
    /// activation that has none.
    pub fn parse(text: &str) -> Result<Self> {
        let (name, parameter) = match text.split_once(':') {
            Some((name, parameter)) => (name, Some(parameter)),
            None => (text, None),
        };
        let Some(&known) = Self::ALL.iter().find(|known| known.name() == name) else {
            let hint = did_you_mean(name, Self::ALL.iter().map(|known| known.name()));
            return Err(usage!("unknown activation `{name}`; {hint}"));
        };
        let Some(parameter) = parameter else {
            return Ok(known);
        };
        let given = || number(parameter, text);
        match known {
            Activation::LeakyRelu { .. } => Ok(Activation::LeakyRelu { slope: given()? }),
            Activation::Prelu { .. } => Ok(Activation::Prelu { slope: given()? }),
            Activation::Elu { .. } => Ok(Activation::Elu { alpha: given()? }),
            _ => Err(usage!(
                "activation `{text}`: `{name}` takes no parameter; write `{name}`"
            )),
        }
    }
}

fn number(parameter: &str, text: &str) -> Result<f64> {
    match parameter.parse::<f64>() {
        Ok(number) if number.abs() <= LARGEST => Ok(number),
        Ok(number) if number.is_finite() => Err(usage!(
            "activation `{text}`: `{parameter}` must be in [-{LARGEST}, {LARGEST}]"
        )),
        _ => Err(usage!(
            "activation `{text}`: `{parameter}` is not a finite number; write for example `leaky:0.2`"
        )),
    }
}

impl fmt::Display for Activation {
    /// `name` or `name:parameter`, which [`Activation::parse`] reads back to the same value.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Activation::LeakyRelu { slope: parameter }
            | Activation::Prelu { slope: parameter }
            | Activation::Elu { alpha: parameter } => {
                write!(formatter, "{}:{parameter}", self.name())
            }
            _ => formatter.write_str(self.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_parse_with_their_defaults_and_print_back() {
        for &activation in Activation::ALL {
            assert_eq!(Activation::parse(activation.name()).unwrap(), activation);
            let printed = activation.to_string();
            assert_eq!(Activation::parse(&printed).unwrap(), activation);
        }
        let parsed = |text| Activation::parse(text).unwrap();
        assert_eq!(parsed("leaky"), Activation::LeakyRelu { slope: 0.01 });
        assert_eq!(parsed("leaky:0.2"), Activation::LeakyRelu { slope: 0.2 });
        assert_eq!(parsed("prelu"), Activation::Prelu { slope: 0.25 });
        assert_eq!(parsed("elu:1.0"), Activation::Elu { alpha: 1.0 });
        assert_eq!(
            Activation::LeakyRelu { slope: 0.2 }.to_string(),
            "leaky:0.2"
        );
    }

    proptest! {
        #[test]
        fn every_parameter_survives_printing_and_parsing(parameter in -1e3_f64..1e3) {
            for activation in [
                Activation::LeakyRelu { slope: parameter },
                Activation::Prelu { slope: parameter },
                Activation::Elu { alpha: parameter },
            ] {
                prop_assert_eq!(Activation::parse(&activation.to_string()).unwrap(), activation);
            }
        }

        #[test]
        fn any_text_is_read_or_refused_but_never_panics(text in "(leaky|prelu|elu|relu|)(:|).{0,8}") {
            if let Ok(activation) = Activation::parse(&text) {
                prop_assert_eq!(Activation::parse(&activation.to_string()).unwrap(), activation);
            }
        }
    }

    #[test]
    fn mistakes_are_usage_errors_that_help() {
        for (text, part) in [
            ("rleu", "did you mean `relu`?"),
            ("", "known: relu, leaky"),
            ("leaky:", "`` is not a finite number"),
            ("leaky:steep", "`steep` is not a finite number"),
            ("prelu:nan", "`nan` is not a finite number"),
            ("elu:inf", "`inf` is not a finite number"),
            ("leaky:1e308", "`1e308` must be in [-1000, 1000]"),
            ("elu:-1001", "`-1001` must be in [-1000, 1000]"),
            ("relu:0.2", "`relu` takes no parameter"),
            ("identity:", "`identity` takes no parameter"),
        ] {
            let error = Activation::parse(text).unwrap_err();
            assert!(error.to_string().contains(part), "{text}: {error}");
            let failure = error.downcast_ref::<crate::error::Failure>();
            assert_eq!(failure.map(crate::error::Failure::exit_code), Some(2));
        }
    }
}
