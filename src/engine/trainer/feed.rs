//! What a step is fed with: the tensors of its batch, made on the host or on the device.

use tch::{Device, Kind, Tensor};

use crate::data::{ResidentEpoch, ResidentImages, TrainingBatches};
use crate::nn::{layout, native};

/// A step's images and labels.
pub struct StepBatch {
    /// `[N, C, H, W]`, in the precision and on the device of the parameters.
    pub images: Tensor,
    /// `[N]`, on the same device.
    pub labels: Tensor,
    /// The labels once more.
    pub answers: Vec<i64>,
}

/// The batches of a training. On the CPU each is made when it is asked for; any other device keeps the images, and is
/// told once an epoch what was drawn, unless every batch has statistics of its own, which the host takes.
pub struct Feed<'d> {
    /// Which images each batch holds.
    pub batches: TrainingBatches<'d>,
    kind: Kind,
    device: Device,
    /// The images on the device, once they were needed there.
    resident: Option<ResidentImages>,
    epoch: Option<FedEpoch>,
}

/// The epoch that a step was last asked of.
struct FedEpoch {
    number: u64,
    order: Vec<u32>,
    resident: Option<ResidentEpoch>,
}

impl<'d> Feed<'d> {
    /// Feeds a network whose parameters have this element type and lie on this device.
    pub fn new(batches: TrainingBatches<'d>, kind: Kind, device: Device) -> Feed<'d> {
        Feed {
            batches,
            kind,
            device,
            resident: None,
            epoch: None,
        }
    }

    /// Batch number `index` of an epoch.
    pub fn batch(&mut self, epoch: u64, index: u64) -> StepBatch {
        let mut fed = match self.epoch.take() {
            Some(fed) if fed.number == epoch => fed,
            _ => self.start(epoch),
        };
        let batches = &self.batches;
        let batch = match (&self.resident, &mut fed.resident) {
            (Some(images), Some(resident)) => {
                let answers = fed.order[batches.places(index)].iter();
                let answers = answers.map(|&image| batches.label(image)).collect();
                let (images, labels) = resident.batch(images, batches, index);
                StepBatch {
                    images,
                    labels,
                    answers,
                }
            }
            _ => self.made_on_the_host(&fed.order, epoch, index),
        };
        self.epoch = Some(fed);
        batch
    }

    fn start(&mut self, epoch: u64) -> FedEpoch {
        if self.resident.is_none() && self.device != Device::Cpu {
            self.resident = ResidentImages::new(&self.batches, self.kind, self.device);
        }
        let order = self.batches.order(epoch);
        let resident = self.resident.as_ref();
        FedEpoch {
            number: epoch,
            resident: resident.map(|images| images.epoch(&self.batches, epoch, &order)),
            order,
        }
    }

    fn made_on_the_host(&self, order: &[u32], epoch: u64, index: u64) -> StepBatch {
        let step = epoch * self.batches.steps_per_epoch() + index;
        let batch = self.batches.batch(order, index, step);
        let size = self.batches.shape.of_batch(batch.labels.len());
        StepBatch {
            images: layout::images(&batch.images, size, self.kind, self.device),
            labels: native::sent(&Tensor::from_slice(&batch.labels), self.device),
            answers: batch.labels,
        }
    }
}
