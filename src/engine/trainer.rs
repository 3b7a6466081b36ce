//! The training loop.

use std::time::Instant;

use anyhow::{Result, bail};
use tch::Tensor;

use super::evaluate::{self, Scores, evaluate};
use super::interrupt::Interrupt;
use super::schedule::learning_rate;
use super::{device, setup};
use crate::config::RunConfig;
use crate::data::Dataset;
use crate::data::batches::{Normalizer, TrainingBatches};
use crate::event::{EpochRow, EpochSums, Event, Observer, Position, Snapshot, Status, StepRow};
use crate::methods;
use crate::nn::layer::Pass;
use crate::nn::network::Network;
use crate::nn::parameters::{find, restore, to_named};
use crate::nn::sgd::{Sgd, SgdConfig};
use crate::probe::layers::LayerProbe;

/// Seconds of training after which an epoch that is still going on saves its state.
const SAVE_EVERY_S: f64 = 300.0;
/// Seconds of training after which the time left is first estimated.
const ESTIMATE_AFTER_S: f64 = 2.0;
/// Training images that a data-dependent start sees.
const START_IMAGES: usize = 500;
/// Prefix of velocities in a snapshot.
const VELOCITY: &str = "velocity.";

/// A run in progress.
pub struct Trainer<'d> {
    config: RunConfig,
    dataset: &'d Dataset,
    /// The network being trained.
    pub network: Network,
    optimizer: Sgd,
    normalizer: Normalizer,
    batches: TrainingBatches<'d>,
    probe: Option<LayerProbe>,
    position: Position,
}

/// What the loop tells its caller after each step.
enum After {
    GoOn,
    Stop(Status),
}

