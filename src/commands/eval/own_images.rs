//! `normprop eval --images`: what a network says of pictures of one's own.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};
use tch::{Device, Kind, Tensor};

use crate::cli::{EvalArgs, OutputArgs};
use crate::commands::standalone::StandaloneNetwork;
use crate::data::OwnImage;
use crate::nn::Evaluator;
use crate::output::print_json;
use crate::text::numbers::percent;
use crate::text::{Table, Terminal};
use crate::{out, outln, usage};

/// How many classes are shown of each picture.
const SHOWN: usize = 3;
/// Pictures that go through the network at a time.
const CHUNK: usize = 250;
/// Names of pictures in a folder end in one of these.
const ENDINGS: [&str; 3] = ["png", "jpg", "jpeg"];

/// A picture and what the network says of it.
struct Answer {
    file: PathBuf,
    picture: OwnImage,
    /// One number a class.
    probabilities: Vec<f64>,
}

/// Runs the command. Pictures that cannot be used are named at the end, behind the answers to the others.
pub fn run(args: &EvalArgs, output: OutputArgs) -> Result<()> {
    let files = pictures(&args.images)?;
    let loaded = StandaloneNetwork::load(args.run.as_deref(), &args.checkpoint, &args.place)?;
    let (mut answers, mut refused) = (Vec::new(), Vec::new());
    for files in files.chunks(CHUNK) {
        let mut read = Vec::new();
        for file in files {
            match OwnImage::read(file, loaded.shape()) {
                Ok(picture) => read.push((file.clone(), picture)),
                Err(error) => refused.push(format!("{error:#}")),
            }
        }
        answers.extend(answer(&loaded, read)?);
    }
    if output.json {
        print_json(&document(&loaded, &answers, &refused))?;
    } else if !answers.is_empty() {
        show(&loaded, &answers)?;
    }
    match refused.is_empty() {
        true => Ok(()),
        false => Err(usage!("{}", refused.join("\n"))),
    }
}

/// The files that are named, and those in the folders that are, by name.
fn pictures(named: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in named {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let entries = std::fs::read_dir(path)
            .with_context(|| format!("the folder {} cannot be read", path.display()))?;
        let mut inside = Vec::new();
        for entry in entries {
            let file = entry?.path();
            let ending = file.extension().unwrap_or_default().to_string_lossy();
            if ENDINGS.contains(&ending.to_lowercase().as_str()) {
                inside.push(file);
            }
        }
        if inside.is_empty() {
            return Err(usage!(
                "{}: no file in this folder ends in .png, .jpg or .jpeg",
                path.display()
            ));
        }
        inside.sort();
        files.extend(inside);
    }
    Ok(files)
}

fn answer(loaded: &StandaloneNetwork, read: Vec<(PathBuf, OwnImage)>) -> Result<Vec<Answer>> {
    if read.is_empty() {
        return Ok(Vec::new());
    }
    let bytes: Vec<u8> = read
        .iter()
        .flat_map(|(_, picture)| picture.pixels.iter().copied())
        .collect();
    let pixels = loaded.normalizer.evaluation(&bytes);
    let size = loaded.shape().of_batch(read.len());
    let images = loaded.network.images(&pixels, size);
    let logits = Evaluator::new(&loaded.network).logits(&images);
    let logits = logits.to_device(Device::Cpu).to_kind(Kind::Double);
    let probabilities = logits.softmax(-1, Kind::Double);
    let pairs = read.into_iter().enumerate();
    pairs
        .map(|(row, (file, picture))| {
            let probabilities = Vec::try_from(&probabilities.get(row as i64) as &Tensor)?;
            Ok(Answer {
                file,
                picture,
                probabilities,
            })
        })
        .collect()
}

impl Answer {
    /// The most probable classes in order, with their probabilities.
    fn best<'c>(&self, classes: &'c [String]) -> Vec<(&'c str, f64)> {
        let names = classes.iter().map(String::as_str);
        let mut all: Vec<(&str, f64)> = names.zip(self.probabilities.iter().copied()).collect();
        all.sort_by(|left, right| right.1.total_cmp(&left.1));
        all.truncate(SHOWN);
        all
    }
}

fn show(loaded: &StandaloneNetwork, answers: &[Answer]) -> Result<()> {
    let classes = &loaded.identity.classes;
    let shape = loaded.shape();
    outln!("{}", loaded.headline())?;
    outln!(
        "trained on {}: {} images of {} x {}; of other pictures the middle part of that shape, scaled to it\n",
        loaded.config.dataset,
        if shape.channels == 1 { "gray" } else { "color" },
        shape.width,
        shape.height
    )?;
    let rank = |number: usize| {
        move |answer: &Answer| {
            let best = answer.best(classes);
            let found = best.get(number);
            found.map_or(String::new(), |(name, p)| {
                format!("{name} {}", percent(*p, 1))
            })
        }
    };
    let mut table = Table::of(answers)
        .left("picture", |answer| name_of(&answer.file))
        .left("size", |answer| answer.picture.fitting.to_string());
    let heads = ["first", "second", "third"];
    for (number, head) in heads.into_iter().enumerate().take(classes.len()) {
        table = table.left(head, rank(number));
    }
    out!("{}", table.build().render(&Terminal::detect()))?;
    Ok(())
}

fn name_of(file: &Path) -> String {
    let name = file.file_name().unwrap_or(file.as_os_str());
    name.to_string_lossy().into_owned()
}

fn document(loaded: &StandaloneNetwork, answers: &[Answer], refused: &[String]) -> Value {
    let classes = &loaded.identity.classes;
    let pair = |(columns, rows): (u32, u32)| json!({ "width": columns, "height": rows });
    let of = |answer: &Answer| {
        let best = answer.best(classes);
        let fitting = answer.picture.fitting;
        let all = classes.iter().zip(&answer.probabilities);
        let all: Map<String, Value> = all.map(|(name, p)| (name.clone(), json!(p))).collect();
        json!({
            "file": answer.file, "original": pair(fitting.original), "middle": pair(fitting.middle),
            "scaled": pair(fitting.scaled), "class": best.first().map(|(name, _)| *name),
            "best": best.iter().map(|(name, p)| json!({ "class": name, "probability": p })).collect::<Vec<_>>(),
            "probabilities": all,
        })
    };
    json!({
        "checkpoint": loaded.file, "epoch": loaded.position.epoch, "method": loaded.config.method.name(),
        "dataset": loaded.config.dataset, "classes": classes, "normalization": loaded.identity.normalization,
        "images": answers.iter().map(of).collect::<Vec<_>>(), "refused": refused,
    })
}
