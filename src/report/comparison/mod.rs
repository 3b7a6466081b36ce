//! The comparison report: from a results folder's CSV files to pictures and one page.
//!
//! | module | owns |
//! | --- | --- |
//! | [`rows`] | the rows of `summary.csv`, `paired.csv` and `sweep.csv` |
//! | [`tagged`] | a run's rows with the run's name before them: `curves.csv`, `layers.csv`, `percentiles.csv` |
//! | [`manifest`] | `manifest.json`: what was run, on what |
//! | [`summarize`] | from `curves.csv` to `summary.csv` and `paired.csv` |
//! | [`results`] | a results folder as a whole: writing and reading it |
//! | `curves`, `layers`, `errors`, `percentiles` | the pictures |
//! | [`tables`], [`page`] | the tables of terminal and page, and the page |

mod curves;
mod errors;
mod groups;
mod layers;
pub mod manifest;
pub mod page;
mod percentiles;
pub mod results;
pub mod rows;
pub mod summarize;
pub mod tables;
pub mod tagged;

pub use manifest::Manifest;
pub use results::Results;
