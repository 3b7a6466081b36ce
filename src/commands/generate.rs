//! `normprop completions` and `normprop man`, from the same definitions as the help.

use std::io::{Write, stdout};

use anyhow::Result;
use clap::builder::PossibleValuesParser;
use clap::{Command, CommandFactory};
use clap_complete::Shell;

use crate::cli::Cli;
use crate::data::catalogue::ENTRIES;
use crate::methods::METHODS;

/// Prints a completion script, which also completes the names of methods and datasets.
pub fn completions(shell: Shell) -> Result<()> {
    let methods = METHODS.iter().map(|method| method.name);
    let datasets = ENTRIES.iter().map(|entry| entry.name);
    let offer = |command: Command, argument: &'static str, names: Vec<&'static str>| {
        command.mut_arg(argument, |argument| {
            argument.value_parser(PossibleValuesParser::new(names))
        })
    };
    let mut command = Cli::command()
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
    stdout().write_all(&script)?;
    Ok(())
}

/// Prints the manual page: the overview, then one section a command.
pub fn man_page() -> Result<()> {
    let mut page = Vec::new();
    let mut command = Cli::command();
    command.build();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    for subcommand in command.get_subcommands() {
        clap_mangen::Man::new(subcommand.clone()).render(&mut page)?;
    }
    stdout().write_all(&page)?;
    Ok(())
}
