//! The rows of `bench.csv`.

use std::path::Path;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::record::row::{Row, decode};
use crate::record::table::CsvTable;
use crate::report::distinct::distinct;

/// The method that others are measured against.
pub const BASELINE: &str = "none";

/// One method in one setting. NaN (an empty field, null in JSON) is "not measured".
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BenchRow {
    /// Registry name of the method.
    pub norm: String,
    /// Network.
    pub model: String,
    /// What multiplies its channels; NaN for networks without such a number.
    pub width: f64,
    /// Images per step.
    pub batch_size: u64,
    /// Number format.
    pub precision: String,
    /// Threads that compute.
    pub threads: u64,
    /// Median time of a training step, in milliseconds.
    pub step_ms: f64,
    /// Ratio of medians to the method `none` in the same rounds.
    pub ratio_to_none: f64,
    /// Ratio of medians to the method `bn`.
    pub ratio_to_bn: f64,
    /// Images per second at the median.
    pub images_per_s: f64,
    /// Rounds, in each of which every method trained one step.
    pub rounds: u64,
    /// Shortest step.
    pub step_ms_min: f64,
    /// Lower quartile.
    pub step_ms_q1: f64,
    /// Upper quartile.
    pub step_ms_q3: f64,
    /// Lower end of the 95 % bootstrap interval of `ratio_to_none`, rounds resampled.
    pub ratio_to_none_low: f64,
    /// Upper end.
    pub ratio_to_none_high: f64,
    /// Lower end of that of `ratio_to_bn`.
    pub ratio_to_bn_low: f64,
    /// Upper end.
    pub ratio_to_bn_high: f64,
    /// Ratio of medians to the same method in f32 in the same rounds.
    pub ratio_to_f32: f64,
    /// Lower end of its interval.
    pub ratio_to_f32_low: f64,
    /// Upper end.
    pub ratio_to_f32_high: f64,
    /// Median time until the batch is there.
    pub data_ms: f64,
    /// Median time of network and loss.
    pub forward_ms: f64,
    /// Median time of the gradients.
    pub backward_ms: f64,
    /// Median time of the optimizer and what follows it.
    pub update_ms: f64,
    /// Floating-point operations of the network's linear operations in a step, in 10⁹.
    pub gflop_per_step: f64,
    /// The same a second, at the median step time.
    pub gflop_per_s: f64,
    /// Its part of the matrix-product peak measured in the same run, format and number of threads.
    pub peak_fraction: f64,
    /// Peak resident memory of a process that trains this method alone, in MB (10⁶ bytes).
    pub peak_rss_mb: f64,
    /// How far a step rises above what is resident between steps, in that process.
    pub step_rss_mb: f64,
    /// The most that tensors take on a GPU in that process, in MB.
    pub peak_device_mb: f64,
    /// How far a step rises there above what is kept between steps.
    pub step_device_mb: f64,
    /// Median time of an evaluation of a batch.
    pub eval_ms: f64,
    /// Ratio of medians to the evaluation of `none`.
    pub eval_ratio_to_none: f64,
    /// Lower end of its interval.
    pub eval_ratio_to_none_low: f64,
    /// Upper end.
    pub eval_ratio_to_none_high: f64,
    /// Trained numbers.
    pub parameters: u64,
    /// Dataset.
    pub dataset: String,
    /// Why the method has no times here; empty where it has.
    pub not_measured: String,
    /// What to know about the times; usually empty.
    pub note: String,
}

impl Row for BenchRow {
    const FILE_NAME: &'static str = "bench.csv";
}

impl BenchRow {
    /// A row of which only method and network are known.
    pub fn unmeasured(norm: &str, model: &str) -> Result<BenchRow> {
        let mut known = vec![("norm", norm), ("model", model)];
        known.extend(["batch_size", "threads", "rounds", "parameters"].map(|count| (count, "0")));
        let (header, line): (Vec<&str>, Vec<&str>) = known.into_iter().unzip();
        decode(&line.into(), &header.into())
    }

    /// Whether the row has times.
    pub fn is_measured(&self) -> bool {
        self.not_measured.is_empty()
    }

    /// The median step time in milliseconds and its quartiles.
    pub fn step(&self) -> (f64, f64, f64) {
        (self.step_ms, self.step_ms_q1, self.step_ms_q3)
    }

    /// Peak memory where the method is computed, on a GPU or in the process, and what a step adds to it.
    pub fn memory_mb(&self) -> (f64, f64) {
        match self.peak_device_mb.is_finite() {
            true => (self.peak_device_mb, self.step_device_mb),
            false => (self.peak_rss_mb, self.step_rss_mb),
        }
    }

