//! Decisions about runs.

use super::conversation::{already_added, existing, files_attached, message_added, started};
use super::home::check_fallbacks;
use super::{Decision, MAX_NAME_BYTES, MAX_PASSAGES, NewEvent, check_length, check_name, record, text_size};
use crate::command::{Name, NewAgent, NewFile, NewMessage, Rejection};
use crate::event::run::agent::AgentBody;
use crate::event::run::{
    Account, CallFailed, Called, Failed, Finished, Passage, ReasonBody, Recalled, RequestBody, Started, Usage,
};
use crate::ids::{ConversationId, MessageId, Position, RunId};
use crate::views::Views;
use crate::views::runs::Run;

/// A question that is put, and where.
pub(super) struct Question {
    pub(super) conversation: ConversationId,
    pub(super) name: Option<Name>,
    pub(super) message: NewMessage,
    pub(super) files: Vec<NewFile>,
}

/// A run that is to answer a question.
pub(super) struct Start {
    pub(super) run: RunId,
    pub(super) model: String,
    pub(super) request: RequestBody,
    pub(super) agent: Option<Box<NewAgent>>,
}

pub(super) fn ask(views: &Views, question: Question, run: Start) -> Result<Decision, Rejection> {
    let Question { conversation, name, message, files } = question;
    if let Some(already) = already_added(views, conversation, message.id)? {
        return Ok(already);
    }
    let start = start(views, conversation, message.id, run)?;
    let attached = files_attached(conversation, message.id, files)?;
    let mut events = Vec::with_capacity(3 + attached.len());
    match views.conversations.get(conversation) {
        None => {
            events.push(started(views, conversation, name)?);
            events.push(message_added(views, None, conversation, message)?);
        }
        Some(_) => events.push(message_added(views, Some(existing(views, conversation)?), conversation, message)?),
    }
    events.extend(attached);
    events.push(start);
    Ok(record(events))
}

pub(super) fn answer(
    views: &Views,
    conversation: ConversationId,
    question: MessageId,
    run: Start,
) -> Result<Decision, Rejection> {
    if let Some(state) = views.streams.get(run.run.into()) {
        return Ok(Decision::already(run.run, state.last));
    }
    existing(views, conversation)?;
    if already_added(views, conversation, question)?.is_none() {
        return Err(Rejection::not_found("message", question));
    }
    Ok(record([start(views, conversation, question, run)?]))
}

/// The event that starts a run.
fn start(
    views: &Views,
    conversation: ConversationId,
    question: MessageId,
    start: Start,
) -> Result<NewEvent, Rejection> {
    let Start { run, model, request, agent } = start;
    check_length("the model", model.len(), MAX_NAME_BYTES)?;
    check_fallbacks(&request.fallbacks)?;
    request.system.iter().try_for_each(|text| text_size("the system prompt", text).map(drop))?;
    request.schema.iter().try_for_each(|text| text_size("the schema", text).map(drop))?;
    if views.streams.version(run.into()) != 0 {
        return Err(Rejection::state("run", run, "was started before"));
    }
    let Some(agent) = agent else {
        let event = NewEvent::new(run, Started { conversation, question, model, agent: None });
        return Ok(if request == RequestBody::default() { event } else { event.with_body(&request) });
    };
    let NewAgent { agent, options } = *agent;
    super::agent::check(views, &agent, &options)?;
    let started = Started { conversation, question, model, agent: Some(agent) };
    Ok(NewEvent::new(run, started).with_body(&AgentBody { request, options }))
}

pub(super) fn record_recall(
    views: &Views,
    id: RunId,
    passages: Vec<Passage>,
    indexed: Position,
) -> Result<Decision, Rejection> {
    match outstanding(views, id)?.recalled {
        Some(position) => Ok(Decision::already(id, position)),
        None => {
            check_passages(&passages)?;
            Ok(record([NewEvent::new(id, Recalled { passages, indexed })]))
        }
    }
}

fn check_passages(passages: &[Passage]) -> Result<(), Rejection> {
    let why = if passages.len() > MAX_PASSAGES {
        format!("{} are more than the {MAX_PASSAGES} that one may have", passages.len())
    } else if let Some(passage) = passages.iter().find(|it| !has_finite_scores(it)) {
        format!("that of position {} has no score: {}, coverage {}", passage.position, passage.score, passage.coverage)
    } else {
        return Ok(());
    };
    Err(Rejection::Invalid { what: "the passages".to_owned(), why })
}

fn has_finite_scores(passage: &Passage) -> bool {
    passage.score.is_finite() && passage.coverage.is_finite() && passage.cosine.is_none_or(f32::is_finite)
}

pub(super) fn record_call(views: &Views, id: RunId, called: Called) -> Result<Decision, Rejection> {
    outstanding(views, id)?;
    check_name("the model", &called.model)?;
    if let Some(call) = views.calls.of(id).and_then(|calls| calls.under_way.as_ref()) {
        return Err(Rejection::state("run", id, format!("waits for the call at position {}", call.position)));
    }
    Ok(record([NewEvent::new(id, called)]))
}

pub(super) fn record_call_failure(
    views: &Views,
    id: RunId,
    failed: CallFailed,
    reason: String,
) -> Result<Decision, Rejection> {
    outstanding(views, id)?;
    check_name("the model", &failed.model)?;
    text_size("the reason", &reason)?;
    if views.calls.of(id).is_none_or(|calls| calls.under_way.is_none()) {
        return Err(Rejection::state("run", id, "waits for no call"));
    }
    Ok(record([NewEvent::new(id, failed).with_body(&ReasonBody { reason })]))
}

pub(super) fn finish(
    views: &Views,
    id: RunId,
    message: NewMessage,
    usage: Usage,
    account: Account,
    reason: Option<String>,
) -> Result<Decision, Rejection> {
    let run = outstanding(views, id)?;
    if let Some((open, _)) = views.agents.running().get(&id).and_then(|agent| agent.open_calls().next()) {
        return Err(Rejection::state("run", id, format!("waits for its tool call {open}")));
    }
    let model = message.model.clone().unwrap_or_else(|| run.model.clone());
    let finished = Finished { answer: message.id, model, usage, account: Some(account) };
    let conversation = existing(views, run.conversation)?;
    if already_added(views, run.conversation, message.id)?.is_some() {
        return Err(Rejection::state("message", message.id, "was added before, and is no answer of this run"));
    }
    let answer = message_added(views, Some(conversation), run.conversation, message)?;
    reason.iter().try_for_each(|reason| text_size("the reason", reason).map(drop))?;
    let finished = NewEvent::new(id, finished);
    let finished = reason.into_iter().fold(finished, |event, reason| event.with_body(&ReasonBody { reason }));
    Ok(record([answer, finished]))
}

pub(super) fn fail(views: &Views, id: RunId, reason: String) -> Result<Decision, Rejection> {
    outstanding(views, id)?;
    text_size("the reason", &reason)?;
    // Every call has a return, also where the run ends before it.
    let mut events = super::agent::close_calls(views, id);
    events.push(NewEvent::new(id, Failed {}).with_body(&ReasonBody { reason }));
    Ok(record(events))
}

pub(super) fn outstanding(views: &Views, id: RunId) -> Result<&Run, Rejection> {
    views.runs.outstanding().get(&id).ok_or_else(|| Rejection::state("run", id, "is not outstanding"))
}

#[cfg(test)]
mod tests;
