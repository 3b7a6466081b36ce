//! Datasets: readers of the official file formats, an embedded set, checksummed download.
//!
//! Images stay bytes (n × C×H×W) in memory; what a network sees is made batch by batch from them, there or on a device.

pub mod augment;
pub mod batches;
pub mod catalogue;
mod checksum;
pub mod entry;
pub mod fetch;
mod files;
pub mod load;
pub mod normalizer;
mod own;
mod own_image;
mod resident;
mod split;
mod store;
pub mod verify;

pub use augment::{Augmentation, Variation};
pub use batches::TrainingBatches;
pub use checksum::checksum;
pub use entry::{CatalogueEntry, ClassCounts, Download, Format, Packing, SplitFiles};
pub(crate) use files::SourceFile;
pub use load::load;
pub use normalizer::Normalizer;
pub use own::OwnData;
pub use own_image::OwnImage;
pub use resident::{ResidentEpoch, ResidentImages};
pub use split::Split;
pub use store::{Dataset, ImageShape, Verdict};
