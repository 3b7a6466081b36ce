//! Disks that are full, and folders that cannot be written to.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::common::{normprop, only_run};
use crate::training::{FOUR_EPOCHS, Outcome, Training, errors};

/// A shell in a mount namespace of its own, in which `folder` is an empty file system of `size`; nobody else sees it.
fn isolated(folder: &Path, size: &str, script: &str) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c"]);
    command
        .arg(format!(
            "mount -t tmpfs -o size={size} none \"$0\" && cd \"$0\" && {script}"
        ))
        .arg(folder);
    command
}

fn can_mount(test: &str) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let works = isolated(folder.path(), "64k", "true")
        .output()
        .is_ok_and(|output| output.status.success());
    if !works {
        eprintln!("skipped {test}: no mount namespaces here");
    }
    works
}

/// Fills the disk but for 80 kB, trains until that is used up, frees the rest, trains to the end, then makes the disk
/// read-only and tries twice more. "$OUT" gets a copy of the run and what each command said.
const SCRIPT: &str = r#"
    head -c 920k /dev/zero > filler
    "$@"; echo $? > "$OUT/full.code"; cp -r runs "$OUT/full"
    rm filler
    "$@"; echo $? > "$OUT/freed.code"; cp -r runs "$OUT/freed"
    mount -o remount,ro . || exit 1
    "$@" --overwrite; echo $? > "$OUT/readonly.code"
    "$@" --seed 1; echo $? > "$OUT/elsewhere.code"
"#;

#[test]
fn a_full_disk_loses_nothing_and_the_run_goes_on_when_there_is_room() {
    if !can_mount("a_full_disk_loses_nothing_and_the_run_goes_on_when_there_is_room") {
        return;
    }
    let training = Training::new(FOUR_EPOCHS, 1);
    let expected = training.finish();
    let (small, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let command = training.command();
    let mut shell = isolated(small.path(), "1m", SCRIPT);
    shell.arg(command.get_program()).args(command.get_args());
    shell
        .env("OUT", out.path())
        .env("OMP_WAIT_POLICY", "passive")
        .env_remove("NORMPROP_DATA");
    let output = shell.output().unwrap();
    assert!(output.status.success(), "{}", errors(&output));
    let code = |name: &str| fs::read_to_string(out.path().join(format!("{name}.code"))).unwrap();

    assert_eq!(code("full"), "1\n", "{}", errors(&output));
    let said = errors(&output);
    assert!(
        said.contains("the disk is full (") && said.contains("run the same command again"),
        "{said}"
    );
    let full = only_run(&out.path().join("full"));
    for name in ["layers.csv", "steps.csv"] {
        let recorded = fs::read_to_string(full.join(name)).unwrap();
        assert!(
            recorded.ends_with('\n') && expected.tables[name].starts_with(&recorded),
            "{name}: {recorded}"
        );
    }
    let rows = normprop::record::read_metrics(&full).unwrap();
    assert!((1..=4).contains(&rows.len()), "{rows:?}");

    assert_eq!(code("freed"), "0\n", "{said}");
    Outcome::read(&only_run(&out.path().join("freed"))).assert_equals(&expected);

    assert_eq!(
        (code("readonly"), code("elsewhere")),
        ("1\n".into(), "1\n".into()),
        "{said}"
    );
    assert!(said.contains("read-only"), "{said}");
}

/// The program in `folder` where no file may have more than 20 blocks of 512 bytes (POSIX) or 1024 (bash).
fn limited(folder: &Path, arguments: &[&str]) -> Output {
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -f 20; exec \"$0\" \"$@\""]);
    shell.arg(env!("CARGO_BIN_EXE_normprop")).args(arguments);
    let shell = shell.current_dir(folder).env_remove("NORMPROP_DATA");
    shell.output().unwrap()
}

#[test]
fn a_limit_of_lengths_is_told_with_the_file_and_the_run_goes_on_without_it() {
    let training = Training::new(FOUR_EPOCHS, 1);
    let (folder, expected) = (tempfile::tempdir().unwrap(), training.finish());
    let command = training.command();
    let arguments = command
        .get_args()
        .map(|argument| argument.to_str().unwrap());
    let arguments: Vec<&str> = arguments.collect();
    let output = limited(folder.path(), &arguments);
    let said = errors(&output);
    assert_eq!(output.status.code(), Some(128 + libc::SIGXFSZ), "{said}");
    assert!(
        said.contains("checkpoint-0.safetensors: it would be longer than files may be here")
            && said.contains("raise the limit, then run the same command again"),
        "{said}"
    );
    let output = normprop(folder.path()).args(&arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
    Outcome::read(&only_run(&folder.path().join("runs"))).assert_equals(&expected);

    // Other commands show what they have; compare names the reason of a run, and does not guess at memory.
    let output = limited(folder.path(), &["eval"]);
    assert_eq!(output.status.code(), Some(153), "{}", errors(&output));
    assert!(String::from_utf8_lossy(&output.stdout).contains("test error "));
    let experiment = "run.train_subset = 20\nrun.test_subset = 20\nrun.width = 0.05\nrun.epochs = 1\n\
                      run.threads = 1\nseeds = 1\nmethods = [\"none\"]\nbatch_sizes = [10]\n";
    fs::write(folder.path().join("small.toml"), experiment).unwrap();
    let output = limited(folder.path(), &["compare", "small.toml"]);
    let said = errors(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("see ulimit -f") && !said.contains("memory"),
        "{said}"
    );
}

#[test]
fn an_out_folder_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let output = normprop(folder.path())
        .args(["train", "--out", "file/runs"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = errors(&output);
    assert!(
        said.contains("cannot make the run directory file/runs/train/"),
        "{said}"
    );
}
