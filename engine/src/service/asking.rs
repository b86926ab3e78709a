//! Asking: a question becomes a run, and a run is carried on until it is answered, whoever started it.
//!
//! Question and run are one commit; what is recalled is recorded before a model is called, the call before anything is
//! sent; the answer and the end of the run are one commit. Start at [`ask`]; [`runs`] is the life of a run.
//!
//! - [`choice`]: which model answers. [`sources`]: what is recalled. [`context`]: what the model is told.
//! - [`runs`]: a run, carried on from wherever it is. [`call`]: one call of a model. [`agent`]: a run of many steps.

pub(crate) mod agent;
pub(crate) mod call;
mod choice;
mod context;
mod runs;
mod sources;

use zo_models::ToolSpec;
use zo_projections::command::{NewFile, NewMessage, Parent};
use zo_projections::decide::{MAX_TEXT_BYTES, MAX_TOOL_BYTES};
use zo_projections::event::Event;
use zo_projections::event::conversation::{MessageBody, Role, ToolCall};
use zo_projections::event::run::{Account, Ending, RequestBody, Usage};
use zo_projections::views::conversations::Conversation;
use zo_projections::views::runs::Run;
use zo_projections::{
    Actor, Command, ConversationId, ExpectedVersion, MessageId, Position, Rejection, RunId, Submission,
};

pub(crate) use self::agent::{Place, spawn};
pub(crate) use self::choice::usual;
pub(crate) use self::runs::Turns;
pub(super) use self::runs::last_reason;
use super::conversation::{body_of, name_of, resolve_or_begin};
use super::{Each, deliver};
use crate::engine::Engine;
use crate::protocol::{
    AnswerBegun, Answered, Arrival, Asking, ConversationChoice, Failure, FailureKind, FileInput, Question, Response,
    SCRIPTED,
};
use crate::providers::OFFLINE;
use crate::writer::{Outcome, SubmitError};

/// Puts a question, waits for the answer, and tells `each` what arrives.
pub(crate) fn ask(engine: &Engine, asking: Asking, each: Each<'_>) -> Result<Answered, Failure> {
    engine.learn_keys_of(&asking.environment);
    let id = RunId(asking.run);
    let put = engine.writer.read(|views| views.streams.version(id.into()) != 0)?;
    let why = if put { None } else { put_question(engine, id, &asking, each)? };
    let attended = asking.agent.as_ref().is_some_and(|agent| agent.can_ask);
    let tools = tool_specs(&asking)?;
    let place = Place { environment: &asking.environment, attended, tools: &tools };
    runs::carry_on(engine, id, place, why.as_deref(), each)?;
    answered(engine, id)
}

/// Carries on a run that was begun before, and waits for its answer.
pub(super) fn resume(engine: &Engine, id: RunId, place: Place<'_>, each: Each<'_>) -> Result<Answered, Failure> {
    engine.learn_keys_of(place.environment);
    runs::carry_on(engine, id, place, None, each)?;
    answered(engine, id)
}

