//! What is there of a comparison, and what of it is still to be run.

use std::collections::BTreeSet;

use super::*;
use state::mend;

/// How far the first run of an experiment is.
fn state_of(experiment: &Experiment, runs: &Path) -> (State, u64) {
    let entry = &look_up(experiment, runs)[0];
    (entry.state, entry.epochs_done())
}

#[test]
fn the_plan_tells_what_is_there() {
    let runs = tempfile::tempdir().unwrap();
    let experiment = experiment("methods = [\"bn\"]\nseeds = 4\nrun.epochs = 3");
    let planned = runs_of(&experiment);
    record(
        &planned[0].config,
        runs.path(),
        &[0.9, 0.5, 0.4, 0.3],
        Status::Finished,
    );
    record(
        &planned[1].config,
        runs.path(),
        &[0.9, 0.5],
        Status::Running,
    );
    record(
        &planned[2].config,
        runs.path(),
        &[0.9, f64::NAN],
        Status::Diverged,
    );
    let mut plan = look_up(&experiment, runs.path());
    let states: Vec<_> = plan
        .iter()
        .map(|entry| (entry.state, entry.epochs_done()))
        .collect();
    assert_eq!(
        states,
        [
            (State::Finished, 3),
            (State::Unfinished, 1),
            (State::Diverged, 1),
            (State::New, 0)
        ]
    );
    assert_eq!(plan[0].record.epoch_s(), 4.0);
    let measured = estimate::fill_in(
        &mut plan,
        &mut Default::default(),
        1,
        false,
        &Interrupt::default(),
        true,
    )
    .unwrap();
    assert!(!measured, "a finished run tells the time");
    let left: Vec<f64> = plan.iter().map(|entry| entry.remaining_s).collect();
    assert_eq!(left, [0.0, 9.0, 0.0, 13.0]);
    assert_eq!(plan::remaining_s(&plan, 2), 11.0);
    let anew = plan::look_up(planned, runs.path(), true, false).unwrap();
    assert!(anew.iter().all(|entry| entry.state == State::New));
}

#[test]
fn a_run_that_has_begun_tells_the_time_to_a_goal() {
    let runs = tempfile::tempdir().unwrap();
    let experiment = experiment("methods = [\"bn\"]\nseeds = 3\nrun.epochs = 9");
    let planned = runs_of(&experiment);
    for run in &planned[..2] {
        record(&run.config, runs.path(), &[0.9, 0.5], Status::Paused);
    }
    let mut plan = look_up(&experiment, runs.path());
    for (entry, goal) in plan.iter_mut().zip([1, 3, 1]) {
        entry.until_epoch = Some(goal);
    }
    let measured = estimate::fill_in(
        &mut plan,
        &mut Default::default(),
        1,
        false,
        &Interrupt::default(),
        true,
    )
    .unwrap();
    assert!(!measured, "four seconds an epoch are recorded");
    let left: Vec<f64> = plan.iter().map(|entry| entry.remaining_s).collect();
    assert_eq!(left, [0.0, 9.0, 5.0]);
}

#[test]
fn a_job_is_over_when_its_run_got_as_far_as_was_asked() {
    let runs = tempfile::tempdir().unwrap();
    let experiment = experiment("methods = [\"bn\"]\nrun.epochs = 3");
    let config = &runs_of(&experiment)[0].config;
    record(config, runs.path(), &[0.9, 0.5], Status::Paused);
    let mut entry = look_up(&experiment, runs.path()).remove(0);
    for (goal, expected) in [
        (None, None),
        (Some(1), Some(Outcome::Finished)),
        (Some(2), None),
    ] {
        entry.until_epoch = goal;
        assert_eq!(
            entry.job().unwrap().outcome().unwrap(),
            expected,
            "{goal:?}"
        );
    }
}

