//! How a sweep's choice follows from its runs.

use super::*;

#[test]
fn a_sweep_chooses_the_lowest_error_and_never_what_diverged() {
    let runs = tempfile::tempdir().unwrap();
    let experiment = experiment(
        "methods = [\"bn\", \"normprop\"]\nrun.epochs = 1\n[sweep]\nlrs = [0.1, 0.2, 0.4]\nseeds = 2\ngrid = { momentum = [0.5, 0.9] }",
    );
    let (planned, candidates): (Vec<PlannedRun>, Vec<_>) =
        experiment.expand_sweep().unwrap().into_iter().unzip();
    for run in &planned {
        let config = &run.config;
        // Lowest at the largest rate, with which the second seed diverges for BN.
        let error = 0.5 - config.lr + 0.1 * config.momentum + 0.01 * config.seed as f64;
        let diverges = run.label == "bn" && config.lr == 0.4 && config.seed == 1;
        let status = if diverges {
            Status::Diverged
        } else {
            Status::Finished
        };
        record(
            config,
            runs.path(),
            &[0.9, if diverges { f64::NAN } else { error }],
            status,
        );
    }
    let plan = plan::look_up(planned, runs.path(), false, true).unwrap();
    let mut search = SweepSearch::new(plan, &candidates, None);
    assert!(search.judge().unwrap(), "one round decides");
    let choice = search.choice();
    let bn = choice.keys("bn", 50).unwrap();
    assert_eq!(
        (bn["lr"].as_float(), bn["momentum"].as_float()),
        (Some(0.2), Some(0.5))
    );
    assert_eq!(
        choice.keys("normprop", 50).unwrap()["lr"].as_float(),
        Some(0.4)
    );
    assert_eq!(choice.keys("normprop", 1), None);
    assert_eq!(choice.rows.len(), 12);
    let chosen: Vec<_> = choice.rows.iter().filter(|row| row.chosen).collect();
    assert_eq!(
        (
            chosen[0].group.lr,
            chosen[0].settings.as_str(),
            chosen[0].at_edge
        ),
        (0.2, "momentum=0.5", false)
    );
    assert!((chosen[0].validation_error_mean - 0.355).abs() < 1e-12);
    assert!(chosen[1].at_edge);
    let diverged = choice
        .rows
        .iter()
        .find(|row| row.group.label == "bn" && row.group.lr == 0.4)
        .unwrap();
    assert_eq!((diverged.n, diverged.n_diverged), (1, 1));
}

#[test]
fn a_choice_among_settings_that_all_diverged_has_its_caveat() {
    let runs = tempfile::tempdir().unwrap();
    let experiment = experiment(
        "methods = [\"bn\", \"normprop\"]\nrun.epochs = 1\n[sweep]\nlrs = [0.1, 0.2]\nonly = true",
    );
    let (planned, candidates): (Vec<PlannedRun>, Vec<_>) =
        experiment.expand_sweep().unwrap().into_iter().unzip();
    for run in &planned {
        let (errors, status) = match (run.label.as_str(), run.config.lr) {
            ("bn", _) | (_, 0.2) => ([0.9, f64::NAN], Status::Diverged),
            _ => ([0.9, 0.3], Status::Finished),
        };
        record(&run.config, runs.path(), &errors, status);
    }
    let plan = plan::look_up(planned, runs.path(), false, true).unwrap();
    let mut search = SweepSearch::new(plan, &candidates, None);
    assert!(search.judge().unwrap());
    let choice = search.choice();
    let results = collect::collect(&experiment, choice.tried, choice.rows).unwrap();
    let about: Vec<String> = crate::report::comparison::caveats::caveats(&results)
        .into_iter()
        .filter(|caveat| caveat.contains("Every setting that the sweep tried"))
        .collect();
    assert_eq!(about.len(), 1, "{about:?}");
    assert!(about[0].contains("for bn at batch size 50 diverged"));
    let sweep = tables::sweep(&results);
    let mut names = sweep.columns.iter().map(|column| column.name.as_str());
    let place = names.position(|name| name == "choice").unwrap();
    let marks: Vec<String> = sweep.rows.iter().map(|row| row[place].clone()).collect();
    assert_eq!(
        marks,
        ["chosen, though it diverged", "", "chosen, at the edge", ""]
    );
}
