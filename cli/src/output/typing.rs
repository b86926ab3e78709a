//! A question to a person that nothing waits for: the terminal is looked at now and then, and stays as it is.

use std::io;
use std::os::fd::AsFd;

use rustix::io::{ioctl_fionread, read};
use rustix::termios::{QueueSelector, tcflush};

use super::{Output, text};
use crate::error::CliError;

/// The longest line that is taken, in bytes; what is beyond belongs to the next.
const MAX_LINE_BYTES: usize = 1024;

/// What a person types in answer to a question.
pub(crate) struct Typing {
    line: Vec<u8>,
}

impl Output {
    /// Asks a person something; the cursor stays behind it. Until it is answered, or
    /// [ended](Self::end_question), nothing else is to be printed.
    pub(crate) fn ask(&mut self, question: &str) -> Typing {
        // What was typed before it was asked answers something else.
        let _ = tcflush(io::stdin().as_fd(), QueueSelector::IFlush);
        self.say(&text::clean(question));
        Typing { line: Vec::new() }
    }

    /// Ends the line of a question that nobody needs to answer any more.
    pub(crate) fn end_question(&mut self, why: &str) {
        self.say(&format!("{why}\n"));
    }
}

impl Typing {
    /// The line, if the person has ended it; never waits.
    ///
    /// # Errors
    /// If the terminal cannot be read, or has gone.
    pub(crate) fn line(&mut self) -> Result<Option<String>, CliError> {
        let cannot = |error: io::Error| CliError::io("cannot read the terminal", &error);
        let stdin = io::stdin();
        // A terminal counts only lines that are ended.
        let there = ioctl_fionread(stdin.as_fd()).map_err(|error| cannot(error.into()))?;
        if there == 0 {
            return Ok(None);
        }
        let mut buffer = [0; MAX_LINE_BYTES];
        let length = read(stdin.as_fd(), &mut buffer).map_err(|error| cannot(error.into()))?;
        self.line.extend_from_slice(&buffer[..length]);
        let end = self.line.iter().position(|byte| *byte == b'\n');
        if end.is_none() && self.line.len() < MAX_LINE_BYTES {
            return Ok(None);
        }
        let line = std::mem::take(&mut self.line);
        Ok(Some(String::from_utf8_lossy(&line[..end.unwrap_or(line.len())]).into_owned()))
    }
}
