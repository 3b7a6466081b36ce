//! Compiles our own functions on libtorch's tensors, and writes into the binaries the place of libtorch, so that they run
//! without `LD_LIBRARY_PATH`, and what they are built from, for the record of every run.

use std::path::{Path, PathBuf};
use std::process::Command;

/// What the program is built from, beside the compiler and the libraries that `Cargo.lock` names.
const SOURCES: &[&str] = &["src", "assets", "build.rs", "Cargo.toml", "Cargo.lock"];

fn main() {
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    println!("cargo:rustc-env=NORMPROP_RUSTC={}", compiler_version());
    println!("cargo:rustc-env=NORMPROP_TCH={}", tch_version());
    record_commit();
    // torch-sys tells us the folder (its `links` key is `tch`) on Linux and macOS.
    let Ok(lib) = std::env::var("DEP_TCH_LIBTORCH_LIB") else {
        panic!(
            "torch-sys did not say where libtorch is, so that our C++ sources cannot be compiled: normprop builds on Linux and macOS"
        );
    };
    compile_native(Path::new(&lib));
    let linux = std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux");
    // Where scripts/install puts libtorch, seen from the program; in the folder of a build there is no such folder.
    let beside = if linux { "$ORIGIN" } else { "@executable_path" };
    println!("cargo:rustc-link-arg=-Wl,-rpath,{beside}/../lib");
    println!("cargo:rustc-link-arg=-Wl,-rpath,{lib}");
    if linux {
        // No symbol of libtorch_cuda is named by our code: without this the linker would drop it, and CUDA with it.
        println!("cargo:rustc-link-arg=-Wl,--no-as-needed");
        println!("cargo:rustc-link-arg=-ltorch");
        // RPATH, not RUNPATH: this libtorch comes before one that LD_LIBRARY_PATH names, such as that of a Python.
        println!("cargo:rustc-link-arg=-Wl,--disable-new-dtags");
    }
}

/// The functions that tch lacks, with libtorch's headers from where torch-sys was told to look, or beside its libraries.
fn compile_native(lib: &Path) {
    let told = ["LIBTORCH_INCLUDE", "LIBTORCH"]
        .into_iter()
        .find_map(|name| {
            println!("cargo:rerun-if-env-changed={name}");
            std::env::var_os(name).map(PathBuf::from)
        });
    let root = told.unwrap_or_else(|| lib.parent().unwrap_or(lib).to_path_buf());
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .include(root.join("include"))
        // Their own warnings are no concern of ours.
        .warnings(false)
        .file("src/nn/native.cpp")
        .file("src/engine/libtorch.cpp")
        .compile("normprop_native");
}

/// The version of tch that `Cargo.lock` names.
fn tch_version() -> String {
    let lock = std::fs::read_to_string("Cargo.lock").unwrap_or_default();
    let entry = lock.split_once("name = \"tch\"\nversion = \"");
    let version = entry.and_then(|(_, rest)| rest.split('"').next());
    version.unwrap_or("unknown").to_owned()
}

/// What the compiler says of itself, for the record of every run.
fn compiler_version() -> String {
    let compiler = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    said(Command::new(compiler).arg("--version")).unwrap_or_default()
}

/// The commit that the sources are at and whether they differ from it. Outside a repository of our own there is none:
/// that of another one, into which the sources were copied, would say nothing.
fn record_commit() {
    // Cargo compiles again anyway when one of the sources changes; only then can they begin to differ.
    for path in SOURCES.iter().filter(|path| Path::new(path).exists()) {
        println!("cargo:rerun-if-changed={path}");
    }
    let canonical = |path: &str| Path::new(path).canonicalize().ok();
    let top = git(&["rev-parse", "--show-toplevel"]);
    if top.as_deref().and_then(canonical) != canonical(".") {
        return;
    }
    let Some(commit) = git(&["rev-parse", "--verify", "HEAD"]) else {
        return;
    };
    // Git writes the first at every change of branch and the second at every commit. The index is not watched: mere
    // looking (git status) writes it, and everything would be compiled again.
    for name in ["HEAD", "logs/HEAD"] {
        let path = git(&["rev-parse", "--git-path", name]);
        if let Some(path) = path.filter(|path| Path::new(path).exists()) {
            println!("cargo:rerun-if-changed={path}");
        }
    }
    let status = ["status", "--porcelain", "--untracked-files=no", "--"];
    let changes = git(&[&status[..], SOURCES].concat());
    println!("cargo:rustc-env=NORMPROP_COMMIT={commit}");
    println!(
        "cargo:rustc-env=NORMPROP_DIRTY={}",
        changes.is_none_or(|changes| !changes.is_empty())
    );
}

fn git(arguments: &[&str]) -> Option<String> {
    said(
        Command::new("git")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .args(arguments),
    )
}

/// What a program prints, trimmed; `None` when it is not there or fails.
fn said(command: &mut Command) -> Option<String> {
    let output = command.output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_string())
}