/// Records the question and the run that is to answer it; what is to be said of the model, if nobody named or chose it.
fn put_question(engine: &Engine, id: RunId, asking: &Asking, each: Each<'_>) -> Result<Option<String>, Failure> {
    // What cannot be carried out is refused before anything is recorded.
    let choice = choice::choose(engine, asking)?;
    check_schema(asking.schema.as_deref(), &choice)?;
    tool_specs(asking)?;
    let agent = asking
        .agent
        .as_ref()
        .map(|request| agent::start(engine, request, &asking.environment, &choice.model))
        .transpose()?;
    if agent.is_none() && choice.model == SCRIPTED {
        let message = "the model `scripted` says what a script says, and is for agents";
        return Err(Failure::new(FailureKind::Invalid, message).hint("zo agent run --model scripted --script FILE …"));
    }
    let note = choice.note();
    let request =
        RequestBody { system: asking.system.clone(), schema: asking.schema.clone(), fallbacks: choice.fallbacks };
    let message = engine.names.question(asking.run);
    let model = choice.model;
    let (conversation, command) = match &asking.question {
        Question::New { text, files } => {
            let conversation = resolve_or_begin(engine, Actor::User, &asking.conversation)?;
            let message = text_message(message, Role::User, text.clone(), Parent::Selected, None);
            let files = new_files(files);
            (conversation, Command::Ask { conversation, name: None, message, files, run: id, model, request, agent })
        }
        Question::Instead { of, text, files } => {
            let (conversation, question) = earlier_question(engine, &asking.conversation, of.as_deref())?;
            let parent = parent_of(engine, question)?;
            let message = text_message(message, Role::User, text.clone(), parent, None);
            let files = new_files(files);
            (conversation, Command::Ask { conversation, name: None, message, files, run: id, model, request, agent })
        }
        Question::Behind { message: before, text, files } => {
            let (conversation, before) = earlier_question(engine, &asking.conversation, Some(before))?;
            let message = text_message(message, Role::User, text.clone(), Parent::Message(before), None);
            let files = new_files(files);
            (conversation, Command::Ask { conversation, name: None, message, files, run: id, model, request, agent })
        }
        Question::Again { question } => {
            let (conversation, question) = earlier_question(engine, &asking.conversation, question.as_deref())?;
            (conversation, Command::Answer { conversation, question, run: id, model, request, agent })
        }
    };
    let submission = Submission { correlation: Some(asking.run), ..Submission::new(Actor::User, command) };
    loop {
        let version = end_earlier_runs(engine, conversation, asking, each)?;
        let expecting = submission.clone().expecting(conversation.into(), ExpectedVersion::Exactly(version));
        match engine.writer.submit_one(expecting) {
            // Somebody else was faster, and is answered first.
            Err(SubmitError::Rejected(Rejection::Conflict { .. })) => {}
            outcome => return outcome.map(|_| note).map_err(Failure::from),
        }
    }
}

/// That a schema is one, and that whoever may answer can keep to it.
fn check_schema(schema: Option<&str>, choice: &choice::Choice) -> Result<(), Failure> {
    let Some(schema) = schema else { return Ok(()) };
    let invalid = |why: String| Failure::from(Rejection::Invalid { what: "the JSON Schema".to_owned(), why });
    let schema: serde_json::Value = serde_json::from_str(schema).map_err(|error| invalid(error.to_string()))?;
    if !schema.is_object() {
        return Err(invalid("it is no JSON object".to_owned()));
    }
    zo_models::check_schema(&schema).map_err(invalid)?;
    if choice.model == OFFLINE || choice.fallbacks.iter().any(|model| model == OFFLINE) {
        let message = "`offline` quotes what is remembered, and cannot answer as JSON of a schema";
        return Err(Failure::new(FailureKind::Invalid, message).hint("name a model: --model PROVIDER/NAME"));
    }
    Ok(())
}

/// The tools of who asks, checked.
fn tool_specs(asking: &Asking) -> Result<Vec<ToolSpec>, Failure> {
    let invalid = |what: String, why: &str| Failure::from(Rejection::Invalid { what, why: why.to_owned() });
    if asking.agent.is_some() && !asking.tools.is_empty() {
        return Err(invalid("the tools".to_owned(), "an agent has the workspace's own, and calls them itself"));
    }
    let mut specs: Vec<ToolSpec> = Vec::with_capacity(asking.tools.len());
    for tool in &asking.tools {
        let what = || format!("the tool {:?}", tool.name);
        let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
        if tool.name.is_empty() || tool.name.len() > MAX_TOOL_BYTES || !tool.name.chars().all(plain) {
            return Err(invalid(what(), "its name has letters, digits, `_` and `-`"));
        }
        if specs.iter().any(|other| other.name == tool.name) {
            return Err(invalid(what(), "there are two of that name"));
        }
        let parameters: serde_json::Value = serde_json::from_str(&tool.parameters).unwrap_or_default();
        if !parameters.is_object() {
            return Err(invalid(what(), "its parameters are no JSON Schema of an object"));
        }
        specs.push(ToolSpec { name: tool.name.clone(), description: tool.description.clone(), parameters });
    }
    Ok(specs)
}

fn new_files(files: &[FileInput]) -> Vec<NewFile> {
    let file = |file: &FileInput| NewFile {
        name: file.name.clone(),
        media_type: file.media_type.clone(),
        bytes: file.bytes.clone(),
    };
    files.iter().map(file).collect()
}

