//! Streams: the version each is at, and the key its bodies are sealed under.

use bincode::{Decode, Encode};
use hashbrown::HashMap;

use crate::ids::{KeyId, Position, StreamId};
use crate::projection::{Anomaly, NotASnapshot, Projection, load_value, save_value};
use crate::record::Recorded;

/// Every stream that has an event.
#[derive(Clone, Debug, Default)]
pub struct Streams {
    states: HashMap<StreamId, StreamState>,
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
        self.states.get(&stream).copied()
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
        self.states.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.states.is_empty()
    }
}

impl Projection for Streams {
    const NAME: &'static str = "streams";
    const SCHEMA: u16 = 1;

    fn apply(&mut self, recorded: &Recorded) -> Result<(), Anomaly> {
        let header = &recorded.header;
        let state = self.states.entry(header.stream).or_insert(StreamState {
            version: 0,
            key: KeyId::NONE,
            last: Position::START,
        });
        let expected = state.version + 1;
        *state = StreamState {
            version: header.version,
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
        let mut states: Vec<_> = self.states.iter().map(|(stream, state)| (*stream, *state)).collect();
        states.sort_unstable_by_key(|(_, state)| state.last);
        save_value(&(states, self.last_key), out);
    }

    fn load(bytes: &[u8]) -> Result<Self, NotASnapshot> {
        let (states, last_key): (Vec<(StreamId, StreamState)>, KeyId) = load_value(bytes)?;
        Ok(Self { states: states.into_iter().collect(), last_key })
    }
}