    /// The ratio to `none` and its interval.
    pub fn to_none(&self) -> (f64, f64, f64) {
        let (low, high) = (self.ratio_to_none_low, self.ratio_to_none_high);
        (self.ratio_to_none, low, high)
    }

    /// What the row was measured with, in words: "batch size 64, width 0.25", and the format unless it is f32.
    pub fn setting(&self) -> String {
        match self.beside_batch_size() {
            rest if rest.is_empty() => format!("batch size {}", self.batch_size),
            rest => format!("batch size {}, {rest}", self.batch_size),
        }
    }

    /// The same without the batch size: "width 0.25, bf16".
    pub fn beside_batch_size(&self) -> String {
        let width = self
            .width
            .is_finite()
            .then(|| format!("width {}", self.width));
        let is_usual = matches!(self.precision.as_str(), "f32" | "");
        let precision = (!is_usual).then(|| self.precision.clone());
        let parts: Vec<String> = width.into_iter().chain(precision).collect();
        parts.join(", ")
    }
}

/// The rows of a folder; none where it has no `bench.csv`.
pub fn read(folder: &Path) -> Result<Vec<BenchRow>> {
    CsvTable::in_folder(folder).read_if_there()
}

/// The settings that occur, in the order of their first row.
pub fn settings(rows: &[BenchRow]) -> Vec<String> {
    distinct(rows.iter().map(BenchRow::setting))
}

/// The methods that occur, in the order of their first row.
pub fn norms(rows: &[BenchRow]) -> Vec<&str> {
    distinct(rows.iter().map(|row| row.norm.as_str()))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::record::row::header;
    use crate::report::comparison::results::write_rows;
    use proptest::prelude::*;

    /// Rows as other modules' tests need them: three methods at two batch sizes, one of them not measured.
    pub fn examples() -> Vec<BenchRow> {
        let row = |norm: &str, batch_size: u64, step_ms: f64, ratio: f64| BenchRow {
            width: 0.25,
            batch_size,
            precision: "f32".into(),
            threads: 2,
            step_ms,
            ratio_to_none: ratio,
            ratio_to_none_low: ratio - 0.02,
            ratio_to_none_high: ratio + 0.02,
            rounds: 40,
            ..BenchRow::unmeasured(norm, "nin").unwrap()
        };
        let refused = BenchRow {
            rounds: 0,
            not_measured: "bn has no statistics, \"none at all\"".into(),
            ..row("bn", 1, f64::NAN, f64::NAN)
        };
        vec![
            row("none", 1, 2.5, 1.0),
            refused,
            row("normprop", 1, 3.0, 1.2),
            row("none", 64, 20.0, 1.0),
            row("bn", 64, 30.0, 1.5),
            row("normprop", 64, 21.0, 1.05),
        ]
    }

    #[test]
    fn the_documented_columns_come_first() {
        let documented = "norm,model,width,batch_size,precision,threads,step_ms,ratio_to_none,ratio_to_bn,images_per_s,";
        assert!(header::<BenchRow>().starts_with(documented));
    }

    #[test]
    fn a_folder_without_the_file_has_no_rows() {
        assert_eq!(read(Path::new("nowhere")).unwrap(), []);
    }

    #[test]
    fn settings_and_methods_keep_their_order() {
        let rows = examples();
        assert_eq!(norms(&rows), ["none", "bn", "normprop"]);
        assert_eq!(
            settings(&rows),
            ["batch size 1, width 0.25", "batch size 64, width 0.25"]
        );
    }

    /// Equal, NaN taken as equal to itself.
    fn same(a: &BenchRow, b: &BenchRow) -> bool {
        format!("{a:?}") == format!("{b:?}")
    }

    proptest! {
        #[test]
        fn rows_read_back_as_they_were_written(
            numbers in prop::collection::vec(prop::num::f64::NORMAL | prop::num::f64::ZERO, 4),
            rounds in any::<u64>(),
            reason in "[ -~é]{0,40}",
        ) {
            let folder = tempfile::tempdir().unwrap();
            let mut rows = examples();
            rows[2].step_ms = numbers[0];
            rows[2].ratio_to_bn_low = numbers[1];
            rows[2].peak_rss_mb = numbers[2];
            rows[2].width = numbers[3];
            rows[2].rounds = rounds;
            rows[2].note = reason.clone();
            rows[1].not_measured = reason;
            write_rows(folder.path(), &rows).unwrap();
            let again = read(folder.path()).unwrap();
            prop_assert_eq!(again.len(), rows.len());
            for (a, b) in again.iter().zip(&rows) {
                prop_assert!(same(a, b), "{:?} {:?}", a, b);
            }
        }
    }
}
