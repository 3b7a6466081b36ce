//! How many runs an experiment stands for.

use proptest::prelude::*;

use super::super::count::MOST_RUNS;
use super::*;

fn counts(text: &str) -> (u64, u64) {
    let experiment = parse(text).unwrap();
    (experiment.run_count(), experiment.sweep_run_count())
}

proptest! {
    #[test]
    fn runs_are_counted_as_they_are_made(
        sizes in proptest::sample::subsequence(vec![1_usize, 8, 50], 1..4),
        rates in 1_usize..4,
        seeds in 1_u64..4,
        momenta in 1_usize..4,
        own in proptest::sample::select(vec!["", ", lr = 0.5", ", batch_sizes = [1, 2]", ", lr = 0.5, batch_sizes = [2]"]),
        drawn in any::<bool>(),
    ) {
        let rates = &[0.1, 0.2, 0.3][..rates];
        let momenta = &[0.5, 0.6, 0.7][..momenta];
        let sweep = match drawn {
            true => "search = \"random\"\nsamples = 5\nrange.lr = { low = 0.1, high = 1.0 }".to_owned(),
            false => format!("lrs = {rates:?}"),
        };
        let text = format!(
            "methods = [\"none\", {{ name = \"bn\"{own} }}]\nbatch_sizes = {sizes:?}\nlrs = {rates:?}\nseeds = {seeds}\n\
             [sweep]\n{sweep}\nseeds = [3, {seeds}]\ngrid = {{ momentum = {momenta:?}, nesterov = [true, false] }}\n"
        );
        let text = text.replace("[3, 3]", "[3]");
        let experiment = parse(&text).unwrap();
        let made = (experiment.expand(&|_, _| None).unwrap().len(), experiment.expand_sweep().unwrap().len());
        let only = counts(&format!("{text}only = true\n"));
        prop_assert_eq!(counts(&text), (made.0 as u64, made.1 as u64));
        prop_assert_eq!(only, (0, made.1 as u64));
    }
}

#[test]
fn more_runs_than_a_comparison_may_have_are_refused_from_their_count() {
    let seven = "methods = [\"none\", \"bn\", \"frn\", \"selu\", \"cosine\", \"layer-norm\", \"normprop\"]\n";
    let cases = [
        (
            format!(
                "{seven}batch_sizes = [1, 2, 5, 10, 50]\nseeds = 99999\n[sweep]\nlrs = [0.1, 0.2]\nseeds = 3\n"
            ),
            "x.toml, line 3: the comparison asks for more than 100000 runs, the most that one may have: \
             methods × batch_sizes × seeds = 7 × 5 × 99999 = 3499965 runs, and in the sweep \
             methods × batch_sizes × sweep.lrs × sweep.seeds = 7 × 5 × 2 × 3 = 210 runs; \
             shorten `seeds` or one of the others, or write several experiments",
        ),
        (
            format!("{seven}lrs = [0.1, 0.2]\nseeds = 7143"),
            "methods × batch_sizes × lrs × seeds = 7 × 1 × 2 × 7143 = 100002 runs;",
        ),
        (
            "seeds = 33334\nmethods = [\"bn\", { name = \"none\", batch_sizes = [1, 2] }]".into(),
            "x.toml, line 1: the comparison asks for more than 100000 runs, the most that one may have: \
             methods with their batch_sizes and lrs × seeds = 3 × 33334 = 100002 runs;",
        ),
    ];
    for (text, expected) in cases {
        let message = message(&text);
        assert!(message.contains(expected), "{message}\nwithout: {expected}");
    }
    // Made, these would fill any memory.
    let tens: Vec<String> = (1..=99).map(|n| format!("0.{n:02}")).collect();
    let keys = [
        "momentum",
        "weight_decay",
        "step_factor",
        "clip_norm",
        "clip_units",
        "warmup_epochs",
    ];
    let grid: Vec<String> = keys
        .map(|key| format!("{key} = [{}]", tens.join(", ")))
        .into();
    let text = format!("methods = [\"bn\"]\n[sweep.grid]\n{}", grid.join("\n"));
    let message = message(&text);
    assert!(message.starts_with("x.toml, line 3: "), "{message}");
    assert!(
        message.contains("× 1 = 941480149401 runs; shorten `sweep.grid."),
        "{message}"
    );
}

#[test]
fn as_many_runs_as_a_comparison_may_have_are_counted_and_accepted() {
    let mut experiment = parse("methods = [\"bn\"]").unwrap();
    experiment.seeds = crate::config::axes::Seeds::Count(MOST_RUNS);
    assert!(experiment.check_count().is_ok());
    experiment.seeds = crate::config::axes::Seeds::Count(MOST_RUNS + 1);
    assert!(experiment.check_count().is_err());
}
