use super::super::conclusion::tests::results;
use super::super::differences::tests::run;
use super::super::results::Runs;
use super::super::rows::SummaryRow;
use super::super::{Manifest, Results, tables};
use super::*;

const DONE: Status = Status::Finished;

/// Runs with these test errors after each epoch of ten steps, and a target of 0.3.
pub fn made(runs: Vec<RunRows<EpochRow>>) -> Results {
    let mut curves = runs;
    for row in curves.iter_mut().flat_map(|run| &mut run.rows) {
        row.step = 10 * row.epoch;
    }
    let manifest = Manifest {
        target_test_error: Some(0.3),
        ..manifest()
    };
    let runs = Runs {
        curves,
        ..Runs::default()
    };
    Results::of("made".to_owned(), Some(manifest), runs, Vec::new())
}

fn manifest() -> Manifest {
    let empty = serde_json::json!({
        "schema_version": 1, "normprop": "", "experiment": "made", "title": "", "collected": "", "dataset": "",
        "configuration": "", "methods": [], "target_test_error": null, "jobs": 1, "notes": [], "reference": null,
        "machine": [], "runs": [],
    });
    serde_json::from_value(empty).unwrap()
}

fn row<'r>(results: &'r Results, label: &str) -> &'r SummaryRow {
    let mut rows = results.summary.iter();
    rows.find(|row| row.group.label == label).unwrap()
}

#[test]
fn ratios_are_taken_seed_by_seed_and_their_geometric_mean_has_a_t_interval_of_the_logarithm() {
    // none: 4, 4, 2 epochs; bn: 1, 2, 2: ratios 4, 2, 1.
    let results = made(vec![
        run("none", 0, &[0.9, 0.8, 0.7, 0.6, 0.3], DONE),
        run("none", 1, &[0.9, 0.8, 0.7, 0.6, 0.2], DONE),
        run("none", 2, &[0.9, 0.8, 0.3, 0.4, 0.2], DONE),
        run("none", 3, &[0.9, 0.1], DONE),
        run("bn", 2, &[0.9, 0.8, 0.1, 0.1], DONE),
        run("bn", 0, &[0.9, 0.2, 0.5, 0.1], DONE),
        run("bn", 1, &[0.9, 0.5, 0.25, 0.1], DONE),
    ]);
    let bn = row(&results, "bn");
    assert_eq!((bn.epochs_to_target, bn.steps_to_target), (2.0, 20.0));
    let found = &bn.speedup;
    assert_eq!(
        (found.speedup_over.as_str(), found.speedup_n_pairs),
        ("none", Some(3))
    );
    assert_eq!(found.speedup_bound, None);
    // The logarithms ln 4, ln 2, 0: mean ln 2, standard deviation ln 2.
    let half = 4.302_652_729_911_275 * 2_f64.ln() / 3_f64.sqrt();
    let wanted = [2.0, 2.0 * (-half).exp(), 2.0 * half.exp()];
    let all = [found.speedup, found.speedup_ci_low, found.speedup_ci_high];
    for (found, wanted) in all.into_iter().zip(wanted) {
        assert!((found / wanted - 1.0).abs() < 1e-9, "{found} for {wanted}");
    }
    assert_eq!(row(&results, "none").speedup.speedup_n_pairs, None);
    let table = tables::to_target(&results);
    let rows: Vec<String> = table.rows.iter().map(|row| row.join(" | ")).collect();
    assert!(
        rows.contains(&"bn | 1 | 3 of 3 | 2 | 20 | 2.00 [0.357, 11.2]".to_owned()),
        "{rows:?}"
    );
    assert!(
        rows.iter()
            .any(|row| row == "none | 1 | 4 of 4 | 3 | 30 | –")
    );
    assert!(
        table.caption.contains("Steps of none divided"),
        "{}",
        table.caption
    );
}

#[test]
fn who_does_not_get_there_leaves_a_bound() {
    let never: &[f64] = &[0.9, 0.8, 0.7, 0.6, 0.5];
    let results = made(vec![
        run("none", 0, never, DONE),
        run("none", 1, &[0.9, 0.8, 0.7, 0.1], DONE),
        run("bn", 0, &[0.9, 0.3], DONE),
        run("bn", 1, &[0.9, 0.9, 0.9, 0.3], DONE),
        // Diverged after it was there.
        run("part", 1, &[0.9, 0.1, 0.9], Status::Diverged),
        run("both", 0, &[0.9, 0.3], DONE),
        run("both", 1, never, DONE),
        run("going", 0, &[0.9, 0.3], Status::Running),
    ]);
    // none takes more than 40 steps with seed 0: the ratios are above 4, and 1.
    let bn = &row(&results, "bn").speedup;
    assert!((bn.speedup - 2.0).abs() < 1e-12 && bn.speedup_ci_low.is_nan());
    assert_eq!(bn.speedup_bound, Some(BoundSide::Above));
    // part needs more than 20 steps, none 30.
    let part = &row(&results, "part").speedup;
    assert_eq!(
        (part.speedup, part.speedup_bound),
        (1.5, Some(BoundSide::Below))
    );
    for unknown in ["both", "going"] {
        let found = &row(&results, unknown).speedup;
        assert!(
            found.speedup.is_nan() && found.speedup_bound.is_none(),
            "{found:?}"
        );
    }
    let texts =
        ["bn", "part", "both"].map(|label| tables::speedup_text(&row(&results, label).speedup));
    assert_eq!(texts, ["> 2.00", "< 1.50", "–"]);
    assert_eq!(row(&results, "none").n_reached_target, 1);
}

#[test]
fn without_none_the_first_method_takes_its_place_and_the_table_says_so() {
    let results = made(vec![
        run("bn", 0, &[0.9, 0.5, 0.3], DONE),
        run("ours", 0, &[0.9, 0.3], DONE),
    ]);
    let ours = &row(&results, "ours").speedup;
    assert_eq!((ours.speedup_over.as_str(), ours.speedup), ("bn", 2.0));
    let table = tables::to_target(&results);
    assert!(
        table
            .caption
            .contains("Steps of bn (none was not run) divided"),
        "{}",
        table.caption
    );
    let own = table.rows.iter().find(|row| row[0] == "ours").unwrap();
    assert_eq!(own[5], "2.00 (n = 1, no interval)");
}

#[test]
fn without_a_target_or_after_no_step_there_is_no_ratio() {
    let none = results(&[("none", 1, &[0.1; 3]), ("bn", 1, &[0.1; 3])]);
    assert!(row(&none, "bn").speedup.speedup_over.is_empty());
    assert!(tables::to_target(&none).rows.is_empty());
    // Below the target before any training.
    let results = made(vec![
        run("none", 0, &[0.3, 0.2], DONE),
        run("bn", 0, &[0.2, 0.1], DONE),
    ]);
    assert!(row(&results, "bn").speedup.speedup.is_nan());
}
