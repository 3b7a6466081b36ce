//! Every dataset there is. A file in the folder beside this one is a format: its reader and the datasets that have it.

pub(super) mod cifar;
mod embedded;
pub(super) mod idx;
mod svhn;

use anyhow::Result;

use super::entry::CatalogueEntry;
use crate::error::did_you_mean;
use crate::usage;

/// The datasets of each format, the default first.
const FORMATS: &[&[CatalogueEntry]] = &[
    embedded::DATASETS,
    idx::DATASETS,
    cifar::DATASETS,
    svhn::DATASETS,
];

/// All datasets, the default first.
pub fn entries() -> impl Iterator<Item = &'static CatalogueEntry> + Clone {
    FORMATS.iter().copied().flatten()
}

/// The catalogue's entry of that name, in whatever case, or a usage error naming the nearest.
pub fn find(name: &str) -> Result<&'static CatalogueEntry> {
    entries()
        .find(|entry| entry.name.eq_ignore_ascii_case(name))
        .ok_or_else(|| {
            let hint = did_you_mean(name, entries().map(|entry| entry.name));
            usage!("there is no dataset `{name}`; {hint}")
        })
}

#[cfg(test)]
mod tests;
