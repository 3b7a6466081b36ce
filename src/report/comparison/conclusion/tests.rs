use super::*;
use crate::event::{EpochRow, Status};
use crate::report::comparison::RunRows;
use crate::report::comparison::differences::tests::run;
use crate::report::comparison::results::Runs;

/// A method's final test errors at a batch size, by seed; NaN for a run that diverged.
pub type Made = (&'static str, u64, &'static [f64]);

pub fn results(made: &[Made]) -> Results {
    let runs = |(label, size, errors): &Made| -> Vec<RunRows<EpochRow>> {
        let one = |(seed, error): (usize, &f64)| {
            let status = if error.is_nan() {
                Status::Diverged
            } else {
                Status::Finished
            };
            let mut run = run(label, seed as u64, &[0.9, *error], status);
            run.key.group.batch_size = *size;
            run
        };
        errors.iter().enumerate().map(one).collect()
    };
    let curves = made.iter().flat_map(runs).collect();
    let runs = Runs {
        curves,
        ..Runs::default()
    };
    Results::of("made".to_owned(), None, runs, Vec::new())
}

fn said(made: &[Made]) -> Vec<String> {
    conclusions(&results(made))
}

pub const LOW: &[f64] = &[0.10, 0.12, 0.14];
pub const HIGH: &[f64] = &[0.30, 0.31, 0.32];

#[test]
fn the_lowest_error_is_named_at_each_batch_size_with_the_paired_difference_from_the_next() {
    // Differences −0.20, −0.19, −0.18: mean −0.19, half-width 4.30265·0.01/√3 = 0.0248.
    let sentences = said(&[
        ("bn", 1, HIGH),
        ("ours", 1, LOW),
        ("bn", 50, LOW),
        ("ours", 50, HIGH),
    ]);
    let lowest = |size, name, other| {
        format!(
            "At batch size {size}, {name} has the lowest test error, 12.0 % [7.0, 17.0]: the difference from {other} is −19.0 [−21.5, −16.5] points."
        )
    };
    assert_eq!(
        sentences,
        [lowest(1, "ours", "bn"), lowest(50, "bn", "ours")]
    );
    let three = said(&[("a", 1, LOW), ("b", 1, &[0.40, 0.41, 0.42]), ("c", 1, HIGH)]);
    assert!(
        three[0].contains("the difference from c, the next, is −19.0"),
        "{three:?}"
    );
}

#[test]
fn methods_whose_difference_holds_0_are_not_told_apart() {
    let close: &[f64] = &[0.12, 0.11, 0.17];
    // Differences −0.02, 0.01, −0.03: mean −0.0133, half-width 4.30265·0.02082/√3 = 0.0517.
    let sentences = said(&[("bn", 1, close), ("ours", 1, LOW), ("none", 1, HIGH)]);
    assert_eq!(
        sentences,
        [
            "At batch size 1, ours has the lowest mean test error, 12.0 % [7.0, 17.0], but cannot be told apart from bn (−1.3 [−6.5, +3.8] points); the error of none is higher."
        ]
    );
}

#[test]
fn equal_errors_are_a_tie() {
    let sentences = said(&[("a", 1, LOW), ("b", 1, LOW)]);
    assert_eq!(sentences.len(), 1);
    assert!(
        sentences[0].contains("a has the lowest mean test error")
            && sentences[0].contains("cannot be told apart from b (0.00 [0.00, 0.00] points)"),
        "{sentences:?}"
    );
}

#[test]
fn of_many_ties_some_are_named_and_the_rest_counted() {
    let made = ["a", "b", "c", "d", "e", "f", "g", "h", "i"].map(|label| (label, 1, LOW));
    let sentences = said(&made);
    assert!(
        sentences[0].contains("g (0.00 [0.00, 0.00] points) and 2 others."),
        "{sentences:?}"
    );
}

#[test]
fn what_errs_on_more_than_half_fails_where_another_method_does_not() {
    const LOST: &[f64] = &[0.70, 0.72, 0.74];
    let sentences = said(&[("bn", 1, LOST), ("ours", 1, LOW)]);
    assert!(
        sentences[0].contains("ours has the lowest test error")
            && sentences[0].contains("from bn is −60.0"),
        "{sentences:?}"
    );
    assert_eq!(
        sentences[1],
        "At batch size 1, bn fails: it errs on 72.0 % of the test images."
    );
    // At another batch size is enough.
    let sentences = said(&[("bn", 1, LOST), ("bn", 50, LOW)]);
    assert_eq!(
        sentences[0],
        "At batch size 1, bn fails: it errs on 72.0 % of the test images."
    );
    // A hard task is no failure.
    let hard = said(&[("bn", 1, LOST), ("ours", 1, &[0.60, 0.62, 0.64])]);
    assert!(
        hard.len() == 1 && hard[0].contains("ours has the lowest test error"),
        "{hard:?}"
    );
}

