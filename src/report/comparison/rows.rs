//! Rows of the tables that a comparison writes about groups of runs.
//!
//! A group is what differs by seed only: a method (by label), a batch size and a learning rate.

use serde::{Deserialize, Serialize};

use crate::record::row::Row;
use crate::run_key::GroupKey;

/// One row of `summary.csv`. Errors are fractions; NaN (an empty field, null in JSON) is "not known".
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SummaryRow {
    /// The group.
    pub group: GroupKey,
    /// Runs that finished, over which the figures below are taken.
    pub n: u64,
    /// Runs whose loss stopped being finite; they are in no mean.
    pub n_diverged: u64,
    /// Mean over runs of the test error after the last epoch.
    pub final_test_error_mean: f64,
    /// Lower end of its 95 % Student-t interval.
    pub final_test_error_ci_low: f64,
    /// Upper end.
    pub final_test_error_ci_high: f64,
    /// Mean over runs of the lowest test error of any epoch (chosen on the test set: optimistic).
    pub best_test_error_mean: f64,
    /// Median over runs of the first epoch at or below the target; NaN where half the runs never get there.
    pub epochs_to_target: f64,
    /// Median over epochs and runs of the seconds of training in an epoch.
    pub train_s_per_epoch_median: f64,
    /// Standard deviation over runs of the final test error.
    pub final_test_error_std: f64,
    /// Lower end of the 95 % bootstrap (BCa) interval of the final test error's mean.
    pub final_test_error_bootstrap_low: f64,
    /// Upper end.
    pub final_test_error_bootstrap_high: f64,
    /// The target of `epochs_to_target`.
    pub target_test_error: f64,
    /// Runs that reached it.
    pub n_reached_target: u64,
    /// Mean over runs of the last epoch's training error.
    pub final_train_error_mean: f64,
    /// Mean over runs of the expected calibration error on the test images after the last epoch.
    pub final_test_calibration_error_mean: f64,
    /// Mean over runs of the Brier score on the test images after the last epoch.
    pub final_test_brier_score_mean: f64,
    /// Median over runs of the steps done when the target was first measured; NaN as `epochs_to_target`.
    pub steps_to_target: f64,
    /// How many times fewer these are than those of another group.
    pub speedup: Speedup,
    /// How the group stands among those that it is compared with.
    pub ranked: RankedGroup,
}

impl Row for SummaryRow {
    const FILE_NAME: &'static str = "summary.csv";
    const ORDER: &'static str = "method,batch_size,lr,n,n_diverged,final_test_error_mean,final_test_error_ci_low,\
        final_test_error_ci_high,best_test_error_mean,epochs_to_target,train_s_per_epoch_median,label,\
        final_test_error_std,final_test_error_bootstrap_low,final_test_error_bootstrap_high,target_test_error,\
        n_reached_target,final_train_error_mean,final_test_calibration_error_mean,final_test_brier_score_mean,\
        steps_to_target,speedup_over,speedup_n_pairs,speedup,speedup_ci_low,speedup_ci_high,speedup_bound,\
        rank,rank_bootstrap_low,rank_bootstrap_high,first_share,mean_rank";
}

/// How many times fewer steps a group takes to the target than another, seed by seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Speedup {
    /// Label of the other group; empty where there is none.
    pub speedup_over: String,
    /// Seeds with which a run of both is over; none where there is no other group.
    pub speedup_n_pairs: Option<u64>,
    /// Geometric mean over these seeds of the other's steps divided by the own ones, or a bound of it.
    pub speedup: f64,
    /// Lower end of its 95 % interval: a paired Student-t interval of the logarithm.
    pub speedup_ci_low: f64,
    /// Upper end.
    pub speedup_ci_high: f64,
    /// On which side of `speedup` the mean lies where the target was not reached with some seed.
    pub speedup_bound: Option<BoundSide>,
}

/// Where a number lies that only a bound is known of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BoundSide {
    /// Above the bound.
    Above,
    /// Below the bound.
    Below,
}

impl Default for Speedup {
    /// Nothing is known.
    fn default() -> Speedup {
        Speedup {
            speedup_over: String::new(),
            speedup_n_pairs: None,
            speedup: f64::NAN,
            speedup_ci_low: f64::NAN,
            speedup_ci_high: f64::NAN,
            speedup_bound: None,
        }
    }
}

/// How a group stands among those of its batch size (and number) by final test error, and how stable that is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RankedGroup {
    /// Its rank, 1 for the lowest error; none for a learning rate that is not shown, or while no run is over.
    pub rank: Option<u64>,
    /// Lower end of the 95 % bootstrap (percentile) interval of the rank.
    pub rank_bootstrap_low: Option<u64>,
    /// Upper end.
    pub rank_bootstrap_high: Option<u64>,
    /// Share of the resamples in which it is first; a first place of several counts as a part for each.
    pub first_share: f64,
    /// Mean of the ranks that its method has in all columns: the order of all lists.
    pub mean_rank: f64,
}

impl Default for RankedGroup {
    /// Nothing is known.
    fn default() -> RankedGroup {
        RankedGroup {
            rank: None,
            rank_bootstrap_low: None,
            rank_bootstrap_high: None,
            first_share: f64::NAN,
            mean_rank: f64::NAN,
        }
    }
}