#[test]
fn a_stopped_run_is_called_saved_only_when_its_record_says_so() {
    let runs = tempfile::tempdir().unwrap();
    let planned = runs_of(&experiment("methods = [\"bn\"]\nseeds = 3\nrun.epochs = 3"));
    record(&planned[0].config, runs.path(), &[0.9], Status::Interrupted);
    record(&planned[1].config, runs.path(), &[0.9], Status::Running);
    let plan = plan::look_up(planned, runs.path(), false, false).unwrap();
    let said: Vec<String> = plan
        .iter()
        .map(|entry| display::result(entry, &Outcome::Stopped))
        .collect();
    assert_eq!(said[0], "stopped, its state is saved");
    assert!(said[1].starts_with("stopped before it could save"));
    assert_eq!(said[1], said[2]);
}

#[test]
fn a_finished_run_that_lost_rows_goes_on_from_before_the_loss() {
    let runs = tempfile::tempdir().unwrap();
    let experiment = experiment("methods = [\"bn\"]\nrun.epochs = 3");
    let config = &runs_of(&experiment)[0].config;
    record(config, runs.path(), &[0.9, 0.5, 0.4, 0.3], Status::Finished);
    let path = runs.path().join("x").join(config.run_name().unwrap());
    let metrics = path.join("metrics.csv");
    let text = std::fs::read_to_string(&metrics).unwrap();
    std::fs::write(&metrics, &text[..text.len() - 5]).unwrap();
    let files = || {
        let paths = std::fs::read_dir(&path)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let files = paths.filter(|file| file.is_file());
        files
            .map(|file| (std::fs::read(&file).unwrap(), file))
            .collect::<BTreeSet<_>>()
    };
    let before = files();
    let entry = look_up(&experiment, runs.path()).remove(0);
    assert_eq!((entry.state, entry.epochs_done()), (State::Unfinished, 2));
    assert!(files() == before, "a look changes nothing");
    mend(&path, entry.loss.unwrap()).unwrap();
    assert!(!path.join("summary.json").exists());
    let (snapshot, _) = crate::record::latest_snapshot(&path)
        .unwrap()
        .snapshot
        .unwrap();
    assert_eq!(snapshot.position.epoch, 2);
    assert_eq!(state_of(&experiment, runs.path()), (State::Unfinished, 2));
}

#[test]
fn a_finished_run_whose_layers_are_torn_or_gone_goes_on_from_before_the_loss() {
    let experiment = experiment("methods = [\"bn\"]\nrun.epochs = 3");
    let config = &runs_of(&experiment)[0].config;
    let damaged = |damage: &dyn Fn(&Path)| {
        let runs = tempfile::tempdir().unwrap();
        record(config, runs.path(), &[0.9, 0.5, 0.4, 0.3], Status::Finished);
        let path = runs.path().join("x").join(config.run_name().unwrap());
        damage(&path.join("layers.csv"));
        let entry = look_up(&experiment, runs.path()).remove(0);
        let state = (entry.state, entry.epochs_done());
        if let Some(loss) = entry.loss {
            mend(&path, loss).unwrap();
        }
        let found = crate::record::latest_snapshot(&path).unwrap();
        let epoch = found.snapshot.map(|(snapshot, _)| snapshot.position.epoch);
        (state, epoch, path.join("summary.json").exists())
    };
    assert!(matches!(damaged(&|_| {}), ((State::Finished, 3), _, true)));
    let torn = damaged(&|layers| {
        let text = std::fs::read_to_string(layers).unwrap();
        std::fs::write(layers, &text[..text.len() - 5]).unwrap();
    });
    assert_eq!(torn, ((State::Unfinished, 2), Some(2), false));
    let gone = damaged(&|layers| std::fs::remove_file(layers).unwrap());
    assert_eq!(gone, ((State::Unfinished, 0), None, false));
}

/// Makes the summary of a run what an older version wrote.
fn without_checksums(run_dir: &Path) {
    let mut summary = crate::record::read_summary(run_dir).unwrap();
    summary.tables_sha256.clear();
    let json = crate::record::json::text(&summary).unwrap();
    std::fs::write(run_dir.join("summary.json"), json).unwrap();
}

