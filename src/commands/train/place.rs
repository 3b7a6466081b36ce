//! Where a run that is continued is trained.

use std::path::Path;

use anyhow::Result;

use crate::config::RunConfig;
use crate::record::meta::{self, Facts};

/// Leaves a run that is continued on the device of its last sitting, unless one is asked for.
pub fn stay(config: &mut RunConfig, path: &Path) -> Result<()> {
    if config.device.is_empty()
        && let Some(meta) = meta::read(path)?
    {
        config.device = meta.last_device().to_owned();
    }
    Ok(())
}

/// What to say where a run continues on another device than it was on.
pub fn moved(path: &Path, facts: &Facts) -> Result<Option<String>> {
    let now = meta::hardware(&facts.device, facts.gpu.as_ref());
    let before = meta::read(path)?.and_then(|meta| meta.hardware().pop());
    let before = before.filter(|before| *before != now);
    Ok(before.map(|before| {
        format!(
            "{} was on {before} and continues on {now}: from here on it differs by rounding from what it would have been there",
            path.display()
        )
    }))
}
