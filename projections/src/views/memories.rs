//! Memories: which revision of each is valid, and which were.

use std::collections::BTreeSet;

use bincode::{Decode, Encode};
use hashbrown::HashMap;
use serde::Serialize;

use super::lookup::Lookup;
use crate::event::Event;
use crate::ids::{Digest, MemoryId, Position};
use crate::projection::{Anomaly, NotASnapshot, Projection, load_value, save_value};
use crate::record::Recorded;
use crate::time::Timestamp;

/// All memories, in the order in which they came into being.
#[derive(Clone, Debug, Default)]
pub struct Memories {
    all: Vec<Memory>,
    by_id: Lookup<u32>,
    /// The oldest live memory of each content that was given no id.
    by_digest: Lookup<u32>,
    /// The others with the same content: there are some only if a memory was superseded with the content of another.
    same_digest: HashMap<Digest, BTreeSet<u32>>,
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
    /// The position from which the newest revision was no longer valid, unless it still is. A memory that was retracted
    /// and then forgotten was valid until it was retracted.
    pub until: Option<Position>,
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
        self.index_of(id).map(|index| &self.all[index])
    }

    /// The live memory of this content and meta: the oldest, if there are several. Those that were given an id are not
    /// among them: only their id finds them.
    pub fn by_digest(&self, digest: Digest) -> Option<&Memory> {
        self.by_digest.get(&digest, digest_in(&self.all)).map(|index| &self.all[index as usize])
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

    fn index_of(&self, id: MemoryId) -> Option<usize> {
        self.by_id.get(&id, id_in(&self.all)).map(|index| index as usize)
    }

    /// Puts a memory, whose id must be new, behind the others.
    fn push(&mut self, memory: Memory) {
        let (id, state, index) = (memory.id, memory.state, self.all.len());
        self.all.push(memory);
        self.by_id.insert(&id, to_u32(index), id_in(&self.all));
        self.enter(index, state);
    }

    /// Takes the memory out of the counts and the digests.
    fn leave(&mut self, index: usize) {
        let memory = &self.all[index];
        match memory.state {
            State::Live => {
                self.live -= 1;
                self.bytes -= u64::from(memory.current.size);
                if !memory.named {
                    self.leave_digest(memory.current.digest, to_u32(index));
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
                if !memory.named {
                    self.enter_digest(to_u32(index));
                }
            }
            State::Retracted(_) => self.retracted += 1,
            State::Forgotten(_) => {}
        }
    }

    fn enter_digest(&mut self, index: u32) {
        let digest = self.all[index as usize].current.digest;
        let Some(oldest) = self.by_digest.get(&digest, digest_in(&self.all)) else {
            self.by_digest.insert(&digest, index, digest_in(&self.all));
            return;
        };
        self.same_digest.entry(digest).or_default().insert(index.max(oldest));
        if index < oldest {
            self.by_digest.remove(&digest, oldest);
            self.by_digest.insert(&digest, index, digest_in(&self.all));
        }
    }

    fn leave_digest(&mut self, digest: Digest, index: u32) {
        let was_oldest = self.by_digest.remove(&digest, index);
        let Some(others) = self.same_digest.get_mut(&digest) else { return };
        if was_oldest {
            if let Some(oldest) = others.pop_first() {
                self.by_digest.insert(&digest, oldest, digest_in(&self.all));
            }
        } else {
            others.remove(&index);
        }
        if others.is_empty() {
            self.same_digest.remove(&digest);
        }
    }

    fn revise(&mut self, index: usize, revision: Revision, named: bool) {
        self.leave(index);
        let memory = &mut self.all[index];
        memory.older.push((memory.current, memory.until.unwrap_or(revision.position)));
        memory.current = revision;
        memory.until = None;
        memory.named = named;
        self.enter(index, State::Live);
    }

    /// Ends the validity of a memory at `position`.
    fn end(&mut self, index: usize, state: State, position: Position) {
        self.leave(index);
        self.all[index].until.get_or_insert(position);
        self.enter(index, state);
    }
}

fn id_in(all: &[Memory]) -> impl Fn(u32) -> MemoryId {
    |index| all[index as usize].id
}

fn digest_in(all: &[Memory]) -> impl Fn(u32) -> Digest {
    |index| all[index as usize].current.digest
}

fn to_u32(index: usize) -> u32 {
    u32::try_from(index).expect("four billion memories do not fit into memory")
}

impl Projection for Memories {
    const NAME: &'static str = "memories";
    const SCHEMA: u16 = 1;

    fn apply(&mut self, recorded: &Recorded) -> Result<(), Anomaly> {
        let header = &recorded.header;
        let id = MemoryId(header.stream.id);
        let revision = |digest, size, occurred_at| Revision {
            position: header.position,
            version: header.version,
            at: header.at,
            occurred_at,
            digest,
            size,
        };
        let index = match &recorded.event {
            Event::Memorized(_) | Event::Superseded(_) | Event::Retracted(_) | Event::Forgotten(_) => self.index_of(id),
            _ => return Ok(()),
        };
        let state = index.map(|index| self.all[index].state);
        match (&recorded.event, index, state) {
            (Event::Memorized(event), None, _) => {
                self.push(Memory {
                    id,
                    named: event.named,
                    state: State::Live,
                    until: None,
                    current: revision(event.digest, event.size, event.occurred_at),
                    older: Vec::new(),
                });
            }
            (Event::Memorized(event), Some(index), Some(State::Retracted(_) | State::Forgotten(_))) => {
                self.revise(index, revision(event.digest, event.size, event.occurred_at), event.named);
            }
            (Event::Superseded(event), Some(index), Some(State::Live)) => {
                let named = self.all[index].named;
                self.revise(index, revision(event.digest, event.size, event.occurred_at), named);
            }
            (Event::Retracted(_), Some(index), Some(State::Live)) => {
                self.end(index, State::Retracted(header.position), header.position);
            }
            (Event::Forgotten(_), Some(index), Some(State::Live | State::Retracted(_))) => {
                self.end(index, State::Forgotten(header.position), header.position);
            }
            (_, _, state) => {
                let is = match state {
                    None => "was never memorized".to_owned(),
                    Some(State::Live) => "is live".to_owned(),
                    Some(State::Retracted(since)) => format!("was retracted at position {since}"),
                    Some(State::Forgotten(since)) => format!("was forgotten at position {since}"),
                };
                return Err(Anomaly::new(recorded, format!("memory {id} {is}")));
            }
        }
        Ok(())
    }

    fn save(&self, out: &mut Vec<u8>) {
        save_value(&self.all, out);
    }

    fn load(bytes: &[u8]) -> Result<Self, NotASnapshot> {
        let all: Vec<Memory> = load_value(bytes)?;
        let mut memories = Self { all, ..Self::default() };
        let count = memories.all.len();
        memories.by_id.reserve(count, id_in(&memories.all));
        memories.by_digest.reserve(count, digest_in(&memories.all));
        for index in 0..count {
            let Memory { id, state, .. } = memories.all[index];
            if !memories.by_id.insert(&id, to_u32(index), id_in(&memories.all)) {
                return Err(NotASnapshot(format!("memory {id} is there twice")));
            }
            memories.enter(index, state);
        }
        Ok(memories)
    }
}

#[cfg(test)]
mod tests;
