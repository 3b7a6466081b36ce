//! The job script of a submission. Every text in it goes through [`word()`].

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::options::{NOTICE_S, SlurmOptions};
use super::word::word;
use crate::usage;

/// What a job script is made of.
pub struct JobScript<'s> {
    /// Name of the experiment.
    pub experiment: &'s str,
    /// Folder of the submission.
    pub folder: PathBuf,
    /// The folder that the command was given in.
    pub here: PathBuf,
    /// This program.
    pub program: PathBuf,
    /// Tasks of the array.
    pub tasks: usize,
    /// Runs of all tasks.
    pub runs: usize,
    /// What was asked for.
    pub options: &'s SlurmOptions,
}

impl JobScript<'_> {
    /// The script for the submission in `folder`, to be submitted from the current folder.
    pub fn new<'s>(
        experiment: &'s str,
        folder: &Path,
        (tasks, runs): (usize, usize),
        options: &'s SlurmOptions,
    ) -> Result<JobScript<'s>> {
        let here = std::env::current_dir().context("cannot tell the current folder")?;
        Ok(JobScript {
            experiment,
            folder: here.join(folder),
            here,
            program: std::env::current_exe()
                .context("cannot find this program to name it in the job script")?,
            tasks,
            runs,
            options,
        })
    }

    /// Its text; fails where a name cannot stand in it.
    pub fn text(&self) -> Result<String> {
        let mut text = format!(
            "#!/bin/sh\n\
             # The experiment {}: {} runs in {} tasks. normprop compare --launch slurm submitted this; it may be\n\
             # submitted again by hand, with sbatch and this file's name. A task goes on from where its runs stand, and leaves\n\
             # alone what is over or being worked on. {NOTICE_S} s before its time is up it saves and is queued again.\n",
            word(self.experiment)?,
            self.runs,
            self.tasks
        );
        for (name, value) in self.options()? {
            // Writing to a string cannot fail.
            let _ = match value {
                Some(value) => writeln!(text, "#SBATCH --{name}={}", word(&value)?),
                None => writeln!(text, "#SBATCH --{name}"),
            };
        }
        let (program, folder) = (utf8(&self.program)?, utf8(&self.folder)?);
        let _ = writeln!(
            text,
            "exec {} compare-task {} \"$SLURM_ARRAY_TASK_ID\"{}",
            word(program)?,
            word(folder)?,
            match self.options.runs_at_once {
                1 => String::new(),
                runs => format!(" --jobs {runs}"),
            }
        );
        Ok(text)
    }

    /// The options of sbatch, ours first.
    fn options(&self) -> Result<Vec<(&str, Option<String>)>> {
        let limit = self.options.array_limit;
        let limit = limit.map_or(String::new(), |limit| format!("%{limit}"));
        // Here a percent sign begins a pattern.
        let log = utf8(&self.folder)?.replace('%', "%%");
        let mut options = Vec::new();
        if self.options.value("job-name").is_none() {
            options.push(("job-name", Some(format!("normprop-{}", self.experiment))));
        }
        let last = self.tasks.saturating_sub(1);
        options.extend([
            ("array", Some(format!("0-{last}{limit}"))),
            ("chdir", Some(utf8(&self.here)?.to_owned())),
            ("output", Some(format!("{log}/log-%a.txt"))),
            ("open-mode", Some("append".to_owned())),
            ("requeue", None),
            ("signal", Some(format!("B:USR1@{NOTICE_S}"))),
        ]);
        let asked = self.options.sbatch.iter();
        options.extend(asked.map(|(name, value)| (name.as_str(), value.clone())));
        Ok(options)
    }
}

