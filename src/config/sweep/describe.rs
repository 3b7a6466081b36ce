//! A sweep in sentences, for the readers of its results.

use super::range::{LR_FACTOR, Range, Scale};
use super::{Halving, SearchStrategy, Sweep};
use crate::text::numbers::counted;

impl Sweep {
    /// How settings were found and judged. The table of what was tried stands beside it.
    pub fn describe(&self) -> Vec<String> {
        let grid = "Every point of a grid was tried for each method and batch size.";
        let mut sentences = vec![match self.search {
            SearchStrategy::Random => self.describe_draws(),
            SearchStrategy::Grid => grid.to_owned(),
        }];
        if let Some(Halving {
            first_epochs,
            factor,
        }) = self.halving
        {
            sentences.push(format!(
                "Successive halving: after {} and each time {factor} times as long, one setting in {factor} went on by \
                 its error on held-out images, the better ones to the end; the others were left where they were.",
                counted(first_epochs, "epoch"),
            ));
        }
        let held_out = match self.holdout() {
            part if part < 1.0 => format!("a fraction of {part} of the training images"),
            images => format!("{images} training images"),
        };
        let seeds: Vec<String> = self.seeds.list().iter().map(u64::to_string).collect();
        let seeds = seeds.join(", ");
        sentences.push(format!(
            "Held out: {held_out}. Seeds of each setting: {seeds}."
        ));
        sentences
    }

    fn describe_draws(&self) -> String {
        let range = |(key, range): &(String, Range)| {
            let scale = match range.scale {
                Scale::Log => "log-uniformly",
                Scale::Linear => "uniformly",
            };
            format!("{key} {scale} from {} to {}", range.low, range.high)
        };
        let mut drawn: Vec<String> = self.range.iter().map(range).collect();
        let rates = [("lr", &self.lrs), (LR_FACTOR, &self.lr_factors)];
        let rates = rates.iter().filter(|(_, list)| !list.is_empty());
        let others = self.grid.iter().map(|(key, _)| key.as_str());
        let listed = rates.map(|(key, _)| *key).chain(others);
        drawn.extend(listed.map(|key| format!("{key} from its list")));
        format!(
            "{} settings, the same for each method and batch size, were drawn with seed {}: {}.",
            self.samples.unwrap_or(0),
            self.draw_seed.unwrap_or(0),
            drawn.join(", ")
        )
    }
}
