//! From a setting to rows: trainers side by side, rounds, summaries.

use std::time::Instant;

use anyhow::Result;

use super::display::Display;
use super::memory;
use super::plan::{BenchEntry, BenchSetting};
use crate::cli::BenchArgs;
use crate::config::RunConfig;
use crate::data::Dataset;
use crate::engine::bench::{self, Budget, StepSample};
use crate::engine::{Trainer, device, product_peak};
use crate::nn::flops;
use crate::report::bench::rows::BASELINE;
use crate::report::bench::{BenchRow, ProductPeak};
use crate::stats::{Bootstrap, SampleSummary, median};
use crate::text::numbers::duration;

/// Rounds without a `--steps`: enough for quartiles and an interval, ended by time, and bounded where a step takes
/// next to none.
const ROUNDS: Budget = Budget {
    at_least: 20,
    at_most: 1000,
    seconds: 10.0,
};
/// Warm-up without a `--warmup`: libraries choose and compile their kernels in the first steps.
const WARMUP: Budget = Budget {
    at_least: 3,
    at_most: 50,
    seconds: 1.0,
};
/// How the intervals of ratios are resampled.
const INTERVALS: Bootstrap = Bootstrap {
    level: 0.95,
    resamples: 2000,
    seed: 0,
};

/// What all settings of a bench share.
pub struct Measurement<'a> {
    args: &'a BenchArgs,
    dataset: &'a Dataset,
    /// The matrix-product peaks measured so far.
    pub peaks: Vec<ProductPeak>,
}

/// The samples of one entry, in milliseconds, place by round.
struct Samples {
    entry: usize,
    total: Vec<f64>,
    phases: [Vec<f64>; 4],
    evaluation: Vec<f64>,
}

impl<'a> Measurement<'a> {
    /// A bench on `dataset`.
    pub fn new(args: &'a BenchArgs, dataset: &'a Dataset) -> Measurement<'a> {
        Measurement {
            args,
            dataset,
            peaks: Vec::new(),
        }
    }

    /// Measures one setting: a row an entry.
    pub fn cell(&mut self, cell: &BenchSetting, display: &mut Display) -> Result<Vec<BenchRow>> {
        let begun = Instant::now();
        let entries = cell.entries.iter();
        let rows = entries.map(|entry| self.unmeasured(cell, entry));
        let mut rows = rows.collect::<Result<Vec<BenchRow>>>()?;
        let configs = cell.entries.iter().map(|entry| entry.config.as_ref());
        let Some(first) = configs.clone().flatten().next() else {
            display.end(&format!("{}: nothing to measure", cell.title()));
            return Ok(rows);
        };
        let threads = device::set_threads(first);
        let (mut places, mut trainers) = (Vec::new(), Vec::new());
        for (index, config) in configs.enumerate() {
            match config.map(|config| Trainer::initialized(config, self.dataset)) {
                Ok(Ok(trainer)) => {
                    places.push(index);
                    trainers.push(trainer);
                }
                Ok(Err(error)) => rows[index].not_measured = format!("{error:#}"),
                // Said already.
                Err(_) => {}
            }
        }
        let samples = self.rounds(&mut trainers, &places, cell, display);
        for (trainer, own) in trainers.iter().zip(&samples) {
            let row = &mut rows[own.entry];
            row.threads = threads as u64;
            self.describe(row, trainer);
            summarize(row, own);
            compare(row, own, &samples, &cell.entries);
        }
        drop(trainers);
        for own in &samples {
            self.add_peaks(&mut rows[own.entry], &cell.entries[own.entry], threads)?;
        }
        let rounds = samples.first().map_or(0, |own| own.total.len());
        display.end(&format!(
            "{}: {rounds} rounds of {} in {}",
            cell.title(),
            samples.len(),
            duration(begun.elapsed().as_secs_f64())
        ));
        Ok(rows)
    }

    fn unmeasured(&self, cell: &BenchSetting, entry: &BenchEntry) -> Result<BenchRow> {
        Ok(BenchRow {
            width: cell.width.unwrap_or(f64::NAN),
            batch_size: cell.batch_size as u64,
            precision: entry.precision.clone(),
            dataset: self.dataset.name.clone(),
            not_measured: entry.config.as_ref().err().cloned().unwrap_or_default(),
            ..BenchRow::unmeasured(entry.norm, &self.args.model)?
        })
    }

    /// Warms up, then measures training and, where asked, evaluation.
    fn rounds(
        &self,
        trainers: &mut [Trainer],
        places: &[usize],
        cell: &BenchSetting,
        display: &Display,
    ) -> Vec<Samples> {
        let title = cell.title();
        let warmup = self.args.warmup.map_or(WARMUP, Budget::exactly);
        let budget = self.args.steps.map_or(ROUNDS, Budget::exactly);
        bench::training_steps(trainers, warmup, &mut |_| {});
        let steps = bench::training_steps(trainers, budget, &mut |part| display.show(&title, part));
        let samples = places.iter().zip(&steps);
        let samples = samples.map(|(&entry, steps)| Samples::of(entry, steps));
        let mut samples: Vec<Samples> = samples.collect();
        if self.args.eval {
            bench::evaluation_steps(trainers, warmup, &mut |_| {});
            let times = bench::evaluation_steps(trainers, budget, &mut |_| {});
            for (own, times) in samples.iter_mut().zip(times) {
                own.evaluation = times.iter().map(|seconds| 1e3 * seconds).collect();
            }
        }
        samples
    }

    /// What is known of the network without a clock.
    fn describe(&self, row: &mut BenchRow, trainer: &Trainer) {
        let network = &trainer.network;
        let nodes = network.blocks.iter().map(|built| &built.node);
        let shape = self.dataset.shape;
        let flops = flops::per_image(nodes, shape.height, shape.width);
        row.gflop_per_step = 1e-9 * flops.step() * row.batch_size as f64;
        row.parameters = network.parameters.trainable_count();
        if !network.parameters.are_finite() {
            row.note = "the training diverged at this learning rate: the times are those of numbers that are not finite".into();
        }
    }

    /// The part of the matrix-product peak that a row reaches, and its peak memory.
    fn add_peaks(&mut self, row: &mut BenchRow, entry: &BenchEntry, threads: usize) -> Result<()> {
        let Ok(config) = &entry.config else {
            return Ok(());
        };
        row.peak_fraction =
            row.gflop_per_s / self.product_peak(&entry.precision, config, threads)?;
        match memory::ask(config, threads) {
            Ok(memory) => {
                (row.peak_rss_mb, row.step_rss_mb) = (memory.process_mb, memory.step_mb);
                row.peak_device_mb = memory.device_mb;
                row.step_device_mb = memory.device_step_mb;
            }
            Err(error) => row.note = format!("no peak memory: {error:#}"),
        }
        Ok(())
    }

    fn product_peak(&mut self, name: &str, config: &RunConfig, threads: usize) -> Result<f64> {
        let threads = threads as u64;
        let same = |peak: &&ProductPeak| peak.precision == name && peak.threads == threads;
        if let Some(peak) = self.peaks.iter().find(same) {
            return Ok(peak.gflop_per_s);
        }
        let device = device::find(&config.device)?;
        let gflop_per_s = 1e-9 * product_peak::flop_per_s(config.precision, device);
        self.peaks.push(ProductPeak {
            precision: name.to_owned(),
            threads,
            gflop_per_s,
        });
        Ok(gflop_per_s)
    }
}

