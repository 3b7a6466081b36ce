//! A small training in a folder of its own: started, stopped, watched, and compared when it is over.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

use normprop::event::{NamedTensor, Position};
use normprop::record::read_checkpoint;
use tempfile::TempDir;

use crate::common::{normprop, only_run};

/// Four epochs of 30 steps with everything that is recorded, some 5 ms a step.
pub const FOUR_EPOCHS: &[&str] = &[
    "--batch-size=4",
    "--epochs=4",
    "--set=train_subset=120",
    "--set=test_subset=40",
    "--set=probe_images=20",
    "--augment=crop-flip",
    "--set=tensorboard=true",
];
/// One epoch of 400 steps: whatever happens after the first few of them happens inside the epoch.
pub const ONE_EPOCH: &[&str] = &[
    "--batch-size=2",
    "--epochs=1",
    "--set=train_subset=800",
    "--set=test_subset=20",
    "--set=probe_images=0",
];

/// A training and the folder that it runs in.
pub struct Training {
    folder: TempDir,
    arguments: Vec<String>,
    /// A library that the program is started with.
    preloaded: Option<PathBuf>,
}

/// The files of a run at rest, from which trainings that stand there can be made.
pub struct Standing {
    arguments: Vec<String>,
    run: PathBuf,
    files: Vec<(OsString, Vec<u8>)>,
}

/// What a finished run left behind, without measured times.
#[derive(Debug, PartialEq)]
pub struct Outcome {
    /// The tables' text.
    pub tables: BTreeMap<&'static str, String>,
    /// The checkpoints that `best` and `latest` name.
    pub checkpoints: BTreeMap<String, (Vec<NamedTensor>, Position)>,
    /// What `best` and `latest` name.
    pub pointers: [String; 2],
}

impl Training {
    /// A training of a narrow NIN with these arguments and number of threads, recording every step.
    pub fn new(arguments: &[&str], threads: usize) -> Training {
        let mut all: Vec<String> = ["train", "--width=0.05", "--set=record_steps=1"]
            .map(String::from)
            .to_vec();
        all.extend(arguments.iter().map(|argument| argument.to_string()));
        all.push(format!("--threads={threads}"));
        Training {
            folder: tempfile::tempdir().unwrap(),
            arguments: all,
            preloaded: None,
        }
    }

    /// The same with a library that is loaded before the program's own.
    #[allow(dead_code, reason = "for tests/test_device, which shares this file")]
    pub fn preloading(self, library: &Path) -> Training {
        Training {
            preloaded: Some(library.to_path_buf()),
            ..self
        }
    }

    /// The folder that it runs in.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// How the run stands.
    pub fn standing(&self) -> Standing {
        let run = self.run_dir();
        let entries = fs::read_dir(&run).unwrap().map(|entry| entry.unwrap());
        Standing {
            arguments: self.arguments.clone(),
            run: run.strip_prefix(self.folder.path()).unwrap().to_path_buf(),
            files: entries
                .map(|entry| (entry.file_name(), fs::read(entry.path()).unwrap()))
                .collect(),
        }
    }

    /// The command, not yet started.
    pub fn command(&self) -> Command {
        let mut command = normprop(self.folder.path());
        command
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(library) = &self.preloaded {
            command.env("LD_PRELOAD", library);
        }
        command
    }

    /// The run directory, once it is there.
    pub fn run_dir(&self) -> PathBuf {
        only_run(&self.folder.path().join("runs"))
    }

    /// Runs the command and waits for its end, whatever that is.
    pub fn run(&self) -> Output {
        self.command().output().unwrap()
    }

    /// Runs the command to the end of the training.
    #[track_caller]
    pub fn finish(&self) -> Outcome {
        let output = self.run();
        assert!(output.status.success(), "{}", errors(&output));
        Outcome::read(&self.run_dir())
    }

