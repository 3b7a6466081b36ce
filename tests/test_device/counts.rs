//! What a training step costs where every operation is a launch and every look at a result a wait.
//!
//! Bounds are the numbers reached, so that none can grow unseen. They do not depend on the width.

use anyhow::Result;
use normprop::config::RunConfig;
use normprop::engine::trainer::Trainer;
use normprop::engine::{Interrupt, setup};
use normprop::event::{Event, Observer};
use normprop::methods::METHODS;

use crate::load::{Counts, TestDevice};
use crate::same::{KINDS, network};

/// Steps after which counting begins and ends. What is done every 64 steps is in it twice.
const FROM: u64 = 64;
const TO: u64 = 192;
/// Waits for the figures of 64 steps, a step.
const READINGS: f64 = 1.0 / 64.0;

/// Takes the counts after two steps.
struct Between {
    device: &'static TestDevice,
    at: [Option<Counts>; 2],
}

impl Observer for Between {
    fn on(&mut self, event: &Event) -> Result<()> {
        if let Event::Step { row, .. } = event {
            for (place, step) in self.at.iter_mut().zip([FROM, TO]) {
                if row.step == step {
                    *place = Some(self.device.counts());
                }
            }
        }
        Ok(())
    }
}

/// What one step takes, on average, at batch size 1.
#[derive(Debug)]
struct PerStep {
    operations: f64,
    /// A copy to the host is one.
    waits: f64,
    /// Copies to the device that the host waits for.
    uploads: f64,
}

fn counted(device: &'static TestDevice, keys: &str) -> PerStep {
    let text = format!(
        "train_subset = 200\ntest_subset = 10\nbatch_size = 1\nepochs = 1\nprobe_images = 0\nwidth = 0.05\n\
         device = \"cuda\"\n{keys}"
    );
    let config = RunConfig::from_table(text.parse().unwrap()).unwrap();
    let dataset = setup::load_dataset(&config, &setup::data_dir()).unwrap();
    let mut between = Between {
        device,
        at: [None, None],
    };
    let mut trainer = Trainer::new(config, &dataset).unwrap();
    trainer
        .run(&mut [&mut between], &Interrupt::default())
        .unwrap();
    let [from, to] = between.at.map(Option::unwrap);
    let counts = to.since(from);
    assert_eq!(counts.mixed, 0);
    let a_step = |count: i64| count as f64 / (TO - FROM) as f64;
    PerStep {
        operations: a_step(counts.operations),
        waits: a_step(counts.waits + counts.to_host),
        uploads: a_step(counts.to_device),
    }
}

/// Asserts that a step takes no more operations, waits and uploads.
#[track_caller]
fn at_most(method: &str, precision: &str, bounds: [f64; 3]) {
    let Some((device, _turn)) = TestDevice::alone() else {
        return;
    };
    let keys = format!("precision = \"{precision}\"\nmethod = {{ name = \"{method}\" }}");
    let found = counted(device, &keys);
    println!("{method} {precision}: {found:?}");
    let holds = [found.operations, found.waits, found.uploads]
        .iter()
        .zip(bounds)
        .all(|(&count, bound)| count <= bound);
    assert!(
        holds,
        "{method} {precision}: {found:?}, at most {bounds:?}\n{}",
        device.tell()
    );
}

#[test]
fn a_step_without_normalization_is_short() {
    at_most("none", "f32", [51.2, READINGS, 0.0]);
    at_most("none", "bf16", [90.2, READINGS, 0.0]);
}

#[test]
fn a_step_with_batch_normalization_is_short() {
    at_most("bn", "f32", [68.2, READINGS, 0.0]);
}

#[test]
fn a_step_of_normprop_is_short() {
    at_most("normprop", "f32", [113.8, READINGS, 0.0]);
    at_most("normprop", "bf16", [152.8, READINGS, 0.0]);
}

/// What takes other ways than every method's defaults.
const WITH_OPTIONS: [&str; 7] = [
    "width = 0.05\nmethod = { name = \"bn\", population = \"cumulative\" }",
    "width = 0.05\nmethod = { name = \"bn\", population = \"precise\" }",
    "width = 0.05\nmethod = { name = \"layer-norm\", project_every = 2 }",
    "width = 0.05\nmethod = { name = \"riemannian-bn\", update = \"adam-g\" }",
    "width = 0.05\noptimizer = \"adamw\"\nclip_norm = 1\nclip_units = 0.01\nmethod = { name = \"none\" }",
    "width = 0.05\ndata_norm = \"batch\"\nmethod = { name = \"none\" }",
    "model = \"resnet\"\ndepth = 8\nwidth = 0.125\norder = \"v2\"\n\
     method = { name = \"normprop\", residual = \"tracked\", tracking = \"analytic\" }",
];

/// What eight steps and the reading of their figures take in a small network.
fn counted_in_eight_steps(device: &'static TestDevice, keys: &str) -> Result<Counts> {
    let text = format!(
        "train_subset = 80\ntest_subset = 10\nbatch_size = 4\nepochs = 1\nprobe_images = 0\naugment = \"crop-flip\"\n\
         device = \"cuda\"\n{keys}"
    );
    let config = RunConfig::from_table(text.parse()?)?;
    let dataset = setup::load_dataset(&config, &setup::data_dir())?;
    let mut at = Vec::new();
    Trainer::new(config, &dataset)?.train_watched(17, 8, &mut |_| {
        at.push(device.counts());
        Ok(())
    })?;
    Ok(at[2].since(at[1]))
}

#[test]
fn no_step_of_any_method_makes_the_host_wait() {
    let Some((device, _turn)) = TestDevice::alone() else {
        return;
    };
    let mut settings: Vec<String> = WITH_OPTIONS.map(String::from).to_vec();
    for kind in KINDS {
        let served = METHODS.iter().filter(|method| method.serves(kind));
        let keys = |name: &str| format!("{}\nmethod = {{ name = \"{name}\" }}", network(kind));
        settings.extend(served.map(|method| keys(method.name)));
    }
    let mut waiting = Vec::new();
    for keys in settings {
        let counts = counted_in_eight_steps(device, &keys).unwrap();
        let (waits, uploads) = (counts.waits + counts.to_host, counts.to_device);
        if (waits, uploads) != (1, 0) {
            waiting.push(format!("{keys}: {waits} waits, {uploads} uploads"));
        }
    }
    assert!(waiting.is_empty(), "{}", waiting.join("\n\n"));
}
