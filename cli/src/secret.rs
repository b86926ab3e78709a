//! Secrets as people give them: typed without being shown, through a pipe, from a file. Never as an argument: everybody
//! on the machine sees the arguments of every process, and shells write them down.
//!
//! What is wrong with a secret is said by where it is wrong; no message has a piece of it.

#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use zo_engine::protocol::SecretText;

use crate::context::Context;
use crate::error::{CliError, Kind};
use crate::output::{Output, text};

/// The most that is read of a secret: many times as long as the longest key of any provider.
const MAX_SECRET_BYTES: usize = 16 * 1024;

/// Reads a secret from `file` if there is one, else from whoever is at the terminal, else from stdin. `what` is what is asked
/// for: `key`.
///
/// # Errors
/// If it cannot be read, is too long or no text.
pub(crate) fn read(context: &mut Context, what: &str, file: Option<&Path>) -> Result<SecretText, CliError> {
    match file {
        Some(file) => from_file(&mut context.output, file),
        None if io::stdin().is_terminal() => context.output.prompt_secret(what),
        None => from_stdin(),
    }
}

/// What stdin has, without one line end at its end.
///
/// # Errors
/// If it cannot be read, is too long or no text.
pub(crate) fn from_stdin() -> Result<SecretText, CliError> {
    from_reader("stdin", io::stdin().lock())
}

/// What a file has, without one line end at its end; `-` stands for stdin. Warns if others can read the file.
///
/// # Errors
/// If it cannot be read, is too long or no text.
pub(crate) fn from_file(output: &mut Output, path: &Path) -> Result<SecretText, CliError> {
    if path == Path::new("-") {
        return from_stdin();
    }
    let (file, mode) = open(path)?;
    if mode & 0o077 != 0 {
        let message = format!("others can read {}, which has mode {mode:03o}", path.display());
        let hint = format!("chmod 600 {0}, or remove it when it is not needed any more", path.display());
        output.warn(&CliError::new(Kind::Unsound, message).hint(hint));
    }
    from_reader(&path.display().to_string(), file)
}

/// A file to read a secret from, with the permissions it has if it is an ordinary one: a pipe has none that count.
pub(crate) fn open(path: &Path) -> Result<(File, u32), CliError> {
    let cannot = |error: io::Error| CliError::io(format!("cannot read {}", path.display()), &error);
    let file = File::open(path).map_err(cannot)?;
    let metadata = file.metadata().map_err(cannot)?;
    if metadata.is_dir() {
        return Err(CliError::invalid(format!("{} is a folder", path.display())));
    }
    let mode = if metadata.is_file() { metadata.permissions().mode() & 0o777 } else { 0 };
    Ok((file, mode))
}

/// The secret that a reader has; `name` is where it is from.
///
/// # Errors
/// If it cannot be read, is too long or no text.
pub(crate) fn from_reader(name: &str, reader: impl Read) -> Result<SecretText, CliError> {
    let mut bytes = Vec::new();
    let most = MAX_SECRET_BYTES as u64;
    reader
        .take(most + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| CliError::io(format!("cannot read {name}"), &error))?;
    if bytes.len() > MAX_SECRET_BYTES {
        return Err(CliError::invalid(format!("{name} has more than {}, so it is no secret", text::bytes(most))));
    }
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    match String::from_utf8(bytes) {
        Ok(secret) => Ok(SecretText(secret)),
        Err(error) => {
            let offset = error.utf8_error().valid_up_to();
            Err(CliError::invalid(format!("{name} is not UTF-8 at byte {offset}, so it is no secret")))
        }
    }
}

/// Checks a key, which travels in a header: printable ASCII without blanks.
///
/// # Errors
/// What is wrong with it, and where.
pub(crate) fn check_key(key: &SecretText) -> Result<(), CliError> {
    let SecretText(key) = key;
    if key.trim().is_empty() {
        return Err(CliError::invalid("the key is empty")
            .hint("type or paste it when asked, or give it through a pipe or with --from-file FILE"));
    }
    let found = key.char_indices().find_map(|(offset, letter)| {
        let problem = match letter {
            '\n' | '\r' => "a line end",
            _ if letter.is_control() => "a control character",
            _ if letter.is_whitespace() => "a blank",
            _ if !letter.is_ascii() => "a letter that is not ASCII",
            _ => return None,
        };
        Some(format!("the key has {problem} at byte {offset}"))
    });
    match found {
        Some(problem) => Err(CliError::invalid(problem).hint("a key is one word; was more copied than the key?")),
        None => Ok(()),
    }
}

/// Checks a passphrase: it may have blanks and any letters.
///
/// # Errors
/// What is wrong with it, and where.
pub(crate) fn check_passphrase(what: &str, passphrase: &SecretText) -> Result<(), CliError> {
    let SecretText(passphrase) = passphrase;
    if passphrase.trim().is_empty() {
        return Err(CliError::invalid(format!("{what} is empty")));
    }
    match passphrase.char_indices().find(|(_, letter)| letter.is_control()) {
        Some((offset, '\n' | '\r')) => Err(CliError::invalid(format!("{what} has a line end at byte {offset}"))),
        Some((offset, _)) => Err(CliError::invalid(format!("{what} has a control character at byte {offset}"))),
        None => Ok(()),
    }
}

/// Whether a word in place of a provider's name looks like a key: then no message may repeat it. No provider's name is so
/// long and has capitals and digits, or begins as keys do.
pub(crate) fn looks_like_key(word: &str) -> bool {
    let begins = ["sk-", "sk_", "gsk_", "key-", "AIza", "xai-", "hf_"].iter().any(|begin| word.starts_with(begin));
    let mixed = word.bytes().any(|byte| byte.is_ascii_digit()) && word.bytes().any(|byte| byte.is_ascii_alphabetic());
    (begins && word.len() >= 8) || (word.len() >= 24 && mixed)
}
