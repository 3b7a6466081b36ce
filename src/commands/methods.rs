//! `normprop methods`: the registry as a table, or one method in full.

use anyhow::Result;
use serde_json::{Value, json};

use crate::cli::{MethodsArgs, OutputArgs};
use crate::methods::{self, Descriptor, METHODS};
use crate::nn::node::NetworkKind;
use crate::out;
use crate::text::{Align, Table, Terminal};

/// Runs the command.
pub fn run(args: &MethodsArgs, output: OutputArgs) -> Result<()> {
    let text = match &args.name {
        Some(name) if output.json => {
            serde_json::to_string_pretty(&to_json(methods::find(name)?))? + "\n"
        }
        Some(name) => description(methods::find(name)?),
        None if output.json => {
            let all: Vec<Value> = METHODS.iter().map(|method| to_json(method)).collect();
            serde_json::to_string_pretty(&all)? + "\n"
        }
        None if args.markdown => table().markdown(),
        None => table().render(&Terminal::detect()),
    };
    out!("{text}")?;
    Ok(())
}

/// The table of all methods; README shows the same.
pub fn table() -> Table {
    let mut table = Table::new([
        ("method", Align::Left),
        ("acts on", Align::Left),
        ("uses the batch", Align::Left),
        ("train = eval", Align::Left),
        ("batch size 1: conv", Align::Left),
        ("fc", Align::Left),
        ("LSTM", Align::Left),
        ("extra parameters", Align::Left),
        ("paper", Align::Left),
    ]);
    let yes_no = |flag: bool| if flag { "yes" } else { "no" };
    for method in METHODS {
        table.push([
            method.name.to_string(),
            method.acts_on.name().into(),
            yes_no(method.uses_batch_statistics).into(),
            yes_no(method.train_equals_eval).into(),
            method.batch_size_one_conv.name().into(),
            method.batch_size_one_fc.name().into(),
            yes_no(method.serves(NetworkKind::Recurrent)).into(),
            method.extra_parameters.into(),
            format!("{}, {}", method.paper.authors, method.paper.venue),
        ]);
    }
    table
}

fn to_json(method: &Descriptor) -> Value {
    let options: Vec<Value> = method
        .options
        .iter()
        .map(|option| {
            json!({
                "name": option.name, "default": option.default_value(),
                "values": option.domain(), "help": option.help,
            })
        })
        .collect();
    json!({
        "name": method.name, "summary": method.summary, "formula": method.formula,
        "acts_on": method.acts_on.name(),
        "uses_batch_statistics": method.uses_batch_statistics,
        "train_equals_eval": method.train_equals_eval,
        "batch_size_one_conv": method.batch_size_one_conv.name(),
        "batch_size_one_fc": method.batch_size_one_fc.name(),
        "extra_parameters": method.extra_parameters,
        "options": options, "departures": method.departures, "recurrent": method.recurrent.is_some(),
        "year": method.paper.year,
        "paper": format!("{}: {}. {}", method.paper.authors, method.paper.title, method.paper.venue),
    })
}

fn description(method: &Descriptor) -> String {
    let feed_forward = NetworkKind::Convolutional;
    let served = NetworkKind::ALL.iter().filter(|&&kind| method.serves(kind));
    let networks: Vec<&str> = served.map(|kind| kind.name()).collect();
    let mut lines = vec![
        format!("{}: {}", method.name, method.summary),
        String::new(),
        format!("  {}", method.formula),
        String::new(),
        format!(
            "paper             {}: {}. {}",
            method.paper.authors, method.paper.title, method.paper.venue
        ),
        format!("acts on           {}", method.acts_on.name()),
        format!(
            "uses the batch    {}",
            if method.uses_batch_statistics {
                "yes"
            } else {
                "no"
            }
        ),
        format!(
            "train = eval      {}",
            if method.train_equals_eval {
                "yes"
            } else {
                "no"
            }
        ),
        format!(
            "batch size 1      {} on convolutional layers, {} on fully connected ones",
            method.batch_size_one_conv.name(),
            method.batch_size_one_fc.name()
        ),
        format!("extra parameters  {}", method.extra_parameters),
        format!(
            "learning rate     {} at batch size 50, {} at 1 (default; tune it for comparisons)",
            method.default_learning_rate(50, feed_forward),
            method.default_learning_rate(1, feed_forward)
        ),
        format!("networks          {}", networks.join(", ")),
    ];
    if !method.options.is_empty() {
        lines.push(String::new());
        lines.push("options (--set method.NAME=VALUE)".into());
    }
    for option in method.options {
        lines.push(format!(
            "  {} = {}   [{}]",
            option.name,
            option.default_value(),
            option.domain()
        ));
        lines.push(format!("      {}", option.help));
    }
    if !method.departures.is_empty() {
        lines.push(String::new());
        lines.push("where we differ from the paper, or had to choose".into());
    }
    lines.extend(
        method
            .departures
            .iter()
            .map(|departure| format!("  - {departure}")),
    );
    lines.join("\n") + "\n"
}
