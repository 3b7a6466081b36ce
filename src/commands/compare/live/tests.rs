use super::super::tests::{experiment, look_up, record};
use super::*;

const PLAN: &str = "methods = [\"bn\", \"normprop\"]\nseeds = 2\nrun.epochs = 3";

#[test]
fn the_page_grows_with_the_epochs_and_says_in_the_end_what_is_left() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("results");
    let experiment = experiment(PLAN);
    let mut configs: Vec<_> = experiment.expand(&|_, _| None).unwrap();
    configs.sort_by_key(|run| (run.label.clone(), run.config.seed));
    record(
        &configs[0].config,
        place.path(),
        &[0.9, 0.5, 0.4, 0.3],
        Status::Finished,
    );
    let entries = look_up(&experiment, place.path());
    let subject = LiveSubject {
        experiment,
        sweep: Vec::new(),
        folder: folder.clone(),
    };
    let mut writer = Writer::new(subject, entries);
    let label = |entry: &PlanEntry| (entry.key.group.label.clone(), entry.key.seed);
    writer.entries.sort_by_key(label);
    writer
        .standings
        .sort_by_key(|standing| *standing != RunStanding::Over);
    writer.standings[1] = RunStanding::Running;
    writer.left_s = 60.0;
    let page = || std::fs::read_to_string(folder.join(page::PAGE)).unwrap();
    assert!(
        writer.is_due() && !writer.look(),
        "no epoch was done since the beginning"
    );

    record(
        &configs[1].config,
        place.path(),
        &[0.9, 0.6],
        Status::Running,
    );
    assert!(writer.look());
    writer.write(true);
    let first = page();
    for text in [
        "1 of 4 runs over, 1 running, 2 waiting; about 1 min 00 s left.",
        ">4 of 6<",
        "http-equiv=\"refresh\"",
    ] {
        assert!(first.contains(text), "{text}");
    }
    assert!(!writer.is_due() && !writer.look(), "nothing is new");
    let results = Results::of("so far".to_owned(), None, writer.runs.lend(), Vec::new());
    let bn = &writer.entries[0].key.group;
    let lengths = results
        .runs
        .drawn_of(bn)
        .into_iter()
        .map(|run| run.rows.len());
    assert_eq!(
        lengths.collect::<Vec<_>>(),
        [4, 2],
        "curves are drawn as far as they are"
    );
    assert_eq!((results.summary[0].n, results.groups.most_runs), (1, 2));
    writer.runs.give_back(results.runs);

    record(
        &configs[2].config,
        place.path(),
        &[0.9, f64::NAN],
        Status::Diverged,
    );
    writer.standings[1..3].fill(RunStanding::Over);
    assert!(writer.look());
    assert_eq!(writer.entries[2].state, State::Diverged);
    let runs = writer.runs.lend();
    let kept = runs
        .curves
        .iter()
        .map(|run| (run.key.clone(), run.rows.len()));
    let entries = writer.entries.iter().zip([4, 2, 2]);
    let expected = entries.map(|(entry, rows)| (entry.key.clone(), rows));
    assert!(kept.eq(expected), "in the order of the plan");
    assert_eq!(runs.layers.len(), 3);
    writer.runs.give_back(runs);
    writer.write(false);
    assert!(
        page().contains("3 of 4 runs over. No process works on the others")
            && !page().contains("http-equiv=\"refresh\"")
    );
}

#[test]
fn a_page_that_cannot_be_written_costs_nothing() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("results");
    std::fs::write(&folder, "a file").unwrap();
    let experiment = experiment(PLAN);
    let first = experiment.expand(&|_, _| None).unwrap().remove(0);
    let entries = look_up(&experiment, place.path());
    let subject = LiveSubject {
        experiment,
        sweep: Vec::new(),
        folder: folder.clone(),
    };
    let page = LivePage::start(subject, entries, vec![0]);
    page.hear(&Report::Started(0), 1.0);
    record(&first.config, place.path(), &[0.9, 0.5], Status::Running);
    page.hear(&Report::Ended(0, Outcome::Stopped), 1.0);
    page.end();
    assert_eq!(std::fs::read_to_string(&folder).unwrap(), "a file");
}
