//! Each imported thing is put where it belongs, and counted.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use zo_engine::client::Client;
use zo_engine::protocol::{
    Answer, ConversationChoice, FailureKind, MessageChoice, MessageInput, NewMemory, Outcome, Query, Request,
};
use zo_import::{Imported, ImportedConversation, ImportedMemory, ImportedMessage, ImportedRow, MetaKeys};
use zo_projections::event::conversation::Role;
use zo_projections::{Actor, Timestamp};

use crate::context::{write, write_one};
use crate::error::CliError;
use crate::input;
use crate::intake::{Counts, Intake, OnError};
use crate::output::Output;
use crate::output::text::{count, counted};

/// The most messages of one request, and about the most bytes.
const BATCH_MESSAGES: usize = 256;
const BATCH_BYTES: usize = 4 << 20;

/// What an import came to.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(in crate::commands) struct Tally {
    /// Memories.
    pub(in crate::commands) memories: Counted,
    /// Conversations that were met.
    pub(in crate::commands) conversations: u64,
    /// Conversations that were deleted here, and stay so.
    pub(in crate::commands) conversations_left_deleted: u64,
    /// Messages.
    pub(in crate::commands) messages: Counted,
    /// Keys.
    pub(in crate::commands) keys: Counted,
    /// Things that there is no place for yet, by the table they came from.
    pub(in crate::commands) not_placed: BTreeMap<String, u64>,
    /// Things that could not be taken.
    pub(in crate::commands) failed: u64,
}

/// How many were new, changed or there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(in crate::commands) struct Counted {
    pub(in crate::commands) new: u64,
    pub(in crate::commands) superseded: u64,
    pub(in crate::commands) unchanged: u64,
}

impl From<Counts> for Counted {
    fn from(counts: Counts) -> Self {
        Self { new: counts.new, superseded: counts.superseded, unchanged: counts.unchanged }
    }
}

impl Counted {
    fn total(self) -> u64 {
        self.new + self.superseded + self.unchanged
    }

    fn in_words(self) -> String {
        let Self { new, superseded, unchanged } = self;
        Counts { new, superseded, unchanged, failed: 0 }.in_words()
    }
}

impl Tally {
    /// Things that are in the log now.
    pub(super) fn taken(&self) -> u64 {
        self.memories.total() + self.messages.total() + self.keys.total()
    }

    /// Texts that can be recalled now and could not before.
    pub(super) fn newly_findable(&self) -> u64 {
        [self.memories, self.messages].iter().map(|counted| counted.new + counted.superseded).sum()
    }

    /// The tally for people, a line for each sort of thing that was met.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut line = |name: &str, value: String| lines.push(format!("{name:14}  {value}"));
        if self.memories.total() > 0 {
            line("memories", self.memories.in_words());
        }
        if self.conversations > 0 {
            let deleted = match self.conversations_left_deleted {
                0 => String::new(),
                deleted => format!(" ({} deleted here, and left so)", count(deleted)),
            };
            line("conversations", format!("{}{deleted}", count(self.conversations)));
            line("messages", self.messages.in_words());
        }
        if self.keys.total() > 0 {
            line("keys", self.keys.in_words());
        }
        if !self.not_placed.is_empty() {
            let rows: Vec<String> =
                self.not_placed.iter().map(|(table, rows)| format!("{} of {table}", counted(*rows, "row"))).collect();
            line("no place yet", rows.join(", "));
        }
        if self.failed > 0 {
            line("not taken", count(self.failed));
        }
        if lines.is_empty() { vec!["there was nothing to import".to_owned()] } else { lines }
    }
}

/// An import under way.
pub(super) struct Taking {
    intake: Intake,
    tally: Tally,
    source: &'static str,
    keys: MetaKeys,
}

impl Taking {
    /// An import into the home of `client`; `source` stands before the ids of conversations.
    pub(super) fn new(client: Client, source: &'static str) -> Self {
        let intake = Intake::new(client, Actor::Import, OnError::Skip, false);
        Self { intake, tally: Tally::default(), source, keys: MetaKeys::default() }
    }

    /// What it came to so far.
    pub(super) fn tally(&self) -> Tally {
        let counts = self.intake.counts;
        let failed = self.tally.failed + counts.failed;
        Tally { memories: counts.into(), failed, ..self.tally.clone() }
    }

    /// Ends it; what it came to, and the store.
    pub(super) fn end(self) -> (Tally, Client) {
        (self.tally(), self.intake.client)
    }

    /// Waits until everything taken is durable.
    pub(super) fn flush(&mut self, output: &mut Output) -> Result<(), CliError> {
        self.intake.flush(output)
    }

