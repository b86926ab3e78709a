//! What opening the log found and did, and why it could not be opened.

use std::fmt;
use std::path::PathBuf;

use zo_projections::Position;

use crate::disk::DiskError;

/// What opening a log found that was not as it should be. Empty after a clean close.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecoveryReport {
    /// The findings, in the order in which they were made.
    pub findings: Vec<Finding>,
}

impl RecoveryReport {
    /// Whether everything was in order.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }
}

impl fmt::Display for RecoveryReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.findings.iter().try_for_each(|finding| writeln!(f, "{finding}"))
    }
}

/// One thing that was not as it should be, and what was done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file or folder, as seen from the log's folder: `journal/00000003.zoj`.
    pub place: String,
    /// What was found there.
    pub what: String,
    /// The positions concerned, first and last, where they are known.
    pub positions: Option<(Position, Position)>,
    /// What was done about it.
    pub action: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)?;
        match self.positions {
            Some((first, last)) if first == last => write!(f, " (position {first})")?,
            Some((first, last)) => write!(f, " (positions {first} to {last})")?,
            None => {}
        }
        write!(f, "; {}", self.action)
    }
}

/// Why a log was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("the log is held by {}", .holder.map_or("another process".to_owned(), |pid| format!("process {pid}")))]
    Held {
        /// Process id of the holder, if it could be read.
        holder: Option<u32>,
    },
    /// Part of what was acknowledged is damaged in every copy.
    #[error(
        "the log is damaged in {place}: {what}; it can be read up to position {readable_to} of {acknowledged}. \
         `zo log restore` keeps what is readable and brings back the rest from a backup, if there is one"
    )]
    Damaged {
        /// The file that is damaged or missing.
        place: String,
        /// What was found.
        what: String,
        /// The last position that can be read.
        readable_to: Position,
        /// The last position known to have been acknowledged.
        acknowledged: Position,
    },
    /// Written by a newer version of zo.
    #[error("{} was written by a newer version of zo (format {found})", .path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u16,
    },
    /// A file belongs to another home.
    #[error("{} belongs to another home", .path.display())]
    OtherHome {
        /// The file.
        path: PathBuf,
    },
    /// Something that is not a folder lies where the log should be.
    #[error("{} is not a folder", .path.display())]
    NotAFolder {
        /// What lies there.
        path: PathBuf,
    },
    /// The log may not be read or written by this user.
    #[error("{} may not be read and written by this user", .path.display())]
    Forbidden {
        /// The file or folder.
        path: PathBuf,
        /// The refusal.
        #[source]
        source: DiskError,
    },
    /// There is no space to open it.
    #[error("the disk is full: {needed} bytes are needed to open the log, {available} are available")]
    DiskFull {
        /// Bytes available to this user.
        available: u64,
        /// Bytes that must be available.
        needed: u64,
    },
    /// Something else failed.
    #[error(transparent)]
    Io(DiskError),
}

impl From<DiskError> for OpenError {
    fn from(source: DiskError) -> Self {
        let path = source.path.clone();
        match source.source.kind() {
            std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
                Self::Forbidden { path, source }
            }
            std::io::ErrorKind::NotADirectory | std::io::ErrorKind::AlreadyExists => Self::NotAFolder { path },
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                let folder = path.parent().unwrap_or(&path);
                let available = crate::disk::files::free_bytes(folder).unwrap_or(0);
                Self::DiskFull { available, needed: super::OPEN_BYTES }
            }
            _ => Self::Io(source),
        }
    }
}
