//! OpenAI's interface, so that any client written for it can talk to the workspace, its memory included: chat completions,
//! models and embeddings, as in <https://platform.openai.com/docs/api-reference> (November 2026).
//!
//! A question goes the way of all questions, so it is recalled for, recorded and counted as any other. What a client sends each
//! time, the whole conversation, is recognised: see [`threads`]. What of a request has no meaning here (`temperature`, `user`,
//! `seed`…) is passed over.
//!
//! - [`chat`]: `POST /v1/chat/completions`. [`messages`]: what of its messages is told to whom. [`chunks`]: the pieces of an answer.
//! - [`threads`]: which conversation a request goes on with. [`embeddings`]: `POST /v1/embeddings`.

mod chat;
mod chunks;
mod embeddings;
mod messages;
pub(crate) mod threads;

use std::sync::Arc;

use axum::extract::{Extension, Path, State};
use axum::response::{IntoResponse, Response as HttpResponse};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Map, Value, json};
use zo_projections::event::vault::Scope;

use crate::app::App;
use crate::auth::Caller;
use crate::models::{self, Available};
use crate::openapi::{body, operation, schema_of};
use crate::problem::Problem;
use crate::stream::EVENT_STREAM;

/// The paths of this interface.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v1/chat/completions", post(chat::complete))
        .route("/v1/embeddings", post(embeddings::embed))
        .route("/v1/models", get(list))
        .route("/v1/models/{*model}", get(one))
}

/// What the document says of them.
pub(crate) fn describe(paths: &mut Map<String, Value>) {
    let object = json!({"application/json": {"schema": {"type": "object"}}});
    let mut streamed = object.clone();
    streamed[EVENT_STREAM] = json!({"schema": {"type": "string"}});
    let answering = "Ask, as OpenAI's models are asked. `zo/agent`, alone or in front of a model's name, lets an agent with the \
                     workspace's tools answer; tools of the client's own are passed on to the model.";
    let mut chat = operation("chat_completions", answering, Some(&[Scope::Ask]), streamed);
    chat["requestBody"] = body(&schema_of::<chat::Completion>());
    paths.insert("/v1/chat/completions".into(), json!({ "post": chat }));
    let embedding = "Texts as vectors, by the model that recall uses.";
    let mut embed = operation("embeddings", embedding, Some(&[Scope::Ask, Scope::Read]), object.clone());
    embed["requestBody"] = body(&schema_of::<embeddings::Embed>());
    paths.insert("/v1/embeddings".into(), json!({ "post": embed }));
    let scopes = [Scope::Ask, Scope::Read];
    let list = operation("models", "The models that can be asked for.", Some(&scopes), object);
    paths.insert("/v1/models".into(), json!({ "get": list }));
    let object = json!({"application/json": {"schema": {"type": "object"}}});
    let mut one = operation("model", "A model that can be asked for.", Some(&scopes), object);
    one["parameters"] = json!([{"name": "model", "in": "path", "required": true, "schema": {"type": "string"}}]);
    paths.insert("/v1/models/{model}".into(), json!({ "get": one }));
}

/// `GET /v1/models`.
async fn list(State(app): State<Arc<App>>, Extension(token): Extension<Arc<Caller>>) -> Result<HttpResponse, Problem> {
    token.needs(&[Scope::Ask, Scope::Read])?;
    let models: Vec<Value> = models::available(&app).await?.iter().map(model).collect();
    Ok(Json(json!({"object": "list", "data": models})).into_response())
}

/// `GET /v1/models/NAME`.
async fn one(
    State(app): State<Arc<App>>,
    Extension(token): Extension<Arc<Caller>>,
    Path(name): Path<String>,
) -> Result<HttpResponse, Problem> {
    token.needs(&[Scope::Ask, Scope::Read])?;
    let found = models::available(&app).await?.into_iter().find(|model| model.name == name);
    let found = found.ok_or_else(|| Problem::not_found(format!("there is no model {name:?}")))?;
    Ok(Json(model(&found)).into_response())
}

fn model(model: &Available) -> Value {
    json!({"id": model.name, "object": "model", "created": 0, "owned_by": model.vendor})
}
