//! Settings: what was chosen for the whole home.

use bincode::{Decode, Encode};

use crate::event::Event;
use crate::ids::Position;
use crate::projection::{Anomaly, NotASnapshot, Projection, load_value, save_value};
use crate::record::Recorded;

/// What is chosen now.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub struct Settings {
    embedder: Option<(String, Position)>,
}

impl Settings {
    /// Name of the model that texts are to be embedded with, and since when; none if nobody ever chose one.
    pub fn embedder(&self) -> Option<(&str, Position)> {
        self.embedder.as_ref().map(|(model, since)| (model.as_str(), *since))
    }
}

impl Projection for Settings {
    const NAME: &'static str = "settings";
    const SCHEMA: u16 = 1;

    fn apply(&mut self, recorded: &Recorded) -> Result<(), Anomaly> {
        if let Event::EmbedderChosen(event) = &recorded.event {
            self.embedder = Some((event.model.clone(), recorded.header.position));
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
