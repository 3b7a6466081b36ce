//! A disk that is full: the message, what is kept, and that the same command goes on.

use super::fake_run::{DiskFault, FaultyDisk, scratch, sit};
use super::files::{Disk, Operation, RealDisk};
use super::kill_tests::{differences, outcome, uninterrupted};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Every table can be read whole, and is the beginning of what an uninterrupted run writes.
fn assert_recorded_rows_are_intact(path: &Path, expected: &BTreeMap<String, Vec<u8>>) {
    for name in ["metrics.csv", "layers.csv", "steps.csv"] {
        if let Ok(bytes) = fs::read(path.join(name)) {
            assert!(expected[name].starts_with(&bytes), "{name}");
            assert!(bytes.ends_with(b"\n"), "{name} ends with half a row");
        }
    }
}

#[test]
fn a_disk_that_fills_up_at_any_write_loses_nothing_and_the_run_goes_on() {
    let (expected, operations) = uninterrupted();
    let mut failures = 0;
    for good in 0..operations {
        let folder = scratch();
        let disk = FaultyDisk::failing_after(good, DiskFault::Full, 0);
        let Err(error) = sit(folder.path(), disk) else {
            // Only operations that take no room were left.
            continue;
        };
        failures += 1;
        let message = error.to_string();
        assert!(
            message.contains("the disk is full (") && message.contains("bytes were needed"),
            "{message}"
        );
        assert!(message.contains("run the same command again"), "{message}");
        assert_recorded_rows_are_intact(folder.path(), &expected);
        sit(folder.path(), FaultyDisk::sound()).unwrap();
        let differences = differences(&outcome(folder.path()), &expected);
        assert!(differences.is_empty(), "operation {good}: {differences:?}");
    }
    assert!(failures > 60, "{failures} of {operations}");
}

/// Names the folder on the small file system, for the process that runs inside its own mount namespace.
const FOLDER_VARIABLE: &str = "NORMPROP_TEST_SMALL_FILE_SYSTEM";

/// Starts this test once more where a file system of 96 kB is mounted that nobody else sees.
///
/// Needs no right to mount, but a kernel that lets users make namespaces; elsewhere the test says that it is skipped.
#[cfg(target_os = "linux")]
#[test]
fn a_file_system_that_is_really_full() {
    if let Ok(folder) = std::env::var(FOLDER_VARIABLE) {
        return run_on_small_file_system(Path::new(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    let isolated = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c"]);
        let script = format!("mount -t tmpfs -o size=96k none \"$0\" && {script}");
        command.arg(script).arg(folder.path());
        command
    };
    if !isolated("true")
        .output()
        .is_ok_and(|output| output.status.success())
    {
        eprintln!("skipped a_file_system_that_is_really_full: no mount namespaces here");
        return;
    }
    let (_, module) = module_path!().split_once("::").unwrap();
    let output = isolated("exec \"$@\"")
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture"])
        .arg(format!("{module}::a_file_system_that_is_really_full"))
        .env(FOLDER_VARIABLE, folder.path())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{told}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(told.contains("1 passed"), "{told}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[cfg(target_os = "linux")]
fn run_on_small_file_system(folder: &Path) {
    append_more_than_fits(folder);
    let (expected, _) = uninterrupted();
    let run = folder.join("run");
    let filler = folder.join("filler");
    // 96 kB are 24 pages; the run's small files take a page each, so eight pages are soon used up.
    fs::write(&filler, vec![0; 16 * 4096]).unwrap();
    let message = sit(&run, RealDisk).err().unwrap().to_string();
    assert!(message.contains("the disk is full ("), "{message}");
    assert_recorded_rows_are_intact(&run, &expected);
    let again = sit(&run, RealDisk).err().unwrap().to_string();
    assert!(again.contains("the disk is full ("), "{again}");
    assert_recorded_rows_are_intact(&run, &expected);
    fs::remove_file(&filler).unwrap();
    let resumed = sit(&run, RealDisk);
    let enough = resumed.err().map(|error| format!("{error:#}"));
    assert_eq!(enough, None);
    assert_eq!(differences(&outcome(&run), &expected), Vec::<String>::new());
}

/// One page is free and three are appended: what was written of them is taken back.
#[cfg(target_os = "linux")]
fn append_more_than_fits(folder: &Path) {
    let (table, filler) = (folder.join("table"), folder.join("filler"));
    fs::write(&table, "step,loss,lr\n").unwrap();
    assert!(fs::write(&filler, vec![0; 100 * 4096]).is_err());
    let file = fs::OpenOptions::new().write(true).open(&filler).unwrap();
    file.set_len(file.metadata().unwrap().len() - 4096).unwrap();
    let rows = Operation::Append(&table, &[b'1'; 3 * 4096]);
    let error = RealDisk.perform(rows).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    assert_eq!(fs::read(&table).unwrap(), b"step,loss,lr\n");
    fs::remove_file(&table).unwrap();
    fs::remove_file(&filler).unwrap();
}
