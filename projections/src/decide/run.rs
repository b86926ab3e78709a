//! Decisions about runs.

use super::conversation::{already_added, existing, message_added, started};
use super::{Decision, MAX_NAME_BYTES, MAX_PASSAGES, NewEvent, check_length, record, text_size};
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
    check_length("the model", model.len(), MAX_NAME_BYTES)?;
    if views.streams.version(run.into()) != 0 {
        return Err(Rejection::state("run", run, "was started before"));
    }
    let question = message.id;
    let mut events = Vec::with_capacity(3);
    match views.conversations.get(conversation) {
        None => {
            events.push(started(views, conversation, name)?);
            events.push(message_added(views, None, conversation, message)?);
        }
        Some(_) => events.push(message_added(views, Some(existing(views, conversation)?), conversation, message)?),
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
        format!("memory {} has no score: {}, coverage {}", passage.memory, passage.score, passage.coverage)
    } else {
        return Ok(());
    };
    Err(Rejection::Invalid { what: "the passages".to_owned(), why })
}

fn has_finite_scores(passage: &Passage) -> bool {
    passage.score.is_finite() && passage.coverage.is_finite() && passage.cosine.is_none_or(f32::is_finite)
}

pub(super) fn finish(views: &Views, id: RunId, message: NewMessage, usage: Usage) -> Result<Decision, Rejection> {
    let run = outstanding(views, id)?;
    let finished =
        Finished { answer: message.id, model: message.model.clone().unwrap_or_else(|| run.model.clone()), usage };
    let conversation = existing(views, run.conversation)?;
    if already_added(views, run.conversation, message.id)?.is_some() {
        return Err(Rejection::state("message", message.id, "was added before, and is no answer of this run"));
    }
    let answer = message_added(views, Some(conversation), run.conversation, message)?;
    Ok(record([answer, NewEvent::new(id, finished)]))
}

pub(super) fn fail(views: &Views, id: RunId, reason: String) -> Result<Decision, Rejection> {
    outstanding(views, id)?;
    text_size("the reason", &reason)?;
    Ok(record([NewEvent::new(id, Failed {}).with_body(&ReasonBody { reason })]))
}

fn outstanding(views: &Views, id: RunId) -> Result<&Run, Rejection> {
    views.runs.outstanding().get(&id).ok_or_else(|| Rejection::state("run", id, "is not outstanding"))
}

#[cfg(test)]
mod tests;
