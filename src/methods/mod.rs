//! The normalization methods: one file each, listed once in `registry`.
//!
//! A method is a [`Descriptor`] (what it is, which options it has, how it behaves) and a `build`
//! function that makes the [`Layer`] of one block. Configuration, command line,
//! documentation tables and the tests that walk every method all read the same slice.
//!
//! Notation used throughout: x layer input, W weights with rows W_o, a pre-activation, f activation,
//! y layer output, γ gain, β shift, z ~ N(0,1); m = E f(z), s² = Var f(z).

mod analytic_variance;
mod batch_renorm;
mod bn;
mod bounded_weight_norm;
mod centered_weight_norm;
mod cosine;
mod cosine_centered;
mod frn;
mod group_norm;
mod instance_norm;
mod kalman;
mod l1_bn;
mod layer_norm;
mod linf_bn;
mod linked;
mod nf;
mod noisy_bn;
mod none;
mod normprop;
mod online_norm;
mod proxy_norm;
mod registry;
mod riemannian_bn;
mod rms_norm;
mod selu;
mod spectral_norm;
mod topk_bn;
mod weight_norm;
mod weight_norm_mean_bn;
mod weight_standardization;

use anyhow::Result;
use tch::{Device, Kind};

use crate::error::did_you_mean;
use crate::nn::block::Block;
use crate::nn::network::Network;
use crate::nn::node::{LstmBlock, NetworkKind, Node};
use crate::nn::widening::Widening;
use crate::nn::{Builder, Layer};
use crate::options::{OptionSpec, Options};
use crate::usage;
pub use registry::METHODS;

/// What a method normalizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActsOn {
    /// Nothing.
    Nothing,
    /// The weights.
    Weights,
    /// The pre-activation.
    PreActivation,
    /// The optimizer's update.
    Update,
    /// The activation.
    Activation,
    /// The linear operation as a whole: weights and inputs.
    LinearOperation,
    /// The pre-activation and what comes out of the activation.
    PreActivationAndActivation,
    /// Weights and the pre-activation.
    WeightsAndPreActivation,
    /// Weights and what comes out of the activation.
    WeightsAndActivation,
}

impl ActsOn {
    /// Name for tables and JSON.
    pub fn name(self) -> &'static str {
        match self {
            ActsOn::Nothing => "nothing",
            ActsOn::Weights => "weights",
            ActsOn::Update => "update",
            ActsOn::PreActivation => "pre-activation",
            ActsOn::Activation => "activation",
            ActsOn::LinearOperation => "linear operation",
            ActsOn::PreActivationAndActivation => "pre-activation, activation",
            ActsOn::WeightsAndPreActivation => "weights, pre-activation",
            ActsOn::WeightsAndActivation => "weights, activation",
        }
    }
}

/// What happens when a training batch holds one image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchSizeOne {
    /// As at any other size.
    Works,
    /// Runs, but training and evaluation compute different functions.
    Degenerates,
    /// Undefined, and refused with an error.
    Refused,
    /// The method does not serve such layers at any batch size.
    Unsupported,
}

impl BatchSizeOne {
    /// Name for tables and JSON.
    pub fn name(self) -> &'static str {
        match self {
            BatchSizeOne::Works => "works",
            BatchSizeOne::Degenerates => "degenerates",
            BatchSizeOne::Refused => "refused",
            BatchSizeOne::Unsupported => "unsupported",
        }
    }
}

/// Where a method was proposed.
#[derive(Debug, Clone, Copy)]
pub struct Paper {
    /// Authors, shortened.
    pub authors: &'static str,
    /// Title.
    pub title: &'static str,
    /// Venue, and arXiv id where there is one.
    pub venue: &'static str,
    /// Year of publication.
    pub year: u16,
}

/// How a method serves an LSTM.
#[derive(Clone, Copy)]
pub struct Recurrent {
    /// Makes the recurrent layer.
    pub build: fn(&LstmBlock, &Options, &mut Builder) -> Result<Box<dyn Layer>>,
    /// A learning rate that trains the default LSTM at batch size 50.
    pub learning_rate_at_50: f64,
}