    /// Notes something that could not be read.
    pub(super) fn refuse(&mut self, output: &mut Output, error: CliError) -> Result<(), CliError> {
        self.intake.refuse(output, error)
    }

    /// Takes one thing.
    pub(super) fn take(&mut self, output: &mut Output, item: Imported) -> Result<(), CliError> {
        match item {
            Imported::Memory(memory) => {
                let place = memory.source.clone();
                let memory = new_memory(memory, &self.keys);
                self.intake.add(output, memory, place)
            }
            Imported::Conversation(conversation) => self.conversation(output, conversation),
            Imported::KeyValue { key, value, occurred_at_ms, source } => {
                let result = self.key(&key, value, occurred_at_ms.map(Timestamp), &source);
                self.or_refuse(output, result, &source)
            }
            Imported::File(row) if text_of_file(&row).is_some() => {
                let place = row.source.clone();
                self.intake.add(output, memory_of_file(row), place)
            }
            Imported::Schedule(row) | Imported::Job(row) | Imported::File(row) => {
                *self.tally.not_placed.entry(row.table).or_default() += 1;
                Ok(())
            }
            Imported::Unplaced { table, .. } => {
                *self.tally.not_placed.entry(table).or_default() += 1;
                Ok(())
            }
        }
    }

    /// A refusal is said and counted; anything else ends the import.
    fn or_refuse(&mut self, output: &mut Output, result: Result<(), CliError>, place: &str) -> Result<(), CliError> {
        match result {
            Err(error) if error.kind.exit_code() == 1 => {
                output.warn(&error.at(place));
                self.tally.failed += 1;
                Ok(())
            }
            result => result,
        }
    }

    fn conversation(&mut self, output: &mut Output, conversation: ImportedConversation) -> Result<(), CliError> {
        let ImportedConversation { external_id, title, messages, .. } = conversation;
        self.tally.conversations += 1;
        let external = format!("{}/{external_id}", self.source);
        let place = title.clone().unwrap_or_else(|| external.clone());
        let choice = ConversationChoice::Imported { external, name: title.and_then(usable_name) };
        let mut batch = Vec::new();
        let mut bytes = 0;
        let mut left_deleted = false;
        for message in messages {
            bytes += message.content.len();
            batch.push(message_input(message));
            if batch.len() == BATCH_MESSAGES || bytes >= BATCH_BYTES {
                left_deleted |= self.send_messages(output, &choice, std::mem::take(&mut batch), &place)?;
                bytes = 0;
            }
        }
        left_deleted |= self.send_messages(output, &choice, batch, &place)?;
        self.tally.conversations_left_deleted += u64::from(left_deleted);
        Ok(())
    }

    /// Sends some messages of a conversation; `true` if it was deleted here.
    fn send_messages(
        &mut self,
        output: &mut Output,
        choice: &ConversationChoice,
        messages: Vec<MessageInput>,
        place: &str,
    ) -> Result<bool, CliError> {
        if messages.is_empty() {
            return Ok(false);
        }
        let request = Request::AddMessages { actor: Actor::Import, conversation: choice.clone(), messages };
        let results = match write(&mut self.intake.client, &request) {
            Ok(results) => results,
            Err(error) => {
                self.or_refuse(output, Err(error), place)?;
                return Ok(false);
            }
        };
        // An imported conversation is found by its source's id; that it is not means that somebody deleted it.
        let gone = |failure: &zo_engine::protocol::Failure| failure.kind == FailureKind::NotFound;
        if results.iter().all(|result| result.as_ref().is_err_and(gone)) {
            return Ok(true);
        }
        for result in results {
            match result {
                Ok(acknowledged) if acknowledged.outcome == Outcome::Unchanged => self.tally.messages.unchanged += 1,
                Ok(_) => self.tally.messages.new += 1,
                Err(failure) => self.or_refuse(output, Err(failure.into()), place)?,
            }
        }
        Ok(false)
    }

    /// Sets a key, unless it has the value already or was set here since the source wrote it.
    fn key(&mut self, key: &str, value: String, at: Option<Timestamp>, source: &str) -> Result<(), CliError> {
        input::check_name("the key", key)?;
        let query = Query::Key { key: key.to_owned() };
        let present = match self.intake.client.query(query, None) {
            Ok(Answer::Keys(keys)) => keys.into_iter().next(),
            Ok(_) => None,
            Err(failure) if failure.kind == FailureKind::NotFound => None,
            Err(failure) => return Err(failure.into()),
        };
        if let Some(present) = &present
            && (present.value.as_ref() == Some(&value) || at.is_none_or(|at| at <= present.at))
        {
            self.tally.keys.unchanged += 1;
            return Ok(());
        }
        // Under an idempotency key of its own content a repetition is no second write; and what was deleted here stays so.
        let idempotency = idempotency_of(&[source, key, &value]);
        let request = Request::SetKey { key: key.to_owned(), value, expected: None, idempotency };
        let acknowledged = write_one(&mut self.intake.client, &request)?;
        match (acknowledged.outcome == Outcome::Unchanged, present.is_some()) {
            (true, _) => self.tally.keys.unchanged += 1,
            (false, true) => self.tally.keys.superseded += 1,
            (false, false) => self.tally.keys.new += 1,
        }
        Ok(())
    }
}

