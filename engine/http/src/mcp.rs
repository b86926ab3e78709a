//! The workspace as a server of the Model Context Protocol, by streamable HTTP at `/mcp`.
//!
//! Who asks has passed the gate as everybody; what they may do is what their token is good for: with `read` what only looks, with `ask`
//! questions, with `admin` all of it. That is said with each request, so a session has no rights of its own.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use zo_mcp::server::Access;
use zo_projections::event::vault::Scope;

use crate::app::App;
use crate::auth::Caller;

/// Answers a message, a stream that is followed, or the end of a session.
pub(crate) async fn answer(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Arc<Caller>>,
    mut request: Request,
) -> Response {
    request.extensions_mut().insert(access(&caller));
    app.mcp.answer(request).await.map(Body::new)
}

/// What a token is good for here.
fn access(caller: &Caller) -> Access {
    let has = |scope| caller.needs(&[scope]).is_ok();
    Access { read: has(Scope::Read), ask: has(Scope::Ask), act: has(Scope::Admin) }
}
