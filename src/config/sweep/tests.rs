use anyhow::Result;
use proptest::prelude::*;

use super::range::{Range, Scale};
use super::*;
use crate::config::experiment::Experiment;
use crate::config::overrides::Assignment;
use crate::stats::special::normal_quantile;
use crate::stats::{Sample, kolmogorov_smirnov_standard};
use crate::streams::{Purpose, stream};

fn parse(sweep: &str) -> Result<Experiment> {
    let text = format!(
        "methods = [\"bn\", {{ name = \"none\", lr = 0.5 }}]\nrun.epochs = 9\n[sweep]\n{sweep}"
    );
    Experiment::parse(&text, "x.toml", "x", &[])
}

fn sweep(text: &str) -> Sweep {
    parse(text).unwrap().sweep.unwrap()
}

const RANDOM: &str = "search = \"random\"\nsamples = 6\n\
    range = { lr = { low = 0.001, high = 0.3 }, momentum = { low = 0, high = 0.95, scale = \"linear\" } }\n\
    grid = { schedule = [\"cosine\", \"constant\"] }\n";

#[test]
fn draws_repeat_and_more_samples_keep_the_first() {
    let six = sweep(RANDOM).candidates(1.0).unwrap();
    assert_eq!(six.len(), 6);
    assert_eq!(sweep(RANDOM).candidates(1.0).unwrap(), six);
    let nine = RANDOM.replace("samples = 6", "samples = 9");
    assert_eq!(sweep(&nine).candidates(1.0).unwrap()[..6], six);
    let other = sweep(&format!("{RANDOM}draw_seed = 1"))
        .candidates(1.0)
        .unwrap();
    assert!(six.iter().all(|one| !other.contains(one)));
    for keys in six.iter().map(|candidate| &candidate.keys) {
        let number = |key: &str| keys[key].as_float().unwrap();
        assert!(
            (0.001..=0.3).contains(&number("lr")) && (0.0..=0.95).contains(&number("momentum"))
        );
        assert!(["cosine", "constant"].contains(&keys["schedule"].as_str().unwrap()));
    }
    assert!(
        six[0].settings().starts_with("schedule=\"") && six[0].settings().contains(" momentum=0.")
    );
}

#[test]
fn every_method_is_given_the_same_draws() {
    let runs = parse(RANDOM).unwrap().expand_sweep().unwrap();
    assert_eq!(runs.len(), 12);
    let rates = |label: &str| -> Vec<f64> {
        let runs = runs.iter().filter(|(run, _)| run.label == label);
        runs.map(|(run, _)| run.config.lr).collect()
    };
    assert_eq!(rates("bn"), rates("none"));
    let factors =
        "search = \"random\"\nsamples = 6\nrange = { lr_factor = { low = 0.1, high = 10 } }";
    let of = |rate: f64| -> Vec<f64> {
        let drawn = sweep(factors).candidates(rate).unwrap();
        drawn
            .iter()
            .map(|one| one.keys["lr"].as_float().unwrap())
            .collect()
    };
    for (own, half) in of(1.0).iter().zip(of(0.5)) {
        assert!((half / own - 0.5).abs() < 1e-3, "{half} and {own}");
    }
}

/// Distance and p-value of many draws from a range against a distribution.
fn fit(range: Range, cdf: impl Fn(f64) -> f64) -> (f64, f64) {
    let mut stream = stream(7, Purpose::Search, 0);
    // A draw may be an end of the range, whose quantile is infinite.
    let normal = |_| normal_quantile(cdf(range.draw(&mut stream)).clamp(1e-9, 1.0 - 1e-9));
    let draws: Vec<f64> = (0..20_000).map(normal).collect();
    let result = kolmogorov_smirnov_standard(&Sample::new(draws).unwrap());
    (result.statistic, result.p_value)
}

