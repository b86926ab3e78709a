//! What a fold is: state that is derived from the log alone, and can be thrown away.

use bincode::config::{Configuration, Fixint, Limit, LittleEndian};
use bincode::{Decode, Encode};

use crate::ids::Position;
use crate::record::Recorded;

/// A small fold, in memory, applied before a command is acknowledged.
///
/// `apply` is total: it never panics and never refuses. What should not have happened (a message of a conversation
/// that was deleted, an answer to no question) leaves the state as it was and is returned as an [`Anomaly`].
///
/// Two folds are about the log itself and follow it even then: a version that skips is where its stream
/// now stands, and idempotency keys age with every event.
pub trait Projection: Sized + Default {
    /// Its name: a plural noun, used for digests and snapshots.
    const NAME: &'static str;
    /// Number of the shape that [`save`](Self::save) writes; a snapshot of another number is ignored and refolded.
    const SCHEMA: u16;

    /// Takes in one event. Events it does not know mean nothing to it.
    ///
    /// # Errors
    /// An [`Anomaly`] if the event is not possible in this state, which is then as it was.
    fn apply(&mut self, recorded: &Recorded) -> Result<(), Anomaly>;

    /// Appends its whole state to `out`: equal states give equal bytes, whatever the path to them.
    fn save(&self, out: &mut Vec<u8>);

    /// What [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// If the bytes are anything else.
    fn load(bytes: &[u8]) -> Result<Self, NotASnapshot>;
}

/// An event that was not possible where it stands. The log keeps it, `zo log verify` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Anomaly {
    /// The event.
    pub position: Position,
    /// What is wrong with it.
    pub what: String,
}

impl Anomaly {
    /// An anomaly at the position of `recorded`.
    pub fn new(recorded: &Recorded, what: impl Into<String>) -> Self {
        Self { position: recorded.header.position, what: what.into() }
    }
}

/// Bytes that are no state of this projection.
#[derive(Debug, thiserror::Error)]
#[error("not a snapshot of this projection: {0}")]
pub struct NotASnapshot(pub String);

/// The most bytes that the state of one projection may take, in memory or saved: some thirty million events. A snapshot
/// with more is refolded. The limit keeps a damaged length from being allocated.
pub const MAX_STATE_BYTES: usize = 2 * 1024 * 1024 * 1024;

const CODEC: Configuration<LittleEndian, Fixint, Limit<MAX_STATE_BYTES>> =
    bincode::config::standard().with_little_endian().with_fixed_int_encoding().with_limit::<MAX_STATE_BYTES>();

/// Appends `value` to `out` in the codec of snapshots.
pub(crate) fn save_value<T: Encode>(value: &T, out: &mut Vec<u8>) {
    bincode::encode_into_std_write(value, out, CODEC).expect("a vector takes every byte, and the state can be encoded");
}

/// Reads what [`save_value`] wrote; all of it.
pub(crate) fn load_value<T: Decode<()>>(bytes: &[u8]) -> Result<T, NotASnapshot> {
    match bincode::decode_from_slice(bytes, CODEC) {
        Ok((value, used)) if used == bytes.len() => Ok(value),
        Ok((_, used)) => Err(NotASnapshot(format!("{} bytes left over", bytes.len() - used))),
        Err(error) => Err(NotASnapshot(error.to_string())),
    }
}
