//! Whole fetches against a server on this machine.

mod copies;

use super::samples::{
    PHOTO_RECORDS, digit_files, digits, gzip, label_file, photo_archive, photos, tar_of,
};
use super::test_server::{Manners, Server};
use super::*;
use crate::data::verify::verify_entry;

struct Trial {
    data: tempfile::TempDir,
}

/// A server that breaks off after 100 bytes and does not continue.
const BROKEN: Manners = Manners {
    cut_after: Some(100),
    ranges: false,
    wrong_ranges: false,
    without_length: false,
    slow: false,
    status: None,
};

impl Trial {
    fn new() -> Trial {
        Trial {
            data: tempfile::tempdir().unwrap(),
        }
    }

    fn fetch(&self, entry: &CatalogueEntry, from: Option<&str>) -> Result<()> {
        fetch_entry(
            entry,
            self.data.path(),
            from,
            &Client::local(),
            &mut |_, _| {},
        )
    }

    fn refusal(&self, entry: &CatalogueEntry, from: Option<&str>) -> String {
        format!("{:#}", self.fetch(entry, from).unwrap_err())
    }

    /// Names in the data folder, sorted.
    fn names(&self) -> Vec<String> {
        names_in(self.data.path())
    }

    fn training_labels(&self, entry: &CatalogueEntry) -> Vec<u8> {
        load_entry(entry, self.data.path())
            .unwrap()
            .dataset
            .train
            .labels
    }
}

fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|name| name.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// The files of [`digits`] below a path of a server.
fn digits_at(path: &str) -> Vec<(String, Vec<u8>)> {
    let files = digit_files().into_iter();
    files
        .map(|(name, bytes)| (format!("{path}{name}"), bytes))
        .collect()
}

fn archive_server(archive: &[u8], manners: Manners) -> Server {
    Server::start(&[("/photos.tar.gz".into(), archive.to_vec())], manners)
}

#[test]
fn an_archive_is_downloaded_checked_unpacked_and_kept() {
    let server = archive_server(&photo_archive(), Manners::default());
    let (trial, entry) = (Trial::new(), photos(&[server.url("/")]));
    trial.fetch(&entry, None).unwrap();
    assert_eq!(
        trial.names(),
        ["photo-records"],
        "nothing else is left behind"
    );
    let unpacked = names_in(&trial.data.path().join("photo-records"));
    assert_eq!(
        unpacked,
        ["data_batch_1.bin", "test_batch.bin"],
        "no readme"
    );
    assert_eq!(trial.training_labels(&entry), [0, 1]);
    let report = verify_entry(&entry, trial.data.path()).unwrap();
    assert!(report.verdict == Verdict::Official && report.files.len() == 2);

    trial.fetch(&entry, None).unwrap();
    assert_eq!(
        server.requests().len(),
        1,
        "a good copy is not fetched again"
    );
}

#[test]
fn several_files_come_from_the_first_address_that_works() {
    let files = digits_at("/m/");
    let server = Server::start(&files, Manners::default());
    let (trial, entry) = (
        Trial::new(),
        digits(&[server.url("/gone/"), server.url("/m/")]),
    );
    trial.fetch(&entry, None).unwrap();
    assert_eq!(trial.training_labels(&entry), [1, 0, 0, 1]);
    assert_eq!(server.requests().len(), 8);
}

#[test]
fn a_broken_fetch_is_continued_by_the_next() {
    let archive = photo_archive();
    let broken = archive_server(&archive, BROKEN);
    let trial = Trial::new();
    let message = trial.refusal(&photos(&[broken.url("/")]), None);
    assert!(message.contains("broke off after 100 bytes"), "{message}");
    assert!(
        message.contains("normprop data fetch photos --from"),
        "{message}"
    );
    assert_eq!(trial.names(), [".fetch-photos"]);

    let whole = archive_server(&archive, Manners::default());
    let entry = photos(&[whole.url("/")]);
    trial.fetch(&entry, None).unwrap();
    assert_eq!(whole.requests(), ["/photos.tar.gz bytes=100-"]);
    assert_eq!(trial.names(), ["photo-records"]);
}

#[test]
fn finished_files_of_a_broken_fetch_are_not_downloaded_again() {
    let all = digits_at("/");
    let half = Server::start(&all[..2], Manners::default());
    let trial = Trial::new();
    assert!(
        trial
            .refusal(&digits(&[half.url("/")]), None)
            .contains("404")
    );
    let whole = Server::start(&all, Manners::default());
    trial.fetch(&digits(&[whole.url("/")]), None).unwrap();
    assert_eq!(whole.requests().len(), 2);
}

#[test]
fn a_wrong_checksum_is_refused_and_leaves_nothing() {
    let mut archive = photo_archive();
    archive[30] ^= 1;
    let server = archive_server(&archive, Manners::default());
    let trial = Trial::new();
    let message = trial.refusal(&photos(&[server.url("/")]), None);
    assert!(
        message.contains("gave a wrong file") && message.contains("SHA-256"),
        "{message}"
    );
    assert_eq!(trial.names(), Vec::<String>::new());
}

