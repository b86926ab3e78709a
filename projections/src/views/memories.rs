//! Memories: which revision of each is valid, and which were.

use bincode::{Decode, Encode};
use hashbrown::HashMap;
use serde::Serialize;

use crate::event::Event;
use crate::ids::{Digest, MemoryId, Position, StreamId};
use crate::projection::{Anomaly, NotASnapshot, Projection, load_value, save_value};
use crate::record::Recorded;
use crate::time::Timestamp;

/// All memories, in the order in which they came into being.
#[derive(Clone, Debug, Default)]
pub struct Memories {
    all: Vec<Memory>,
    by_id: HashMap<MemoryId, u32>,
    by_digest: HashMap<Digest, u32>,
    live: usize,
    retracted: usize,
    bytes: u64,
}

/// One memory. What it says lies in the log, at the position of the revision.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Memory {
    /// Its id.
    pub id: MemoryId,
    /// Whether its id was given to it, and only that finds it again.
    pub named: bool,
    /// Whether it is valid.
    pub state: State,
    /// The newest revision.
    pub current: Revision,
    /// The revisions before it, oldest first, each with the position from which it was no longer valid.
    pub older: Vec<(Revision, Position)>,
}

/// What a memory said at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Revision {
    /// The event that holds it; it is valid from there.
    pub position: Position,
    /// Version of that event in the memory's stream.
    pub version: u32,
    /// When it was recorded.
    pub at: Timestamp,
    /// When it happened, if it was said.
    pub occurred_at: Option<Timestamp>,
    /// Digest of content and meta.
    pub digest: Digest,
    /// Length of the content, in bytes.
    pub size: u32,
}

/// Whether a memory is valid. Transitions: `Live → Retracted → Live`, and anything `→ Forgotten → Live`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize)]
#[serde(rename_all = "snake_case", tag = "state", content = "since")]
pub enum State {
    /// It is answered with.
    Live,
    /// It was found wrong at this position: listed only on request.
    Retracted(Position),
    /// It was hidden at this position: not listed.
    Forgotten(Position),
}

impl Memories {
    /// The memory with this id, whatever its state.
    pub fn get(&self, id: MemoryId) -> Option<&Memory> {
        self.by_id.get(&id).map(|&index| &self.all[index as usize])
    }

    /// The live memory of this content and meta.
    pub fn by_digest(&self, digest: Digest) -> Option<&Memory> {
        self.by_digest.get(&digest).map(|&index| &self.all[index as usize])
    }

    /// All memories, whatever their state, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Memory> + ExactSizeIterator {
        self.all.iter()
    }

    /// Whether the revision recorded at `position` of the memory `id` is the valid one.
    pub fn is_current(&self, id: MemoryId, position: Position) -> bool {
        self.get(id).is_some_and(|memory| memory.state == State::Live && memory.current.position == position)
    }

    /// How many are live.
    pub fn live(&self) -> usize {
        self.live
    }

    /// How many are retracted.
    pub fn retracted(&self) -> usize {
        self.retracted
    }

    /// Length of the contents of all live memories, in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    fn index_of(&self, stream: StreamId) -> Option<usize> {
        self.by_id.get(&MemoryId(stream.id)).map(|&index| index as usize)
    }

    /// Takes the memory out of the counts and the digests.
    fn leave(&mut self, index: usize) {
        let memory = &self.all[index];
        match memory.state {
            State::Live => {
                self.live -= 1;
                self.bytes -= u64::from(memory.current.size);
                let digest = memory.current.digest;
                if self.by_digest.get(&digest) == Some(&to_u32(index)) {
                    self.by_digest.remove(&digest);
                }
            }
            State::Retracted(_) => self.retracted -= 1,
            State::Forgotten(_) => {}
        }
    }

    /// Puts the memory back into the counts and the digests, in its new state.
    fn enter(&mut self, index: usize, state: State) {
        let memory = &mut self.all[index];
        memory.state = state;
        match state {
            State::Live => {
                self.live += 1;
                self.bytes += u64::from(memory.current.size);
                self.by_digest.entry(memory.current.digest).or_insert(to_u32(index));
            }
            State::Retracted(_) => self.retracted += 1,
            State::Forgotten(_) => {}
        }
    }

    fn revise(&mut self, index: usize, revision: Revision) {
        self.leave(index);
        let memory = &mut self.all[index];
        let until = match memory.state {
            State::Live => revision.position,
            State::Retracted(since) | State::Forgotten(since) => since,
        };
        memory.older.push((memory.current, until));
        memory.current = revision;
        self.enter(index, State::Live);
    }
}

fn to_u32(index: usize) -> u32 {
    u32::try_from(index).expect("four billion memories do not fit into memory")
}

impl Projection for Memories {
    const NAME: &'static str = "memories";
    const SCHEMA: u16 = 1;

    fn apply(&mut self, recorded: &Recorded) -> Result<(), Anomaly> {
        let header = &recorded.header;
        let revision = |digest, size, occurred_at| Revision {
            position: header.position,
            version: header.version,
            at: header.at,
            occurred_at,
            digest,
            size,
        };
        let index = match &recorded.event {
            Event::Memorized(_) | Event::Superseded(_) | Event::Retracted(_) | Event::Forgotten(_) => {
                self.index_of(header.stream)
            }
            _ => return Ok(()),
        };
        let state = index.map(|index| self.all[index].state);
        match (&recorded.event, index, state) {
            (Event::Memorized(event), None, _) => {
                let index = self.all.len();
                let id = MemoryId(header.stream.id);
                self.all.push(Memory {
                    id,
                    named: event.named,
                    state: State::Live,
                    current: revision(event.digest, event.size, event.occurred_at),
                    older: Vec::new(),
                });
                self.by_id.insert(id, to_u32(index));
                self.enter(index, State::Live);
            }
            (Event::Memorized(event), Some(index), Some(State::Retracted(_) | State::Forgotten(_))) => {
                self.revise(index, revision(event.digest, event.size, event.occurred_at));
            }
            (Event::Superseded(event), Some(index), Some(State::Live)) => {
                self.revise(index, revision(event.digest, event.size, event.occurred_at));
            }
            (Event::Retracted(_), Some(index), Some(State::Live)) => {
                self.leave(index);
                self.enter(index, State::Retracted(header.position));
            }
            (Event::Forgotten(_), Some(index), Some(State::Live | State::Retracted(_))) => {
                self.leave(index);
                self.enter(index, State::Forgotten(header.position));
            }
            (event, _, state) => {
                return Err(Anomaly::new(recorded, format!("{} of a memory that is {state:?}", event.name())));
            }
        }
        Ok(())
    }

    fn save(&self, out: &mut Vec<u8>) {
        save_value(&self.all, out);
    }

    fn load(bytes: &[u8]) -> Result<Self, NotASnapshot> {
        let all: Vec<Memory> = load_value(bytes)?;
        let mut memories = Self { by_id: HashMap::with_capacity(all.len()), all, ..Self::default() };
        for index in 0..memories.all.len() {
            memories.by_id.insert(memories.all[index].id, to_u32(index));
            memories.enter(index, memories.all[index].state);
        }
        Ok(memories)
    }
}
