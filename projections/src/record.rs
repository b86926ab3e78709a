//! One event as it lies in the log: a fixed header, the event in clear, the sealed body.
//!
//! ```text
//!  0  u32  length of what follows the checksum        48  u32  version within the stream, from 1
//!  4  u32  crc32 of what follows the checksum         52  u32  key id, 0 = nothing sealed
//!  8  u16  kind (stable number)                       56  i64  at, ms since 1970 (never goes back)
//! 10  u8   schema of the kind                         64  u32  length of the event
//! 11  u8   flags                                      68  u32  length of the body as stored
//! 12  u8   actor                                      72  u64  causation: a position        (flag 1)
//! 13  u8   category of the stream                      …  u128 correlation                  (flag 2)
//! 14  u16  zero                                        …  u128 idempotency key              (flag 4)
//! 16  u128 event id (ULID)                             …  event: bincode of the kind's schema
//! 32  u128 id of the stream                            …  body: sealed bytes (flag 8), or hash and length of a blob (8 + 16)
//! ```
//!
//! All numbers are little-endian. The position is not stored: a pack says where its first record lies, and
//! records are dense. The body is opaque here: sealing is the engine's business.

use bincode::{Decode, Encode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::event::{Event, EventError};
use crate::ids::{Category, EventId, KeyId, Position, StreamId};
use crate::time::Timestamp;

/// Length of the fixed part of a record, in bytes.
pub const FIXED: usize = 72;
/// Length of a reference to a blob: a blake3 hash and the blob's length.
const BLOB_REFERENCE: usize = 40;

const HAS_CAUSATION: u8 = 1;
const HAS_CORRELATION: u8 = 2;
const HAS_IDEMPOTENCY: u8 = 4;
const HAS_BODY: u8 = 8;
const BODY_IN_BLOB: u8 = 16;
const ALL_FLAGS: u8 = HAS_CAUSATION | HAS_CORRELATION | HAS_IDEMPOTENCY | HAS_BODY | BODY_IN_BLOB;

/// Who asked for what the event records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Actor {
    /// The engine itself: a worker finishing what was outstanding.
    #[default]
    Engine = 0,
    /// A person at a terminal.
    User = 1,
    /// An importer, on a person's behalf.
    Import = 2,
    /// A model or an agent.
    Agent = 3,
    /// A client of the HTTP interface.
    Client = 4,
}

impl Actor {
    fn from_number(number: u8) -> Option<Self> {
        [Self::Engine, Self::User, Self::Import, Self::Agent, Self::Client].get(usize::from(number)).copied()
    }
}

/// Where the body of an event lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BodyPlace {
    /// The event has none.
    #[default]
    None,
    /// Behind the event, so many sealed bytes.
    Inline(u32),
    /// In a file of the blob store.
    Blob {
        /// blake3 of the sealed bytes, which is the blob's name.
        hash: [u8; 32],
        /// Length of the sealed bytes.
        length: u64,
    },
}

/// Everything about an event but what it says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Header {
    /// Its place in the log.
    pub position: Position,
    /// Its own id.
    pub id: EventId,
    /// The stream it belongs to.
    pub stream: StreamId,
    /// Its number within the stream, from 1.
    pub version: u32,
    /// When it was recorded; never before the event in front of it.
    pub at: Timestamp,
    /// Who asked for it.
    pub actor: Actor,
    /// The event that led to it.
    pub causation: Option<Position>,
    /// What ties the events of one command, run or import together.
    pub correlation: Option<u128>,
    /// Key of the command, on the last of its events; a command that comes again under it gets the first result.
    pub idempotency: Option<u128>,
    /// The key its body is sealed under.
    pub key: KeyId,
    /// Where its body lies.
    pub body: BodyPlace,
}

/// An event with its header, decoded: what folds are given.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// Everything but what it says.
    pub header: Header,
    /// What it says.
    pub event: Event,
}

/// A record within a pack: the header decoded, the event and the body still bytes.
#[derive(Clone, Copy, Debug)]
pub struct RawRecord<'a> {
    /// The header.
    pub header: Header,
    /// Stable number of the event's kind.
    pub kind: u16,
    /// Schema the event was written in.
    pub schema: u8,
    /// The event, in bincode.
    pub event: &'a [u8],
    /// The sealed body if it is inline, else empty.
    pub body: &'a [u8],
}

