//! What is known of a method without building it.

use anyhow::Result;

use super::behavior::{ActsOn, BatchSizeOne};
use crate::error::KeyFault;
use crate::nn::residual::Order;
use crate::nn::{Block, Builder, Layer, LstmBlock, NetworkKind, Widening};
use crate::options::{OptionSpec, Options};
use crate::usage;

/// Where a method was proposed.
#[derive(Debug, Clone, Copy)]
pub struct Paper {
    /// Authors, shortened.
    pub authors: &'static str,
    /// Title.
    pub title: &'static str,
    /// Venue with its year, and arXiv id where there is one.
    pub venue: &'static str,
}

impl Paper {
    /// That of the norms other than L2.
    pub const NORM_MATTERS: Paper = Paper {
        authors: "Hoffer, Banner, Golan, Soudry",
        title: "Norm Matters: Efficient and Accurate Normalization Schemes in Deep Networks",
        venue: "NeurIPS 2018, arXiv:1803.01814",
    };

    /// That of weight normalization.
    pub const WEIGHT_NORMALIZATION: Paper = Paper {
        authors: "Salimans, Kingma",
        title: "Weight Normalization: A Simple Reparameterization to Accelerate Training of Deep Neural Networks",
        venue: "NIPS 2016, arXiv:1602.07868",
    };

    /// That of cosine normalization.
    pub const COSINE_NORMALIZATION: Paper = Paper {
        authors: "Luo, Zhan, Wang, Yang",
        title: "Cosine Normalization: Using Cosine Similarity Instead of Dot Product in Neural Networks",
        venue: "ICANN 2018, arXiv:1702.05870",
    };

    /// The year of publication: the first number of four digits in the venue.
    pub fn year(&self) -> Option<u16> {
        let mut numbers = self.venue.split(|c: char| !c.is_ascii_digit());
        numbers.find(|digits| digits.len() == 4)?.parse().ok()
    }
}

/// How a method serves an LSTM.
#[derive(Clone, Copy)]
pub struct Recurrent {
    /// Makes the recurrent layer.
    pub build: fn(&LstmBlock, &Options, &mut Builder) -> Result<Box<dyn Layer>>,
    /// A learning rate that trains the default LSTM at batch size 50.
    pub learning_rate_at_50: f64,
}

/// What a method is, which options it has, and how it behaves.
pub struct Descriptor {
    /// Name on the command line.
    pub name: &'static str,
    /// Other names that people give it. Case, `-` and `_` make no difference in any name.
    pub aliases: &'static [&'static str],
    /// One line on what it does.
    pub summary: &'static str,
    /// The forward formula of one layer.
    pub formula: &'static str,
    /// The reference.
    pub paper: Paper,
    /// What it normalizes.
    pub acts_on: &'static [ActsOn],
    /// Whether training uses statistics of the batch.
    pub uses_batch_statistics: bool,
    /// Whether training and evaluation compute the same function.
    pub train_equals_eval: bool,
    /// Whether multiplying a weight row by a positive number leaves the output unchanged.
    pub row_scale_invariant: bool,
    /// Whether layers start from a batch of training images (`Layer::initialize`).
    pub data_dependent_start: bool,
    /// Whether the method is where its weights start, so that no other start serves it.
    pub is_start: bool,
    /// Batch size 1, convolutional layers.
    pub batch_size_one_conv: BatchSizeOne,
    /// Batch size 1, fully connected layers.
    pub batch_size_one_fc: BatchSizeOne,
    /// Parameters beside the weights, of each layer.
    pub extra_parameters: &'static str,
    /// Options with defaults.
    pub options: &'static [OptionSpec],
    /// Options whose default is another in networks of a kind, and that default.
    pub defaults_by_network: &'static [(NetworkKind, &'static str, &'static str)],
    /// Where we differ from the paper or had to choose, and why.
    pub departures: &'static [&'static str],
    /// A learning rate that trains the default network at batch size 50.
    pub learning_rate_at_50: f64,
    /// Makes the layer of one block.
    pub build: fn(&Block, &Options, &mut Builder) -> Result<Box<dyn Layer>>,
    /// How it serves an LSTM, where it does.
    pub recurrent: Option<Recurrent>,
    /// The orders of residual units that it serves.
    pub residual_orders: &'static [Order],
    /// Whether it is a way to add branch and shortcut, so that it serves no network without residual units.
    pub needs_residual: bool,
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

impl PartialEq for Descriptor {
    fn eq(&self, other: &Descriptor) -> bool {
        self.name == other.name
    }
}

/// η₅₀·√(batch_size / 50), never above η₅₀·2: a learning rate at a batch size from the one at batch size 50.
pub fn rate_at(at_50: f64, batch_size: usize) -> f64 {
    let rate = at_50 * (batch_size as f64 / 50.0).sqrt().min(2.0);
    // Two significant digits: readable in a directory name, and as good.
    let digits = 10f64.powf(1.0 - rate.log10().floor());
    (rate * digits).round() / digits
}

