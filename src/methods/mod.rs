//! The normalization methods: one file each, and one line each in the list below.
//!
//! A method is a [`Descriptor`] (what it is, which options it has, how it behaves) and a `build`
//! function that makes the layer of one block. Configuration, command line, documentation tables and the
//! conformance tests all read the same list.
//!
//! Notation used throughout: x layer input, W weights with rows W_o, a pre-activation, f activation,
//! y layer output, γ gain, β shift, z ~ N(0,1); m = E f(z), s² = Var f(z).

mod behavior;
#[cfg(test)]
pub(crate) mod conformance;
mod descriptor;
mod look;
mod method;

use anyhow::Result;
use tch::{Device, Kind};

use crate::error::nearest;
use crate::nn::{Builder, Network, NetworkKind, Node};
use crate::options::Options;
use crate::usage;
pub use behavior::{ActsOn, BatchSizeOne};
pub use descriptor::{Descriptor, Paper, Recurrent, rate_at};
pub use look::style;
pub use method::{Method, MethodTable};

/// Declares the modules of methods and the list of their descriptors from the same names.
macro_rules! methods {
    ($($module:ident,)*) => {
        $(mod $module;)*

        /// Every method, in the order in which tables show them.
        pub static METHODS: &[&Descriptor] = &[$(&$module::DESCRIPTOR),*];
    };
}

methods! {
    none,
    bn,
    noisy_bn,
    l1_bn,
    linf_bn,
    topk_bn,
    batch_renorm,
    extended_bn,
    batch_group_norm,
    batch_layer_norm,
    mode_norm,
    bcn_qiao,
    bcn_khaled,
    estbn,
    diminishing_bn,
    evalnorm,
    decorrelated_bn,
    iter_norm,
    normality_bn,
    evonorm_b0,
    weight_norm,
    weight_norm_mean_bn,
    bounded_weight_norm,
    centered_weight_norm,
    strict_weight_norm,
    spectral_norm,
    weight_standardization,
    mean_shift_rejection,
    enorm,
    kalman,
    analytic_variance,
    riemannian_bn,
    linked,
    online_norm,
    nf,
    skipinit,
    fixup,
    idshort,
    normprop,
    edm2,
    selu,
    frelu,
    cosine,
    cosine_centered,
    layer_norm,
    group_norm,
    instance_norm,
    rms_norm,
    frn,
    evonorm_s0,
    normality_norm,
    batchless,
    dyt,
    derf,
    proxy_norm,
}

/// The method of a run that names none.
static DEFAULT: &Descriptor = &normprop::DESCRIPTOR;

/// `name` as names are compared: `BatchNorm2d`, `batch_norm` and `batch-normalization` are one.
fn comparable(name: &str) -> String {
    let letters = name.chars().filter(|c| !matches!(c, '-' | '_' | ' '));
    let lower: String = letters.flat_map(char::to_lowercase).collect();
    let short = lower
        .replace("normalization", "norm")
        .replace("normalisation", "norm")
        .replace("centred", "centered");
    let dimensions = ["norm1d", "norm2d", "norm3d"];
    match dimensions.iter().any(|end| short.ends_with(end)) {
        true => short[..short.len() - 2].to_string(),
        false => short,
    }
}

/// The method called `name`, or known under it.
pub fn find(name: &str) -> Result<&'static Descriptor> {
    let wanted = comparable(name);
    let known = || {
        let methods = METHODS.iter().copied();
        methods.flat_map(|method| method.names().map(move |name| (comparable(name), method)))
    };
    let found = |wanted: &str| known().find(|(name, _)| name == wanted);
    if let Some((_, method)) = found(&wanted) {
        return Ok(method);
    }
    let all: Vec<String> = known().map(|(name, _)| name).collect();
    let near = nearest(&wanted, all.iter().map(String::as_str)).and_then(found);
    let hint = match near {
        Some((_, method)) => format!("did you mean `{}`?", method.name),
        None => format!("known: {}", names_of(|_| true)),
    };
    Err(usage!("unknown method `{name}`; {hint}"))
}