/// Why bytes are not a record.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RecordError {
    /// The bytes end within the record.
    #[error("record at position {position} is cut: {needed} bytes needed, {available} there")]
    Cut {
        /// The record's position.
        position: Position,
        /// Bytes it says it has.
        needed: usize,
        /// Bytes that are there.
        available: usize,
    },
    /// The checksum does not fit.
    #[error("record at position {position} is damaged: its checksum does not fit")]
    Checksum {
        /// The record's position.
        position: Position,
    },
    /// A field has a value that no version of this format writes.
    #[error("record at position {position} has no valid {field}: {value}")]
    Field {
        /// The record's position.
        position: Position,
        /// The field.
        field: &'static str,
        /// Its value.
        value: u64,
    },
}

/// Appends the record of `event` to `out`. `body` is what is stored inline: the sealed bytes, empty unless
/// `header.body` is [`BodyPlace::Inline`], whose length must be theirs.
pub fn write(header: &Header, event: &Event, body: &[u8], out: &mut Vec<u8>) {
    debug_assert!(
        match header.body {
            BodyPlace::Inline(length) => length as usize == body.len(),
            _ => body.is_empty(),
        },
        "the header says where the body lies"
    );
    let start = out.len();
    let mut flags = 0;
    for (flag, set) in [
        (HAS_CAUSATION, header.causation.is_some()),
        (HAS_CORRELATION, header.correlation.is_some()),
        (HAS_IDEMPOTENCY, header.idempotency.is_some()),
        (HAS_BODY, header.body != BodyPlace::None),
        (BODY_IN_BLOB, matches!(header.body, BodyPlace::Blob { .. })),
    ] {
        if set {
            flags |= flag;
        }
    }
    out.extend_from_slice(&[0; 8]);
    out.extend_from_slice(&event.kind().to_le_bytes());
    out.extend_from_slice(&[event.schema(), flags, header.actor as u8, header.stream.category as u8, 0, 0]);
    out.extend_from_slice(&header.id.0.to_le_bytes());
    out.extend_from_slice(&header.stream.id.to_le_bytes());
    out.extend_from_slice(&header.version.to_le_bytes());
    out.extend_from_slice(&header.key.0.to_le_bytes());
    out.extend_from_slice(&header.at.0.to_le_bytes());
    out.extend_from_slice(&[0; 8]);
    if let Some(causation) = header.causation {
        out.extend_from_slice(&causation.0.to_le_bytes());
    }
    for id in [header.correlation, header.idempotency].into_iter().flatten() {
        out.extend_from_slice(&id.to_le_bytes());
    }
    let event_start = out.len();
    event.encode(out);
    let body_start = out.len();
    match header.body {
        BodyPlace::None => {}
        BodyPlace::Inline(_) => out.extend_from_slice(body),
        BodyPlace::Blob { hash, length } => {
            out.extend_from_slice(&hash);
            out.extend_from_slice(&length.to_le_bytes());
        }
    }
    let length =
        |from: usize, to: usize| u32::try_from(to - from).expect("a pack is far smaller than 4 GiB").to_le_bytes();
    let (event_length, body_length) = (length(event_start, body_start), length(body_start, out.len()));
    out[start + 64..start + 68].copy_from_slice(&event_length);
    out[start + 68..start + 72].copy_from_slice(&body_length);
    let whole = length(start + 8, out.len());
    let checksum = crc32fast::hash(&out[start + 8..]).to_le_bytes();
    out[start..start + 4].copy_from_slice(&whole);
    out[start + 4..start + 8].copy_from_slice(&checksum);
}

