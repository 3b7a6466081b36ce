//! How many runs an experiment stands for, counted without making them.

use super::definition::Experiment;
use crate::error::KeyFault;

/// More runs than a comparison needs; ten times as many would fill the memory before anything is said.
pub const MOST_RUNS: u64 = 100_000;

/// A number of runs as the product of the lengths of some lists.
struct Product {
    /// What is multiplied, each with the key that it comes from.
    factors: Vec<(String, u64)>,
}

impl Product {
    /// The number of runs; one too large to count is only called that.
    fn runs(&self) -> u64 {
        let factors = self.factors.iter().map(|(_, factor)| *factor);
        factors.fold(1, u64::saturating_mul)
    }

    /// Such as `seeds × batch_sizes = 3 × 5 = 15 runs`.
    fn sentence(&self) -> String {
        let keys: Vec<&str> = self.factors.iter().map(|(key, _)| key.as_str()).collect();
        let factors: Vec<String> = self.factors.iter().map(|(_, n)| n.to_string()).collect();
        let runs = match self.runs() {
            u64::MAX => "more than can be counted".to_owned(),
            1 => "1 run".to_owned(),
            runs => format!("{runs} runs"),
        };
        format!("{} = {} = {runs}", keys.join(" × "), factors.join(" × "))
    }

    /// The key of the largest factor, the first one of equals; of what several keys give together, the first.
    fn largest(&self) -> &str {
        let largest = self.factors.iter().rev().max_by_key(|(_, factor)| *factor);
        largest.map_or("methods", |(key, _)| key.split(' ').next().unwrap_or(key))
    }
}

impl Experiment {
    /// The runs of [`Experiment::expand`] before a sweep has chosen.
    pub(super) fn run_count(&self) -> u64 {
        match self.is_only_a_sweep() {
            true => 0,
            false => self.runs().runs(),
        }
    }

    /// The runs of [`Experiment::expand_sweep`].
    pub(super) fn sweep_run_count(&self) -> u64 {
        self.sweep_runs().map_or(0, |product| product.runs())
    }

    /// Refuses more than [`MOST_RUNS`].
    pub(super) fn check_count(&self) -> Result<(), KeyFault> {
        let (runs, tried) = (self.run_count(), self.sweep_run_count());
        let all = runs.saturating_add(tried);
        if all <= MOST_RUNS {
            return Ok(());
        }
        let of_runs = Some(self.runs()).filter(|_| runs > 0);
        let products: Vec<Product> = of_runs.into_iter().chain(self.sweep_runs()).collect();
        let sentences: Vec<String> = products.iter().map(Product::sentence).collect();
        let largest = products.iter().max_by_key(|product| product.runs());
        let key = largest.map_or("methods", Product::largest).to_owned();
        let what = format!(
            "the comparison asks for more than {MOST_RUNS} runs, the most that one may have: {}; shorten `{key}` or one of the others, or write several experiments",
            sentences.join(", and in the sweep ")
        );
        Err(KeyFault::new(key, what))
    }

    fn runs(&self) -> Product {
        let mut factors = self.cell_factors(|has_own_rate| match has_own_rate {
            true => 1,
            false => self.lrs.len().max(1) as u64,
        });
        factors.push(("seeds".to_owned(), self.seeds.count()));
        Product { factors }
    }

    fn sweep_runs(&self) -> Option<Product> {
        let sweep = self.sweep.as_ref()?;
        let mut factors = self.cell_factors(|_| 1);
        factors.extend(sweep.setting_factors());
        factors.push(("sweep.seeds".to_owned(), sweep.seeds.count()));
        Some(Product { factors })
    }

    /// Methods, batch sizes and learning rates. `rates` gives the number of rates of a method that has its own, or not.
    fn cell_factors(&self, rates: impl Fn(bool) -> u64) -> Vec<(String, u64)> {
        let shared = self.batch_sizes.len();
        let of_methods = self.methods.iter().map(|entry| {
            let sizes = entry.batch_sizes.as_ref().map_or(shared, Vec::len) as u64;
            (sizes, rates(entry.lr.is_some() || self.shared_lr.is_some()))
        });
        let of_methods: Vec<(u64, u64)> = of_methods.collect();
        let first = of_methods.first().copied().unwrap_or_default();
        let factors = if of_methods.iter().all(|own| *own == first) {
            let rates = Some(("lrs", first.1)).filter(|(_, rates)| *rates > 1);
            let methods = ("methods", of_methods.len() as u64);
            [methods, ("batch_sizes", first.0)]
                .into_iter()
                .chain(rates)
                .collect()
        } else {
            let each = of_methods
                .iter()
                .map(|(sizes, rates)| sizes.saturating_mul(*rates));
            let all = each.fold(0, u64::saturating_add);
            vec![("methods with their batch_sizes and lrs", all)]
        };
        factors
            .into_iter()
            .map(|(key, factor)| (key.to_owned(), factor))
            .collect()
    }
}
