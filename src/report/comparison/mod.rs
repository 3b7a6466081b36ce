//! The comparison report: from a results folder's CSV files to pictures and one page.
//!
//! | module | owns |
//! | --- | --- |
//! | [`rows`] | the rows of `summary.csv`, `paired.csv`, `differences.csv` and `sweep.csv` |
//! | [`tagged`] | a run's rows with the run's name before them: `curves.csv`, `layers.csv`, `percentiles.csv` |
//! | [`manifest`] | `manifest.json`: what was run, on what |
//! | [`summarize`] | from `curves.csv` to `summary.csv` |
//! | [`differences`] | from `curves.csv` to `paired.csv` and `differences.csv` |
//! | [`speedup`] | how many times fewer steps to the target than `none` |
//! | [`results`] | a results folder as a whole: writing and reading it |
//! | `families`, `focus` | methods that differ by a number, and which of many lines a picture names |
//! | `columns`, `standing` | what is compared with each other, and the one order of methods by error |
//! | `ranks` | ranks by error, and how stable they are |
//! | `verdict` | which methods fail, and which cannot be told apart from the best |
//! | [`picture`], [`pictures`] | what a picture is, and all of them |
//! | [`final_errors`] | what pictures and tables of final errors share |
//! | [`conclusion`] | what came out, in sentences made from the numbers |
//! | [`pivot`] | methods by batch sizes: errors, and what a sweep chose |
//! | [`tables`], [`caveats`], [`page`] | the tables of terminal and page, what to keep in mind, and the pages |
//! | [`so_far`] | the page of a comparison that is not over |

pub mod caveats;
mod columns;
pub mod conclusion;
pub mod differences;
mod families;
pub mod final_errors;
mod focus;
mod groups;
pub mod manifest;
pub mod page;
pub mod picture;
pub mod pictures;
pub mod pivot;
mod ranks;
pub mod results;
pub mod rows;
pub mod so_far;
pub mod speedup;
mod standing;
pub mod summarize;
pub mod tables;
pub mod tagged;
mod verdict;

pub use groups::{Groups, Shown};
pub use manifest::{Manifest, ManifestMethod};
pub use picture::{Draw, PictureKind, Topic};
pub use results::Results;
pub use rows::{DifferenceRow, PairedRow, SummaryRow, SweepRow};
pub use tagged::RunRows;