/// What is known of a method without building it.
pub struct Descriptor {
    /// Name on the command line.
    pub name: &'static str,
    /// One line on what it does.
    pub summary: &'static str,
    /// The forward formula of one layer.
    pub formula: &'static str,
    /// The reference.
    pub paper: Paper,
    /// What it normalizes.
    pub acts_on: ActsOn,
    /// Whether training uses statistics of the batch.
    pub uses_batch_statistics: bool,
    /// Whether training and evaluation compute the same function.
    pub train_equals_eval: bool,
    /// Whether multiplying a weight row by a positive number leaves the output unchanged.
    pub row_scale_invariant: bool,
    /// Whether layers start from a batch of training images (`Layer::initialize`).
    pub data_dependent_start: bool,
    /// Batch size 1, convolutional layers.
    pub batch_size_one_conv: BatchSizeOne,
    /// Batch size 1, fully connected layers.
    pub batch_size_one_fc: BatchSizeOne,
    /// Parameters beside the weights, of each layer.
    pub extra_parameters: &'static str,
    /// Options with defaults.
    pub options: &'static [OptionSpec],
    /// Where we differ from the paper or had to choose, and why.
    pub departures: &'static [&'static str],
    /// A learning rate that trains the default network at batch size 50.
    pub learning_rate_at_50: f64,
    /// Makes the layer of one block.
    pub build: fn(&Block, &Options, &mut Builder) -> Result<Box<dyn Layer>>,
    /// How it serves an LSTM, where it does.
    pub recurrent: Option<Recurrent>,
    /// Whether the backward pass is the derivative of the forward pass.
    pub exact_gradient: bool,
    /// Whether convolutional and fully connected networks fold into plain linear operations for evaluation
    /// (`Layer::fold`).
    pub folds: bool,
    /// What it does to the widths of the network.
    pub widening: fn(&Options) -> Widening,
    /// Options under which the length of weight rows does not matter, for the test of `row_scale_invariant`
    /// (where rows are kept at unit length by projection, forward takes them as they are).
    pub row_scale_options: &'static str,
}

impl std::fmt::Debug for Descriptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Descriptor {
    /// What most methods have in common: feed-forward networks, the usual backward pass, widths left alone.
    /// The remaining fields are placeholders; a method ends with `..Descriptor::ORDINARY`.
    pub const ORDINARY: Descriptor = Descriptor {
        name: "",
        summary: "",
        formula: "",
        paper: Paper {
            authors: "",
            title: "",
            venue: "",
            year: 0,
        },
        acts_on: ActsOn::Nothing,
        uses_batch_statistics: false,
        train_equals_eval: true,
        row_scale_invariant: false,
        data_dependent_start: false,
        batch_size_one_conv: BatchSizeOne::Works,
        batch_size_one_fc: BatchSizeOne::Works,
        extra_parameters: "",
        options: &[],
        departures: &[],
        learning_rate_at_50: 0.02,
        build: |_, _, _| anyhow::bail!("a method without a build function"),
        recurrent: None,
        exact_gradient: true,
        folds: false,
        widening: |_| Widening::NONE,
        row_scale_options: "",
    };

    /// The network of `blocks` under this method.
    pub fn network(
        &self,
        options: &Options,
        nodes: Vec<Node>,
        seed: u64,
        kind: Kind,
        device: Device,
    ) -> Result<Network> {
        if let Some(first) = nodes.first() {
            self.check_network(NetworkKind::of(first))?;
        }
        let nodes = (self.widening)(options).apply(nodes);
        let build = |node: &Node, builder: &mut Builder| match (node, &self.recurrent) {
            (Node::Block(block), _) => (self.build)(block, options, builder),
            (Node::Lstm(lstm), Some(recurrent)) => (recurrent.build)(lstm, options, builder),
            (Node::Lstm(_), None) => Err(self.refusal(NetworkKind::Recurrent)),
        };
        Network::build(nodes, &build, seed, kind, device)
    }

    /// Whether the method serves networks of this kind.
    pub fn serves(&self, network: NetworkKind) -> bool {
        match network {
            NetworkKind::Convolutional => self.batch_size_one_conv != BatchSizeOne::Unsupported,
            NetworkKind::Dense => self.batch_size_one_fc != BatchSizeOne::Unsupported,
            NetworkKind::Recurrent => self.recurrent.is_some(),
        }
    }

