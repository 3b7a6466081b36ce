//! The catalogue is complete, and says what is missing.

use super::*;

#[test]
fn every_entry_is_complete_and_consistent() {
    for entry in ENTRIES {
        let classes = entry.classes.len();
        let totals: Vec<usize> = [entry.train_counts, entry.test_counts]
            .map(|counts| counts.of(classes))
            .map(|counts| {
                assert_eq!(counts.len(), classes, "{}", entry.name);
                counts.iter().sum()
            })
            .to_vec();
        let expected = match entry.name {
            "fashion-mnist-mini" => [4_000, 1_000],
            "fashion-mnist" | "mnist" => [60_000, 10_000],
            "cifar10" | "cifar100" => [50_000, 10_000],
            "svhn" => [73_257, 26_032],
            other => panic!("what does {other} officially hold?"),
        };
        assert_eq!(totals, expected, "{}", entry.name);
        assert_eq!(
            entry.is_embedded(),
            entry.files().count() == 0,
            "{}",
            entry.name
        );
        assert_eq!(
            entry.is_embedded(),
            entry.downloads.is_empty(),
            "{}",
            entry.name
        );
        assert!(
            !entry.citation.is_empty() && !entry.licence.is_empty(),
            "{}",
            entry.name
        );
        assert!(entry.addresses.iter().all(|address| address.ends_with('/')));
        let sums = entry.files().map(|file| file.sha256);
        for sum in sums.chain(entry.downloads.iter().map(|download| download.sha256)) {
            let digits = sum.sha256();
            assert!(digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_hexdigit()));
        }
    }
}

#[test]
fn class_names_are_distinct() {
    for entry in ENTRIES {
        let mut names = entry.classes.to_vec();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), entry.classes.len(), "{}", entry.name);
    }
    let cifar100 = find("cifar100").unwrap().classes;
    assert_eq!(cifar100.len(), 100);
    assert!(cifar100.is_sorted(), "the official order is alphabetical");
}

#[test]
fn unknown_names_are_usage_errors_with_a_suggestion() {
    let error = find("cifar-10").unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no dataset `cifar-10`; did you mean `cifar10`?"
    );
    assert!(error.downcast_ref::<crate::error::Failure>().is_some());
}

#[test]
fn a_missing_dataset_says_what_is_missing_where_and_how_to_get_it() {
    let entry = find("cifar10").unwrap();
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().join("cifar-10-batches-bin");
    let message = entry.locate(data.path()).unwrap_err().to_string();
    assert!(
        message.contains(&format!("there is no folder {}", folder.display())),
        "{message}"
    );
    assert!(
        message.contains("normprop data fetch cifar10\n"),
        "{message}"
    );
    assert!(message.contains("--from"), "{message}");

    std::fs::create_dir(&folder).unwrap();
    for file in entry.files().filter(|file| file.name != "data_batch_3.bin") {
        std::fs::write(folder.join(file.name), b"").unwrap();
    }
    let message = entry.locate(data.path()).unwrap_err().to_string();
    assert!(
        message.contains("cifar-10-batches-bin lacks data_batch_3.bin."),
        "{message}"
    );
    std::fs::write(folder.join("data_batch_3.bin"), b"").unwrap();
    assert_eq!(entry.locate(data.path()).unwrap(), folder);
}

#[test]
fn a_distributions_copy_is_found_and_an_own_copy_preferred() {
    let (data, system) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path: &'static str = Box::leak(system.path().display().to_string().into_boxed_str());
    let entry = Entry {
        system_folder: Some(path),
        ..*find("fashion-mnist").unwrap()
    };
    assert!(
        entry
            .locate(data.path())
            .unwrap_err()
            .to_string()
            .contains(path)
    );
    for file in entry.files() {
        std::fs::write(system.path().join(format!("{}.gz", file.name)), b"").unwrap();
    }
    assert_eq!(entry.locate(data.path()).unwrap(), system.path());
    let own = data.path().join("fashion-mnist");
    std::fs::create_dir(&own).unwrap();
    for file in entry.files() {
        std::fs::write(own.join(file.name), b"").unwrap();
    }
    assert_eq!(entry.locate(data.path()).unwrap(), own);
}
