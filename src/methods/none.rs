//! No normalization: the network as it stands, started well.
//!
//! a = W·x + b, y = f(a), with W ~ N(0, 2/n) for fan-in n (He et al. 2015, arXiv:1502.01852) and b = 0.

use super::descriptor::{Descriptor, Paper, Recurrent};
use crate::nn::{Lstm, PlainCell, plain};

/// What `none` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "none",
    aliases: &["no-norm"],
    summary: "no normalization: He initialization and a bias",
    formula: "y = f(W·x + b),  W ~ N(0, 2/fan_in)",
    paper: Paper {
        authors: "He, Zhang, Ren, Sun",
        title: "Delving Deep into Rectifiers",
        venue: "ICCV 2015, arXiv:1502.01852",
    },
    extra_parameters: "b",
    departures: &["The LSTM starts orthogonal, with all biases at 0."],
    build: |block, _options, builder| plain::build(block, builder),
    recurrent: Some(Recurrent {
        build: |block, _options, builder| Lstm::build(block, builder, |_, _| Ok(PlainCell)),
        learning_rate_at_50: 0.1,
    }),
    folds: true,
    ..Descriptor::ORDINARY
};
