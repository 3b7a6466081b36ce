//! Texts of a job script, quoted. The tests beside the script run shells on them.

use anyhow::Result;

use crate::usage;

/// A text as one word, of a shell and of a line with options of sbatch alike.
///
/// Both read quotes in the same way, but sbatch drops backslashes between them too, and a line break begins another line
/// of options: texts with these are refused.
pub fn word(text: &str) -> Result<String> {
    let unfit = |character: &char| character.is_control() || *character == '\\';
    if let Some(character) = text.chars().find(unfit) {
        return Err(usage!(
            "--launch slurm: {text:?} cannot stand in a job script because of {character:?}; choose another name or folder"
        ));
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_@%+=:,./-".contains(&byte);
    Ok(match !text.is_empty() && text.bytes().all(plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    })
}
