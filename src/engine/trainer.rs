//! The training loop.

mod epoch_end;
mod feed;
mod reading;
mod state;
pub mod step;
mod unread;
pub mod watched;

use std::time::Instant;

use anyhow::Result;

use feed::Feed;
use unread::Unread;

use super::{Interrupt, device, setup};
use crate::config::{Initialization, RunConfig, read_source};
use crate::data::{Dataset, Normalizer, TrainingBatches};
use crate::event::{Event, NamedTensor, NetworkIdentity, Observer, Position, Status};
use crate::nn::parameters::Fit;
use crate::nn::{Network, Optimizer, Parameters};
use crate::probe::images::ProbeImages;
use crate::probe::layers::LayerProbe;

/// Seconds of training after which an epoch that is still going on saves its state.
const SAVE_EVERY_S: f64 = 300.0;
/// Seconds of training after which the time left is first estimated.
const ESTIMATE_AFTER_S: f64 = 2.0;
/// Training images that a data-dependent start sees.
const START_IMAGES: usize = 500;

/// A run in progress.
pub struct Trainer<'d> {
    config: RunConfig,
    dataset: &'d Dataset,
    /// The network being trained.
    pub network: Network,
    optimizer: Optimizer,
    normalizer: Normalizer,
    /// What its checkpoints say that they are.
    identity: NetworkIdentity,
    feed: Feed<'d>,
    probe: Option<LayerProbe>,
    position: Position,
    /// Steps that are counted in `position` by number only.
    unread: Unread,
    /// Where [`Trainer::run`] pauses, if anywhere before the end.
    until_epoch: Option<u64>,
}

/// Tells all observers of an event.
type Emit<'e> = dyn FnMut(Event) -> Result<()> + 'e;

/// What the loop tells its caller after each step.
enum After {
    GoOn,
    Stop(Status),
}

