//! What `meta.json` says about the machine and the program, without naming its host or user.

use crate::text::numbers::hexadecimal;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::process::Command;

/// Processor features that change how fast or how exactly convolutions are computed.
const FLAGS_OF_INTEREST: &str = "sse4_2 avx avx2 fma avx512f avx512bw avx512_vnni avx512_bf16 avx512_fp16 avx_vnni amx_tile amx_int8 amx_bf16 \
    asimd asimdhp bf16 sve sve2";

/// The processor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cpu {
    /// Model name, where the system tells it.
    pub model: Option<String>,
    /// Those features of interest that it has, named as Linux does.
    pub flags: Vec<String>,
    /// Threads that may run at once.
    pub cores: u64,
}

/// A GPU and what drives it, each as far as it can be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gpu {
    /// Its name.
    pub name: Option<String>,
    /// Version of the driver.
    pub driver: Option<String>,
    /// Version of the CUDA runtime that computed.
    pub cuda: Option<String>,
    /// Version of cuDNN that computed.
    pub cudnn: Option<String>,
}

/// The state of the source tree that the program was built from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Git {
    /// Full hash of the commit.
    pub commit: String,
    /// Whether the files that the program is built from differ from it.
    pub dirty: bool,
}

impl Git {
    /// What the build script found; `None` where the sources were in no repository of their own.
    pub fn of_build() -> Option<Git> {
        let commit = option_env!("NORMPROP_COMMIT")?;
        Some(Git {
            commit: commit.to_owned(),
            dirty: option_env!("NORMPROP_DIRTY") == Some("true"),
        })
    }
}

impl Cpu {
    /// The processor of this machine, as far as the system tells.
    pub fn here() -> Cpu {
        let cores = std::thread::available_parallelism().map_or(1, |count| count.get() as u64);
        let (model, flags) = match std::fs::read_to_string("/proc/cpuinfo") {
            Ok(text) => parse_cpuinfo(&text),
            Err(_) => (brand(), Vec::new()),
        };
        Cpu {
            model,
            flags,
            cores,
        }
    }
}

/// Model name and features of interest in the text of Linux's `/proc/cpuinfo` (its first processor).
fn parse_cpuinfo(text: &str) -> (Option<String>, Vec<String>) {
    let value = |wanted: &[&str]| {
        let mut pairs = text.lines().filter_map(|line| line.split_once(':'));
        pairs
            .find(|(key, _)| wanted.contains(&key.trim()))
            .map(|(_, value)| value.trim().to_owned())
    };
    let present = value(&["flags", "Features"]).unwrap_or_default();
    let present: Vec<&str> = present.split_whitespace().collect();
    let flags = FLAGS_OF_INTEREST.split_whitespace();
    let flags = flags.filter(|flag| present.contains(flag));
    let flags = flags.map(str::to_owned).collect();
    (value(&["model name"]), flags)
}

/// Names this machine since its last start, without telling its name.
pub fn machine_id() -> String {
    let boot = std::fs::read("/proc/sys/kernel/random/boot_id").unwrap_or_else(|_| host_name());
    hexadecimal(&Sha256::digest(boot)[..8])
}

/// The host's name, where the system gives its starts no name.
fn host_name() -> Vec<u8> {
    let mut name = vec![0; 256];
    // SAFETY: the buffer is ours and as long as is said; the last byte is kept for the end of the string.
    unsafe { libc::gethostname(name.as_mut_ptr().cast(), name.len() - 1) };
    name
}

/// Processes that wanted to run in the last minute, on average; `None` where the system does not say.
pub fn load_average() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/loadavg").ok()?;
    text.split_whitespace().next()?.parse().ok()
}

/// The processor's name as macOS tells it; `None` elsewhere.
fn brand() -> Option<String> {
    let mut sysctl = Command::new("sysctl");
    let output = sysctl
        .args(["-n", "machdep.cpu.brand_string"])
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// The command line as it may be shown to others: no home folder, no user name, no folder of the program.
///
/// Of the program's path the file name stays; `home` and any `/home/NAME` or `/Users/NAME` become `~`; a path
/// component that is the user's name becomes `USER`.
pub fn reduce_command_line(
    arguments: &[String],
    home: Option<&str>,
    user: Option<&str>,
) -> Vec<String> {
    let Some((program, rest)) = arguments.split_first() else {
        return Vec::new();
    };
    let name = program.rsplit('/').next().unwrap_or_default();
    let rest = rest.iter().map(|text| reduce_paths(text, home, user));
    std::iter::once(name.to_owned()).chain(rest).collect()
}

/// [`reduce_command_line`] with the home folder and user name that the environment tells.
pub fn reduce_command_line_here(arguments: &[String]) -> Vec<String> {
    let variable = |name: &str| std::env::var(name).ok();
    let user = variable("USER").or_else(|| variable("LOGNAME"));
    reduce_command_line(arguments, variable("HOME").as_deref(), user.as_deref())
}

fn reduce_paths(argument: &str, home: Option<&str>, user: Option<&str>) -> String {
    let text = replace_homes(argument, home.unwrap_or_default().trim_end_matches('/'));
    match user.filter(|user| !user.is_empty() && text.contains('/')) {
        Some(user) => replace_components(&text, user, "USER"),
        None => text,
    }
}

fn ends_component(character: char) -> bool {
    matches!(character, '/' | '"' | '\'' | ',' | ':' | ' ' | ']')
}

fn is_inside_a_path(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '/' | '.' | '_' | '-' | '~')
}