/// Sees to it that questions of this conversation that were put before are answered first, by whoever answers them;
/// returns the version that the conversation has then.
fn end_earlier_runs(
    engine: &Engine,
    conversation: ConversationId,
    asking: &Asking,
    each: Each<'_>,
) -> Result<u32, Failure> {
    let mut tried: Vec<RunId> = Vec::new();
    loop {
        let (earlier, version) = engine.writer.read(|views| {
            let mut outstanding = views.runs.outstanding().iter();
            let earlier = outstanding.find(|(id, run)| run.conversation == conversation && !tried.contains(id));
            (earlier.map(|(id, _)| *id), views.streams.version(conversation.into()))
        })?;
        let Some(earlier) = earlier else { return Ok(version) };
        if tried.is_empty() {
            let note = "a question that was put before in this conversation is answered first".to_owned();
            deliver(each, Response::Arrived(Arrival::Note(note)))?;
        }
        tried.push(earlier);
        let mut stopped = false;
        // What is answered meanwhile is for somebody else; what holds it up is not.
        let waiting = &mut |response| {
            let flow = match response {
                Response::Arrived(Arrival::Note(note)) => each(Response::Arrived(Arrival::Note(note))),
                _ => each(Response::Arrived(Arrival::Nothing)),
            };
            stopped |= flow.is_break();
            flow
        };
        let attended = asking.agent.as_ref().is_some_and(|agent| agent.can_ask);
        let place = Place { environment: &asking.environment, attended, tools: &[] };
        let carried_on = runs::carry_on(engine, earlier, place, None, waiting);
        if stopped {
            let message = "stopped while a question before it was answered: this one was not put";
            return Err(Failure::new(FailureKind::Refused, message));
        }
        if let Err(failure) = carried_on {
            let why = engine.writer.redactor().clean(&failure.message);
            tracing::warn!(run = %earlier, "an earlier question stays unanswered: {why}");
        }
    }
}

/// The conversation, and the question in it that is meant: the last one of the selected branch if none is named.
fn earlier_question(
    engine: &Engine,
    choice: &ConversationChoice,
    named: Option<&str>,
) -> Result<(ConversationId, MessageId), Failure> {
    let id = match choice {
        ConversationChoice::Existing(reference) | ConversationChoice::Named(reference) => {
            super::conversation::find(engine, None, reference, |found| found.id)?
        }
        ConversationChoice::New { .. } | ConversationChoice::Imported { .. } => {
            let message = "a new conversation has no earlier question";
            return Err(Failure::new(FailureKind::Invalid, message));
        }
    };
    let parsed = match named {
        Some(named) => Some(named.parse().map_err(|_| Rejection::not_found("message", named))?),
        None => None,
    };
    let last_question = |conversation: &Conversation| {
        let path = conversation.branch();
        path.iter().rev().find(|message| message.role == Role::User).map(|message| message.id)
    };
    let question = engine.writer.read(|views| match parsed {
        Some(message) => views.conversations.by_message(message).filter(|(it, _)| it.id == id).map(|_| message),
        None => views.conversations.get(id).and_then(last_question),
    })?;
    let missing = || match named {
        Some(named) => Failure::from(Rejection::not_found("message", named)),
        None => Failure::new(FailureKind::NotFound, "nothing was asked in this conversation yet"),
    };
    Ok((id, question.ok_or_else(missing)?))
}