#[test]
fn draws_are_even_on_their_scale() {
    let (low, high) = (0.001_f64, 0.3_f64);
    let log = |x: f64| (x / low).ln() / (high / low).ln();
    let linear = |x: f64| (x - low) / (high - low);
    for (scale, right, wrong) in [
        (
            Scale::Log,
            &log as &dyn Fn(f64) -> f64,
            &linear as &dyn Fn(f64) -> f64,
        ),
        (Scale::Linear, &linear, &log),
    ] {
        let range = Range { low, high, scale };
        let (distance, p) = fit(range, right);
        assert!(p > 0.01, "{scale:?}: {distance}, p = {p}");
        // Where the other scale has much of its weight, this one has little.
        assert!(fit(range, wrong).0 > 0.3, "{scale:?}");
    }
}

#[test]
fn lists_are_drawn_without_repetition_and_one_after_another_runs_out() {
    let all =
        "search = \"random\"\nsamples = 6\nlrs = [0.1, 0.2, 0.4]\ngrid = { momentum = [0.5, 0.9] }";
    let mut drawn: Vec<String> = sweep(all)
        .candidates(1.0)
        .unwrap()
        .iter()
        .map(|one| one.keys.to_string())
        .collect();
    drawn.sort();
    drawn.dedup();
    assert_eq!(drawn.len(), 6);
    let error = parse(&all.replace("samples = 6", "samples = 7")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "x.toml, line 5: samples = 7: only 6 different settings could be drawn"
    );
}

#[test]
fn rungs_are_a_factor_apart_and_the_last_leads_to_the_end() {
    let rungs = |first_epochs, factor, epochs| {
        Halving {
            first_epochs,
            factor,
        }
        .rungs(epochs)
    };
    assert_eq!(rungs(1, 3, 9), [1, 3]);
    assert_eq!(rungs(1, 3, 8), [1]);
    assert_eq!(rungs(1, 3, 10), [1, 3]);
    assert_eq!(rungs(2, 2, 16), [2, 4, 8]);
    assert_eq!(rungs(2, 2, 3), [0_u64; 0]);
    let halving = Halving {
        first_epochs: 1,
        factor: 3,
    };
    assert_eq!(
        [27, 9, 8, 3, 2, 1].map(|n| halving.kept(n)),
        [9, 3, 2, 1, 1, 1]
    );
    assert_eq!(sweep("lrs = [1]\nhalving = {}").halving, Some(halving));
    assert_eq!(sweep("lrs = [1]").halving, None);
}

#[test]
fn a_sweep_tells_how_it_searched() {
    let text = sweep(&format!(
        "{RANDOM}halving = {{ factor = 2 }}\nseeds = 2\nvalidation_subset = 50"
    ))
    .describe();
    assert_eq!(
        text,
        [
            "6 settings, the same for each method and batch size, were drawn with seed 0: lr log-uniformly from 0.001 \
             to 0.3, momentum uniformly from 0 to 0.95, schedule from its list.",
            "Successive halving: after 1 epoch and each time 2 times as long, one setting in 2 went on by its error on \
             held-out images, the better ones to the end; the others were left where they were.",
            "Held out: 50 training images. Seeds of each setting: 0, 1.",
        ]
    );
    assert!(sweep("lrs = [1]").describe()[0].starts_with("Every point of a grid"));
}

#[test]
fn a_rate_from_the_command_line_is_refused_where_the_range_takes_its_place() {
    let with_rate = |sweep: &str| {
        let text = format!("methods = [\"bn\"]\nrun.epochs = 9\n[sweep]\n{sweep}");
        Experiment::parse(&text, "x.toml", "x", &[Assignment::set("lr", "0.1")])
    };
    let error = with_rate(RANDOM).unwrap_err().to_string();
    assert!(
        error.contains("the sweep tries learning rates of its own"),
        "{error}"
    );
    with_rate(&RANDOM.replace("lr = ", "lr_factor = ")).unwrap();
}

