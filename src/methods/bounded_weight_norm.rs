//! Bounded weight normalization (Hoffer, Banner, Golan, Soudry, NeurIPS 2018, arXiv:1803.01814).
//!
//! Weight normalization whose lengths cannot grow: w_o = ρ_o v_o/‖v_o‖, y = f(w·x + b). With V the initial
//! weights, O rows, three definitions of ρ_o are in use:
//! - frobenius: ρ = ‖V‖_F/√O, fixed (the paper, as we remember it);
//! - mean: ρ = the mean of the initial row lengths, fixed (the authors' code);
//! - learned: ρ_o = g_o·‖g_start‖/‖g‖ with a trained g, started at the initial row lengths: the total stays,
//!   its split is learned (the authors' other code).

use anyhow::Result;
use tch::{Kind, Tensor};

use super::{ActsOn, Descriptor, Paper};
use crate::nn::{Block, Builder, Layer, LinearOp, Reparametrization, ReparametrizedLayer, init};
use crate::options::{OptionSpec, Options};

/// What `bounded-weight-norm` is.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "bounded-weight-norm",
    aliases: &["bwn"],
    summary: "weight normalization in which the total length of the rows stays as it was at the start",
    formula: "y = f(ρ·v·x/‖v‖ + b),  ρ from the initial weights",
    paper: Paper::NORM_MATTERS,
    acts_on: &[ActsOn::Weights],
    row_scale_invariant: true,
    extra_parameters: "b (g with length = \"learned\")",
    options: &[
        OptionSpec::choice("length", &["frobenius", "mean", "learned"])
            .help("ρ: ‖V‖_F/√rows, or the mean row length, of the start; or a trained split of the start's total"),
        OptionSpec::choice("norm", &["l2", "l1", "linf"])
            .help("what the length of a row is"),
    ],
    departures: &[
        "Which definition of ρ the paper uses is not known to us; the authors' code has two.",
        "Initial weights follow He's rule, since their length stays.",
        "The last layer is treated like the others. The authors' networks put mean-only batch normalization behind; here a bias.",
    ],
    build,
    folds: true,
    ..Descriptor::ORDINARY
};

/// What a row's length is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Norm {
    L2,
    L1,
    LInf,
}

impl Norm {
    /// The length of each row, `[outputs]`.
    fn of_rows(self, weight: &Tensor) -> Tensor {
        let rows = weight.flatten(1, -1);
        match self {
            Norm::L2 => init::row_norms(&rows),
            Norm::L1 => rows
                .abs()
                .sum_dim_intlist([1].as_slice(), false, None::<Kind>),
            Norm::LInf => rows.abs().amax([1].as_slice(), false),
        }
    }
}

fn build(block: &Block, options: &Options, builder: &mut Builder) -> Result<Box<dyn Layer>> {
    let norm = match options.choice("norm") {
        "l1" => Norm::L1,
        "linf" => Norm::LInf,
        _ => Norm::L2,
    };
    ReparametrizedLayer::build(block, builder, |builder| {
        let weight = init::he(&builder.direction(), block.op.fan_in());
        let lengths = norm.of_rows(&weight);
        let total = lengths.square().sum(Kind::Double).sqrt().view([1]);
        let rows = (block.op.outputs() as f64).sqrt();
        Ok(BoundedRows {
            op: block.op,
            norm,
            direction: builder.weight("weight", weight)?,
            length: match options.choice("length") {
                "mean" => {
                    Length::Fixed(builder.buffer("length", lengths.mean(Kind::Double).view([1]))?)
                }
                "learned" => Length::Split {
                    gain: builder.gain("g", lengths)?,
                    total: builder.buffer("length", total)?,
                },
                _ => Length::Fixed(builder.buffer("length", total / rows)?),
            },
        })
    })
}

/// ρ. It comes from the initial weights, so it is saved with the others.
enum Length {
    /// The same for every row, for good, `[1]`.
    Fixed(Tensor),
    /// A trained g `[outputs]`, scaled to a fixed total length `[1]`.
    Split { gain: Tensor, total: Tensor },
}

struct BoundedRows {
    op: LinearOp,
    norm: Norm,
    direction: Tensor,
    length: Length,
}

