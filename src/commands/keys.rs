//! `normprop keys`: every key of a comparison and of a run.

use anyhow::Result;

use crate::cli::{KeysArgs, OutputArgs};
use crate::config::experiment::EXPERIMENT_SCHEMA;
use crate::config::keys;
use crate::output::print_json;
use crate::{out, usage};

/// Columns that a meaning is wrapped to.
const COLUMNS: usize = 96;

/// Runs the command.
pub fn run(args: &KeysArgs, output: OutputArgs) -> Result<()> {
    if args.markdown {
        return Ok(out!("{}", keys::markdown())?);
    }
    if args.schema {
        return print_json(&*EXPERIMENT_SCHEMA);
    }
    let pattern = args.pattern.as_deref().unwrap_or_default();
    let found = keys::find(pattern);
    if found.is_empty() {
        return Err(usage!(
            "no key contains `{pattern}`; normprop keys lists them all"
        ));
    }
    if output.json {
        return print_json(&found);
    }
    let mut text = String::new();
    for section in found {
        text += &format!("{}\n", section.title);
        for key in section.keys {
            let default = match key.default.as_str() {
                "" => String::new(),
                default => format!(" = {default}"),
            };
            text += &format!("  {}{default}   [{}]\n", key.key, key.values);
            let indent = "      ";
            let options = textwrap::Options::new(COLUMNS)
                .initial_indent(indent)
                .subsequent_indent(indent);
            text += &(textwrap::fill(&key.meaning, options) + "\n");
        }
    }
    Ok(out!("{text}")?)
}
