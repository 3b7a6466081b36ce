use std::path::Path;

use super::launch::Outcome;
use super::search::SweepSearch;
use super::*;
use crate::config::RunConfig;
use crate::config::experiment::PlannedRun;
use crate::config::overrides::Assignment;
use crate::event::{EpochRow, EpochSums, Event, LayerRow, Observer, Position, Snapshot, Status};
use crate::record::meta::Facts;
use crate::record::{Owed, Recorder, RunDir, Settings};
use crate::report::bench::rows::tests::examples;
use crate::report::comparison::results::write_rows;
use crate::report::comparison::rows::SummaryRow;
use crate::report::comparison::tagged::from_csv;
use state::State;

mod bundled;
mod choices;
mod older;
mod resuming;
mod written;

/// Records a run with these test errors after epochs 0, 1, …, by the real recorder, with its states.
pub(super) fn record(config: &RunConfig, runs: &Path, errors: &[f64], status: Status) {
    record_with(config, runs, errors, status, true);
}

/// [`record`], with or without states, which are flushed to the disk and so take time.
fn record_with(config: &RunConfig, runs: &Path, errors: &[f64], status: Status, states: bool) {
    let path = runs.join(&config.name).join(config.run_name().unwrap());
    let run_dir = RunDir::open_or_create(&path, &config.to_toml().unwrap()).unwrap();
    let settings = Settings {
        owed: Owed {
            layers: true,
            ..Owed::default()
        },
        keep_epochs: Vec::new(),
        tensorboard: false,
        identity: config.identity(7),
        facts: Facts {
            tch: "0".into(),
            libtorch: "0".into(),
            threads: 2,
            device: "cpu".into(),
            gpu: None,
            command_line: vec!["normprop".into()],
            dataset_sha256: None,
            dataset_note: None,
            settings: Some(config.settings().unwrap()),
            started_from: None,
        },
    };
    let mut recorder = Recorder::new(run_dir, settings);
    let position = |epoch: u64| Position {
        epoch,
        step_in_epoch: 0,
        step: epoch * 10,
        sums: EpochSums::default(),
        best: None,
        train_s: 0.0,
    };
    let steps_per_epoch = 10;
    let start = Event::Started {
        epochs: config.epochs,
        steps_per_epoch,
        position: position(0),
    };
    recorder.on(&start).unwrap();
    for (epoch, error) in errors.iter().enumerate() {
        let epoch = epoch as u64;
        let last = epoch + 1 == errors.len() as u64;
        let row = epoch_row(epoch, *error, if last { status } else { Status::Running });
        let layers = (1..=8).map(|layer| layer_row(epoch, layer)).collect();
        recorder.on(&Event::Epoch { row, layers }).unwrap();
        if states {
            let (tensors, position) = (Vec::new(), position(epoch));
            let snapshot = Snapshot {
                network: None,
                tensors,
                position,
            };
            let event = Event::Snapshot {
                snapshot,
                best: false,
            };
            recorder.on(&event).unwrap();
        }
    }
    if status != Status::Running {
        recorder.on(&Event::Ended { status }).unwrap();
    }
}

fn epoch_row(epoch: u64, error: f64, status: Status) -> EpochRow {
    EpochRow {
        epoch,
        step: epoch * 10,
        lr: 0.1,
        train_loss: 2.0 - 0.1 * epoch as f64,
        train_error: error / 2.0,
        test_loss: 1.0,
        test_error: error,
        grad_norm: 1.0,
        train_s: 3.0,
        eval_s: 1.0,
        images_per_s: 100.0,
        rss_mb: 50.0,
        status,
        test_calibration_error: error / 4.0,
        test_brier_score: 1.5 * error,
    }
}

fn layer_row(epoch: u64, layer: u64) -> LayerRow {
    LayerRow {
        epoch,
        layer,
        name: format!("conv{layer}"),
        pre_mean: 0.1 * layer as f64,
        pre_std: 1.0,
        pre_skew: 0.0,
        pre_kurtosis: f64::NAN,
        post_mean: 0.0,
        post_std: 1.0,
        row_norm_mean: 1.0,
        gamma_mean: f64::NAN,
        beta_mean: 0.0,
        dead_fraction: 0.0,
    }
}

pub(super) fn experiment(text: &str) -> Experiment {
    Experiment::parse(text, "x.toml", "x", &[]).unwrap()
}

fn runs_of(experiment: &Experiment) -> Vec<PlannedRun> {
    experiment.expand(&|_, _| None).unwrap()
}

pub(super) fn look_up(experiment: &Experiment, runs: &Path) -> Vec<PlanEntry> {
    plan::look_up(runs_of(experiment), runs, false, false).unwrap()
}