/// Two groups, seed by seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PairedDifference {
    /// Seeds with which both have a value.
    pub n_pairs: u64,
    /// Mean of the differences over these seeds.
    pub difference_mean: f64,
    /// Lower end of its 95 % paired Student-t interval.
    pub difference_ci_low: f64,
    /// Upper end.
    pub difference_ci_high: f64,
    /// Two-sided p-value, not corrected for the number of rows.
    pub p: f64,
}

/// One row of `paired.csv`: a group against the first method, seed by seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PairedRow {
    /// The group.
    pub group: GroupKey,
    /// Registry name of the first method of the experiment.
    pub baseline: String,
    /// Learning rate of the first method.
    pub baseline_lr: f64,
    /// The method's final test error less the first method's.
    pub paired: PairedDifference,
    /// The t statistic.
    pub t: f64,
    /// The p-value after Holm's correction for all rows of the table.
    pub p_holm: f64,
    /// The first method's label.
    pub baseline_label: String,
}

impl Row for PairedRow {
    const FILE_NAME: &'static str = "paired.csv";
    const ORDER: &'static str = "method,baseline,batch_size,lr,baseline_lr,n_pairs,difference_mean,difference_ci_low,\
        difference_ci_high,t,p,p_holm,label,baseline_label";
}

/// One row of `differences.csv`: a quantity of a method less that of another one of the same batch size, after an epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DifferenceRow {
    /// The method's group.
    pub group: GroupKey,
    /// Registry name of the other method.
    pub other: String,
    /// Its learning rate.
    pub other_lr: f64,
    /// The column of `curves.csv` that is compared.
    pub quantity: String,
    /// The epoch after which it is compared.
    pub epoch: u64,
    /// Runs of the method that have a value.
    pub n: u64,
    /// Runs of the method that diverged before.
    pub n_diverged: u64,
    /// Runs of the other method that have a value.
    pub other_n: u64,
    /// Runs of the other method that diverged before.
    pub other_n_diverged: u64,
    /// The method's value less the other's.
    pub paired: PairedDifference,
    /// The other method's label.
    pub other_label: String,
}

impl Row for DifferenceRow {
    const FILE_NAME: &'static str = "differences.csv";
    const ORDER: &'static str = "method,other,batch_size,lr,other_lr,quantity,epoch,n,n_diverged,other_n,\
        other_n_diverged,n_pairs,difference_mean,difference_ci_low,difference_ci_high,p,label,other_label";
}

/// One row of `sweep.csv`: a setting that was tried for a method and batch size, on held-out training images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SweepRow {
    /// The group.
    pub group: GroupKey,
    /// Other keys tried, as `key=value` separated by blanks.
    pub settings: String,
    /// Runs that got to the epoch of the judgment.
    pub n: u64,
    /// Runs whose loss stopped being finite before.
    pub n_diverged: u64,
    /// Mean over runs of the error on the held-out images at the judgment: after the last epoch, or after the one
    /// at which halving left the setting behind.
    pub validation_error_mean: f64,
    /// Standard deviation over runs.
    pub validation_error_std: f64,
    /// Whether the runs of the experiment were made with it.
    pub chosen: bool,
    /// Whether it is chosen and has the smallest or largest learning rate that was tried: then the best may lie outside.
    pub at_edge: bool,
    /// How often it was judged: 1 without halving, more for a setting that went on.
    pub rung: Option<u64>,
    /// Epochs before the last judgment.
    pub epochs: Option<u64>,
}

impl Row for SweepRow {
    const FILE_NAME: &'static str = "sweep.csv";
    const ORDER: &'static str = "method,batch_size,lr,settings,n,n_diverged,validation_error_mean,\
        validation_error_std,chosen,at_edge,label,rung,epochs";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::row::header;
    use crate::record::table::CsvTable;

    #[test]
    fn the_documented_columns_come_first() {
        let documented = "method,batch_size,lr,n,n_diverged,final_test_error_mean,final_test_error_ci_low,\
                          final_test_error_ci_high,best_test_error_mean,epochs_to_target,train_s_per_epoch_median";
        assert!(header::<SummaryRow>().starts_with(documented));
    }

    #[test]
    fn a_sweep_recorded_before_there_was_halving_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sweep.csv");
        let old = "method,batch_size,lr,settings,n,n_diverged,validation_error_mean,validation_error_std,chosen,at_edge,label";
        std::fs::write(
            &path,
            format!("{old}\nbn,50,0.1,,2,0,0.25,,true,false,bn\n"),
        )
        .unwrap();
        let rows = CsvTable::<SweepRow>::at(&path).read().unwrap();
        assert_eq!((rows[0].rung, rows[0].epochs), (None, None));
        let group = &rows[0].group;
        assert!(rows[0].chosen && group.label == "bn" && group.lr == 0.1);
        assert_eq!(header::<SweepRow>(), format!("{old},rung,epochs\n"));
        std::fs::write(&path, "method,batch_size,lr\nbn,50,0.1\n").unwrap();
        let error = CsvTable::<SweepRow>::at(&path).read().unwrap_err();
        let error = format!("{error:#}");
        assert!(error.contains("column `n` is missing"), "{error}");
    }

    #[test]
    fn an_order_names_every_column_once() {
        fn check<R: Row>() {
            assert_eq!(header::<R>().trim_end(), R::ORDER);
        }
        check::<SummaryRow>();
        check::<PairedRow>();
        check::<DifferenceRow>();
        check::<SweepRow>();
    }
}
