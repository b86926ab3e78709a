//! Keys of commands that were carried out: a command that comes again gets the first result.

use std::collections::VecDeque;

use bincode::{Decode, Encode};

use super::lookup::Lookup;
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
    /// Where a key lies: how many were remembered before it, those that were dropped since included. It wraps around,
    /// which does no harm as long as fewer than 2³² are remembered at once.
    places: Lookup<u32>,
    dropped: u32,
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
        let place = self.places.get(&key, key_in(&self.order, self.dropped))?;
        let &Entry { stream, position, .. } = self.order.get(place.wrapping_sub(self.dropped) as usize)?;
        Some(Receipt { stream, position, version: 0, events: 0 })
    }

    /// How many keys are remembered.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Remembers an entry behind the others; false if its key is remembered already.
    fn push(&mut self, entry: Entry) -> bool {
        let place = self.dropped.wrapping_add(u32::try_from(self.order.len()).expect("so many do not fit into memory"));
        self.order.push_back(entry);
        let new = self.places.insert(&entry.key, place, key_in(&self.order, self.dropped));
        if !new {
            self.order.pop_back();
        }
        new
    }

    fn drop_oldest(&mut self) {
        if let Some(oldest) = self.order.pop_front() {
            self.places.remove(&oldest.key, self.dropped);
            self.dropped = self.dropped.wrapping_add(1);
        }
    }
}

fn key_in(order: &VecDeque<Entry>, dropped: u32) -> impl Fn(u32) -> u128 {
    move |place| order[place.wrapping_sub(dropped) as usize].key
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
            self.drop_oldest();
        }
        let Some(key) = header.idempotency else { return Ok(()) };
        if !self.push(Entry { key, stream: header.stream, position: header.position, at: header.at }) {
            return Err(Anomaly::new(recorded, format!("idempotency key {key:032x} was used before")));
        }
        Ok(())
    }

    fn save(&self, out: &mut Vec<u8>) {
        save_value(&self.order, out);
    }

    fn load(bytes: &[u8]) -> Result<Self, NotASnapshot> {
        let order: VecDeque<Entry> = load_value(bytes)?;
        let mut keys = Self { order, ..Self::default() };
        keys.places.reserve(keys.order.len(), key_in(&keys.order, 0));
        for (entry, place) in keys.order.iter().zip(0..) {
            if !keys.places.insert(&entry.key, place, key_in(&keys.order, 0)) {
                return Err(NotASnapshot(format!("idempotency key {:032x} is there twice", entry.key)));
            }
        }
        Ok(keys)
    }
}

#[cfg(test)]
mod tests;
