//! What comes in pieces: an answer on stdout, what a model thinks aloud on stderr, and a word that it is awaited.
//!
//! A piece is handed on at once, and a terminal that shows both streams stays readable: whatever else is said
//! begins a line of its own.

use std::io::Write;

use super::{Output, Style, text};
use crate::error::CliError;

/// What is open on the two streams.
#[derive(Debug, Default)]
pub(super) struct Flow {
    /// The last piece on stdout did not end its line.
    text: bool,
    /// The last piece of an aside on stderr did not end its line.
    aside: bool,
    /// These words stand on stderr: something is awaited.
    awaited: Option<String>,
}

impl Output {
    /// Prints a piece of a text, at once.
    ///
    /// # Errors
    /// If stdout cannot be written.
    pub(crate) fn piece(&mut self, piece: &str) -> Result<(), CliError> {
        if piece.is_empty() {
            return Ok(());
        }
        // Letters are filtered one by one, so that nothing can be smuggled past in two pieces.
        let shown = self.shown(piece);
        self.write(shown.as_bytes())?;
        self.flow.text = !piece.ends_with('\n');
        self.flush()
    }

    /// Ends the line that pieces have begun, if they have.
    ///
    /// # Errors
    /// If stdout cannot be written.
    pub(crate) fn end_pieces(&mut self) -> Result<(), CliError> {
        if std::mem::take(&mut self.flow.text) {
            self.write(b"\n")?;
        }
        self.flush()
    }

    /// Prints a JSON value on a line of its own, at once.
    ///
    /// # Errors
    /// If stdout cannot be written.
    pub(crate) fn data_now(&mut self, value: &impl serde::Serialize) -> Result<(), CliError> {
        self.data(value)?;
        self.flush()
    }

    /// Prints a piece of an aside to stderr, dimmed.
    pub(crate) fn aside(&mut self, piece: &str) {
        if self.json || self.quiet || piece.is_empty() {
            return;
        }
        self.take_away_awaited();
        self.break_text();
        let shown = if self.err.terminal { text::clean(piece).into_owned() } else { piece.to_owned() };
        let painted = self.paint_err(Style::Dim, &shown);
        let _ = self.stderr.write_all(painted.as_bytes());
        self.flow.aside = !piece.ends_with('\n');
    }

    /// Shows on stderr, until something else is printed, that something is awaited; nothing unless it is a terminal.
    pub(crate) fn awaiting(&mut self, what: &str) {
        if !self.err.cursor || self.json || self.quiet || self.flow.text || self.flow.aside {
            return;
        }
        if self.flow.awaited.as_deref() != Some(what) {
            let line = self.paint_err(Style::Dim, what);
            let _ = self.stderr.write_all(format!("\r{line}\u{1b}[K").as_bytes());
            self.flow.awaited = Some(what.to_owned());
        }
    }

    /// Takes away what [`awaiting`](Self::awaiting) has shown.
    pub(crate) fn take_away_awaited(&mut self) {
        if self.flow.awaited.take().is_some() {
            let _ = self.stderr.write_all(b"\r\x1b[K");
        }
    }

    /// Says something dimmed to a person; programs are not told.
    pub(crate) fn dim_note(&mut self, note: &str) {
        let note = self.paint_err(Style::Dim, note);
        self.note(note);
    }

    /// Before anything is written to stdout.
    pub(super) fn before_stdout(&mut self) {
        self.take_away_awaited();
        self.end_aside();
    }

    /// Before anything is said on stderr.
    pub(super) fn before_stderr(&mut self) {
        self.take_away_awaited();
        self.end_aside();
        self.break_text();
    }

    fn end_aside(&mut self) {
        if std::mem::take(&mut self.flow.aside) {
            let _ = self.stderr.write_all(b"\n");
        }
    }

    /// Ends the line of a text on the screen, where both streams are shown; the text itself goes on as it is.
    fn break_text(&mut self) {
        if self.flow.text && self.out.terminal && self.err.terminal {
            let _ = self.stdout.flush();
            let _ = self.stderr.write_all(b"\n");
            self.flow.text = false;
        }
    }
}
