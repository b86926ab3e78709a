//! Zo's own interface: `POST /zo/ask` and `GET /models/available`, as in <https://docs.zocomputer.com/api> (November 2026), so
//! that programs written for it need only another address.
//!
//! Beyond that an answer says which model gave it, and a note where that is not the one that was named.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response as HttpResponse};
use axum::routing::{get, post};
use axum::{Json, Router};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use zo_engine::protocol::{AgentRequest, Answered, Arrival, Asking, ConversationChoice, Failure, Request, Response};

use zo_projections::event::vault::Scope;

use crate::app::App;
use crate::auth::Caller;
use crate::calls::{Call, Item};
use crate::intake;
use crate::models::{self, Meant};
use crate::openapi::{body as body_of, operation, schema_of};
use crate::problem::Problem;
use crate::stream::{self, EVENT_STREAM, Format, event};

/// The header with the conversation of an answer that comes piece by piece.
const CONVERSATION: &str = "x-conversation-id";

/// What is asked. Fields that are not known here are passed over: Zo has more of them.
#[derive(Debug, Deserialize, JsonSchema)]
struct Ask {
    /// The message.
    input: String,
    /// The conversation that it belongs to; a new one if there is none.
    conversation_id: Option<String>,
    /// The model; the one that was chosen if there is none, or no such model.
    model_name: Option<String>,
    /// JSON Schema of the answer; it is an object then, and not a text.
    #[schemars(with = "Option<Map<String, Value>>")]
    output_format: Option<Value>,
    /// Send the answer piece by piece.
    #[serde(default)]
    stream: Option<bool>,
}

/// The paths of this interface.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new().route("/zo/ask", post(ask)).route("/models/available", get(available))
}

/// What the document says of them.
pub(crate) fn describe(paths: &mut Map<String, Value>) {
    let answer = json!({
        "type": "object",
        "required": ["output", "conversation_id"],
        "properties": {
            "output": {"description": "The answer: a text, or what `output_format` asks for."},
            "conversation_id": {"type": "string"},
            "model": {"type": "string", "description": "The model that answered."},
            "note": {"type": "string", "description": "That it is not the one that was named."},
        },
    });
    let content = json!({"application/json": {"schema": answer}, (EVENT_STREAM): {"schema": {"type": "string"}}});
    let description = "Ask, as Zo is asked. With `stream`, server-sent events: `FrontendModelResponse` with `content`, \
                       then `End` or `Error`.";
    let mut post = operation("zo_ask", description, Some(&[Scope::Ask]), content);
    post["requestBody"] = body_of(&schema_of::<Ask>());
    paths.insert("/zo/ask".into(), json!({ "post": post }));
    let content = json!({"application/json": {"schema": {"type": "object"}}});
    let scopes = [Scope::Ask, Scope::Read];
    let get = operation("models_available", "The models that can be asked for.", Some(&scopes), content);
    paths.insert("/models/available".into(), json!({ "get": get }));
}

/// `POST /zo/ask`.
async fn ask(
    State(app): State<Arc<App>>,
    Extension(token): Extension<Arc<Caller>>,
    headers: HeaderMap,
    body: Body,
) -> Result<HttpResponse, Problem> {
    token.needs(&[Scope::Ask])?;
    let object = intake::object(&app.options.limits, &headers, body).await?;
    let asked: Ask = intake::read(Value::Object(object), None)?;
    let meant = models::meant(&app, asked.model_name.as_deref());
    let as_object = asked.output_format.is_some();
    let streamed = asked.stream.unwrap_or_default();
    let mut call = Call::begin(&app, Request::Ask(Box::new(asking(&app, asked, &meant)))).await?;
    if !streamed {
        return match call.last().await? {
            Response::Answered(answered) => Ok(Json(answer(&answered, &meant, as_object)).into_response()),
            _ => Err(Problem::internal()),
        };
    }
    let first = begun(&mut call).await?;
    let conversation = match &first {
        Item::Response(response) => match &**response {
            Response::Begun(begun) => HeaderValue::from_str(&begun.conversation).ok(),
            _ => None,
        },
        _ => None,
    };
    let format = Events { meant, as_object, anything: false, ended: false };
    let mut response = stream::respond(first, call, format);
    if let Some(conversation) = conversation {
        response.headers_mut().insert(CONVERSATION, conversation);
    }
    Ok(response)
}

