//! The tables of step times.

use super::rows::{BASELINE, BenchRow, norms, settings};
use crate::text::numbers::{interval, percent, significant};
use crate::text::{Table, TableOf};

/// Times, ratios, speed and memory: a row a method and setting.
pub fn steps(rows: &[BenchRow]) -> Table {
    with_setting(&measured(rows))
        .right("threads", |row| row.threads.to_string())
        .right("step, ms (quartiles)", |row| {
            interval(row.step_ms, row.step_ms_q1, row.step_ms_q3, 3)
        })
        .right("min", |row| significant(row.step_ms_min, 3))
        .right("/ none (95 %)", |row| ratio_text(row.to_none()))
        .right("/ bn (95 %)", |row| {
            ratio_text((row.ratio_to_bn, row.ratio_to_bn_low, row.ratio_to_bn_high))
        })
        .right("images/s", |row| significant(row.images_per_s, 3))
        .right("GFLOP/s", |row| significant(row.gflop_per_s, 3))
        .right("of peak", |row| percent(row.peak_fraction, 0))
        .right("peak MB", |row| significant(row.memory_mb().0, 3))
        .right("step MB", |row| significant(row.memory_mb().1, 3))
        .build()
}

/// Where a step's time goes.
pub fn phases(rows: &[BenchRow]) -> Table {
    with_setting(&measured(rows))
        .right("data, ms", |row| significant(row.data_ms, 3))
        .right("forward, ms", |row| significant(row.forward_ms, 3))
        .right("backward, ms", |row| significant(row.backward_ms, 3))
        .right("update, ms", |row| significant(row.update_ms, 3))
        .right("data's share", |row| percent(row.data_ms / row.step_ms, 1))
        .build()
}

/// Evaluation times; without rows where none were measured.
pub fn evaluations(rows: &[BenchRow]) -> Table {
    let mut rows = measured(rows);
    rows.retain(|row| row.eval_ms.is_finite());
    with_setting(&rows)
        .right("evaluation, ms", |row| significant(row.eval_ms, 3))
        .right("/ none (95 %)", |row| {
            let (low, high) = (row.eval_ratio_to_none_low, row.eval_ratio_to_none_high);
            ratio_text((row.eval_ratio_to_none, low, high))
        })
        .right("images/s", |row| {
            significant(1e3 * row.batch_size as f64 / row.eval_ms, 3)
        })
        .build()
}

/// Number formats against f32; without rows where only one was measured.
pub fn formats(rows: &[BenchRow]) -> Table {
    let mut rows = measured(rows);
    rows.retain(|row| row.precision != "f32" && row.ratio_to_f32.is_finite());
    with_setting(&rows)
        .right("step, ms", |row| significant(row.step_ms, 3))
        .right("/ f32 (95 %)", |row| {
            let (low, high) = (row.ratio_to_f32_low, row.ratio_to_f32_high);
            ratio_text((row.ratio_to_f32, low, high))
        })
        .build()
}

/// Ratios to `none` (times of `none` itself): a row a method, a column a setting. What a comparison's page shows.
pub fn relative(rows: &[BenchRow]) -> Table {
    let norms = norms(rows);
    let mut table = Table::of(&norms).left("method", |norm| (*norm).to_owned());
    for setting in settings(rows) {
        table = table.right(&setting, |norm| {
            let mut rows = rows.iter();
            let row = rows.find(|row| row.norm == *norm && row.setting() == setting);
            row.map_or("–".to_owned(), relative_text)
        });
    }
    table.build()
}

/// A row's ratio to `none`, or its time where it has none.
pub fn relative_text(row: &BenchRow) -> String {
    let time = format!("{} ms", significant(row.step_ms, 3));
    match (row.is_measured(), row.ratio_to_none.is_finite()) {
        (false, _) => "not measured".to_owned(),
        (true, false) => time,
        (true, true) if row.norm == BASELINE => format!("1 ({time})"),
        (true, true) => ratio_text(row.to_none()),
    }
}

/// A sentence for each reason and note, with the methods and settings that it is about.
pub fn remarks(rows: &[BenchRow]) -> Vec<String> {
    let mut remarks: Vec<String> = Vec::new();
    for row in rows {
        let about = format!("{} at {}", row.norm, row.setting());
        if !row.is_measured() {
            remarks.push(format!("{about} was not measured: {}", row.not_measured));
        }
        if !row.note.is_empty() {
            remarks.push(format!("{about}: {}", row.note));
        }
    }
    remarks
}

/// A ratio with its interval, to two decimals, or three where the interval is that narrow.
fn ratio_text((ratio, low, high): (f64, f64, f64)) -> String {
    if !(ratio.is_finite() && low.is_finite() && high.is_finite()) {
        return significant(ratio, 3);
    }
    let decimals = if high - low < 0.02 { 3 } else { 2 };
    format!("{ratio:.decimals$} [{low:.decimals$}, {high:.decimals$}]")
}

fn measured(rows: &[BenchRow]) -> Vec<&BenchRow> {
    rows.iter().filter(|row| row.is_measured()).collect()
}

/// The columns that say what was measured.
fn with_setting<'r, 'b>(rows: &'r [&'b BenchRow]) -> TableOf<'r, &'b BenchRow> {
    Table::of(rows)
        .left("method", |row| row.norm.clone())
        .right("width", |row| match row.width {
            unknown if unknown.is_nan() => "–".to_owned(),
            width => width.to_string(),
        })
        .right("batch size", |row| row.batch_size.to_string())
        .left("format", |row| row.precision.clone())
}

#[cfg(test)]
mod tests {
    use super::super::rows::tests::examples;
    use super::*;

    #[test]
    fn ratios_stand_by_method_and_setting() {
        let table = relative(&examples());
        assert_eq!(table.rows[0], ["none", "1 (2.50 ms)", "1 (20.0 ms)"]);
        assert_eq!(table.rows[1], ["bn", "not measured", "1.50 [1.48, 1.52]"]);
        assert_eq!(ratio_text((1.0321, 1.03, 1.0349)), "1.032 [1.030, 1.035]");
        assert_eq!(ratio_text((1.5, f64::NAN, f64::NAN)), "1.50");
        assert_eq!(
            table.rows[2],
            ["normprop", "1.20 [1.18, 1.22]", "1.05 [1.03, 1.07]"]
        );
    }

    #[test]
    fn only_what_was_measured_has_rows_and_the_rest_has_reasons() {
        let rows = examples();
        assert_eq!(steps(&rows).rows.len(), 5);
        assert_eq!(phases(&rows).rows.len(), 5);
        assert!(evaluations(&rows).rows.is_empty());
        assert!(formats(&rows).rows.is_empty());
        assert_eq!(
            remarks(&rows),
            [
                "bn at batch size 1, width 0.25 was not measured: bn has no statistics, \"none at all\""
            ]
        );
    }
}
