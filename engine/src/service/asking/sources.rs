//! What is recalled for a question: passages of memory, and of conversations.

use std::time::Duration;

use zo_memory::{Filter, Parts};
use zo_projections::event::Event;
use zo_projections::event::conversation::{MessageBody, Role};
use zo_projections::event::run::{Passage, Source};
use zo_projections::views::runs::Run;
use zo_projections::{Command, MemoryId, MessageId, Position, RunId};

use super::context::RecalledText;
use super::{from_run, ignore_if_ended};
use crate::engine::Engine;
use crate::protocol::{Failure, FailureKind, RecalledLine};
use crate::providers::OFFLINE;
use crate::reader::ReadEvent;
use crate::recall::Search;
use crate::service::conversation::body_of;
use crate::service::memory;
use crate::tools::is_untrusted;

/// How many passages are recalled for a question.
const PASSAGES: usize = 8;
/// So many more are looked at, for some turn out to be no sources.
const SPARE: usize = 16;
/// What scores less has hardly anything to do with the question, and would only cost tokens.
const LEAST_SCORE: f32 = 0.05;
/// So long what is not embedded yet is embedded before a question is looked up.
const EMBED: Duration = Duration::from_millis(100);
/// So many messages of the conversation are told to a model anyway, as a rule, and need not be recalled.
const TOLD_ANYWAY: usize = 12;

/// A passage with the event that it is from.
pub(super) struct Found {
    pub(super) passage: Passage,
    pub(super) event: ReadEvent,
    /// Whether anybody may have written it.
    untrusted: bool,
}

/// Recalls for a run, and records what.
pub(super) fn recall(engine: &Engine, id: RunId, run: &Run, question: &str) -> Result<(), Failure> {
    // Many agents that are started together would each embed what the others were asked.
    let has_parent = engine.writer.read(|views| views.agents.parent(id).is_some())?;
    let embed = if has_parent { Duration::ZERO } else { EMBED };
    let search = Search {
        text: question,
        limit: PASSAGES + SPARE,
        filter: Filter::default(),
        parts: Parts::default(),
        as_of: None,
        embed,
    };
    let found = engine.recall.search(engine.log_for_recall(), &search)?;
    let told = told_anyway(engine, run)?;
    let mut passages = Vec::with_capacity(PASSAGES);
    for hit in found.hits.iter().filter(|hit| hit.score >= LEAST_SCORE) {
        let event = engine.reader.event(Position(hit.position))?;
        let source = match &event.recorded.event {
            Event::MessageAdded(message) if !is_source(message.role, &event, question)? => continue,
            Event::MessageAdded(message) if told.contains(&message.message) => continue,
            Event::MessageAdded(message) if !is_on_a_branch(engine, run, message.message)? => continue,
            Event::MessageAdded(message) => Source::Message(message.message),
            _ => Source::Memory(MemoryId(hit.item)),
        };
        passages.push(Passage {
            source,
            position: Position(hit.position),
            score: hit.score,
            coverage: hit.coverage,
            // How near is near enough was measured for that model alone.
            cosine: hit.cosine.filter(|_| found.is_shipped_model),
        });
        if passages.len() == PASSAGES {
            break;
        }
    }
    let command = Command::RecordRecall { run: id, passages, indexed: found.indexed };
    ignore_if_ended(engine.writer.submit_one(from_run(command, id, run.started)))
}

/// The messages that a model is told as part of the conversation; for the built-in responder only the question, which
/// answers nothing.
fn told_anyway(engine: &Engine, run: &Run) -> Result<Vec<MessageId>, Failure> {
    let newest = if run.model == OFFLINE { 1 } else { TOLD_ANYWAY };
    Ok(engine.writer.read(|views| {
        let Some((conversation, index)) = views.conversations.by_message(run.question) else { return Vec::new() };
        let path = conversation.path_to(Some(index));
        path.iter().rev().take(newest).map(|message| message.id).collect()
    })?)
}