/// Whether a method has an option of this name.
pub fn have_option(name: &str) -> bool {
    METHODS.iter().any(|method| method.has_option(name))
}

fn names_of(wanted: impl Fn(&Descriptor) -> bool) -> String {
    let methods = METHODS.iter().filter(|method| wanted(method));
    let names: Vec<&str> = methods.map(|method| method.name).collect();
    names.join(", ")
}

impl Descriptor {
    /// The network of `nodes` under this method.
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

    /// Refuses networks that the method does not serve.
    pub fn check_network(&self, network: NetworkKind) -> Result<()> {
        if self.serves(network) {
            return Ok(());
        }
        Err(self.refusal(network))
    }

    /// Whether `init = "lsuv"` has an effect, and leaves of the method what it is.
    pub fn is_scalable(&self) -> bool {
        let acts = |on| self.acts_on.contains(&on);
        let sets = acts(ActsOn::Weights) || acts(ActsOn::LinearOperation);
        let starts = self.data_dependent_start || self.uses_batch_statistics || self.is_start;
        !(sets || starts || self.row_scale_invariant)
    }

    /// Refuses `init = "lsuv"` where it would have no effect, would not last, or would undo the method.
    pub fn check_scalable(&self, network: NetworkKind) -> Result<()> {
        if network == NetworkKind::Recurrent {
            return Err(usage!(
                "init = \"lsuv\" is not for {}; use init = \"method\"",
                network.name()
            ));
        }
        if self.is_scalable() {
            return Ok(());
        }
        let why = match self.is_start {
            true => format!(
                "would replace where weights start, which is what {} is; leave it out",
                self.name
            ),
            false => format!(
                "gives weights a size, which {} sets itself or gets from the batch",
                self.name
            ),
        };
        Err(usage!(
            "init = \"lsuv\" {why}; methods that it serves: {}",
            names_of(|other| other.is_scalable() && other.serves(network))
        ))
    }

    fn refusal(&self, network: NetworkKind) -> anyhow::Error {
        let keys = match self.residual_orders {
            [order] if self.needs_residual => {
                format!(" (model = \"resnet\", order = \"{}\")", order.name())
            }
            _ => String::new(),
        };
        usage!(
            "{} does not serve {}, but {}{keys}; methods that do: {}",
            self.name,
            network.name(),
            self.served(),
            names_of(|other| other.serves(network))
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn every_name_and_alias_leads_to_its_own_method() {
        for method in METHODS {
            for name in method.names() {
                assert_eq!(find(name).unwrap().name, method.name, "{name}");
                assert_eq!(find(&name.to_uppercase()).unwrap().name, method.name);
            }
        }
    }

    #[test]
    fn names_as_people_and_frameworks_write_them_are_understood() {
        let cases = [
            (
                "bn",
                "BN batchnorm batch_norm batch-norm BatchNorm BatchNorm1d BatchNorm2d BatchNormalization",
            ),
            ("layer-norm", "LN ln LayerNorm layer_norm layernorm"),
            ("group-norm", "gn GroupNorm group_normalization"),
            ("instance-norm", "in InstanceNorm2d"),
            ("weight-norm", "wn weightnorm weight_norm"),
            ("spectral-norm", "SN SpectralNorm"),
            ("rms-norm", "RMSNorm rms_norm"),
            ("cosine-centered", "cosine_centred"),
            ("normprop", "NormProp norm-prop normalization-propagation"),
        ];
        for (method, names) in cases {
            for name in names.split(' ') {
                assert_eq!(find(name).unwrap().name, method, "{name}");
            }
        }
    }

    #[test]
    fn unknown_names_get_the_nearest_method_or_the_list() {
        let message = |name: &str| find(name).unwrap_err().to_string();
        assert!(message("normporp").contains("did you mean `normprop`?"));
        assert!(message("batchnrm").contains("did you mean `bn`?"));
        assert!(message("zzzzzzzzzzzz").contains("known: none, bn, noisy-bn"));
    }
}
