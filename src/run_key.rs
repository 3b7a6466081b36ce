//! What tables, plans and records call a run, and the group of runs that differ by their seed only.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A group of runs: a method with its options at one batch size and learning rate.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct GroupKey {
    /// Registry name of the method.
    #[serde(default)]
    pub method: String,
    /// What tables and pictures call the method with its options; empty where nothing but the method's name is known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub label: String,
    /// Images per step.
    pub batch_size: u64,
    /// Base learning rate.
    pub lr: f64,
}

/// One run: its group and its seed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct RunKey {
    /// What it has in common with the runs of other seeds.
    #[serde(flatten)]
    pub group: GroupKey,
    /// Seed of every random stream.
    pub seed: u64,
}

/// A group with its items.
pub type Grouped<'i, T> = (&'i GroupKey, Vec<&'i T>);

/// Items by their groups, in the order of each group's first.
pub fn grouped<'i, T>(
    items: impl IntoIterator<Item = &'i T>,
    key: impl Fn(&'i T) -> &'i GroupKey,
) -> Vec<Grouped<'i, T>> {
    let mut groups: Vec<Grouped<T>> = Vec::new();
    for item in items {
        let own = key(item);
        match groups.iter_mut().find(|(other, _)| *other == own) {
            Some((_, group)) => group.push(item),
            None => groups.push((own, vec![item])),
        }
    }
    groups
}

impl fmt::Display for GroupKey {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(
            f,
            "{}, batch size {}, lr {}",
            self.label, self.batch_size, self.lr
        )
    }
}

impl fmt::Display for RunKey {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}, seed {}", self.group, self.seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_come_in_the_order_of_their_first_run() {
        let key = |label: &str, seed| {
            let label = label.to_owned();
            let group = GroupKey {
                label,
                ..GroupKey::default()
            };
            RunKey { group, seed }
        };
        let runs = [key("b", 0), key("a", 0), key("b", 1)];
        let groups = grouped(&runs, |run| &run.group);
        let seeds = |group: &[&RunKey]| group.iter().map(|run| run.seed).collect::<Vec<_>>();
        let found: Vec<_> = groups
            .iter()
            .map(|(group, runs)| (group.label.as_str(), seeds(runs)))
            .collect();
        assert_eq!(found, [("b", vec![0, 1]), ("a", vec![0])]);
        assert_eq!(runs[2].to_string(), "b, batch size 0, lr 0, seed 1");
    }
}
