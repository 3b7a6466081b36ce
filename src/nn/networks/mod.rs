//! The networks: one file each, and one word each in the list below.
//!
//! A network is a [`NetworkDescriptor`]: what it is, which keys it has, and a function that makes its nodes. Configuration,
//! command line, documentation and the commands all read the same slice.

mod architecture;
mod descriptor;
mod units;

use anyhow::Result;

use crate::error::did_you_mean;
use crate::options::OptionSpec;
use crate::usage;
pub use architecture::Architecture;
pub use descriptor::{NetworkDescriptor, Task};
pub use lstm::lstm;
pub use mlp::perceptron;
pub use nin::network_in_network;

/// Declares the modules of networks and the list of their descriptors from the same names.
macro_rules! networks {
    ($($module:ident,)*) => {
        $(mod $module;)*

        /// Every network, in the order in which tables show them.
        pub static NETWORKS: &[&NetworkDescriptor] = &[$(&$module::DESCRIPTOR),*];
    };
}

networks! {
    nin,
    mlp,
    lstm,
    resnet,
    wide_resnet,
}

/// The name of every network.
pub fn names() -> Vec<&'static str> {
    NETWORKS.iter().map(|network| network.name).collect()
}

/// The keys of every network.
pub fn keys() -> impl Iterator<Item = &'static OptionSpec> {
    NETWORKS.iter().flat_map(|network| network.keys)
}

/// The network called `name`.
pub fn find(name: &str) -> Result<&'static NetworkDescriptor> {
    let found = NETWORKS.iter().find(|network| network.name == name);
    found.copied().ok_or_else(|| {
        let hint = did_you_mean(name, names());
        usage!("unknown model `{name}`; {hint}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moments::Activation;
    use crate::nn::networks::Task;
    use crate::nn::node::NetworkKind;

    #[test]
    fn names_are_unique_and_unknown_ones_get_a_suggestion() {
        let mut names = names();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), NETWORKS.len());
        let error = find("ninn").err().map(|error| error.to_string());
        assert!(error.is_some_and(|text| text.contains("did you mean `nin`?")));
    }

    /// A configuration is checked key by key before its network is known.
    #[test]
    fn a_key_that_several_networks_have_takes_the_same_values_in_all() {
        let keys = || NETWORKS.iter().flat_map(|network| network.keys);
        for (key, other) in keys().flat_map(|key| keys().map(move |other| (key, other))) {
            if key.name == other.name {
                assert_eq!(key.domain(), other.domain(), "{}", key.name);
            }
        }
    }

    #[test]
    fn every_network_has_its_kind_and_ends_with_the_logits() {
        let task = Task {
            channels: 3,
            height: 8,
            width: 8,
            classes: 10,
            activation: Activation::Relu,
        };
        for network in NETWORKS {
            let keys = network.resolve(&toml::Table::new()).unwrap();
            let nodes = (network.build)(&keys, &task).unwrap();
            let kind = (network.kind)(&keys);
            assert_eq!(NetworkKind::of(&nodes[0]), kind, "{}", network.name);
            let last = nodes.iter().position(|node| node.is_last());
            assert_eq!(last, Some(nodes.len() - 1), "{}", network.name);
            assert_eq!(nodes[nodes.len() - 1].outputs(), 10, "{}", network.name);
        }
    }
}
