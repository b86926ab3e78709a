//! The one error of the command line: its kind decides the exit code, its hints say what to type next.

#[cfg(test)]
mod tests;

use std::error::Error;
use std::io;

use serde::Serialize;
use zo_engine::protocol::{Failure, FailureKind};
use zo_import::ImportError;

/// What a command may fail with.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CliError {
    /// What sort; programs branch on its name, shells on its exit code.
    pub(crate) kind: Kind,
    /// What happened, with the values: lower case, no full stop.
    pub(crate) message: String,
    /// What to do, most likely first.
    pub(crate) hints: Vec<String>,
}

/// Sorts of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The engine said no, or failed.
    Engine(FailureKind),
    /// The command line was not understood.
    Usage,
    /// Something of a longer task was done and is kept, and then it stopped.
    Incomplete,
    /// Somebody pressed Ctrl-C; what was acknowledged is kept.
    Interrupted,
    /// A person was asked, and said no.
    Declined,
    /// A check of `doctor`, `verify`, `rebuild` or `demo` did not come out as it should.
    Unsound,
    /// A provider was asked about a key, and does not take it.
    KeyNotTaken,
    /// A job that was waited for did not get done.
    NotDone,
    /// This version cannot do it yet.
    Unavailable,
    /// A command that was run for the user did not succeed, and has said why itself: its exit code is ours.
    Child(u8),
    /// Who reads our output has gone. No error at all: a quiet end.
    ClosedPipe,
}

impl Kind {
    /// Its name in JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Engine(FailureKind::NotFound) => "not_found",
            Self::Engine(FailureKind::Conflict) => "conflict",
            Self::Engine(FailureKind::Refused) => "refused",
            Self::Engine(FailureKind::Invalid) => "invalid",
            Self::Engine(FailureKind::DiskFull) => "disk_full",
            Self::Engine(FailureKind::Poisoned) => "poisoned",
            Self::Engine(FailureKind::Damaged) => "damaged",
            Self::Engine(FailureKind::Newer) => "newer",
            Self::Engine(FailureKind::Disconnected) => "disconnected",
            Self::Engine(FailureKind::Io) => "io",
            Self::Engine(FailureKind::Model) => "model",
            Self::Engine(FailureKind::Key) | Self::KeyNotTaken => "key",
            Self::Engine(FailureKind::Locked) => "locked",
            Self::Engine(FailureKind::Forbidden) => "forbidden",
            Self::Usage => "usage",
            Self::Incomplete => "incomplete",
            Self::Interrupted => "interrupted",
            Self::Declined => "declined",
            Self::Unsound => "unsound",
            Self::NotDone => "not_done",
            Self::Unavailable => "unavailable",
            Self::Child(_) => "child",
            Self::ClosedPipe => "closed_pipe",
        }
    }

    /// 0 done, 1 refused, 2 not understood, 3 failed, 130 interrupted (as shells number it). Where a key is missing or not
    /// taken, what was asked for is refused; where it was a check that found it so, the check has failed.
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Self::ClosedPipe => 0,
            Self::Engine(
                FailureKind::NotFound
                | FailureKind::Conflict
                | FailureKind::Refused
                | FailureKind::Invalid
                | FailureKind::Key
                | FailureKind::Locked
                | FailureKind::Forbidden,
            )
            | Self::Declined
            | Self::NotDone => 1,
            Self::Usage => 2,
            Self::Engine(_) | Self::Incomplete | Self::Unsound | Self::KeyNotTaken | Self::Unavailable => 3,
            Self::Interrupted => 130,
            Self::Child(code) => code,
        }
    }

    /// Whether nothing is to be said: there is nobody to tell, or it was told.
    pub(crate) fn is_quiet(self) -> bool {
        matches!(self, Self::ClosedPipe | Self::Child(_))
    }
}

impl CliError {
    /// An error without a hint.
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hints: Vec::new() }
    }

    /// The command line cannot be carried out as it stands.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// What was given cannot be taken.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(Kind::Engine(FailureKind::Invalid), message)
    }

    /// There is no such thing.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(Kind::Engine(FailureKind::NotFound), message)
    }

    /// The system refused: `what` is what was tried, with the path.
    pub(crate) fn io(what: impl Into<String>, cause: &io::Error) -> Self {
        let message = format!("{}: {}", what.into(), reason(cause));
        match cause.kind() {
            io::ErrorKind::BrokenPipe => Self::new(Kind::ClosedPipe, message),
            io::ErrorKind::NotFound => Self::not_found(message),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::new(Kind::Engine(FailureKind::DiskFull), message)
            }
            _ => Self::new(Kind::Engine(FailureKind::Io), message),
        }
    }

    /// The same with what to do about it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The same with something to do that is tried before anything else.
    pub(crate) fn first_hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.insert(0, hint.into());
        self
    }

    /// The same with a place in front: `notes.jsonl:12: …`.
    pub(crate) fn at(mut self, place: &str) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }

    /// Its form under `--json`.
    pub(crate) fn to_json(&self) -> impl Serialize {
        #[derive(Serialize)]
        struct Line {
            error: Body,
        }
        Line { error: self.body() }
    }

    /// Kind, message and hint as one object.
    pub(crate) fn body(&self) -> Body {
        let hint = (!self.hints.is_empty()).then(|| self.hints.join("\n"));
        Body { kind: self.kind.name(), message: self.message.clone(), hint }
    }
}

/// What errors and warnings say under `--json`.
#[derive(Serialize)]
pub(crate) struct Body {
    kind: &'static str,
    message: String,
    hint: Option<String>,
}

impl From<Failure> for CliError {
    fn from(failure: Failure) -> Self {
        let hint = failure.hint.or_else(|| default_hint(failure.kind).map(str::to_owned));
        Self { kind: Kind::Engine(failure.kind), message: failure.message, hints: hint.into_iter().collect() }
    }
}

/// What to do about a failure whose hint the engine left to us.
fn default_hint(kind: FailureKind) -> Option<&'static str> {
    match kind {
        FailureKind::DiskFull => Some("free some space and run it again; everything acknowledged is kept"),
        FailureKind::Poisoned => Some("run it again: the log is opened anew, and everything acknowledged is kept"),
        FailureKind::Damaged => Some("`zo log verify` names what is damaged, `zo log restore` brings back what can be"),
        FailureKind::Newer => Some("use the version of zo that wrote it, or a later one"),
        FailureKind::Disconnected => Some("run it again"),
        FailureKind::Model => Some("`zo model test` tries each step of the connection"),
        FailureKind::Locked => {
            Some("where nobody can be asked, let ZO_PASSPHRASE_FILE name a file, for you alone, that has it")
        }
        _ => None,
    }
}

impl From<ImportError> for CliError {
    fn from(error: ImportError) -> Self {
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause {
            message.push_str(": ");
            match inner.downcast_ref::<io::Error>() {
                Some(error) => message.push_str(&reason(error)),
                None => message.push_str(&inner.to_string()),
            }
            cause = inner.source();
        }
        let kind = match &error {
            ImportError::Open { cause, .. } if cause.kind() == io::ErrorKind::NotFound => FailureKind::NotFound,
            ImportError::Open { .. } | ImportError::Read { .. } | ImportError::Database { .. } => FailureKind::Io,
            _ => FailureKind::Invalid,
        };
        Self::new(Kind::Engine(kind), message)
    }
}

/// What the system said, in lower case and without its number.
pub(crate) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.find(" (os error").map_or(text.as_str(), |end| &text[..end]);
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}
