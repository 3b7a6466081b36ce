//! `normprop completions` and `normprop man`, from the same definitions as the help.

use anyhow::Result;
use clap::builder::PossibleValuesParser;
use clap::{Command, CommandFactory};
use clap_complete::Shell;
use serde_json::json;

use super::stats::with_probes;
use crate::cli::{Cli, OutputArgs};
use crate::data::catalogue::entries;
use crate::methods::METHODS;
use crate::out;
use crate::output::print_json;

/// Prints a completion script, which also completes the names of methods and datasets.
pub fn completions(shell: Shell, output: OutputArgs) -> Result<()> {
    let methods = METHODS.iter().map(|method| method.name);
    let datasets = entries().map(|entry| entry.name);
    let offer = |command: Command, argument: &'static str, names: Vec<&'static str>| {
        command.mut_arg(argument, |argument| {
            argument.value_parser(PossibleValuesParser::new(names))
        })
    };
    let mut command = with_probes(Cli::command())
        .mut_subcommand("train", |train| {
            let train = offer(train, "norm", methods.clone().collect());
            offer(train, "dataset", datasets.clone().collect())
        })
        .mut_subcommand("bench", |bench| {
            let norms = methods.clone().chain(["all"]).collect();
            let bench = offer(bench, "norm", norms);
            offer(bench, "dataset", datasets.clone().collect())
        })
        .mut_subcommand("methods", |command| {
            offer(command, "name", methods.clone().collect())
        })
        .mut_subcommand("data", |data| {
            let fetch = |command| offer(command, "name", datasets.clone().collect());
            data.mut_subcommand("fetch", fetch)
                .mut_subcommand("verify", fetch)
        });
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "normprop", &mut script);
    let script = String::from_utf8_lossy(&script);
    if output.json {
        return print_json(&json!({ "shell": shell.to_string(), "script": script }));
    }
    Ok(out!("{script}")?)
}

/// Prints the manual page: the overview, then one section a command, each followed by its own commands.
pub fn man_page(output: OutputArgs) -> Result<()> {
    // Pages that only say how to get help would stand between the others.
    let mut command = with_probes(Cli::command()).disable_help_subcommand(true);
    command.build();
    let mut page = Vec::new();
    render(&command, &mut page)?;
    let page = String::from_utf8_lossy(&page);
    if output.json {
        return print_json(&json!({ "page": page }));
    }
    Ok(out!("{page}")?)
}

fn render(command: &Command, page: &mut Vec<u8>) -> Result<()> {
    clap_mangen::Man::new(command.clone()).render(page)?;
    let mut shown = command.get_subcommands().filter(|own| !own.is_hide_set());
    shown.try_for_each(|subcommand| render(subcommand, page))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::networks::names;

    #[test]
    fn the_help_of_model_names_every_network() {
        let program = Cli::command();
        for command in ["train", "bench"] {
            let command = program.find_subcommand(command).unwrap();
            let mut arguments = command.get_arguments();
            let model = arguments.find(|argument| argument.get_id() == "model");
            let help = model.and_then(|it| it.get_help()).unwrap().to_string();
            for name in names() {
                assert!(help.contains(name), "{}: {help}", command.get_name());
            }
        }
    }
}
