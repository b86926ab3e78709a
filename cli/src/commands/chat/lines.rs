//! What is one input: a line, lines that end with a backslash and the one after them, or a block between `"""`.

use std::io::BufRead;

use zo_projections::decide::MAX_TEXT_BYTES;

use crate::error::CliError;
use crate::output::text;

/// What begins and ends a block.
const BLOCK: &str = "\"\"\"";

/// What came of a turn at the terminal.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Typed {
    /// This was typed.
    Text(String),
    /// Ctrl-C.
    Cleared {
        /// On an empty line.
        empty: bool,
    },
    /// Ctrl-D, or the terminal has gone.
    End,
}

/// Whether what was typed is a block.
pub(super) fn is_block(typed: &str) -> bool {
    typed.trim_start().starts_with(BLOCK)
}

/// Whether more lines belong to `typed`.
pub(super) fn is_incomplete(typed: &str) -> bool {
    let trimmed = typed.trim();
    match trimmed.strip_prefix(BLOCK) {
        Some(rest) => !rest.ends_with(BLOCK),
        None => goes_on(typed),
    }
}

/// Whether a line ends with a backslash that is not itself behind one.
fn goes_on(line: &str) -> bool {
    let backslashes = line.len() - line.trim_end_matches('\\').len();
    backslashes % 2 == 1
}

/// The text that was meant by what was typed: without the marks of a block, and without the backslashes before line ends.
pub(super) fn meant(typed: &str) -> String {
    let trimmed = typed.trim();
    if let Some(block) = trimmed.strip_prefix(BLOCK) {
        let block = block.strip_suffix(BLOCK).unwrap_or(block);
        let block = block.strip_prefix('\n').unwrap_or(block);
        return block.strip_suffix('\n').unwrap_or(block).to_owned();
    }
    let lines: Vec<&str> = typed.split('\n').collect();
    let last = lines.len() - 1;
    let line = |(index, line): (usize, &&str)| match line.strip_suffix('\\') {
        Some(begun) if index < last && goes_on(line) => begun.to_owned(),
        _ => (*line).to_owned(),
    };
    lines.iter().enumerate().map(line).collect::<Vec<_>>().join("\n")
}

/// Inputs from a pipe or a file.
pub(super) struct Piped<R> {
    input: R,
    /// Lines read so far.
    line: u64,
}

impl<R: BufRead> Piped<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, line: 0 }
    }

    /// The next input as it was typed; none at the end. What is not closed there counts as it stands.
    ///
    /// # Errors
    /// If it cannot be read, is not UTF-8 or is too long, with the line.
    pub(super) fn next(&mut self) -> Result<Option<String>, CliError> {
        let mut typed = String::new();
        loop {
            let Some(line) = self.next_line(typed.len())? else {
                return Ok((!typed.is_empty()).then_some(typed));
            };
            if !typed.is_empty() {
                typed.push('\n');
            }
            typed.push_str(&line);
            if !is_incomplete(&typed) {
                return Ok(Some(typed));
            }
        }
    }

    fn next_line(&mut self, before: usize) -> Result<Option<String>, CliError> {
        let mut line = Vec::new();
        let most = MAX_TEXT_BYTES - before.min(MAX_TEXT_BYTES);
        let read = std::io::Read::take(&mut self.input, most as u64 + 2).read_until(b'\n', &mut line);
        let read = read.map_err(|error| CliError::io("cannot read stdin", &error))?;
        if read == 0 && most > 0 {
            return Ok(None);
        }
        self.line += 1;
        while line.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
            line.pop();
        }
        let place = format!("stdin:{}", self.line);
        if line.len() > most {
            let most = text::bytes(MAX_TEXT_BYTES as u64);
            return Err(CliError::invalid(format!("{place}: one question may have {most}, and this is longer")));
        }
        String::from_utf8(line).map(Some).map_err(|error| {
            let offset = error.utf8_error().valid_up_to();
            CliError::invalid(format!("{place}: not UTF-8: 0x{:02x} at byte {offset}", error.as_bytes()[offset]))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inputs(text: &str) -> Vec<String> {
        let mut piped = Piped::new(text.as_bytes());
        std::iter::from_fn(|| piped.next().expect("UTF-8")).map(|typed| meant(&typed)).collect()
    }

    #[test]
    fn a_line_is_an_input_unless_it_goes_on() {
        assert_eq!(inputs("one\ntwo\r\nthree"), ["one", "two", "three"]);
        assert_eq!(inputs("one \\\ntwo\nthree\n"), ["one \ntwo", "three"]);
        assert_eq!(inputs("a path C:\\\\\nnext"), ["a path C:\\\\", "next"], "two backslashes are two backslashes");
        assert_eq!(inputs("cut off \\"), ["cut off \\"]);
    }

    #[test]
    fn a_block_is_one_input() {
        assert_eq!(inputs("\"\"\"\nfn main() {\n\n}\n\"\"\"\nnext\n"), ["fn main() {\n\n}", "next"]);
        assert_eq!(inputs("\"\"\"one line\"\"\"\n"), ["one line"]);
        assert_eq!(inputs("\"\"\"\nnever closed\n"), ["never closed"]);
        assert!(
            is_incomplete("\"\"\"") && is_incomplete("\"\"\"\""),
            "the marks of the end are not those of the beginning"
        );
    }

    #[test]
    fn what_is_not_utf8_is_named_by_its_line() {
        let mut piped = Piped::new(&b"one\ncaf\xe9\n"[..]);
        assert_eq!(piped.next().expect("UTF-8").as_deref(), Some("one"));
        assert_eq!(piped.next().expect_err("latin1").message, "stdin:2: not UTF-8: 0xe9 at byte 3");
    }
}
