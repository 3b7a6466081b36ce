use super::super::files::RealDisk;
use super::*;
use crate::error::Failure;
use std::fs;

fn names(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_second_holder_is_refused_until_the_first_lets_go() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs/quick/a");
    let first = RunDir::open_or_create(&path, "a = 1\n").unwrap();
    let refused = RunDir::open_or_create(&path, "a = 1\n")
        .err()
        .unwrap()
        .to_string();
    assert!(
        refused.contains("another process is working in"),
        "{refused}"
    );
    assert!(refused.contains("runs/quick/a"), "{refused}");
    assert!(RunDir::overwrite(&path, "a = 1\n").is_err());
    drop(first);
    let second = RunDir::open_or_create(&path, "a = 1\n").unwrap();
    assert_eq!(fs::read(second.path().join(LOCK)).unwrap(), b"");
    // One lease for each of those who held it.
    assert_eq!(names(&path), [CONFIG, "lease-1", "lease-2", LOCK]);
}

#[test]
fn a_holder_that_is_about_to_end_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    RunDir::wait_until_free(&path).unwrap();
    assert!(!path.exists(), "looking makes nothing");
    drop(RunDir::open_or_create(&path, "a = 1\n").unwrap());
    let lock = File::open(path.join(LOCK)).unwrap();
    lock.lock().unwrap();
    let holder = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        drop(lock);
    });
    assert!(RunDir::open_or_create(&path, "a = 1\n").is_err());
    RunDir::wait_until_free(&path).unwrap();
    drop(RunDir::open_or_create(&path, "a = 1\n").unwrap());
    holder.join().unwrap();
}

#[test]
fn another_configuration_is_a_usage_error_that_shows_the_difference() {
    let folder = tempfile::tempdir().unwrap();
    drop(RunDir::open_or_create(folder.path(), "a = 1\nb = 2\n").unwrap());
    let error = RunDir::open_or_create(folder.path(), "a = 1\nb = 3\n")
        .err()
        .unwrap();
    let message = error.to_string();
    assert!(
        message.contains("line 2 is `b = 2`, asked for is `b = 3`"),
        "{message}"
    );
    assert!(matches!(error.downcast_ref(), Some(Failure::Usage(_))));
    let shorter = RunDir::open_or_create(folder.path(), "a = 1\n")
        .err()
        .unwrap()
        .to_string();
    assert!(
        shorter.contains("line 2 is `b = 2`, asked for is ``"),
        "{shorter}"
    );
    let breaks = RunDir::open_or_create(folder.path(), "a = 1\r\nb = 2\n")
        .err()
        .unwrap();
    assert!(breaks.to_string().contains("only line breaks differ"));
    assert_eq!(
        fs::read_to_string(folder.path().join(CONFIG)).unwrap(),
        "a = 1\nb = 2\n"
    );
}

#[test]
fn overwriting_removes_what_runs_make_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    drop(RunDir::open_or_create(path, "old").unwrap());
    let own = [
        "meta.json",
        "metrics.csv",
        "layers.csv",
        "steps.csv",
        "summary.json",
        "latest",
        "best",
        "checkpoint-3.safetensors",
        "checkpoint-3-4.safetensors",
        "checkpoint-5.safetensors.tmp",
        "events.out.tfevents.1700000000.normprop",
        "latest.tmp",
    ];
    let foreign = [
        "checkpoint-x.safetensors",
        "notes.txt",
        "notes.txt.tmp",
        "events.out.tfevents.12.other",
    ];
    for name in own.iter().chain(&foreign) {
        fs::write(path.join(name), "x").unwrap();
    }
    fs::create_dir(path.join("plots")).unwrap();
    let (run_dir, left) = RunDir::overwrite(path, "new").unwrap();
    let expected = [
        "checkpoint-x.safetensors",
        "events.out.tfevents.12.other",
        "notes.txt",
        "notes.txt.tmp",
        "plots",
    ];
    assert_eq!(left, expected);
    let mut all: Vec<&str> = expected.to_vec();
    all.extend([CONFIG, "lease-1", "lease-2", LOCK]);
    all.sort();
    assert_eq!(names(run_dir.path()), all);
    assert_eq!(fs::read_to_string(path.join(CONFIG)).unwrap(), "new");
}

/// A disk on which the n-th deletion fails.
struct StopsDeleting(std::sync::atomic::AtomicU64);

impl Disk for StopsDeleting {
    fn perform(&self, operation: Operation) -> std::io::Result<()> {
        let is_removal = matches!(operation, Operation::Remove(_));
        if is_removal && self.0.fetch_sub(1, std::sync::atomic::Ordering::Relaxed) == 0 {
            return Err(std::io::ErrorKind::PermissionDenied.into());
        }
        RealDisk.perform(operation)
    }
}

#[test]
fn overwriting_begins_with_the_claim_to_be_finished() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    for name in [
        "summary.json",
        "metrics.csv",
        "latest",
        "checkpoint-1.safetensors",
    ] {
        fs::write(path.join(name), "x").unwrap();
    }
    let run_dir = RunDir::open_on(path, "c", StopsDeleting(3.into())).unwrap();
    let error = run_dir.clear().unwrap_err().to_string();
    assert!(
        error.contains("cannot delete") && error.contains("metrics.csv"),
        "{error}"
    );
    assert_eq!(names(path), [CONFIG, "lease-1", LOCK, "metrics.csv"]);
}

#[test]
fn half_written_files_of_a_killed_process_are_cleared_away() {
    let folder = tempfile::tempdir().unwrap();
    for name in [
        "config.toml.tmp",
        "checkpoint-1.safetensors.tmp",
        "mine.tmp",
    ] {
        fs::write(folder.path().join(name), "half").unwrap();
    }
    let run_dir = RunDir::open_or_create(folder.path(), "a = 1\n").unwrap();
    assert_eq!(names(run_dir.path()), [CONFIG, "lease-1", LOCK, "mine.tmp"]);
}

#[test]
fn a_path_that_cannot_be_a_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = RunDir::open_or_create(&file.join("run"), "")
        .err()
        .unwrap()
        .to_string();
    assert!(
        error.contains("cannot make the run directory") && error.contains("file/run"),
        "{error}"
    );
}

#[test]
fn making_takes_nothing_over_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    RunDir::make(&path, "a = 1\n").unwrap();
    RunDir::make(&path, "a = 1\n").unwrap();
    assert_eq!(names(&path), [CONFIG, LOCK]);
    let error = RunDir::make(&path, "a = 2\n").unwrap_err().to_string();
    assert!(
        error.contains("is not the configuration asked for"),
        "{error}"
    );
    let _held = RunDir::open_or_create(&path, "a = 1\n").unwrap();
    let error = RunDir::make(&path, "a = 1\n").unwrap_err().to_string();
    assert!(error.contains("another process is working in"), "{error}");
}

#[test]
fn nothing_is_written_once_another_process_has_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let run_dir = RunDir::open_or_create(folder.path(), "a = 1\n").unwrap();
    fs::write(folder.path().join("lease-1"), "free\n").unwrap();
    run_dir.disk.hold.lease.look_at_next_check();
    let file = folder.path().join("metrics.csv");
    let error = files::replace(run_dir.disk(), &file, b"x").unwrap_err();
    assert!(
        error.to_string().contains("the folder is no longer ours"),
        "{error:#}"
    );
    assert!(!file.exists());
}
