//! What can go wrong with the index, and how tantivy's errors are read.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use tantivy::TantivyError;
use tantivy::directory::error::{LockError, OpenDirectoryError, OpenReadError};
use thiserror::Error;

/// Why the index could not be opened, searched or written.
///
/// None of these endangers what is remembered: the index is derived from the log.
#[derive(Debug, Error)]
pub enum IndexError {
    /// The operating system refused (permission, full disk, read-only file system).
    #[error("could not {doing} the memory index at {}", path.display())]
    Io {
        /// What was attempted, as an infinitive.
        doing: &'static str,
        /// The index's folder.
        path: PathBuf,
        /// The operating system's answer.
        #[source]
        source: io::Error,
    },
    /// Another process, or another index in this one, holds the folder's write lock.
    #[error(
        "the memory index at {} is being written by another process; let it finish, or send the \
         command to the process that holds this home", path.display()
    )]
    Locked {
        /// The index's folder.
        path: PathBuf,
    },
    /// A file of the index is not what was written. The folder is marked: opening it again sets
    /// it aside and starts an empty one.
    #[error("the memory index at {} is damaged ({why}); opening it again rebuilds it", path.display())]
    Damaged {
        /// The index's folder.
        path: PathBuf,
        /// What was noticed.
        why: String,
    },
    /// A document was added behind one that comes after it. Documents are numbered in the order of
    /// their positions; none of those given with it were added.
    #[error("a document at position {position} was added to the memory index behind one at position {last}")]
    OutOfOrder {
        /// Where the document belongs.
        position: u64,
        /// The greatest position that the index has.
        last: u64,
    },
    /// Documents could not be written (for instance, a full disk seen by an indexing thread).
    /// They stay searchable, and the next commit tries again.
    #[error("could not write to the memory index at {}", path.display())]
    Write {
        /// The index's folder.
        path: PathBuf,
        /// What the index library said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A vector that can neither be kept nor compared.
    #[error("not a vector of this index: {what}")]
    Vector {
        /// What is wrong with it.
        what: String,
    },
}

/// A failure of a call into tantivy, before it is known what that means for the caller.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Files are missing, cut or changed.
    Damaged(String),
    /// The write lock is taken.
    Locked,
    /// The operating system refused.
    Io(io::Error),
    /// Anything else, panics included. While reading this can only come from what was read; while
    /// writing, from a full disk as well.
    Unclear(Box<dyn std::error::Error + Send + Sync>),
}

impl Failure {
    /// The public error for a failure of `doing` something to the index at `path`.
    pub(crate) fn into_error(self, doing: Doing, path: &Path) -> IndexError {
        let path = path.to_path_buf();
        match (self, doing) {
            (Failure::Unclear(source), Doing::Write) => IndexError::Write { path, source },
            (Failure::Unclear(source), _) => IndexError::Damaged { path, why: one_line(&source.to_string()) },
            (Failure::Damaged(why), _) => IndexError::Damaged { path, why },
            (Failure::Locked, _) => IndexError::Locked { path },
            (Failure::Io(source), doing) => IndexError::Io { doing: doing.verb(), path, source },
        }
    }
}

/// What was attempted when something failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doing {
    Open,
    Create,
    SetAside,
    Read,
    Write,
}

impl Doing {
    fn verb(self) -> &'static str {
        match self {
            Doing::Open => "open",
            Doing::Create => "create",
            Doing::SetAside => "set aside",
            Doing::Read => "read",
            Doing::Write => "write to",
        }
    }
}

impl From<TantivyError> for Failure {
    fn from(error: TantivyError) -> Self {
        match error {
            TantivyError::LockFailure(LockError::LockBusy, _) => Failure::Locked,
            TantivyError::LockFailure(LockError::IoError(cause), _) => from_io(&cause),
            TantivyError::IoError(cause) => from_io(&cause),
            TantivyError::OpenReadError(OpenReadError::IoError { io_error, .. }) => from_io(&io_error),
            TantivyError::OpenReadError(OpenReadError::FileDoesNotExist(path)) => {
                Failure::Damaged(format!("{} is missing", path.display()))
            }
            TantivyError::OpenDirectoryError(OpenDirectoryError::IoError { io_error, .. }) => from_io(&io_error),
            TantivyError::DataCorruption(_)
            | TantivyError::OpenReadError(_)
            | TantivyError::IncompatibleIndex(_)
            | TantivyError::SchemaError(_)
            | TantivyError::FieldNotFound(_)
            | TantivyError::MissingPlugin(_)
            | TantivyError::DeserializeError(_) => Failure::Damaged(one_line(&error.to_string())),
            other => Failure::Unclear(Box::new(other)),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        from_io(&error)
    }
}

/// Tells contents that make no sense (damage) from an operating system that refuses.
fn from_io(error: &io::Error) -> Failure {
    use io::ErrorKind::{InvalidData, InvalidInput, NotFound, Other, UnexpectedEof};
    match error.kind() {
        NotFound | UnexpectedEof | InvalidData | InvalidInput | Other => Failure::Damaged(one_line(&error.to_string())),
        // `io::Error` is no `Clone`, and tantivy shares its own behind an `Arc`.
        kind => Failure::Io(match error.raw_os_error() {
            Some(code) => io::Error::from_raw_os_error(code),
            None => io::Error::new(kind, error.to_string()),
        }),
    }
}

/// Runs calls into tantivy, which panics on some damaged files, and makes a panic a failure.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    // Whatever a panic leaves half done is thrown away by every caller, with the index object.
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result,
        Err(panic) => Err(Failure::Unclear(panic_text(&*panic).into())),
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a message")
        .to_owned()
}

/// The start of a foreign message, fit to stand inside one of ours.
fn one_line(text: &str) -> String {
    const MAX_CHARS: usize = 200;
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_CHARS).collect()
}
