//! The training loop.

use std::time::Instant;

use anyhow::{Result, bail};
use tch::Tensor;

use super::evaluate::{self, Scores, evaluate};
use super::interrupt::Interrupt;
use super::schedule::learning_rate;
use super::step_times::StepTimes;
use super::{device, memory, setup};
use crate::config::RunConfig;
use crate::data::Dataset;
use crate::data::batches::{Normalizer, TrainingBatches};
use crate::event::{EpochRow, EpochSums, Event, Observer, Position, Snapshot, Status, StepRow};
use crate::methods;
use crate::nn::backward;
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
    /// Where [`Trainer::run`] pauses, if anywhere before the end.
    until_epoch: Option<u64>,
    /// The epoch that [`Trainer::timed_step`] is in, and the order of its images.
    timed_epoch: Option<(u64, Vec<u32>)>,
}

/// A step that is about to be done, shown to whoever watches.
pub struct NextStep<'t> {
    /// The network before the step.
    pub network: &'t Network,
    /// The step's images.
    pub images: &'t Tensor,
    /// Their labels.
    pub labels: &'t Tensor,
    /// Optimizer steps done.
    pub step: u64,
    /// The step's learning rate.
    pub lr: f64,
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
            until_epoch: None,
            timed_epoch: None,
        })
    }

    /// The network as the run's training starts from it.
    pub fn initial_network(config: &RunConfig, dataset: &'d Dataset) -> Result<Network> {
        let mut trainer = Trainer::new(config.clone(), dataset)?;
        trainer.initialize()?;
        Ok(trainer.network)
    }

    /// Makes training stop once so many epochs are done, with a state from which it goes on as if it had not: the
    /// schedule stays that of the whole training.
    pub fn pause_at(&mut self, epoch: Option<u64>) {
        self.until_epoch = epoch;
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
        let (position, steps_per_epoch) = (&snapshot.position, self.batches.steps_per_epoch());
        let steps = position
            .epoch
            .saturating_mul(steps_per_epoch)
            .saturating_add(position.step_in_epoch);
        if position.step != steps
            || position.step_in_epoch >= steps_per_epoch
            || position.epoch > self.config.epochs
        {
            bail!(
                "it is {} steps into a training, at step {} of epoch {}; here are {} epochs of {steps_per_epoch} steps",
                position.step,
                position.step_in_epoch,
                position.epoch + 1,
                self.config.epochs
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
            if let After::Stop(status) = self.finish_epoch(&mut emit)? {
                emit(Event::Ended { status })?;
                return Ok(status);
            }
            self.look_at_percentiles(&mut emit)?;
        }
        let until = self.until_epoch.unwrap_or(self.config.epochs);
        while self.position.epoch < self.config.epochs.min(until) {
            if let After::Stop(status) = self.train_epoch(&mut emit, interrupt)? {
                emit(Event::Ended { status })?;
                return Ok(status);
            }
        }
        let status = if self.position.epoch < self.config.epochs {
            Status::Paused
        } else {
            Status::Finished
        };
        emit(Event::Ended { status })?;
        Ok(status)
    }

    /// Trains `steps` steps from where it stands, without evaluating, recording or saving, and before every
    /// `every`-th of them shows it to `watch`. Stops early at the end of the training, or at a loss that is not
    /// finite. Returns the steps done in all.
    pub fn train_watched(
        &mut self,
        steps: u64,
        every: u64,
        watch: &mut dyn FnMut(&NextStep) -> Result<()>,
    ) -> Result<u64> {
        if self.position.step == 0 {
            self.initialize()?;
        }
        let mut order = self.batches.order(self.position.epoch);
        for done in 0..steps {
            if self.position.step_in_epoch == self.batches.steps_per_epoch() {
                self.position.epoch += 1;
                self.position.step_in_epoch = 0;
                order = self.batches.order(self.position.epoch);
            }
            if self.position.epoch >= self.config.epochs {
                break;
            }
            if done.is_multiple_of(every.max(1)) {
                let (images, labels) = self.next_batch(&order);
                let labels = Tensor::from_slice(&labels).to_device(images.device());
                let lr = learning_rate(
                    &self.config,
                    self.position.step,
                    self.batches.steps_per_epoch(),
                );
                let step = self.position.step;
                watch(&NextStep {
                    network: &self.network,
                    images: &images,
                    labels: &labels,
                    step,
                    lr,
                })?;
            }
            if !self.step(&order).loss.is_finite() {
                break;
            }
        }
        Ok(self.position.step)
    }

    /// Trains one step from where it stands and tells where its time went: no evaluation, no record, and after the
    /// last step of an epoch the next one's first, for ever. Call [`Trainer::initialize`] before the first.
    pub fn timed_step(&mut self) -> StepTimes {
        if self.position.step_in_epoch == self.batches.steps_per_epoch() {
            self.position.epoch += 1;
            self.position.step_in_epoch = 0;
            self.position.sums = EpochSums::default();
        }
        let epoch = self.position.epoch;
        let order = match self.timed_epoch.take() {
            Some((of, order)) if of == epoch => order,
            _ => self.batches.order(epoch),
        };
        let (_, times) = self.step_in_phases(&order);
        self.timed_epoch = Some((epoch, order));
        times
    }

    /// Lets methods that ask for it start from the first training images of the run.
    pub fn initialize(&mut self) -> Result<()> {
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
        if let stop @ After::Stop(_) = self.finish_epoch(emit)? {
            return Ok(stop);
        }
        let more = self.position.epoch < self.config.epochs;
        match interrupt.signal() {
            Some(_) if more => Ok(After::Stop(Status::Interrupted)),
            _ => Ok(After::GoOn),
        }
    }

    /// The images and labels of the next step.
    fn next_batch(&self, order: &[u32]) -> (Tensor, Vec<i64>) {
        let (kind, device) = (self.network.parameters.kind, self.network.parameters.device);
        let batch = self
            .batches
            .batch(order, self.position.step_in_epoch, self.position.step);
        let shape = self.dataset.shape;
        (
            evaluate::to_tensor(&batch.images, batch.labels.len(), shape, kind, device),
            batch.labels,
        )
    }

    /// One optimizer step.
    fn step(&mut self, order: &[u32]) -> StepRow {
        self.step_in_phases(order).0
    }

    /// One optimizer step, and where its time went.
    fn step_in_phases(&mut self, order: &[u32]) -> (StepRow, StepTimes) {
        let started = Instant::now();
        let (images, answers) = self.next_batch(order);
        let count = answers.len();
        let labels = Tensor::from_slice(&answers).to_device(images.device());
        let loaded = Instant::now();

        let pass = Pass::train(self.config.seed, self.position.step);
        let logits = self.network.logits(&images, &pass);
        let loss = evaluate::cross_entropy(&logits, &labels);
        let scores = Scores::of(&logits, &answers);
        let computed = Instant::now();
        let gradients = backward::gradients(&loss, &self.network.parameters, &pass);
        let differentiated = Instant::now();

        let lr = learning_rate(
            &self.config,
            self.position.step,
            self.batches.steps_per_epoch(),
        );
        let squared_grad_norm = self
            .optimizer
            .step(&self.network.parameters, &gradients, lr);
        self.network.after_step();
        let updated = Instant::now();

        let train_s = (updated - started).as_secs_f64();
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
        let row = StepRow {
            step: self.position.step,
            loss: scores.loss_sum / count as f64,
            lr,
        };
        let times = StepTimes {
            data_s: (loaded - started).as_secs_f64(),
            forward_s: (computed - loaded).as_secs_f64(),
            backward_s: (differentiated - computed).as_secs_f64(),
            update_s: (updated - differentiated).as_secs_f64(),
        };
        (row, times)
    }

    /// Gathers population statistics with the weights as they are, for methods that ask for it: one
    /// training pass over the training images, in the order and with the augmentation of the epoch to come.
    fn gather_population(&self) {
        if !self.network.restart_population() {
            return;
        }
        let order = self.batches.order(self.position.epoch);
        let (kind, device) = (self.network.parameters.kind, self.network.parameters.device);
        for index in 0..self.batches.steps_per_epoch() {
            let step = self.position.step + index;
            let batch = self.batches.batch(&order, index, step);
            let images = evaluate::to_tensor(
                &batch.images,
                batch.labels.len(),
                self.dataset.shape,
                kind,
                device,
            );
            let _ = tch::no_grad(|| {
                self.network
                    .logits(&images, &Pass::train(self.config.seed, step))
            });
        }
    }

    /// Evaluates, reports the epoch that was just done (or epoch 0) and saves.
    fn finish_epoch(&mut self, emit: &mut dyn FnMut(Event) -> Result<()>) -> Result<After> {
        self.gather_population();
        let mut row = self.epoch_row(Status::Running);
        // The loss of a batch is that of the weights before the step: what the last step did shows only here.
        if !row.test_loss.is_finite() || !self.network.parameters.are_finite() {
            row.status = Status::Diverged;
            emit(Event::Epoch {
                row,
                layers: Vec::new(),
            })?;
            return Ok(After::Stop(Status::Diverged));
        }
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
        })?;
        Ok(After::GoOn)
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
            rss_mb: memory::resident_mb(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Kind;

    /// Mean over all training images of what the first layer's normalization receives.
    fn mean_over_training_images(trainer: &Trainer) -> Tensor {
        let images = trainer.normalizer.evaluation(&trainer.dataset.train.images);
        let parameters = &trainer.network.parameters;
        let (count, shape) = (trainer.dataset.train.len(), trainer.dataset.shape);
        let x = evaluate::to_tensor(&images, count, shape, parameters.kind, parameters.device)
            .flatten(1, -1);
        let weight = parameters.get("layer1.weight").unwrap().detach();
        x.matmul(&weight.tr())
            .mean_dim([0].as_slice(), false, None::<Kind>)
    }

    fn run(population: &str) -> f64 {
        let table = format!(
            "model = \"mlp\"\nmlp_widths = [8]\ntrain_subset = 200\ntest_subset = 50\nepochs = 2\n\
             batch_size = 50\nprobe_images = 0\nmethod = {{ name = \"bn\", population = \"{population}\" }}"
        );
        let config = RunConfig::from_table(table.parse().unwrap()).unwrap();
        let dataset = setup::load_dataset(&config, &setup::data_dir()).unwrap();
        let mut trainer = Trainer::new(config, &dataset).unwrap();
        assert_eq!(
            trainer.run(&mut [], &Interrupt::default()).unwrap(),
            Status::Finished
        );
        let kept = trainer
            .network
            .parameters
            .get("layer1.running_mean")
            .unwrap();
        (kept - mean_over_training_images(&trainer))
            .abs()
            .max()
            .double_value(&[])
    }

    #[test]
    fn precise_population_statistics_are_those_of_the_weights_that_are_evaluated() {
        let (precise, running) = (run("precise"), run("running"));
        assert!(precise < 1e-5, "{precise}");
        assert!(running > 1e-3, "{running}");
    }
}