impl<'d> Trainer<'d> {
    /// Builds the network and everything around it, at the start of training.
    pub fn new(config: RunConfig, dataset: &'d Dataset) -> Result<Trainer<'d>> {
        device::check_precision(&config)?;
        let network = setup::network(&config, dataset)?;
        let optimizer = Optimizer::new(setup::optimizer(&config), &network.parameters)?;
        let normalizer = Normalizer::fit(config.data_norm, &dataset.train, dataset.shape);
        let batches = TrainingBatches::new(
            dataset,
            normalizer.clone(),
            config.batch_size,
            config.augment,
            config.seed,
        )?;
        let Parameters { kind, device, .. } = network.parameters;
        let feed = Feed::new(batches, kind, device);
        let probe = LayerProbe::new(config.probe_images, dataset, &normalizer);
        Ok(Trainer {
            identity: setup::identity(&config, dataset, &normalizer)?,
            config,
            dataset,
            network,
            optimizer,
            normalizer,
            feed,
            probe,
            position: Position::default(),
            unread: Unread::planned(0, Vec::new()),
            until_epoch: None,
        })
    }

    /// A trainer whose network is as training starts from it, for what looks at it or at single steps.
    pub fn initialized(config: &RunConfig, dataset: &'d Dataset) -> Result<Trainer<'d>> {
        let mut trainer = Trainer::new(config.clone(), dataset)?;
        trainer.initialize()?;
        Ok(trainer)
    }

    /// Makes training stop once so many epochs are done, with a state from which it goes on as if it had not: the
    /// schedule stays that of the whole training.
    pub fn pause_at(&mut self, epoch: Option<u64>) {
        self.until_epoch = epoch;
    }

    /// Optimizer steps in an epoch.
    pub fn steps_per_epoch(&self) -> u64 {
        self.feed.batches.steps_per_epoch()
    }

    /// Trains to the end, or until a signal comes or the loss is not finite.
    pub fn run(
        &mut self,
        observers: &mut [&mut dyn Observer],
        interrupt: &Interrupt,
    ) -> Result<Status> {
        let mut emit = |event: Event| {
            let mut observers = observers.iter_mut();
            observers.try_for_each(|observer| observer.on(&event))
        };
        emit(Event::Started {
            epochs: self.config.epochs,
            steps_per_epoch: self.steps_per_epoch(),
            position: self.position.clone(),
        })?;
        let status = self.train_epochs(&mut emit, interrupt)?;
        emit(Event::Ended { status })?;
        Ok(status)
    }

    fn train_epochs(&mut self, emit: &mut Emit, interrupt: &Interrupt) -> Result<Status> {
        if self.position.step == 0 {
            self.initialize()?;
            if let After::Stop(status) = self.finish_epoch(emit)? {
                return Ok(status);
            }
            self.look_at_percentiles(emit)?;
        }
        let until = self.until_epoch.unwrap_or(self.config.epochs);
        while self.position.epoch < self.config.epochs.min(until) {
            if let After::Stop(status) = self.train_epoch(emit, interrupt)? {
                return Ok(status);
            }
        }
        Ok(match self.position.epoch < self.config.epochs {
            true => Status::Paused,
            false => Status::Finished,
        })
    }

    /// What the network takes over from the checkpoint that the run starts from, and the method that is trained there, as
    /// far as it says so; nothing where it starts from none.
    pub fn taken_over(&self) -> Result<Option<(Fit, Option<String>)>> {
        let source = read_source(&self.config)?;
        Ok(source.map(|source| {
            let is_own = |tensor: &NamedTensor| !Optimizer::is_state(&tensor.name);
            let saved: Vec<NamedTensor> = source.tensors.into_iter().filter(is_own).collect();
            let method = source.network.and_then(|network| {
                let name = network.config["method"]["name"].as_str();
                name.map(str::to_owned)
            });
            (self.network.parameters.fit(&saved), method)
        }))
    }

    /// Whether no step was done.
    pub fn is_at_start(&self) -> bool {
        self.position.step == 0
    }

    /// Lets the network start from the first training images of the run, where method or configuration ask for it, and
    /// from the weights of another run.
    pub fn initialize(&mut self) -> Result<()> {
        let lsuv = self.config.init == Initialization::Lsuv;
        if lsuv || self.config.method.descriptor.data_dependent_start {
            let order = self.feed.batches.order(0);
            let places = order.iter().take(START_IMAGES).map(|&i| i as usize);
            let (train, shape) = (&self.dataset.train, self.dataset.shape);
            let normalize = |bytes: &[u8]| self.normalizer.training(bytes);
            let images = ProbeImages::at(places, train, shape, normalize);
            let images = images.tensor(&self.network);
            match self.config.init {
                Initialization::Method => self.network.initialize(&images),
                Initialization::Lsuv => self
                    .network
                    .initialize_to_unit_variance(&images, self.config.seed)?,
            }
        }
        if let Some(source) = read_source(&self.config)? {
            self.network.parameters.take_over(&source.tensors)?;
            // Another method may not have kept what this one keeps fixed.
            self.network.after_step();
        }
        Ok(())
    }

    /// Reports percentiles where this step is one of those asked for.
    fn look_at_percentiles(&self, emit: &mut Emit) -> Result<()> {
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

    fn train_epoch(&mut self, emit: &mut Emit, interrupt: &Interrupt) -> Result<After> {
        let mut saved = Instant::now();
        let mut estimate_due = self.position.epoch == 0;
        while self.position.step_in_epoch < self.steps_per_epoch() {
            self.step(u64::MAX, false);
            let inside = self.position.step_in_epoch < self.steps_per_epoch();
            let is_interrupted = || inside && interrupt.signal().is_some();
            let save_due = inside && saved.elapsed().as_secs_f64() > SAVE_EVERY_S;
            if !self.unread.is_full() && !is_interrupted() && !save_due {
                continue;
            }
            if !self.tell_steps(emit)? {
                return self.diverge(emit);
            }
            self.look_at_percentiles(emit)?;
            if estimate_due && self.position.sums.train_s > ESTIMATE_AFTER_S {
                estimate_due = false;
                emit(Event::Estimate {
                    remaining_s: self.remaining_s(),
                })?;
            }
            if is_interrupted() {
                self.save(emit, false)?;
                return Ok(After::Stop(Status::Interrupted));
            }
            if save_due {
                self.save(emit, false)?;
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

    /// Reports the steps since the last reading; false where a loss is not finite, at the step that it is of.
    fn tell_steps(&mut self, emit: &mut Emit) -> Result<bool> {
        let epoch = self.position.epoch + 1;
        for (row, sums) in self.read_steps().rows {
            if !row.loss.is_finite() {
                return Ok(false);
            }
            emit(Event::Step { row, epoch, sums })?;
        }
        Ok(true)
    }

    /// Hands the state out to be saved.
    fn save(&self, emit: &mut Emit, best: bool) -> Result<()> {
        let snapshot = self.snapshot()?;
        emit(Event::Snapshot { snapshot, best })
    }

    fn remaining_s(&self) -> f64 {
        let done = self.position.sums.steps.max(1) as f64;
        let total = (self.config.epochs * self.steps_per_epoch()) as f64;
        self.position.sums.train_s / done * (total - done)
    }
}

#[cfg(test)]
mod tests;