#[test]
fn a_wrong_first_part_is_thrown_away_and_the_whole_fetched() {
    let archive = photo_archive();
    let mut wrong = archive.clone();
    wrong[30] ^= 1;
    let trial = Trial::new();
    trial.refusal(&photos(&[archive_server(&wrong, BROKEN).url("/")]), None);

    let server = archive_server(&archive, Manners::default());
    let entry = photos(&[server.url("/")]);
    trial.fetch(&entry, None).unwrap();
    assert_eq!(
        server.requests(),
        ["/photos.tar.gz bytes=100-", "/photos.tar.gz"]
    );
    assert_eq!(trial.training_labels(&entry), [0, 1]);
}

#[test]
fn a_copy_from_elsewhere_may_have_another_checksum_but_must_be_readable() {
    let subset = gzip(&tar_of(&[
        ("data_batch_1.bin", &[1, 2, 3, 4]),
        ("test_batch.bin", PHOTO_RECORDS[1].1),
    ]));
    let mislabeled = gzip(&tar_of(&[
        ("data_batch_1.bin", &[2, 0, 0, 0]),
        ("test_batch.bin", PHOTO_RECORDS[1].1),
    ]));
    let incomplete = gzip(&tar_of(&[("data_batch_1.bin", PHOTO_RECORDS[0].1)]));
    let hostile = gzip(&tar_of(&[("../../data_batch_1.bin", PHOTO_RECORDS[0].1)]));
    let files = [
        ("/subset", subset),
        ("/labels", mislabeled),
        ("/part", incomplete),
        ("/out", hostile),
    ]
    .map(|(path, bytes)| (path.to_owned(), bytes));
    let server = Server::start(&files, Manners::default());
    let (trial, entry) = (Trial::new(), photos(&[]));
    for (path, says) in [
        ("/labels", "data_batch_1.bin: byte 0: record 0 has label 2"),
        ("/part", "does not hold test_batch.bin"),
        ("/out", "points out of the archive"),
        ("/none", "404"),
    ] {
        let message = trial.refusal(&entry, Some(&server.url(path)));
        assert!(message.contains(says), "{path}: {message}");
        let left = trial.names();
        assert!(left.is_empty(), "{path} leaves {left:?}");
    }
    trial.fetch(&entry, Some(&server.url("/subset"))).unwrap();
    let report = verify_entry(&entry, trial.data.path()).unwrap();
    assert_eq!(report.train.class_counts, [0, 1]);
    assert_eq!(report.verdict, Verdict::OtherCounts);
    assert!(!report.files[0].official && report.files[1].official);

    let message = trial.refusal(&entry, None);
    assert!(
        message.contains("is left alone") && message.contains("1 training"),
        "{message}"
    );
}

#[test]
fn a_damaged_copy_is_replaced_and_other_files_stay() {
    let files = digits_at("/");
    let server = Server::start(&files, Manners::default());
    let (trial, entry) = (Trial::new(), digits(&[server.url("/")]));
    let place = trial.data.path().join("digits");
    std::fs::create_dir(&place).unwrap();
    std::fs::write(place.join("notes.txt"), b"mine").unwrap();
    for (name, bytes) in digit_files() {
        std::fs::write(place.join(name), bytes).unwrap();
    }
    // An uncompressed file is preferred to a compressed one; this one says label 7 of 2 classes.
    std::fs::write(
        place.join("train-labels-idx1-ubyte"),
        label_file(&[1, 7, 0, 1]),
    )
    .unwrap();
    assert!(load_entry(&entry, trial.data.path()).is_err());
    trial.fetch(&entry, None).unwrap();
    assert_eq!(trial.training_labels(&entry), [1, 0, 0, 1]);
    assert_eq!(std::fs::read(place.join("notes.txt")).unwrap(), b"mine");
    assert_eq!(names_in(&place).len(), 5);
}

#[test]
fn two_processes_do_not_fetch_the_same_set_at_once() {
    let (trial, entry) = (Trial::new(), photos(&[]));
    let source = tempfile::tempdir().unwrap();
    std::fs::write(source.path().join("photos.tar.gz"), photo_archive()).unwrap();
    let held = Staging::open(&entry, trial.data.path()).unwrap();
    let from = source.path().display().to_string();
    assert!(
        trial
            .refusal(&entry, Some(&from))
            .contains("another process is fetching `photos`")
    );
    drop(held);
    trial.fetch(&entry, Some(&from)).unwrap();
}

#[test]
fn the_embedded_set_needs_no_fetching() {
    let trial = Trial::new();
    fetch(
        "fashion-mnist-mini",
        trial.data.path(),
        None,
        &mut |_, _| {},
    )
    .unwrap();
    assert_eq!(trial.names(), Vec::<String>::new());
}
