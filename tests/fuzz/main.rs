//! Every reader of foreign files and of our own, fed with valid files that were damaged.
//!
//! A target is a folder of valid files and a function that reads it. A case damages one of the files. The function may
//! refuse it with a message that names the file; it may not panic, hang, or take far more memory than the files have.
//!
//! `NORMPROP_FUZZ_CASES` says how many cases each target gets; `scripts/fuzz` runs many. Another number is another
//! sequence of cases. Files that were once read wrongly lie in `tests/fuzz/found/TARGET/` as `NUMBER.FILE` and are read
//! each time.

mod damage;
mod memory;
mod readers;
mod targets;
mod valid;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use proptest::test_runner::{Config, RngSeed, TestCaseError, TestRunner};
use targets::Target;

#[global_allocator]
static ALLOCATOR: memory::Counting = memory::Counting;

/// A case that takes so long never ends: others take milliseconds.
const HANG: Duration = Duration::from_secs(60);

/// Cases for a target without `NORMPROP_FUZZ_CASES`.
const CASES: u32 = 200;

/// Runs a target on a thread of its own, which is given up when it hangs.
fn fuzz(target: &'static Target) {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join(target.folder);
    let (beat, beats) = channel();
    let worker = std::thread::Builder::new().stack_size(2 << 20);
    let worker = worker.spawn(move || Bench::new(target, place, beat).run());
    let worker = worker.unwrap();
    loop {
        match beats.recv_timeout(HANG) {
            Ok(()) => {}
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                panic!(
                    "{}: hangs on the files in {}",
                    target.name,
                    folder.keep().display()
                )
            }
        }
    }
    if let Err(panic) = worker.join() {
        std::panic::resume_unwind(panic);
    }
}

/// Where the last file is kept that was read wrongly.
fn kept(target: &Target) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("fuzz")
        .join(target.name)
}

/// A target with its files.
struct Bench {
    target: &'static Target,
    folder: PathBuf,
    valid: BTreeMap<String, Vec<u8>>,
    beat: Sender<()>,
    /// The file that was damaged last.
    last: RefCell<String>,
    refused: Cell<u32>,
}

impl Bench {
    fn new(target: &'static Target, folder: PathBuf, beat: Sender<()>) -> Bench {
        fs::create_dir_all(&folder).unwrap();
        (target.make)(&folder);
        let valid = files_in(&folder);
        (target.read)(&folder).unwrap_or_else(|error| panic!("{}: {error:#}", target.name));
        Bench {
            target,
            folder,
            valid,
            beat,
            last: RefCell::default(),
            refused: Cell::new(0),
        }
    }

    fn run(&self) {
        for (name, bytes) in found(self.target.name) {
            self.restore(&name);
            self.check(&name, &bytes)
                .unwrap_or_else(|error| panic!("{}, {name}: {error}", self.target.name));
        }
        let wanted = std::env::var("NORMPROP_FUZZ_CASES");
        let wanted = wanted.map_or(CASES, |text| {
            text.parse().expect("NORMPROP_FUZZ_CASES is a number")
        });
        let cases = wanted.div_ceil(self.target.one_in);
        let mut runner = TestRunner::new(Config {
            cases,
            failure_persistence: None,
            rng_seed: RngSeed::Fixed(u64::from(wanted)),
            max_shrink_iters: 500,
            ..Config::default()
        });
        let begun = Instant::now();
        let names: Vec<&String> = self.valid.keys().collect();
        let result = runner.run(&damage::cases(), |(file, damages)| {
            let name = names[file.index(names.len())];
            let bytes = damages
                .iter()
                .fold(self.valid[name].clone(), |bytes, damage| {
                    damage.apply(bytes)
                });
            self.restore(name);
            self.check(name, &bytes)
                .map_err(TestCaseError::fail)
                .inspect_err(|_| self.keep(name, &bytes))
        });
        if let Err(error) = result {
            panic!(
                "{}: {error}\nThe file is in {}",
                self.target.name,
                kept(self.target).display()
            );
        }
        let (refused, seconds) = (self.refused.get(), begun.elapsed().as_secs_f64());
        eprintln!(
            "{}: {cases} cases, {refused} of them refused, in {seconds:.1} s",
            self.target.name
        );
    }

    /// Reads the folder with one file in another state. What is wrong with how it was read.
    fn check(&self, name: &str, bytes: &[u8]) -> Result<(), String> {
        put(&self.folder.join(name), bytes);
        let _ = self.beat.send(());
        let read =
            || std::panic::catch_unwind(AssertUnwindSafe(|| (self.target.read)(&self.folder)));
        let (result, peak) = memory::peak_of(read);
        let most = self.target.most_bytes + 64 * bytes.len();
        if peak > most {
            return Err(format!(
                "{name}: {peak} bytes were taken for {} bytes",
                bytes.len()
            ));
        }
        match result {
            Err(_) => Err(format!("{name}: panics")),
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                self.refused.set(self.refused.get() + 1);
                let message = format!("{error:#}");
                let named = message.contains(name)
                    || self.target.named.iter().any(|word| message.contains(word));
                match named {
                    true => Ok(()),
                    false => Err(format!("{name} is not named in: {message}")),
                }
            }
        }
    }

    /// Makes all files valid again but the one that is written next, and removes what the reader made.
    fn restore(&self, next: &str) {
        let last = self.last.replace(next.to_owned());
        for (name, bytes) in &self.valid {
            let path = self.folder.join(name);
            if name != next && (*name == last || !path.exists()) {
                put(&path, bytes);
            }
        }
        for entry in fs::read_dir(&self.folder).unwrap() {
            let path = entry.unwrap().path();
            match path.file_name().and_then(|name| name.to_str()) {
                Some(name) if self.valid.contains_key(name) => {}
                _ if path.is_dir() => fs::remove_dir_all(&path).unwrap(),
                _ => fs::remove_file(&path).unwrap(),
            }
        }
    }

    fn keep(&self, name: &str, bytes: &[u8]) {
        let folder = kept(self.target);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name), bytes).unwrap();
    }
}

/// Writes a file anew: some file systems wait for the disk when one is written over.
fn put(path: &Path, bytes: &[u8]) {
    let _ = fs::remove_file(path);
    fs::write(path, bytes).unwrap();
}

/// The files of a folder by their names.
fn files_in(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let paths = entries.map(|entry| entry.unwrap().path());
    let file = |path: PathBuf| {
        let name = path.file_name()?.to_str()?.to_owned();
        path.is_file().then(|| (name, fs::read(&path).unwrap()))
    };
    paths.filter_map(file).collect()
}

/// The files that a target once read wrongly, by the names that they have there.
fn found(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fuzz/found")
        .join(target);
    let numbered = files_in(&folder).into_iter();
    let file = |(name, bytes): (String, Vec<u8>)| {
        let (_, name) = name.split_once('.').expect("NUMBER.FILE");
        (name.to_owned(), bytes)
    };
    numbered.map(file).collect()
}
