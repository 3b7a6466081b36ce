//! kill -9 at many moments, and the lock that keeps two processes apart.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use crate::training::{FOUR_EPOCHS, ONE_EPOCH, Training, errors, signal};

/// Milliseconds from the start of a process to its end by kill -9: before anything is made, while libtorch loads,
/// while the data are read, and somewhere in the training.
const DELAYS_MS: [u64; 5] = [50, 120, 333, 700, 1500];
/// Rows of `steps.csv` and milliseconds after them, at which a process is killed.
const STEPS_AND_DELAYS_MS: [(usize, u64); 5] = [(1, 0), (17, 2), (34, 0), (62, 9), (95, 1)];

fn kills_change_nothing(threads: usize, more: &[&str]) {
    let arguments = [FOUR_EPOCHS, more].concat();
    let expected = Training::new(&arguments, threads).finish();
    let training = Training::new(&arguments, threads);
    let mut killed = 0;
    for (steps, delay_ms) in STEPS_AND_DELAYS_MS {
        let mut child = training.start_until(steps);
        sleep(Duration::from_millis(delay_ms));
        child.kill().unwrap();
        killed += usize::from(child.wait().unwrap().signal() == Some(libc::SIGKILL));
    }
    assert!(
        killed >= 3,
        "only {killed} processes were still at work when they were killed"
    );
    training.finish().assert_equals(&expected);
    let meta = std::fs::read_to_string(training.run_dir().join("meta.json")).unwrap();
    let meta: serde_json::Value = serde_json::from_str(&meta).unwrap();
    assert_eq!(
        meta["sittings"].as_array().unwrap().len(),
        STEPS_AND_DELAYS_MS.len() + 1
    );
}

#[test]
fn kills_after_some_steps_change_nothing_with_one_thread() {
    kills_change_nothing(1, &[]);
}

#[test]
fn kills_after_some_steps_change_nothing_with_two_threads() {
    kills_change_nothing(2, &[]);
}

#[test]
fn kills_change_nothing_of_what_adam_keeps() {
    let adam = ["--optimizer=adam", "--set=beta2_half_life_images=200"];
    kills_change_nothing(1, &adam);
}

#[test]
fn kills_at_any_time_change_nothing() {
    let expected = Training::new(FOUR_EPOCHS, 1).finish();
    let training = Training::new(FOUR_EPOCHS, 1);
    for delay_ms in DELAYS_MS {
        let mut child = training.command().spawn().unwrap();
        sleep(Duration::from_millis(delay_ms));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    training.finish().assert_equals(&expected);
}

#[test]
fn a_second_process_is_refused_and_the_first_goes_on() {
    let expected = Training::new(FOUR_EPOCHS, 1).finish();
    let training = Training::new(FOUR_EPOCHS, 1);
    let first = training.start_until(40);
    // Stopped, it cannot end before the second one comes.
    signal(&first, libc::SIGSTOP);
    for overwrite in [false, true] {
        let mut second = training.command();
        if overwrite {
            second.arg("--overwrite");
        }
        let second = second.output().unwrap();
        assert_eq!(second.status.code(), Some(1));
        assert!(
            errors(&second).contains("another process is working in"),
            "{}",
            errors(&second)
        );
    }
    signal(&first, libc::SIGCONT);
    let first = first.wait_with_output().unwrap();
    assert!(first.status.success(), "{}", errors(&first));
    training.finish().assert_equals(&expected);
}

/// A file whose holder is on another machine: nobody here has the lock, and its time keeps changing.
#[test]
fn a_run_that_another_machine_works_in_is_refused() {
    let training = Training::new(ONE_EPOCH, 1);
    training.interrupt_after(5);
    let lease = training.run_dir().join("lease-2");
    fs::write(&lease, "held by machine 0000000000000000\n").unwrap();
    let mut second = training.command().spawn().unwrap();
    while second.try_wait().unwrap().is_none() {
        let file = fs::File::options().write(true).open(&lease).unwrap();
        file.set_modified(SystemTime::now()).unwrap();
        sleep(Duration::from_millis(100));
    }
    let second = second.wait_with_output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(
        errors(&second).contains("on another machine: wait for it to end"),
        "{}",
        errors(&second)
    );
    assert!(!training.run_dir().join("lease-3").exists());
    fs::write(&lease, "free\n").unwrap();
    training
        .finish()
        .assert_equals(&Training::new(ONE_EPOCH, 1).finish());
}
