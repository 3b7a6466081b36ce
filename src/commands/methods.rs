//! `normprop methods`: the registry as a table, or one method in full.

use anyhow::Result;
use serde_json::{Value, json};

use crate::cli::{MethodsArgs, OutputArgs};
use crate::methods::{self, ActsOn, Descriptor, METHODS};
use crate::nn::node::NetworkKind;
use crate::nn::residual::Order;
use crate::options::OptionSpec;
use crate::out;
use crate::output::{print_json, wrapped};
use crate::text::{Table, Terminal};

/// Runs the command.
pub fn run(args: &MethodsArgs, output: OutputArgs) -> Result<()> {
    match &args.name {
        Some(name) if output.json => print_json(&to_json(&methods::find(name)?)),
        Some(name) => Ok(out!("{}", wrapped(&description(methods::find(name)?)))?),
        None if output.json => print_json(&METHODS.iter().map(to_json).collect::<Value>()),
        None if args.markdown => Ok(out!("{}", document())?),
        None => Ok(out!("{}", table().render(&Terminal::detect()))?),
    }
}

/// What docs/methods.md holds: the table, then every method in full.
fn document() -> String {
    let mut text = format!(
        "# Methods\n\nWritten by `normprop methods --markdown`.\n\n{}",
        table().markdown()
    );
    for method in METHODS {
        let described = description(method);
        text += &format!("\n## {}\n\n```text\n{described}```\n", method.name);
    }
    text
}

/// The table of all methods.
fn table() -> Table {
    Table::of(METHODS)
        .left("method", |method| method.name.into())
        .left("also", |method| method.aliases.join(", "))
        .left("acts on", |method| ActsOn::names(method.acts_on))
        .left("uses the batch", |method| {
            yes_no(method.uses_batch_statistics)
        })
        .left("train = eval", |method| yes_no(method.train_equals_eval))
        .left("batch size 1: conv", |method| {
            method.batch_size_one_conv.name().into()
        })
        .left("fc", |method| method.batch_size_one_fc.name().into())
        .left("LSTM", |method| {
            yes_no(method.serves(NetworkKind::Recurrent))
        })
        .left("ResNet", |method| orders(method).join(", "))
        .left("extra parameters", |method| method.extra_parameters.into())
        .left("paper", |method| {
            format!("{}, {}", method.paper.authors, method.paper.venue)
        })
        .build()
}

fn to_json(method: &&Descriptor) -> Value {
    let option = |option: &OptionSpec| {
        json!({
            "name": option.name, "default": option.default_value(),
            "values": option.domain(), "help": option.help,
        })
    };
    let options: Vec<Value> = method.options.iter().map(option).collect();
    json!({
        "name": method.name, "aliases": method.aliases, "summary": method.summary, "formula": method.formula,
        "acts_on": ActsOn::names(method.acts_on),
        "uses_batch_statistics": method.uses_batch_statistics,
        "train_equals_eval": method.train_equals_eval,
        "batch_size_one_conv": method.batch_size_one_conv.name(),
        "batch_size_one_fc": method.batch_size_one_fc.name(),
        "extra_parameters": method.extra_parameters,
        "options": options, "departures": method.departures, "recurrent": method.recurrent.is_some(),
        "residual_orders": orders(method), "needs_residual": method.needs_residual,
        "year": method.paper.year(),
        "paper": cited(method),
        "color": methods::style(method.name, 0).color,
    })
}

fn description(method: &Descriptor) -> String {
    let learning_rate = |size| method.default_learning_rate(size, NetworkKind::Convolutional);
    let conv = method.batch_size_one_conv.name();
    let fc = method.batch_size_one_fc.name();
    let facts = [
        ("paper", cited(method)),
        ("also", method.aliases.join(", ")),
        ("acts on", ActsOn::names(method.acts_on)),
        ("uses the batch", yes_no(method.uses_batch_statistics)),
        ("train = eval", yes_no(method.train_equals_eval)),
        (
            "batch size 1",
            format!("{conv} on convolutional layers, {fc} on fully connected ones"),
        ),
        ("extra parameters", method.extra_parameters.into()),
        (
            "learning rate",
            format!(
                "{} at batch size 50, {} at 1 (default; tune it for comparisons)",
                learning_rate(50),
                learning_rate(1)
            ),
        ),
        ("networks", method.served()),
    ];
    let mut lines = vec![format!(
        "{}: {}\n\n  {}\n",
        method.name, method.summary, method.formula
    )];
    let known = facts.into_iter().filter(|(_, value)| !value.is_empty());
    lines.extend(known.map(|(name, value)| format!("{name:<16}  {value}")));
    if !method.options.is_empty() {
        lines.push("\noptions (--set method.NAME=VALUE)".into());
    }
    lines.extend(method.options.iter().map(|option| {
        let (default, values) = (option.default_value(), option.domain());
        format!(
            "  {} = {default}   [{values}]\n      {}",
            option.name, option.help
        )
    }));
    if !method.departures.is_empty() {
        lines.push("\nwhere we differ from the paper, or had to choose".into());
    }
    let departures = method.departures.iter();
    lines.extend(departures.map(|departure| format!("  - {departure}")));
    lines.join("\n") + "\n"
}

/// The orders of residual units that it serves.
fn orders(method: &Descriptor) -> Vec<&'static str> {
    let orders = Order::ALL.iter().copied();
    let served = orders.filter(|&order| method.serves(NetworkKind::Residual(order)));
    served.map(Order::name).collect()
}

fn cited(method: &Descriptor) -> String {
    let paper = method.paper;
    format!("{}: {}. {}", paper.authors, paper.title, paper.venue)
}

fn yes_no(flag: bool) -> String {
    if flag { "yes" } else { "no" }.into()
}
