use std::path::Path;

use super::*;
use crate::commands::compare::collect::collect;
use crate::commands::compare::plan::look_up;
use crate::commands::compare::state::State;
use crate::commands::compare::tests::{experiment, record};
use crate::config::experiment::Experiment;
use crate::event::Status;
use crate::report::comparison::caveats::caveats;
use crate::report::comparison::rows::SweepRow;

const NINE: &str = "methods = [\"bn\", \"none\"]\nrun.epochs = 9\n[sweep]\n\
    lrs = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]\nseeds = 2\nhalving = { first_epochs = 1, factor = 3 }";

fn search(experiment: &Experiment, runs: &Path) -> SweepSearch {
    let (planned, candidates): (Vec<_>, Vec<_>) =
        experiment.expand_sweep().unwrap().into_iter().unzip();
    let entries = look_up(planned, runs, false, true).unwrap();
    SweepSearch::new(
        entries,
        &candidates,
        experiment.sweep.as_ref().unwrap().halving,
    )
}

/// The error of a run after an epoch: at first larger rates look better, in the end those near 0.8.
fn error(entry: &PlanEntry, epoch: u64) -> f64 {
    let best = if epoch < 3 { 0.95 } else { 0.8 };
    let seed = if entry.config.seed == 0 { 0.01 } else { -0.01 };
    0.3 + (entry.config.lr - best).abs() / 2.0 + 0.1 / (epoch + 1) as f64 + seed
}

/// Trains one run to an epoch, or to where it diverges.
fn train(entry: &mut PlanEntry, runs: &Path, to: u64, diverges_in: Option<u64>) {
    let mut errors: Vec<f64> = (0..=to).map(|epoch| error(entry, epoch)).collect();
    let mut status = match to == entry.config.epochs {
        true => Status::Finished,
        false => Status::Running,
    };
    if let Some(epoch) = diverges_in.filter(|epoch| *epoch <= to) {
        errors.truncate(epoch as usize);
        errors.push(f64::NAN);
        status = Status::Diverged;
    }
    record(&entry.config, runs, &errors, status);
    entry.look();
}

/// Does what the round asks for; BN at 0.9 diverges in epoch 2 with its second seed.
fn train_round(search: &mut SweepSearch, runs: &Path) -> usize {
    let mut trained = 0;
    for entry in search.entries.iter_mut().filter(|entry| !entry.is_done()) {
        let config = &entry.config;
        let diverges = entry.key.group.label == "bn" && config.lr == 0.9 && config.seed == 1;
        train(entry, runs, entry.goal(), diverges.then_some(2));
        trained += 1;
    }
    trained
}

fn rows<'r>(choice: &'r Choice, label: &str) -> Vec<&'r SweepRow> {
    choice
        .rows
        .iter()
        .filter(|row| row.group.label == label)
        .collect()
}

#[test]
fn the_better_settings_go_on_and_the_others_stay_recorded() {
    let runs = tempfile::tempdir().unwrap();
    let experiment = experiment(NINE);
    let mut search = search(&experiment, runs.path());
    let (mut rounds, mut titles) = (Vec::new(), Vec::new());
    loop {
        titles.push(search.title());
        rounds.push(train_round(&mut search, runs.path()));
        if search.judge().unwrap() {
            break;
        }
    }
    // 9 settings, then 3, then 1, of two methods with two seeds; a run that diverged costs no more.
    assert_eq!(rounds, [36, 12, 4]);
    assert_eq!(titles[1], "sweep, round 2: ");
    let choice = search.choice();
    assert_eq!(choice.keys("none", 50).unwrap()["lr"].as_float(), Some(0.8));
    let none = rows(&choice, "none");
    let stages: Vec<(u64, u64)> = none
        .iter()
        .map(|row| (row.rung.unwrap(), row.epochs.unwrap()))
        .collect();
    let expected = [[(1, 1); 6].as_slice(), &[(2, 3), (3, 9), (2, 3)]].concat();
    assert_eq!(stages, expected);
    for row in &none {
        let (lr, epochs) = (row.group.lr, row.epochs.unwrap());
        let error = 0.3 + (lr - if epochs < 3 { 0.95 } else { 0.8 }).abs() / 2.0;
        let error = error + 0.1 / (epochs + 1) as f64;
        assert!((row.validation_error_mean - error).abs() < 1e-12, "{row:?}");
        assert_eq!((row.n, row.n_diverged, row.chosen), (2, 0, lr == 0.8));
    }
    let diverged = rows(&choice, "bn")[8];
    let counts = (diverged.n, diverged.n_diverged, diverged.rung);
    assert_eq!(counts, (1, 1, Some(2)));
    // What was dropped was trained no further.
    let dropped = search.entries.iter().filter(|entry| entry.config.lr < 0.7);
    assert!(dropped.clone().count() > 0);
    for entry in dropped {
        assert_eq!((entry.state, entry.epochs_done()), (State::Unfinished, 1));
    }
}

