//! Conversations: trees of messages, and the branch that is selected.

use bincode::{Decode, Encode};
use hashbrown::HashMap;

use super::lookup::Lookup;
use crate::event::Event;
use crate::event::conversation::Role;
use crate::ids::{ConversationId, Digest, MessageId, Position};
use crate::projection::{Anomaly, NotASnapshot, Projection, load_value, save_value};
use crate::record::Recorded;
use crate::time::Timestamp;

/// All conversations, in the order in which they were started.
#[derive(Clone, Debug, Default)]
pub struct Conversations {
    all: Vec<Conversation>,
    by_id: HashMap<ConversationId, u32>,
    by_name: HashMap<Digest, u32>,
    by_message: Lookup<(u32, u32)>,
    live: usize,
    messages: u64,
}

/// One conversation. What its messages say lies in the log.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Conversation {
    /// Its id.
    pub id: ConversationId,
    /// When it was started.
    pub started_at: Timestamp,
    /// When it was last changed.
    pub changed_at: Timestamp,
    /// Digest of its name and the event whose body is the name, if it has one.
    pub name: Option<(Digest, Position)>,
    /// Whether it was deleted, and where.
    pub deleted: Option<Position>,
    /// Its messages, in the order in which they were added.
    pub messages: Vec<Message>,
    /// The last message of the selected branch: an index into `messages`.
    pub selected: Option<u32>,
}

/// One message. What it says lies in the log, at its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// The event that holds it.
    pub position: Position,
    /// The message it follows: an index into the conversation's messages.
    pub parent: Option<u32>,
    /// Length of the text, in bytes.
    pub size: u32,
    /// Who it is from.
    pub role: Role,
    /// Whether it was cut off before its end.
    pub interrupted: bool,
    /// How many tool calls it asks for.
    pub tool_calls: u16,
}

impl Conversation {
    /// The messages from the root to the last one of the selected branch.
    pub fn branch(&self) -> Vec<&Message> {
        self.path_to(self.selected)
    }

    /// The messages from the root to the one with index `last`.
    pub fn path_to(&self, last: Option<u32>) -> Vec<&Message> {
        let mut path = Vec::new();
        let mut next = last;
        while let Some(message) = next.and_then(|index| self.messages.get(index as usize)) {
            path.push(message);
            next = message.parent;
        }
        path.reverse();
        path
    }

    /// How many branches the tree has: messages that none follows.
    pub fn branches(&self) -> usize {
        let mut followed = vec![false; self.messages.len()];
        for parent in self.messages.iter().filter_map(|message| message.parent) {
            followed[parent as usize] = true;
        }
        followed.iter().filter(|followed| !**followed).count()
    }

    /// Index of the message with this id.
    pub fn index_of(&self, id: MessageId) -> Option<u32> {
        self.messages.iter().position(|message| message.id == id).map(to_u32)
    }
}

impl Conversations {
    /// The conversation with this id, deleted or not.
    pub fn get(&self, id: ConversationId) -> Option<&Conversation> {
        self.by_id.get(&id).map(|&index| &self.all[index as usize])
    }

    /// The conversation with this name, if it is not deleted.
    pub fn by_name(&self, name: Digest) -> Option<&Conversation> {
        self.by_name.get(&name).map(|&index| &self.all[index as usize])
    }

    /// The conversation a message belongs to, and the message's index in it.
    pub fn by_message(&self, id: MessageId) -> Option<(&Conversation, u32)> {
        let (index, message) = self.by_message.get(&id, message_in(&self.all))?;
        Some((&self.all[index as usize], message))
    }

    /// All conversations, deleted ones too, in the order in which they were started.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Conversation> + ExactSizeIterator {
        self.all.iter()
    }

    /// How many are not deleted.
    pub fn live(&self) -> usize {
        self.live
    }

    /// How many messages those have, on all branches.
    pub fn messages(&self) -> u64 {
        self.messages
    }

    fn add_message(&mut self, index: usize, recorded: &Recorded) -> Result<(), Anomaly> {
        let Event::MessageAdded(event) = &recorded.event else { return Ok(()) };
        if self.by_message.get(&event.message, message_in(&self.all)).is_some() {
            return Err(Anomaly::new(recorded, format!("message {} was added before", event.message)));
        }
        let parent = event.parent.map(|id| {
            let follows = || Anomaly::new(recorded, format!("it follows message {id}, which is not there"));
            self.message_of(index, id).ok_or_else(follows)
        });
        let parent = parent.transpose()?;
        let conversation = &mut self.all[index];
        let message = to_u32(conversation.messages.len());
        conversation.messages.push(Message {
            id: event.message,
            position: recorded.header.position,
            parent,
            size: event.size,
            role: event.role,
            interrupted: event.interrupted,
            tool_calls: event.tool_calls,
        });
        if event.selected || conversation.selected.is_none() {
            conversation.selected = Some(message);
        }
        self.by_message.insert(&event.message, (to_u32(index), message), message_in(&self.all));
        self.messages += 1;
        Ok(())
    }

    fn start(&mut self, recorded: &Recorded, name: Option<Digest>) -> Result<(), Anomaly> {
        let header = &recorded.header;
        let id = ConversationId(header.stream.id);
        if self.by_id.contains_key(&id) {
            return Err(Anomaly::new(recorded, format!("conversation {id} was started before")));
        }
        let index = to_u32(self.all.len());
        if let Some(name) = name {
            self.check_free(recorded, name, index)?;
            self.by_name.insert(name, index);
        }
        self.by_id.insert(id, index);
        self.live += 1;
        self.all.push(Conversation {
            id,
            started_at: header.at,
            changed_at: header.at,
            name: name.map(|name| (name, header.position)),
            deleted: None,
            messages: Vec::new(),
            selected: None,
        });
        Ok(())
    }

    /// Index of a message, if it is in the conversation with this index.
    fn message_of(&self, index: usize, id: MessageId) -> Option<u32> {
        let conversation = &self.all[index];
        // Nearly always it is the last one, which is about to be touched anyway.
        if conversation.messages.last().is_some_and(|last| last.id == id) {
            return Some(to_u32(conversation.messages.len() - 1));
        }
        let (found, message) = self.by_message.get(&id, message_in(&self.all))?;
        (found as usize == index).then_some(message)
    }

    /// A name belongs to one conversation at a time.
    fn check_free(&self, recorded: &Recorded, name: Digest, index: u32) -> Result<(), Anomaly> {
        match self.by_name.get(&name) {
            Some(&taken) if taken != index => {
                let id = self.all[taken as usize].id;
                Err(Anomaly::new(recorded, format!("the name belongs to conversation {id}")))
            }
            _ => Ok(()),
        }
    }

    fn unname(&mut self, index: usize) {
        if let Some((name, _)) = self.all[index].name {
            self.by_name.remove(&name);
        }
    }
}

