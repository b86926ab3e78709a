//! The protocol as JSON, where that is not what serde would make of it. Every request and response can be written as
//! JSON but those with secrets in them, which have no JSON form: they travel over the home's socket alone.
//!
//! An enum is an object with one field, its variant: `{"memorize": {"items": […]}}`. What a program of the network has
//! no business to say (who asks, the surroundings) is left out and takes its default when it is read.

use std::sync::LazyLock;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zo_projections::Actor;

use super::{Acknowledged, ConversationChoice, Failure, MessageChoice};
use crate::world::{SystemWorld, World};

/// Who asks, of a request that came as JSON.
pub(super) fn client() -> Actor {
    Actor::Client
}

/// An id for what was asked for without one.
pub(crate) fn fresh_id() -> u128 {
    static WORLD: LazyLock<SystemWorld> = LazyLock::new(SystemWorld::default);
    WORLD.fresh_id()
}

/// A new conversation, for what is asked without one.
pub(super) fn fresh_conversation() -> ConversationChoice {
    ConversationChoice::New { id: fresh_id(), name: None }
}

/// A new message's id, for one that comes without.
pub(super) fn fresh_message() -> MessageChoice {
    MessageChoice::Id(fresh_id())
}

/// Entries of a page where nobody says how many.
pub(super) fn usual_page() -> u32 {
    100
}

/// Occurrences of a rule where nobody says how many.
pub(super) fn usual_occurrences() -> u32 {
    5
}

/// Hits of a recall where nobody says how many.
pub(super) fn usual_hits() -> u32 {
    10
}

/// What is so unless it is said otherwise.
pub(super) fn yes() -> bool {
    true
}

/// The schema of an id: a ULID of 26 characters.
pub(super) struct Ulid;

impl JsonSchema for Ulid {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Ulid".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^[0-7][0-9A-HJKMNP-TV-Z]{25}$"})
    }

    fn inline_schema() -> bool {
        true
    }
}

/// A 128-bit id as a ULID of 26 characters; `null`, like none at all, is a fresh one.
pub(super) mod id {
    use super::{Deserialize, Deserializer, Serializer, fresh_id};
    use serde::de::Error as _;
    use zo_projections::EventId;

    pub(crate) fn serialize<S: Serializer>(id: &u128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&EventId(*id))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u128, D::Error> {
        match Option::<String>::deserialize(deserializer)? {
            Some(text) => text.parse::<EventId>().map(|id| id.0).map_err(D::Error::custom),
            None => Ok(fresh_id()),
        }
    }
}

/// JSON that is kept as text, as the value it is.
pub(super) mod text {
    use super::{Deserialize, Deserializer, Serialize, Serializer, as_value};

    pub(crate) fn serialize<S: Serializer>(text: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
        text.as_deref().map(as_value).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
        let value = Option::<serde_json::Value>::deserialize(deserializer)?;
        Ok(value.map(|value| value.to_string()))
    }
}

/// The same where there always is one.
pub(super) mod whole_text {
    use super::{Deserialize, Deserializer, Serialize, Serializer, as_value};

    pub(crate) fn serialize<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
        as_value(text).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
        serde_json::Value::deserialize(deserializer).map(|value| value.to_string())
    }
}

/// A text that is no JSON after all is shown as the text it is.
fn as_value(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

/// Bytes as base64.
pub(super) mod bytes {
    use super::{Deserialize, Deserializer, Serializer};
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde::de::Error as _;

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        STANDARD.decode(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// The schema of bytes as base64.
pub(super) struct Base64;

impl JsonSchema for Base64 {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Base64".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "contentEncoding": "base64"})
    }

    fn inline_schema() -> bool {
        true
    }
}

/// What became of one item of a command: `{"id", "position"}` or `{"error": {"kind", "message", "hint"}}`.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Item {
    /// It is in the log.
    Acknowledged(Acknowledged),
    /// It is not.
    Failed {
        /// Why.
        error: Failure,
    },
}

/// [`Item`]s in their order.
pub(super) mod items {
    use super::{Acknowledged, Deserialize, Deserializer, Failure, Item, Serializer};

    type Items = Vec<Result<Acknowledged, Failure>>;

    pub(crate) fn serialize<S: Serializer>(items: &Items, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(items.iter().cloned().map(|item| match item {
            Ok(acknowledged) => Item::Acknowledged(acknowledged),
            Err(error) => Item::Failed { error },
        }))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Items, D::Error> {
        let items = Vec::<Item>::deserialize(deserializer)?.into_iter();
        let result = |item| match item {
            Item::Acknowledged(acknowledged) => Ok(acknowledged),
            Item::Failed { error } => Err(error),
        };
        Ok(items.map(result).collect())
    }
}

#[cfg(test)]
mod tests;
