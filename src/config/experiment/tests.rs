use super::*;
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
epochs = 3
methods = [
  { name = "bn", lr = { 1 = 0.004, 50 = 0.05 } },
  { name = "normprop", label = "centred", center_rows = true, lrs = [0.01, 0.02], set = { weight_decay = 0.0 } },
]
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
    assert!(refused(own, "lr", "0.3").contains("method `b` has learning rates of its own"));
    assert!(refused(own, "lrs", "[0.3]").contains("{ name = \"bn\", lrs = [0.3] }"));
    let swept = "methods = [\"bn\"]\n[sweep]\nlrs = [0.1, 0.2]";
    assert!(refused(swept, "lr", "0.3").contains("sweep.lrs"));
    assert!(with(swept, "sweep.lrs", "[0.3]").is_ok());
    let several = "methods = [\"bn\"]\nlrs = [0.1, 0.2]";
    assert!(refused(several, "lr", "0.3").contains("use --set 'lrs=[0.3]'"));
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
            (seed, 1, "centred", 0.01),
            (seed, 1, "centred", 0.02),
            (seed, 50, "bn", 0.05),
            (seed, 50, "centred", 0.01),
            (seed, 50, "centred", 0.02),
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
    assert_eq!(
        runs[1].config.method.options["center_rows"].as_bool(),
        Some(true)
    );
}