/// The text of a file that a database holds; `None` if it is binary, or has none.
fn text_of_file(row: &ImportedRow) -> Option<&str> {
    let field = |name: &str| row.fields.get(name).and_then(Value::as_str);
    let encoding = field("encoding").unwrap_or("utf-8").to_ascii_lowercase();
    let is_text = ["", "text", "utf8", "utf-8", "ascii", "plain"].contains(&encoding.as_str());
    field("content").filter(|content| is_text && !content.trim().is_empty())
}

/// Files have no home of their own yet: their text is remembered, under their path.
fn memory_of_file(row: ImportedRow) -> NewMemory {
    let content = text_of_file(&row).unwrap_or_default().to_owned();
    let path =
        row.fields.get("path").and_then(Value::as_str).map(str::to_owned).or(row.external_id).unwrap_or_default();
    let meta = serde_json::json!({ "kind": "file", "path": path });
    NewMemory {
        id: Some(format!("zoclone/files/{path}")),
        content,
        meta: Some(meta.to_string()),
        occurred_at: row.occurred_at_ms.map(Timestamp),
    }
}

fn new_memory(memory: ImportedMemory, keys: &MetaKeys) -> NewMemory {
    let ImportedMemory { name, content, meta, occurred_at_ms, .. } = memory;
    let occurred_at = occurred_at_ms.or_else(|| keys.time_of(&meta)).map(Timestamp);
    NewMemory { id: name, content, meta: input::meta_text(&meta), occurred_at }
}

fn message_input(message: ImportedMessage) -> MessageInput {
    let ImportedMessage { external_id, parent, role, author, content, meta, occurred_at_ms, on_active_branch } =
        message;
    MessageInput {
        id: MessageChoice::External(external_id),
        parent: Some(parent.map_or(MessageChoice::Root, MessageChoice::External)),
        role: match role {
            zo_import::Role::System => Role::System,
            zo_import::Role::User => Role::User,
            zo_import::Role::Assistant => Role::Assistant,
            zo_import::Role::Tool => Role::Tool,
        },
        content,
        author,
        tool_calls: Vec::new(),
        tool_call_id: None,
        meta: input::meta_text(&meta),
        occurred_at: occurred_at_ms.map(Timestamp),
        selected: on_active_branch,
    }
}

/// A title as a name of ours: without control characters, cut to what a name may have; none if nothing is left.
fn usable_name(title: String) -> Option<String> {
    let mut name: String = title.chars().filter(|letter| !letter.is_control()).collect();
    while name.len() > zo_projections::decide::MAX_NAME_BYTES {
        name.pop();
    }
    let name = name.trim().to_owned();
    (!name.is_empty()).then_some(name)
}

/// 128 bits that are the same for the same texts.
fn idempotency_of(texts: &[&str]) -> u128 {
    let mut hasher = blake3::Hasher::new();
    for text in texts {
        hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
    }
    u128::from_le_bytes(*hasher.finalize().as_bytes().first_chunk().expect("a hash has 32 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_becomes_a_name() {
        assert_eq!(usable_name(" a\u{7}b\n".to_owned()), Some("ab".to_owned()));
        assert_eq!(usable_name("\n".to_owned()), None);
        assert_eq!(usable_name("é".repeat(600)).map(|name| name.len()), Some(1024));
    }

    #[test]
    fn a_tally_says_only_what_was_met() {
        assert_eq!(Tally::default().lines(), ["there was nothing to import"]);
        let mut tally = Tally { failed: 2, ..Tally::default() };
        tally.memories = Counted { new: 1200, superseded: 1, unchanged: 0 };
        tally.not_placed.insert("jobs".to_owned(), 1);
        assert_eq!(
            tally.lines(),
            ["memories        1,200 new, 1 superseded", "no place yet    1 row of jobs", "not taken       2"]
        );
    }

    #[test]
    fn equal_writes_have_equal_idempotency_keys() {
        assert_eq!(idempotency_of(&["a", "b"]), idempotency_of(&["a", "b"]));
        assert_ne!(idempotency_of(&["ab", ""]), idempotency_of(&["a", "b"]));
    }
}
