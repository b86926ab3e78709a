//! Compactions: which messages are told to models by their summary.

use std::collections::BTreeMap;

use bincode::{Decode, Encode};

use crate::event::Event;
use crate::ids::{ConversationId, MessageId, Position};
use crate::projection::{Anomaly, NotASnapshot, Projection, load_value, save_value};
use crate::record::Recorded;

/// The compactions of each conversation that were not undone, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Compactions {
    of: BTreeMap<ConversationId, Vec<Compaction>>,
}

/// A range of messages with a summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Compaction {
    /// The first message.
    pub from: MessageId,
    /// The last one.
    pub through: MessageId,
    /// How many they are.
    pub messages: u32,
    /// The event whose body is the summary.
    pub position: Position,
}

impl Compactions {
    /// The compactions of a conversation, oldest first.
    pub fn of(&self, conversation: ConversationId) -> &[Compaction] {
        self.of.get(&conversation).map(Vec::as_slice).unwrap_or_default()
    }
}

impl Projection for Compactions {
    const NAME: &'static str = "compactions";
    const SCHEMA: u16 = 1;

    fn apply(&mut self, recorded: &Recorded) -> Result<(), Anomaly> {
        let id = ConversationId(recorded.header.stream.id);
        match &recorded.event {
            Event::ConversationCompacted(event) => {
                let (from, through, messages) = (event.from, event.through, event.messages);
                let compaction = Compaction { from, through, messages, position: recorded.header.position };
                self.of.entry(id).or_default().push(compaction);
            }
            Event::ConversationUncompacted(event) => {
                let undone = || Anomaly::new(recorded, format!("there is no compaction at {}", event.compaction));
                let all = self.of.get_mut(&id).ok_or_else(undone)?;
                let index = all.iter().position(|it| it.position == event.compaction).ok_or_else(undone)?;
                all.remove(index);
                if all.is_empty() {
                    self.of.remove(&id);
                }
            }
            Event::ConversationDeleted(_) => drop(self.of.remove(&id)),
            _ => {}
        }
        Ok(())
    }

    fn save(&self, out: &mut Vec<u8>) {
        save_value(self, out);
    }

    fn load(bytes: &[u8]) -> Result<Self, NotASnapshot> {
        load_value(bytes)
    }
}

#[cfg(test)]
mod tests;