#[test]
fn what_fails_is_no_rival_that_cannot_be_told_apart() {
    const WIDE: &[f64] = &[0.11, 0.92, 0.93];
    let sentences = said(&[("a", 1, LOW), ("b", 1, HIGH), ("bad", 1, WIDE)]);
    assert!(
        sentences[0].starts_with("At batch size 1, a has the lowest test error")
            && !sentences[0].contains("bad"),
        "{sentences:?}"
    );
    let alone = said(&[("a", 1, LOW), ("bad", 1, WIDE)]);
    assert!(
        alone[0].contains("a is the only method that does not fail"),
        "{alone:?}"
    );
    let failing = ["c", "d", "e", "f", "g", "h", "i", "j"].map(|label| (label, 1, WIDE));
    let many = said(&[&[("a", 1, LOW)][..], &failing].concat());
    assert_eq!(
        many[1],
        "At batch size 1, 8 methods fail: c (test error 65 %), d (test error 65 %), e (test error 65 %), f (test error 65 %), g (test error 65 %), h (test error 65 %) and 2 others."
    );
}

#[test]
fn one_method_alone_is_not_the_lowest_while_others_have_runs_to_come() {
    let sentences = said(&[("bn", 1, HIGH), ("ours", 1, &[0.10])]);
    assert!(
        sentences.len() == 1 && sentences[0].starts_with("Nothing is concluded about ours"),
        "{sentences:?}"
    );
}

#[test]
fn what_diverged_fails_whatever_its_other_runs_reached() {
    let sentences = said(&[
        ("a", 1, &[0.01, 0.02, 0.03, f64::NAN]),
        ("b", 1, LOW),
        ("c", 1, &[f64::NAN; 3]),
    ]);
    assert_eq!(
        sentences,
        [
            "At batch size 1, b is the only method that does not fail: its test error is 12.0 % [7.0, 17.0].",
            "At batch size 1, 2 methods fail: a (1 of 4 runs diverged) and c (3 of 3 runs diverged)."
        ]
    );
}

#[test]
fn nothing_is_concluded_from_one_or_two_seeds() {
    let one = said(&[("a", 1, &[0.1]), ("b", 1, &[0.9])]);
    assert_eq!(
        one,
        ["Nothing is concluded from fewer than 3 seeds; here at most one run of a method is over."]
    );
    let two = said(&[("a", 1, &[0.1, 0.1]), ("b", 1, &[0.9, f64::NAN])]);
    assert_eq!(
        two,
        ["Nothing is concluded from fewer than 3 seeds; here at most 2 runs of a method are over."]
    );
    assert_eq!(said(&[]), [""; 0]);
}

#[test]
fn methods_with_missing_runs_are_left_out_and_named() {
    let sentences = said(&[("a", 1, &[0.05, 0.06]), ("b", 1, LOW), ("c", 1, HIGH)]);
    assert!(
        sentences[0].contains("b has the lowest test error"),
        "{sentences:?}"
    );
    assert_eq!(
        sentences[1],
        "Nothing is concluded about a at batch size 1: fewer than 3 runs are over."
    );
    let alone = said(&[("b", 1, LOW)]);
    assert_eq!(
        alone,
        ["At batch size 1, b has a test error of 12.0 % [7.0, 17.0]."]
    );
}

#[test]
fn too_few_common_seeds_are_no_difference() {
    let mut results = results(&[("a", 1, LOW), ("b", 1, HIGH)]);
    for run in &mut results.runs.curves {
        if run.key.group.label == "b" {
            run.key.seed += 2;
        }
    }
    let results = Results::of("made".to_owned(), None, results.runs, Vec::new());
    let sentences = conclusions(&results);
    assert!(
        sentences[0].ends_with("cannot be told apart from b (too few common seeds)."),
        "{sentences:?}"
    );
}

#[test]
fn methods_at_several_depths_are_compared_at_each_of_them() {
    let sentences = said(&[
        ("a, depth 8", 1, LOW),
        ("b, depth 8", 1, HIGH),
        ("a, depth 56", 1, &[f64::NAN; 3]),
        ("b, depth 56", 1, HIGH),
        ("a, depth 20", 1, LOW),
        ("b, depth 20", 1, &[0.1]),
    ]);
    assert_eq!(
        sentences,
        [
            "At depth 8, a has the lowest test error, 12.0 % [7.0, 17.0]: the difference from b is −19.0 [−21.5, −16.5] points.",
            "At depth 56, b is the only method that does not fail: its test error is 31.0 % [28.5, 33.5].",
            "At depth 56, a fails: 3 of 3 runs diverged.",
            "Nothing is concluded about b at depth 20: fewer than 3 runs are over."
        ]
    );
    let named = said(&[("a, b", 1, LOW)]);
    assert!(
        named[0].starts_with("At batch size 1, \"a, b\" has"),
        "{named:?}"
    );
    let two = said(&[
        ("a, 4 layers", 1, LOW),
        ("b, 8 layers", 2, LOW),
        ("b, 9 layers", 2, LOW),
    ]);
    assert_eq!(
        two[1],
        "At batch size 2 and 8 layers, b has a test error of 12.0 % [7.0, 17.0]."
    );
}
