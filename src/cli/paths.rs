//! Paths on the command line: what no file system can hold, or what would break a message or table into lines, is refused
//! before anything is done.

use std::path::PathBuf;

use clap::builder::{PathBufValueParser, TypedValueParser};

/// Bytes that file systems take for a name.
const LONGEST_NAME: usize = 255;
/// Bytes of a name while its file is written that are not its own, see `record::files::temporary_path`.
const TEMPORARY: usize = 15;
/// Bytes that Linux takes for a path, less those of a run directory and a file in it.
const LONGEST_PATH: usize = 3500;

/// A file or folder to read.
pub fn to_read() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(|path| fitting(path, LONGEST_NAME))
}

/// A file or folder that may be made.
pub fn to_write() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(|path| fitting(path, LONGEST_NAME - TEMPORARY))
}

fn fitting(path: PathBuf, longest: usize) -> Result<PathBuf, String> {
    if path
        .as_os_str()
        .as_encoded_bytes()
        .iter()
        .any(|byte| matches!(byte, b'\n' | b'\r'))
    {
        return Err("a line break is not possible in a name: rename the file or folder".into());
    }
    let names = path.components().map(|name| name.as_os_str().len());
    match (names.max().unwrap_or(0), path.as_os_str().len()) {
        (name, _) if name > longest => Err(format!(
            "a name in it has {name} bytes, at most {longest} are possible"
        )),
        (_, whole) if whole > LONGEST_PATH => Err(format!(
            "the path has {whole} bytes, at most {LONGEST_PATH} are possible"
        )),
        _ => Ok(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_line_and_as_long_as_names_and_the_whole_may_be() {
        let fits = |path: String| fitting(path.into(), 255).is_ok();
        let name = "é".repeat(127);
        assert!(fits(String::new()) && fits(format!("/{name}x/{name}/../x")));
        assert!(!fits(format!("a/{name}xx/b")));
        assert!(!fits("a\nb".into()) && !fits("a/b\r".into()) && fits("a\tb".into()));
        assert!(fits("a/".repeat(1750)) && !fits("a/".repeat(1751)));
    }
}