fn message_in(all: &[Conversation]) -> impl Fn((u32, u32)) -> MessageId {
    |(conversation, message)| all[conversation as usize].messages[message as usize].id
}

fn to_u32(index: usize) -> u32 {
    u32::try_from(index).expect("four billion of them do not fit into memory")
}

impl Projection for Conversations {
    const NAME: &'static str = "conversations";
    const SCHEMA: u16 = 1;

    fn apply(&mut self, recorded: &Recorded) -> Result<(), Anomaly> {
        let header = &recorded.header;
        match &recorded.event {
            Event::ConversationStarted(event) => return self.start(recorded, event.name),
            Event::MessageAdded(_)
            | Event::BranchSelected(_)
            | Event::ConversationRenamed(_)
            | Event::ConversationDeleted(_) => {}
            _ => return Ok(()),
        }
        let id = ConversationId(header.stream.id);
        let Some(index) = self.by_id.get(&id).map(|&index| index as usize) else {
            return Err(Anomaly::new(recorded, format!("conversation {id} was never started")));
        };
        if self.all[index].deleted.is_some() {
            return Err(Anomaly::new(recorded, format!("conversation {id} was deleted before")));
        }
        match &recorded.event {
            Event::MessageAdded(_) => self.add_message(index, recorded)?,
            Event::BranchSelected(event) => {
                let Some(message) = self.message_of(index, event.message) else {
                    return Err(Anomaly::new(recorded, format!("message {} is not there", event.message)));
                };
                self.all[index].selected = Some(message);
            }
            Event::ConversationRenamed(event) => {
                self.check_free(recorded, event.name, to_u32(index))?;
                self.unname(index);
                self.all[index].name = Some((event.name, header.position));
                self.by_name.insert(event.name, to_u32(index));
            }
            Event::ConversationDeleted(_) => {
                self.unname(index);
                let conversation = &mut self.all[index];
                conversation.deleted = Some(header.position);
                self.live -= 1;
                self.messages -= conversation.messages.len() as u64;
            }
            _ => {}
        }
        self.all[index].changed_at = header.at;
        Ok(())
    }

    fn save(&self, out: &mut Vec<u8>) {
        save_value(&self.all, out);
    }

    fn load(bytes: &[u8]) -> Result<Self, NotASnapshot> {
        let all: Vec<Conversation> = load_value(bytes)?;
        let mut conversations = Self { by_id: HashMap::with_capacity(all.len()), ..Self::default() };
        let messages = all.iter().map(|conversation| conversation.messages.len()).sum();
        conversations.by_message.reserve(messages, message_in(&all));
        for (conversation, index) in all.iter().zip(0..) {
            let twice = |what: &str| NotASnapshot(format!("{what} of conversation {} is there twice", conversation.id));
            if conversations.by_id.insert(conversation.id, index).is_some() {
                return Err(twice("the id"));
            }
            if conversation.deleted.is_none() {
                conversations.live += 1;
                conversations.messages += conversation.messages.len() as u64;
                if let Some((name, _)) = conversation.name
                    && conversations.by_name.insert(name, index).is_some()
                {
                    return Err(twice("the name"));
                }
            }
            if conversation.selected.is_some_and(|selected| selected as usize >= conversation.messages.len()) {
                return Err(NotASnapshot(format!("conversation {} selects what is not there", conversation.id)));
            }
            for (message, place) in conversation.messages.iter().zip(0..) {
                // A parent lies before its child: so a path to the root always ends.
                if message.parent.is_some_and(|parent| parent >= place) {
                    return Err(NotASnapshot(format!("message {} does not follow its parent", message.id)));
                }
                if !conversations.by_message.insert(&message.id, (index, place), message_in(&all)) {
                    return Err(twice("a message"));
                }
            }
        }
        conversations.all = all;
        Ok(conversations)
    }
}

#[cfg(test)]
mod tests;
