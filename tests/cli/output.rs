//! Help, completions and manual pages, and what becomes of output that nobody takes.

use std::fs;
use std::process::Stdio;

use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;

use crate::common::normprop;
use crate::run;

#[test]
fn completions_know_commands_methods_and_datasets() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let script = run(folder.path(), &["completions", shell]).success();
        let script = String::from_utf8(script.get_output().stdout.clone()).unwrap();
        for word in [
            "train",
            "batch-size",
            "overwrite",
            "normprop",
            "fashion-mnist-mini",
            "svhn",
        ] {
            assert!(script.contains(word), "{shell}: no {word}");
        }
        assert!(
            normprop::methods::METHODS
                .iter()
                .all(|method| script.contains(method.name)),
            "{shell}"
        );
    }
    run(folder.path(), &["completions", "cmd"])
        .code(2)
        .stderr(contains("bash"));
}

#[test]
fn control_characters_from_outside_are_made_visible() {
    let folder = tempfile::tempdir().unwrap();
    let name = "\u{1b}[31mred\u{9b}2J";
    fs::create_dir(folder.path().join(name)).unwrap();
    fs::write(folder.path().join(name).join("x.toml"), "\u{1b}[2J = [").unwrap();
    let file = format!("{name}/x.toml");
    let shown = "\\u001b[31mred\\u009b2J";
    for (arguments, shown) in [
        (["report", name], shown),
        (["compare", &file], shown),
        // The parser of the command line takes whole color sequences out of what it quotes.
        (["train", &format!("--{name}")], "--red\\u009b2J"),
    ] {
        let said = run(folder.path(), &arguments).code(2);
        let said = String::from_utf8_lossy(&said.get_output().stderr).into_owned();
        assert!(said.contains(shown), "{said}");
        let raw = |character: char| character.is_control() && character != '\n';
        assert!(!said.contains(raw), "{said:?}");
    }
}

#[test]
fn the_manual_page_covers_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let page = run(folder.path(), &["man"]).success();
    let page = String::from_utf8(page.get_output().stdout.clone()).unwrap();
    assert!(page.contains(".TH normprop 1"), "{}", &page[..200]);
    for text in [
        ".TH normprop-data-list",
        ".TH normprop-data-fetch",
        ".TH normprop-data-verify",
        "normprop\\-train",
        "normprop\\-eval",
        "normprop\\-bench",
        "\\-\\-batch\\-size",
        "\\-\\-overwrite",
        "Example",
    ] {
        assert!(page.contains(text), "no {text}");
    }
    assert!(!page.contains(".TH normprop-help") && !page.contains(".TH normprop-data-help"));
}

#[test]
fn the_switches_of_every_command_stand_together_behind_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let help = run(folder.path(), &["train", "--help"]).success();
    let help = String::from_utf8(help.get_output().stdout.clone()).unwrap();
    let (own, output) = help.split_once("\nOutput:\n").unwrap();
    for switch in ["--json", "--quiet", "--verbose"] {
        let is_listed = |text: &str| text.lines().any(|line| line.contains(switch));
        assert!(is_listed(output) && !is_listed(own), "{switch}: {help}");
    }
    assert!(own.contains("--batch-size"), "{help}");
}

#[test]
fn the_help_of_every_command_has_an_example_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let commands = [
        "train",
        "eval",
        "export",
        "methods",
        "keys",
        "data",
        "data list",
        "data fetch",
        "data verify",
        "doctor",
        "stats",
        "compare",
        "report",
        "bench",
        "completions",
        "man",
    ];
    for command in commands {
        let arguments: Vec<&str> = command.split(' ').chain(["--help"]).collect();
        run(folder.path(), &arguments)
            .success()
            .stdout(contains("Example").and(contains(format!("\n  normprop {command}"))));
    }
    let overview = run(folder.path(), &["--help"]).success();
    let overview = String::from_utf8(overview.get_output().stdout.clone()).unwrap();
    let listed: Vec<&str> = overview
        .lines()
        .skip_while(|line| !line.starts_with("Commands:"))
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .filter(|name| !name.is_empty() && *name != "help")
        .collect();
    assert!(
        !listed.is_empty() && listed.iter().all(|name| commands.contains(name)),
        "{listed:?}"
    );
    run(folder.path(), &[])
        .code(2)
        .stderr(contains("Usage: normprop"));
    run(folder.path(), &["--version"])
        .success()
        .stdout(contains(env!("CARGO_PKG_VERSION")));
}

#[cfg(target_os = "linux")]
#[test]
fn a_result_that_cannot_be_written_says_where_to() {
    let folder = tempfile::tempdir().unwrap();
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let output = normprop(folder.path())
        .args(["methods", "bn", "--json"])
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.starts_with("normprop: cannot write to standard output: No space left"),
        "{said}"
    );
}

#[test]
fn a_reader_who_leaves_early_is_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        "data list",
        "doctor",
        "methods",
        "man",
        "data verify fashion-mnist-mini",
        "train --dry-run",
    ] {
        let mut command = normprop(folder.path());
        command
            .args(arguments.split(' '))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && !said.contains("panicked"),
            "{arguments}: {said}"
        );
    }
}
