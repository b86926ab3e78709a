//! The only place that prints: data to stdout, talk to stderr.
//!
//! Under `--json` stdout is one JSON value a line and stderr is empty but for `{"error": …}` and `{"warning": …}`. On a
//! terminal there are columns, colours and progress; elsewhere tabs and nothing that a program would have to take off
//! again. A reader that goes away ends the command quietly ([`Kind::ClosedPipe`](crate::error::Kind)).
//!
//! [`Table`] prints lists, [`Progress`] long work, [`flow`] what comes in pieces, [`typing`] asks while other things go on,
//! [`text`] is for the words themselves.

mod flow;
mod progress;
mod prompt;
mod table;
pub(crate) mod text;
mod typing;

use std::env;
use std::fmt::Display;
use std::io::{self, BufWriter, IsTerminal, Stderr, Stdout, Write};

use clap::ValueEnum;
use indicatif::ProgressBar;
use serde::Serialize;

pub(crate) use progress::{Progress, Total};
pub(crate) use table::Table;
pub(crate) use typing::Typing;

use self::flow::Flow;
use crate::error::{Body, CliError};

/// Width of a terminal that does not tell.
const USUAL_COLUMNS: usize = 100;

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set or TERM is dumb.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How a piece of text stands out where there are colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Bold,
    Dim,
    Red,
    Green,
    Yellow,
}

/// Stdout and stderr, and what they can show.
pub(crate) struct Output {
    json: bool,
    quiet: bool,
    stdout: BufWriter<Stdout>,
    stderr: Stderr,
    out: Ability,
    err: Ability,
    bar: Option<ProgressBar>,
    flow: Flow,
}

/// What a stream can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ability {
    terminal: bool,
    color: bool,
    /// Whether the cursor can be moved: a terminal that is not dumb.
    cursor: bool,
}

impl Ability {
    fn of(terminal: bool, color: Color, no_color: bool, dumb: bool) -> Self {
        let color = match color {
            Color::Auto => terminal && !no_color && !dumb,
            Color::Always => true,
            Color::Never => false,
        };
        Self { terminal, color, cursor: terminal && !dumb }
    }
}

impl Output {
    /// Looks at the streams and the environment.
    pub(crate) fn new(json: bool, quiet: bool, color: Color) -> Self {
        // An empty NO_COLOR counts as none (no-color.org).
        let no_color = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = env::var_os("TERM").is_none_or(|term| term == "dumb");
        let (stdout, stderr) = (io::stdout(), io::stderr());
        let out = Ability::of(stdout.is_terminal(), color, no_color, dumb);
        let err = Ability::of(stderr.is_terminal(), color, no_color, dumb);
        Self { json, quiet, stdout: BufWriter::new(stdout), stderr, out, err, bar: None, flow: Flow::default() }
    }

    /// Whether programs read along.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Whether a person reads stdout.
    pub(crate) fn is_terminal(&self) -> bool {
        self.out.terminal
    }

    /// Whether a person can be asked: stdin and stderr are a terminal.
    pub(crate) fn is_interactive(&self) -> bool {
        self.err.terminal && io::stdin().is_terminal()
    }

    /// What `doctor` says about the terminal: whether stdout is one, and whether it gets colours.
    pub(crate) fn abilities(&self) -> (bool, bool) {
        (self.out.terminal, self.out.color)
    }

    /// Columns of the terminal on stdout.
    pub(crate) fn columns(&self) -> usize {
        let window = rustix::termios::tcgetwinsize(self.stdout.get_ref()).ok();
        window.map(|size| usize::from(size.ws_col)).filter(|&columns| columns > 0).unwrap_or(USUAL_COLUMNS)
    }

    /// Prints a JSON value on a line of its own.
    ///
    /// # Errors
    /// If stdout cannot be written.
    pub(crate) fn data(&mut self, value: &impl Serialize) -> Result<(), CliError> {
        let mut bytes = serde_json::to_vec(value)
            .map_err(|error| CliError::invalid(format!("what was found cannot be shown as JSON: {error}")))?;
        bytes.push(b'\n');
        self.write(&bytes)
    }

    /// Prints a line for people.
    ///
    /// # Errors
    /// If stdout cannot be written.
    pub(crate) fn line(&mut self, line: impl Display) -> Result<(), CliError> {
        self.write(format!("{line}\n").as_bytes())
    }

    /// Prints a text as it is.
    ///
    /// # Errors
    /// If stdout cannot be written.
    pub(crate) fn text(&mut self, text: &str) -> Result<(), CliError> {
        self.write(text.as_bytes())
    }

