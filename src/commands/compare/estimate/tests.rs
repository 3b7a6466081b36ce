use super::*;
use crate::commands::compare::plan;
use crate::config::experiment::Experiment;

/// The plan of an experiment of which nothing is there yet.
fn plan_of(text: &str) -> Vec<PlanEntry> {
    let experiment = Experiment::parse(text, "x.toml", "x", &[]).unwrap();
    let runs = experiment.expand(&|_, _| None).unwrap();
    let nowhere = tempfile::tempdir().unwrap();
    plan::look_up(runs, nowhere.path(), false, false).unwrap()
}

const SIX_KINDS: &str = "run.train_subset = 100\nrun.test_subset = 50\nrun.width = 0.05\nrun.probe_images = 0\nrun.threads = 1\n\
                         run.epochs = 4\nbatch_sizes = [1, 10, 50]\nseeds = 2\nmethods = [\"none\", \"normprop\"]\n";

#[test]
fn a_kind_of_each_batch_size_is_measured_before_a_second_one() {
    let mut plan = plan_of(SIX_KINDS);
    let known = BTreeMap::from([(("normprop".to_owned(), 50, (100, Precision::F32)), 1.0)]);
    // Of two runs of a kind one is measured, of one that is over none.
    plan[0].state = State::Diverged;
    let order: Vec<Kind> = to_measure(&plan, &known).iter().map(kind).collect();
    let expected = [
        ("normprop", 1),
        ("none", 10),
        ("none", 50),
        ("normprop", 10),
        ("none", 1),
    ];
    assert_eq!(
        order,
        expected.map(|(label, size)| (label.to_owned(), size, (100, Precision::F32)))
    );
}

#[test]
fn what_was_not_measured_costs_what_the_nearest_batch_size_costs() {
    let kind = |label: &str, size: usize| (label.to_owned(), size, (0, Precision::F32));
    let known = BTreeMap::from([
        (kind("a", 1), 90.0),
        (kind("b", 1), 70.0),
        (kind("a", 50), 9.0),
    ]);
    assert_eq!(epoch_s(&known, &kind("a", 50)), 9.0);
    assert_eq!(epoch_s(&known, &kind("c", 1)), 80.0);
    assert_eq!(epoch_s(&known, &kind("c", 6)), 80.0);
    assert_eq!(epoch_s(&known, &kind("c", 9)), 9.0);
    assert!(epoch_s(&BTreeMap::new(), &kind("c", 9)).is_nan());
    // A sweep on fewer images tells the time of runs on all of them only where nothing else is known.
    let mut known = known;
    let few = |label: &str, size: usize| (label.to_owned(), size, (1000, Precision::F32));
    known.insert(few("c", 9), 0.5);
    assert_eq!(epoch_s(&known, &kind("c", 9)), 9.0);
    assert_eq!(epoch_s(&known, &few("d", 50)), 0.5);
}

#[test]
fn a_few_steps_tell_the_time_of_every_run() {
    let mut plan = plan_of(SIX_KINDS);
    let (quiet, never) = (true, Interrupt::default());
    let mut told = EpochTimes::new();
    assert!(fill_in(&mut plan, &mut told, 1, false, &never, quiet).unwrap());
    assert_eq!(plan.len(), 12);
    for entry in &plan {
        assert!(entry.remaining_s > OVERHEAD_S, "{entry:?}");
    }
    // Another estimate in the same call measures nothing.
    let first = plan[0].remaining_s;
    assert_eq!(told.len(), 6);
    assert!(!fill_in(&mut plan, &mut told, 1, false, &never, quiet).unwrap());
    assert_eq!(plan[0].remaining_s, first);
}

#[test]
fn a_signal_ends_the_estimate() {
    let mut plan = plan_of(SIX_KINDS);
    let interrupt = Interrupt::default();
    interrupt.raise(signal_hook::consts::SIGINT);
    let error = fill_in(
        &mut plan,
        &mut EpochTimes::new(),
        1,
        false,
        &interrupt,
        true,
    )
    .unwrap_err();
    assert!(matches!(
        error.downcast_ref(),
        Some(Failure::Interrupted { signal: 2 })
    ));
    assert!(plan[0].remaining_s.is_nan());
}
