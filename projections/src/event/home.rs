//! The home itself.

use bincode::{Decode, Encode};
use serde::Serialize;

use super::Payload;

/// A home came into being. Appended once, by the writer, as the first event of every log.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct Created {
    /// Version of zo that made it.
    pub zo_version: String,
}

impl Payload for Created {
    const KIND: u16 = 0x0001;
    const NAME: &'static str = "home.created";
}

/// The model was chosen that texts are embedded with from now on. Until everything is embedded with it, recall goes on
/// with the one before.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct EmbedderChosen {
    /// Its name, as `zo model list` shows it.
    pub model: String,
}

impl Payload for EmbedderChosen {
    const KIND: u16 = 0x0002;
    const NAME: &'static str = "home.embedder_chosen";
}