/// The question of a request.
fn asking(app: &App, asked: Ask, meant: &Meant) -> Asking {
    let conversation = match asked.conversation_id.filter(|id| !id.trim().is_empty()) {
        Some(id) => ConversationChoice::Existing(id),
        None => ConversationChoice::New { id: app.engine.fresh_id(), name: None },
    };
    Asking {
        model: meant.model.clone(),
        schema: asked.output_format.filter(|schema| !schema.is_null()).map(|schema| schema.to_string()),
        agent: meant.agent.then(|| Box::new(AgentRequest::default())),
        environment: app.engine.environment().clone(),
        ..Asking::new(conversation, asked.input, app.engine.fresh_id())
    }
}

/// The first thing that says where the answer belongs; what comes before it (that an earlier question is answered first)
/// is passed over.
///
/// # Errors
/// If the request fails before.
pub(crate) async fn begun(call: &mut Call) -> Result<Item, Problem> {
    loop {
        match call.first().await? {
            Item::Response(response) if matches!(*response, Response::Begun(_) | Response::Answered(_)) => {
                return Ok(Item::Response(response));
            }
            Item::End(result) => return Ok(Item::End(result)),
            _ => {}
        }
    }
}

fn answer(answered: &Answered, meant: &Meant, as_object: bool) -> Value {
    let mut answer = json!({
        "output": output(&answered.answer, as_object),
        "conversation_id": answered.conversation,
        "model": answered.model,
    });
    if let Some(note) = &meant.note {
        answer["note"] = note.as_str().into();
    }
    answer
}

/// The answer as it was asked for. It has been checked against its schema.
fn output(text: &str, as_object: bool) -> Value {
    let parsed = if as_object { serde_json::from_str(text).ok() } else { None };
    parsed.unwrap_or_else(|| text.into())
}

/// An answer, piece by piece, in Zo's events.
struct Events {
    meant: Meant,
    as_object: bool,
    /// Whether a piece was sent.
    anything: bool,
    ended: bool,
}

impl Format for Events {
    fn media_type(&self) -> &'static str {
        EVENT_STREAM
    }

    fn response(&mut self, response: Response) -> String {
        match response {
            Response::Arrived(Arrival::Text(piece)) => {
                self.anything = true;
                event(Some("FrontendModelResponse"), None, &json!({ "content": piece }))
            }
            Response::Answered(answered) => {
                self.ended = true;
                // An answer that was there already, or that an agent gave in one piece.
                let whole = json!({ "content": answered.answer });
                let before =
                    if self.anything { String::new() } else { event(Some("FrontendModelResponse"), None, &whole) };
                before + &event(Some("End"), None, &answer(&answered, &self.meant, self.as_object))
            }
            _ => String::new(),
        }
    }

    fn silence(&mut self) -> &'static str {
        ":\n\n"
    }

    fn end(&mut self, result: Result<(), Failure>) -> String {
        match result {
            Ok(()) if self.ended => String::new(),
            Ok(()) => event(Some("Error"), None, &json!({"message": "there is no answer"})),
            Err(failure) => event(Some("Error"), None, &json!({"message": failure.message, "hint": failure.hint})),
        }
    }
}

/// `GET /models/available`.
async fn available(
    State(app): State<Arc<App>>,
    Extension(token): Extension<Arc<Caller>>,
) -> Result<HttpResponse, Problem> {
    token.needs(&[Scope::Ask, Scope::Read])?;
    let models = models::available(&app).await?.into_iter().map(|model| {
        json!({
            "model_name": model.name,
            "label": model.title,
            "vendor": model.vendor,
            "description": model.description,
            "is_byok": true,
        })
    });
    Ok(Json(json!({ "models": models.collect::<Vec<_>>() })).into_response())
}
