//! How much was left to embed when the index was last written: so that a process that does not need the index can tell
//! in a moment whether there is something to carry on.

use std::fs;
use std::path::Path;

use zo_projections::Position;

use crate::disk::{DiskError, files};

/// Name of the file, which holds the two numbers. Only a hint: the next recall finds out how it is.
const FILE: &str = "backlog";

/// What was left.
#[derive(Default, PartialEq)]
pub(super) struct Backlog {
    /// Passages without a vector.
    pub(super) passages: u64,
    /// Everything up to here was in the index.
    pub(super) position: Position,
}

impl Backlog {
    /// Nothing, from the beginning, if it cannot be read.
    pub(super) fn read(folder: &Path) -> Self {
        let text = fs::read_to_string(folder.join(FILE)).unwrap_or_default();
        let mut numbers = text.split_whitespace().map(str::parse);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(passages)), Some(Ok(position))) => Self { passages, position: Position(position) },
            _ => Self::default(),
        }
    }

    /// Written where it says something new.
    pub(super) fn write(&self, folder: &Path) -> Result<(), DiskError> {
        if *self == Self::read(folder) {
            return Ok(());
        }
        let text = format!("{} {}\n", self.passages, self.position.0);
        files::write_atomic(&folder.join(FILE), text.as_bytes(), 0o600)
    }
}