#[test]
fn mistakes_are_named_with_file_line_and_key() {
    let random = |rest: &str| format!("search = \"random\"\nsamples = 4\n{rest}");
    let range = |rest: &str| random(&format!("[sweep.range]\n{rest}"));
    let halving = |rest: &str| format!("lrs = [0.1, 0.2]\nhalving = {{ {rest} }}");
    let cases = [
        (
            "search = \"randon\"\nlrs = [1]".into(),
            "x.toml, line 4: search = \"randon\"; did you mean `random`?",
        ),
        (
            "search = \"halving\"\nlrs = [1]".into(),
            "line 4: search = \"halving\"; known: grid, random",
        ),
        (
            "lrs = [1]\nsamples = 4".into(),
            "line 5: `samples` needs search = \"random\"",
        ),
        (
            "search = \"random\"\nlrs = [1]".into(),
            "line 4: a random search needs `samples`",
        ),
        (
            "search = \"random\"\nsamples = 0".into(),
            "line 5: samples = 0",
        ),
        (
            "search = \"random\"\nsamples = 10001\nlrs = [1]".into(),
            "line 5: samples = 10001: must be in [1, 10000]",
        ),
        (random(""), "line 3: a sweep needs"),
        (
            random("lrs = [1]\ndraw_seed = -1"),
            "line 7: draw_seed = -1",
        ),
        (
            random("lrs = [1]\nrange = { lr = { low = 1, high = 2 } }"),
            "line 7: give `lrs` or `range.lr`, not both",
        ),
        (
            range("lr = 0.1"),
            "line 7: lr = 0.1: expected a range such as { low = 0.001, high = 0.3 }",
        ),
        (range("lr = { low = 0.1 }"), "line 7: `high` is missing"),
        (
            range("lr = { low = 0.1, hihg = 1 }"),
            "line 7: unknown key `hihg` in sweep.range.lr; did you mean `high`?",
        ),
        (
            range("lr = { low = 0.3, high = 0.001 }"),
            "line 7: low = 0.3 is not below high = 0.001",
        ),
        (
            range("lr = { low = 1, high = 1 }"),
            "line 7: low = 1 is not below high = 1",
        ),
        (
            range("lr = { low = 0, high = 1 }"),
            "line 7: low = 0: a range with scale = \"log\"",
        ),
        (
            range("lr = { low = -1, high = 1, scale = \"linear\" }"),
            "line 7: low = -1: must be in [1e-30, 1e30]",
        ),
        (
            range("lr = { low = nan, high = 1 }"),
            "line 7: low = nan: must be in [-1e30, 1e30]",
        ),
        (
            range("lr = { low = 0.1, high = inf }"),
            "line 7: high = inf: must be in [-1e30, 1e30]",
        ),
        (
            range("lr = { low = 0.1, high = 1, scale = \"lin\" }"),
            "line 7: scale = \"lin\"; ",
        ),
        (
            range("width = { low = -1e308, high = 1e308, scale = \"linear\" }"),
            "line 7: low = -1e308: must be in [-1e30, 1e30]",
        ),
        (
            range("momentun = { low = 0.1, high = 0.9 }"),
            "line 7: unknown key `momentun` in sweep.range; did you mean `momentum`?",
        ),
        (
            range("momentum = { low = 0.1,\nhigh = 1.5 }"),
            "line 8: momentum = 1.5: must be in [0, 1)",
        ),
        (
            range("method.momentum = { low = 0.1, high = 1.5 }"),
            "line 7: method `bn` at batch size",
        ),
        (
            range("epochs = { low = 1, high = 9 }"),
            "line 7: `epochs` takes no fractional number, so it has no range",
        ),
        (
            range("seed = { low = 1, high = 9 }"),
            "line 7: `seed` cannot be set here",
        ),
        (
            range("method = { low = 1, high = 9 }"),
            "line 7: method.low = 1: expected a range such as {",
        ),
        (
            random(
                "grid = { momentum = [0.5] }\n[sweep.range]\nmomentum = { low = 0.1, high = 0.9 }",
            ),
            "line 6: `momentum` stands in `grid` and in `range`",
        ),
        (
            halving("factor = 1"),
            "line 5: factor = 1: must be in [2, 1000000]",
        ),
        (halving("factor = 2.5"), "line 5: factor = 2.5"),
        (halving("first_epochs = 0"), "line 5: first_epochs = 0"),
        (
            halving("first_epochs = 10"),
            "line 5: first_epochs = 10 and factor = 3 leave no setting out before the end: a training of 9 epochs",
        ),
        (
            halving("first_epochs = 4"),
            "a training of 9 epochs is shorter than 4 × 3",
        ),
        (
            halving("firstepochs = 1"),
            "line 5: unknown key `firstepochs` in sweep.halving; did you mean `first_epochs`?",
        ),
        (
            "lrs = [1]\nhalving = 3".into(),
            "line 5: halving = 3: expected a table",
        ),
        (
            "halving = {}\n[sweep.grid]\nepochs = [2, 9]".into(),
            "line 6: `epochs` is what `halving` shares out",
        ),
    ];
    for (text, expected) in cases {
        let error = parse(&text).unwrap_err();
        let message = format!("{error:#}");
        assert!(
            message.contains(expected),
            "{text}\n→ {message}\nwithout: {expected}"
        );
        assert!(
            error.downcast_ref::<crate::error::Failure>().is_some(),
            "{message}"
        );
    }
}

