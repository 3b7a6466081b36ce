use std::path::Path;

use super::overrides::Assignment;
use super::*;

fn load_file(file: Option<&Path>, pairs: &[(&str, &str)]) -> Result<RunConfig> {
    let set = |(key, value): &(&str, &str)| Assignment::set(key, value);
    let assignments: Vec<Assignment> = pairs.iter().map(set).collect();
    RunConfig::load(file, &assignments)
}

fn load(pairs: &[(&str, &str)]) -> Result<RunConfig> {
    load_file(None, pairs)
}

#[test]
fn defaults_resolve_and_round_trip_through_toml() {
    let config = load(&[]).unwrap();
    assert!(config.lr > 0.0);
    let text = config.to_toml().unwrap();
    let again = RunConfig::from_table(text.parse().unwrap()).unwrap();
    assert_eq!(again, config);
    assert_eq!(again.hash8().unwrap(), config.hash8().unwrap());
}

#[test]
fn threads_and_device_do_not_change_the_run() {
    let plain = load(&[]).unwrap();
    let threaded = load(&[("threads", "2")]).unwrap();
    assert_eq!(threaded.threads, 2);
    assert_eq!(plain.run_name().unwrap(), threaded.run_name().unwrap());
    let seeded = load(&[("seed", "1")]).unwrap();
    assert_ne!(plain.hash8().unwrap(), seeded.hash8().unwrap());
}

#[test]
fn keys_of_another_network_stand_at_their_defaults_or_not_at_all() {
    let plain = load(&[]).unwrap();
    let stated = load(&[("lstm_hidden", "128"), ("mlp_widths", "[256, 256]")]).unwrap();
    assert_eq!(stated, plain);
    assert!(!plain.to_toml().unwrap().contains("lstm_hidden"));
    let error = load(&[("lstm_hidden", "64")]).unwrap_err().to_string();
    assert!(
        error.starts_with("--set lstm_hidden: lstm_hidden = 64: `lstm_hidden` is a key of model = \"lstm\"; \"nin\" has"),
        "{error}"
    );
    let mlp = load(&[("model", "mlp"), ("mlp_widths", "[7]")]).unwrap();
    assert_eq!(mlp.model.options.counts("mlp_widths"), [7]);
    let again = RunConfig::from_table(mlp.to_toml().unwrap().parse().unwrap()).unwrap();
    assert_eq!(again, mlp);
}

#[test]
fn stating_a_default_gives_the_same_run() {
    let plain = load(&[]).unwrap();
    let stated = load(&[("method.center_rows", "false"), ("epochs", "8")]).unwrap();
    assert_eq!(plain.run_name().unwrap(), stated.run_name().unwrap());
}

#[test]
fn mistakes_are_named() {
    let message = |pairs: &[(&str, &str)]| format!("{:#}", load(pairs).unwrap_err());
    assert!(message(&[("epocs", "3")]).contains("did you mean `epochs`?"));
    assert!(message(&[("method.name", "normpropp")]).contains("did you mean `normprop`?"));
    assert!(message(&[("method.centre_rows", "true")]).contains("center_rows"));
    assert!(message(&[("batch_size", "0")]).contains("batch_size"));
    assert!(message(&[("epochs", "many")]).contains("epochs"));
    assert!(message(&[("data_norm", "batch"), ("batch_size", "1")]).contains("data_norm"));
}

#[test]
fn batch_norm_on_dense_layers_refuses_single_images() {
    let error = load(&[("method.name", "bn"), ("model", "mlp"), ("batch_size", "1")]).unwrap_err();
    assert!(format!("{error:#}").contains("batch_size = 1"));
    assert!(load(&[("method.name", "bn"), ("batch_size", "1")]).is_ok());
}

#[test]
fn a_wrong_type_and_an_unknown_key_are_named_with_the_nearest() {
    let message = |pairs: &[(&str, &str)]| load(pairs).unwrap_err().to_string();
    assert_eq!(
        message(&[("method", "bn")]),
        "--set method: method = \"bn\": expected a table, as in method = { name = \"bn\" }; in --set the name is method.name=bn"
    );
    let schedule = message(&[("schedule", "triangle")]);
    assert!(
        schedule
            .starts_with("--set schedule: schedule = \"triangle\"; known: constant, step, cosine"),
        "{schedule}"
    );
}

#[test]
fn what_no_machine_can_hold_is_refused_before_anything_is_made() {
    let message = |key: &str, value: &str| load(&[(key, value)]).unwrap_err().to_string();
    assert_eq!(
        message("threads", "5000000000"),
        "--set threads: threads = 5000000000: must be in [0, 1024]"
    );
    assert!(message("width", "1e5").contains("expected number in [0.001, 1000]"));
    assert!(message("mlp_widths", "[4, 100000000000]").contains("[1, 1000000]"));
    assert!(message("lstm_hidden", "2000000").contains("[1, 1000000]"));
    let own = load(&[
        ("model", "lstm"),
        ("method.name", "none"),
        ("activation", "elu"),
    ])
    .unwrap_err();
    assert!(
        own.to_string()
            .contains("model = \"lstm\" has activations of its own"),
        "{own}"
    );
    assert!(load(&[("threads", "1024"), ("width", "1000")]).is_ok());
}

