//! What the training loop tells the world: plain data, no tensors, no files.
//!
//! The engine emits these; the recorder, the progress display and tests consume them.

pub mod any_f64;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How a run ended, or that it has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Training goes on.
    Running,
    /// Every epoch was done.
    Finished,
    /// The loss stopped being a finite number.
    Diverged,
    /// A signal stopped the run; its state is saved.
    Interrupted,
    /// The run stopped at an epoch at which it was told to; its state is saved.
    Paused,
}

/// One row of `metrics.csv`: the state after an epoch (epoch 0 is before training).
///
/// Errors are fractions. Values that were not measured are NaN and are written as empty fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochRow {
    /// Epochs done.
    pub epoch: u64,
    /// Optimizer steps done.
    pub step: u64,
    /// Learning rate of the epoch's last step.
    pub lr: f64,
    /// Mean cross-entropy over the epoch's batches, in nats, as seen in training.
    pub train_loss: f64,
    /// Fraction of training images misclassified as they were seen in training.
    pub train_error: f64,
    /// Mean cross-entropy on the test split, in nats.
    pub test_loss: f64,
    /// Fraction of test images misclassified.
    pub test_error: f64,
    /// Root mean square over steps of the gradient's Euclidean norm.
    pub grad_norm: f64,
    /// Seconds spent training in this epoch.
    pub train_s: f64,
    /// Seconds spent evaluating after this epoch.
    pub eval_s: f64,
    /// Training images per second.
    pub images_per_s: f64,
    /// Resident memory in MB (10⁶ bytes) at the end of the epoch.
    pub rss_mb: f64,
    /// Whether the run goes on.
    pub status: Status,
    /// Expected calibration error on the test split, of 15 bins.
    pub test_calibration_error: f64,
    /// Brier score on the test split.
    pub test_brier_score: f64,
}

/// One row of `layers.csv`: a hidden layer's statistics on the fixed probe batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayerRow {
    /// Epochs done.
    pub epoch: u64,
    /// The layer's number, from 1.
    pub layer: u64,
    /// The layer's name.
    pub name: String,
    /// Mean of the pre-activation over images, units and positions; at the end of a residual branch before the factor by
    /// which the branch enters its sum.
    pub pre_mean: f64,
    /// Standard deviation of the pre-activation.
    pub pre_std: f64,
    /// Skewness of the pre-activation.
    pub pre_skew: f64,
    /// Excess kurtosis of the pre-activation.
    pub pre_kurtosis: f64,
    /// Mean of what the next layer receives.
    pub post_mean: f64,
    /// Standard deviation of what the next layer receives.
    pub post_std: f64,
    /// Mean length of the weight rows.
    pub row_norm_mean: f64,
    /// Mean of gamma, NaN where the method has none.
    pub gamma_mean: f64,
    /// Mean of beta (or of the bias), NaN where the method has none.
    pub beta_mean: f64,
    /// Fraction of units whose pre-activation is at most 0 everywhere on the probe batch, NaN where no activation follows.
    pub dead_fraction: f64,
}

/// One row of `steps.csv`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StepRow {
    /// Optimizer steps done.
    pub step: u64,
    /// The batch's mean cross-entropy, in nats.
    pub loss: f64,
    /// The step's learning rate.
    pub lr: f64,
}

/// One row of `percentiles.csv`: where one unit's pre-activation lies on the fixed probe batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PercentileRow {
    /// Optimizer steps done.
    pub step: u64,
    /// The layer's number, from 1: the last hidden one.
    pub layer: u64,
    /// The layer's name.
    pub name: String,
    /// The unit's number, from 0.
    pub unit: u64,
    /// 15th percentile.
    pub p15: f64,
    /// Median.
    pub p50: f64,
    /// 85th percentile.
    pub p85: f64,
}

/// Element type of a tensor in a [`Snapshot`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ElementType {
    /// 32-bit float.
    F32,
    /// 64-bit float.
    F64,
    /// 64-bit signed integer.
    I64,
}

