use super::*;
use std::fs;
use std::sync::Barrier;

/// Beats fast, and is given up for dead only after what no busy test machine takes for a beat.
const QUICK: Timing = Timing {
    beat: Duration::from_millis(30),
    expiry: Duration::from_secs(20),
    empty: Duration::from_millis(60),
};
/// Never beats, and so looks dead to others; others watch it for a moment only.
const SILENT: Timing = Timing {
    beat: Duration::from_secs(3600),
    expiry: Duration::from_millis(200),
    empty: Duration::from_millis(60),
};
const IMPATIENT: Timing = Timing {
    beat: Duration::from_millis(30),
    expiry: Duration::from_millis(200),
    empty: Duration::from_millis(60),
};

fn take(folder: &Path, machine: &str, timing: Timing) -> Option<Lease> {
    Lease::take_as(folder, Some(machine), timing).unwrap()
}

fn text(folder: &Path, number: u64) -> String {
    fs::read_to_string(path(folder, number)).unwrap()
}

#[test]
fn a_lease_let_go_is_free_for_every_machine() {
    let folder = tempfile::tempdir().unwrap();
    drop(take(folder.path(), "a", QUICK).unwrap());
    assert_eq!(text(folder.path(), 1), FREE);
    let second = take(folder.path(), "b", QUICK).unwrap();
    assert_eq!(text(folder.path(), 2), "held by machine b\n");
    second.check().unwrap();
}

#[test]
fn a_holder_that_beats_keeps_other_machines_away() {
    let folder = tempfile::tempdir().unwrap();
    let first = take(folder.path(), "a", QUICK).unwrap();
    assert!(take(folder.path(), "b", QUICK).is_none());
    assert!(
        Lease::take_as(folder.path(), None, QUICK)
            .unwrap()
            .is_none(),
        "where there are no locks, a holder of the same machine is watched too"
    );
    assert_eq!(highest(folder.path()).unwrap(), Some(1));
    first.check().unwrap();
}

#[test]
fn a_dead_holder_of_the_same_machine_is_followed_at_once() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(path(folder.path(), 1), "held by machine a\n").unwrap();
    // Watching would take an hour.
    let patient = Timing {
        beat: Duration::from_secs(1200),
        expiry: Duration::from_secs(3600),
        empty: Duration::from_secs(3600),
    };
    take(folder.path(), "a", patient).unwrap();
    assert_eq!(text(folder.path(), 1), FREE);
}

#[test]
fn a_silent_holder_of_another_machine_is_followed_and_may_not_write_when_it_wakes() {
    let folder = tempfile::tempdir().unwrap();
    let asleep = take(folder.path(), "a", SILENT).unwrap();
    let next = take(folder.path(), "b", IMPATIENT).unwrap();
    assert_eq!(text(folder.path(), 1), FREE);
    let error = asleep.check().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResourceBusy);
    drop(asleep);
    next.check().unwrap();
    assert_eq!(text(folder.path(), 2), "held by machine b\n");
}

#[test]
fn an_empty_lease_is_watched_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(path(folder.path(), 7), "").unwrap();
    let lease = take(folder.path(), &machine_id(), IMPATIENT).unwrap();
    assert_eq!(text(folder.path(), 8).len(), LINE_BYTES);
    assert!(lease.holder.path.ends_with("lease-8"));
}

#[test]
fn of_many_machines_that_come_at_once_one_gets_in() {
    for before in ["", FREE, "held by machine x\n"] {
        let folder = tempfile::tempdir().unwrap();
        if !before.is_empty() {
            fs::write(path(folder.path(), 1), before).unwrap();
        }
        // In the last case all of them watch the dead one for so long.
        let timing = Timing {
            expiry: Duration::from_secs(3),
            ..QUICK
        };
        let start = Barrier::new(8);
        let held: Vec<Option<Lease>> = std::thread::scope(|scope| {
            let takers: Vec<_> = (0..8)
                .map(|number| {
                    let (start, folder) = (&start, folder.path());
                    scope.spawn(move || {
                        start.wait();
                        take(folder, &format!("m{number}"), timing)
                    })
                })
                .collect();
            takers
                .into_iter()
                .map(|taker| taker.join().unwrap())
                .collect()
        });
        assert_eq!(held.iter().flatten().count(), 1, "{before:?}");
    }
}

#[test]
fn names_are_told_from_others() {
    assert!(is_lease_name("lease-12"));
    for other in ["lease-", "lease-x", "lease", "release-1"] {
        assert!(!is_lease_name(other), "{other}");
    }
    assert_eq!(machine_id().len(), 16);
    assert_eq!(machine_id(), machine_id());
}

#[test]
fn an_empty_lease_is_soon_nobodys() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("lease-4"), "").unwrap();
    let begun = Instant::now();
    let lease = take(folder.path(), "a", QUICK).unwrap();
    assert!(begun.elapsed() < QUICK.expiry / 2);
    assert!(lease.check().is_ok());
    assert!(folder.path().join("lease-5").is_file());
}

#[test]
fn a_lease_with_the_largest_number_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let last = folder.path().join(format!("lease-{}", u64::MAX));
    for text in ["", FREE] {
        std::fs::write(&last, text).unwrap();
        let error = Lease::take_as(folder.path(), Some("a"), QUICK)
            .err()
            .unwrap();
        assert!(
            error
                .to_string()
                .contains(&format!("{}, which no normprop made", last.display())),
            "{error}"
        );
    }
}
