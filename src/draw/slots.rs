//! Which series gets which style.

use super::legend::{Key, draw_legend};
use super::palette::style;
use super::{Scene, Series};

/// The style slot of each label, in the order in which labels first occur.
pub struct Slots {
    labels: Vec<(String, usize)>,
}

impl Slots {
    /// Keeps the slots that are asked for; the other labels get the free ones in order.
    pub fn assign<'a>(wanted: impl IntoIterator<Item = (&'a str, Option<usize>)>) -> Slots {
        let wanted: Vec<_> = wanted.into_iter().collect();
        let taken: Vec<usize> = wanted.iter().filter_map(|(_, slot)| *slot).collect();
        let mut free = (0..).filter(|slot| !taken.contains(slot));
        let mut labels: Vec<(String, usize)> = Vec::new();
        for (label, slot) in wanted {
            if labels.iter().all(|(known, _)| known != label) {
                let slot = slot.or_else(|| free.next()).unwrap_or_default();
                labels.push((label.to_string(), slot));
            }
        }
        Slots { labels }
    }

    /// Those of some lines.
    pub fn of_series<'a>(series: impl IntoIterator<Item = &'a Series>) -> Slots {
        let series = series.into_iter();
        Slots::assign(series.map(|line| (line.label.as_str(), line.slot)))
    }

    /// The slot of a label; 0 for one that was never assigned.
    pub fn slot(&self, label: &str) -> usize {
        let found = self.labels.iter().find(|(known, _)| known == label);
        found.map_or(0, |(_, slot)| *slot)
    }

    /// The labels that have a text, with their slots.
    fn named(&self) -> impl Iterator<Item = (&str, usize)> {
        let labels = self.labels.iter().filter(|(label, _)| !label.is_empty());
        labels.map(|(label, slot)| (label.as_str(), *slot))
    }

    /// Draws the legend below `bottom`, and returns the height of the picture.
    pub fn draw_legend(&self, scene: &mut Scene, bottom: f64) -> f64 {
        let entry = |(label, slot)| (Key::Series(style(slot)), String::from(label));
        draw_legend(scene, bottom, &self.named().map(entry).collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_that_are_asked_for_are_kept_free_of_others() {
        let slots = Slots::assign([
            ("a", None),
            ("b", Some(0)),
            ("a", None),
            ("", None),
            ("c", None),
        ]);
        assert_eq!(
            [slots.slot("a"), slots.slot("b"), slots.slot("c")],
            [1, 0, 3]
        );
        assert_eq!(
            slots.named().map(|(label, _)| label).collect::<String>(),
            "abc"
        );
    }
}
