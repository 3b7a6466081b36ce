//! Fetches from files and folders on this machine.

use super::*;

#[test]
fn local_archives_folders_and_file_addresses_serve() {
    let source = tempfile::tempdir().unwrap();
    let archive = source.path().join("photos.tar.gz");
    std::fs::write(&archive, photo_archive()).unwrap();
    let folder = source.path().display().to_string();
    for from in [
        archive.display().to_string(),
        format!("file://{folder}/photos.tar.gz"),
        folder,
    ] {
        let (trial, entry) = (Trial::new(), photos(&[]));
        trial.fetch(&entry, Some(&from)).unwrap();
        assert_eq!(trial.training_labels(&entry), [0, 1], "{from}");
        assert!(archive.exists(), "the source is not touched");
    }
    let empty = tempfile::tempdir().unwrap();
    let trial = Trial::new();
    let message = trial.refusal(&photos(&[]), Some(&empty.path().display().to_string()));
    assert!(
        message.contains("lacks data_batch_1.bin, test_batch.bin"),
        "{message}"
    );
    assert_eq!(trial.names(), Vec::<String>::new());
}

#[test]
fn loose_files_are_copied_from_a_folder_or_unpacked_from_an_archive() {
    let source = tempfile::tempdir().unwrap();
    let loose = source.path().join("digits");
    std::fs::create_dir(&loose).unwrap();
    for (name, bytes) in digit_files() {
        std::fs::write(loose.join(name), bytes).unwrap();
    }
    let members = digit_files();
    let members: Vec<(&str, &[u8])> = members
        .iter()
        .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
        .collect();
    let archive = source.path().join("all.tgz");
    std::fs::write(&archive, gzip(&tar_of(&members))).unwrap();
    for from in [source.path(), loose.as_path(), archive.as_path()] {
        let (trial, entry) = (Trial::new(), digits(&[]));
        trial
            .fetch(&entry, Some(&from.display().to_string()))
            .unwrap();
        assert_eq!(
            trial.training_labels(&entry),
            [1, 0, 0, 1],
            "{}",
            from.display()
        );
    }
}