proptest! {
    #[test]
    fn draws_stay_in_the_range_that_was_written(
        low in 1e-6_f64..10.0,
        times in 1.5_f64..1e4,
        linear in any::<bool>(),
        draw_seed in 0_u64..1000,
    ) {
        let high = low * times;
        let scale = if linear { "linear" } else { "log" };
        let text = format!(
            "search = \"random\"\nsamples = 20\ndraw_seed = {draw_seed}\n\
             range = {{ weight_decay = {{ low = {low:?}, high = {high:?}, scale = \"{scale}\" }} }}"
        );
        let drawn = sweep(&text).candidates(1.0).unwrap();
        prop_assert_eq!(drawn.len(), 20);
        for one in &drawn {
            let value = one.keys["weight_decay"].as_float().unwrap();
            prop_assert!((low..=high).contains(&value), "{} in {}..{}", value, low, high);
        }
    }

    #[test]
    fn rungs_never_skip_a_factor(first_epochs in 1_u64..20, factor in 2_u64..6, epochs in 1_u64..1000) {
        let rungs = Halving { first_epochs, factor }.rungs(epochs);
        let ends: Vec<u64> = rungs.iter().copied().chain([epochs]).collect();
        prop_assert!(ends.windows(2).all(|pair| pair[1] >= factor * pair[0]));
        prop_assert_eq!(rungs.first().copied(), (first_epochs * factor <= epochs).then_some(first_epochs));
        // One more rung would come too close to the end.
        if let Some(last) = rungs.last() {
            prop_assert!(last * factor * factor > epochs);
        }
    }

    #[test]
    fn any_sweep_is_read_or_refused_without_a_panic(
        text in "(search|samples|range|halving|grid|lr|low|high|scale|factor|first_epochs|method|momentum|=|\\[|\\]|\"random\"|\"linear\"|1|0\\.5|-3|nan|\\{|\\}|\n|,|\\.| ){0,30}",
    ) {
        if let Err(error) = parse(&text) {
            prop_assert!(error.downcast_ref::<crate::error::Failure>().is_some(), "{error:#}");
        }
    }

    #[test]
    fn any_whole_sweep_is_read_or_refused_without_a_panic(
        samples in -1_i64..40,
        low in -1.0_f64..1.0,
        high in -1.0_f64..1.0,
        key in "(lr|lr_factor|momentum|method\\.momentum|epochs|width)",
        scale in "(log|linear|lin)",
        first_epochs in 0_i64..12,
        factor in 0_i64..5,
    ) {
        let text = format!(
            "search = \"random\"\nsamples = {samples}\nhalving = {{ first_epochs = {first_epochs}, factor = {factor} }}\n\
             [sweep.range]\n{key} = {{ low = {low:?}, high = {high:?}, scale = \"{scale}\" }}"
        );
        match parse(&text) {
            Ok(experiment) => {
                prop_assert!(low < high && factor >= 2 && first_epochs * factor <= 9 && samples >= 1);
                prop_assert_eq!(experiment.expand_sweep().unwrap().len() as i64, 2 * samples);
            }
            Err(error) => prop_assert!(error.downcast_ref::<crate::error::Failure>().is_some(), "{error:#}"),
        }
    }
}
