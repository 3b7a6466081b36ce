//! JSON files that have a version of their layout.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::files::{self, Disk};
use crate::usage;

/// Writes a value as indented JSON with a final line break, in one step.
pub fn write(disk: &dyn Disk, path: &Path, value: &impl Serialize) -> Result<()> {
    files::replace(disk, path, text(value)?.as_bytes())
}

/// What [`write()`] writes. JSON knows no NaN and no infinity: they become null.
pub fn text(value: &impl Serialize) -> Result<String> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}

/// The value in a file, or `None` when there is no such file.
///
/// One whose `schema_version` is above `newest` is refused, since what it holds may mean something else. `repair` says
/// what to do about a damaged file, `elsewhere` where this version can work instead.
pub fn read<T: DeserializeOwned>(
    path: &Path,
    newest: u32,
    repair: &str,
    elsewhere: &str,
) -> Result<Option<T>> {
    let Some(text) = files::read_text_if_there(path)? else {
        return Ok(None);
    };
    let damaged = || format!("{} is damaged: {repair}", path.display());
    let value: Value = serde_json::from_str(&text).with_context(damaged)?;
    let version = value.get("schema_version").and_then(Value::as_u64);
    if let Some(version) = version.filter(|version| *version > u64::from(newest)) {
        return Err(usage!(
            "{} was made by a newer normprop (schema version {version}, this one knows up to {newest}): use that version, or another {elsewhere}",
            path.display()
        ));
    }
    serde_path_to_error::deserialize(value).with_context(damaged)
}
