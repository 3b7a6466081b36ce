//! What `--slurm` and `--minutes-per-job` ask for, checked before anything is submitted.

use anyhow::Result;

use super::word::word;
use crate::error::did_you_mean;
use crate::text::numbers::exact;
use crate::usage;

/// A task is told so long before its time is up, to save its state and be queued again.
pub const NOTICE_S: u64 = 120;
/// Below this, saving and starting again would take up a good part of a task's time.
const SHORTEST_TIME_S: u64 = 300;
/// Options that the job script sets itself.
const OURS: &[&str] = &[
    "array",
    "chdir",
    "error",
    "input",
    "no-requeue",
    "open-mode",
    "output",
    "parsable",
    "requeue",
    "signal",
    "test-only",
    "wait",
    "wrap",
];
/// The option that is no option of sbatch by itself, but a part of `--array`.
const ARRAY_LIMIT: &str = "array-limit";
/// The option that is for our tasks and none of sbatch.
const RUNS_AT_ONCE: &str = "runs-at-once";
/// Most runs that a task may train at a time.
const MOST_AT_ONCE: usize = 1024;
/// Options of sbatch that ask for GPUs.
const GPUS: &[&str] = &[
    "gres",
    "gpus",
    "gpus-per-node",
    "gpus-per-socket",
    "gpus-per-task",
    "tres-per-job",
    "tres-per-node",
    "tres-per-task",
];

/// How the job array is to be submitted.
#[derive(Debug, Clone, PartialEq)]
pub struct SlurmOptions {
    /// Options of sbatch by their long names, with their values where they have one.
    pub sbatch: Vec<(String, Option<String>)>,
    /// Tasks at a time.
    pub array_limit: Option<u64>,
    /// Runs that a task trains at a time.
    pub runs_at_once: usize,
    /// Seconds that a task should last at least.
    pub task_s: f64,
}

impl SlurmOptions {
    /// Reads the values of `--slurm`, in order, and of `--minutes-per-job`.
    pub fn parse(texts: &[String], minutes_per_job: f64) -> Result<SlurmOptions> {
        if !(0.0..=1e6).contains(&minutes_per_job) {
            return Err(usage!(
                "--minutes-per-job {}: expected a number of minutes in [0, 1000000], 0 for a task a run",
                exact(minutes_per_job)
            ));
        }
        let mut options = SlurmOptions {
            sbatch: Vec::new(),
            array_limit: None,
            runs_at_once: 1,
            task_s: minutes_per_job * 60.0,
        };
        for text in texts {
            for (key, value) in pairs(text)? {
                options.add(key, value)?;
            }
        }
        options.check_time(minutes_per_job)?;
        Ok(options)
    }

    /// The value of an option of sbatch, as far as it was given.
    pub fn value(&self, key: &str) -> Option<&str> {
        let found = self.sbatch.iter().find(|(name, _)| name == key)?;
        found.1.as_deref()
    }

    /// Refuses runs on `device` where nothing asks for a GPU: each task would find none, one after the other.
    pub fn check_device(&self, device: &str) -> Result<()> {
        let asks = |(name, _): &(String, Option<String>)| GPUS.contains(&name.as_str());
        match device == "cpu" || self.sbatch.iter().any(asks) {
            true => Ok(()),
            false => Err(usage!(
                "device = \"{device}\", and no option of --slurm asks for a GPU: add gres=gpu:1 or gpus=1, as in --slurm gres=gpu:1; where the cluster does not count its GPUs, gres=none"
            )),
        }
    }

    fn add(&mut self, key: String, value: Option<String>) -> Result<()> {
        if key == ARRAY_LIMIT {
            let limit = value.as_deref().and_then(|value| value.parse().ok());
            self.array_limit = limit.filter(|limit| *limit > 0);
            if self.array_limit.is_none() {
                return Err(usage!(
                    "--slurm {ARRAY_LIMIT}={}: expected how many tasks may run at a time, 1 or more",
                    value.unwrap_or_default()
                ));
            }
            return Ok(());
        }
        if key == RUNS_AT_ONCE {
            let runs = value.as_deref().and_then(|value| value.parse().ok());
            let runs = runs.filter(|runs| (1..=MOST_AT_ONCE).contains(runs));
            self.runs_at_once = runs.ok_or_else(|| {
                usage!(
                    "--slurm {RUNS_AT_ONCE}={}: expected how many runs a task trains at a time, from 1 to {MOST_AT_ONCE}",
                    value.unwrap_or_default()
                )
            })?;
            return Ok(());
        }
        if OURS.contains(&key.as_str()) {
            return Err(usage!(
                "--slurm {key}: the job script sets this itself; tasks at a time are {ARRAY_LIMIT}=N"
            ));
        }
        // The last one counts, as for every other option.
        self.sbatch.retain(|(name, _)| *name != key);
        self.sbatch.push((key, value));
        Ok(())
    }