#[test]
fn a_run_that_diverged_is_over_without_layers_of_its_last_epoch() {
    let runs = tempfile::tempdir().unwrap();
    let experiment = experiment("methods = [\"bn\"]\nrun.epochs = 3");
    let config = &runs_of(&experiment)[0].config;
    record(config, runs.path(), &[0.9, 0.5, f64::NAN], Status::Diverged);
    let path = runs.path().join("x").join(config.run_name().unwrap());
    let layers = path.join("layers.csv");
    let text = std::fs::read_to_string(&layers).unwrap();
    let kept: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with("2,"))
        .collect();
    std::fs::write(&layers, kept.join("\n") + "\n").unwrap();
    without_checksums(&path);
    assert_eq!(look_up(&experiment, runs.path())[0].state, State::Diverged);
    std::fs::write(&layers, kept[..kept.len() - 1].join("\n") + "\n").unwrap();
    assert_eq!(state_of(&experiment, runs.path()), (State::Unfinished, 0));
}

#[test]
fn a_run_that_was_prepared_but_never_started_is_new() {
    let runs = tempfile::tempdir().unwrap();
    let experiment = experiment("methods = [\"bn\"]\nrun.epochs = 3");
    let config = &runs_of(&experiment)[0].config;
    let path = runs.path().join("x").join(config.run_name().unwrap());
    drop(RunDir::open_or_create(&path, &config.to_toml().unwrap()).unwrap());
    assert_eq!(look_up(&experiment, runs.path())[0].state, State::New);
    record(config, runs.path(), &[0.9], Status::Running);
    assert_eq!(state_of(&experiment, runs.path()), (State::Unfinished, 0));
}

#[test]
fn a_run_of_another_configuration_or_a_newer_schema_is_not_touched() {
    let runs = tempfile::tempdir().unwrap();
    let experiment = experiment("methods = [\"bn\"]\nrun.epochs = 1");
    let planned = runs_of(&experiment);
    record(
        &planned[0].config,
        runs.path(),
        &[0.9, 0.5],
        Status::Finished,
    );
    let path = runs
        .path()
        .join("x")
        .join(planned[0].config.run_name().unwrap());
    let message = || {
        let entry = plan::look_up(planned.clone(), runs.path(), false, false)
            .unwrap()
            .remove(0);
        assert!(!entry.is_done() && !entry.is_left());
        entry.problem.unwrap()
    };
    let meta = std::fs::read_to_string(path.join("meta.json")).unwrap();
    std::fs::write(
        path.join("meta.json"),
        meta.replace("\"schema_version\": 1", "\"schema_version\": 9"),
    )
    .unwrap();
    assert!(
        message().contains("newer normprop (schema version 9"),
        "{}",
        message()
    );
    std::fs::remove_file(path.join("meta.json")).unwrap();
    std::fs::write(path.join("config.toml"), "epochs = 7\n").unwrap();
    assert!(message().contains("another configuration"), "{}", message());
}

#[test]
fn a_damaged_run_directory_stops_no_other_run() {
    let experiment = experiment("methods = [\"bn\"]\nseeds = 2\nrun.epochs = 1");
    let planned = runs_of(&experiment);
    let damaged = |file: &str, bytes: &[u8]| {
        let runs = tempfile::tempdir().unwrap();
        for run in &planned {
            record(&run.config, runs.path(), &[0.9, 0.5], Status::Finished);
        }
        let path = runs
            .path()
            .join("x")
            .join(planned[0].config.run_name().unwrap());
        std::fs::write(path.join(file), bytes).unwrap();
        let [bad, good] = look_up(&experiment, runs.path()).try_into().unwrap();
        assert_eq!(
            (good.state, good.problem),
            (State::Finished, None),
            "{file}"
        );
        assert!(!bad.is_done(), "{file}");
        bad.problem.unwrap_or_default()
    };
    for summary in [&b""[..], b"\xff\xfe", b"{}"] {
        assert_eq!(damaged("summary.json", summary), "", "it is made again");
    }
    for (file, bytes) in [
        ("meta.json", &b"{"[..]),
        ("metrics.csv", b"no,table\n"),
        ("layers.csv", b"\xff\n"),
    ] {
        let problem = damaged(file, bytes);
        assert!(problem.contains(file), "{problem}");
    }
}

