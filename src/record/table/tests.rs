use super::super::files::RealDisk;
use super::*;
use crate::event::{EpochRow, LayerRow, Status, StepRow};
use proptest::prelude::*;

fn step_rows(count: u64) -> Vec<StepRow> {
    let row = |step: u64| StepRow {
        step,
        loss: 2.0 / step as f64,
        lr: 0.1,
    };
    (1..=count).map(row).collect()
}

/// A table in a folder of its own, holding the given text.
fn table_with<R: Row>(text: &[u8]) -> (tempfile::TempDir, CsvTable<R>) {
    let folder = tempfile::tempdir().unwrap();
    let table = CsvTable::in_folder(folder.path());
    std::fs::write(table.path(), text).unwrap();
    (folder, table)
}

fn steps_text(count: u64) -> String {
    header::<StepRow>() + &lines(&step_rows(count)).unwrap()
}

#[test]
fn a_table_that_went_through_a_windows_editor_is_read_and_goes_on_as_it_was() {
    let windows = format!("\u{feff}{}", steps_text(3).replace('\n', "\r\n"));
    let (_folder, table) = table_with::<StepRow>(windows.as_bytes());
    assert_eq!(table.read().unwrap(), step_rows(3));
    table.truncate(&RealDisk, 4).unwrap();
    let written = std::fs::read_to_string(table.path()).unwrap();
    assert_eq!(written, steps_text(3));
}

/// Equality of bits, with all NaN alike.
fn same(left: f64, right: f64) -> bool {
    left.to_bits() == right.to_bits() || left.is_nan() && right.is_nan()
}

fn any_number() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<u64>().prop_map(f64::from_bits),
        Just(f64::NAN),
        Just(f64::INFINITY),
        Just(f64::NEG_INFINITY),
        Just(-0.0),
        Just(5e-324),
        Just(1e16),
    ]
}

