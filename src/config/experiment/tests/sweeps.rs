//! Sweeps, and rates that come from one.

use super::*;

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
            .default_learning_rate(size, crate::nn::node::NetworkKind::Convolutional)
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