#[test]
fn a_search_that_starts_again_decides_the_same_whatever_was_trained_since() {
    let runs = tempfile::tempdir().unwrap();
    let experiment = experiment(NINE);
    let mut first = search(&experiment, runs.path());
    train_round(&mut first, runs.path());
    assert!(!first.judge().unwrap());
    let goals = |search: &SweepSearch| -> Vec<_> {
        search
            .entries
            .iter()
            .map(|entry| entry.until_epoch)
            .collect()
    };
    let mut again = search(&experiment, runs.path());
    assert!(!again.catch_up().unwrap());
    assert_eq!(goals(&again), goals(&first));
    assert_eq!(again.title(), "sweep, round 2: ");

    // The kill comes within the second round.
    let waiting = first.entries.iter_mut().filter(|entry| !entry.is_done());
    for entry in waiting.take(5) {
        train(entry, runs.path(), 2, None);
    }
    let mut again = search(&experiment, runs.path());
    assert!(!again.catch_up().unwrap());
    assert_eq!(goals(&again), goals(&first));
    loop {
        train_round(&mut again, runs.path());
        if again.judge().unwrap() {
            break;
        }
    }
    let choice = again.choice();

    // A setting that was dropped is trained to its end by someone else.
    let dropped = again.entries.iter_mut();
    for entry in dropped.filter(|entry| entry.config.lr == 0.1) {
        train(entry, runs.path(), 9, None);
    }
    let mut later = search(&experiment, runs.path());
    assert!(later.catch_up().unwrap(), "nothing is left to do");
    // NaN, the deviation of a single error, equals nothing: the texts tell.
    let rows = |choice: &Choice| format!("{:?}", choice.rows);
    assert_eq!(rows(&later.choice()), rows(&choice));
}

#[test]
fn a_run_that_is_not_far_enough_is_not_judged() {
    let runs = tempfile::tempdir().unwrap();
    let mut search = search(&experiment(NINE), runs.path());
    train_round(&mut search, runs.path());
    assert!(!search.judge().unwrap());
    let error = search.judge().unwrap_err().to_string();
    assert!(error.contains("has not got to epoch 3"), "{error}");
}

#[test]
fn when_all_diverge_one_is_chosen_all_the_same() {
    let runs = tempfile::tempdir().unwrap();
    let mut search = search(&experiment(NINE), runs.path());
    for entry in &mut search.entries {
        train(entry, runs.path(), 1, Some(1));
    }
    assert!(search.catch_up().unwrap());
    let choice = search.choice();
    assert_eq!(choice.keys("bn", 50).unwrap()["lr"].as_float(), Some(0.1));
    assert!(
        choice
            .rows
            .iter()
            .all(|row| row.n == 0 && row.n_diverged == 2)
    );
}

#[test]
fn a_chosen_setting_that_diverged_in_the_last_round_has_a_caveat_of_its_own() {
    let runs = tempfile::tempdir().unwrap();
    let experiment = experiment(NINE);
    let mut search = search(&experiment, runs.path());
    for _ in 0..2 {
        train_round(&mut search, runs.path());
        assert!(!search.judge().unwrap());
    }
    let last = search.entries.iter_mut().filter(|entry| !entry.is_done());
    for entry in last.filter(|entry| entry.key.group.label == "none") {
        train(entry, runs.path(), 9, Some(5));
    }
    train_round(&mut search, runs.path());
    assert!(search.judge().unwrap());
    let choice = search.choice();
    let results = collect(&experiment, choice.tried, choice.rows).unwrap();
    let caveats = caveats(&results);
    let about: Vec<&String> = caveats
        .iter()
        .filter(|caveat| caveat.contains("diverged with some seed"))
        .collect();
    assert_eq!(about.len(), 1, "{about:?}");
    assert!(about[0].starts_with("The setting chosen for none at batch size 50 diverged"));
}

#[test]
fn the_whole_of_a_halving_is_estimated_before_it_begins() {
    let runs = tempfile::tempdir().unwrap();
    let mut search = search(&experiment(NINE), runs.path());
    search.look_ahead();
    let bn = search
        .entries
        .iter()
        .filter(|entry| entry.key.group.label == "bn" && entry.config.seed == 0);
    let goals: Vec<u64> = bn.map(PlanEntry::goal).collect();
    assert_eq!(goals, [9, 3, 3, 1, 1, 1, 1, 1, 1]);
}

#[test]
fn no_run_of_a_search_sees_the_test_set() {
    let experiment = experiment(NINE);
    let runs = experiment.expand_sweep().unwrap();
    assert!(runs.iter().all(|(run, _)| run.config.holdout == 0.1));
    let config = &runs[0].0.config;
    let data_dir = crate::engine::setup::data_dir();
    let held_out = crate::engine::setup::load_dataset(config, &data_dir).unwrap();
    let whole = crate::config::RunConfig {
        holdout: 0.0,
        ..config.clone()
    };
    let whole = crate::engine::setup::load_dataset(&whole, &data_dir).unwrap();
    let images = |split: &crate::data::Split| -> std::collections::BTreeSet<Vec<u8>> {
        (0..split.len())
            .map(|index| split.image(index).to_vec())
            .collect()
    };
    let judged_on = images(&held_out.test);
    assert_eq!(held_out.test.len(), 400);
    assert!(judged_on.is_subset(&images(&whole.train)));
    assert!(judged_on.is_disjoint(&images(&whole.test)));
    assert!(judged_on.is_disjoint(&images(&held_out.train)));
}
