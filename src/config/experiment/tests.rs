mod counts;
mod mistakes;
mod sweeps;

use anyhow::Result;

use super::*;
use crate::config::overrides::Assignment;
use proptest::prelude::*;

fn parse(text: &str) -> Result<Experiment> {
    Experiment::parse(text, "x.toml", "x", &[])
}

fn message(text: &str) -> String {
    format!("{:#}", parse(text).unwrap_err())
}

fn runs(text: &str) -> Vec<PlannedRun> {
    parse(text).unwrap().expand(&|_, _| None).unwrap()
}

const QUICK: &str = r#"
run.epochs = 3
methods = [
  { name = "bn", lr = { 1 = 0.004, 50 = 0.05 } },
  { name = "normprop", label = "centered", center_rows = true, set = { weight_decay = 0.0 } },
]
lrs = [0.01, 0.02]
batch_sizes = [1, 50]
seeds = 2
"#;

#[test]
fn a_learning_rate_from_the_command_line_is_used_or_refused() {
    let with = |text: &str, key: &str, value: &str| {
        Experiment::parse(text, "x.toml", "x", &[Assignment::set(key, value)])
    };
    let refused =
        |text: &str, key: &str, value: &str| with(text, key, value).unwrap_err().to_string();
    let plain = "methods = [\"bn\"]";
    let used = with(plain, "lr", "0.3").unwrap();
    let used = used.expand(&|_, _| None).unwrap();
    assert_eq!(used[0].config.lr, 0.3);
    let own = "methods = [\"none\", { name = \"bn\", label = \"b\", lr = 0.1 }]";
    assert!(refused(own, "lr", "0.3").contains("method `b` has a learning rate of its own"));
    assert!(refused(own, "lrs", "[0.3]").contains("{ name = \"bn\", lr = ... }"));
    let swept = "methods = [\"bn\"]\n[sweep]\nlrs = [0.1, 0.2]";
    assert!(refused(swept, "lr", "0.3").contains("sweep.lrs"));
    assert!(with(swept, "sweep.lrs", "[0.3]").is_ok());
    let several = "methods = [\"bn\"]\nlrs = [0.1, 0.2]";
    assert!(refused(several, "lr", "0.3").contains("--set lr: give `lr` in [run] or `lrs`"));
    let factors = with(
        "methods = [\"bn\"]\n[sweep]\nlr_factors = [2.0]",
        "lr",
        "0.3",
    )
    .unwrap();
    assert_eq!(factors.expand_sweep().unwrap()[0].0.config.lr, 0.6);
}

#[test]
fn an_experiment_spans_method_batch_size_rate_and_seed() {
    let runs = runs(QUICK);
    let shown: Vec<_> = runs
        .iter()
        .map(|run| {
            (
                run.config.seed,
                run.config.batch_size,
                run.label.as_str(),
                run.config.lr,
            )
        })
        .collect();
    let of_seed = |seed| {
        vec![
            (seed, 1, "bn", 0.004),
            (seed, 1, "centered", 0.01),
            (seed, 1, "centered", 0.02),
            (seed, 50, "bn", 0.05),
            (seed, 50, "centered", 0.01),
            (seed, 50, "centered", 0.02),
        ]
    };
    assert_eq!(shown, [of_seed(0), of_seed(1)].concat());
    assert!(
        runs.iter()
            .all(|run| run.config.epochs == 3 && run.config.name == "x")
    );
    let decays: Vec<f64> = runs
        .iter()
        .take(2)
        .map(|run| run.config.weight_decay)
        .collect();
    assert_eq!(decays, [5e-4, 0.0]);
    assert!(runs[1].config.method.options.flag("center_rows"));
}

#[test]
fn without_rates_a_method_has_its_default_and_shared_rates_go_to_all() {
    let default = &runs("methods = [\"bn\"]")[0].config;
    assert_eq!(
        default.lr,
        crate::methods::find("bn")
            .unwrap()
            .default_learning_rate(50, crate::nn::node::NetworkKind::Convolutional)
    );
    let text = "methods = [\"bn\", { name = \"normprop\", lr = 0.5 }]\nlrs = [0.1, 0.2]";
    let rates: Vec<f64> = runs(text).iter().map(|run| run.config.lr).collect();
    assert_eq!(rates, [0.1, 0.2, 0.5]);
}

#[test]
fn a_method_under_another_name_is_planned_under_its_own() {
    let runs = runs("methods = [\"BatchNorm2d\", { name = \"layer_norm\", lr = 0.5 }]");
    let names = |run: &PlannedRun| (run.label.clone(), run.config.method.name());
    let expected = ["bn", "layer-norm"].map(|name| (name.to_string(), name));
    assert_eq!(runs.iter().map(names).collect::<Vec<_>>(), expected);
}

