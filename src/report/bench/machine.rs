//! `machine.json`: what step times were measured on.

use std::path::Path;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::record::files::RealDisk;
use crate::record::json;
use crate::record::machine::{Cpu, Git, Gpu};
use crate::text::numbers::{counted, significant};

/// Name of the file.
pub const FILE_NAME: &str = "machine.json";
/// Version of the layout of `machine.json` and `bench.csv`.
pub const SCHEMA_VERSION: u32 = 1;

/// The fastest large matrix product with so many threads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProductPeak {
    /// Number format.
    pub precision: String,
    /// Threads that compute.
    pub threads: u64,
    /// 10⁹ floating-point operations a second.
    pub gflop_per_s: f64,
}

/// The content of `machine.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BenchMachine {
    /// Version of the layout.
    pub schema_version: u32,
    /// Version of normprop.
    pub normprop: String,
    /// Source tree it was built from, where that can be told.
    pub git: Option<Git>,
    /// Version of the compiler.
    pub rustc: Option<String>,
    /// Version of the tch crate.
    pub tch: String,
    /// Version of libtorch.
    pub libtorch: String,
    /// The processor.
    pub cpu: Cpu,
    /// Device that computes.
    pub device: String,
    /// The GPU, where one computes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu: Option<Gpu>,
    /// SHA-256 of the dataset.
    pub dataset_sha256: String,
    /// Command line, reduced.
    pub command_line: Vec<String>,
    /// Start, UTC.
    pub started: String,
    /// End, UTC.
    pub ended: String,
    /// Processes that wanted to run in the minute before the start, on average: near 0 on a quiet machine.
    pub load_before: Option<f64>,
    /// Measured matrix-product peaks.
    pub product_peaks: Vec<ProductPeak>,
}

impl BenchMachine {
    /// Writes the file in one step.
    pub fn write(&self, folder: &Path) -> Result<()> {
        json::write(&RealDisk, &folder.join(FILE_NAME), self)
    }

    /// The file of a folder, where it has one.
    pub fn read(folder: &Path) -> Result<Option<BenchMachine>> {
        let path = folder.join(FILE_NAME);
        json::read(&path, SCHEMA_VERSION, "measure again", "folder with --out")
    }

    /// Whether other work kept a good part of the machine busy.
    pub fn was_busy(&self) -> bool {
        self.load_before
            .is_some_and(|load| load > 0.3 * self.cpu.cores as f64)
    }

    /// One line: processor, cores, peaks, and whether it was busy.
    pub fn sentence(&self) -> String {
        let model = self.cpu.model.as_deref().unwrap_or("unknown processor");
        let peak = |peak: &ProductPeak| {
            let speed = significant(peak.gflop_per_s, 3);
            let threads = counted(peak.threads, "thread");
            format!("{speed} GFLOP/s ({}, {threads})", peak.precision)
        };
        let peaks: Vec<String> = self.product_peaks.iter().map(peak).collect();
        let peaks = match peaks.as_slice() {
            [] => String::new(),
            peaks => format!(", matrix-product peak {}", peaks.join(", ")),
        };
        let busy = match self.load_before {
            Some(load) if self.was_busy() => format!(
                "; the machine was busy with other work (load {load:.1}): ratios hold better than times"
            ),
            _ => String::new(),
        };
        format!("{model}, {} cores{peaks}{busy}", self.cpu.cores)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_reads_back_and_is_described() {
        let machine = BenchMachine {
            schema_version: SCHEMA_VERSION,
            normprop: "0.1.0".into(),
            git: None,
            rustc: None,
            tch: "0.26.0".into(),
            libtorch: "2.13.0".into(),
            cpu: Cpu {
                model: Some("Abacus 9".into()),
                flags: Vec::new(),
                cores: 4,
            },
            device: "cpu".into(),
            gpu: None,
            dataset_sha256: "ab".into(),
            command_line: vec!["normprop".into(), "bench".into()],
            started: "2026-01-01T00:00:00Z".into(),
            ended: "2026-01-01T00:01:00Z".into(),
            load_before: Some(0.5),
            product_peaks: vec![ProductPeak {
                precision: "f32".into(),
                threads: 2,
                gflop_per_s: 123.45,
            }],
        };
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(BenchMachine::read(folder.path()).unwrap(), None);
        machine.write(folder.path()).unwrap();
        assert_eq!(
            BenchMachine::read(folder.path()).unwrap().as_ref(),
            Some(&machine)
        );
        assert_eq!(
            machine.sentence(),
            "Abacus 9, 4 cores, matrix-product peak 123 GFLOP/s (f32, 2 threads)"
        );
        let busy = BenchMachine {
            load_before: Some(3.0),
            ..machine
        };
        assert!(busy.sentence().ends_with("ratios hold better than times"));
        std::fs::write(folder.path().join(FILE_NAME), "{").unwrap();
        let error = BenchMachine::read(folder.path()).unwrap_err().to_string();
        assert!(error.contains("machine.json is damaged"), "{error}");
    }
}
