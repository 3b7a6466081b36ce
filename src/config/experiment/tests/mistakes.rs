//! What is refused, and how it is said.

use super::*;

#[test]
fn mistakes_are_named_with_file_line_and_nearest_name() {
    let cases = [
        (
            "methods = [\"bn\"]\nepocs = 3",
            "x.toml, line 2: unknown key `epocs`; did you mean `epochs`?",
        ),
        (
            "methods = [\"bn\"]\ncenter_rows = true",
            "x.toml, line 2: unknown key `center_rows`; the option of a method stands in its entry: \
             methods = [{ name = \"...\", center_rows = true }]",
        ),
        (
            "methods = [\"bn\"]\n\nrun.epochs = \"many\"",
            "x.toml, line 3: epochs = \"many\"",
        ),
        (
            "methods = [\n\"bn\",\n\"normpropp\"]",
            "x.toml, line 3: unknown method `normpropp`; did you mean `normprop`?",
        ),
        (
            "methods = [\"bn\"]\nrun.dataset = \"cifar11\"",
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
        (
            "methods = [\n{ name = \"bn\", label = \"a\\nb\" }]",
            "x.toml, line 2: label = \"a\\nb\": must be one line of text, without '\\n'",
        ),
        (
            "methods = [\"bn\"]\nsweep.over.run = [\"\\u001b\"]",
            "x.toml, line 2",
        ),
        (
            "methods = [\"bn\"]\nreference.test_error = { \"a\\nb\" = 0.1 }",
            "must be one line of text",
        ),
        ("methods = []", "methods is empty: at least 1 is needed"),
        ("title = \"x\"", "`methods` is missing"),
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
            "0 in batch_sizes: must be in [1, 10000000]",
        ),
        ("methods = [\"bn\"]\nrun.batch_size = 0", "x.toml, line 2"),
        (
            "methods = [\"bn\"]\nbatch_sizes = [5000]",
            "batch_size = 5000 is larger than the 4000 training images",
        ),
        (
            "methods = [\"bn\"]\nrun.train_subset = 40\nbatch_sizes = [50]",
            "batch_size = 50 is larger than the 40 training images",
        ),
        (
            "methods = [\"bn\"]\nrun.train_subset = 5000",
            "train_subset = 5000 is larger than the 4000",
        ),
        ("methods = [\"bn\"]\nlrs = [0.1, -1]", "-1 in lrs"),
        (
            "methods = [{ name = \"bn\", lr = { 1 = 0.1 } }]\nbatch_sizes = [1, 8]",
            "method `bn` has no learning rate for batch size 8",
        ),
        (
            "methods = [\n{ name = \"bn\",\n lrs = [1] }]",
            "x.toml, line 3: `lrs` stands at the top, for all methods",
        ),
        (
            "run.lr = 0.1\nlrs = [1]\nmethods = [\"bn\"]",
            "x.toml, line 1: give `lr` in [run] or `lrs`, not both",
        ),
        (
            "run.lr = { 1 = 0.1, x = 3 }\nmethods = [\"bn\"]",
            "x.toml, line 1: `x` in lr: expected a batch size",
        ),
        (
            "run.epochs = { 1 = 2, x = 3 }\nmethods = [\"bn\"]",
            "x.toml, line 1: `x` in epochs: expected a batch size",
        ),
        (
            "methods = [\"bn\"]\nrun.epochs = {}",
            "x.toml, line 2: epochs is empty",
        ),
        (
            "methods = [\"bn\"]\nrun.epochs = { 50 = 1.5 }",
            "x.toml, line 2: epochs = 1.5: expected a whole number",
        ),
        (
            "methods = [\"bn\"]\nrun.epochs = { 1 = 2, 50 = 4 }\nbatch_sizes = [50, 8]",
            "x.toml, line 2: epochs has no value for batch size 8, only for 1, 50",
        ),
        (
            "methods = [\"bn\"]\nsweep = { lrs = [0.1], set.epochs = { 1 = 2 } }",
            "x.toml, line 2: epochs has no value for batch size 50, only for 1",
        ),
        (
            "methods = [{ name = \"bn\", set = { epochs = { 50 = 1 } } }]",
            "x.toml, line 1: epochs",
        ),
        (
            "run.lr = 0\nmethods = [\"bn\"]",
            "x.toml, line 1: lr = 0: must be in [1e-30, 1e30]",
        ),
        (
            "methods = [{ name = \"bn\", set = { epoch = 1 } }]",
            "x.toml, line 1: unknown key `epoch` in methods.0.set; did you mean `epochs`?",
        ),
        (
            "methods = [{ name = \"bn\", set = { seed = 1 } }]",
            "cannot stand in `set`",
        ),
        (
            "methods = [\"bn\"]\nmethod = { name = \"bn\" }",
            "x.toml, line 2: a comparison has a list: methods = [",
        ),
        (
            "[run]\nmethod = { name = \"bn\" }",
            "x.toml, line 2: `method` cannot stand in [run]",
        ),
        (
            "title = \"x\"\nmethods = [\"bn\"]\nepochs = 3",
            "x.toml, line 3: `epochs` tells what every run is, and stands in the table [run]:\n\n[run]\nepochs = 3",
        ),
        (
            "[run]\nepochs = 3\nmethods = [\"bn\"]",
            "x.toml, line 3: `methods` is a key of the comparison, but it stands below the header [run]",
        ),
        (
            "methods = [\"bn\"]\n[sweep]\nlrs = [1]\njobs = 2",
            "x.toml, line 4: `jobs` is a key of the comparison, but it stands below the header [sweep]",
        ),
        (
            "methods = [\"bn\"]\n[sweep]\nlrs = [1]\nepochs = 2",
            "x.toml, line 4: `epochs` is a key of [run], but it stands below the header [sweep]",
        ),
        (
            "methods = [\"bn\"]\nbatch_sizes = [1]\nrun.data_norm = \"batch\"",
            "method `bn` at batch size 1: data_norm = \"batch\"",
        ),
        (
            "methods = [\"bn\"]\nbatch_sizes = [1]\nrun.model = \"mlp\"",
            "batch_size = 1",
        ),
        (
            "methods = [\"bn\"]\ntarget_test_error = 7",
            "x.toml, line 2: target_test_error = 7: must be in (0, 1)",
        ),
        ("methods = [\"bn\"]\njobs = 0", "jobs = 0"),
        (
            "methods = [\"bn\"]\n[reference]\nsource = \"x\"",
            "x.toml, line 2: `test_error` is missing",
        ),
        (
            "methods = [\"bn\"]\n[reference]\ntest_eror = { bn = 0.1 }",
            "x.toml, line 3: unknown key `test_eror` in reference; did you mean `test_error`?",
        ),
        (
            "methods = [\"bn\"]\n[sweep]\nlr = [1]",
            "x.toml, line 3: `lr` is a key of [run], but it stands below the header [sweep]",
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

#[test]
fn bounds_are_told_with_line_and_key() {
    let bn = "methods = [\"bn\"]\n";
    let long = "a".repeat(300);
    let cases = [
        (
            format!("{bn}lrs = [0.1, 1e300]"),
            "1e300 in lrs: must be in [1e-30, 1e30]",
        ),
        (
            format!("{bn}run.lr = 1e-300"),
            "lr = 1e-300: must be in [1e-30, 1e30]",
        ),
        (
            format!("{bn}run.activation = \"leaky:1e308\""),
            "must be in [-1000, 1000]",
        ),
        (
            format!("{bn}name = \"{long}\""),
            "name has 300 bytes: at most 190 are possible",
        ),
        (
            format!("{bn}title = \"{}\"", long.repeat(4)),
            "title has 1200 bytes: at most 1000 are possible",
        ),
        (
            format!("{bn}jobs = 9223372036854775807"),
            "jobs = 9223372036854775807: must be in [1, 1024]",
        ),
        (
            format!("{bn}run.device = \"gpu\""),
            "expected cpu, cuda or cuda:N",
        ),
        (
            format!("{bn}reference.test_error = {{ {long} = 0.1 }}"),
            "a name in test_error has 300 bytes: at most 100 are possible",
        ),
        (
            format!("run.epochs = 3\nmethods = [{{ name = \"bn\", label = \"{long}\" }}]"),
            "label has 300 bytes: at most 100 are possible",
        ),
        (
            "run.epochs = 3\nmethods = [{ name = \"bn\", lr = { 50 = 1e300 } }]".into(),
            "50 = 1e300: must be in [1e-30, 1e30]",
        ),
        (
            format!("{bn}sweep.lr_factors = [1e300]"),
            "1e300 in lr_factors: must be in [1e-30, 1e30]",
        ),
        (
            format!(
                "{bn}sweep = {{ search = \"random\", samples = 2, range.lr = {{ low = 1e-300, high = 1 }} }}"
            ),
            "low = 1e-300: must be in [1e-30, 1e30]",
        ),
    ];
    for (text, expected) in cases {
        let message = message(&text);
        let is_told = message.starts_with("x.toml, line 2: ") && message.contains(expected);
        assert!(is_told, "{message}\nwithout: {expected}");
    }
    let name = "b".repeat(191);
    let error = Experiment::parse(bn, "x.toml", &name, &[]).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("name has 191 bytes: at most 190"),
        "{error}"
    );
    let sweep = format!("{bn}sweep.lrs = [0.1]");
    assert!(Experiment::parse(&sweep, "x.toml", &name[1..], &[]).is_ok());
}

#[test]
fn what_cannot_be_run_is_named_with_the_line_that_asks_for_it() {
    let bn = "methods = [\"bn\"]\n";
    let cases = [
        (format!("{bn}run.width = -1"), "line 2: width = -1: expected number in [0.001, 1000]"),
        (format!("{bn}run.activation = \"rellu\""), "line 2: "),
        (format!("name = \"a/b\"\n{bn}"), "line 1: "),
        (
            format!("{bn}\nrun.test_subset = 1001"),
            "line 3: method `bn` at batch size 50: test_subset = 1001 is larger than the 1000 test images",
        ),
        (format!("{bn}run.dataset = \"cifar11\""), "line 2: "),
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
            "line 3: momentum = 2: must be in [0, 1)",
        ),
        (
            format!("{bn}[sweep]\nlrs = [0.1]\n[sweep.grid]\nmomentum = [0.5, 1.5]"),
            "line 5: momentum = 1.5: must be in [0, 1)",
        ),
        (
            format!("{bn}[sweep]\nlrs = [0.1]\nset = {{ weight_decay = -1 }}"),
            "line 4: weight_decay = -1: must be 0 or in [1e-30, 1e30]",
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
        error.to_string().starts_with("--set width: width = -1"),
        "{error}"
    );
}
