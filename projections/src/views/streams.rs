//! Streams: the version each is at, and the key its bodies are sealed under.

use bincode::{Decode, Encode};
use hashbrown::HashMap;

use crate::ids::{Category, KeyId, Position, StreamId};
use crate::projection::{Anomaly, NotASnapshot, Projection, load_value, save_value};
use crate::record::Recorded;

/// Every stream that has an event.
#[derive(Clone, Debug, Default)]
pub struct Streams {
    /// By number of the category: the numbers within it alone are shorter keys.
    states: [HashMap<u128, StreamState>; Category::ALL.len()],
    last_key: KeyId,
}

/// Where a stream stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct StreamState {
    /// Version of its last event, from 1.
    pub version: u32,
    /// The key its bodies are sealed under; [`KeyId::NONE`] until there is a body.
    pub key: KeyId,
    /// Position of its last event.
    pub last: Position,
}

impl Streams {
    /// Where `stream` stands; `None` if it has no event.
    pub fn get(&self, stream: StreamId) -> Option<StreamState> {
        self.states[stream.category as usize].get(&stream.id).copied()
    }

    /// Version of the last event of `stream`; 0 if it has none.
    pub fn version(&self, stream: StreamId) -> u32 {
        self.get(stream).map_or(0, |state| state.version)
    }

    /// The highest key id in use.
    pub fn last_key(&self) -> KeyId {
        self.last_key
    }

    /// How many streams there are.
    pub fn len(&self) -> usize {
        self.states.iter().map(HashMap::len).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Projection for Streams {
    const NAME: &'static str = "streams";
    const SCHEMA: u16 = 1;

    fn apply(&mut self, recorded: &Recorded) -> Result<(), Anomaly> {
        let header = &recorded.header;
        let state = self.states[header.stream.category as usize].entry(header.stream.id).or_insert(StreamState {
            version: 0,
            key: KeyId::NONE,
            last: Position::START,
        });
        let expected = state.version.saturating_add(1);
        *state = StreamState {
            version: state.version.max(header.version),
            key: if header.key == KeyId::NONE { state.key } else { header.key },
            last: header.position,
        };
        self.last_key = self.last_key.max(header.key);
        if header.version == expected {
            return Ok(());
        }
        Err(Anomaly::new(recorded, format!("{} has version {}, and {expected} is due", header.stream, header.version)))
    }

    fn save(&self, out: &mut Vec<u8>) {
        let mut states = Vec::with_capacity(self.len());
        for (category, of_category) in Category::ALL.into_iter().zip(&self.states) {
            states.extend(of_category.iter().map(|(&id, &state)| (StreamId::new(category, id), state)));
        }
        states.sort_unstable_by_key(|(stream, state)| (state.last, *stream));
        save_value(&(states, self.last_key), out);
    }

    fn load(bytes: &[u8]) -> Result<Self, NotASnapshot> {
        let (states, last_key): (Vec<(StreamId, StreamState)>, KeyId) = load_value(bytes)?;
        let mut streams = Self { last_key, ..Self::default() };
        let mut counts = [0; Category::ALL.len()];
        for (stream, _) in &states {
            counts[stream.category as usize] += 1;
        }
        for (of_category, count) in streams.states.iter_mut().zip(counts) {
            of_category.reserve(count);
        }
        for (stream, state) in states {
            if streams.states[stream.category as usize].insert(stream.id, state).is_some() {
                return Err(NotASnapshot(format!("{stream} is there twice")));
            }
        }
        Ok(streams)
    }
}

#[cfg(test)]
mod tests;
