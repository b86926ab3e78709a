//! Settings: what was chosen for the whole home.

use std::collections::BTreeMap;

use bincode::{Decode, Encode};

use crate::event::Event;
use crate::ids::Position;
use crate::projection::{Anomaly, NotASnapshot, Projection, load_value, save_value};
use crate::record::Recorded;

/// What is chosen now.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub struct Settings {
    embedder: Option<(String, Position)>,
    model: Option<ChosenModel>,
    providers: BTreeMap<String, AddedProvider>,
}

/// The model that answers where no other is named.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ChosenModel {
    /// The model, `provider/name`, or `offline`; none: whichever is there.
    pub model: Option<String>,
    /// The models to be called in turn should the one before fail.
    pub fallbacks: Vec<String>,
    /// The event that says so.
    pub since: Position,
}

/// A provider that was added to those that zo knows.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct AddedProvider {
    /// What it speaks: `openai` or `anthropic`.
    pub dialect: String,
    /// Where it is, without a trailing slash.
    pub base_url: String,
    /// The event that says so.
    pub since: Position,
}

impl Settings {
    /// Name of the model that texts are to be embedded with, and since when; none if nobody ever chose one.
    pub fn embedder(&self) -> Option<(&str, Position)> {
        self.embedder.as_ref().map(|(model, since)| (model.as_str(), *since))
    }

    /// The model that answers where no other is named; none if nobody ever chose one.
    pub fn model(&self) -> Option<&ChosenModel> {
        self.model.as_ref()
    }

    /// The providers that were added, by name.
    pub fn providers(&self) -> &BTreeMap<String, AddedProvider> {
        &self.providers
    }
}

impl Projection for Settings {
    const NAME: &'static str = "settings";
    const SCHEMA: u16 = 2;

    fn apply(&mut self, recorded: &Recorded) -> Result<(), Anomaly> {
        let since = recorded.header.position;
        match &recorded.event {
            Event::EmbedderChosen(event) => self.embedder = Some((event.model.clone(), since)),
            Event::ModelChosen(event) => {
                let (model, fallbacks) = (event.model.clone(), event.fallbacks.clone());
                self.model = Some(ChosenModel { model, fallbacks, since });
            }
            Event::ProviderAdded(event) => {
                let (dialect, base_url) = (event.dialect.clone(), event.base_url.clone());
                self.providers.insert(event.name.clone(), AddedProvider { dialect, base_url, since });
            }
            Event::ProviderRemoved(event) => {
                let removed = self.providers.remove(&event.name);
                removed.ok_or_else(|| Anomaly::new(recorded, format!("there is no provider {}", event.name)))?;
            }
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