#[test]
fn errors_of_meaning_carry_the_line_or_the_flag_that_the_value_came_from() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.toml");
    let cases = [
        (
            "epochs = 3\nwidth = -1\n",
            "line 2: width = -1: expected number in [0.001, 1000]",
        ),
        (
            "epochs = 3\nepocs = 4\n",
            "line 2: unknown key `epocs`; did you mean `epochs`?",
        ),
        ("epochs = 3\n\nactivation = \"rellu\"\n", "line 3: "),
        ("name = \"a/b\"", "line 1: name = \"a/b\""),
        (
            "[method]\nname = \"bm\"",
            "line 2: unknown method `bm`; did you mean `bn`?",
        ),
        (
            "[method]\nname = \"normprop\"\ncentre_rows = true",
            "line 3: method `normprop` has no option `centre_rows`; did you mean",
        ),
        (
            "[method]\ncenter_rows = 1",
            "line 2: method.center_rows = 1: expected true, false",
        ),
        (
            "method.name = 3",
            "line 1: name = 3: expected a text in quotes",
        ),
        ("epochs = 3\nlr = = 4\n", "TOML parse error at line 2"),
    ];
    for (text, expected) in cases {
        std::fs::write(&file, text).unwrap();
        let message = load_file(Some(&file), &[]).unwrap_err().to_string();
        assert!(
            message.contains("x.toml") && message.contains(expected),
            "{text}: {message}"
        );
    }
    std::fs::write(&file, "momentum = 2.0\n").unwrap();
    let message = load_file(Some(&file), &[("momentum", "3")]).unwrap_err();
    assert_eq!(
        message.to_string(),
        "--set momentum: momentum = 3: must be in [0, 1)"
    );
    assert!(load_file(Some(&file), &[("momentum", "0.5")]).is_ok());
}

#[test]
fn a_method_under_another_name_is_the_same_run() {
    let own = load(&[("method.name", "bn")]).unwrap();
    for alias in ["BatchNorm2d", "batch_norm", "BN"] {
        let other = load(&[("method.name", alias)]).unwrap();
        assert_eq!(other.method.name(), "bn", "{alias}");
        assert_eq!(other.run_name().unwrap(), own.run_name().unwrap());
    }
}

#[test]
fn unit_variance_is_refused_where_the_method_sets_the_size_of_weights() {
    let message = |method: &str, model: &str| {
        let pairs = [("method.name", method), ("model", model), ("init", "lsuv")];
        load(&pairs).map_err(|error| error.to_string())
    };
    for method in ["bn", "weight-norm", "normprop", "spectral-norm", "cosine"] {
        let refused = message(method, "nin").unwrap_err();
        assert!(
            refused.contains("init = \"lsuv\"")
                && refused.contains("methods that it serves: none, "),
            "{refused}"
        );
    }
    let table = "model = \"resnet\"\norder = \"v1\"\ninit = \"lsuv\"\nmethod.name = \"fixup\"";
    let refused = RunConfig::from_table(table.parse().unwrap()).unwrap_err();
    let refused = refused.to_string();
    assert!(
        refused.contains("replace where weights start, which is what fixup is")
            && refused.contains("methods that it serves: none, ")
            && refused.contains(", selu, "),
        "{refused}"
    );
    assert!(message("none", "lstm").unwrap_err().contains("recurrent"));
    let started = message("none", "mlp").unwrap();
    assert_ne!(
        started.run_name().unwrap(),
        load(&[("method.name", "none"), ("model", "mlp")])
            .unwrap()
            .run_name()
            .unwrap()
    );
    let settings = started.settings().unwrap();
    assert_eq!(settings["init"], "lsuv");
}

#[test]
fn factors_of_learning_rates_at_their_defaults_change_no_name() {
    let plain = load(&[]).unwrap().run_name().unwrap();
    for key in ["gain_lr_factor", "shift_lr_factor"] {
        assert_eq!(load(&[(key, "1")]).unwrap().run_name().unwrap(), plain);
        assert_ne!(load(&[(key, "0.01")]).unwrap().run_name().unwrap(), plain);
        assert!(load(&[(key, "-1")]).is_err(), "{key}");
    }
    assert_eq!(
        load(&[("init", "method")]).unwrap().run_name().unwrap(),
        plain
    );
}

#[test]
fn an_option_has_the_default_that_the_network_allows() {
    let config = |text: &str| RunConfig::from_table(text.parse().unwrap()).unwrap();
    let rule = |config: &RunConfig| config.method.options.choice("residual").to_owned();
    let plain = "model = \"resnet\"\n";
    let first = config(&format!("{plain}order = \"v1\""));
    assert_eq!(rule(&first), "v1-sqrt2");
    // It is a run like one that asks for it, and like that of its recorded configuration.
    let stated = config(&format!(
        "{plain}order = \"v1\"\nmethod = {{ residual = \"v1-sqrt2\" }}"
    ));
    let recorded = config(&first.to_toml().unwrap());
    for other in [&stated, &recorded] {
        assert_eq!(other.run_name().unwrap(), first.run_name().unwrap());
    }
    let naive = config(&format!(
        "{plain}order = \"v1\"\nmethod = {{ residual = \"naive\" }}"
    ));
    assert_eq!(rule(&naive), "naive");

    // Elsewhere the default is what it was, and no part of the name.
    for text in [plain, "model = \"nin\""] {
        let config = config(text);
        assert_eq!(rule(&config), "alpha-beta");
        let keys = config.deciding_keys().unwrap();
        assert!(!keys.contains_key("method.residual"), "{keys:?}");
    }
}
