//! What the tests of the program share.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The program, run in `folder`, which has no datasets but the embedded one.
pub fn normprop(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_normprop"));
    command
        .current_dir(folder)
        .env_remove("NORMPROP_DATA")
        // Several programs share the cores here: a thread that waits should sleep, not turn in a loop.
        .env("OMP_WAIT_POLICY", "passive");
    command
}

/// The only run directory under `out`.
pub fn only_run(out: &Path) -> PathBuf {
    let runs = normprop::record::list_runs(out).unwrap();
    let [run] = runs.as_slice() else {
        panic!("expected one run in {}: {runs:?}", out.display());
    };
    run.clone()
}
