//! Which of many lines a picture names; the others are there for comparison, in gray.

use super::Results;
use super::columns::ComparisonColumn;
use crate::draw::Series;
use crate::run_key::GroupKey;

/// Up to so many lines can be told apart.
pub const MOST_LINES: usize = 7;
/// The methods that every comparison is about.
const MAIN: [&str; 3] = ["none", "bn", "normprop"];

/// The names of the lines to name in a column: all where they are few, else the main methods without options and the
/// method of the lowest final test error.
pub fn named(results: &Results, column: ComparisonColumn) -> Vec<&str> {
    let groups = &results.groups;
    let mut shown = groups.within(column);
    if shown.len() > MOST_LINES {
        let is_main = |key: &GroupKey| MAIN.contains(&key.method.as_str()) && groups.is_plain(key);
        shown.retain(|group| is_main(&group.key) || groups.is_lowest(&group.key));
    }
    let names = shown.into_iter();
    names.map(|group| groups.name(&group.key.label)).collect()
}

/// The line, in gray unless its label is among the named ones.
pub fn muted_unless(line: Series, named: &[&str]) -> Series {
    match named.contains(&line.label.as_str()) {
        true => line,
        false => line.muted(),
    }
}

/// What a subtitle says where lines are gray.
pub fn note(results: &Results) -> &'static str {
    let groups = &results.groups;
    let mut columns = groups.columns().into_iter();
    match columns.any(|column| groups.within(column).len() > MOST_LINES) {
        true => "; in gray: the other methods",
        false => "",
    }
}
