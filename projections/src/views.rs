//! All folds together: what the writer decides against and readers are answered from.

pub mod agents;
pub mod attachments;
pub mod browsers;
pub mod calls;
pub mod compactions;
pub mod conversations;
pub mod files;
pub mod idempotency;
pub mod jobs;
pub mod key_values;
mod lookup;
pub mod mcp_servers;
pub mod memories;
pub mod nodes;
pub mod provider_keys;
pub mod rules;
pub mod runs;
pub mod schedules;
pub mod services;
pub mod settings;
pub mod skills;
pub mod streams;
pub mod tokens;
pub mod usage;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use agents::Agents;
pub use attachments::Attachments;
pub use browsers::Browsers;
pub use calls::Calls;
pub use compactions::Compactions;
pub use conversations::Conversations;
pub use files::Files;
pub use idempotency::IdempotencyKeys;
pub use jobs::Jobs;
pub use key_values::KeyValues;
pub use mcp_servers::McpServers;
pub use memories::Memories;
pub use nodes::Nodes;
pub use provider_keys::ProviderKeys;
pub use rules::Rules;
pub use runs::Runs;
pub use schedules::Schedules;
pub use services::Services;
pub use settings::Settings;
pub use skills::Skills;
pub use streams::Streams;
pub use tokens::Tokens;
pub use usage::UsageTotals;

use crate::ids::Position;
use crate::projection::{Anomaly, NotASnapshot, Projection, load_value, save_value};
use crate::record::Recorded;
use crate::time::Timestamp;

/// The most anomalies that are kept; further ones are only counted.
pub const MAX_ANOMALIES: usize = 100;

/// Every fold, as of one position.
#[derive(Clone, Debug, Default)]
pub struct Views {
    /// The last event taken in.
    pub position: Position,
    /// When it was recorded.
    pub at: Timestamp,
    /// Streams with their versions and keys.
    pub streams: Streams,
    /// Keys of commands that were carried out.
    pub idempotency: IdempotencyKeys,
    /// Conversations with their messages.
    pub conversations: Conversations,
    /// Memories with their revisions.
    pub memories: Memories,
    /// Keys with their values.
    pub key_values: KeyValues,
    /// Runs that are outstanding, and counts of the others.
    pub runs: Runs,
    /// Tokens and money.
    pub usage: UsageTotals,
    /// What was chosen for the whole home.
    pub settings: Settings,
    /// Calls of models that are under way.
    pub calls: Calls,
    /// Files of messages.
    pub attachments: Attachments,
    /// Keys of providers: which there are.
    pub provider_keys: ProviderKeys,
    /// Agents with their steps.
    pub agents: Agents,
    /// What tools may do and cost.
    pub rules: Rules,
    /// Skills: versions and trust.
    pub skills: Skills,
    /// Messages that are told by their summary.
    pub compactions: Compactions,
    /// Jobs: open ones in their order, and what became of the others.
    pub jobs: Jobs,
    /// Nodes that carry jobs out.
    pub nodes: Nodes,
    /// Schedules with their next occurrence.
    pub schedules: Schedules,
    /// Services that are supervised.
    pub services: Services,
    /// Hosted files with their versions.
    pub files: Files,
    /// Tokens of the HTTP interface.
    pub tokens: Tokens,
    /// Browser sessions, with what was done in them.
    pub browsers: Browsers,
    /// Servers of the Model Context Protocol.
    pub mcp_servers: McpServers,
    /// The first anomalies met.
    pub anomalies: Vec<Anomaly>,
    /// How many were met in all.
    pub anomaly_count: u64,
}

/// Calls `$each` for every projection, in the order in which they are saved: one line per subsystem.
macro_rules! for_each_projection {
    ($views:expr, $each:ident) => {
        $each!($views.streams, Streams);
        $each!($views.idempotency, IdempotencyKeys);
        $each!($views.conversations, Conversations);
        $each!($views.memories, Memories);
        $each!($views.key_values, KeyValues);
        $each!($views.runs, Runs);
        $each!($views.usage, UsageTotals);
        $each!($views.settings, Settings);
        $each!($views.calls, Calls);
        $each!($views.attachments, Attachments);
        $each!($views.provider_keys, ProviderKeys);
        $each!($views.agents, Agents);
        $each!($views.rules, Rules);
        $each!($views.skills, Skills);
        $each!($views.compactions, Compactions);
        $each!($views.jobs, Jobs);
        $each!($views.nodes, Nodes);
        $each!($views.schedules, Schedules);
        $each!($views.services, Services);
        $each!($views.files, Files);
        $each!($views.tokens, Tokens);
        $each!($views.browsers, Browsers);
        $each!($views.mcp_servers, McpServers);
    };
}

impl Views {
    /// Takes in one event. Total: what is not possible becomes an anomaly.
    pub fn apply(&mut self, recorded: &Recorded) {
        if recorded.header.position != self.position.next() {
            let what = format!("follows position {}, which is not the one before it", self.position);
            self.note(Anomaly::new(recorded, what));
        }
        self.position = recorded.header.position;
        self.at = self.at.max(recorded.header.at);
        macro_rules! apply {
            ($fold:expr, $kind:ty) => {
                if let Err(anomaly) = $fold.apply(recorded) {
                    self.note(anomaly);
                }
            };
        }
        let category = recorded.header.stream.category;
        if recorded.event.belongs_to(category) {
            for_each_projection!(self, apply);
        } else {
            self.note(Anomaly::new(recorded, format!("{} in {}", recorded.event.name(), recorded.header.stream)));
            apply!(self.streams, Streams);
            apply!(self.idempotency, IdempotencyKeys);
        }
    }

