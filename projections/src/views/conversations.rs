//! Conversations: trees of messages, and the branch that is selected.

use bincode::{Decode, Encode};
use hashbrown::HashMap;

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
    by_message: HashMap<MessageId, (u32, u32)>,
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
        self.by_message.get(&id).map(|&(index, message)| (&self.all[index as usize], message))
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
        if self.by_message.contains_key(&event.message) {
            return Err(Anomaly::new(recorded, format!("message {} was added before", event.message)));
        }
        let parent = match event.parent {
            None => None,
            Some(id) => match self.by_message.get(&id) {
                Some(&(conversation, message)) if conversation as usize == index => Some(message),
                _ => return Err(Anomaly::new(recorded, format!("it follows message {id}, which is not there"))),
            },
        };
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
        self.by_message.insert(event.message, (to_u32(index), message));
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
        self.by_id.insert(id, index);
        if let Some(name) = name {
            self.by_name.entry(name).or_insert(index);
        }
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

    fn unname(&mut self, index: usize) {
        if let Some((name, _)) = self.all[index].name
            && self.by_name.get(&name) == Some(&to_u32(index))
        {
            self.by_name.remove(&name);
        }
    }
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
            Event::BranchSelected(event) => match self.by_message.get(&event.message) {
                Some(&(conversation, message)) if conversation as usize == index => {
                    self.all[index].selected = Some(message);
                }
                _ => return Err(Anomaly::new(recorded, format!("message {} is not there", event.message))),
            },
            Event::ConversationRenamed(event) => {
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
        conversations.by_message.reserve(all.iter().map(|conversation| conversation.messages.len()).sum());
        for (index, conversation) in all.iter().enumerate() {
            let index = to_u32(index);
            conversations.by_id.insert(conversation.id, index);
            if conversation.deleted.is_none() {
                conversations.live += 1;
                conversations.messages += conversation.messages.len() as u64;
                if let Some((name, _)) = conversation.name {
                    conversations.by_name.entry(name).or_insert(index);
                }
            }
            for (message, at) in conversation.messages.iter().zip(0..) {
                conversations.by_message.insert(message.id, (index, at));
            }
        }
        conversations.all = all;
        Ok(conversations)
    }
}
