//! The tables of step times.

use super::rows::{BASELINE, BenchRow, norms, settings};
use crate::text::numbers::{interval, percent, significant};
use crate::text::{Align, Table};

/// Times, ratios, speed and memory: a row a method and setting.
pub fn steps(rows: &[BenchRow]) -> Table {
    let mut table = with_setting(&[
        "threads",
        "step, ms (quartiles)",
        "min",
        "/ none (95 %)",
        "/ bn (95 %)",
        "images/s",
        "GFLOP/s",
        "of peak",
        "peak MB",
        "step MB",
    ]);
    for row in measured(rows) {
        table.push(with_setting_cells(
            row,
            [
                row.threads.to_string(),
                interval(row.step_ms, row.step_ms_q1, row.step_ms_q3, 3),
                significant(row.step_ms_min, 3),
                ratio_text(
                    row.ratio_to_none,
                    row.ratio_to_none_low,
                    row.ratio_to_none_high,
                ),
                ratio_text(row.ratio_to_bn, row.ratio_to_bn_low, row.ratio_to_bn_high),
                significant(row.images_per_s, 3),
                significant(row.gflop_per_s, 3),
                percent(row.peak_fraction, 0),
                significant(row.peak_rss_mb, 3),
                significant(row.step_rss_mb, 3),
            ],
        ));
    }
    table
}

/// Where a step's time goes.
pub fn phases(rows: &[BenchRow]) -> Table {
    let mut table = with_setting(&[
        "data, ms",
        "forward, ms",
        "backward, ms",
        "update, ms",
        "data's share",
    ]);
    for row in measured(rows) {
        let ms = |value: f64| significant(value, 3);
        table.push(with_setting_cells(
            row,
            [
                ms(row.data_ms),
                ms(row.forward_ms),
                ms(row.backward_ms),
                ms(row.update_ms),
                percent(row.data_ms / row.step_ms, 1),
            ],
        ));
    }
    table
}

/// Evaluation times; without rows where none were measured.
pub fn evaluations(rows: &[BenchRow]) -> Table {
    let mut table = with_setting(&["evaluation, ms", "/ none (95 %)", "images/s"]);
    for row in measured(rows).filter(|row| row.eval_ms.is_finite()) {
        table.push(with_setting_cells(
            row,
            [
                significant(row.eval_ms, 3),
                ratio_text(
                    row.eval_ratio_to_none,
                    row.eval_ratio_to_none_low,
                    row.eval_ratio_to_none_high,
                ),
                significant(1e3 * row.batch_size as f64 / row.eval_ms, 3),
            ],
        ));
    }
    table
}

/// Number formats against f32; without rows where only one was measured.
pub fn formats(rows: &[BenchRow]) -> Table {
    let mut table = with_setting(&["step, ms", "/ f32 (95 %)"]);
    for row in measured(rows).filter(|row| row.precision != "f32" && row.ratio_to_f32.is_finite()) {
        table.push(with_setting_cells(
            row,
            [
                significant(row.step_ms, 3),
                ratio_text(
                    row.ratio_to_f32,
                    row.ratio_to_f32_low,
                    row.ratio_to_f32_high,
                ),
            ],
        ));
    }
    table
}

/// Ratios to `none` (times of `none` itself): a row a method, a column a setting. What a comparison's page shows.
pub fn relative(rows: &[BenchRow]) -> Table {
    let settings = settings(rows);
    let columns = settings
        .iter()
        .map(|setting| (setting.as_str(), Align::Right));
    let mut table = Table::new([("method", Align::Left)].into_iter().chain(columns));
    for norm in norms(rows) {
        let cell = |setting: &String| {
            let row = rows
                .iter()
                .find(|row| row.norm == norm && row.setting() == *setting);
            row.map_or("–".to_owned(), relative_text)
        };
        table.push([norm.clone()].into_iter().chain(settings.iter().map(cell)));
    }
    table
}

/// A row's ratio to `none`, or its time where it has none.
pub fn relative_text(row: &BenchRow) -> String {
    let time = format!("{} ms", significant(row.step_ms, 3));
    match (row.is_measured(), row.ratio_to_none.is_finite()) {
        (false, _) => "not measured".to_owned(),
        (true, false) => time,
        (true, true) if row.norm == BASELINE => format!("1 ({time})"),
        (true, true) => ratio_text(
            row.ratio_to_none,
            row.ratio_to_none_low,
            row.ratio_to_none_high,
        ),
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
fn ratio_text(ratio: f64, low: f64, high: f64) -> String {
    if !(ratio.is_finite() && low.is_finite() && high.is_finite()) {
        return significant(ratio, 3);
    }
    let decimals = if high - low < 0.02 { 3 } else { 2 };
    format!("{ratio:.decimals$} [{low:.decimals$}, {high:.decimals$}]")
}

fn measured(rows: &[BenchRow]) -> impl Iterator<Item = &BenchRow> {
    rows.iter().filter(|row| row.is_measured())
}

fn with_setting(columns: &[&'static str]) -> Table {
    let own = [
        ("method", Align::Left),
        ("width", Align::Right),
        ("batch size", Align::Right),
        ("format", Align::Left),
    ];
    Table::new(
        own.into_iter()
            .chain(columns.iter().map(|name| (*name, Align::Right))),
    )
}

fn with_setting_cells<const N: usize>(row: &BenchRow, cells: [String; N]) -> Vec<String> {
    let width = if row.width.is_nan() {
        "–".to_owned()
    } else {
        row.width.to_string()
    };
    let own = [
        row.norm.clone(),
        width,
        row.batch_size.to_string(),
        row.precision.clone(),
    ];
    own.into_iter().chain(cells).collect()
}

#[cfg(test)]
mod tests {
    use super::super::rows::examples;
    use super::*;

    #[test]
    fn ratios_stand_by_method_and_setting() {
        let table = relative(&examples());
        assert_eq!(table.rows[0], ["none", "1 (2.50 ms)", "1 (20.0 ms)"]);
        assert_eq!(table.rows[1], ["bn", "not measured", "1.50 [1.48, 1.52]"]);
        assert_eq!(ratio_text(1.0321, 1.03, 1.0349), "1.032 [1.030, 1.035]");
        assert_eq!(ratio_text(1.5, f64::NAN, f64::NAN), "1.50");
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
