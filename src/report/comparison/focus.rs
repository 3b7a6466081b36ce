//! Which of many lines a picture names; the others are there for comparison, in gray.

use super::{Results, Shown};
use crate::draw::Series;

/// Up to so many lines can be told apart.
pub const MOST_LINES: usize = 7;
/// The methods that every comparison is about.
const MAIN: [&str; 3] = ["none", "bn", "normprop"];

/// The labels to name at a batch size: all where they are few, else the main methods without options and the method of
/// the lowest final test error.
pub fn named(results: &Results, batch_size: u64) -> Vec<&str> {
    let groups = &results.groups;
    let shown: Vec<&Shown> = groups.at(batch_size).collect();
    if shown.len() <= MOST_LINES {
        return shown.iter().map(|group| group.key.label.as_str()).collect();
    }
    let is_main =
        |group: &&&Shown| MAIN.contains(&group.key.method.as_str()) && groups.is_plain(&group.key);
    let main = shown.iter().filter(is_main);
    let mut named: Vec<&str> = main.map(|group| group.key.label.as_str()).collect();
    let best = shown.iter().min_by(|a, b| {
        let error = |group: &Shown| groups.error(&group.key);
        error(a).total_cmp(&error(b))
    });
    if let Some(best) = best.filter(|best| !named.contains(&best.key.label.as_str())) {
        named.push(&best.key.label);
    }
    named
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
    let sizes = &results.groups.batch_sizes;
    let is_crowded = |size: &u64| results.groups.at(*size).count() > MOST_LINES;
    match sizes.iter().any(is_crowded) {
        true => "; in gray: the other methods",
        false => "",
    }
}
