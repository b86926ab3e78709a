//! Names and digests: how what people call things becomes ids, under keys that stay in the home.
//!
//! A name is turned into an id by a keyed hash, so no map from names to ids is needed, and nobody without the home's
//! key can test a guess. Ids that people gave are hashed per subsystem.

use zo_projections::{Digest, MemoryId, MessageId};

/// Turns names into ids and contents into digests.
#[derive(Clone)]
pub struct Names {
    name_key: [u8; 32],
    digest_key: [u8; 32],
}

impl Names {
    /// With the two keys that are derived from the home's key.
    pub fn new(name_key: [u8; 32], digest_key: [u8; 32]) -> Self {
        Self { name_key, digest_key }
    }

    /// The memory that was given this id.
    pub fn memory(&self, name: &str) -> MemoryId {
        MemoryId(self.id(b"memory", name))
    }

    /// The stream of a key.
    pub fn key(&self, key: &str) -> u128 {
        self.id(b"kv", key)
    }

    /// Digest of a conversation's name.
    pub fn conversation_name(&self, name: &str) -> Digest {
        Digest(self.id(b"conversation name", name))
    }

    /// The conversation that a source calls `external`.
    pub fn conversation(&self, external: &str) -> u128 {
        self.id(b"conversation", external)
    }

    /// The message that a source calls `external`, within the conversation `conversation`.
    pub fn message(&self, conversation: u128, external: &str) -> MessageId {
        let mut hasher = blake3::Hasher::new_keyed(&self.name_key);
        hasher.update(b"message\0").update(&conversation.to_le_bytes()).update(external.as_bytes());
        MessageId(first_128_bits(&hasher.finalize()))
    }

    /// A server of the Model Context Protocol.
    pub fn mcp_server(&self, name: &str) -> u128 {
        self.id(b"mcp server", name)
    }

    /// A node of the compute pool.
    pub fn node(&self, name: &str) -> u128 {
        self.id(b"node", name)
    }

    /// The unique key of a job.
    pub fn unique(&self, key: &str) -> Digest {
        Digest(self.id(b"unique", key))
    }

    /// The agent of a job: the `number`th, should those before have failed. So a job that is carried out again after a
    /// crash goes on with the agent it has started.
    pub fn agent_of_job(&self, job: u128, number: u32) -> u128 {
        self.id(b"agent of job", &format!("{job:032x} {number}"))
    }

    /// A service, by its label.
    pub fn service(&self, label: &str) -> u128 {
        self.id(b"service", label)
    }

    /// A browser session, by its name.
    pub fn browser(&self, name: &str) -> u128 {
        self.id(b"browser", name)
    }

    /// A hosted file.
    pub fn file(&self, name: &str) -> u128 {
        self.id(b"file", name)
    }

    /// The folder of a skill.
    pub fn skill(&self, folder: &str) -> u128 {
        self.id(b"skill", folder)
    }

    /// An agent that a tool call of a run starts, by its place among those that it starts: so that a call which is made
    /// again after a crash finds those it has started.
    pub fn agent(&self, run: u128, call: &str, index: u32) -> u128 {
        self.id(b"agent", &format!("{run:032x} {call} {index}"))
    }

    /// Digest of a tool call, or of what one gave.
    pub fn call(&self, tool: &str, text: &str) -> Digest {
        self.content(text, Some(tool))
    }

    /// The answer of a run: so that a repeated request finds it.
    pub fn answer(&self, run: u128) -> MessageId {
        let mut hasher = blake3::Hasher::new_keyed(&self.name_key);
        hasher.update(b"answer\0").update(&run.to_le_bytes());
        MessageId(first_128_bits(&hasher.finalize()))
    }

    /// The question of a run: so that a repeated request puts no second one.
    pub fn question(&self, run: u128) -> MessageId {
        let mut hasher = blake3::Hasher::new_keyed(&self.name_key);
        hasher.update(b"question\0").update(&run.to_le_bytes());
        MessageId(first_128_bits(&hasher.finalize()))
    }

    /// Digest of a content with its meta. Equal content with equal meta has an equal digest; the order of the meta's
    /// keys does not matter if `meta` is canonical (see [`canonical_json`]).
    pub fn content(&self, content: &str, meta: Option<&str>) -> Digest {
        let mut hasher = blake3::Hasher::new_keyed(&self.digest_key);
        hasher.update(&(content.len() as u64).to_le_bytes()).update(content.as_bytes());
        hasher.update(meta.unwrap_or_default().as_bytes());
        Digest(first_128_bits(&hasher.finalize()))
    }

    fn id(&self, domain: &[u8], name: &str) -> u128 {
        let mut hasher = blake3::Hasher::new_keyed(&self.name_key);
        hasher.update(domain).update(b"\0").update(name.as_bytes());
        first_128_bits(&hasher.finalize())
    }
}

fn first_128_bits(hash: &blake3::Hash) -> u128 {
    u128::from_be_bytes(*hash.as_bytes().first_chunk().expect("a hash has 32 bytes"))
}

/// A JSON object with its keys in order at every level and no blanks; `None` for an object without keys.
///
/// # Errors
/// If `text` is not a JSON object.
pub fn canonical_json(text: &str) -> Result<Option<String>, String> {
    let value: serde_json::Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let serde_json::Value::Object(object) = &value else {
        return Err("a JSON object is expected".to_owned());
    };
    if object.is_empty() {
        return Ok(None);
    }
    Ok(Some(sorted(value).to_string()))
}

fn sorted(value: serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::Object(object) => {
            let mut entries: Vec<_> = object.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            entries.sort_by(|(a, _), (b, _)| a.cmp(b));
            Value::Object(entries.into_iter().collect())
        }
        Value::Array(values) => Value::Array(values.into_iter().map(sorted).collect()),
        other => other,
    }
}
