//! The files of a home, one kind per module. How they work together as one log is
//! [`crate::store::local`]'s business.
//!
//! ```text
//! home/
//!   log/
//!     lock                 who has the log open                                  [`lock`]
//!     head                 how far the log goes; lags, never leads               [`head`]
//!     journal/NNNNNNNN.zoj what makes a commit durable                           [`journal`]
//!     recent/NNNNNNNN/     sled: the same range, keyed by position               [`recent`]
//!     segments/F-L.zos     closed ranges, compressed, with parity                [`segments`]
//!     reserve              space to be released when the disk is full            [`files`]
//!     set-aside/           torn and damaged bytes that were cut off
//!   blobs/ab/cdef…         large bodies, named by their hash                     [`blobs`]
//!   arriving/RUN           replies on their way                                   [`arriving`]
//!   keys/                  the home's key and the stream keys                    [`keys`], [`seal`]
//! ```
//!
//! Our own files are written by `write` and `pwrite`, made durable by `fdatasync`, and put in their places
//! by `rename` and an fsync of the folder: nothing here maps a file.

pub mod arriving;
pub mod blobs;
pub mod chunks;
pub mod files;
mod guard;
pub mod head;
pub mod journal;
pub mod keys;
pub mod lock;

pub mod recent;
pub mod seal;
pub mod segments;

use std::io;
use std::path::{Path, PathBuf};

/// The operating system refused something.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}: {source}", .path.display())]
pub struct DiskError {
    /// What was tried: `read`, `create`, `sync`…
    pub action: &'static str,
    /// On which file or folder.
    pub path: PathBuf,
    /// Why it failed.
    #[source]
    pub source: io::Error,
}

/// A folder that is removed when it is dropped; in memory, where there is a place for that.
#[cfg(test)]
pub(crate) fn folder_in_memory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a temporary folder")
}

impl DiskError {
    /// A function that wraps an [`io::Error`]; made for `map_err`.
    pub fn on<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> Self + use<'a> {
        move |source| Self { action, path: path.to_owned(), source }
    }

    /// Whether there was no space left (or no quota).
    pub fn is_full(&self) -> bool {
        matches!(self.source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
    }

    /// Whether the file or folder is not there.
    pub fn is_missing(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }
}