impl<'a> RawRecord<'a> {
    /// Reads the record at the front of `bytes`, which lies at `position`; returns it with the length it takes.
    ///
    /// # Errors
    /// If the bytes are cut or damaged, or hold a field no version of this format writes. Never panics.
    pub fn read(position: Position, bytes: &'a [u8]) -> Result<(Self, usize), RecordError> {
        let cut = |needed| RecordError::Cut { position, needed, available: bytes.len() };
        if bytes.len() < FIXED {
            return Err(cut(FIXED));
        }
        let length = u32_at(bytes, 0) as usize;
        let whole = length.saturating_add(8);
        if whole < FIXED || bytes.len() < whole {
            return Err(cut(whole.max(FIXED)));
        }
        let bytes = &bytes[..whole];
        if crc32fast::hash(&bytes[8..]) != u32_at(bytes, 4) {
            return Err(RecordError::Checksum { position });
        }
        let field = |field, value| RecordError::Field { position, field, value };
        let flags = bytes[11];
        // A flag of a newer version may stand for a field: what follows could not be told apart.
        if flags & !ALL_FLAGS != 0 || flags & (HAS_BODY | BODY_IN_BLOB) == BODY_IN_BLOB {
            return Err(field("flags", u64::from(flags)));
        }
        let reserved = u16::from_le_bytes([bytes[14], bytes[15]]);
        if reserved != 0 {
            return Err(field("reserved field", u64::from(reserved)));
        }
        let actor = Actor::from_number(bytes[12]).ok_or(field("actor", u64::from(bytes[12])))?;
        let category = Category::from_number(bytes[13]).ok_or(field("category", u64::from(bytes[13])))?;

        let mut rest = &bytes[FIXED..];
        let mut take = |wanted: bool, n: usize| -> Result<Option<&'a [u8]>, RecordError> {
            if !wanted {
                return Ok(None);
            }
            let (taken, left) = rest.split_at_checked(n).ok_or(field("length", whole as u64))?;
            rest = left;
            Ok(Some(taken))
        };
        let causation = take(flags & HAS_CAUSATION != 0, 8)?.map(|b| Position(u64_at(b, 0)));
        let correlation = take(flags & HAS_CORRELATION != 0, 16)?.map(|b| u128_at(b, 0));
        let idempotency = take(flags & HAS_IDEMPOTENCY != 0, 16)?.map(|b| u128_at(b, 0));
        let event = take(true, u32_at(bytes, 64) as usize)?.unwrap_or_default();
        let stored = take(true, u32_at(bytes, 68) as usize)?.unwrap_or_default();
        if !rest.is_empty() {
            return Err(field("length", whole as u64));
        }
        if flags & HAS_BODY == 0 && !stored.is_empty() {
            return Err(field("length of the body", stored.len() as u64));
        }
        let (body, place) = match (flags & HAS_BODY != 0, flags & BODY_IN_BLOB != 0) {
            (false, _) => (&[][..], BodyPlace::None),
            (true, false) => (stored, BodyPlace::Inline(u32_at(bytes, 68))),
            (true, true) => {
                let hash = stored.first_chunk::<32>().filter(|_| stored.len() == BLOB_REFERENCE);
                let hash = *hash.ok_or(field("blob reference", stored.len() as u64))?;
                (&[][..], BodyPlace::Blob { hash, length: u64_at(stored, 32) })
            }
        };
        let header = Header {
            position,
            id: EventId(u128_at(bytes, 16)),
            stream: StreamId::new(category, u128_at(bytes, 32)),
            version: u32_at(bytes, 48),
            at: Timestamp(u64_at(bytes, 56).cast_signed()),
            actor,
            causation,
            correlation,
            idempotency,
            key: KeyId(u32_at(bytes, 52)),
            body: place,
        };
        let kind = u16::from_le_bytes([bytes[8], bytes[9]]);
        Ok((Self { header, kind, schema: bytes[10], event, body }, whole))
    }

    /// Decodes the event, lifting an old schema to the newest.
    ///
    /// # Errors
    /// If the kind or its schema is from a newer version, or the bytes are not what the schema says.
    pub fn decode(&self) -> Result<Recorded, EventError> {
        Ok(Recorded { header: self.header, event: Event::decode(self.kind, self.schema, self.event)? })
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(*bytes[at..].first_chunk().expect("the caller has checked the length"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(*bytes[at..].first_chunk().expect("the caller has checked the length"))
}

fn u128_at(bytes: &[u8], at: usize) -> u128 {
    u128::from_le_bytes(*bytes[at..].first_chunk().expect("the caller has checked the length"))
}

#[cfg(test)]
mod tests;
