//! Asking: a question becomes a run, and a run is carried on until it is answered, whoever started it.
//!
//! Question and run are one commit; what is recalled is recorded before the answer is written; the answer and the end of
//! the run are one commit. A process that dies in between leaves an outstanding run, which the next one finds.

use std::time::Duration;

use zo_memory::{Filter, Kind, Parts, offline};
use zo_projections::command::{NewMessage, Parent};
use zo_projections::event::Event;
use zo_projections::event::conversation::{MessageBody, Role};
use zo_projections::event::run::{Passage, Source, Usage};
use zo_projections::views::runs::Run;
use zo_projections::{Actor, Command, MessageId, Position, RunId, Submission};

use super::Each;
use super::conversation::{body_of, resolve_or_begin};
use super::{OFFLINE, memory};
use crate::engine::Engine;
use crate::protocol::{Answered, Asking, Failure, FailureKind, Question, RecalledLine};
use crate::recall::Search;
use crate::writer::SubmitError;

/// How many passages are recalled for a question.
const PASSAGES: usize = 8;
/// So long what is not embedded yet is embedded before a question is looked up.
const EMBED: Duration = Duration::from_millis(200);

pub(super) fn ask(engine: &Engine, asking: Asking, _each: Each<'_>) -> Result<Answered, Failure> {
    let (choice, run) = (&asking.conversation, asking.run);
    let Question::New { text: question, .. } = asking.question else {
        return Err(Failure::new(FailureKind::Io, "not there yet"));
    };
    let message = engine.names.question(run);
    let id = RunId(run);
    let known = engine.writer.read(|views| views.conversations.by_message(message).is_some())?;
    if !known {
        let conversation = resolve_or_begin(engine, Actor::User, choice)?;
        let message = text_message(message, Role::User, question, Parent::Selected, None);
        let command = Command::Ask {
            conversation,
            name: None,
            message,
            files: Vec::new(),
            run: id,
            model: OFFLINE.to_owned(),
            request: Default::default(),
        };
        engine.writer.submit_one(Submission { correlation: Some(run), ..Submission::new(Actor::User, command) })?;
    }
    carry_on(engine, id)?;
    answered(engine, id)
}

fn memory_of(passage: &Passage) -> zo_projections::MemoryId {
    match passage.source {
        Source::Memory(id) => id,
        Source::Message(id) => zo_projections::MemoryId(id.0),
    }
}

fn text_message(id: MessageId, role: Role, content: String, parent: Parent, model: Option<String>) -> NewMessage {
    NewMessage {
        id,
        parent,
        role,
        body: MessageBody { content, ..MessageBody::default() },
        model,
        occurred_at: None,
        interrupted: false,
        selected: true,
    }
}

/// Does what is left to do for a run. Nothing, if it has ended.
fn carry_on(engine: &Engine, id: RunId) -> Result<(), Failure> {
    let find = || engine.writer.read(|views| views.runs.outstanding().get(&id).cloned());
    let Some(run) = find()? else { return Ok(()) };
    let question = question_of(engine, &run)?;
    if run.recalled.is_none() {
        recall(engine, id, &run, &question)?;
    }
    let Some(Run { recalled: Some(recalled), .. }) = find()? else { return Ok(()) };
    let answer = compose(engine, &question, recalled)?;
    let message = text_message(
        engine.names.answer(id.0),
        Role::Assistant,
        answer,
        Parent::Message(run.question),
        Some(run.model.clone()),
    );
    let finish = Command::FinishRun { run: id, message, usage: Usage::default(), account: Default::default() };
    ignore_if_ended(engine.writer.submit_one(from_run(finish, id, recalled)))
}

fn question_of(engine: &Engine, run: &Run) -> Result<String, Failure> {
    let position = engine.writer.read(|views| {
        let (conversation, index) = views.conversations.by_message(run.question)?;
        Some(conversation.messages[index as usize].position)
    })?;
    let position = position.ok_or_else(|| Failure::new(FailureKind::Damaged, "the question of the run is gone"))?;
    let body: Option<MessageBody> = body_of(&engine.reader.event(position)?)?;
    Ok(body.map(|body| body.content).unwrap_or_default())
}

fn recall(engine: &Engine, id: RunId, run: &Run, question: &str) -> Result<(), Failure> {
    let search = Search {
        text: question,
        limit: PASSAGES,
        filter: Filter { kind: Some(Kind::Memory), ..Filter::default() },
        parts: Parts::default(),
        as_of: None,
        embed: EMBED,
    };
    let recalled = engine.recall.search(engine.log_for_recall(), &search)?;
    let passages = recalled.hits.iter().map(|hit| Passage {
        source: Source::Memory(zo_projections::MemoryId(hit.item)),
        position: Position(hit.position),
        score: hit.score,
        coverage: hit.coverage,
        // How near is near enough was measured for that model alone.
        cosine: hit.cosine.filter(|_| recalled.is_shipped_model),
    });
    let command = Command::RecordRecall { run: id, passages: passages.collect(), indexed: recalled.indexed };
    ignore_if_ended(engine.writer.submit_one(from_run(command, id, run.started)))
}

