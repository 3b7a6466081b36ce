//! `scripts/install`: the program starts from anywhere, and leaves nothing behind once it is removed.
#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::root;

/// A home folder on the file system of the build, so that libtorch need not be copied. The space is on purpose.
fn home() -> TempDir {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    fs::create_dir_all(folder).unwrap();
    tempfile::Builder::new()
        .prefix("a home ")
        .tempdir_in(folder)
        .unwrap()
}

/// The libtorch that this test was built with.
fn libtorch() -> PathBuf {
    std::env::var_os("LIBTORCH").map_or(root().join(".libtorch"), PathBuf::from)
}

/// Runs the script with the program that is built already; its exit code and what it says.
fn install(home: &Path, libtorch: &Path, arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(root().join("scripts/install"));
    for name in ["PREFIX", "XDG_BIN_HOME", "XDG_DATA_HOME"] {
        command.env_remove(name);
    }
    // cargo and rustup know their own folders by HOME.
    let rust = std::env::var_os("HOME").map(PathBuf::from);
    for (name, folder) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
        if let (None, Some(rust)) = (std::env::var_os(name), &rust) {
            command.env(name, rust.join(folder));
        }
    }
    let output = command
        .args(arguments)
        .current_dir(home)
        .env("HOME", home)
        .env("SHELL", "/bin/bash")
        .env("LIBTORCH", libtorch)
        .env("NORMPROP_INSTALL_PROGRAM", env!("CARGO_BIN_EXE_normprop"))
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), said)
}

/// Which libtorch the installed program uses when it is started from the top folder with an empty environment.
fn libtorch_in_use(program: &Path) -> PathBuf {
    let output = Command::new(program)
        .args(["doctor", "--json"])
        .current_dir("/")
        .env_clear()
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    PathBuf::from(document["libtorch_path"].as_str().unwrap())
}

#[test]
fn the_installed_program_has_its_own_libtorch_and_is_removed_whole() {
    let home = home();
    let place = home.path();
    // As after scripts/setup.
    let setup = place.join("set up");
    fs::create_dir(&setup).unwrap();
    for name in ["lib", "include"] {
        symlink(libtorch().join(name), setup.join(name)).unwrap();
    }
    fs::write(setup.join("normprop-setup.txt"), "kind cpu\n").unwrap();

    let link = place.join(".local/bin/normprop");
    let data = place.join(".local/share/normprop");
    for _ in 0..2 {
        let (code, said) = install(place, &setup, &[]);
        assert_eq!(code, 0, "{said}");
        assert!(said.contains("scripts/install --remove"), "{said}");
        let hint = format!("export PATH=\"{}/.local/bin:$PATH\"", place.display());
        assert!(said.contains(&hint), "{said}");
        assert!(libtorch_in_use(&link).starts_with(data.join("lib")));
    }
    let (code, said) = install(place, &setup, &["--remove"]);
    assert_eq!(code, 0, "{said}");
    assert!(!link.exists() && !link.is_symlink() && !data.exists());
    let (code, said) = install(place, &setup, &["--remove"]);
    assert!(code == 0 && said.contains("nothing is installed"), "{said}");
}

#[test]
fn a_libtorch_of_ones_own_stays_where_it_is() {
    let home = home();
    let own = home.path().join("torch");
    fs::create_dir(&own).unwrap();
    for name in ["lib", "include"] {
        symlink(libtorch().join(name), own.join(name)).unwrap();
    }
    let (code, said) = install(home.path(), &own, &["--prefix", "else where"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("keep that folder"), "{said}");
    let prefix = home.path().join("else where");
    let used = fs::canonicalize(prefix.join("share/normprop/lib")).unwrap();
    assert_eq!(used, fs::canonicalize(libtorch().join("lib")).unwrap());
    libtorch_in_use(&prefix.join("bin/normprop"));
    assert!(!home.path().join(".local").exists());
    let (code, _) = install(home.path(), &own, &["--prefix", "else where", "--remove"]);
    assert!(code == 0 && !prefix.join("share/normprop").exists());
}

#[test]
fn what_others_made_is_left_alone() {
    let home = home();
    let link = home.path().join(".local/bin/normprop");
    fs::create_dir_all(link.parent().unwrap()).unwrap();
    fs::write(&link, "mine").unwrap();
    for arguments in [&[][..], &["--remove"]] {
        let (code, said) = install(home.path(), &libtorch(), arguments);
        assert!(code == 1 && said.contains("did not install it"), "{said}");
        assert_eq!(fs::read_to_string(&link).unwrap(), "mine");
    }
    let (code, said) = install(home.path(), &libtorch(), &["--preffix", "x"]);
    assert!(code == 2 && said.contains("--preffix"), "{said}");
}
