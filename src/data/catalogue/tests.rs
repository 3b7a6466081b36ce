//! The catalogue is complete, and says what is missing.

use super::*;

#[test]
fn every_entry_is_complete_and_consistent() {
    for entry in entries() {
        let name = entry.name;
        let classes = entry.class_names().len();
        let counts = entry.class_counts();
        assert!(
            counts.iter().all(|counts| counts.len() == classes),
            "{name}"
        );
        let expected = match name {
            "fashion-mnist-mini" => [4_000, 1_000],
            "fashion-mnist" | "mnist" => [60_000, 10_000],
            "cifar10" | "cifar100" => [50_000, 10_000],
            "svhn" => [73_257, 26_032],
            other => panic!("what does {other} officially hold?"),
        };
        assert_eq!(entry.images(), expected, "{name}");
        let downloads = entry.downloads();
        assert_eq!(entry.download_bytes.len(), downloads.len(), "{name}");
        assert_eq!(entry.download_sums.len(), downloads.len(), "{name}");
        let lines = entry.train_files.len() + entry.test_files.len();
        assert_eq!(entry.files().count(), lines, "{name}");
        assert_eq!(entry.is_embedded(), downloads.is_empty(), "{name}");
        assert_eq!(entry.is_embedded(), entry.folders.is_empty(), "{name}");
        assert!(
            !entry.citation.is_empty() && !entry.license.is_empty(),
            "{name}"
        );
        assert!(entry.addresses.iter().all(|address| address.ends_with('/')));
        let sums = entry.files().map(|(_, sum)| sum);
        for digits in sums.chain(downloads.iter().map(|download| download.sha256)) {
            assert!(digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_hexdigit()));
        }
        for download in downloads {
            assert!(download.size_bytes < entry.most_bytes(), "{name}");
        }
    }
}

#[test]
fn class_names_are_distinct() {
    for entry in entries() {
        let mut names = entry.class_names();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all, "{}", entry.name);
    }
    let cifar100 = find("cifar100").unwrap().class_names();
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
    for (name, _) in entry
        .files()
        .filter(|(name, _)| *name != "data_batch_3.bin")
    {
        std::fs::write(folder.join(name), b"").unwrap();
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
fn folders_and_names_of_other_programs_are_read_and_other_versions_named() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().join("MNIST/raw");
    std::fs::create_dir_all(&folder).unwrap();
    let mnist = find("mnist").unwrap();
    for (name, _) in mnist.files() {
        std::fs::write(folder.join(name.replace("-idx", ".idx")), b"").unwrap();
    }
    assert_eq!(mnist.locate(data.path()).unwrap(), folder);

    let python = data.path().join("cifar-10-batches-py");
    std::fs::create_dir(&python).unwrap();
    std::fs::write(python.join("data_batch_1"), b"").unwrap();
    let message = find("cifar10")
        .unwrap()
        .locate(data.path())
        .unwrap_err()
        .to_string();
    let says =
        "it holds data_batch_1: the Python version; the binary one is cifar-10-binary.tar.gz";
    assert!(message.contains(says), "{message}");
}

#[test]
fn a_distributions_copy_is_found_and_an_own_copy_preferred() {
    let (data, system) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path: &'static str = system.path().display().to_string().leak();
    let entry = CatalogueEntry {
        folders: vec!["fashion-mnist", path].leak(),
        ..*find("fashion-mnist").unwrap()
    };
    let message = entry.locate(data.path()).unwrap_err().to_string();
    assert!(
        message.contains("lacks train-images-idx3-ubyte"),
        "{message}"
    );
    for (name, _) in entry.files() {
        std::fs::write(system.path().join(format!("{name}.gz")), b"").unwrap();
    }
    assert_eq!(entry.locate(data.path()).unwrap(), system.path());
    let own = data.path().join("fashion-mnist");
    std::fs::create_dir(&own).unwrap();
    for (name, _) in entry.files() {
        std::fs::write(own.join(name), b"").unwrap();
    }
    assert_eq!(entry.locate(data.path()).unwrap(), own);
}
