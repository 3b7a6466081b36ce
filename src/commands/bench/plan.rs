//! What is measured: settings, and in each of them methods and number formats in turn.

use anyhow::Result;

use crate::cli::BenchArgs;
use crate::config::RunConfig;
use crate::config::overrides::{self, Assignment};
use crate::error::did_you_mean;
use crate::methods::{self, Descriptor, METHODS};
use crate::nn::networks::Architecture;
use crate::nn::node::NetworkKind;
use crate::text::numbers::exact;
use crate::usage;

/// The width that is measured when none is asked for.
const DEFAULT_WIDTH: f64 = 0.25;
/// Keys that have lists or flags of their own.
const LISTED: [(&str, &str); 8] = [
    ("method.name", "--norm"),
    ("method", "--norm"),
    ("model", "--model"),
    ("dataset", "--dataset"),
    ("width", "--widths"),
    ("batch_size", "--batch-sizes"),
    ("precision", "--precision"),
    ("threads", "--threads"),
];

/// One setting: its entries take turns.
#[derive(Debug, Clone, PartialEq)]
pub struct BenchSetting {
    /// Images per step.
    pub batch_size: usize,
    /// Multiplies the channels; none for networks without such a number.
    pub width: Option<f64>,
    /// Methods, in each number format.
    pub entries: Vec<BenchEntry>,
}

/// One method in one number format.
#[derive(Debug, Clone, PartialEq)]
pub struct BenchEntry {
    /// Registry name.
    pub norm: &'static str,
    /// Number format.
    pub precision: String,
    /// What is trained, or why it cannot be.
    pub config: Result<RunConfig, String>,
}

impl BenchSetting {
    /// "batch size 64, width 0.25".
    pub fn title(&self) -> String {
        let width = self.width.map(|width| format!(", width {width}"));
        let width = width.unwrap_or_default();
        format!("batch size {}{width}", self.batch_size)
    }
}

/// The settings that are asked for, narrow networks first.
///
/// A method that cannot be measured in a setting (no statistics at batch size 1) stays in it with the reason;
/// what is wrong anywhere is an error.
pub fn cells(args: &BenchArgs) -> Result<Vec<BenchSetting>> {
    let methods = chosen(&args.norm)?;
    let shared = shared(args)?;
    check_options(&shared, &methods)?;
    let model = model(args, &shared)?;
    let (kind, model) = (model.kind(), model.descriptor);
    let widths: Vec<Option<f64>> = match (model.has_key("width"), args.widths.as_slice()) {
        (true, []) => vec![Some(DEFAULT_WIDTH)],
        (true, widths) => widths.iter().copied().map(Some).collect(),
        (false, []) => vec![None],
        (false, _) => {
            return Err(usage!(
                "--widths is for models with a key `width`; --model {} has {}: set it with --set {}=...",
                model.name,
                model.key_names(),
                model.keys.first().map_or("KEY", |key| key.name)
            ));
        }
    };
    let mut cells = Vec::new();
    for width in widths {
        for &batch_size in &args.batch_sizes {
            let mut cell = BenchSetting {
                batch_size,
                width,
                entries: Vec::new(),
            };
            for precision in &args.precision {
                for method in &methods {
                    cell.entries.push(BenchEntry {
                        norm: method.name,
                        precision: precision.clone(),
                        config: config(method, kind, &cell, precision, &shared)?,
                    });
                }
            }
            cells.push(cell);
        }
    }
    Ok(cells)
}

/// The methods of `--norm`, each once.
fn chosen(names: &[String]) -> Result<Vec<&'static Descriptor>> {
    let mut methods: Vec<&'static Descriptor> = Vec::new();
    for name in names {
        let named: Vec<&'static Descriptor> = match name.as_str() {
            "all" => METHODS.to_vec(),
            name => vec![methods::find(name)?],
        };
        for method in named {
            if !methods.iter().any(|other| other.name == method.name) {
                methods.push(method);
            }
        }
    }
    Ok(methods)
}

/// The assignments that all entries share, those of `--set` last.
fn shared(args: &BenchArgs) -> Result<Vec<Assignment>> {
    let own = [
        ("model", args.model.clone()),
        ("dataset", args.dataset.clone()),
        ("threads", args.threads.unwrap_or(0).to_string()),
        // The learning rate of a bench has no end to fall to, and nothing is looked at but the clock.
        ("schedule", "constant".into()),
        ("probe_images", "0".into()),
    ];
    let mut shared: Vec<Assignment> = own.map(|(key, value)| assign(key, &value)).into();
    for assignment in &args.set {
        let given = overrides::split(assignment)?;
        if let Some((_, flag)) = LISTED.iter().find(|(listed, _)| *listed == given.key) {
            return Err(usage!("--set {assignment}: say it with {flag}"));
        }
        shared.push(given);
    }
    Ok(shared)
}

/// An option goes to the methods that have it; an option that none of them has is a mistake.
fn check_options(shared: &[Assignment], methods: &[&Descriptor]) -> Result<()> {
    let known = || methods.iter().flat_map(|method| method.options);
    for Assignment { key, value, .. } in shared {
        if let Some(option) = key.strip_prefix("method.")
            && !known().any(|spec| spec.name == option)
        {
            let hint = did_you_mean(option, known().map(|spec| spec.name));
            return Err(usage!(
                "--set {key}={value}: none of the methods has such an option; {hint}"
            ));
        }
    }
    Ok(())
}