impl Samples {
    fn of(entry: usize, steps: &[StepSample]) -> Samples {
        let ms = |pick: fn(&StepSample) -> f64| steps.iter().map(|step| 1e3 * pick(step)).collect();
        Samples {
            entry,
            total: ms(|step| step.total_s),
            phases: [
                ms(|step| step.times.data_s),
                ms(|step| step.times.forward_s),
                ms(|step| step.times.backward_s),
                ms(|step| step.times.update_s),
            ],
            evaluation: Vec::new(),
        }
    }
}

/// Median, quartiles, phases and speed.
fn summarize(row: &mut BenchRow, own: &Samples) {
    if let Some(summary) = SampleSummary::of(&own.total) {
        row.rounds = summary.n as u64;
        row.step_ms = summary.median;
        row.step_ms_min = summary.min;
        row.step_ms_q1 = summary.lower_quartile;
        row.step_ms_q3 = summary.upper_quartile;
    }
    [row.data_ms, row.forward_ms, row.backward_ms, row.update_ms] =
        own.phases.each_ref().map(|values| median(values));
    row.eval_ms = median(&own.evaluation);
    row.images_per_s = 1e3 * row.batch_size as f64 / row.step_ms;
    row.gflop_per_s = 1e3 * row.gflop_per_step / row.step_ms;
}

/// Ratios to the other entries of the setting.
fn compare(row: &mut BenchRow, own: &Samples, all: &[Samples], entries: &[BenchEntry]) {
    let of = |norm: &str, precision: &str| {
        let is = |entry: &BenchEntry| entry.norm == norm && entry.precision == precision;
        all.iter().find(|other| is(&entries[other.entry]))
    };
    let (norm, precision) = (row.norm.clone(), row.precision.clone());
    let against = |other: Option<&Samples>, pick: fn(&Samples) -> &Vec<f64>| {
        other.map_or([f64::NAN; 3], |other| ratio(pick(own), pick(other)))
    };
    let (none, bn) = (of(BASELINE, &precision), of("bn", &precision));
    [
        row.ratio_to_none,
        row.ratio_to_none_low,
        row.ratio_to_none_high,
    ] = against(none, |samples| &samples.total);
    [row.ratio_to_bn, row.ratio_to_bn_low, row.ratio_to_bn_high] =
        against(bn, |samples| &samples.total);
    [
        row.ratio_to_f32,
        row.ratio_to_f32_low,
        row.ratio_to_f32_high,
    ] = against(of(&norm, "f32"), |samples| &samples.total);
    [
        row.eval_ratio_to_none,
        row.eval_ratio_to_none_low,
        row.eval_ratio_to_none_high,
    ] = against(none, |samples| &samples.evaluation);
}

/// The ratio of medians with the ends of its interval, which are NaN where there are too few rounds for one.
fn ratio(above: &[f64], below: &[f64]) -> [f64; 3] {
    match INTERVALS.ratio_of_medians(above, below) {
        Some(interval) => [interval.estimate, interval.low, interval.high],
        None => [median(above) / median(below), f64::NAN, f64::NAN],
    }
}
