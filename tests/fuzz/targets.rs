//! The table of targets: for each reader its valid files and how they are read.

use std::path::Path;

use anyhow::Result;
use normprop::config::RunConfig;
use normprop::report::comparison::Results;

use crate::{fuzz, readers, valid};

/// A reader with files for it.
pub struct Target {
    /// Its name, and that of its folder in `found/`.
    pub name: &'static str,
    /// Name of the folder that is read.
    pub folder: &'static str,
    /// Puts valid files there.
    pub make: fn(&Path),
    /// Reads them.
    pub read: fn(&Path) -> Result<()>,
    /// Words of which one may stand in a message in place of the file's name.
    pub named: &'static [&'static str],
    /// Bytes that may be taken beside 64 times the file.
    pub most_bytes: usize,
    /// Gets one of so many cases: slow ones are run less often.
    pub one_in: u32,
}

impl Target {
    const ORDINARY: Target = Target {
        name: "",
        folder: "files",
        make: valid::run,
        read: |_| Ok(()),
        named: &[],
        most_bytes: 16 << 20,
        one_in: 1,
    };
}

macro_rules! targets {
    ($($name:ident { $($key:ident: $value:expr),* $(,)? })*) => { $(
        #[test]
        fn $name() {
            static TARGET: Target = Target { name: stringify!($name), $($key: $value,)* ..Target::ORDINARY };
            fuzz(&TARGET);
        }
    )* };
}

targets! {
    idx { folder: "mnist", make: |to| valid::idx(to, false), read: |folder| readers::load("mnist", folder) }
    idx_gzip { folder: "fashion-mnist", make: |to| valid::idx(to, true), read: |folder| readers::load("fashion-mnist", folder) }
    // The images' memory is taken once, for the official number of them.
    cifar10 {
        folder: "cifar-10-batches-bin", make: valid::cifar10, read: |folder| readers::load("cifar10", folder),
        most_bytes: 256 << 20,
    }
    cifar100 {
        folder: "cifar-100-binary", make: valid::cifar100, read: |folder| readers::load("cifar100", folder),
        most_bytes: 256 << 20,
    }
    matlab { folder: "svhn", make: valid::matlab, read: |folder| readers::load("svhn", folder) }
    archive { make: valid::archive, read: readers::unpack, named: &["ubyte"], one_in: 10 }
    run_config { read: |folder| RunConfig::load(Some(&folder.join("config.toml")), &[]).map(drop),
        make: |to| valid::of_run(to, &["config.toml"]) }
    experiment { make: valid::experiments, read: readers::experiments, named: &["rates_from"], one_in: 50 }
    set { make: valid::assignments, read: readers::set, named: &["--set"] }
    checkpoint {
        make: |to| valid::of_run(to, &["checkpoint-1.safetensors", "checkpoint-2.safetensors", "latest", "best"]),
        read: readers::checkpoints, named: &["checkpoint"],
    }
    run_record { read: readers::run_record }
    run_continued { read: readers::tables }
    run_state { read: readers::run_state, named: &["holds a run of another configuration"], one_in: 5 }
    results { make: valid::results, read: |folder| Results::read(folder).map(drop), one_in: 10 }
    report { make: valid::results, read: readers::report, one_in: 50, most_bytes: 256 << 20 }
    bench { make: valid::bench, read: readers::bench }
    slurm_answers { make: valid::slurm_answers, read: readers::slurm_answers }
    slurm_submission { folder: "1", make: valid::submission, read: readers::submission }
    lease { make: |to| valid::of_run(to, &["lease-1"]), read: readers::lease, one_in: 10 }
}
