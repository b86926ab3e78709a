//! The workspace as a server of the Model Context Protocol, by streamable HTTP at `/mcp`.
//!
//! Who asks has passed the gate as everybody; what they may do is what their token is good for: with `read` what only looks, with `ask`
//! questions, with `admin` all of it. That is said with each request, so a session has no rights of its own; and only the token that
//! opened a session goes on with it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::de::IgnoredAny;
use serde_json::json;
use zo_mcp::server::Access;
use zo_projections::TokenId;
use zo_projections::event::vault::Scope;

use crate::app::App;
use crate::auth::Caller;
use crate::problem::Problem;

/// What the header of a session is called.
const SESSION: &str = "mcp-session-id";
/// The largest message.
const MAX_MESSAGE_BYTES: usize = 16 << 20;
/// Sessions whose opener is remembered; the oldest is forgotten first, and its client has to open another one.
const MAX_SESSIONS: usize = 1024;

/// Who opened which session: nobody else goes on with it, whatever their token is good for.
#[derive(Default)]
pub(crate) struct Openers(Mutex<VecDeque<(String, TokenId)>>);

impl Openers {
    fn lock(&self) -> MutexGuard<'_, VecDeque<(String, TokenId)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn opened(&self, session: String, by: TokenId) {
        let mut openers = self.lock();
        if openers.len() == MAX_SESSIONS {
            openers.pop_front();
        }
        openers.push_back((session, by));
    }

    fn is_of(&self, session: &str, token: TokenId) -> bool {
        self.lock().iter().any(|(known, by)| known == session && *by == token)
    }

    fn ended(&self, session: &str) {
        self.lock().retain(|(known, _)| known != session);
    }
}

/// Answers a message, a stream that is followed, or the end of a session.
pub(crate) async fn answer(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Arc<Caller>>,
    request: Request,
) -> Response {
    let (token, ends) = (caller.0.id, request.method() == Method::DELETE);
    let session = request.headers().get(SESSION).and_then(|id| id.to_str().ok()).map(str::to_owned);
    if let Some(session) = session.as_deref().filter(|session| !app.mcp_openers.is_of(session, token)) {
        // As if there were none: a client that is told so opens one.
        let message = format!("the session {session} is not known, or another token has opened it");
        return Problem::new(StatusCode::NOT_FOUND, "not_found", message).into_response();
    }
    let (mut head, body) = request.into_parts();
    head.extensions.insert(access(&caller));
    let body = match axum::body::to_bytes(body, MAX_MESSAGE_BYTES).await {
        Ok(body) => body,
        Err(error) => {
            let message = format!("the message could not be read, or is larger than 16 MiB: {error}");
            return Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message).into_response();
        }
    };
    if head.method == Method::POST
        && let Err(error) = serde_json::from_slice::<IgnoredAny>(&body)
    {
        return no_json(&error);
    }
    let response = app.mcp.answer(Request::from_parts(head, Body::from(body))).await.map(Body::new);
    match (session, response.headers().get(SESSION).and_then(|id| id.to_str().ok())) {
        (None, Some(opened)) => app.mcp_openers.opened(opened.to_owned(), token),
        (Some(session), _) if ends => app.mcp_openers.ended(&session),
        _ => {}
    }
    response
}

/// What JSON-RPC says to what is no JSON.
fn no_json(error: &serde_json::Error) -> Response {
    let error = json!({ "code": -32700, "message": format!("this is no JSON: {error}") });
    (StatusCode::BAD_REQUEST, Json(json!({ "jsonrpc": "2.0", "id": null, "error": error }))).into_response()
}

/// What a token is good for here.
fn access(caller: &Caller) -> Access {
    let has = |scope| caller.needs(&[scope]).is_ok();
    Access { read: has(Scope::Read), ask: has(Scope::Ask), act: has(Scope::Admin) }
}
