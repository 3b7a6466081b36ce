//! Rules of the house that no compiler checks: who may know whom, what must not be in the sources, and that what is
//! written about the program is what the program says.

mod columns;
mod install;
mod readme;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use normprop::methods::METHODS;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn normprop(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_normprop"));
    command.current_dir(folder);
    command
}

/// The Rust sources of a module: `path` with `.rs` behind it, and what is in the folder `path`.
fn sources(path: &Path) -> Vec<PathBuf> {
    let mut found = in_folder(path);
    let file = path.with_extension("rs");
    if file.is_file() {
        found.push(file);
    }
    found
}

fn in_folder(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(in_folder(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// The lines of a source that are not comments, with their numbers.
fn code(path: &Path) -> Vec<(usize, String)> {
    let text = fs::read_to_string(path).unwrap();
    let lines = text
        .lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line.to_string()));
    lines
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .collect()
}

/// Whether `line` holds `word`, not as the end of a longer one.
fn has(line: &str, word: &str) -> bool {
    line.match_indices(word)
        .any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
}

/// Every line of the module's code that holds one of `words`.
fn lines_with(module: &str, words: &[&str]) -> Vec<String> {
    let files = sources(&root().join("src").join(module));
    assert!(!files.is_empty(), "no module {module}");
    let mut found = Vec::new();
    for path in files {
        for (number, line) in code(&path) {
            if words.iter().any(|word| has(&line, word)) {
                found.push(format!("{}:{number}: {}", path.display(), line.trim()));
            }
        }
    }
    found
}

#[test]
fn nothing_prints_in_a_way_that_panics_when_nobody_reads() {
    for module in [
        "main", "commands", "progress", "engine", "probe", "config", "data", "methods", "nn",
    ] {
        let printing = lines_with(
            module,
            &["println!(", "eprintln!(", "print!(", "eprint!(", "dbg!("],
        );
        assert!(
            printing.is_empty(),
            "use out!, outln! or errln! (src/output.rs): {printing:?}"
        );
    }
}

/// Files under version control; none where there is no git or no repository.
fn tracked() -> Vec<PathBuf> {
    let listed = Command::new("git")
        .args(["ls-files", "-z"])
        .current_dir(root())
        .output();
    let bytes = listed
        .ok()
        .filter(|output| output.status.success())
        .map_or(Vec::new(), |output| output.stdout);
    let names = String::from_utf8(bytes).unwrap();
    let names = names.split('\0').filter(|name| !name.is_empty());
    names
        .map(|name| root().join(name))
        .filter(|path| path.is_file())
        .collect()
}

#[test]
fn no_tracked_file_names_a_folder_of_the_machine_it_was_made_on() {
    let files = tracked();
    if files.is_empty() {
        eprintln!(
            "skipped no_tracked_file_names_a_folder_of_the_machine_it_was_made_on: no git repository"
        );
        return;
    }
    for path in files {
        let bytes = fs::read(&path).unwrap();
        for name in ["work", "root"] {
            let folder = format!("/{name}");
            // A folder at the top, not the end of a longer path or the start of a longer name.
            let named = |start: usize| {
                let before = start.checked_sub(1).map(|at| bytes[at]);
                let after = bytes.get(start + folder.len());
                let inside = |byte: u8| byte.is_ascii_alphanumeric() || b"._-}".contains(&byte);
                !before.is_some_and(inside) && !after.is_some_and(|&byte| inside(byte))
            };
            let places = bytes
                .windows(folder.len())
                .enumerate()
                .filter(|(_, window)| *window == folder.as_bytes());
            let found = places.map(|(start, _)| start).find(|&start| named(start));
            assert_eq!(
                found,
                None,
                "{} names {folder} at this byte",
                path.display()
            );
        }
    }
}

#[test]
fn the_page_of_methods_is_what_the_program_prints() {
    let output = normprop(root())
        .args(["methods", "--markdown"])
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let rows = printed.lines().filter(|line| line.starts_with("| "));
    assert_eq!(rows.count(), METHODS.len() + 2, "{printed}");
    let page = fs::read_to_string(root().join("docs/methods.md")).unwrap();
    assert!(
        page == printed,
        "write it with `normprop methods --markdown > docs/methods.md`"
    );
}

#[test]
fn the_rules_that_texts_follow_are_right() {
    let tested = std::process::Command::new("python3")
        .args(["-B", "tests.py"])
        .current_dir(root().join("scripts/studies"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&tested.stderr);
    assert!(tested.status.success(), "{said}");
    assert!(
        said.contains("Ran ") && !said.contains("Ran 0 tests"),
        "{said}"
    );
}

#[test]
fn the_texts_of_results_follow_from_their_tables() {
    let checked = std::process::Command::new(root().join("scripts/reproduce"))
        .arg("--check")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&checked.stdout);
    assert!(
        checked.status.success(),
        "scripts/reproduce --texts writes them anew:\n{said}{}",
        String::from_utf8_lossy(&checked.stderr)
    );
    // The page must hold what it is for: a verdict on each of the sixteen studies.
    let page = std::fs::read_to_string(root().join("results/README.md")).unwrap();
    let verdicts = page.lines().filter(|line| line.ends_with("** |"));
    assert_eq!(verdicts.count(), 16);
}

#[test]
fn every_experiment_file_resolves() {
    let folder = root().join("experiments");
    let files = fs::read_dir(folder).map_or(Vec::new(), |entries| {
        entries.map(|entry| entry.unwrap().path()).collect()
    });
    let elsewhere = tempfile::tempdir().unwrap();
    for path in files.iter().filter(|path| {
        path.extension()
            .is_some_and(|extension| extension == "toml")
    }) {
        let mut command = normprop(elsewhere.path());
        let output = command
            .arg("compare")
            .arg(path)
            .arg("--dry-run")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        // Only the data may be missing.
        assert!(
            output.status.success() || said.contains("is not here"),
            "{}: {said}",
            path.display()
        );
    }
}

/// The anchors that GitHub makes of a document's headings.
fn anchors(document: &str) -> Vec<String> {
    let headings = document.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let text = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = text
            .chars()
            .filter(|&letter| letter.is_alphanumeric() || " -_".contains(letter));
        kept.collect::<String>().replace(' ', "-")
    };
    headings.map(anchor).collect()
}

#[test]
fn links_between_documents_lead_somewhere() {
    let documents = tracked().into_iter().filter(|path| {
        path.extension().is_some_and(|extension| extension == "md")
            && !path.to_string_lossy().contains("templates")
    });
    for document in documents {
        let text = fs::read_to_string(&document).unwrap();
        let targets = text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.contains("://")) {
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let path = match file {
                "" => document.clone(),
                file => document.parent().unwrap().join(file),
            };
            let leads = path.exists()
                && (anchor.is_empty()
                    || anchors(&fs::read_to_string(&path).unwrap()).contains(&anchor.to_owned()));
            assert!(
                leads,
                "{} links to {target}, which is not there",
                document.display()
            );
        }
    }
}