proptest! {
    #[test]
    fn layer_rows_round_trip(
        name in "[^\n\r]{0,12}",
        epoch in any::<u64>(),
        numbers in proptest::collection::vec(any_number(), 10),
    ) {
        let row = LayerRow {
            epoch, layer: 7, name,
            pre_mean: numbers[0], pre_std: numbers[1], pre_skew: numbers[2], pre_kurtosis: numbers[3],
            post_mean: numbers[4], post_std: numbers[5], row_norm_mean: numbers[6], gamma_mean: numbers[7],
            beta_mean: numbers[8], dead_fraction: numbers[9],
        };
        let (_folder, table) = table_with::<LayerRow>(header::<LayerRow>().as_bytes());
        table.append(&RealDisk, &[row.clone(), row.clone()]).unwrap();
        let back = table.read().unwrap();
        prop_assert_eq!(back.len(), 2);
        let back = &back[1];
        prop_assert_eq!((back.epoch, back.layer, &back.name), (epoch, 7, &row.name));
        let found = [
            back.pre_mean, back.pre_std, back.pre_skew, back.pre_kurtosis, back.post_mean, back.post_std,
            back.row_norm_mean, back.gamma_mean, back.beta_mean, back.dead_fraction,
        ];
        for (found, wanted) in found.into_iter().zip(numbers) {
            prop_assert!(same(found, wanted), "{found} is not {wanted}");
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused_without_a_panic(tail in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut text = steps_text(3).into_bytes();
        text.extend(&tail);
        let (_folder, table) = table_with::<StepRow>(&text);
        if let Ok(rows) = table.read() {
            prop_assert_eq!(&rows[..3], &step_rows(3)[..]);
        }
        if let Ok(kept) = table.scan(4) {
            prop_assert_eq!(&kept.rows[..3], &step_rows(3)[..]);
            prop_assert!(text.starts_with(&kept.bytes));
        }
    }
}

#[test]
fn every_status_round_trips() {
    for (status, word) in [
        (Status::Running, "running"),
        (Status::Finished, "finished"),
        (Status::Diverged, "diverged"),
        (Status::Interrupted, "interrupted"),
    ] {
        let line = format!("2,9,0.1,,,,,,,,,,{word},,\n");
        let (_folder, table) = table_with::<EpochRow>((header::<EpochRow>() + &line).as_bytes());
        let rows = table.read().unwrap();
        assert_eq!((rows[0].epoch, rows[0].status), (2, status));
        assert!(rows[0].rss_mb.is_nan());
        assert_eq!(lines(&rows).unwrap(), line);
    }
}

#[test]
fn a_file_cut_off_anywhere_keeps_exactly_its_whole_rows() {
    let text = steps_text(5);
    let header_bytes = header::<StepRow>().len();
    for length in 0..=text.len() {
        let torn = &text.as_bytes()[..length];
        let (_folder, table) = table_with::<StepRow>(torn);
        let rows = table.truncate(&RealDisk, 10).unwrap();
        let whole_lines = torn.iter().filter(|byte| **byte == b'\n').count();
        let expected = whole_lines.saturating_sub(1);
        assert_eq!(rows, step_rows(5)[..expected], "cut at {length}");
        let after = std::fs::read(table.path()).unwrap();
        assert!(text.as_bytes().starts_with(&after));
        assert!(after.len() >= header_bytes && after.ends_with(b"\n"));
        assert_eq!(table.read().unwrap(), rows);
    }
}

#[test]
fn rows_beyond_the_checkpoint_go_and_the_rest_keeps_its_bytes() {
    let (_folder, table) = table_with::<StepRow>(steps_text(8).as_bytes());
    assert_eq!(table.truncate(&RealDisk, 4).unwrap(), step_rows(3));
    assert_eq!(
        std::fs::read_to_string(table.path()).unwrap(),
        steps_text(3)
    );
    table.append(&RealDisk, &step_rows(5)[3..]).unwrap();
    assert_eq!(
        std::fs::read_to_string(table.path()).unwrap(),
        steps_text(5)
    );
    assert_eq!(table.truncate(&RealDisk, 1).unwrap(), []);
    assert_eq!(
        std::fs::read_to_string(table.path()).unwrap(),
        header::<StepRow>()
    );
}

#[test]
fn garbage_behind_a_torn_line_goes_with_it() {
    for garbage in [
        &b"4,0."[..],
        b"4,0.\n\0\0\0\0\n",
        b"\"\n5,\n",
        b"\xff\xfe\n4,1",
        b"4,1,2,3\n",
    ] {
        let (_folder, table) = table_with::<StepRow>(&[steps_text(3).as_bytes(), garbage].concat());
        assert_eq!(table.truncate(&RealDisk, 10).unwrap(), step_rows(3));
        assert_eq!(
            std::fs::read_to_string(table.path()).unwrap(),
            steps_text(3)
        );
    }
}

#[test]
fn damage_before_good_rows_is_an_error_that_names_the_line_and_changes_nothing() {
    let text = steps_text(5).replacen("2,1.0,0.1", "2,1.0,O.1", 1);
    let (_folder, table) = table_with::<StepRow>(text.as_bytes());
    let error = table.truncate(&RealDisk, 10).unwrap_err().to_string();
    assert!(
        error.contains("steps.csv, line 3 is damaged (column `lr`"),
        "{error}"
    );
    assert_eq!(std::fs::read_to_string(table.path()).unwrap(), text);
    // Beyond the checkpoint the rows are dropped in any case, so damage there is of no account.
    assert_eq!(table.truncate(&RealDisk, 2).unwrap(), step_rows(1));
}

#[test]
fn reading_names_file_line_and_column_and_leaves_out_a_line_being_written() {
    let (_folder, table) = table_with::<StepRow>((steps_text(2) + "3,x,0.1\n").as_bytes());
    let error = format!("{:#}", table.read().unwrap_err());
    assert!(
        error.contains("steps.csv, line 4: column `loss`: invalid float literal"),
        "{error}"
    );
    let (_folder, table) = table_with::<StepRow>((steps_text(2) + "3,1.0\n").as_bytes());
    let error = format!("{:#}", table.read().unwrap_err());
    assert!(
        error.contains("line 4: 2 fields, where the header has 3"),
        "{error}"
    );
    let (_folder, table) = table_with::<StepRow>((steps_text(2) + ",1.0,0.1\n").as_bytes());
    assert!(format!("{:#}", table.read().unwrap_err()).contains("column `step`"));
    let (_folder, table) = table_with::<StepRow>((steps_text(2) + "3,1.0,0.").as_bytes());
    assert_eq!(table.read().unwrap(), step_rows(2));
}

#[test]
fn unknown_columns_are_passed_over_but_not_written_to() {
    let text = "step,loss,added,lr\n1,2.0,x,0.1\n";
    let (_folder, table) = table_with::<StepRow>(text.as_bytes());
    assert_eq!(table.read().unwrap(), step_rows(1));
    let error = table.scan(9).unwrap_err().to_string();
    assert!(
        error.contains("columns that this version does not know"),
        "{error}"
    );
}

/// A row of a later version, with a number and a text more.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
struct LaterRow {
    step: u64,
    added: f64,
    note: String,
    loss: f64,
    times: Option<u64>,
    lr: f64,
}

impl Row for LaterRow {
    const FILE_NAME: &'static str = "steps.csv";

    fn key(&self) -> u64 {
        self.step
    }
}

#[test]
fn a_table_without_a_column_that_was_added_since_is_read_and_continued() {
    let (_folder, table) = table_with::<LaterRow>(steps_text(3).as_bytes());
    let rows = table.read().unwrap();
    assert_eq!((rows[1].step, rows[1].loss, rows[1].lr), (2, 1.0, 0.1));
    assert!(rows[1].added.is_nan() && rows[1].note.is_empty() && rows[1].times.is_none());
    let unchanged = std::fs::read_to_string(table.path()).unwrap();
    let kept = table.scan(3).unwrap();
    assert_eq!(unchanged, steps_text(3), "looking changes nothing");
    table.cut(&RealDisk, &kept).unwrap();
    let mut next = kept.rows[1].clone();
    (next.step, next.added, next.times) = (3, 0.5, Some(7));
    table.append(&RealDisk, &[next]).unwrap();
    assert_eq!(
        std::fs::read_to_string(table.path()).unwrap(),
        "step,added,note,loss,times,lr\n1,,,2.0,,0.1\n2,,,1.0,,0.1\n3,0.5,,1.0,7,0.1\n"
    );
    assert!(table.scan(4).unwrap().whole);
}

#[test]
fn columns_are_found_by_name_and_only_numbers_and_texts_may_be_missing() {
    let (_folder, table) = table_with::<StepRow>(b"loss,step\n2.0,1\n");
    let rows = table.read().unwrap();
    assert_eq!((rows[0].step, rows[0].loss), (1, 2.0));
    assert!(rows[0].lr.is_nan());
    for text in ["loss,lr\n", "rubbish"] {
        let (_folder, table) = table_with::<StepRow>(text.as_bytes());
        let error = format!("{:#}", table.read().unwrap_err());
        assert!(
            error.contains("steps.csv, line 1") && error.contains("column `step` is missing"),
            "{error}"
        );
        assert!(table.scan(1).is_err());
    }
}

#[test]
fn a_missing_file_becomes_one_with_a_header() {
    let folder = tempfile::tempdir().unwrap();
    let table: CsvTable<StepRow> = CsvTable::in_folder(folder.path());
    assert!(table.read().unwrap_err().to_string().contains("steps.csv"));
    assert_eq!(table.truncate(&RealDisk, 10).unwrap(), []);
    assert_eq!(
        std::fs::read_to_string(table.path()).unwrap(),
        "step,loss,lr\n"
    );
}

#[test]
fn a_line_break_in_a_name_is_refused() {
    let row = LayerRow {
        epoch: 0,
        layer: 1,
        name: "a\nb".to_owned(),
        pre_mean: 0.0,
        pre_std: 0.0,
        pre_skew: 0.0,
        pre_kurtosis: 0.0,
        post_mean: 0.0,
        post_std: 0.0,
        row_norm_mean: 0.0,
        gamma_mean: 0.0,
        beta_mean: 0.0,
        dead_fraction: 0.0,
    };
    let error = lines(&[row]).unwrap_err().to_string();
    assert!(error.contains("line break"), "{error}");
}