#[test]
fn a_method_may_have_batch_sizes_of_its_own() {
    let text = "methods = [{ name = \"bn\", batch_sizes = [50] }, { name = \"normprop\", batch_sizes = [1, 100, 1000] }]\nbatch_sizes = [50, 1]";
    let cells: Vec<_> = runs(text)
        .iter()
        .map(|run| (run.config.batch_size, run.label.clone()))
        .collect();
    let expected = [
        (50, "bn"),
        (1, "normprop"),
        (100, "normprop"),
        (1000, "normprop"),
    ];
    assert_eq!(
        cells,
        expected.map(|(size, label)| (size, label.to_owned()))
    );
}

#[test]
fn overrides_reach_run_keys_and_own_keys() {
    let set = [("epochs", "7"), ("seeds", "[4]"), ("batch_sizes", "[50]")];
    let set = set.map(|(key, value)| Assignment::set(key, value));
    let experiment = Experiment::parse(QUICK, "x.toml", "x", &set).unwrap();
    let runs = experiment.expand(&|_, _| None).unwrap();
    assert_eq!(runs.len(), 3);
    assert!(
        runs.iter()
            .all(|run| run.config.epochs == 7 && run.config.seed == 4)
    );
    let set = [Assignment::set("seeds", "[]")];
    let error = Experiment::parse(QUICK, "x.toml", "x", &set).unwrap_err();
    assert!(
        error.to_string().starts_with("--set seeds: seeds is empty"),
        "{error}"
    );
}

proptest! {
    #[test]
    fn the_number_of_runs_is_the_product_and_their_directories_differ(
        sizes in proptest::sample::subsequence(vec![1_usize, 2, 8, 50, 100], 1..5),
        rates in proptest::sample::subsequence(vec![0.01, 0.02, 0.1], 1..3),
        seeds in 1_u64..5,
    ) {
        let text = format!("methods = [\"none\", \"bn\", \"normprop\"]\nbatch_sizes = {sizes:?}\nlrs = {rates:?}\nseeds = {seeds}");
        let runs = runs(&text);
        prop_assert_eq!(runs.len(), 3 * sizes.len() * rates.len() * seeds as usize);
        let mut names: Vec<String> = runs.iter().map(|run| run.config.run_name().unwrap()).collect();
        names.sort();
        names.dedup();
        prop_assert_eq!(names.len(), runs.len());
        prop_assert_eq!(runs, super::tests::runs(&text));
    }

    #[test]
    fn any_text_is_read_or_refused_without_a_panic(text in "(methods|seeds|lrs|\\[sweep\\]|a|=|\\[|\\]|\"bn\"|1|-3|\\{|\\}|\n|,| ){0,30}") {
        if let Err(error) = parse(&text) {
            prop_assert!(error.downcast_ref::<crate::error::Failure>().is_some(), "{error:#}");
        }
    }
}

#[test]
fn a_list_of_one_item_may_stand_without_brackets() {
    let parse = |text: &str| Experiment::parse(text, "x.toml", "x", &[]);
    let single = parse("methods = \"bn\"\nbatch_sizes = 20\nlrs = 0.1").unwrap();
    let listed = parse("methods = [\"bn\"]\nbatch_sizes = [20]\nlrs = [0.1]").unwrap();
    let runs = |experiment: &Experiment| experiment.expand(&|_, _| None).unwrap();
    assert_eq!(runs(&single), runs(&listed));
    let error = parse("methods = [\"bn\"]\nbatch_sizes = \"many\"").unwrap_err();
    assert!(
        error
            .to_string()
            .contains("batch_sizes = \"many\": expected a list"),
        "{error}"
    );
}

#[test]
fn epochs_may_differ_by_batch_size() {
    let text = "methods = [\"bn\"]\nbatch_sizes = [1, 50]\nrun.epochs = { 1 = 2, 50 = 10 }\n\
                sweep = { lrs = [0.1], set.epochs = { 1 = 1, 50 = 5 } }";
    let epochs = |runs: Vec<PlannedRun>| {
        let epochs = runs.iter().map(|run| run.config.epochs);
        epochs.collect::<Vec<_>>()
    };
    assert_eq!(epochs(runs(text)), [2, 10]);
    let tried = parse(text).unwrap().expand_sweep().unwrap();
    let tried = tried.into_iter().map(|(run, _)| run).collect();
    assert_eq!(epochs(tried), [1, 5]);
    let same = text.replace("{ 1 = 2, 50 = 10 }", "3");
    assert_eq!(epochs(runs(&same)), [3, 3]);
}