/// The text with `~` for every home folder at the beginning of an absolute path.
fn replace_homes(text: &str, home: &str) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some(start) = rest.find('/') {
        result += &rest[..start];
        rest = &rest[start..];
        let is_inside = result.chars().next_back().is_some_and(is_inside_a_path);
        let length = (!is_inside).then(|| home_length(rest, home)).flatten();
        result += length.map_or("/", |_| "~");
        rest = &rest[length.unwrap_or(1)..];
    }
    result + rest
}

/// The length of the home folder that an absolute path begins with.
fn home_length(path: &str, home: &str) -> Option<usize> {
    let end_of_component = |start: usize| {
        let length = path[start..].find(ends_component);
        length.map_or(path.len(), |length| start + length)
    };
    if !home.is_empty() && path.starts_with(home) && end_of_component(home.len()) == home.len() {
        return Some(home.len());
    }
    let mut parents = ["/home/", "/Users/"].into_iter();
    let parent = parents.find(|parent| path.starts_with(parent))?;
    Some(end_of_component(parent.len()))
}

fn replace_components(text: &str, name: &str, stand_in: &str) -> String {
    let mut result = String::new();
    for component in text.split_inclusive(ends_component) {
        match component.strip_prefix(name) {
            Some(end) if end.chars().all(ends_component) => result += &(stand_in.to_owned() + end),
            _ => result += component,
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reduce(argument: &str) -> String {
        let arguments = ["/home/ada/bin/normprop".to_owned(), argument.to_owned()];
        let reduced = reduce_command_line(&arguments, Some("/srv/people/ada/"), Some("ada"));
        assert_eq!(reduced[0], "normprop");
        reduced[1].clone()
    }

    #[test]
    fn neither_home_nor_user_appears() {
        assert_eq!(reduce("--out=/srv/people/ada/runs"), "--out=~/runs");
        assert_eq!(reduce("/srv/people/ada"), "~");
        assert_eq!(
            reduce("data.root=\"/home/grace/data\""),
            "data.root=\"~/data\""
        );
        assert_eq!(reduce("/Users/grace/x,/home/eve"), "~/x,~");
        assert_eq!(reduce("/scratch/ada/runs"), "/scratch/USER/runs");
        assert_eq!(reduce("/scratch/ada"), "/scratch/USER");
        assert_eq!(reduce("/mnt/srv/people/ada/x"), "/mnt/srv/people/USER/x");
    }

    #[test]
    fn other_arguments_stay_as_they_are() {
        for argument in [
            "train",
            "--norm",
            "ada",
            "lr=0.1,0.2",
            "/srv/people/adam/x",
            "/data/adalab/x",
            "/mnt/srv/people/x",
            "/mnt/home/",
            "",
            "größe/ü",
        ] {
            assert_eq!(reduce(argument), argument);
        }
        assert!(reduce_command_line(&[], None, None).is_empty());
        assert_eq!(
            reduce_command_line(&["x".into(), "/".into()], Some("/"), Some("")),
            ["x", "/"]
        );
    }

    #[test]
    fn cpuinfo_of_both_families() {
        let intel = "processor\t: 0\nmodel name\t: Xeon (R) 8000\nflags\t\t: fpu avx avx2 amx_bf16 avx512f\n\nprocessor\t: 1\nmodel name\t: other\n";
        let (model, flags) = parse_cpuinfo(intel);
        assert_eq!(model.as_deref(), Some("Xeon (R) 8000"));
        assert_eq!(flags, ["avx", "avx2", "avx512f", "amx_bf16"]);
        let arm = "processor : 0\nFeatures : fp asimd bf16 svebf16\n";
        let (model, flags) = parse_cpuinfo(arm);
        assert_eq!(
            (model, flags),
            (None, vec!["asimd".to_owned(), "bf16".to_owned()])
        );
        assert_eq!(parse_cpuinfo("rubbish"), (None, Vec::new()));
    }
}