#[test]
fn without_rates_a_method_has_its_default_and_shared_rates_go_to_all() {
    let default = &runs("methods = [\"bn\"]")[0].config;
    assert_eq!(
        default.lr,
        crate::methods::find("bn")
            .unwrap()
            .default_learning_rate(50, crate::methods::NetworkKind::Convolutional)
    );
    let text = "methods = [\"bn\", { name = \"normprop\", lr = 0.5 }]\nlrs = [0.1, 0.2]";
    let rates: Vec<f64> = runs(text).iter().map(|run| run.config.lr).collect();
    assert_eq!(rates, [0.1, 0.2, 0.5]);
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

#[test]
fn mistakes_are_named_with_file_line_and_nearest_name() {
    let cases = [
        (
            "methods = [\"bn\"]\nepocs = 3",
            "x.toml, line 2: unknown key `epocs`; did you mean `epochs`?",
        ),
        (
            "methods = [\"bn\"]\n\nepochs = \"many\"",
            "x.toml, line 3: epochs = \"many\"",
        ),
        (
            "methods = [\n\"bn\",\n\"normpropp\"]",
            "x.toml, line 3: unknown method `normpropp`; did you mean `normprop`?",
        ),
        (
            "methods = [\"bn\"]\ndataset = \"cifar11\"",
            "did you mean `cifar10`?",
        ),
        (
            "methods = [\n{ name = \"normprop\",\n centre_rows = true }]",
            "x.toml, line 3: method `normprop` has no option `centre_rows`",
        ),
        ("methods = [\"bn\", \"bn\"]", "two methods are called `bn`"),
        (
            "methods = [\"bn\", { name = \"bn\", label = \"again\" }]",
            "ask for the same run",
        ),
        ("methods = []", "at least one method"),
        ("epochs = 2", "`methods` is missing"),
        (
            "methods = [\"bn\"]\nseeds = []",
            "x.toml, line 2: seeds is empty",
        ),
        ("methods = [\"bn\"]\nseeds = 0", "x.toml, line 2: seeds = 0"),
        (
            "methods = [\"bn\"]\nseeds = [1, 2, 1]",
            "1 stands twice in seeds",
        ),
        (
            "methods = [\"bn\"]\nbatch_sizes = [50, 0]",
            "0 in batch_sizes: expected whole numbers of at least 1",
        ),
        ("methods = [\"bn\"]\nbatch_size = 0", "x.toml, line 2"),
        (
            "methods = [\"bn\"]\nbatch_sizes = [5000]",
            "batch_size = 5000 is larger than the 4000 training images",
        ),
        (
            "methods = [\"bn\"]\ntrain_subset = 40\nbatch_sizes = [50]",
            "batch_size = 50 is larger than the 40 training images",
        ),
        (
            "methods = [\"bn\"]\ntrain_subset = 5000",
            "train_subset = 5000 is larger than the 4000",
        ),
        ("methods = [\"bn\"]\nlrs = [0.1, -1]", "-1 in lrs"),
        (
            "methods = [{ name = \"bn\", lr = { 1 = 0.1 } }]\nbatch_sizes = [1, 8]",
            "method `bn` has no learning rate for batch size 8",
        ),
        (
            "methods = [{ name = \"bn\", lr = 1, lrs = [1] }]",
            "`lr` or `lrs`",
        ),
        (
            "methods = [{ name = \"bn\", set = { epoch = 1 } }]",
            "unknown key `epoch`; did you mean `epochs`?",
        ),
        (
            "methods = [{ name = \"bn\", set = { seed = 1 } }]",
            "cannot stand in `set`",
        ),
        (
            "methods = [\"bn\"]\nmethod = { name = \"bn\" }",
            "`method` or `methods`",
        ),
        (
            "methods = [\"bn\"]\nbatch_sizes = [1]\ndata_norm = \"batch\"",
            "method `bn` at batch size 1: data_norm = \"batch\"",
        ),
        (
            "methods = [\"bn\"]\nbatch_sizes = [1]\nmodel = \"mlp\"",
            "batch_size = 1",
        ),
        (
            "methods = [\"bn\"]\ntarget_test_error = 7",
            "expected a fraction between 0 and 1",
        ),
        ("methods = [\"bn\"]\njobs = 0", "jobs = 0"),
        (
            "methods = [\"bn\"]\n[reference]\nsource = \"x\"",
            "x.toml, line 2: a reference needs a table test_error",
        ),
        (
            "methods = [\"bn\"]\n[reference]\ntest_eror = { bn = 0.1 }",
            "x.toml, line 3: unknown key `test_eror` in reference; did you mean `test_error`?",
        ),
        (
            "methods = [\"bn\"]\n[sweep]\nlr = [1]",
            "x.toml, line 3: unknown key `lr` in sweep; did you mean `lrs`?",
        ),
        (
            "methods = [\"bn\"]\n[sweep]\nseeds = 1",
            "a sweep needs `lrs`, `lr_factors` or a `grid`",
        ),
        (
            "methods = [\"bn\"]\n[sweep]\nlrs = [0.1]\nset = { seed = 1 }",
            "`seed` cannot be set here",
        ),
        (
            "methods = [\"bn\"]\n[sweep]\ngrid = { momentun = [0.9] }",
            "did you mean `momentum`?",
        ),
        (
            "methods = [\"bn\"]\n[sweep]\nlrs = [0.1]\nvalidation_subset = 4000",
            "larger than the 0 training images",
        ),
        (
            "name = \"a/b\"\nmethods = [\"bn\"]",
            "usable as a folder name",
        ),
    ];
    for (text, expected) in cases {
        let message = message(text);
        assert!(
            message.contains(expected),
            "{text}\n→ {message}\nwithout: {expected}"
        );
    }
}

const SWEPT: &str = r#"
methods = [{ name = "bn", lr = 0.1 }, "none"]
batch_sizes = [2, 50]
seeds = [3]
[sweep]
lr_factors = [0.5, 1]
seeds = 2
validation_subset = 400
set = { epochs = 1 }
[sweep.grid]
momentum = [0.0, 0.9]
"#;

#[test]
fn a_sweep_tries_the_whole_grid_on_held_out_images() {
    let sweep = parse(SWEPT).unwrap().expand_sweep().unwrap();
    assert_eq!(sweep.len(), 2 * 2 * 2 * 4);
    let bn: Vec<_> = sweep
        .iter()
        .filter(|(run, _)| run.label == "bn" && run.config.batch_size == 2)
        .collect();
    let tried: Vec<_> = bn
        .iter()
        .map(|(run, _)| (run.config.seed, run.config.lr, run.config.momentum))
        .collect();
    assert_eq!(
        tried[..4],
        [(0, 0.05, 0.0), (0, 0.05, 0.9), (0, 0.1, 0.0), (0, 0.1, 0.9)]
    );
    assert_eq!(bn[1].1.settings(), "momentum=0.9");
    for (run, _) in &sweep {
        assert_eq!(
            (
                run.config.holdout,
                run.config.epochs,
                run.config.name.as_str()
            ),
            (400.0, 1, "x-sweep")
        );
    }
}

#[test]
fn what_a_sweep_chose_replaces_what_the_file_says() {
    let experiment = parse(SWEPT).unwrap();
    let chosen = |label: &str, batch_size: usize| {
        let keys = "lr = 0.7\nmomentum = 0.5".parse().unwrap();
        (label == "bn" && batch_size == 50).then_some(keys)
    };
    let runs = experiment.expand(&chosen).unwrap();
    let shown: Vec<_> = runs
        .iter()
        .map(|run| (run.config.lr, run.config.momentum, run.config.holdout))
        .collect();
    let none = |size| {
        crate::methods::find("none")
            .unwrap()
            .default_learning_rate(size, crate::methods::NetworkKind::Convolutional)
    };
    assert_eq!(
        shown,
        [
            (0.1, 0.9, 0.0),
            (none(2), 0.9, 0.0),
            (0.7, 0.5, 0.0),
            (none(50), 0.9, 0.0)
        ]
    );
}

#[test]
fn a_sweep_can_be_all_there_is() {
    let only = parse(&SWEPT.replace("[sweep]", "[sweep]\nonly = true")).unwrap();
    assert!(only.is_only_a_sweep());
    assert_eq!(only.expand(&|_, _| None).unwrap(), []);
    assert_eq!(only.expand_sweep().unwrap().len(), 32);
    let error = parse(&SWEPT.replace("[sweep]", "[sweep]\nonly = 1")).unwrap_err();
    assert!(error.to_string().contains("line 6: only = 1"), "{error:#}");
}

#[test]
fn rates_come_from_the_table_of_an_earlier_sweep() {
    let folder = tempfile::tempdir().unwrap();
    let table = "method,batch_size,lr,chosen,label\nbn,2,0.03,true,bn\nbn,2,0.06,false,bn\nbn,50,0.2,true,bn\n\
                 none,50,0.01,false,none\n";
    std::fs::write(folder.path().join("sweep.csv"), table).unwrap();
    let file = folder.path().join("later.toml");
    let load = |methods: &str| {
        let text =
            format!("rates_from = \"sweep.csv\"\nbatch_sizes = [2, 50]\nmethods = {methods}\n");
        std::fs::write(&file, text).unwrap();
        Experiment::load(&file, &[])
    };
    let rates = |methods: &str| -> Vec<f64> {
        let runs = load(methods).unwrap().expand(&|_, _| None).unwrap();
        runs.iter().map(|run| run.config.lr).collect()
    };
    assert_eq!(rates("[\"bn\"]"), [0.03, 0.2]);
    assert_eq!(
        rates("[\"bn\", { name = \"none\", lr = 0.5 }]"),
        [0.03, 0.5, 0.2, 0.5]
    );
    let error = load("[\"bn\", \"none\"]").unwrap_err().to_string();
    assert!(
        error.contains("line 1") && error.contains("no learning rate for `none`"),
        "{error}"
    );
    let together = "batch_size,lr,settings,chosen,label\n2,0.03,momentum=0.5,true,bn\n";
    std::fs::write(folder.path().join("sweep.csv"), together).unwrap();
    let error = load("[\"bn\"]").unwrap_err().to_string();
    assert!(error.contains("together with momentum=0.5"), "{error}");
    std::fs::remove_file(folder.path().join("sweep.csv")).unwrap();
    let error = load("[\"bn\"]").unwrap_err().to_string();
    assert!(
        error.contains("cannot use") && error.contains("sweep.csv"),
        "{error}"
    );
}

#[test]
fn what_cannot_be_run_is_named_with_the_line_that_asks_for_it() {
    let bn = "methods = [\"bn\"]\n";
    let cases = [
        (format!("{bn}width = -1"), "line 2: method `bn` at batch size 50: width = -1"),
        (format!("{bn}activation = \"rellu\""), "line 2: "),
        (format!("name = \"a/b\"\n{bn}"), "line 1: "),
        (
            format!("{bn}\ntest_subset = 1001"),
            "line 3: method `bn` at batch size 50: test_subset = 1001 is larger than the 1000 test images",
        ),
        (format!("{bn}dataset = \"cifar11\""), "line 2: "),
        (format!("{bn}batch_sizes = [50, 5000]"), "line 2: method `bn` at batch size 5000: "),
        (
            "methods = [\n \"none\",\n { name = \"bn\", batch_sizes = [1], set = { model = \"mlp\" } }]".into(),
            "line 3: method `bn` at batch size 1: bn has no statistics",
        ),
        (
            "methods = [\n{ name = \"bn\", lr = { 1 = 0.1 } }]\nbatch_sizes = [1, 8]".into(),
            "line 2: method `bn` has no learning rate for batch size 8",
        ),
        (
            "methods = [\n{ name = \"bn\",\nset = { momentum = 2 } }]".into(),
            "line 3: method `bn` at batch size 50: momentum = 2",
        ),
        (
            format!("{bn}[sweep]\nlrs = [0.1]\n[sweep.grid]\nmomentum = [0.5, 1.5]"),
            "line 5: method `bn` at batch size 50: momentum = 1.5",
        ),
        (
            format!("{bn}[sweep]\nlrs = [0.1]\nset = {{ weight_decay = -1 }}"),
            "line 4: method `bn` at batch size 50: weight_decay = -1",
        ),
    ];
    for (text, expected) in cases {
        let message = message(&text);
        assert!(
            message.starts_with(&format!("x.toml, {expected}")),
            "{text}\n→ {message}\nwithout: {expected}"
        );
    }
    let set = [Assignment::set("width", "-1")];
    let error = Experiment::parse(bn, "x.toml", "x", &set).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("--set width: method `bn` at batch size 50: width = -1"),
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
