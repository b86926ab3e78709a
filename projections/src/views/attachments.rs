//! Attachments: which files belong to which messages.

use std::collections::BTreeMap;

use bincode::{Decode, Encode};

use crate::event::Event;
use crate::ids::{MessageId, Position};
use crate::projection::{Anomaly, NotASnapshot, Projection, load_value, save_value};
use crate::record::Recorded;

/// The files of all messages. What is in them lies in the log.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub struct Attachments {
    by_message: BTreeMap<MessageId, Vec<Attached>>,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Attached {
    /// The event that holds it.
    pub position: Position,
    /// What it is: `image/png`, `text/plain`.
    pub media_type: String,
    /// Its length, in bytes.
    pub size: u32,
}

impl Attachments {
    /// The files of a message, in the order in which they were given.
    pub fn of(&self, message: MessageId) -> &[Attached] {
        self.by_message.get(&message).map_or(&[], Vec::as_slice)
    }
}

impl Projection for Attachments {
    const NAME: &'static str = "attachments";
    const SCHEMA: u16 = 1;

    fn apply(&mut self, recorded: &Recorded) -> Result<(), Anomaly> {
        if let Event::FileAttached(event) = &recorded.event {
            let attached =
                Attached { position: recorded.header.position, media_type: event.media_type.clone(), size: event.size };
            self.by_message.entry(event.message).or_default().push(attached);
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
