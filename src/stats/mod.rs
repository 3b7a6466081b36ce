//! Statistics in double precision: summaries, intervals, paired comparisons and tests of normality.
//!
//! Nothing here knows of tensors, files or runs. The conventions hold throughout:
//!
//! * A [`Sample`] is made once from raw values: finite, sorted, with its mean and spread. Whatever
//!   needs order statistics borrows it, so a million values are sorted once.
//! * `None` means "there is no answer": too few values, a value that is not finite, no spread
//!   where the statistic divides by it, or a parameter outside its range. Each function says which.
//! * A *level* is a confidence level in (0, 1), such as 0.95; a *p-value* is two-sided unless stated.
//! * All randomness is a ChaCha8 stream from a seed the caller gives.

mod anderson;
mod bootstrap;
mod histogram;
mod interval;
mod kolmogorov;
mod kolmogorov_distribution;
mod lilliefors;
mod moments;
mod normality;
mod paired;
mod sample;
mod shapiro;
pub mod special;
mod summary;

#[cfg(test)]
mod goldens;

pub use anderson::anderson_darling;
pub use bootstrap::Bootstrap;
pub use histogram::{Bin, Bins, Histogram, Normal};
pub use interval::{FEWEST_VALUES, Interval, t_interval, wilson};
pub use kolmogorov::kolmogorov_smirnov_standard;
pub use kolmogorov_distribution::kolmogorov_survival;
pub use lilliefors::lilliefors;
pub use moments::{mean, median, quantile, range, std_dev};
pub use normality::{TestResult, normal_qq};
pub use paired::{MeanComparison, holm, paired_t};
pub use sample::Sample;
pub use shapiro::{SHAPIRO_MAX_N, shapiro_wilk};
pub use summary::SampleSummary;
