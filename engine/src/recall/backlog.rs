//! How much was left to embed when the index was last written: so that a process that does not need the index can tell
//! in a moment whether there is something to carry on.

use std::fs;
use std::path::Path;

use crate::disk::{DiskError, files};
use crate::protocol::Embedded;

/// Name of the file. Only a hint: without it, or with a wrong one, the next recall finds out.
const FILE: &str = "backlog";

/// What was left.
pub(super) struct Backlog {
    left: u64,
}

impl Backlog {
    pub(super) fn of(share: Embedded) -> Self {
        Self { left: share.of.saturating_sub(share.passages) }
    }

    /// Nothing, if it cannot be read.
    pub(super) fn read(folder: &Path) -> Self {
        let text = fs::read_to_string(folder.join(FILE)).unwrap_or_default();
        Self { left: text.trim().parse().unwrap_or(0) }
    }

    pub(super) fn write(&self, folder: &Path) -> Result<(), DiskError> {
        if Self::read(folder).left == self.left {
            return Ok(());
        }
        files::write_atomic(&folder.join(FILE), format!("{}\n", self.left).as_bytes(), 0o600)
    }

    /// In passages.
    pub(super) fn left(&self) -> u64 {
        self.left
    }
}
