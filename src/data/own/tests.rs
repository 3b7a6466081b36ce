//! What data of one's own are called, and what their tests share.

mod archives;
mod folders;

use super::*;

/// What is read, or the message that refuses it.
fn load(dataset: &str) -> Result<Dataset, String> {
    let own = OwnData::named(dataset).map_err(|error| format!("{error:#}"))?;
    let loaded = super::super::load::load_own(&own.unwrap(), dataset);
    loaded
        .map(|loaded| loaded.dataset)
        .map_err(|error| format!("{error:#}"))
}

fn refusal(dataset: &str) -> String {
    load(dataset).unwrap_err()
}

#[test]
fn names_are_paths_with_a_size_behind_them_where_asked_for() {
    let parts = |name: &str| {
        let own = OwnData::named(name).unwrap()?;
        Some((own.kind, own.path.display().to_string(), own.size))
    };
    assert_eq!(parts("cifar10"), None);
    assert_eq!(
        parts("folder:a/b"),
        Some((OwnKind::Folder, "a/b".into(), None))
    );
    assert_eq!(
        parts("npz:a@32"),
        Some((OwnKind::Npz, "a".into(), Some(32)))
    );
    assert_eq!(
        parts("npz:me@home"),
        Some((OwnKind::Npz, "me@home".into(), None))
    );
    assert_eq!(
        parts("folder:a@9/"),
        Some((OwnKind::Folder, "a@9/".into(), None))
    );
    assert!(refusal("folder:").contains("a path is missing"));
    assert!(refusal("npz:a@7").contains("8 to 64 rows and columns, not 7"));
}
