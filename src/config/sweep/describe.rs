//! A sweep in sentences, for the readers of its results.

use super::range::{LR_FACTOR, Range, Scale};
use super::{SearchStrategy, Sweep};

impl Sweep {
    /// How settings were found and judged. The table of what was tried stands beside it.
    pub fn describe(&self) -> Vec<String> {
        let mut sentences = vec![match self.search {
            SearchStrategy::Random => self.describe_draws(),
            SearchStrategy::Grid => {
                "Every point of a grid was tried for each method and batch size.".to_owned()
            }
        }];
        if let Some(halving) = &self.halving {
            sentences.push(format!(
                "Successive halving: after {} and each time {} times as long, one setting in {} went on by its error \
                 on held-out images, the better ones to the end; the others were left where they were.",
                epochs(halving.first_epochs),
                halving.factor,
                halving.factor
            ));
        }
        let held_out = match self.holdout() {
            fraction if fraction < 1.0 => {
                format!("a fraction of {fraction} of the training images")
            }
            images => format!("{images} training images"),
        };
        let seeds: Vec<String> = self.seeds.list().iter().map(u64::to_string).collect();
        sentences.push(format!(
            "Held out: {held_out}. Seeds of each setting: {}.",
            seeds.join(", ")
        ));
        sentences
    }

    /// The keys that have a list of values.
    fn listed(&self) -> Vec<String> {
        let rates = [("lr", &self.lrs), (LR_FACTOR, &self.lr_factors)];
        let rates = rates.iter().filter(|(_, list)| !list.is_empty());
        let rates = rates.map(|(key, _)| *key);
        rates
            .chain(self.grid.iter().map(|(key, _)| key))
            .map(|key| format!("{key} from its list"))
            .collect()
    }

    fn describe_draws(&self) -> String {
        let range = |(key, range): (&str, &Range)| {
            let scale = match range.scale {
                Scale::Log => "log-uniformly",
                Scale::Linear => "uniformly",
            };
            format!("{key} {scale} from {} to {}", range.low, range.high)
        };
        let mut drawn: Vec<String> = self.range.iter().map(range).collect();
        drawn.extend(self.listed());
        format!(
            "{} settings, the same for each method and batch size, were drawn with seed {}: {}.",
            self.samples.unwrap_or(0),
            self.draw_seed.unwrap_or(0),
            drawn.join(", ")
        )
    }
}

fn epochs(count: u64) -> String {
    match count {
        1 => "1 epoch".to_owned(),
        several => format!("{several} epochs"),
    }
}
