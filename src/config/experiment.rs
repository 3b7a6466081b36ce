//! What a comparison is: one TOML file that stands for many runs.
//!
//! The keys of the comparison stand at the top, those of every run in the table `[run]`; `methods`, `batch_sizes`,
//! `lrs` and `seeds` span the runs.

mod count;
mod definition;
mod draft;
mod expand;
mod method_entry;
mod places;
mod read;
mod recorded_rates;

pub use definition::{EXPERIMENT_SCHEMA, Experiment, Reference};
pub use expand::{Chosen, PlannedRun};
pub use method_entry::MethodEntry;

#[cfg(test)]
mod tests;
