//! NormProp's choices at initialization, which probes show beside a network.

use anyhow::Result;

use crate::config::RunConfig;
use crate::methods::{self, Method};
use crate::nn::NetworkKind;
use crate::nn::residual::Order;

/// The method that is varied.
pub const METHOD: &str = "normprop";
/// How the labels of its choices end.
pub const AT_START: &str = " at initialization";

/// The option that is varied in a network of this kind, and its values.
fn varied(kind: NetworkKind) -> (&'static str, &'static [&'static str]) {
    match kind {
        NetworkKind::Residual(Order::PreActivation) => {
            ("residual", &["alpha-beta", "sqrt2", "naive"])
        }
        NetworkKind::Residual(Order::PostActivation) => ("residual", &["v1-sqrt2", "naive"]),
        _ => ("jacobian_scale", &["init", "fixed", "none"]),
    }
}

/// The configuration with NormProp and each of its choices, at initialization.
pub fn variants(config: &RunConfig, kind: NetworkKind) -> Result<Vec<(String, RunConfig)>> {
    let method = methods::find(METHOD)?;
    let (option, choices) = varied(kind);
    let variant = |choice: &&str| {
        let mut options = match config.method.descriptor == method {
            true => config.method.options.to_table(),
            false => toml::Table::new(),
        };
        if option == "residual" {
            // These belong to some of the choices.
            options.remove("alpha");
            options.remove("tracking");
        }
        options.insert(option.into(), (*choice).into());
        let method = Method {
            descriptor: method,
            options: method.resolve(&options)?,
        };
        let config = RunConfig {
            method,
            ..config.clone()
        };
        Ok((format!("{option} = {choice}{AT_START}"), config))
    };
    choices.iter().map(variant).collect()
}
