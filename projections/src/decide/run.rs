//! Decisions about runs.

use super::conversation::{already_added, existing, message_added, started};
use super::{Decision, NewEvent, record};
use crate::command::{Name, NewMessage, Rejection};
use crate::event::run::{Failed, Finished, Passage, ReasonBody, Recalled, Started, Usage};
use crate::ids::{ConversationId, Position, RunId};
use crate::views::Views;
use crate::views::runs::Run;

pub(super) fn ask(
    views: &Views,
    conversation: ConversationId,
    name: Option<Name>,
    message: NewMessage,
    run: RunId,
    model: String,
) -> Result<Decision, Rejection> {
    if let Some(already) = already_added(views, conversation, message.id)? {
        return Ok(already);
    }
    let question = message.id;
    let mut events = Vec::with_capacity(3);
    match views.conversations.get(conversation) {
        None => {
            events.push(started(views, conversation, name)?);
            events.push(message_added(None, conversation, message)?);
        }
        Some(_) => events.push(message_added(Some(existing(views, conversation)?), conversation, message)?),
    }
    events.push(NewEvent::new(run, Started { conversation, question, model }));
    Ok(record(events))
}

pub(super) fn record_recall(
    views: &Views,
    id: RunId,
    passages: Vec<Passage>,
    indexed: Position,
) -> Result<Decision, Rejection> {
    match outstanding(views, id)?.recalled {
        Some(position) => Ok(Decision::already(id, position)),
        None => Ok(record([NewEvent::new(id, Recalled { passages, indexed })])),
    }
}

pub(super) fn finish(views: &Views, id: RunId, message: NewMessage, usage: Usage) -> Result<Decision, Rejection> {
    let run = outstanding(views, id)?;
    let finished =
        Finished { answer: message.id, model: message.model.clone().unwrap_or_else(|| run.model.clone()), usage };
    let conversation = existing(views, run.conversation)?;
    let answer = message_added(Some(conversation), run.conversation, message)?;
    Ok(record([answer, NewEvent::new(id, finished)]))
}

pub(super) fn fail(views: &Views, id: RunId, reason: String) -> Result<Decision, Rejection> {
    outstanding(views, id)?;
    Ok(record([NewEvent::new(id, Failed {}).with_body(&ReasonBody { reason })]))
}

fn outstanding(views: &Views, id: RunId) -> Result<&Run, Rejection> {
    views.runs.outstanding().get(&id).ok_or_else(|| Rejection::state("run", id, "is not outstanding"))
}