fn parent_of(engine: &Engine, message: MessageId) -> Result<Parent, Failure> {
    Ok(engine.writer.read(|views| {
        let parent = views.conversations.by_message(message).and_then(|(conversation, index)| {
            let parent = conversation.messages[index as usize].parent?;
            Some(conversation.messages[parent as usize].id)
        });
        parent.map_or(Parent::Root, Parent::Message)
    })?)
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

/// What the question of a run says.
fn question_of(engine: &Engine, run: &Run) -> Result<String, Failure> {
    let position = engine.writer.read(|views| {
        let (conversation, index) = views.conversations.by_message(run.question)?;
        Some(conversation.messages[index as usize].position)
    })?;
    let position = position.ok_or_else(|| Failure::new(FailureKind::Damaged, "the question of the run is gone"))?;
    let body: Option<MessageBody> = body_of(&engine.reader.event(position)?)?;
    Ok(body.map(|body| body.content).unwrap_or_default())
}

/// An answer, and what it cost.
struct Reply {
    text: String,
    model: String,
    usage: Usage,
    account: Account,
    /// Why it was cut off, if it was.
    reason: Option<String>,
    /// Tools of who asked, that are to be called first.
    tool_calls: Vec<ToolCall>,
}

/// Records the answer of a run.
fn finish(engine: &Engine, id: RunId, run: &Run, reply: Reply) -> Result<(), Failure> {
    let Reply { mut text, model, usage, mut account, mut reason, tool_calls } = reply;
    if text.len() > MAX_TEXT_BYTES {
        text.truncate(text.floor_char_boundary(MAX_TEXT_BYTES));
        account.ending = Ending::Interrupted;
        reason = Some(format!("it is longer than the {MAX_TEXT_BYTES} bytes that a message may have"));
    }
    let parent = Parent::Message(run.question);
    let mut message = NewMessage {
        interrupted: reason.is_some(),
        ..text_message(engine.names.answer(id.0), Role::Assistant, text, parent, Some(model))
    };
    message.body.tool_calls = tool_calls;
    let command = Command::FinishRun { run: id, message, usage, account, reason };
    ignore_if_ended(engine.writer.submit_one(from_run(command, id, run.recalled.unwrap_or(run.started))))
}

fn from_run(command: Command, id: RunId, causation: Position) -> Submission {
    Submission { causation: Some(causation), correlation: Some(id.0), ..Submission::new(Actor::Engine, command) }
}

/// A run that has ended in the meantime needs nothing more.
fn ignore_if_ended(outcome: Outcome) -> Result<(), Failure> {
    match outcome {
        Ok(_) | Err(SubmitError::Rejected(Rejection::State { .. })) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// What is known when a run begins to be answered.
fn begun(engine: &Engine, id: RunId, run: &Run, recalled: Position, why: Option<&str>) -> Result<AnswerBegun, Failure> {
    let (found, _) = sources::recorded(engine, recalled)?;
    Ok(AnswerBegun {
        conversation: run.conversation.to_string(),
        conversation_name: name_of(engine, run.conversation)?,
        run: id.to_string(),
        question: run.question.to_string(),
        model: run.model.clone(),
        why: why.map(str::to_owned),
        recalled: found.iter().map(sources::Found::line).collect(),
    })
}

/// Reads back the answer of a run that has ended.
fn answered(engine: &Engine, id: RunId) -> Result<Answered, Failure> {
    let answer = engine.names.answer(id.0);
    let place = engine.writer.read(|views| {
        let (conversation, index) = views.conversations.by_message(answer)?;
        let message = &conversation.messages[index as usize];
        let parent = message.parent.map(|parent| conversation.messages[parent as usize].id);
        // What an agent cost is what all its calls did, and those of the agents below it.
        let is_agent = views.agents.ended().contains_key(&id);
        let spent = is_agent.then(|| agent::with_agents(&views.agents, id));
        Some((conversation.id, message.position, parent, views.position, spent))
    })?;
    let Some((conversation, position, question, head, spent)) = place else {
        let reason = runs::last_reason(engine, id)?.unwrap_or_else(|| format!("run {id} ended without an answer"));
        return Err(Failure::new(FailureKind::Model, reason).hint(format!(
            "`zo ask --retry` puts the question again; `zo log tail --stream run/{id}` shows what happened"
        )));
    };
    let message = engine.reader.event(position)?;
    // The end of the run is in one commit with its answer, directly behind it.
    let end = engine.reader.event(position.next())?;
    let Event::RunFinished(finished) = &end.recorded.event else {
        return Err(Failure::new(FailureKind::Damaged, format!("the answer at position {position} ends no run")));
    };
    let (recalled, indexed) = sources::recorded(engine, message.recorded.header.causation.unwrap_or_default())?;
    let body: Option<MessageBody> = body_of(&message)?;
    let MessageBody { content, tool_calls, .. } = body.unwrap_or_default();
    Ok(Answered {
        answer: content,
        tool_calls,
        conversation: conversation.to_string(),
        run: id.to_string(),
        question: question.map(|id| id.to_string()).unwrap_or_default(),
        message: answer.to_string(),
        model: finished.model.clone(),
        recalled: recalled.iter().map(sources::Found::line).collect(),
        usage: spent.unwrap_or(finished.usage),
        account: finished.account.unwrap_or_default(),
        position: end.recorded.header.position,
        indexed,
        head,
    })
}

#[cfg(test)]
mod tests;
