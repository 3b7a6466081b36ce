//! Scalars as a TensorBoard event file.
//!
//! The file is a sequence of TFRecords: length (u64), masked CRC-32C of the length, payload, masked CRC-32C of the
//! payload, all little endian. The payload is a protocol-buffer message `Event`, of which only what scalars need is
//! encoded here: `wall_time` (field 1, double), `step` (2, int64), `file_version` (3, string), `summary` (5) with
//! repeated `value` (1) of `tag` (1, string) and `simple_value` (2, float), and `session_log` (7) with `status` (1).

use super::files::{self, Disk, names_in};
use super::time::unix_seconds;
use anyhow::Result;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

const PREFIX: &str = "events.out.tfevents.";
const SUFFIX: &str = ".normprop";
/// The Castagnoli polynomial, bits reversed.
const CASTAGNOLI: u32 = 0x82F6_3B78;
const MASK: u32 = 0xA282_EAD8;

/// Whether this is the name of an event file that this program writes.
pub fn is_event_file_name(name: &str) -> bool {
    second_of(name).is_some()
}

/// The second, counted from 1970, that an event file's name tells.
fn second_of(name: &str) -> Option<u64> {
    let digits = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    let second = digits.parse().ok()?;
    (format!("{PREFIX}{second}{SUFFIX}") == name).then_some(second)
}

/// An event file to which scalars are added.
#[derive(Debug, Clone)]
pub struct EventFile {
    path: PathBuf,
}

impl EventFile {
    /// Starts a new event file in a folder, named so that TensorBoard reads it after those already there.
    ///
    /// `first_step` is the first step it will hold. What earlier files say of this and later steps was lost with
    /// the process that wrote them, and TensorBoard is told to forget it.
    pub fn create(
        disk: &dyn Disk,
        folder: &Path,
        now: SystemTime,
        first_step: u64,
    ) -> Result<EventFile> {
        let wall_time = unix_seconds(now);
        let names = names_in(folder)?;
        let newest = names.iter().filter_map(|name| second_of(name)).max();
        let after = newest.map_or(0, |earlier| earlier.saturating_add(1));
        let second = after.max(wall_time.max(0.0) as u64);
        let path = folder.join(format!("{PREFIX}{second}{SUFFIX}"));
        let mut bytes = record(&event(wall_time, None, 3, b"brain.Event:2"));
        // TensorBoard drops what earlier files hold from this event's step on: a session log of status 1, start.
        let mut start = Vec::new();
        put_varint_field(&mut start, 1, 1);
        bytes.extend(record(&event(wall_time, Some(first_step), 7, &start)));
        files::replace(disk, &path, &bytes)?;
        Ok(EventFile { path })
    }

    /// Adds the scalars of one step, named by tags; values that are not finite are left out.
    pub fn add(
        &self,
        disk: &dyn Disk,
        now: SystemTime,
        step: u64,
        scalars: &[(String, f64)],
    ) -> Result<()> {
        let event = event(unix_seconds(now), Some(step), 5, &summary(scalars));
        files::append(disk, &self.path, &record(&event))
    }
}

/// An event: its time, its step unless that is none, and one field of bytes.
fn event(wall_time: f64, step: Option<u64>, field: u64, content: &[u8]) -> Vec<u8> {
    let mut event = Vec::new();
    put_fixed64(&mut event, 1, wall_time.to_bits());
    if let Some(step) = step {
        put_varint_field(&mut event, 2, step);
    }
    put_bytes(&mut event, field, content);
    event
}

/// A summary of scalars.
fn summary(scalars: &[(String, f64)]) -> Vec<u8> {
    let mut summary = Vec::new();
    for (tag, number) in scalars.iter().filter(|(_, number)| number.is_finite()) {
        let mut value = Vec::new();
        put_bytes(&mut value, 1, tag.as_bytes());
        put_varint(&mut value, 2 << 3 | 5);
        value.extend((*number as f32).to_le_bytes());
        put_bytes(&mut summary, 1, &value);
    }
    summary
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn put_varint_field(out: &mut Vec<u8>, field: u64, value: u64) {
    put_varint(out, field << 3);
    put_varint(out, value);
}

fn put_fixed64(out: &mut Vec<u8>, field: u64, bits: u64) {
    put_varint(out, field << 3 | 1);
    out.extend(bits.to_le_bytes());
}

fn put_bytes(out: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    put_varint(out, field << 3 | 2);
    put_varint(out, bytes.len() as u64);
    out.extend(bytes);
}

fn record(payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u64).to_le_bytes();
    let mut bytes = Vec::with_capacity(payload.len() + 16);
    bytes.extend(length);
    bytes.extend(masked_crc32c(&length).to_le_bytes());
    bytes.extend(payload);
    bytes.extend(masked_crc32c(payload).to_le_bytes());
    bytes
}

/// CRC-32C with its halves exchanged at bit 15 and a constant added, as TFRecords have it.
fn masked_crc32c(bytes: &[u8]) -> u32 {
    crc32c(bytes).rotate_right(15).wrapping_add(MASK)
}

/// The cyclic redundancy check with the polynomial of Castagnoli et al. (1993).
fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            crc >> 1 ^ (CASTAGNOLI & (crc & 1).wrapping_neg())
        })
    };
    !bytes.iter().fold(u32::MAX, step)
}

#[cfg(test)]
mod tests;
