//! Peak memory of each method, in a process of its own: several methods in one process share the memory that the
//! first of them has touched, so a peak there cannot be assigned to one.

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::cli::BenchArgs;
use crate::config::{RunConfig, overrides};
use crate::engine::bench::{PeakMemory, peak_memory};
use crate::engine::{Trainer, device, setup};
use crate::outln;

/// Steps whose peak is taken; it is reached in the first.
const STEPS: u64 = 3;

/// Has another process of this program train `config` for some steps, and takes its memory.
pub fn ask(config: &RunConfig, threads: usize) -> Result<PeakMemory> {
    let program = std::env::current_exe().context("cannot find this program to start it again")?;
    let mut child = Command::new(program)
        .args(["bench", "--peak-memory", "--threads", &threads.to_string()])
        .args(["--set", &format!("device={}", config.device_name())])
        // glibc then gives every large tensor back to the system when it is freed: the peak is that of tensors in
        // use, not of what the allocator keeps for later.
        .env("MALLOC_MMAP_THRESHOLD_", "131072")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot start this program again")?;
    if let Some(mut stdin) = child.stdin.take() {
        // A child that dies early closes its end; its exit says why.
        let _ = stdin.write_all(config.to_toml()?.as_bytes());
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim_end());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The child's part: takes a configuration on stdin, prints its memory on stdout.
pub fn answer(args: &BenchArgs) -> Result<()> {
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .context("cannot read a configuration from stdin")?;
    let mut config = RunConfig::from_table(text.parse()?)?;
    config.threads = args.threads.unwrap_or(0);
    for set in &args.set {
        let given = overrides::split(set)?;
        if given.key == "device" {
            config.device = given.value;
        }
    }
    device::set_threads(&config);
    let dataset = setup::load_dataset(&config, &setup::data_dir())?;
    let mut trainer = Trainer::new(config, &dataset)?;
    let memory = peak_memory(&mut trainer, STEPS)?;
    Ok(outln!("{}", serde_json::to_string(&memory)?)?)
}