    /// Passes on what another program has printed on stdout, as it is and at once.
    ///
    /// # Errors
    /// If stdout cannot be written.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<(), CliError> {
        self.write(bytes)?;
        self.flush()
    }

    /// The same for stderr.
    pub(crate) fn error_bytes(&mut self, bytes: &[u8]) {
        self.before_stderr();
        let _ = self.stdout.flush();
        let _ = self.stderr.write_all(bytes);
    }

    /// Hands everything printed so far to who reads it.
    ///
    /// # Errors
    /// If stdout cannot be written.
    pub(crate) fn flush(&mut self) -> Result<(), CliError> {
        self.stdout.flush().map_err(|error| CliError::io("cannot write to stdout", &error))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), CliError> {
        self.before_stdout();
        let Self { stdout, bar, .. } = self;
        let written = match bar {
            Some(bar) if self.out.terminal => bar.suspend(|| stdout.write_all(bytes).and_then(|()| stdout.flush())),
            _ => stdout.write_all(bytes),
        };
        written.map_err(|error| CliError::io("cannot write to stdout", &error))
    }

    /// Says something to a person; programs are not told.
    pub(crate) fn note(&mut self, note: impl Display) {
        if !self.json && !self.quiet {
            self.say(&format!("{note}\n"));
        }
    }

    /// Says that something is not as it should be, though the command goes on.
    pub(crate) fn warn(&mut self, warning: &CliError) {
        if self.json {
            #[derive(Serialize)]
            struct Line {
                warning: Body,
            }
            let line = serde_json::to_string(&Line { warning: warning.body() });
            self.say(&(line.expect("texts are JSON") + "\n"));
        } else {
            let word = self.paint_err(Style::Yellow, "warning:");
            let mut lines = format!("{word} {}\n", text::clean(&warning.message));
            self.add_hints(&mut lines, &warning.hints);
            self.say(&lines);
        }
    }

    /// Says why the command failed.
    pub(crate) fn error(&mut self, error: &CliError) {
        if self.json {
            let line = serde_json::to_string(&error.to_json());
            self.say(&(line.expect("texts are JSON") + "\n"));
        } else {
            let word = self.paint_err(Style::Red, "error:");
            let mut lines = format!("{word} {}\n", text::clean(&error.message));
            self.add_hints(&mut lines, &error.hints);
            self.say(&lines);
        }
    }

    fn add_hints(&self, lines: &mut String, hints: &[String]) {
        for hint in hints {
            let word = self.paint_err(Style::Bold, "hint:");
            lines.push_str(&format!("{word} {}\n", text::clean(hint)));
        }
    }

    /// Writes to stderr, after what is on stdout. Nobody can be told if that fails.
    fn say(&mut self, lines: &str) {
        self.before_stderr();
        let _ = self.stdout.flush();
        let Self { stderr, bar, .. } = self;
        let _ = match bar {
            Some(bar) => bar.suspend(|| stderr.write_all(lines.as_bytes())),
            None => stderr.write_all(lines.as_bytes()),
        };
    }

    /// `text` for stdout, standing out where there are colours.
    pub(crate) fn paint(&self, style: Style, text: &str) -> String {
        painted(self.out.color, style, text)
    }

    fn paint_err(&self, style: Style, text: &str) -> String {
        painted(self.err.color, style, text)
    }

    /// `text` from outside for people: without control characters that a terminal would obey.
    pub(crate) fn shown(&self, text: &str) -> String {
        if self.out.terminal { text::clean(text).into_owned() } else { text.to_owned() }
    }

    /// The same for stderr.
    pub(crate) fn shown_err(&self, text: &str) -> String {
        if self.err.terminal { text::clean(text).into_owned() } else { text.to_owned() }
    }
}

fn painted(color: bool, style: Style, text: &str) -> String {
    if !color || text.is_empty() {
        return text.to_owned();
    }
    let code = match style {
        Style::Bold => "1",
        Style::Dim => "2",
        Style::Red => "1;31",
        Style::Green => "32",
        Style::Yellow => "33",
    };
    format!("\u{1b}[{code}m{text}\u{1b}[0m")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_only_where_they_are_wanted() {
        let color = |terminal, color, no_color, dumb| Ability::of(terminal, color, no_color, dumb).color;
        assert!(color(true, Color::Auto, false, false));
        assert!(!color(false, Color::Auto, false, false), "a pipe");
        assert!(!color(true, Color::Auto, true, false), "NO_COLOR");
        assert!(!color(true, Color::Auto, false, true), "TERM=dumb");
        assert!(color(false, Color::Always, true, true));
        assert!(!color(true, Color::Never, false, false));
    }

    #[test]
    fn no_progress_on_a_dumb_terminal() {
        assert!(!Ability::of(true, Color::Always, false, true).cursor);
        assert!(!Ability::of(false, Color::Always, false, false).cursor);
    }
}