fn model(args: &BenchArgs, shared: &[Assignment]) -> Result<Architecture> {
    let mut assignments = shared.to_vec();
    assignments.retain(|given| !given.key.starts_with("method."));
    assignments.push(assign("method.name", &"none"));
    let precisions = args.precision.iter();
    assignments.extend(precisions.map(|precision| assign("precision", precision)));
    Ok(RunConfig::load(None, &assignments)?.model)
}

/// What a flag of the same name says.
fn assign(key: &str, value: &dyn ToString) -> Assignment {
    let flag = format!("--{}", key.replace('_', "-"));
    Assignment::flag(&flag, key, &value.to_string())
}

/// What an entry trains, or why it cannot.
fn config(
    method: &Descriptor,
    network: NetworkKind,
    cell: &BenchSetting,
    precision: &str,
    shared: &[Assignment],
) -> Result<Result<RunConfig, String>> {
    let dense = !network.is_convolutional();
    let served = method
        .check_network(network)
        .and_then(|()| method.check_batch_size(cell.batch_size, dense));
    if let Err(reason) = served {
        return Ok(Err(reason.to_string()));
    }
    let mut assignments = vec![
        assign("method.name", &method.name),
        assign("batch_size", &cell.batch_size),
        assign("precision", &precision),
    ];
    assignments.extend(cell.width.map(|width| assign("width", &exact(width))));
    let fits = |key: &str| {
        key.strip_prefix("method.")
            .is_none_or(|option| method.has_option(option))
    };
    assignments.extend(shared.iter().filter(|given| fits(&given.key)).cloned());
    RunConfig::load(None, &assignments).map(Ok)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser;

    fn plan(arguments: &[&str]) -> Result<Vec<BenchSetting>> {
        let cli = Cli::parse_from([&["normprop", "bench"], arguments].concat());
        let Command::Bench(args) = cli.command else {
            panic!("expected bench")
        };
        cells(&args)
    }

    fn message(arguments: &[&str]) -> String {
        plan(arguments).unwrap_err().to_string()
    }

    #[test]
    fn by_default_three_methods_at_two_batch_sizes() {
        let cells = plan(&[]).unwrap();
        let titles: Vec<String> = cells.iter().map(BenchSetting::title).collect();
        assert_eq!(
            titles,
            ["batch size 1, width 0.25", "batch size 64, width 0.25"]
        );
        let norms: Vec<&str> = cells[0].entries.iter().map(|entry| entry.norm).collect();
        assert_eq!(norms, ["none", "bn", "normprop"]);
        let config = cells[1].entries[2].config.as_ref().unwrap();
        let width = config.model.options.number("width");
        assert_eq!((config.batch_size, width), (64, 0.25));
        assert_eq!(config.method.name(), "normprop");
    }

    #[test]
    fn lists_multiply_and_options_go_where_they_belong() {
        let cells = plan(&[
            "--norm=none,normprop,none",
            "--batch-sizes=2",
            "--widths=0.5,1",
            "--precision=f32,f64",
            "--set=method.constraint=both",
        ])
        .unwrap();
        assert_eq!(cells.len(), 2);
        assert_eq!(cells[0].entries.len(), 4);
        let entry = &cells[0].entries[3];
        assert_eq!((entry.norm, entry.precision.as_str()), ("normprop", "f64"));
        let constraint = |entry: &BenchEntry| {
            let config = entry.config.as_ref().unwrap();
            config.method.options.to_table().remove("constraint")
        };
        assert_eq!(constraint(entry), Some("both".into()));
        assert_eq!(constraint(&cells[0].entries[2]), None);
    }

    #[test]
    fn what_cannot_be_measured_stays_with_its_reason() {
        let cells = plan(&["--model=mlp", "--batch-sizes=1,2", "--norm=all"]).unwrap();
        assert_eq!(cells[0].entries.len(), METHODS.len());
        let of = |cell: &BenchSetting, norm: &str| {
            let entry = cell.entries.iter().find(|entry| entry.norm == norm);
            entry.unwrap().config.clone()
        };
        assert!(of(&cells[0], "bn").unwrap_err().contains("batch_size = 1"));
        assert!(of(&cells[1], "bn").is_ok() && of(&cells[0], "normprop").is_ok());
        let reason = of(&cells[1], "instance-norm").unwrap_err();
        assert!(reason.contains("does not serve"), "{reason}");
        assert_eq!(cells[0].title(), "batch size 1");
    }

    #[test]
    fn mistakes_end_it() {
        assert!(message(&["--norm=bm"]).contains("did you mean `bn`?"));
        assert!(message(&["--set=epocs=2"]).contains("did you mean `epochs`?"));
        assert!(message(&["--set=method.constrain=both"]).contains("did you mean `constraint`?"));
        assert!(message(&["--norm=none", "--set=method.constraint=both"]).contains("none of the"));
        assert!(message(&["--set=batch_size=3"]).contains("--batch-sizes"));
        assert!(message(&["--model=mlp", "--widths=1"]).contains("mlp_widths"));
        assert!(message(&["--precision=f31"]).contains("f31"));
        assert!(message(&["--batch-sizes=0"]).contains("batch_size = 0"));
        assert!(message(&["--model=ninn"]).contains("ninn"));
    }
}