impl<'d> Trainer<'d> {
    /// Builds the network and everything around it, at the start of training.
    pub fn new(config: RunConfig, dataset: &'d Dataset) -> Result<Trainer<'d>> {
        let (kind, device) = (
            device::kind(config.precision),
            device::find(&config.device)?,
        );
        let blocks = setup::blocks(&config, dataset.shape, dataset.classes.len())?;
        let network = setup::network(&config, blocks, kind, device)?;
        let optimizer = Sgd::new(
            SgdConfig {
                momentum: config.momentum,
                nesterov: config.nesterov,
                weight_decay: config.weight_decay,
                decay_all: config.decay_all,
                clip_norm: config.clip_norm,
            },
            &network.parameters,
        );
        let normalizer = Normalizer::fit(config.data_norm, &dataset.train, dataset.shape);
        let batches = TrainingBatches::new(
            dataset,
            normalizer.clone(),
            config.batch_size,
            config.augment,
            config.seed,
        )?;
        let probe = LayerProbe::new(config.probe_images, dataset, &normalizer);
        let position = Position {
            epoch: 0,
            step_in_epoch: 0,
            step: 0,
            sums: EpochSums::default(),
            best: None,
            train_s: 0.0,
        };
        Ok(Trainer {
            config,
            dataset,
            network,
            optimizer,
            normalizer,
            batches,
            probe,
            position,
        })
    }

    /// Optimizer steps in an epoch.
    pub fn steps_per_epoch(&self) -> u64 {
        self.batches.steps_per_epoch()
    }

    /// Goes back to a saved state.
    pub fn resume(&mut self, snapshot: &Snapshot) -> Result<()> {
        self.network.parameters.restore(&snapshot.tensors)?;
        for (entry, velocity) in self
            .network
            .parameters
            .trainable()
            .zip(&self.optimizer.velocities)
        {
            restore(
                velocity,
                find(&snapshot.tensors, &format!("{VELOCITY}{}", entry.name))?,
            )?;
        }
        let expected = self.network.parameters.iter().count() + self.optimizer.velocities.len();
        if snapshot.tensors.len() != expected {
            bail!(
                "the checkpoint holds {} tensors, the network needs {expected}",
                snapshot.tensors.len()
            );
        }
        self.position = snapshot.position.clone();
        Ok(())
    }

    /// Trains to the end, or until a signal comes or the loss is not finite.
    pub fn run(
        &mut self,
        observers: &mut [&mut dyn Observer],
        interrupt: &Interrupt,
    ) -> Result<Status> {
        let mut emit = |event: Event| {
            observers
                .iter_mut()
                .try_for_each(|observer| observer.on(&event))
        };
        emit(Event::Started {
            epochs: self.config.epochs,
            steps_per_epoch: self.batches.steps_per_epoch(),
            position: self.position.clone(),
        })?;
        if self.position.step == 0 {
            self.initialize()?;
            self.finish_epoch(&mut emit)?;
            self.look_at_percentiles(&mut emit)?;
        }
        while self.position.epoch < self.config.epochs {
            if let After::Stop(status) = self.train_epoch(&mut emit, interrupt)? {
                emit(Event::Ended { status })?;
                return Ok(status);
            }
        }
        emit(Event::Ended {
            status: Status::Finished,
        })?;
        Ok(Status::Finished)
    }

    /// Lets methods that ask for it start from the first training images of the run.
    fn initialize(&mut self) -> Result<()> {
        if methods::find(&self.config.method.name)?.data_dependent_start {
            let order = self.batches.order(0);
            let sample = &order[..order.len().min(START_IMAGES)];
            let bytes: Vec<u8> = sample
                .iter()
                .flat_map(|&i| self.dataset.train.image(i as usize))
                .copied()
                .collect();
            let (kind, device) = (self.network.parameters.kind, self.network.parameters.device);
            let pixels = self.normalizer.training(&bytes);
            self.network.initialize(&evaluate::to_tensor(
                &pixels,
                sample.len(),
                self.dataset.shape,
                kind,
                device,
            ));
        }
        Ok(())
    }

    /// Reports percentiles where this step is one of those asked for.
    fn look_at_percentiles(&self, emit: &mut dyn FnMut(Event) -> Result<()>) -> Result<()> {
        let every = self.config.record_percentiles;
        if every == 0 || !self.position.step.is_multiple_of(every) {
            return Ok(());
        }
        let probe = self.probe.as_ref();
        match probe.and_then(|probe| probe.percentiles(&self.network, self.position.step)) {
            Some(row) => emit(Event::Percentiles { row }),
            None => Ok(()),
        }
    }

    fn train_epoch(
        &mut self,
        emit: &mut dyn FnMut(Event) -> Result<()>,
        interrupt: &Interrupt,
    ) -> Result<After> {
        let order = self.batches.order(self.position.epoch);
        let mut saved = Instant::now();
        let mut estimate_due = self.position.epoch == 0;
        while self.position.step_in_epoch < self.batches.steps_per_epoch() {
            let row = self.step(&order);
            if !row.loss.is_finite() {
                return self.diverge(emit);
            }
            emit(Event::Step {
                row,
                epoch: self.position.epoch + 1,
                step_in_epoch: self.position.step_in_epoch,
                sums: self.position.sums,
            })?;
            self.look_at_percentiles(emit)?;
            if estimate_due && self.position.sums.train_s > ESTIMATE_AFTER_S {
                estimate_due = false;
                emit(Event::Estimate {
                    remaining_s: self.remaining_s(),
                })?;
            }
            let inside = self.position.step_in_epoch < self.batches.steps_per_epoch();
            if inside && interrupt.signal().is_some() {
                emit(Event::Snapshot {
                    snapshot: self.snapshot()?,
                    best: false,
                })?;
                return Ok(After::Stop(Status::Interrupted));
            }
            if inside && saved.elapsed().as_secs_f64() > SAVE_EVERY_S {
                emit(Event::Snapshot {
                    snapshot: self.snapshot()?,
                    best: false,
                })?;
                saved = Instant::now();
            }
        }
        self.position.epoch += 1;
        self.finish_epoch(emit)?;
        let more = self.position.epoch < self.config.epochs;
        match interrupt.signal() {
            Some(_) if more => Ok(After::Stop(Status::Interrupted)),
            _ => Ok(After::GoOn),
        }
    }

    /// One optimizer step.
    fn step(&mut self, order: &[u32]) -> StepRow {
        let started = Instant::now();
        let (kind, device) = (self.network.parameters.kind, self.network.parameters.device);
        let batch = self
            .batches
            .batch(order, self.position.step_in_epoch, self.position.step);
        let count = batch.labels.len();
        let images = evaluate::to_tensor(&batch.images, count, self.dataset.shape, kind, device);
        let labels = Tensor::from_slice(&batch.labels).to_device(device);

        let logits = self
            .network
            .logits(&images, &Pass::train(self.config.seed, self.position.step));
        let loss = evaluate::cross_entropy(&logits, &labels);
        let trained: Vec<&Tensor> = self
            .network
            .parameters
            .trainable()
            .map(|p| &p.tensor)
            .collect();
        let gradients = Tensor::run_backward(&[&loss], &trained, false, false);

        let lr = learning_rate(
            &self.config,
            self.position.step,
            self.batches.steps_per_epoch(),
        );
        let squared_grad_norm = self
            .optimizer
            .step(&self.network.parameters, &gradients, lr);
        self.network.after_step();

        let scores = Scores::of(&logits, &batch.labels);
        let train_s = started.elapsed().as_secs_f64();
        let sums = &mut self.position.sums;
        sums.images += count as u64;
        sums.steps += 1;
        sums.loss += scores.loss_sum;
        sums.wrong += scores.wrong;
        sums.squared_grad_norm += squared_grad_norm;
        sums.train_s += train_s;
        self.position.train_s += train_s;
        self.position.step += 1;
        self.position.step_in_epoch += 1;
        StepRow {
            step: self.position.step,
            loss: scores.loss_sum / count as f64,
            lr,
        }
    }

    /// Evaluates, reports the epoch that was just done (or epoch 0) and saves.
    fn finish_epoch(&mut self, emit: &mut dyn FnMut(Event) -> Result<()>) -> Result<()> {
        let row = self.epoch_row(Status::Running);
        let layers = self.probe.as_ref().map_or(Ok(Vec::new()), |probe| {
            probe.measure(&self.network, row.epoch)
        })?;
        let best = self
            .position
            .best
            .is_none_or(|(error, _)| row.test_error < error);
        if best {
            self.position.best = Some((row.test_error, row.epoch));
        }
        self.position.sums = EpochSums::default();
        self.position.step_in_epoch = 0;
        emit(Event::Epoch { row, layers })?;
        emit(Event::Snapshot {
            snapshot: self.snapshot()?,
            best,
        })
    }

    /// Records that the loss stopped being finite.
    fn diverge(&mut self, emit: &mut dyn FnMut(Event) -> Result<()>) -> Result<After> {
        self.position.epoch += 1;
        let row = self.epoch_row(Status::Diverged);
        emit(Event::Epoch {
            row,
            layers: Vec::new(),
        })?;
        Ok(After::Stop(Status::Diverged))
    }

    fn epoch_row(&self, status: Status) -> EpochRow {
        let started = Instant::now();
        let test = evaluate(
            &self.network,
            &self.dataset.test,
            self.dataset.shape,
            &self.normalizer,
        );
        let eval_s = started.elapsed().as_secs_f64();
        let sums = self.position.sums;
        let per = |total: f64, count: u64| {
            if count == 0 {
                f64::NAN
            } else {
                total / count as f64
            }
        };
        let last_step = self.position.step.saturating_sub(1);
        let status = match status {
            Status::Running if self.position.epoch == self.config.epochs => Status::Finished,
            other => other,
        };
        EpochRow {
            epoch: self.position.epoch,
            step: self.position.step,
            lr: learning_rate(&self.config, last_step, self.batches.steps_per_epoch()),
            train_loss: per(sums.loss, sums.images),
            train_error: per(sums.wrong as f64, sums.images),
            test_loss: test.loss,
            test_error: test.error(),
            grad_norm: per(sums.squared_grad_norm, sums.steps).sqrt(),
            train_s: sums.train_s,
            eval_s,
            images_per_s: if sums.train_s > 0.0 {
                sums.images as f64 / sums.train_s
            } else {
                f64::NAN
            },
            rss_mb: resident_mb(),
            status,
        }
    }

    /// Everything needed to go on from here.
    fn snapshot(&self) -> Result<Snapshot> {
        let parameters = &self.network.parameters;
        let own = parameters
            .iter()
            .map(|entry| to_named(&entry.name, &entry.tensor));
        let velocities = parameters
            .trainable()
            .zip(&self.optimizer.velocities)
            .map(|(entry, velocity)| to_named(&format!("{VELOCITY}{}", entry.name), velocity));
        let mut tensors = own.chain(velocities).collect::<Result<Vec<_>>>()?;
        tensors.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Snapshot {
            tensors,
            position: self.position.clone(),
        })
    }

    fn remaining_s(&self) -> f64 {
        let done = self.position.sums.steps.max(1) as f64;
        let total = (self.config.epochs * self.batches.steps_per_epoch()) as f64;
        self.position.sums.train_s / done * (total - done)
    }
}

/// Resident memory of this process in MB, NaN where the system does not say.
fn resident_mb() -> f64 {
    let Ok(text) = std::fs::read_to_string("/proc/self/status") else {
        return f64::NAN;
    };
    let kilobytes = text
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|number| number.parse::<f64>().ok());
    kilobytes.map_or(f64::NAN, |kb| kb * 1024.0 / 1e6)
}
