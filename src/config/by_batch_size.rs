//! Epochs that differ by batch size, as in `epochs = { 1 = 2, 50 = 10 }`: larger batches need more epochs for as many
//! optimizer steps.

use toml::{Table, Value};

use super::check;
use crate::error::{KeyFault, joined};

/// The key that may have a value for each batch size.
const EPOCHS: &str = "epochs";

/// The keys of a run that stand at `path`, as they are at one batch size.
pub fn at(keys: &Table, batch_size: usize, path: &str) -> Result<Table, KeyFault> {
    let mut keys = keys.clone();
    if let Some(Value::Table(by_size)) = keys.get(EPOCHS) {
        let value = by_size.get(&batch_size.to_string()).cloned();
        let value = value.ok_or_else(|| {
            let sizes: Vec<&str> = by_size.keys().map(String::as_str).collect();
            let what = format!(
                "epochs has no value for batch size {batch_size}, only for {}",
                sizes.join(", ")
            );
            KeyFault::new(joined(path, &[EPOCHS]), what)
        })?;
        keys.insert(EPOCHS.to_owned(), value);
    }
    Ok(keys)
}

/// Checks the keys of a run that stand at `path`, at every batch size that they name.
pub fn check(keys: &Table, path: &str) -> Result<(), KeyFault> {
    let Some(Value::Table(by_size)) = keys.get(EPOCHS) else {
        return check::read(keys, path).map(drop);
    };
    let place = joined(path, &[EPOCHS]);
    KeyFault::unless(
        !by_size.is_empty(),
        &place,
        "epochs is empty: give one for each batch size, as in epochs = { 1 = 2, 50 = 10 }",
    )?;
    by_size.keys().try_for_each(|size| {
        let place = joined(path, &[EPOCHS, size]);
        let what = format!(
            "`{size}` in epochs: expected a batch size, as in epochs = {{ 1 = 2, 50 = 10 }}"
        );
        let number = size.parse().ok().filter(|&size: &usize| size > 0);
        let number = number.ok_or_else(|| KeyFault::new(&place, what))?;
        check::read(&at(keys, number, path)?, path).map(drop)
    })
}