/// Whether a message is on the selected branch of its conversation, or in this one on the branch of the question: what
/// was asked or answered otherwise since is no source any more.
fn is_on_a_branch(engine: &Engine, run: &Run, message: MessageId) -> Result<bool, Failure> {
    Ok(engine.writer.read(|views| {
        let Some((conversation, index)) = views.conversations.by_message(message) else { return false };
        let here = views.conversations.by_message(run.question).filter(|(here, _)| here.id == conversation.id);
        let mut next = here.map_or(conversation.selected, |(_, question)| Some(question));
        // Parents lie before their children.
        while let Some(on_branch) = next.filter(|on_branch| *on_branch > index) {
            next = conversation.messages[on_branch as usize].parent;
        }
        next == Some(index)
    })?)
}

/// Whether a message can tell something: a question tells nothing, least of all the same one.
fn is_source(role: Role, event: &ReadEvent, question: &str) -> Result<bool, Failure> {
    let Some(body) = body_of::<MessageBody>(event)? else { return Ok(false) };
    let text = body.content.trim();
    let asks = role == Role::User && text.trim_end_matches(['"', '\'', ')', '*', '_', ' ']).ends_with('?');
    Ok(!asks && text.to_lowercase() != question.trim().to_lowercase())
}

/// The passages that were recorded as recalled, best first, and how far the index was.
pub(super) fn recorded(engine: &Engine, recalled: Position) -> Result<(Vec<Found>, Position), Failure> {
    let Event::RunRecalled(event) = engine.reader.event(recalled)?.recorded.event else {
        let message = format!("position {recalled} does not say what was recalled");
        return Err(Failure::new(FailureKind::Damaged, message));
    };
    let events = engine.reader.events(event.passages.iter().map(|passage| passage.position))?;
    // What an agent answered that had read what anybody may have written is no better than that.
    let untrusted: Vec<bool> = engine.writer.read(|views| {
        let is_untrusted = |passage: &Passage| match passage.source {
            Source::Message(id) => views.agents.of_answer(id).is_some_and(|agent| agent.tainted),
            Source::Memory(_) => false,
        };
        event.passages.iter().map(is_untrusted).collect()
    })?;
    let found = event.passages.into_iter().zip(events).zip(untrusted);
    let found = found.map(|((passage, event), untrusted)| Found { passage, event, untrusted });
    Ok((found.collect(), event.indexed))
}

impl Found {
    /// The id as the user knows it.
    fn id(&self) -> String {
        match self.passage.source {
            Source::Memory(id) => memory::user_id(&self.event, id),
            Source::Message(id) => id.to_string(),
        }
    }

    fn kind(&self) -> &'static str {
        match self.passage.source {
            Source::Memory(_) => "memory",
            Source::Message(_) => "message",
        }
    }

    /// The line that tells of it.
    pub(super) fn line(&self) -> RecalledLine {
        let Passage { position, score, .. } = self.passage;
        RecalledLine { id: self.id(), kind: self.kind().to_owned(), position, score }
    }

    /// Its text; none if it cannot be opened any more.
    pub(super) fn text(&self) -> Result<Option<RecalledText>, Failure> {
        let occurred_at = match &self.event.recorded.event {
            Event::MessageAdded(event) => event.occurred_at,
            Event::Memorized(event) => event.occurred_at,
            Event::Superseded(event) => event.occurred_at,
            _ => return Ok(None),
        };
        let at = occurred_at.unwrap_or(self.event.recorded.header.at);
        let text = |text, untrusted| RecalledText { id: self.id(), kind: self.kind(), at, text, untrusted };
        Ok(match &self.event.recorded.event {
            Event::MessageAdded(_) => {
                body_of::<MessageBody>(&self.event)?.map(|body| text(body.content, self.untrusted))
            }
            _ => memory::body(&self.event)?.map(|body| text(body.content, is_untrusted(body.meta.as_deref()))),
        })
    }
}