/// The text of the built-in responder, from what was recorded as recalled.
fn compose(engine: &Engine, question: &str, recalled: Position) -> Result<String, Failure> {
    let passages = passages(engine, recalled)?;
    let mut texts = Vec::with_capacity(passages.len());
    for (passage, event) in &passages {
        if let Some(body) = memory::body(event)? {
            texts.push((memory::user_id(event, memory_of(passage)), body.content, passage));
        }
    }
    let quotes: Vec<offline::Passage<'_>> = texts
        .iter()
        .map(|(id, text, Passage { score, coverage, cosine, .. })| offline::Passage {
            id,
            text,
            score: *score,
            coverage: *coverage,
            cosine: *cosine,
        })
        .collect();
    Ok(offline::answer(question, &quotes))
}

fn passages(engine: &Engine, recalled: Position) -> Result<Vec<(Passage, crate::reader::ReadEvent)>, Failure> {
    let Event::RunRecalled(event) = engine.reader.event(recalled)?.recorded.event else {
        return Err(Failure::new(FailureKind::Damaged, format!("position {recalled} does not say what was recalled")));
    };
    let events = engine.reader.events(event.passages.iter().map(|passage| passage.position))?;
    Ok(event.passages.into_iter().zip(events).collect())
}

fn from_run(command: Command, id: RunId, causation: Position) -> Submission {
    Submission { causation: Some(causation), correlation: Some(id.0), ..Submission::new(Actor::Engine, command) }
}

/// Two may carry on one run (who asked, and the housekeeper): whoever is second finds it done.
fn ignore_if_ended(outcome: crate::writer::Outcome) -> Result<(), Failure> {
    match outcome {
        Ok(_) | Err(SubmitError::Rejected(zo_projections::Rejection::State { .. })) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Reads back the answer of a run that has ended.
fn answered(engine: &Engine, id: RunId) -> Result<Answered, Failure> {
    let answer = engine.names.answer(id.0);
    let place = engine.writer.read(|views| {
        let (conversation, index) = views.conversations.by_message(answer)?;
        let head = views.position;
        Some((conversation.id, conversation.messages[index as usize].position, head))
    })?;
    let Some((conversation, position, head)) = place else {
        return Err(Failure::new(FailureKind::Refused, format!("run {id} ended without an answer"))
            .hint(format!("`zo log tail --stream run/{id}` shows what happened")));
    };
    let message = engine.reader.event(position)?;
    // The end of the run is in one commit with its answer, directly behind it.
    let end = engine.reader.event(position.next())?;
    let Event::RunFinished(finished) = &end.recorded.event else {
        return Err(Failure::new(FailureKind::Damaged, format!("the answer at position {position} ends no run")));
    };
    let recalled = message.recorded.header.causation.unwrap_or_default();
    let indexed = match engine.reader.event(recalled)?.recorded.event {
        Event::RunRecalled(event) => event.indexed,
        _ => Position::START,
    };
    let recalled = passages(engine, recalled)?;
    let body: Option<MessageBody> = body_of(&message)?;
    Ok(Answered {
        answer: body.map(|body| body.content).unwrap_or_default(),
        conversation: conversation.to_string(),
        run: id.to_string(),
        model: finished.model.clone(),
        recalled: recalled
            .iter()
            .map(|(passage, event)| RecalledLine {
                id: memory::user_id(event, memory_of(passage)),
                kind: "memory".to_owned(),
                position: passage.position,
                score: passage.score,
            })
            .collect(),
        usage: finished.usage,
        question: String::new(),
        message: answer.to_string(),
        account: finished.account.unwrap_or_default(),
        position: end.recorded.header.position,
        indexed,
        head,
    })
}

impl Engine {
    /// Carries on every run that nobody is carrying on, until `stop` says so.
    pub(crate) fn finish_outstanding_runs(&self, stop: &dyn Fn() -> bool) {
        let Ok(outstanding) = self.writer.read(|views| views.runs.outstanding().keys().copied().collect::<Vec<_>>())
        else {
            return;
        };
        for id in outstanding {
            if stop() {
                return;
            }
            if let Err(failure) = carry_on(self, id) {
                tracing::warn!(run = %id, "the run stays outstanding: {failure}");
                if failure.kind == FailureKind::NotFound {
                    // Its conversation was deleted: nobody waits for it any more.
                    let reason = failure.message;
                    let failed = from_run(Command::FailRun { run: id, reason }, id, Position::START);
                    if let Err(error) = self.writer.submit_one(Submission { causation: None, ..failed }) {
                        tracing::warn!(run = %id, "{error}");
                    }
                }
            }
        }
    }
}
