//! For tests: a training loop without training, and a disk that fails when it is told to.

use super::files::{Disk, Operation, RealDisk};
use super::meta::Facts;
use super::reach::Owed;
use super::recorder::{Recorder, Settings};
use super::run_dir::RunDir;
use super::summary::RunIdentity;
use crate::event::{
    ElementType, EpochRow, EpochSums, Event, LayerRow, NamedTensor, Observer, Position, Snapshot,
    Status, StepRow,
};
use crate::run_key::RunKey;
use anyhow::Result;
use std::io::{Error, ErrorKind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub const EPOCHS: u64 = 4;
pub const STEPS_PER_EPOCH: u64 = 3;

/// A folder for a run; in memory where the system has such a place, since renaming on a device takes its time.
pub fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}

/// What happens at the operation whose turn it is to fail, and afterwards.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum DiskFault {
    /// The process is dead: this operation is done in part, those after it not at all.
    Kill,
    /// There is no room: what writes bytes fails from here on, the rest works.
    Full,
}

/// The real disk up to a number of operations.
#[derive(Clone)]
pub struct FaultyDisk {
    /// Operations so far.
    pub count: Arc<AtomicU64>,
    /// How many of them succeed.
    pub good: u64,
    /// What happens then.
    pub fault: DiskFault,
    /// How much of the failing operation is done, in 256ths; 256 is all, unnoticed.
    pub done_256ths: usize,
}

impl FaultyDisk {
    pub fn failing_after(good: u64, fault: DiskFault, done_256ths: usize) -> FaultyDisk {
        FaultyDisk {
            count: Arc::new(AtomicU64::new(0)),
            good,
            fault,
            done_256ths,
        }
    }

    pub fn sound() -> FaultyDisk {
        FaultyDisk::failing_after(u64::MAX, DiskFault::Kill, 0)
    }

    /// Does an operation in part, given by how many of its bytes are done; one without bytes is done or not.
    fn perform_part(operation: Operation, done: usize) -> std::io::Result<()> {
        match operation {
            Operation::Append(path, bytes) => {
                RealDisk.perform(Operation::Append(path, &bytes[..done]))
            }
            // Without flushing to the device, which would make hundreds of runs slow and which no kill of a process
            // undoes.
            Operation::Write(path, bytes) => std::fs::write(path, &bytes[..done]),
            Operation::Sync(_) => Ok(()),
            Operation::Rename(..) | Operation::Remove(_) => match done {
                0 => Ok(()),
                _ => RealDisk.perform(operation),
            },
        }
    }
}

impl Disk for FaultyDisk {
    fn perform(&self, operation: Operation) -> std::io::Result<()> {
        let (length, takes_room) = match operation {
            Operation::Append(_, bytes) | Operation::Write(_, bytes) => (bytes.len(), true),
            _ => (1, false),
        };
        let turn = self.count.fetch_add(1, Ordering::Relaxed);
        if turn < self.good || self.fault == DiskFault::Full && !takes_room {
            return FaultyDisk::perform_part(operation, length);
        }
        // A killed process leaves part of what it wrote; on a full disk appending takes it back.
        if turn == self.good && self.fault == DiskFault::Kill {
            FaultyDisk::perform_part(operation, length * self.done_256ths / 256)?;
        }
        Err(Error::from(ErrorKind::StorageFull))
    }
}

pub fn settings() -> Settings {
    Settings {
        owed: Owed {
            layers: true,
            steps_every: 2,
            percentiles_every: 0,
        },
        keep_epochs: Vec::new(),
        tensorboard: true,
        identity: RunIdentity {
            key: RunKey::default(),
            dataset: "fake".to_owned(),
            parameters: 2,
        },
        facts: Facts {
            tch: "0".to_owned(),
            libtorch: "0".to_owned(),
            threads: 1,
            device: "cpu".to_owned(),
            gpu: None,
            command_line: vec!["normprop".to_owned(), "train".to_owned()],
            dataset_sha256: None,
            dataset_note: None,
            settings: None,
            started_from: None,
        },
    }
}

/// One sitting as the program does it: take the directory, go on from the newest state, train to the end.
pub fn sit(path: &Path, disk: impl Disk + 'static) -> Result<Recorder> {
    let run_dir = RunDir::open_on(path, "epochs = 4\n", disk)?;
    let found = run_dir.latest_snapshot_that(&settings().owed, &mut |_| Ok(()))?;
    let start = found.snapshot.map(|(snapshot, _)| snapshot);
    let mut recorder = Recorder::new(run_dir, settings());
    Loop::new(start).run(&mut recorder)?;
    Ok(recorder)
}