    /// Starts the command and waits until `steps.csv` holds at least `steps` rows.
    #[track_caller]
    pub fn start_until(&self, steps: usize) -> Child {
        let mut child = self.command().spawn().unwrap();
        while self.steps() < steps {
            if child.try_wait().unwrap().is_some() {
                let output = child.wait_with_output().unwrap();
                panic!("it ended before step {steps}: {}", errors(&output));
            }
            sleep(Duration::from_millis(1));
        }
        child
    }

    /// Starts the command, stops it with SIGINT after at least `steps` steps, and checks that it saved its state.
    #[track_caller]
    pub fn interrupt_after(&self, steps: usize) -> Output {
        let child = self.start_until(steps);
        signal(&child, libc::SIGINT);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{}", errors(&output));
        output
    }

    fn steps(&self) -> usize {
        let runs = normprop::record::list_runs(&self.folder.path().join("runs"));
        let run = runs.ok().and_then(|runs| runs.into_iter().next());
        let text = run.and_then(|run| fs::read_to_string(run.join("steps.csv")).ok());
        text.map_or(0, |text| text.lines().count().saturating_sub(1))
    }
}

impl Standing {
    /// A training in a folder of its own that stands so.
    pub fn training(&self) -> Training {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join(&self.run);
        fs::create_dir_all(&run).unwrap();
        for (name, bytes) in &self.files {
            fs::write(run.join(name), bytes).unwrap();
        }
        Training {
            folder,
            arguments: self.arguments.clone(),
            preloaded: None,
        }
    }
}

impl Outcome {
    /// Reads a run directory.
    pub fn read(run: &Path) -> Outcome {
        let mut tables = BTreeMap::new();
        for name in ["layers.csv", "steps.csv"] {
            tables.insert(name, fs::read_to_string(run.join(name)).unwrap());
        }
        tables.insert("metrics.csv", without_times(&run.join("metrics.csv")));
        let pointers = ["best", "latest"].map(|name| fs::read_to_string(run.join(name)).unwrap());
        let mut checkpoints = BTreeMap::new();
        for name in pointers.iter().map(|text| text.trim_end()) {
            let snapshot = read_checkpoint(&run.join(name)).unwrap();
            let mut position = snapshot.position;
            (position.train_s, position.sums.train_s) = (0.0, 0.0);
            checkpoints.insert(name.to_string(), (snapshot.tensors, position));
        }
        Outcome {
            tables,
            checkpoints,
            pointers,
        }
    }

    /// Asserts that nothing differs, and names what does.
    #[track_caller]
    pub fn assert_equals(&self, expected: &Outcome) {
        assert_eq!(self.tables, expected.tables);
        assert_eq!(self.pointers, expected.pointers);
        for (name, (tensors, position)) in &self.checkpoints {
            let (expected_tensors, expected_position) = &expected.checkpoints[name];
            assert_eq!(position, expected_position, "{name}");
            for (tensor, expected) in tensors.iter().zip(expected_tensors) {
                assert!(
                    tensor == expected,
                    "{name}: {} differs from {}",
                    tensor.name,
                    expected.name
                );
            }
            assert_eq!(tensors.len(), expected_tensors.len(), "{name}");
        }
    }
}

/// `metrics.csv` without the columns that hold times and memory.
fn without_times(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let header: Vec<&str> = text.lines().next().unwrap().split(',').collect();
    let measured = ["train_s", "eval_s", "images_per_s", "rss_mb"];
    assert!(
        measured.iter().all(|name| header.contains(name)),
        "{header:?}"
    );
    let keep = |line: &str| {
        let fields = line
            .split(',')
            .zip(&header)
            .filter(|(_, name)| !measured.contains(name));
        fields.map(|(field, _)| field).collect::<Vec<_>>().join(",")
    };
    text.lines().map(keep).collect::<Vec<_>>().join("\n")
}

/// Sends a signal to a process that was started here.
pub fn signal(child: &Child, signal: i32) {
    // SAFETY: plain system call; the child has not been waited for, so its number is still its own.
    let sent = unsafe { libc::kill(child.id() as i32, signal) };
    assert_eq!(sent, 0);
}

/// What a program said on stderr.
pub fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
