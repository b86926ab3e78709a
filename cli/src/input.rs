//! Texts as people give them: an argument, `-` or a pipe for stdin, a file.
//!
//! A text is UTF-8 without NUL and at most [`MAX_TEXT_BYTES`] long. Where it is not, the message says what was found
//! at which byte. One line end at the very end is dropped, since editors, `echo` and heredocs add it.

#[cfg(test)]
mod tests;

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Map, Value};
use zo_projections::decide::{MAX_NAME_BYTES, MAX_TEXT_BYTES};

use crate::error::CliError;
use crate::output::text;

/// A text to be given on the command line.
#[derive(Args, Debug)]
pub(crate) struct TextArgs {
    /// The text; `-` reads it from stdin, which is also done without it if stdin is not a terminal
    pub(crate) text: Option<OsString>,
    /// Read the text from a file
    #[arg(long, short, value_name = "FILE", conflicts_with = "text")]
    pub(crate) file: Option<PathBuf>,
}

impl TextArgs {
    /// The text.
    ///
    /// # Errors
    /// If none is given, or it is not a text.
    pub(crate) fn read(&self) -> Result<String, CliError> {
        match (&self.text, &self.file) {
            (Some(text), _) => from_argument(text),
            (None, Some(file)) => from_file(file),
            (None, None) => from_stdin_unless_terminal(),
        }
    }
}

/// The text of an argument; `-` stands for stdin.
///
/// # Errors
/// If it is not a text.
pub(crate) fn from_argument(argument: &OsStr) -> Result<String, CliError> {
    if argument == "-" {
        return from_reader("stdin", io::stdin().lock());
    }
    text_of_argument(argument)
}

/// The text of an argument, whatever it is.
///
/// # Errors
/// If it is not a text.
pub(crate) fn text_of_argument(argument: &OsStr) -> Result<String, CliError> {
    check("the argument", argument.as_bytes().to_vec())
}

/// What stdin has, if a person is not expected to type it.
///
/// # Errors
/// If stdin is a terminal, or has no text.
pub(crate) fn from_stdin_unless_terminal() -> Result<String, CliError> {
    if io::stdin().is_terminal() {
        return Err(CliError::usage("no text was given").hint("give it as an argument, with --file, or through a pipe"));
    }
    from_reader("stdin", io::stdin().lock())
}

/// The text of a file; `-` stands for stdin.
///
/// # Errors
/// If it cannot be read, or is not a text.
pub(crate) fn from_file(path: &Path) -> Result<String, CliError> {
    if path == Path::new("-") {
        return from_reader("stdin", io::stdin().lock());
    }
    let cannot = |error: io::Error| CliError::io(format!("cannot read {}", path.display()), &error);
    let file = File::open(path).map_err(cannot)?;
    let metadata = file.metadata().map_err(cannot)?;
    if metadata.is_dir() {
        let hint = format!("`zo import {}` takes whole folders", path.display());
        return Err(CliError::invalid(format!("{} is a folder, not a text", path.display())).hint(hint));
    }
    if metadata.is_file() && metadata.len() > MAX_TEXT_BYTES as u64 {
        return Err(too_long(&path.display().to_string(), &format!("{} bytes", text::count(metadata.len()))));
    }
    from_reader(&path.display().to_string(), file)
}

fn from_reader(name: &str, reader: impl Read) -> Result<String, CliError> {
    let mut bytes = Vec::new();
    // One more than allowed, for a line end that is dropped, and one to see that there is more.
    reader
        .take(MAX_TEXT_BYTES as u64 + 2)
        .read_to_end(&mut bytes)
        .map_err(|error| CliError::io(format!("cannot read {name}"), &error))?;
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    check(name, bytes)
}

/// The text that `bytes` are; `name` says where they come from.
fn check(name: &str, bytes: Vec<u8>) -> Result<String, CliError> {
    if bytes.len() > MAX_TEXT_BYTES {
        return Err(too_long(name, &format!("more than {} bytes", text::count(MAX_TEXT_BYTES as u64))));
    }
    if let Some(offset) = bytes.iter().position(|&byte| byte == 0) {
        return Err(CliError::invalid(format!("{name} has a NUL at byte {offset}, so it is no text")));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(error) => {
            let offset = error.utf8_error().valid_up_to();
            let byte = error.as_bytes()[offset];
            Err(CliError::invalid(format!("{name} is not UTF-8: 0x{byte:02x} at byte {offset}"))
                .hint("convert it first, as with `iconv -f latin1 -t utf-8`"))
        }
    }
}

fn too_long(name: &str, size: &str) -> CliError {
    CliError::invalid(format!("{name} has {size}; one text may have {}", text::bytes(MAX_TEXT_BYTES as u64)))
        .hint("split it; `zo import` cuts Markdown and text files of up to 64 MiB into passages by itself")
}

/// The same text, unless it is blank: `what` cannot be empty.
///
/// # Errors
/// If it is blank.
pub(crate) fn not_blank(what: &str, text: String) -> Result<String, CliError> {
    if text.trim().is_empty() { Err(CliError::invalid(format!("{what} is empty"))) } else { Ok(text) }
}

/// Checks a name or an id that somebody chose.
///
/// # Errors
/// If it is empty, too long or has a control character in it.
pub(crate) fn check_name(what: &str, name: &str) -> Result<(), CliError> {
    let problem = if name.trim().is_empty() {
        "is empty".to_owned()
    } else if name.len() > MAX_NAME_BYTES {
        format!("has {} bytes; it may have {}", text::count(name.len() as u64), text::count(MAX_NAME_BYTES as u64))
    } else if let Some((offset, letter)) = name.char_indices().find(|(_, letter)| letter.is_control()) {
        format!("has the control character U+{:04X} at byte {offset}", u32::from(letter))
    } else {
        return Ok(());
    };
    Err(CliError::invalid(format!("{what} {problem}")))
}

/// Parses `KEY=VALUE`, for clap.
///
/// # Errors
/// If there is no `=`, or nothing before it.
pub(crate) fn key_value(argument: &str) -> Result<(String, String), String> {
    match argument.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.to_owned())),
        _ => Err("KEY=VALUE is expected, as in source=chat".to_owned()),
    }
}

/// The object that `--meta KEY=VALUE` options make.
///
/// # Errors
/// If a key is given twice.
pub(crate) fn meta(pairs: &[(String, String)]) -> Result<Map<String, Value>, CliError> {
    let mut meta = Map::new();
    for (key, value) in pairs {
        if meta.insert(key.clone(), Value::from(value.as_str())).is_some() {
            return Err(CliError::usage(format!("--meta gives `{key}` twice")));
        }
    }
    Ok(meta)
}

/// A JSON object as the engine takes it: text, and none if it is empty.
pub(crate) fn meta_text(meta: &Map<String, Value>) -> Option<String> {
    (!meta.is_empty()).then(|| serde_json::to_string(meta).expect("a map of JSON values is JSON"))
}

/// JSON that the engine keeps as text, as a value; what is no JSON stays a text.
pub(crate) fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))
}