/// Stands for a network under training: two weights that each step changes in a way that depends on all before.
pub struct Loop {
    weights: [f64; 2],
    position: Position,
}

impl Loop {
    pub fn new(start: Option<Snapshot>) -> Loop {
        let Some(snapshot) = start else {
            let position = Position {
                epoch: 0,
                step_in_epoch: 0,
                step: 0,
                sums: EpochSums::default(),
                best: None,
                train_s: 0.0,
            };
            return Loop {
                weights: [0.3, 0.7],
                position,
            };
        };
        let value = |range: std::ops::Range<usize>| {
            f64::from_le_bytes(snapshot.tensors[0].bytes[range].try_into().unwrap())
        };
        Loop {
            weights: [value(0..8), value(8..16)],
            position: snapshot.position,
        }
    }

    pub fn run(mut self, recorder: &mut Recorder) -> Result<()> {
        let position = self.position.clone();
        recorder.on(&Event::Started {
            epochs: EPOCHS,
            steps_per_epoch: STEPS_PER_EPOCH,
            position,
        })?;
        if self.position.step == 0 {
            recorder.on(&self.epoch_event())?;
        }
        while self.position.epoch < EPOCHS {
            self.step(recorder)?;
            if self.position.step_in_epoch == STEPS_PER_EPOCH {
                self.finish_epoch(recorder)?;
            } else if self.position.step_in_epoch == 2 {
                recorder.on(&self.snapshot_event(false))?;
            }
        }
        recorder.on(&Event::Ended {
            status: Status::Finished,
        })
    }

    fn step(&mut self, recorder: &mut Recorder) -> Result<()> {
        let [first, second] = self.weights;
        // The logistic map: the last bit of any state shows in all later ones.
        self.weights = [3.9 * first * (1.0 - first), 3.8 * second * (1.0 - second)];
        self.position.step += 1;
        self.position.step_in_epoch += 1;
        self.position.train_s += 0.1;
        self.position.sums.loss += self.weights[0];
        self.position.sums.steps += 1;
        self.position.sums.train_s += 0.1;
        recorder.on(&Event::Step {
            row: StepRow {
                step: self.position.step,
                loss: self.weights[0],
                lr: 0.5,
            },
            epoch: self.position.epoch + 1,
            sums: self.position.sums,
        })
    }

    fn finish_epoch(&mut self, recorder: &mut Recorder) -> Result<()> {
        self.position.epoch += 1;
        self.position.step_in_epoch = 0;
        let event = self.epoch_event();
        self.position.sums = EpochSums::default();
        let error = self.weights[1];
        let best = self.position.best.is_none_or(|(lowest, _)| error < lowest);
        if best {
            self.position.best = Some((error, self.position.epoch));
        }
        recorder.on(&event)?;
        recorder.on(&self.snapshot_event(best))
    }

    fn epoch_event(&self) -> Event {
        let sums = self.position.sums;
        let row = EpochRow {
            epoch: self.position.epoch,
            step: self.position.step,
            lr: 0.5,
            train_loss: sums.loss / sums.steps as f64,
            train_error: f64::NAN,
            test_loss: self.weights[0],
            test_error: self.weights[1],
            grad_norm: 1.0,
            train_s: sums.train_s,
            eval_s: 0.25,
            images_per_s: 100.0,
            rss_mb: 50.0,
            status: Status::Running,
            test_calibration_error: 0.125,
            test_brier_score: 0.5,
        };
        let layer = |layer: u64| LayerRow {
            epoch: self.position.epoch,
            layer,
            name: format!("conv, {layer}"),
            pre_mean: self.weights[0],
            pre_std: 1.0,
            pre_skew: 0.0,
            pre_kurtosis: 0.0,
            post_mean: self.weights[1],
            post_std: 1.0,
            row_norm_mean: 1.0,
            gamma_mean: f64::NAN,
            beta_mean: f64::NAN,
            dead_fraction: 0.0,
        };
        let layers = vec![layer(1), layer(2)];
        Event::Epoch { row, layers }
    }

    fn snapshot_event(&self, best: bool) -> Event {
        let bytes = self.weights.iter().flat_map(|weight| weight.to_le_bytes());
        let weights = NamedTensor {
            name: "weights".to_owned(),
            element: ElementType::F64,
            shape: vec![2],
            bytes: bytes.collect(),
        };
        let snapshot = Snapshot {
            network: None,
            tensors: vec![weights],
            position: self.position.clone(),
        };
        Event::Snapshot { snapshot, best }
    }
}
