//! Provider keys: which providers have one in the vault.

use std::collections::BTreeMap;

use bincode::{Decode, Encode};

use crate::event::Event;
use crate::ids::Position;
use crate::projection::{Anomaly, NotASnapshot, Projection, load_value, save_value};
use crate::record::Recorded;
use crate::time::Timestamp;

/// What is known of the keys in the vault.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub struct ProviderKeys {
    by_provider: BTreeMap<String, ProviderKey>,
}

/// A provider's key: not the key.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ProviderKey {
    /// Keyed digest of it.
    pub fingerprint: String,
    /// The event that says it was set.
    pub position: Position,
    /// When that was.
    pub at: Timestamp,
}

impl ProviderKeys {
    /// The key of a provider.
    pub fn get(&self, provider: &str) -> Option<&ProviderKey> {
        self.by_provider.get(provider)
    }

    /// All, by the provider's name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &ProviderKey)> {
        self.by_provider.iter().map(|(provider, key)| (provider.as_str(), key))
    }
}

impl Projection for ProviderKeys {
    const NAME: &'static str = "provider_keys";
    const SCHEMA: u16 = 1;

    fn apply(&mut self, recorded: &Recorded) -> Result<(), Anomaly> {
        match &recorded.event {
            Event::KeySet(event) => {
                let (position, at) = (recorded.header.position, recorded.header.at);
                let key = ProviderKey { fingerprint: event.fingerprint.clone(), position, at };
                self.by_provider.insert(event.provider.clone(), key);
            }
            Event::KeyRemoved(event) => {
                let removed = self.by_provider.remove(&event.provider);
                removed.ok_or_else(|| Anomaly::new(recorded, format!("{} has no key", event.provider)))?;
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
