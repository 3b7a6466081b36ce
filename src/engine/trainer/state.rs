//! The trainer's state, taken out and put back.

use anyhow::{Result, bail};

use super::Trainer;
use crate::event::Snapshot;
use crate::nn::parameters::{find, restore, to_named};

impl Trainer<'_> {
    /// Goes back to a saved state.
    pub fn resume(&mut self, snapshot: &Snapshot) -> Result<()> {
        let parameters = &self.network.parameters;
        parameters.restore(&snapshot.tensors)?;
        let mut expected = parameters.iter().count();
        for (name, kept) in self.optimizer.state(parameters) {
            restore(kept, find(&snapshot.tensors, &name)?)?;
            expected += 1;
        }
        if snapshot.tensors.len() != expected {
            bail!(
                "the checkpoint holds {} tensors, the network needs {expected}",
                snapshot.tensors.len()
            );
        }
        let (position, steps_per_epoch) = (&snapshot.position, self.steps_per_epoch());
        let before = position.epoch.saturating_mul(steps_per_epoch);
        let steps = before.saturating_add(position.step_in_epoch);
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
        self.optimizer.steps = self.position.step;
        Ok(())
    }

    /// Everything needed to go on from here.
    pub(super) fn snapshot(&self) -> Result<Snapshot> {
        let parameters = &self.network.parameters;
        let own = parameters.iter();
        let own = own.map(|entry| to_named(&entry.name, &entry.tensor));
        let kept = self.optimizer.state(parameters);
        let kept = kept.map(|(name, tensor)| to_named(&name, tensor));
        let mut tensors = own.chain(kept).collect::<Result<Vec<_>>>()?;
        tensors.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Snapshot {
            network: Some(self.identity.clone()),
            tensors,
            position: self.position.clone(),
        })
    }
}
