//! Who may import whom, read from the sources by parsing them.
//!
//! [`LAYERS`] is the one list. CONTRIBUTING.md shows the same list, and a test compares the two.

mod sources;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use sources::Sources;

/// The modules of `src/` from top to bottom. A module imports from the rows below its own, and from nowhere else.
const LAYERS: &[&[&str]] = &[
    &["commands"],
    &["cli", "engine", "progress"],
    &["config", "export", "probe", "report"],
    &["data", "methods", "record"],
    &["draw", "follow", "nn"],
    &["bar", "event", "moments", "options", "panics", "stats"],
    &["output"],
    &["error", "run_key", "streams", "text"],
];

/// Modules that work without tensors, so that they can be read, tested and used without libtorch in mind.
const WITHOUT_TENSORS: &[&str] = &[
    "cli", "config", "record", "stats", "draw", "report", "text", "moments", "progress", "event",
];

/// The row of a module in [`LAYERS`].
fn layer(module: &str) -> usize {
    LAYERS
        .iter()
        .position(|row| row.contains(&module))
        .unwrap_or_else(|| panic!("src/ has a module `{module}` that LAYERS does not list"))
}

#[test]
fn modules_import_only_from_the_layers_below() {
    let sources = Sources::read();
    let found: BTreeSet<&str> = sources.modules().collect();
    for module in LAYERS.iter().flat_map(|row| row.iter()) {
        assert!(
            found.contains(module),
            "LAYERS lists `{module}`, which src/ does not have"
        );
    }
    let upwards: Vec<String> = sources
        .imports()
        .filter(|import| import.from_module != import.to_module)
        .filter(|import| layer(import.from_module) >= layer(import.to_module))
        .map(|import| format!("{} imports {}", import.from, import.to))
        .collect();
    assert!(
        upwards.is_empty(),
        "imports that point upwards or sideways:\n{}",
        upwards.join("\n")
    );
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let sources = Sources::read();
    let mut graph: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for import in sources.imports() {
        graph.entry(import.from).or_default().insert(import.to);
    }
    let circles: Vec<String> = circles(&graph)
        .iter()
        .map(|circle| circle.join(" -> "))
        .collect();
    assert!(
        circles.is_empty(),
        "{} circles:\n{}",
        circles.len(),
        circles.join("\n")
    );
}

/// Shortest ways from a file back to itself, one for each set of files that reach each other.
fn circles<'a>(graph: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> Vec<Vec<&'a str>> {
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut found = Vec::new();
    for &start in graph.keys() {
        if seen.contains(start) {
            continue;
        }
        if let Some(way) = way_back(graph, start) {
            seen.extend(&way);
            found.push(way);
        }
    }
    found
}

/// The shortest way along imports from `start` to `start`.
fn way_back<'a>(
    graph: &BTreeMap<&'a str, BTreeSet<&'a str>>,
    start: &'a str,
) -> Option<Vec<&'a str>> {
    let mut reached: BTreeSet<&str> = BTreeSet::new();
    let mut ways = std::collections::VecDeque::from([vec![start]]);
    while let Some(way) = ways.pop_front() {
        for &next in graph.get(way[way.len() - 1]).into_iter().flatten() {
            if next == start {
                return Some([way, vec![start]].concat());
            }
            if reached.insert(next) {
                ways.push_back([way.clone(), vec![next]].concat());
            }
        }
    }
    None
}

#[test]
fn what_needs_no_tensors_does_not_name_them() {
    let sources = Sources::read();
    for module in WITHOUT_TENSORS {
        let naming: Vec<&str> = sources
            .files_naming("tch")
            .filter(|file| file.module == *module)
            .map(|file| file.name.as_str())
            .collect();
        assert!(naming.is_empty(), "{naming:?}");
    }
}

#[test]
fn methods_do_not_import_each_other() {
    let sources = Sources::read();
    let methods: BTreeSet<&str> = sources.files_defining("DESCRIPTOR", "methods").collect();
    assert_eq!(
        methods.len(),
        normprop::methods::METHODS.len(),
        "one method a file: {methods:?}"
    );
    let pairs: Vec<String> = sources
        .imports()
        .filter(|import| methods.contains(import.from) && methods.contains(import.to))
        .map(|import| format!("{} imports {}", import.from, import.to))
        .collect();
    assert!(
        pairs.is_empty(),
        "what two methods need goes to nn/:\n{}",
        pairs.join("\n")
    );
}

#[test]
fn a_type_name_means_one_thing() {
    let sources = Sources::read();
    let mut places: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, file) in sources.types() {
        places.entry(name).or_default().push(file);
    }
    let twice: Vec<String> = places
        .iter()
        .filter(|(_, files)| files.len() > 1)
        .map(|(name, files)| format!("{name}: {}", files.join(", ")))
        .collect();
    assert!(
        twice.is_empty(),
        "{} names of types are declared more than once:\n{}",
        twice.len(),
        twice.join("\n")
    );
}

#[test]
fn contributing_shows_the_layers() {
    let path = sources::root().join("CONTRIBUTING.md");
    let text = fs::read_to_string(path).unwrap();
    let shown = text
        .split_once("<!-- layers -->\n```\n")
        .and_then(|(_, rest)| rest.split_once("```\n<!-- /layers -->"));
    let (shown, _) = shown.expect("CONTRIBUTING.md has no <!-- layers --> ... <!-- /layers -->");
    let rows: Vec<String> = LAYERS.iter().map(|row| row.join(", ") + "\n").collect();
    assert_eq!(
        shown,
        rows.concat(),
        "CONTRIBUTING.md and LAYERS in tests/layers/main.rs differ"
    );
}
