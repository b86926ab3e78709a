//! Keys with their values: the last write wins.

use std::collections::BTreeMap;

use bincode::{Decode, Encode};

use crate::event::Event;
use crate::ids::Position;
use crate::projection::{Anomaly, NotASnapshot, Projection, load_value, save_value};
use crate::record::Recorded;
use crate::time::Timestamp;

/// Every key that has a value, in order.
#[derive(Clone, Debug, Default)]
pub struct KeyValues {
    keys: BTreeMap<String, KeyValue>,
}

/// Where a key's value lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct KeyValue {
    /// The event that set it.
    pub position: Position,
    /// Version of that event in the key's stream.
    pub version: u32,
    /// When it was set.
    pub at: Timestamp,
    /// Length of the value, in bytes.
    pub size: u32,
}

impl KeyValues {
    /// Where the value of `key` lies.
    pub fn get(&self, key: &str) -> Option<KeyValue> {
        self.keys.get(key).copied()
    }

    /// The keys that begin with `prefix` and come after `after`, in order.
    pub fn after<'a>(&'a self, prefix: &'a str, after: Option<&'a str>) -> impl Iterator<Item = (&'a str, KeyValue)> {
        use std::ops::Bound::{Excluded, Included, Unbounded};
        let from = match after {
            Some(after) if after >= prefix => Excluded(after),
            _ => Included(prefix),
        };
        self.keys
            .range::<str, _>((from, Unbounded))
            .take_while(move |(key, _)| key.starts_with(prefix))
            .map(|(key, value)| (key.as_str(), *value))
    }

    /// How many keys have a value.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether none has.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

impl Projection for KeyValues {
    const NAME: &'static str = "key_values";
    const SCHEMA: u16 = 1;

    fn apply(&mut self, recorded: &Recorded) -> Result<(), Anomaly> {
        let header = &recorded.header;
        match &recorded.event {
            Event::KvSet(event) => {
                let value =
                    KeyValue { position: header.position, version: header.version, at: header.at, size: event.size };
                match self.keys.get_mut(&event.key) {
                    Some(present) => *present = value,
                    None => {
                        self.keys.insert(event.key.clone(), value);
                    }
                }
            }
            Event::KvDeleted(event) => {
                let removed = self.keys.remove(&event.key);
                if removed.is_none() {
                    return Err(Anomaly::new(recorded, format!("key {:?} has no value to delete", event.key)));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn save(&self, out: &mut Vec<u8>) {
        save_value(&self.keys, out);
    }

    fn load(bytes: &[u8]) -> Result<Self, NotASnapshot> {
        Ok(Self { keys: load_value(bytes)? })
    }
}

#[cfg(test)]
mod tests;