/// A named tensor as bytes (row-major, little endian).
#[derive(Debug, Clone, PartialEq)]
pub struct NamedTensor {
    /// Unique name, dotted.
    pub name: String,
    /// Element type.
    pub element: ElementType,
    /// Shape, outermost first; empty for a scalar.
    pub shape: Vec<usize>,
    /// The values.
    pub bytes: Vec<u8>,
}

/// Where a run stands, in numbers: with the tensors of a [`Snapshot`], all that is needed to go on exactly.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Position {
    /// Epochs completed.
    pub epoch: u64,
    /// Steps done within the epoch after that.
    pub step_in_epoch: u64,
    /// Steps done in all.
    pub step: u64,
    /// Sums over the unfinished epoch's steps, zero at an epoch's end.
    pub sums: EpochSums,
    /// Lowest test error seen, and its epoch.
    pub best: Option<(f64, u64)>,
    /// Seconds of training so far, over all sittings.
    #[serde(with = "any_f64")]
    pub train_s: f64,
}

/// Running sums within an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct EpochSums {
    /// Images seen.
    pub images: u64,
    /// Steps done.
    pub steps: u64,
    /// Sum over images of the cross-entropy.
    #[serde(with = "any_f64")]
    pub loss: f64,
    /// Images misclassified.
    pub wrong: u64,
    /// Sum over steps of the squared gradient norm.
    #[serde(with = "any_f64")]
    pub squared_grad_norm: f64,
    /// Seconds of training.
    #[serde(with = "any_f64")]
    pub train_s: f64,
}

/// What a network is, what it takes and what its answers mean: with the tensors of a [`Snapshot`], all that is needed to
/// use it without its run directory and without its dataset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NetworkIdentity {
    /// Every key of the configuration that decides the result, by name: `method` with its options, `model`, `dataset`.
    pub config: Value,
    /// SHA-256 of the dataset in hexadecimal.
    pub dataset_sha256: String,
    /// What each class number means.
    pub classes: Vec<String>,
    /// Channels, rows and columns of an image.
    pub image: [usize; 3],
    /// How pixels become what the network receives.
    pub normalization: PixelNormalization,
}

/// (pixel/255 − mean)/std.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PixelNormalization {
    /// One number a channel, or one a pixel and channel.
    pub mean: Vec<f64>,
    /// As many.
    pub std: Vec<f64>,
}

/// Everything a run needs to continue: tensors and position.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// What the network is; nothing in checkpoints of version 0.2.0 and older.
    pub network: Option<NetworkIdentity>,
    /// Parameters, buffers and optimizer state, sorted by name.
    pub tensors: Vec<NamedTensor>,
    /// Where the run stands.
    pub position: Position,
}

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// Training is about to start or go on: total epochs, steps an epoch, images an epoch, position.
    Started {
        /// Epochs in all.
        epochs: u64,
        /// Steps in an epoch.
        steps_per_epoch: u64,
        /// Where training starts from.
        position: Position,
    },
    /// A step was done.
    Step {
        /// The step's figures.
        row: StepRow,
        /// Epoch the step belongs to, from 1.
        epoch: u64,
        /// Sums over the epoch so far.
        sums: EpochSums,
    },
    /// One unit's pre-activation was looked at after a step.
    Percentiles {
        /// The row.
        row: PercentileRow,
    },
    /// A first estimate of how long the whole training takes on this machine, in seconds.
    Estimate {
        /// Seconds left.
        remaining_s: f64,
    },
    /// An epoch was done and evaluated.
    Epoch {
        /// Row for `metrics.csv`.
        row: EpochRow,
        /// Rows for `layers.csv`.
        layers: Vec<LayerRow>,
    },
    /// A state worth keeping. `best`: its test error is the lowest so far.
    Snapshot {
        /// The state.
        snapshot: Snapshot,
        /// Lowest test error so far?
        best: bool,
    },
    /// The run ended.
    Ended {
        /// How.
        status: Status,
    },
}

/// A consumer of events.
pub trait Observer {
    /// Takes one event; an error ends the run.
    fn on(&mut self, event: &Event) -> anyhow::Result<()>;
}
