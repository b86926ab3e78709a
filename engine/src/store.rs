//! The port behind which the log lies: packs go in at the head, and are read back from any position.
//!
//! The trait [`Store`] is all that the writer and the readers know. Its implementations: [`LocalStore`] (the
//! files of a home), [`MemoryStore`] (tests and dry runs), [`FaultyStore`] (wraps another and fails where it
//! is told to). [`testing`] holds the suite that every one of them passes. What a pack contains is
//! [`crate::log`]'s business, and when one is closed the writer's.

pub mod faulty;
pub mod local;
pub mod memory;
pub mod testing;

use zo_projections::Position;

use crate::disk::DiskError;
use crate::log::{Head, Pack, pack};

pub use faulty::{Fault, FaultyStore};
pub use local::LocalStore;
pub use memory::MemoryStore;

/// Where packs are kept: one writer appends, any number of threads read.
pub trait Store: Send + Sync {
    /// The head of what is durable and can be read.
    fn head(&self) -> Head;

    /// Whether `bytes` more can be appended: asked before anything is decided.
    ///
    /// # Errors
    /// [`AppendError::DiskFull`] if not.
    fn room(&self, bytes: u64) -> Result<(), AppendError> {
        let _ = bytes;
        Ok(())
    }

    /// Appends `packs` behind `expected` and returns the new head. All of them are durable on return.
    ///
    /// # Errors
    /// All but [`AppendError::Poisoned`] leave the log as it was. After [`AppendError::Poisoned`] it is not known how many of
    /// the packs are in the log: nothing can be appended until it has been opened again.
    fn append(&self, expected: Head, packs: &[Pack]) -> Result<Head, AppendError>;

    /// The pack that contains `from` and those that follow, in order and chained, until they have `max_bytes`
    /// bytes together: at least one if `from` is not past the head, none if it is. There may be more to read
    /// although fewer bytes came back. Each pack has been verified.
    ///
    /// # Errors
    /// If what was asked for is damaged in every copy, or cannot be read.
    fn read(&self, from: Position, max_bytes: usize) -> Result<Vec<Pack>, ReadError>;

    /// Finishes what runs behind the writer and lets go of everything. Nothing can be appended afterwards;
    /// reading may still work. Closing twice does nothing.
    fn close(&self);
}

/// Why packs were not appended.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// The disk is too full. Nothing was touched, and appending works again when there is space.
    #[error("the disk is full: {needed} bytes are needed (with a margin), {available} are available")]
    DiskFull {
        /// Bytes available to this user.
        available: u64,
        /// Bytes that must be available, the margin included.
        needed: u64,
    },
    /// The log does not end where the caller thinks.
    #[error("the log ends at position {}, not at {} as expected", .head.position, .expected.position)]
    Conflict {
        /// What the caller expected.
        expected: Head,
        /// Where the log ends.
        head: Head,
    },
    /// A pack is not the one that follows the pack before it.
    #[error("the pack from position {position} does not follow the pack before it")]
    Unchained {
        /// First position of the pack.
        position: Position,
    },
    /// A pack is longer than any pack may be.
    #[error("the pack from position {position} has {length} bytes, and {} at the most are possible", pack::MAX_BYTES)]
    TooLong {
        /// First position of the pack.
        position: Position,
        /// Its length, in bytes.
        length: usize,
    },
    /// A write or a sync failed, now or earlier: what is durable is known again only after the next open.
    #[error("nothing more can be appended until the log is opened again: {0}")]
    Poisoned(String),
    /// Something failed before the log was touched.
    #[error(transparent)]
    Io(#[from] DiskError),
}

/// Why packs could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Every copy of the pack is damaged or gone.
    #[error("position {position} cannot be read: {what}")]
    Damaged {
        /// The position asked for.
        position: Position,
        /// What was found in its place.
        what: String,
    },
    /// A file could not be read.
    #[error(transparent)]
    Io(#[from] DiskError),
}

/// Checks that `packs` can be appended behind `head`, as every implementation must.
pub(crate) fn check_append(head: &Head, expected: &Head, packs: &[Pack]) -> Result<Head, AppendError> {
    if head != expected {
        return Err(AppendError::Conflict { expected: *expected, head: *head });
    }
    let mut head = *head;
    for pack in packs {
        if !pack.follows(&head) {
            return Err(AppendError::Unchained { position: pack.first() });
        }
        let length = pack.bytes().len();
        if length > pack::MAX_BYTES {
            return Err(AppendError::TooLong { position: pack.first(), length });
        }
        head = pack.head();
    }
    Ok(head)
}
