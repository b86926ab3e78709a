//! `POST /v1/chat/completions`.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response as HttpResponse};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use zo_engine::engine::Engine;
use zo_engine::protocol::{
    AgentRequest, Answered, Asking, ConversationChoice, Failure, FailureKind, MessageChoice, MessageInput, Question,
    Request, Response, ToolInput,
};
use zo_engine::service;
use zo_projections::event::conversation::Role;
use zo_projections::event::vault::Scope;
use zo_projections::{Actor, MessageId};

use super::chunks::{Chunks, Heading};
use super::messages::{self, Message, Said};
use super::threads::{Mark, Place};
use crate::app::App;
use crate::auth::Caller;
use crate::calls::Call;
use crate::intake;
use crate::models;
use crate::problem::Problem;
use crate::stream;
use crate::zo;

/// What is asked. Fields that are not known here are passed over.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Completion {
    /// The model; the one that was chosen if there is none, or no such model.
    model: Option<String>,
    /// The whole conversation, oldest first.
    messages: Vec<Message>,
    /// Send the answer piece by piece.
    stream: Option<bool>,
    /// More about that.
    stream_options: Option<StreamOptions>,
    /// Tools that the model may ask for; the client calls them.
    tools: Option<Vec<Tool>>,
    /// `auto`, `none` or `required`, or one tool; what is more than `none` is left to the model.
    #[schemars(with = "Option<ToolChoice>")]
    tool_choice: Option<Value>,
    /// The shape of the answer: `{"type": "json_schema", "json_schema": {"schema": …}}`.
    response_format: Option<ResponseFormat>,
    /// How many answers: one.
    n: Option<u32>,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct StreamOptions {
    /// Say in the end what the answer cost.
    #[serde(default)]
    include_usage: Option<bool>,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct Tool {
    function: Function,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct Function {
    /// Letters, digits, `_` and `-`.
    name: String,
    /// When and how to use it.
    description: Option<String>,
    /// JSON Schema of its arguments.
    parameters: Option<Map<String, Value>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct ResponseFormat {
    /// `text`, `json_object` or `json_schema`.
    r#type: String,
    json_schema: Option<JsonSchemaFormat>,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct JsonSchemaFormat {
    schema: Option<Map<String, Value>>,
}

/// For the schema.
#[derive(JsonSchema)]
#[serde(untagged)]
#[allow(dead_code)]
enum ToolChoice {
    Word(String),
    One(Map<String, Value>),
}

/// `POST /v1/chat/completions`.
pub(super) async fn complete(
    State(app): State<Arc<App>>,
    Extension(token): Extension<Arc<Caller>>,
    headers: HeaderMap,
    body: Body,
) -> Result<HttpResponse, Problem> {
    token.needs(&[Scope::Ask])?;
    let object = intake::object(&app.options.limits, &headers, body).await?;
    let asked: Completion = intake::read(Value::Object(object), None)?;
    let streamed = asked.stream.unwrap_or_default();
    let include_usage = asked.stream_options.as_ref().and_then(|options| options.include_usage).unwrap_or_default();
    let named = asked.model.clone();
    let (asking, heading, marks) = prepare(&app, asked).await?;
    let heading = Heading { model: named.unwrap_or_else(|| models::DEFAULT.to_owned()), ..heading };
    let mut call = Call::begin(&app, Request::Ask(Box::new(asking))).await?;
    let for_note = app.clone();
    let remember = move |answered: &Answered| note(&for_note, marks, answered);
    if !streamed {
        return match call.last().await? {
            Response::Answered(answered) => {
                remember(&answered);
                Ok(Json(heading.completion(&answered)).into_response())
            }
            _ => Err(Problem::internal()),
        };
    }
    let first = zo::begun(&mut call).await?;
    let chunks = Chunks { heading, include_usage, answered: remember, begun: false, anything: false };
    Ok(stream::respond(first, call, chunks))
}

/// Remembers where the question and its answer are.
fn note(app: &App, question: Mark, answered: &Answered) {
    let place = |message: &str| Place { conversation: answered.conversation.clone(), message: message.to_owned() };
    app.threads.note(question, place(&answered.question));
    app.threads.note(question.then(Role::Assistant, &answered.answer), place(&answered.message));
}

/// What is asked, what its answer is headed with, and the mark of the question.
async fn prepare(app: &Arc<App>, asked: Completion) -> Result<(Asking, Heading, Mark), Problem> {
    if asked.n.is_some_and(|n| n != 1) {
        return Err(Problem::invalid("n: one answer is given, not more"));
    }
    let meant = models::meant(app, asked.model.as_deref());
    let told = messages::read(asked.messages)?;
    let marks = Mark::of(&told.said);
    let mark = marks.last().copied().unwrap_or_default();
    let schema = schema(asked.response_format)?;
    let tools = tools(asked.tools, asked.tool_choice.as_ref());
    let run = app.engine.fresh_id();
    let heading = Heading {
        id: zo_projections::RunId(run).to_string(),
        created: now_seconds(),
        model: String::new(),
        note: meant.note,
    };
    let (for_thread, said) = (app.clone(), told.said);
    let placed = tokio::task::spawn_blocking(move || place(&for_thread, said, &marks)).await;
    let (conversation, question) = placed.map_err(|_| Problem::internal())??;
    let asking = Asking {
        question,
        model: meant.model,
        system: told.system,
        schema,
        agent: meant.agent.then(|| Box::new(AgentRequest::default())),
        tools,
        environment: app.engine.environment().clone(),
        ..Asking::new(conversation, String::new(), run)
    };
    Ok((asking, heading, mark))
}

fn now_seconds() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// The schema of the answer, as text.
fn schema(format: Option<ResponseFormat>) -> Result<Option<String>, Problem> {
    let Some(format) = format else { return Ok(None) };
    match (format.r#type.as_str(), format.json_schema.and_then(|format| format.schema)) {
        ("text", _) => Ok(None),
        ("json_object", _) => Ok(Some(json!({"type": "object"}).to_string())),
        ("json_schema", Some(schema)) => Ok(Some(Value::Object(schema).to_string())),
        ("json_schema", None) => Err(Problem::invalid("response_format.json_schema: a `schema` is expected")),
        (other, _) => {
            let message = format!("response_format.type: {other:?} is none of text, json_object and json_schema");
            Err(Problem::invalid(message))
        }
    }
}

fn tools(tools: Option<Vec<Tool>>, choice: Option<&Value>) -> Vec<ToolInput> {
    if choice.and_then(Value::as_str) == Some("none") {
        return Vec::new();
    }
    let input = |Tool { function: Function { name, description, parameters } }: Tool| ToolInput {
        name,
        description: description.unwrap_or_default(),
        parameters: parameters.map_or_else(|| json!({"type": "object"}), Value::Object).to_string(),
    };
    tools.unwrap_or_default().into_iter().map(input).collect()
}

/// Adds what is new of what was said before, and says where the question belongs. Blocks.
fn place(app: &App, mut said: Vec<Said>, marks: &[Mark]) -> Result<(ConversationChoice, Question), Failure> {
    let engine = &app.engine;
    let nothing = || Failure::new(FailureKind::Invalid, "nothing is asked");
    let question = said.pop().ok_or_else(nothing)?;
    let known = app.threads.find(engine, &marks[..said.len()])?;
    let (count, mut place) = known.map_or((0, None), |(count, place)| (count, Some(place)));
    let mut new: Vec<Said> = said.split_off(count);
    // The result of a tool is no question: it is added too, and what is asked is what follows from it.
    let is_result = question.role == Role::Tool;
    let question = if is_result {
        new.push(question);
        None
    } else {
        Some(question)
    };
    if !new.is_empty() {
        let added = add(engine, place.as_ref(), new)?;
        for (mark, message) in marks[count..].iter().zip(&added.1) {
            app.threads.note(*mark, Place { conversation: added.0.clone(), message: message.clone() });
        }
        let message = added.1.last().cloned().ok_or_else(nothing)?;
        place = Some(Place { conversation: added.0, message });
    }
    Ok(match (place, question) {
        (None, Some(Said { text, files, .. })) => {
            (ConversationChoice::New { id: engine.fresh_id(), name: None }, Question::New { text, files })
        }
        (Some(place), Some(Said { text, files, .. })) => {
            let behind = Question::Behind { message: place.message, text, files };
            (ConversationChoice::Existing(place.conversation), behind)
        }
        (Some(place), None) => {
            (ConversationChoice::Existing(place.conversation), Question::Again { question: Some(place.message) })
        }
        (None, None) => return Err(nothing()),
    })
}

/// Adds messages behind a place, or to a new conversation: the conversation, and their ids.
fn add(engine: &Engine, behind: Option<&Place>, said: Vec<Said>) -> Result<(String, Vec<String>), Failure> {
    let fresh = zo_projections::ConversationId(engine.fresh_id());
    let (conversation, choice) = match behind {
        Some(place) => (place.conversation.clone(), ConversationChoice::Existing(place.conversation.clone())),
        None => (fresh.to_string(), ConversationChoice::New { id: fresh.0, name: None }),
    };
    let mut parent = behind.map(|place| place.message.parse::<MessageId>().map(|id| MessageChoice::Id(id.0)));
    let (mut messages, mut ids) = (Vec::with_capacity(said.len()), Vec::with_capacity(said.len()));
    for said in said {
        let id = engine.fresh_id();
        ids.push(MessageId(id).to_string());
        messages.push(MessageInput {
            id: MessageChoice::Id(id),
            parent: parent.take().transpose().map_err(|error| Failure::new(FailureKind::Damaged, error.to_string()))?,
            role: said.role,
            content: said.text,
            author: None,
            tool_calls: said.tool_calls,
            tool_call_id: said.tool_call_id,
            meta: None,
            occurred_at: None,
            selected: true,
        });
        parent = Some(Ok(MessageChoice::Id(id)));
    }
    let mut failed = None;
    let request = Request::AddMessages { actor: Actor::Client, conversation: choice, messages };
    service::handle(engine, request, &mut |response| {
        if let Response::Acknowledged(items) = response {
            failed = items.into_iter().find_map(Result::err);
        }
        std::ops::ControlFlow::Continue(())
    })?;
    match failed {
        Some(failure) => Err(failure),
        None => Ok((conversation, ids)),
    }
}
