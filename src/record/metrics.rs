//! The tables of a run: `metrics.csv`, `layers.csv`, and where asked for `steps.csv` and `percentiles.csv`.

use super::row::Row;
use super::table::CsvTable;
use crate::event::{EpochRow, LayerRow, PercentileRow, StepRow};
use anyhow::Result;
use std::path::Path;

impl Row for EpochRow {
    const FILE_NAME: &'static str = "metrics.csv";

    fn key(&self) -> u64 {
        self.epoch
    }
}

impl Row for LayerRow {
    const FILE_NAME: &'static str = "layers.csv";

    fn key(&self) -> u64 {
        self.epoch
    }
}

impl Row for StepRow {
    const FILE_NAME: &'static str = "steps.csv";

    fn key(&self) -> u64 {
        self.step
    }
}

impl Row for PercentileRow {
    const FILE_NAME: &'static str = "percentiles.csv";

    fn key(&self) -> u64 {
        self.step
    }
}

/// The tables that a run directory may have; the first it always has.
pub const TABLES: [&str; 4] = [
    EpochRow::FILE_NAME,
    LayerRow::FILE_NAME,
    StepRow::FILE_NAME,
    PercentileRow::FILE_NAME,
];

/// The rows of a run directory's `metrics.csv`.
pub fn read_metrics(run_dir: &Path) -> Result<Vec<EpochRow>> {
    CsvTable::in_folder(run_dir).read()
}

/// The rows of a run directory's `layers.csv`; none when there is no such file.
pub fn read_layers(run_dir: &Path) -> Result<Vec<LayerRow>> {
    CsvTable::in_folder(run_dir).read_if_there()
}

#[cfg(test)]
mod tests {
    use super::super::row::{header, lines};
    use super::*;
    use crate::event::Status;

    #[test]
    fn headers_are_the_documented_ones() {
        assert_eq!(
            header::<EpochRow>(),
            "epoch,step,lr,train_loss,train_error,test_loss,test_error,grad_norm,train_s,eval_s,images_per_s,rss_mb,status,test_calibration_error,test_brier_score\n"
        );
        assert_eq!(
            header::<LayerRow>(),
            "epoch,layer,name,pre_mean,pre_std,pre_skew,pre_kurtosis,post_mean,post_std,row_norm_mean,gamma_mean,beta_mean,dead_fraction\n"
        );
        assert_eq!(header::<StepRow>(), "step,loss,lr\n");
    }

    #[test]
    fn an_epoch_before_training_has_empty_fields_where_nothing_was_measured() {
        let row = EpochRow {
            epoch: 0,
            step: 0,
            lr: 0.1,
            train_loss: f64::NAN,
            train_error: f64::NAN,
            test_loss: 1.2345678901234567,
            test_error: 0.9,
            grad_norm: f64::NAN,
            train_s: 0.0,
            eval_s: 1e-7,
            images_per_s: f64::INFINITY,
            rss_mb: 412.5,
            status: Status::Running,
            test_calibration_error: f64::NAN,
            test_brier_score: 0.75,
        };
        let text = lines(std::slice::from_ref(&row)).unwrap();
        assert_eq!(
            text,
            "0,0,0.1,,,1.2345678901234567,0.9,,0.0,1e-7,inf,412.5,running,,0.75\n"
        );
    }

    #[test]
    fn a_layer_called_nan_keeps_its_name() {
        let row = LayerRow {
            epoch: 1,
            layer: 1,
            name: "NaN".to_owned(),
            pre_mean: f64::NAN,
            pre_std: 1.0,
            pre_skew: -0.25,
            pre_kurtosis: 3e300,
            post_mean: f64::NEG_INFINITY,
            post_std: 5e-324,
            row_norm_mean: 1.0,
            gamma_mean: f64::NAN,
            beta_mean: f64::NAN,
            dead_fraction: 0.0,
        };
        let text = lines(&[row]).unwrap();
        assert_eq!(text, "1,1,NaN,,1.0,-0.25,3e300,-inf,5e-324,1.0,,,0.0\n");
    }
}
