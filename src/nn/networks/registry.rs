//! The one list of networks. A new network is a new file and a line here.

use anyhow::Result;

use super::{NetworkDescriptor, lstm, mlp, nin};
use crate::error::did_you_mean;
use crate::usage;

/// Every network, in the order in which tables show them.
pub static NETWORKS: &[&NetworkDescriptor] =
    &[&nin::DESCRIPTOR, &mlp::DESCRIPTOR, &lstm::DESCRIPTOR];

/// The network called `name`.
pub fn find(name: &str) -> Result<&'static NetworkDescriptor> {
    let found = NETWORKS.iter().find(|network| network.name == name);
    found.copied().ok_or_else(|| {
        let hint = did_you_mean(name, NETWORKS.iter().map(|network| network.name));
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
    fn names_and_keys_are_unique_and_unknown_names_get_a_suggestion() {
        let names = || NETWORKS.iter().map(|network| network.name);
        let keys = || {
            NETWORKS
                .iter()
                .flat_map(|network| network.keys)
                .map(|key| key.name)
        };
        for mut all in [names().collect::<Vec<_>>(), keys().collect()] {
            all.sort_unstable();
            let count = all.len();
            all.dedup();
            assert_eq!(all.len(), count);
        }
        let error = find("ninn").err().map(|error| error.to_string());
        assert!(error.is_some_and(|text| text.contains("did you mean `nin`?")));
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
            let nodes = (network.build)(&keys, &task);
            assert_eq!(NetworkKind::of(&nodes[0]), network.kind, "{}", network.name);
            let last = nodes.iter().position(|node| node.is_last());
            assert_eq!(last, Some(nodes.len() - 1), "{}", network.name);
            assert_eq!(nodes[nodes.len() - 1].outputs(), 10, "{}", network.name);
        }
    }
}
