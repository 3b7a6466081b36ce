//! Valid files, as small as they can be.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use tempfile::TempDir;

/// Files of the repository.
fn tracked(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn put(to: &Path, name: &str, content: impl AsRef<[u8]>) {
    fs::write(to.join(name), content).unwrap();
}

/// The IDX files of two training images and a test image.
pub fn idx(to: &Path, compressed: bool) {
    for (name, bytes) in idx_files() {
        match compressed {
            true => put(to, &format!("{name}.gz"), gzip(&bytes)),
            false => put(to, name, bytes),
        }
    }
}

fn idx_files() -> [(&'static str, Vec<u8>); 4] {
    let images = |count: u8| {
        let header = [0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, 28, 0, 0, 0, 28];
        [header.as_slice(), &vec![7; 28 * 28 * usize::from(count)]].concat()
    };
    let labels = |labels: &[u8]| [&[0, 0, 8, 1, 0, 0, 0, labels.len() as u8], labels].concat();
    [
        ("train-images-idx3-ubyte", images(2)),
        ("train-labels-idx1-ubyte", labels(&[0, 9])),
        ("t10k-images-idx3-ubyte", images(1)),
        ("t10k-labels-idx1-ubyte", labels(&[3])),
    ]
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// An archive of the IDX files.
pub fn archive(to: &Path) {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in idx_files() {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder
            .append_data(
                &mut header,
                Path::new("digits").join(name),
                bytes.as_slice(),
            )
            .unwrap();
    }
    put(to, "digits.tar", builder.into_inner().unwrap());
}

/// Files of one image each.
pub fn cifar10(to: &Path) {
    let record = [&[3], [100; 3072].as_slice()].concat();
    for batch in 1..=5 {
        put(to, &format!("data_batch_{batch}.bin"), &record);
    }
    put(to, "test_batch.bin", record);
}

/// Files of two images each.
pub fn cifar100(to: &Path) {
    let record = [&[19, 99], [100; 3072].as_slice()].concat();
    for name in ["train.bin", "test.bin"] {
        put(to, name, record.repeat(2));
    }
}

/// MATLAB files, compressed and not.
pub fn matlab(to: &Path) {
    for name in ["train_32x32.mat", "test_32x32.mat"] {
        fs::copy(tracked("tests/fixtures/svhn").join(name), to.join(name)).unwrap();
    }
}

/// A run of every table, made by the program.
static RUN: LazyLock<(TempDir, PathBuf)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let settings = "model=mlp mlp_widths=[2] batch_size=10 epochs=2 train_subset=20 test_subset=10 probe_images=10 \
                    record_steps=1 record_percentiles=1 threads=1";
    let mut command = Command::new(env!("CARGO_BIN_EXE_normprop"));
    command
        .current_dir(folder.path())
        .args(["train", "--quiet", "--out", "runs"]);
    command.args(settings.split(' ').flat_map(|setting| ["--set", setting]));
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let run = normprop::record::list_runs(folder.path())
        .unwrap()
        .remove(0);
    (folder, run)
});

/// Some files of a finished run.
pub fn of_run(to: &Path, names: &[&str]) {
    for name in names {
        fs::copy(RUN.1.join(name), to.join(name)).unwrap();
    }
}

/// What a finished run says in text.
pub fn run(to: &Path) {
    let names =
        "config.toml meta.json summary.json metrics.csv layers.csv steps.csv percentiles.csv";
    of_run(to, &names.split(' ').collect::<Vec<_>>());
}

/// A results folder: what is tracked of several, with the first rows of long tables.
pub fn results(to: &Path) {
    for file in [
        "best/curves.csv",
        "layer-inputs/layers.csv",
        "mnist-bn/percentiles.csv",
        "best/sweep.csv",
        "best/manifest.json",
        "best/bench.csv",
        "best/machine.json",
    ] {
        let text = fs::read_to_string(tracked("results").join(file)).unwrap();
        let rows = if file.ends_with("csv") {
            30
        } else {
            usize::MAX
        };
        let head: Vec<&str> = text.split_inclusive('\n').take(rows).collect();
        put(to, file.rsplit('/').next().unwrap(), head.concat());
    }
}

/// Step times.
pub fn bench(to: &Path) {
    for name in ["bench.csv", "machine.json"] {
        fs::copy(tracked("results/best").join(name), to.join(name)).unwrap();
    }
}

/// The files that [`experiments`] puts into a folder.
pub const EXPERIMENTS: [&str; 3] = ["grid.toml", "search.toml", "rates.toml"];

/// A small experiment.
pub const EXPERIMENT: &str = r#"methods = ["none", { name = "group-norm", label = "gn", groups = 2 }]
batch_sizes = [1, 50]
seeds = 2
target_test_error = 0.2
notes = ["a"]
[run]
model = "mlp"
mlp_widths = [4]
epochs = 4
"#;

/// Experiments with every kind of key.
pub fn experiments(to: &Path) {
    let grid = "[sweep]\nlr_factors = [0.5, 1]\nvalidation_fraction = 0.1\ngrid = { momentum = [0, 0.9] }\n\
                set = { epochs = 2 }\n[reference]\nsource = \"s\"\nlabel = \"l\"\ntest_error = { none = 0.1 }\n";
    put(
        to,
        "grid.toml",
        EXPERIMENT.replace("[run]", "title = \"t\"\n[run]") + grid,
    );
    let search = "[sweep]\nsearch = \"random\"\nsamples = 3\ndraw_seed = 1\nseeds = [7]\nvalidation_subset = 100\n\
                  [sweep.range]\nlr = { low = 0.01, high = 0.1 }\nmomentum = { low = 0.8, high = 0.9, scale = \"linear\" }\n\
                  [sweep.halving]\nfirst_epochs = 1\nfactor = 2\n";
    put(to, "search.toml", EXPERIMENT.to_owned() + search);
    put(
        to,
        "rates.toml",
        format!("rates_from = \"sweep.csv\"\n{EXPERIMENT}"),
    );
    let sweep = "method,batch_size,lr,settings,n,n_diverged,validation_error_mean,validation_error_std,chosen,at_edge,label\n";
    let row = |label, size| format!("none,{size},0.05,,1,0,0.2,,true,false,{label}\n");
    let rows = [row("none", 1), row("none", 50), row("gn", 1), row("gn", 50)];
    put(to, "sweep.csv", sweep.to_owned() + &rows.concat());
}

/// What `--set` is given.
pub fn assignments(to: &Path) {
    let run = "lr=.1\nmodel=mlp\nmlp_widths=[4, 4]\nschedule=step\nstep_at=[0.5]\nmethod.name=group-norm\nmethod.groups=2\n\
               activation=leaky:0.1\nprecision=bf16\nholdout=0.1\nkeep_epochs=[1]\ntensorboard=true\nthreads=2\n\
               device=cpu\naugment=none\nclip_norm=1e-3\nseed=3\n";
    put(to, "run.txt", run);
    let experiment = "run.epochs=2\nmomentum=0.5\nbatch_sizes=[2, 4]\nseeds=[1, 2]\nlrs=[0.1]\nmethods=[\"none\", \"layer-norm\"]\n\
                      jobs=1\nname=x\n";
    put(to, "experiment.txt", experiment);
}

/// What Slurm's programs print.
pub fn slurm_answers(to: &Path) {
    put(
        to,
        "squeue",
        "17|0|RUNNING\n17|12|PENDING\n18|N/A|RUNNING\n",
    );
    put(
        to,
        "sacct",
        "17_0|CANCELLED by 1000\n17_3|OUT_OF_MEMORY\n17_[4-9]|PENDING\n20|FAILED\n",
    );
    put(to, "sbatch", "Welcome.\n17;cluster\n");
}

/// A submission to Slurm.
pub fn submission(to: &Path) {
    put(to, "job-id", "17\n");
    let job = r#"[{"title": "a", "run_dir": "runs/a", "config": "epochs = 1\n", "threads": 1, "device": "cpu",
        "epochs": 1, "estimate_s": 2.5, "until_epoch": null}]"#;
    put(to, "task-0.json", job);
}
