//! README: how long it may be, and what it must answer.

use std::fs;

use normprop::methods::METHODS;

use super::root;

/// Most words of README, as `wc -w` counts.
const WORDS: usize = 1200;
/// Most words before its first command.
const WORDS_BEFORE_COMMAND: usize = 120;

fn words(text: &str) -> usize {
    text.split_whitespace().count()
}

#[test]
fn readme_is_short_and_begins_with_a_command() {
    let page = fs::read_to_string(root().join("README.md")).unwrap();
    assert!(words(&page) <= WORDS, "README has {} words", words(&page));
    let (before, _) = page.split_once("```").expect("README shows a command");
    let before = words(before);
    assert!(
        before <= WORDS_BEFORE_COMMAND,
        "{before} words before README's first command"
    );
}

#[test]
fn every_document_is_in_the_index() {
    let folder = root().join("docs");
    let index = fs::read_to_string(folder.join("README.md")).unwrap();
    for entry in fs::read_dir(&folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let linked = index.contains(&format!("]({name})"));
        assert!(
            linked || name == "README.md" || !name.ends_with(".md"),
            "docs/README.md does not lead to {name}"
        );
    }
}

#[test]
fn readme_counts_the_methods_rightly() {
    let page = fs::read_to_string(root().join("README.md")).unwrap();
    let tens = (METHODS.len() - 1) / 10 * 10;
    let told = format!("more than {tens} methods");
    assert!(page.contains(&told), "README does not say: {told}");
}

/// Sentences that nobody could read once, or the part of them that is like no other text.
const UNREADABLE: [&str; 14] = [
    "honest bench",
    "the same initial directions",
    "does this normalization train",
    "where seeds scatter widely",
    "A variant of ours",
    "is far ahead of it",
    "differ from each other by more than their intervals",
    "One of their pictures",
    "at the learning rates that were tried",
    "with no other argument, and learns",
    "every setting briefly",
    "whose formulas other tests hold to",
    "heart beat that holds across hosts",
    "submits it again and nothing else",
];

#[test]
fn sentences_that_could_not_be_read_once_are_gone() {
    let files = super::tracked();
    let texts = files.iter().filter(|path| !path.ends_with("readme.rs"));
    for path in texts {
        // Pictures and data are no prose.
        let Ok(text) = fs::read_to_string(path) else {
            continue;
        };
        let found = UNREADABLE.iter().find(|sentence| text.contains(**sentence));
        assert_eq!(found, None, "{}", path.display());
    }
}
