//! Files of a run that are damaged between two sittings.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use normprop::record::{checkpoint, read_checkpoint};

use crate::training::{FOUR_EPOCHS, Outcome, Standing, Training, errors};

static UNINTERRUPTED: LazyLock<Outcome> = LazyLock::new(|| Training::new(FOUR_EPOCHS, 1).finish());

/// A run that was interrupted in its third epoch, by name of its latest checkpoint, damaged by `damage`.
fn interrupted(damage: &dyn Fn(&Path)) -> (Training, String) {
    static INTERRUPTED: LazyLock<Standing> = LazyLock::new(|| {
        let training = Training::new(FOUR_EPOCHS, 1);
        training.interrupt_after(68);
        training.standing()
    });
    let training = INTERRUPTED.training();
    let latest = fs::read_to_string(training.run_dir().join("latest"))
        .unwrap()
        .trim_end()
        .to_string();
    damage(&training.run_dir().join(&latest));
    (training, latest)
}

/// The damaged checkpoint is named with what is wrong, the one before it is used, and nothing is different in the end.
fn falls_back(damage: &dyn Fn(&Path), reason: &str) {
    let (training, latest) = interrupted(damage);
    let output = training.run();
    assert!(output.status.success(), "{}", errors(&output));
    let said = errors(&output);
    let warning = said.lines().find(|line| line.contains(&latest));
    let warning = warning.unwrap_or_else(|| panic!("{latest} is not named: {said}"));
    assert!(
        warning.contains(reason) && warning.contains("going on from"),
        "{warning}"
    );
    Outcome::read(&training.run_dir()).assert_equals(&UNINTERRUPTED);
}

#[test]
fn a_truncated_checkpoint() {
    let cut = |path: &Path| {
        let bytes = fs::read(path).unwrap();
        fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
    };
    falls_back(&cut, "not a whole safetensors file");
}

#[test]
fn a_checkpoint_with_one_bit_flipped() {
    let flip = |path: &Path| {
        let mut bytes = fs::read(path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 16;
        fs::write(path, bytes).unwrap();
    };
    falls_back(&flip, "does not match its SHA-256");
}

#[test]
fn an_intact_checkpoint_of_a_network_with_other_shapes() {
    let widen = |path: &Path| {
        let mut snapshot = read_checkpoint(path).unwrap();
        let tensor = snapshot
            .tensors
            .iter_mut()
            .find(|tensor| tensor.name == "conv2.weight")
            .unwrap();
        tensor.shape[0] += 1;
        let row = tensor.bytes.len() / (tensor.shape[0] - 1);
        tensor.bytes.extend(vec![0; row]);
        fs::write(path, checkpoint::encode(&snapshot).unwrap()).unwrap();
    };
    falls_back(&widen, "conv2.weight: the checkpoint holds");
}

#[test]
fn an_intact_checkpoint_of_a_network_with_other_tensors() {
    let rename = |path: &Path| {
        let mut snapshot = read_checkpoint(path).unwrap();
        let tensor = snapshot
            .tensors
            .iter_mut()
            .find(|tensor| tensor.name == "conv2.gamma")
            .unwrap();
        tensor.name = "conv2.bias".into();
        fs::write(path, checkpoint::encode(&snapshot).unwrap()).unwrap();
    };
    falls_back(&rename, "no tensor conv2.gamma");
}

#[test]
fn an_intact_checkpoint_of_a_longer_training() {
    let advance = |path: &Path| {
        let mut snapshot = read_checkpoint(path).unwrap();
        snapshot.position.step_in_epoch += 1000;
        fs::write(path, checkpoint::encode(&snapshot).unwrap()).unwrap();
    };
    falls_back(&advance, "here are 4 epochs of 30 steps");
}

#[test]
fn when_no_checkpoint_can_be_used_nothing_is_thrown_away() {
    let (training, _) = interrupted(&|path: &Path| {
        let folder = path.parent().unwrap();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path
                .extension()
                .is_some_and(|extension| extension == "safetensors")
            {
                fs::write(path, "not a checkpoint").unwrap();
            }
        }
    });
    let metrics = || fs::read_to_string(training.run_dir().join("metrics.csv")).unwrap();
    let before = metrics();
    assert_eq!(before.lines().count(), 4, "{before}");
    let output = training.run();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        errors(&output).contains("delete the folder to start this run over"),
        "{}",
        errors(&output)
    );
    assert_eq!(metrics(), before);
}

#[test]
fn torn_last_lines_of_tables() {
    let (training, _) = interrupted(&|path: &Path| {
        for (name, torn) in [
            ("metrics.csv", "3,9"),
            ("layers.csv", "3,1,conv1,0.0"),
            ("steps.csv", "6"),
        ] {
            let path = path.with_file_name(name);
            let whole = fs::read_to_string(&path).unwrap();
            fs::write(path, whole + torn).unwrap();
        }
    });
    training.finish().assert_equals(&UNINTERRUPTED);
}

#[test]
fn lost_rows_are_computed_again_from_the_newest_state_that_all_tables_reach() {
    let paused = Training::new(FOUR_EPOCHS, 1);
    let output = paused.command().arg("--until-epoch=3").output().unwrap();
    assert!(output.status.success(), "{}", errors(&output));
    let paused = paused.standing();
    for name in ["metrics.csv", "layers.csv", "steps.csv"] {
        let training = paused.training();
        let path = training.run_dir().join(name);
        let whole = fs::read_to_string(&path).unwrap();
        let mut lines: Vec<&str> = whole.split_inclusive('\n').collect();
        lines.remove(lines.len() - if name == "metrics.csv" { 1 } else { 2 });
        fs::write(&path, lines.concat()).unwrap();
        let output = training.run();
        let said = errors(&output);
        assert!(output.status.success(), "{said}");
        let warning = said
            .lines()
            .find(|line| line.contains(&format!("{name} lacks rows")));
        let warning = warning.unwrap_or_else(|| panic!("{name} is not named: {said}"));
        assert!(warning.contains("going on from"), "{warning}");
        Outcome::read(&training.run_dir()).assert_equals(&UNINTERRUPTED);

        fs::remove_file(training.run_dir().join("summary.json")).unwrap();
        fs::write(&path, lines[..2].concat()).unwrap();
        let output = training.run();
        assert_eq!(output.status.code(), Some(1), "{}", errors(&output));
        assert!(
            errors(&output).contains("put the file back"),
            "{}",
            errors(&output)
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), lines[..2].concat());
    }
}