impl Reparametrization for BoundedRows {
    fn kernel(&self) -> Tensor {
        let length = match &self.length {
            Length::Fixed(length) => length.shallow_clone(),
            Length::Split { gain, total } => {
                gain * (total / gain.square().sum(None::<Kind>).sqrt())
            }
        };
        let factor = length / self.norm.of_rows(&self.direction);
        &self.direction * self.op.per_row(&factor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::conformance;
    use tch::Device;

    const OP: LinearOp = LinearOp::Dense {
        inputs: 5,
        outputs: 4,
    };

    /// The kernel of a network whose only layer is given: its response to the unit vectors.
    fn kernel(net: &crate::nn::network::Network) -> Tensor {
        conformance::pre_activation(net, &Tensor::eye(5, (Kind::Double, Device::Cpu)))
            .tr()
            .detach()
    }

    fn disturb(net: &crate::nn::network::Network) {
        conformance::set(net, "layer.weight", &conformance::gaussian(&[4, 5], 40));
        if net.parameters.get("layer.g").is_some() {
            conformance::set(net, "layer.g", &conformance::gaussian(&[4], 41).exp());
        }
    }

    #[test]
    fn the_start_keeps_its_total_length() {
        let initial = conformance::single("none", "", OP)
            .parameters
            .get("layer.weight")
            .unwrap()
            .detach();
        let lengths = init::row_norms(&initial);
        let learned = conformance::single("bounded-weight-norm", "length = \"learned\"", OP);
        assert!(conformance::gap(&kernel(&learned), &initial) < 1e-12);
        for (options, expected) in [
            ("", lengths.square().mean(Kind::Double).sqrt()),
            ("length = \"mean\"", lengths.mean(Kind::Double)),
        ] {
            let net = conformance::single("bounded-weight-norm", options, OP);
            disturb(&net);
            let rows = init::row_norms(&kernel(&net));
            assert!(
                conformance::gap(&rows, &(rows.ones_like() * expected)) < 1e-12,
                "{options}"
            );
        }
        disturb(&learned);
        let (before, after) = (
            initial.square().sum(Kind::Double),
            kernel(&learned).square().sum(Kind::Double),
        );
        assert!(conformance::gap(&before, &after) < 1e-12);
        assert!(
            init::row_norms(&kernel(&learned))
                .std(false)
                .double_value(&[])
                > 0.1
        );
    }

    #[test]
    fn rows_can_be_measured_in_other_norms() {
        for (name, norm) in [("l1", Norm::L1), ("linf", Norm::LInf)] {
            let initial = conformance::single("none", "", OP)
                .parameters
                .get("layer.weight")
                .unwrap()
                .detach();
            let net = conformance::single(
                "bounded-weight-norm",
                &format!("norm = \"{name}\"\nlength = \"mean\""),
                OP,
            );
            disturb(&net);
            let lengths = norm.of_rows(&kernel(&net));
            let expected = norm.of_rows(&initial).mean(Kind::Double);
            assert!(
                conformance::gap(&lengths, &(lengths.ones_like() * expected)) < 1e-12,
                "{name}"
            );
        }
        let row = conformance::matrix(&[3.0, -4.0], 2);
        let length = |norm: Norm| norm.of_rows(&row).double_value(&[0]);
        assert_eq!(
            [length(Norm::L2), length(Norm::L1), length(Norm::LInf)],
            [5.0, 7.0, 4.0]
        );
    }

    #[test]
    fn weights_of_every_definition_survive_a_restart() {
        for length in ["frobenius", "mean", "learned"] {
            let options = format!("length = \"{length}\"");
            let (from, to) = (
                conformance::conv_network("bounded-weight-norm", &options, 3),
                conformance::conv_network("bounded-weight-norm", &options, 4),
            );
            for parameter in from.parameters.iter() {
                conformance::set(&to, &parameter.name, &parameter.tensor);
            }
            let x = conformance::gaussian(&[3, 2, 8, 8], 2);
            let eval = crate::nn::Pass::eval();
            assert_eq!(from.logits(&x, &eval), to.logits(&x, &eval), "{length}");
        }
    }

    #[test]
    fn gradients_are_exact_under_other_options() {
        conformance::assert_exact_gradients(
            "bounded-weight-norm",
            &[
                "length = \"mean\"",
                "length = \"learned\"",
                "norm = \"l1\"",
                "norm = \"linf\"",
            ],
        );
    }
}
