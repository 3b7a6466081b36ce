//! SIGTERM, Ctrl-C, SIGHUP and those of schedulers and limits: the first saves, the second ends at once.

use std::sync::LazyLock;

use crate::training::{FOUR_EPOCHS, ONE_EPOCH, Outcome, Training, errors, signal};

static UNINTERRUPTED: LazyLock<Outcome> = LazyLock::new(|| Training::new(ONE_EPOCH, 1).finish());

/// The checkpoint that `latest` names.
fn latest(training: &Training) -> String {
    std::fs::read_to_string(training.run_dir().join("latest"))
        .unwrap()
        .trim_end()
        .to_string()
}

#[test]
fn a_signal_saves_inside_the_epoch_and_the_same_command_goes_on() {
    for (number, code) in [
        (libc::SIGTERM, 143),
        (libc::SIGINT, 130),
        (libc::SIGUSR1, 138),
        (libc::SIGUSR2, 140),
        (libc::SIGXCPU, 152),
    ] {
        let training = Training::new(ONE_EPOCH, 1);
        let child = training.start_until(5);
        signal(&child, number);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", errors(&output));
        assert!(
            errors(&output).contains("the state is saved, the same command continues"),
            "{}",
            errors(&output)
        );
        assert!(
            latest(&training).starts_with("checkpoint-0-"),
            "{}",
            latest(&training)
        );
        let meta = std::fs::read_to_string(training.run_dir().join("meta.json")).unwrap();
        assert!(meta.contains("\"status\": \"interrupted\""), "{meta}");
        assert!(!training.run_dir().join("summary.json").exists());
        training.finish().assert_equals(&UNINTERRUPTED);
    }
}

/// What this process, and so whatever it starts, does at SIGHUP.
fn at_hangup(action: libc::sighandler_t) {
    // SAFETY: plain system call; both actions used here run no code of ours.
    let before = unsafe { libc::signal(libc::SIGHUP, action) };
    assert_ne!(before, libc::SIG_ERR);
}

#[test]
fn a_lost_terminal_saves_too_unless_it_is_ignored_as_under_nohup() {
    at_hangup(libc::SIG_DFL);
    let training = Training::new(ONE_EPOCH, 1);
    let child = training.start_until(5);
    signal(&child, libc::SIGHUP);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(129), "{}", errors(&output));
    assert!(latest(&training).starts_with("checkpoint-0-"));

    at_hangup(libc::SIG_IGN);
    let child = training.start_until(10);
    signal(&child, libc::SIGHUP);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
    training.finish().assert_equals(&UNINTERRUPTED);
}

#[test]
fn several_signals_in_a_row_lose_no_step() {
    let training = Training::new(FOUR_EPOCHS, 1);
    for steps in [7, 40, 75] {
        training.interrupt_after(steps);
    }
    let expected = Training::new(FOUR_EPOCHS, 1).finish();
    training.finish().assert_equals(&expected);
}

#[test]
fn a_second_signal_ends_at_once_and_loses_only_what_was_not_saved() {
    let training = Training::new(ONE_EPOCH, 1);
    let child = training.start_until(5);
    // Both wait for the stopped process, so that it gets the second before it can save for the first.
    for number in [libc::SIGSTOP, libc::SIGTERM, libc::SIGINT, libc::SIGCONT] {
        signal(&child, number);
    }
    let output = child.wait_with_output().unwrap();
    assert!(
        matches!(output.status.code(), Some(130 | 143)),
        "{:?}",
        output.status
    );
    assert!(
        !errors(&output).contains("the state is saved"),
        "{}",
        errors(&output)
    );
    assert_eq!(latest(&training), "checkpoint-0.safetensors");
    training.finish().assert_equals(&UNINTERRUPTED);
}
