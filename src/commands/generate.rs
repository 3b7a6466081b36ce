//! `normprop completions` and `normprop man`, from the same definitions as the help.

use std::io::{Write, stdout};

use anyhow::Result;
use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Cli;

/// Prints a completion script.
pub fn completions(shell: Shell) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "normprop", &mut script);
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