    fn check_time(&self, minutes_per_job: f64) -> Result<()> {
        let Some(text) = self.value("time") else {
            return Ok(());
        };
        let Some(time_s) = seconds(text) else {
            return Err(usage!(
                "--slurm time={text}: expected minutes, hours:minutes:seconds or days-hours:minutes:seconds"
            ));
        };
        if time_s < SHORTEST_TIME_S {
            return Err(usage!(
                "--slurm time={text}: a task is told {NOTICE_S} s before its end to save its state, so give it at least {} minutes",
                SHORTEST_TIME_S / 60
            ));
        }
        if self.task_s > (time_s - NOTICE_S) as f64 {
            return Err(usage!(
                "--minutes-per-job {minutes_per_job} does not fit into --slurm time={text} with {NOTICE_S} s for saving: make one shorter or the other longer"
            ));
        }
        Ok(())
    }
}

/// The pairs of one `--slurm`. A part without `=`, and a variable of `export`, belong to the value before, so that values
/// may hold commas; at the beginning, a part without `=` is an option without a value.
fn pairs(text: &str) -> Result<Vec<(String, Option<String>)>> {
    let mut pairs: Vec<(String, Option<String>)> = Vec::new();
    for part in parts(text)? {
        match (pairs.last_mut(), part.split_once('=')) {
            (Some((key, Some(list))), named)
                if named.is_none_or(|(name, _)| key == "export" && is_variable(name)) =>
            {
                list.push(',');
                list.push_str(check_value(&part, text)?);
            }
            (_, Some((key, value))) => {
                let value = check_value(value, text)?.to_owned();
                pairs.push((check_key(key, text)?, Some(value)));
            }
            (_, None) => pairs.push((check_key(&part, text)?, None)),
        }
    }
    Ok(pairs)
}

/// What stands between the commas of a list. A value may begin with a quote, and is then taken as it is up to the next.
fn parts(text: &str) -> Result<Vec<String>> {
    let (mut parts, mut part, mut quote) = (Vec::new(), String::new(), None);
    for character in text.chars() {
        let begins = part.is_empty() || part.ends_with('=');
        match (quote, character) {
            (Some(open), _) if character == open => quote = None,
            (None, '"' | '\'') if begins => quote = Some(character),
            (None, ',') => parts.push(std::mem::take(&mut part)),
            _ => part.push(character),
        }
    }
    if let Some(open) = quote {
        return Err(usage!("--slurm {text}: the quote {open} has no end"));
    }
    parts.push(part);
    Ok(parts)
}

/// Whether this is the name of a variable of the environment and cannot be that of an option.
fn is_variable(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let unlike_options = |byte: u8| byte.is_ascii_uppercase() || byte == b'_';
    name.bytes().all(allowed) && name.bytes().any(unlike_options)
}

fn check_key(key: &str, text: &str) -> Result<String> {
    let long = key.trim().trim_start_matches("--");
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if long.len() < 2 || !long.bytes().all(allowed) {
        return Err(usage!(
            "--slurm {text}: `{key}` is no long name of an option of sbatch; expected key=value,..., as in partition=gpu,time=02:00:00; a value that holds commas and equals signs stands in quotes, as in 'export=\"ALL,a=1\"'"
        ));
    }
    // sbatch itself refuses what it does not know; this one it would never see.
    if long.starts_with("array-") && long != ARRAY_LIMIT {
        return Err(usage!(
            "--slurm {long}: {}",
            did_you_mean(long, [ARRAY_LIMIT])
        ));
    }
    Ok(long.to_owned())
}

fn check_value<'v>(value: &'v str, text: &str) -> Result<&'v str> {
    if word(value).is_err() {
        return Err(usage!(
            "--slurm {text:?}: a value may hold no line breaks, other control characters and backslashes"
        ));
    }
    Ok(value)
}

/// A time as Slurm writes it: minutes, m:s, h:m:s, d-h, d-h:m or d-h:m:s. `None` for what is none.
fn seconds(text: &str) -> Option<u64> {
    if text.eq_ignore_ascii_case("unlimited") || text.eq_ignore_ascii_case("infinite") {
        return Some(u64::from(u32::MAX));
    }
    let (days, rest) = match text.split_once('-') {
        Some((days, rest)) => (Some(days.parse::<u64>().ok()?), rest),
        None => (None, text),
    };
    let parts: Result<Vec<u64>, _> = rest.split(':').map(str::parse).collect();
    let parts = parts.ok()?;
    let units_s = match (days, parts.len()) {
        (None, 1..=2) => &[60, 1][..],
        (None, 3) | (Some(_), 1..=3) => &[3600, 60, 1],
        _ => return None,
    };
    let mut whole_s = days.unwrap_or(0).checked_mul(24 * 3600)?;
    for (part, unit_s) in parts.into_iter().zip(units_s) {
        whole_s = whole_s.checked_add(part.checked_mul(*unit_s)?)?;
    }
    Some(whole_s)
}

#[cfg(test)]
mod tests;
