//! What the program finds around it: folders that are gone, variables that are empty, foreign libraries, odd names.
#![cfg(target_os = "linux")]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;

use crate::common::{normprop, only_run};
use crate::tiny;

fn errors(command: &mut Command) -> (Option<i32>, String) {
    let output = command.output().unwrap();
    (
        output.status.code(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

#[test]
fn another_libtorch_in_the_library_path_is_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["libtorch.so", "libtorch_cpu.so", "libc10.so"] {
        fs::write(folder.path().join(name), "no library").unwrap();
    }
    let mut command = normprop(folder.path());
    let (code, said) = errors(command.arg("doctor").env("LD_LIBRARY_PATH", folder.path()));
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn a_current_folder_that_is_gone_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let gone = folder.path().join("gone");
    fs::create_dir(&gone).unwrap();
    let program = env!("CARGO_BIN_EXE_normprop");
    let script = format!(
        "cd '{0}' && rmdir '{0}' && exec '{program}' train --width 0.1",
        gone.display()
    );
    let (code, said) = errors(Command::new("sh").args(["-c", &script]));
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.starts_with("normprop: the current folder is gone"),
        "{said}"
    );
}

#[test]
fn an_empty_variable_means_the_data_folder_as_if_it_were_unset() {
    let folder = tempfile::tempdir().unwrap();
    // Not looked at: the current folder itself.
    fs::create_dir(folder.path().join("mnist")).unwrap();
    let mut command = normprop(folder.path());
    let (code, said) = errors(
        command
            .args(["data", "verify", "mnist"])
            .env("NORMPROP_DATA", ""),
    );
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("there is no folder data/mnist"), "{said}");
}

#[test]
fn a_folder_whose_name_is_not_utf_8_serves_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let name = OsStr::from_bytes(b"r\xffns");
    let mut command = normprop(folder.path());
    let (code, said) = errors(command.args(tiny(&["--model=mlp"])).arg("--out").arg(name));
    assert_eq!(code, Some(0), "{said}");
    assert!(
        only_run(&folder.path().join(name))
            .join("summary.json")
            .is_file()
    );
}
