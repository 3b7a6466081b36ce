//! The checkpoint that a run starts from, as it is recorded.

use std::path::Path;

use anyhow::Result;

use crate::config::RunConfig;
use crate::engine::trainer::Trainer;
use crate::record::meta::StartedFrom;
use crate::record::retention::LATEST;
use crate::usage;

/// The checkpoint that a new run starts from. One whose weights all do not fit is refused; what `path` holds already needs it no
/// more.
pub fn started_from(
    config: &RunConfig,
    trainer: &Trainer,
    path: &Path,
    overwrite: bool,
) -> Result<Option<StartedFrom>> {
    let goes_on = !overwrite && path.join(LATEST).exists();
    let fit = match goes_on {
        true => None,
        false => trainer.taken_over()?,
    };
    let Some((fit, method)) = fit else {
        return Ok(None);
    };
    let file = config.init_from.clone();
    if fit.weights == 0 {
        return Err(usage!(
            "init_from: no weights in {file} fit this network: {}",
            fit.fresh.join(", ")
        ));
    }
    Ok(Some(StartedFrom {
        file,
        sha256: config.init_from_sha256.clone(),
        method,
        tensors: fit.taken.len() as u64,
        fresh: fit.fresh,
        unused: fit.unused,
    }))
}