fn utf8(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| {
        usage!("--launch slurm: {path:?} is not UTF-8 and cannot stand in a job script; choose another folder")
    })
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use proptest::prelude::*;

    /// Texts of any characters, and such as would do harm outside quotes.
    fn text() -> impl Strategy<Value = String> {
        let harmful = proptest::sample::select(vec![
            "$(touch PWNED)",
            "`touch PWNED`",
            "'; touch PWNED; '",
            "\"; touch PWNED; \"",
            "& touch PWNED &",
            "> PWNED",
            "\ntouch PWNED\n",
            "\n#SBATCH --uid=root\n",
            "\r",
            "\u{1b}[2J",
            "\\",
            "'",
            "\"",
            " #",
            " --uid=root",
            "$HOME",
            "~",
            "*",
            "!",
            "%j",
            "=",
            " ",
            "\u{a0}",
        ]);
        let piece = prop_oneof![3 => harmful.prop_map(str::to_owned), 1 => ".{0,6}"];
        proptest::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
    }

    /// What a shell that runs `script` in an empty folder prints; it must leave the folder empty.
    fn run(shell: &str, script: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(shell);
        command.arg("-c").arg(script).current_dir(folder.path());
        let output = command.env("SLURM_ARRAY_TASK_ID", "7").output().unwrap();
        assert!(
            output.status.success() && output.stderr.is_empty(),
            "{output:?}"
        );
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            0,
            "{script}"
        );
        let printed = String::from_utf8(output.stdout).unwrap();
        printed.split_terminator('\0').map(str::to_owned).collect()
    }

    /// The argument that sbatch reads from what follows `#SBATCH `, by the rules of its `_get_argument`; what stands
    /// behind it.
    fn as_sbatch_reads(line: &str) -> (String, &str) {
        let (mut argument, mut quote, mut escaped) = (String::new(), None, false);
        for (place, character) in line.char_indices() {
            match (quote, character) {
                _ if escaped => {
                    escaped = false;
                    argument.push(character);
                }
                (_, '\\') => escaped = true,
                (Some(open), _) if character == open => quote = None,
                (None, '"' | '\'') => quote = Some(character),
                (None, '#') => return (argument, &line[place..]),
                (None, _) if character.is_ascii_whitespace() => return (argument, &line[place..]),
                _ => argument.push(character),
            }
        }
        assert!(quote.is_none() && !escaped, "{line}");
        (argument, "")
    }

    proptest! {
        #[test]
        fn a_word_is_read_as_the_text_it_was_made_of(texts in proptest::collection::vec(text(), 1..20)) {
            let (mut script, mut taken) = ("printf '%s\\0'".to_owned(), Vec::new());
            for text in texts {
                match word(&text) {
                    Ok(word) => {
                        prop_assert_eq!(as_sbatch_reads(&word), (text.clone(), ""));
                        let _ = write!(script, " {word}");
                        taken.push(text);
                    }
                    Err(error) => {
                        prop_assert!(text.contains(|c: char| c.is_control() || c == '\\'));
                        let shown = format!("{error}");
                        prop_assert!(!shown.contains(char::is_control), "{shown}");
                    }
                }
            }
            if !taken.is_empty() {
                prop_assert_eq!(run("sh", &script), taken.clone());
                prop_assert_eq!(run("bash", &script), taken);
            }
        }

        #[test]
        fn no_text_becomes_a_command_or_an_option_of_a_job_script(
            name in text(), folder in text(), value in text(), listed in text(),
        ) {
            let sbatch = vec![("comment".to_owned(), Some(value.clone())), ("export".to_owned(), Some(listed.clone()))];
            let options = SlurmOptions { sbatch, array_limit: Some(2), runs_at_once: 1, task_s: 0.0 };
            // A program that shows what it is given.
            let tools = tempfile::tempdir().unwrap();
            let program = tools.path().join("it's $(a) program");
            std::os::unix::fs::symlink("/usr/bin/printf", &program).unwrap();
            let script = JobScript {
                experiment: &name,
                folder: format!("/{folder}").into(),
                here: format!("/here/{folder}").into(),
                program,
                tasks: 3,
                runs: 5,
                options: &options,
            };
            let unfit = |text: &&String| text.contains(|c: char| c.is_control() || c == '\\');
            let Ok(script) = script.text() else {
                prop_assert!([&name, &folder, &value, &listed].iter().any(unfit));
                return Ok(());
            };
            prop_assert!(![&name, &folder, &value, &listed].iter().any(unfit));
            let read: Vec<(String, &str)> =
                script.lines().filter_map(|line| line.strip_prefix("#SBATCH ")).map(as_sbatch_reads).collect();
            let log = folder.replace('%', "%%");
            let expected = [
                format!("--job-name=normprop-{name}"), "--array=0-2%2".into(), format!("--chdir=/here/{folder}"),
                format!("--output=/{log}/log-%a.txt"), "--open-mode=append".into(), "--requeue".into(),
                format!("--signal=B:USR1@{NOTICE_S}"), format!("--comment={value}"), format!("--export={listed}"),
            ];
            prop_assert_eq!(read, expected.map(|argument| (argument, "")));
            // The program, which is printf here, is to show what follows.
            let shown = script.replace(" compare-task ", " '%s\\0' ");
            let arguments = [format!("/{folder}"), "7".to_owned()];
            prop_assert_eq!(run("sh", &shown), arguments.clone());
            prop_assert_eq!(run("bash", &shown), arguments);
        }
    }
}