#[test]
fn a_run_that_went_through_a_windows_editor_is_the_run_it_was() {
    let runs = tempfile::tempdir().unwrap();
    let experiment = experiment("methods = [\"bn\"]\nrun.epochs = 1");
    let config = &runs_of(&experiment)[0].config;
    record(config, runs.path(), &[0.9, 0.5], Status::Finished);
    let path = runs.path().join("x").join(config.run_name().unwrap());
    let before = look_up(&experiment, runs.path()).remove(0).record;
    for entry in std::fs::read_dir(&path).unwrap() {
        let file = entry.unwrap().path();
        if let Ok(text) = std::fs::read_to_string(&file) {
            std::fs::write(&file, format!("\u{feff}{}", text.replace('\n', "\r\n"))).unwrap();
        }
    }
    let after = look_up(&experiment, runs.path()).remove(0);
    assert_eq!(after.state, State::Finished);
    assert_eq!(format!("{:?}", after.record), format!("{before:?}"));
}

#[test]
fn a_configuration_that_was_changed_since_the_start_is_named() {
    let runs = tempfile::tempdir().unwrap();
    let was = experiment("methods = [\"bn\"]\nrun.epochs = 1");
    let config = &runs_of(&was)[0].config;
    record(config, runs.path(), &[0.9, 0.5], Status::Finished);
    let path = runs.path().join("x").join(config.run_name().unwrap());
    let file = path.join("config.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let write = |from: &str, to: &str| std::fs::write(&file, text.replace(from, to)).unwrap();
    write("epochs = 1", "epochs = 2 # more");
    let first = |experiment: &Experiment| look_up(experiment, runs.path()).remove(0);
    let problem = first(&was).problem.unwrap_or_default();
    assert!(problem.contains("epochs was 1, is 2"), "{problem}");
    // The run of two epochs that the file now speaks of was never made.
    let other = experiment("methods = [\"bn\"]\nrun.epochs = 2");
    assert_eq!(first(&other).state, State::New);
    write("epochs = 1", "# as it was:\n\n  epochs   = 1 # one");
    assert_eq!(first(&was).state, State::Finished);
}

#[test]
fn a_table_that_was_changed_by_hand_is_named_and_its_run_not_counted() {
    let runs = tempfile::tempdir().unwrap();
    let experiment = experiment("methods = [\"bn\"]\nrun.epochs = 2");
    let config = &runs_of(&experiment)[0].config;
    record(config, runs.path(), &[0.9, 0.5, 0.4], Status::Finished);
    let path = runs.path().join("x").join(config.run_name().unwrap());
    let problem = || look_up(&experiment, runs.path()).remove(0).problem;
    let change = |file: &str, from: &str, to: &str| {
        let file = path.join(file);
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, text.replace(from, to)).unwrap();
        assert_ne!(std::fs::read_to_string(&file).unwrap(), text);
        text
    };
    for (file, from, to) in [
        ("metrics.csv", "0.4", "0.05"),
        ("metrics.csv", "0.5", "0.05"),
        ("layers.csv", "conv3", "conv9"),
    ] {
        let text = change(file, from, to);
        let problem = problem().unwrap();
        assert!(
            problem.contains(file) && problem.contains("contradicts summary.json"),
            "{problem}"
        );
        std::fs::write(path.join(file), text).unwrap();
    }
    assert_eq!(problem(), None);
    let text = change("metrics.csv", "\n", "\r\n");
    assert_eq!(problem(), None, "line ends do not count");
    std::fs::write(path.join("metrics.csv"), text).unwrap();
    without_checksums(&path);
    assert_eq!(problem(), None);
    change("metrics.csv", "0.4", "0.05");
    assert!(problem().unwrap().contains("metrics.csv"));
}
