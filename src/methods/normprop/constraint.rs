//! How weight rows of `normprop` keep their length.

use crate::options::Options;

/// How rows are kept at unit length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Constraint {
    /// Reset to it after each step.
    Project,
    /// Divided by their length, differentiated through.
    Reparametrize,
    /// Both.
    Both,
}

impl Constraint {
    /// By the option `constraint`.
    pub fn of(options: &Options) -> Constraint {
        match options.choice("constraint") {
            "project" => Constraint::Project,
            "reparametrize" => Constraint::Reparametrize,
            _ => Constraint::Both,
        }
    }
}
