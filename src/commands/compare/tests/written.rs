//! What a comparison writes, and how it reads back.

use super::*;

pub(super) fn row<'r>(results: &'r Results, label: &str, batch_size: u64) -> &'r SummaryRow {
    let mut rows = results.summary.iter();
    rows.find(|row| row.group.label == label && row.group.batch_size == batch_size)
        .unwrap()
}

const TWO: &str = r#"
methods = ["bn", { name = "normprop", label = "np, \"ours\"" }]
batch_sizes = [1, 50]
seeds = 3
run.epochs = 3
target_test_error = 0.25
[reference]
source = "somewhere"
label = "recalled, unverified"
test_error = { bn = 0.09, other = 0.1 }
"#;

/// Runs of [`TWO`]: NormProp is better by 0.02 + 0.01·seed; its first run at batch size 1 diverges.
pub(super) fn two(runs: &Path) -> (Experiment, Results) {
    let experiment = experiment(TWO);
    for run in runs_of(&experiment) {
        let (config, seed) = (&run.config, run.config.seed as f64);
        let ours = run.label != "bn";
        if ours && config.batch_size == 1 && config.seed == 0 {
            record(config, runs, &[0.9, f64::NAN], Status::Diverged);
            continue;
        }
        let last = 0.2 - if ours { 0.02 + 0.01 * seed } else { 0.0 };
        record(
            config,
            runs,
            &[0.9, 0.3, 0.24 - 0.05 * seed, last],
            Status::Finished,
        );
    }
    let plan = look_up(&experiment, runs);
    let results = collect::collect(&experiment, plan, Vec::new()).unwrap();
    (experiment, results)
}

#[test]
fn recorded_runs_become_summaries_and_paired_differences() {
    let runs = tempfile::tempdir().unwrap();
    let (_, results) = two(runs.path());
    let bn = row(&results, "bn", 50);
    assert_eq!(
        (
            bn.n,
            bn.n_diverged,
            bn.epochs_to_target,
            bn.train_s_per_epoch_median
        ),
        (3, 0, 2.0, 3.0)
    );
    assert!((bn.final_test_error_mean - 0.2).abs() < 1e-12 && bn.final_test_error_std < 1e-12);
    assert!((bn.best_test_error_mean - (0.2 + 0.19 + 0.14) / 3.0).abs() < 1e-12);
    let calibration = [
        bn.final_test_calibration_error_mean - 0.05,
        bn.final_test_brier_score_mean - 0.3,
    ];
    assert!(calibration.iter().all(|off| off.abs() < 1e-12), "{bn:?}");
    let ours = row(&results, "np, \"ours\"", 1);
    assert_eq!((ours.n, ours.n_diverged), (2, 1));
    assert!((ours.final_test_error_mean - 0.165).abs() < 1e-12);
    // Two runs have no interval.
    assert!(ours.final_test_error_ci_low.is_nan(), "{ours:?}");
    // 0.2 three times.
    assert!((bn.final_test_error_ci_low - 0.2).abs() < 1e-9, "{bn:?}");
    let paired = results
        .paired
        .iter()
        .find(|row| row.group.batch_size == 50)
        .unwrap();
    assert_eq!((paired.paired.n_pairs, paired.baseline.as_str()), (3, "bn"));
    assert!((paired.paired.difference_mean + 0.03).abs() < 1e-12);
    assert!((paired.t + 0.03 / (0.01 / 3_f64.sqrt())).abs() < 1e-9);
    let other = results
        .paired
        .iter()
        .find(|row| row.group.batch_size == 1)
        .unwrap();
    assert_eq!(other.paired.n_pairs, 2);
    assert!(other.paired.p.is_nan() && (paired.p_holm - paired.paired.p).abs() < 1e-12);
}

#[test]
fn step_times_that_lie_in_the_folder_are_shown() {
    let runs = tempfile::tempdir().unwrap();
    let (_, results) = two(runs.path());
    let folder = runs.path().join("results");
    write(&results, &folder).unwrap();
    let page = || std::fs::read_to_string(folder.join("report.html")).unwrap();
    let heading = "Step time relative to none";
    assert!(!page().contains(heading) && !folder.join("step-time.svg").exists());

    write_rows(&folder, &examples()).unwrap();
    let (again, _) = Results::read(&folder).unwrap();
    page::save(&again, &folder).unwrap();
    for text in [
        heading,
        "1.05 [1.03, 1.07]",
        "bn at batch size 1, width 0.25 was not measured",
        "1 (2.50 ms)",
    ] {
        assert!(page().contains(text), "{text}");
    }
    assert!(folder.join("step-time.png").exists());

    std::fs::write(folder.join("bench.csv"), "method,time\n").unwrap();
    let error = format!("{:#}", Results::read(&folder).unwrap_err());
    assert!(error.contains("bench.csv, line 1"), "{error}");
}

