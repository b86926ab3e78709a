//! Keys of commands that were carried out: a command that comes again gets the first result.

use std::collections::VecDeque;

use bincode::{Decode, Encode};
use hashbrown::HashMap;

use crate::command::Receipt;
use crate::ids::{Position, StreamId};
use crate::projection::{Anomaly, NotASnapshot, Projection, load_value, save_value};
use crate::record::Recorded;
use crate::time::Timestamp;

/// A key is kept until this many positions have been written after it…
pub const KEPT_POSITIONS: u64 = 1_000_000;
/// …or so many milliseconds have passed, whichever comes first.
pub const KEPT_MS: i64 = 7 * 24 * 3600 * 1000;

/// The keys that are remembered, oldest first.
#[derive(Clone, Debug, Default)]
pub struct IdempotencyKeys {
    order: VecDeque<Entry>,
    places: HashMap<u128, (StreamId, Position)>,
}

#[derive(Clone, Copy, Debug, Encode, Decode)]
struct Entry {
    key: u128,
    stream: StreamId,
    position: Position,
    at: Timestamp,
}

impl IdempotencyKeys {
    /// The receipt of the command that was carried out under `key`.
    pub fn get(&self, key: u128) -> Option<Receipt> {
        self.places.get(&key).map(|&(stream, position)| Receipt { stream, position, version: 0, events: 0 })
    }

    /// How many keys are remembered.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }
}

impl Projection for IdempotencyKeys {
    const NAME: &'static str = "idempotency_keys";
    const SCHEMA: u16 = 1;

    fn apply(&mut self, recorded: &Recorded) -> Result<(), Anomaly> {
        let header = &recorded.header;
        while let Some(oldest) = self.order.front() {
            let aged = header.position.0.saturating_sub(oldest.position.0) > KEPT_POSITIONS
                || header.at.0.saturating_sub(oldest.at.0) > KEPT_MS;
            if !aged {
                break;
            }
            self.places.remove(&oldest.key);
            self.order.pop_front();
        }
        let Some(key) = header.idempotency else { return Ok(()) };
        if self.places.contains_key(&key) {
            return Err(Anomaly::new(recorded, format!("idempotency key {key:032x} was used before")));
        }
        self.places.insert(key, (header.stream, header.position));
        self.order.push_back(Entry { key, stream: header.stream, position: header.position, at: header.at });
        Ok(())
    }

    fn save(&self, out: &mut Vec<u8>) {
        save_value(&self.order, out);
    }

    fn load(bytes: &[u8]) -> Result<Self, NotASnapshot> {
        let order: VecDeque<Entry> = load_value(bytes)?;
        let places = order.iter().map(|entry| (entry.key, (entry.stream, entry.position))).collect();
        Ok(Self { order, places })
    }
}