impl Descriptor {
    /// What most methods have in common: no batch, any batch size, feed-forward networks, the usual backward pass,
    /// widths left alone. The remaining fields are placeholders; a method ends with `..Descriptor::ORDINARY`.
    pub const ORDINARY: Descriptor = Descriptor {
        name: "",
        aliases: &[],
        summary: "",
        formula: "",
        paper: Paper {
            authors: "",
            title: "",
            venue: "",
        },
        acts_on: &[],
        uses_batch_statistics: false,
        train_equals_eval: true,
        row_scale_invariant: false,
        data_dependent_start: false,
        is_start: false,
        batch_size_one_conv: BatchSizeOne::Works,
        batch_size_one_fc: BatchSizeOne::Works,
        extra_parameters: "",
        options: &[],
        defaults_by_network: &[],
        departures: &[],
        learning_rate_at_50: 0.02,
        build: |_, _, _| anyhow::bail!("a method without a build function"),
        recurrent: None,
        residual_orders: Order::ALL,
        needs_residual: false,
        exact_gradient: true,
        folds: false,
        widening: |_| Widening::NONE,
        row_scale_options: "",
    };

    /// What the relatives of batch normalization have in common: pre-activations normalized by statistics of the batch,
    /// then γ and β; running averages at evaluation, which fold away.
    pub const WITH_BATCH_STATISTICS: Descriptor = Descriptor {
        acts_on: &[ActsOn::PreActivation],
        uses_batch_statistics: true,
        train_equals_eval: false,
        row_scale_invariant: true,
        batch_size_one_conv: BatchSizeOne::Degenerates,
        batch_size_one_fc: BatchSizeOne::Refused,
        extra_parameters: "γ, β",
        folds: true,
        ..Descriptor::ORDINARY
    };

    /// Its name and its aliases.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }

    /// Whether the method serves networks of this kind.
    pub fn serves(&self, network: NetworkKind) -> bool {
        let convolutional = self.batch_size_one_conv != BatchSizeOne::Unsupported;
        match network {
            NetworkKind::Convolutional => convolutional && !self.needs_residual,
            NetworkKind::Dense => self.batch_size_one_fc != BatchSizeOne::Unsupported,
            NetworkKind::Recurrent => self.recurrent.is_some(),
            NetworkKind::Residual(order) => convolutional && self.residual_orders.contains(&order),
        }
    }

    /// The networks that it serves, in words.
    pub fn served(&self) -> String {
        let served = NetworkKind::ALL.iter().filter(|&&kind| self.serves(kind));
        let names: Vec<&str> = served.map(|kind| kind.name()).collect();
        names.join(", ")
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
        rate_at(at_50, batch_size)
    }

    /// Whether weights are moved by a step of its own, which stands beside SGD only.
    pub fn has_own_step(&self) -> bool {
        self.acts_on.contains(&ActsOn::Update)
    }

    /// The options given, checked, and the defaults of the others.
    pub fn resolve(&self, given: &toml::Table) -> Result<Options, KeyFault> {
        Options::resolve(self.owner(), "method.", self.options, given)
    }

    /// The same in networks of this kind, where an option may have another default.
    pub fn resolve_for(
        &self,
        network: NetworkKind,
        given: &toml::Table,
    ) -> Result<Options, KeyFault> {
        let mut given = given.clone();
        let own = self.defaults_by_network.iter();
        for (_, option, value) in own.filter(|(kind, ..)| *kind == network) {
            given.entry(*option).or_insert_with(|| (*value).into());
        }
        self.resolve(&given)
    }

    /// Every option at its default.
    pub fn default_options(&self) -> Options {
        Options::defaults(self.owner(), self.options)
    }

    fn owner(&self) -> String {
        format!("method `{}`", self.name)
    }

    /// Whether the method has an option of this name.
    pub fn has_option(&self, name: &str) -> bool {
        self.options.iter().any(|option| option.name == name)
    }

    /// Refuses a batch of one image where the method is undefined.
    pub fn check_batch_size(&self, batch_size: usize, dense: bool) -> Result<()> {
        let (behavior, layers) = match dense {
            true => (self.batch_size_one_fc, "fully connected layers"),
            false => (self.batch_size_one_conv, "convolutional layers"),
        };
        if batch_size == 1 && behavior == BatchSizeOne::Refused {
            return Err(usage!(
                "{} has no statistics on {layers} at batch_size = 1 (a unit's only value is its own mean); \
                 use a batch size of at least 2, or a method that needs no batch, such as normprop",
                self.name
            ));
        }
        Ok(())
    }
}