#[test]
fn a_results_folder_reads_back_as_what_was_written() {
    let runs = tempfile::tempdir().unwrap();
    let (_, mut results) = two(runs.path());
    if let Some(manifest) = &mut results.manifest {
        manifest.jobs = 2;
    }
    let folder = runs.path().join("results");
    write(&results, &folder).unwrap();
    // Written and read, NaN is NaN, which equals nothing: the texts tell.
    let (again, warnings) = Results::read(&folder).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    assert_eq!(format!("{again:?}"), format!("{results:?}"));
    let curves = std::fs::read_to_string(folder.join("curves.csv")).unwrap();
    assert!(curves.starts_with(
        "method,batch_size,lr,seed,epoch,step,epoch_lr,train_loss,train_error,test_loss,test_error,"
    ));
    assert_eq!(curves.lines().count(), 1 + 11 * 4 + 2);
    for picture in [
        "final-error",
        "differences",
        "test-error",
        "train-error",
        "layer-mean-bs1",
        "layer-std-bs50",
    ] {
        for ending in ["svg", "png"] {
            let bytes = std::fs::read(folder.join(format!("{picture}.{ending}"))).unwrap();
            assert!(bytes.len() > 1000, "{picture}.{ending}");
        }
    }
    let page = std::fs::read_to_string(folder.join("report.html")).unwrap();
    for text in [
        "np, &quot;ours&quot;",
        "recalled, unverified",
        "1 run diverged",
        "not comparable",
        "9.00\u{a0}%",
    ] {
        assert!(page.contains(text), "{text}");
    }
    let loads = ["http://", "https://", "src=", "<img", "<link", "url("];
    assert!(!loads.iter().any(|text| page.contains(text)));
}

#[test]
fn a_folder_in_the_place_of_a_file_is_told() {
    let runs = tempfile::tempdir().unwrap();
    let (_, results) = two(runs.path());
    let folder = runs.path().join("results");
    let taken = |name: &str, attempt: &dyn Fn() -> Result<(), anyhow::Error>| {
        write(&results, &folder).unwrap();
        let path = folder.join(name);
        let _ = std::fs::remove_file(&path);
        std::fs::create_dir(&path).unwrap();
        let error = format!("{:#}", attempt().expect_err(name));
        assert!(error.contains(name), "{name}: {error}");
        std::fs::remove_dir(&path).unwrap();
    };
    for name in [
        "final-error.png",
        "final-error.svg",
        "report.html",
        "summary.csv",
    ] {
        taken(name, &|| write(&results, &folder));
    }
    for name in ["curves.csv", "layers.csv", "sweep.csv", "bench.csv"] {
        taken(name, &|| Results::read(&folder).map(drop));
    }
}

#[test]
fn a_torn_curve_is_read_up_to_its_last_whole_line_and_warned_of() {
    let runs = tempfile::tempdir().unwrap();
    let (_, results) = two(runs.path());
    let folder = runs.path().join("results");
    write(&results, &folder).unwrap();
    let path = folder.join("curves.csv");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, &text[..text.len() - 9]).unwrap();
    let (torn, warnings) = Results::read(&folder).unwrap();
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].contains("curves.csv ends in the middle of a line"));
    assert_eq!(row(&torn, "np, \"ours\"", 50).n, 2);
}

#[test]
fn results_of_a_newer_schema_are_refused() {
    let runs = tempfile::tempdir().unwrap();
    let (_, results) = two(runs.path());
    let folder = runs.path().join("results");
    write(&results, &folder).unwrap();
    let path = folder.join("manifest.json");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(
        &path,
        text.replace("\"schema_version\": 1", "\"schema_version\": 2"),
    )
    .unwrap();
    let message = Results::read(&folder).unwrap_err().to_string();
    assert!(
        message.contains("newer normprop (schema version 2"),
        "{message}"
    );
}

#[test]
fn results_of_other_runs_are_known_by_their_names() {
    let runs = tempfile::tempdir().unwrap();
    let (experiment, results) = two(runs.path());
    let manifest = results.manifest.unwrap();
    let names = |experiment: &Experiment| -> Vec<String> {
        let planned = runs_of(experiment);
        planned
            .iter()
            .map(|run| run.config.run_name().unwrap())
            .collect()
    };
    let own = names(&experiment);
    assert!(!manifest.has_none_of(&own));
    assert!(!manifest.has_none_of(&own[..1]));
    let longer = Experiment::parse(TWO, "x.toml", "x", &[Assignment::set("epochs", "4")]).unwrap();
    assert!(manifest.has_none_of(&names(&longer)));
    let nothing = Manifest {
        runs: Vec::new(),
        ..manifest
    };
    assert!(!nothing.has_none_of(&own));
}

#[test]
fn a_hundred_finished_runs_are_collected_and_drawn() {
    let runs = tempfile::tempdir().unwrap();
    let experiment = experiment(
        "methods = [\"none\", \"bn\", \"normprop\", { name = \"normprop\", label = \"centered\", center_rows = true }]\n\
         batch_sizes = [1, 2, 8, 50, 100]\nseeds = 5\nrun.epochs = 20",
    );
    for (index, run) in runs_of(&experiment).iter().enumerate() {
        let errors: Vec<f64> = (0..=20)
            .map(|epoch| 0.9 / f64::from(epoch + 1) + 1e-4 * index as f64)
            .collect();
        record_with(&run.config, runs.path(), &errors, Status::Finished, false);
    }
    let plan = look_up(&experiment, runs.path());
    assert!(plan.iter().all(|entry| entry.state.is_over()));
    let results = collect::collect(&experiment, plan, Vec::new()).unwrap();
    let folder = runs.path().join("results");
    write(&results, &folder).unwrap();
    assert_eq!(
        (
            results.runs.curves.len(),
            results.summary.len(),
            results.paired.len()
        ),
        (100, 20, 15)
    );
    let (curves, torn) = from_csv::<EpochRow>(&folder.join("curves.csv")).unwrap();
    assert_eq!((curves.len(), torn), (100, false));
    assert!(std::fs::metadata(folder.join("report.html")).unwrap().len() < 3_000_000);
    let over_sizes = std::fs::read_to_string(folder.join("batch-sizes.svg")).unwrap();
    assert!(over_sizes.contains(">Batch size<") && !over_sizes.contains("no data"));
}