    fn note(&mut self, anomaly: Anomaly) {
        self.anomaly_count += 1;
        if self.anomalies.len() < MAX_ANOMALIES {
            self.anomalies.push(anomaly);
        }
    }

    /// The whole state as bytes: equal states give equal bytes.
    pub fn save(&self) -> Vec<u8> {
        let mut out = Vec::new();
        save_section(&mut out, |out| save_value(&Self::shape(), out));
        save_section(&mut out, |out| {
            save_value(&(self.position, self.at, &self.anomalies, self.anomaly_count), out);
        });
        macro_rules! save {
            ($fold:expr, $kind:ty) => {
                save_section(&mut out, |out| $fold.save(out));
            };
        }
        for_each_projection!(self, save);
        out
    }

    /// What [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// If the bytes are anything else, or were written by folds of another shape.
    pub fn load(bytes: &[u8]) -> Result<Self, NotASnapshot> {
        let mut rest = bytes;
        let mut section = || -> Result<&[u8], NotASnapshot> {
            let cut = || NotASnapshot("it is cut".to_owned());
            let (length, behind) = rest.split_first_chunk::<8>().ok_or_else(cut)?;
            let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| cut())?;
            let (section, behind) = behind.split_at_checked(length).ok_or_else(cut)?;
            rest = behind;
            Ok(section)
        };
        if load_value::<Vec<(String, u16)>>(section()?)? != Self::shape() {
            return Err(NotASnapshot("it was written by projections of another shape".to_owned()));
        }
        let (position, at, anomalies, anomaly_count) = load_value(section()?)?;
        let mut views = Self { position, at, anomalies, anomaly_count, ..Self::default() };
        macro_rules! load {
            ($fold:expr, $kind:ty) => {
                $fold = <$kind as Projection>::load(section()?)?;
            };
        }
        for_each_projection!(views, load);
        if !rest.is_empty() {
            return Err(NotASnapshot(format!("{} bytes left over", rest.len())));
        }
        Ok(views)
    }

    /// Name and schema of every projection: a snapshot of another shape is ignored.
    pub fn shape() -> Vec<(String, u16)> {
        let mut shape = Vec::new();
        macro_rules! name {
            ($fold:expr, $kind:ty) => {
                shape.push((<$kind as Projection>::NAME.to_owned(), <$kind as Projection>::SCHEMA));
            };
        }
        for_each_projection!(_, name);
        shape
    }

    /// blake3 of every projection's state, by name. Equal logs give equal digests, on every machine.
    pub fn digests(&self) -> Vec<(&'static str, String)> {
        let mut digests = Vec::new();
        macro_rules! digest {
            ($fold:expr, $kind:ty) => {
                let mut state = Vec::new();
                $fold.save(&mut state);
                digests.push((<$kind as Projection>::NAME, blake3::hash(&state).to_hex().to_string()));
            };
        }
        for_each_projection!(self, digest);
        digests
    }

    /// The figures that `zo replay` compares before and after an event.
    pub fn figures(&self) -> Figures {
        let counts = self.jobs.counts();
        Figures {
            streams: self.streams.len() as u64,
            conversations: self.conversations.live() as u64,
            messages: self.conversations.messages(),
            memories_live: self.memories.live() as u64,
            memories_retracted: self.memories.retracted() as u64,
            memory_bytes: self.memories.bytes(),
            keys: self.key_values.len() as u64,
            runs_outstanding: self.runs.outstanding().len() as u64,
            runs_finished: self.runs.finished(),
            runs_failed: self.runs.failed(),
            tokens: self.usage.total().input_tokens.saturating_add(self.usage.total().output_tokens),
            cost_micros: self.usage.total().cost_micros,
            jobs_pending: counts.blocked + counts.waiting + counts.ready,
            jobs_running: counts.running,
            jobs_done: counts.done,
            jobs_cancelled: counts.cancelled,
            jobs_dead: counts.dead + counts.interrupted,
            nodes: self.nodes.iter().count() as u64,
            schedules: self.schedules.iter().count() as u64,
            services: self.services.iter().count() as u64,
            files: self.files.len() as u64,
            browsers: self.browsers.iter().count() as u64,
            mcp_servers: self.mcp_servers.iter().count() as u64,
            anomalies: self.anomaly_count,
        }
    }
}

/// Appends what `save` writes, behind its length.
fn save_section(out: &mut Vec<u8>, save: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 8]);
    save(out);
    let length = (out.len() - start - 8) as u64;
    out[start..start + 8].copy_from_slice(&length.to_le_bytes());
}

/// Counts over all views. Every change that an event makes shows in one of them, or in a revision of a thing that
/// they count.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, bincode::Encode, bincode::Decode, JsonSchema,
)]
#[allow(missing_docs)] // the names say it
pub struct Figures {
    pub streams: u64,
    pub conversations: u64,
    pub messages: u64,
    pub memories_live: u64,
    pub memories_retracted: u64,
    pub memory_bytes: u64,
    pub keys: u64,
    pub runs_outstanding: u64,
    pub runs_finished: u64,
    pub runs_failed: u64,
    pub tokens: u64,
    pub cost_micros: u64,
    pub jobs_pending: u64,
    pub jobs_running: u64,
    pub jobs_done: u64,
    pub jobs_cancelled: u64,
    pub jobs_dead: u64,
    pub nodes: u64,
    pub schedules: u64,
    pub services: u64,
    pub files: u64,
    pub browsers: u64,
    pub mcp_servers: u64,
    pub anomalies: u64,
}

#[cfg(test)]
mod tests;