    /// Refuses networks that the method does not serve.
    pub fn check_network(&self, network: NetworkKind) -> Result<()> {
        if self.serves(network) {
            return Ok(());
        }
        Err(self.refusal(network))
    }

    fn refusal(&self, network: NetworkKind) -> anyhow::Error {
        let others: Vec<&str> = METHODS
            .iter()
            .filter(|other| other.serves(network))
            .map(|other| other.name)
            .collect();
        usage!(
            "{} does not serve {}; methods that do: {}",
            self.name,
            network.name(),
            others.join(", ")
        )
    }

    /// The default learning rate at a batch size: η₅₀·√(batch_size / 50), never above η₅₀·2.
    ///
    /// The square-root rule keeps the size of the steps' random part about the same. It is a start, not
    /// a tuned value: comparisons state a tuned learning rate for each method and batch size.
    pub fn default_learning_rate(&self, batch_size: usize, network: NetworkKind) -> f64 {
        let at_50 = match (network, &self.recurrent) {
            (NetworkKind::Recurrent, Some(recurrent)) => recurrent.learning_rate_at_50,
            _ => self.learning_rate_at_50,
        };
        let rate = at_50 * (batch_size as f64 / 50.0).sqrt().min(2.0);
        // Two significant digits: readable in a directory name, and as good.
        let digits = 10f64.powf(1.0 - rate.log10().floor());
        (rate * digits).round() / digits
    }

    /// The options given, checked, and the defaults of the others.
    pub fn resolve(&self, given: &toml::Table) -> Result<Options> {
        let owner = format!("method `{}`", self.name);
        Options::resolve(owner, "method.", self.options, given)
    }

    /// Whether the method has an option of this name.
    pub fn has_option(&self, name: &str) -> bool {
        self.options.iter().any(|option| option.name == name)
    }

    /// Refuses a batch of one image where the method is undefined.
    pub fn check_batch_size(&self, batch_size: usize, dense: bool) -> Result<()> {
        let (behaviour, layers) = if dense {
            (self.batch_size_one_fc, "fully connected layers")
        } else {
            (self.batch_size_one_conv, "convolutional layers")
        };
        if batch_size == 1 && behaviour == BatchSizeOne::Refused {
            return Err(usage!(
                "{} has no statistics on {layers} at batch_size = 1 (a unit's only value is its own mean); \
                 use a batch size of at least 2, or a method that needs no batch, such as normprop",
                self.name
            ));
        }
        Ok(())
    }
}

/// The method called `name`.
pub fn find(name: &str) -> Result<&'static Descriptor> {
    let found = METHODS.iter().find(|method| method.name == name);
    found.copied().ok_or_else(|| {
        let hint = did_you_mean(name, METHODS.iter().map(|method| method.name));
        usage!("unknown method `{name}`; {hint}")
    })
}

#[cfg(test)]
pub(crate) mod walk;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_declared_default_is_one_of_the_values_allowed() {
        for method in METHODS {
            let defaults = method.resolve(&toml::Table::new()).unwrap().to_table();
            assert_eq!(method.resolve(&defaults).unwrap().to_table(), defaults);
        }
    }

    #[test]
    fn default_learning_rates_follow_the_square_root_rule() {
        let method = find("normprop").unwrap();
        let rate = |size| method.default_learning_rate(size, NetworkKind::Dense);
        let at_50 = rate(50);
        assert!((at_50 - method.learning_rate_at_50).abs() < 1e-12);
        let at_2 = rate(2);
        assert!((at_2 / at_50 - 0.2).abs() < 0.01);
        assert!((rate(10_000) / at_50 - 2.0).abs() < 1e-9);
        let lstm = method.default_learning_rate(50, NetworkKind::Recurrent);
        assert!(
            method
                .recurrent
                .is_some_and(|recurrent| recurrent.learning_rate_at_50 == lstm)
        );
    }

    #[test]
    fn names_are_unique_and_unknown_ones_get_a_suggestion() {
        let mut names: Vec<&str> = METHODS.iter().map(|method| method.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), METHODS.len());
        let error = find("norm-prop").err().map(|error| error.to_string());
        assert!(error.is_some_and(|text| text.contains("did you mean `normprop`?")));
    }
}
