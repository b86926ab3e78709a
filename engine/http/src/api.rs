//! `/api/v1/…`: everything the protocol can do, by the names of its requests and queries.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response as HttpResponse};
use serde_json::{Map, Value, json};
use zo_engine::protocol::{At, EventSelection, Request, Response};
use zo_projections::Position;

use zo_projections::event::vault::Scope;

use crate::app::App;
use crate::auth::Caller;
use crate::calls::Call;
use crate::problem::Problem;
use crate::stream::{self, Events, Lines, Log};
use crate::table::{DEFINITIONS, needs_more};
use crate::{intake, parameters};

/// `POST /api/v1/NAME`: one JSON document, or a stream for what is answered piece by piece.
pub(crate) async fn request(
    State(app): State<Arc<App>>,
    Extension(token): Extension<Arc<Caller>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<HttpResponse, Problem> {
    named(&app, &token, &name, &headers, body).await
}

/// `POST /api/v1/events`, which has a path of its own beside `GET`.
pub(crate) async fn post_events(
    State(app): State<Arc<App>>,
    Extension(token): Extension<Arc<Caller>>,
    headers: HeaderMap,
    body: Body,
) -> Result<HttpResponse, Problem> {
    named(&app, &token, "events", &headers, body).await
}

/// Carries out the request of this name.
async fn named(
    app: &Arc<App>,
    token: &Caller,
    name: &str,
    headers: &HeaderMap,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let entry = app.table.request(name)?;
    token.needs(&[entry.scope])?;
    let request = entry.request(intake::object(&app.options.limits, headers, body).await?)?;
    if let Some(scope) = needs_more(&request) {
        token.needs(&[scope])?;
    }
    let request = request.in_environment(app.engine.environment());
    let mut call = Call::begin_for(app, token, request).await?;
    if !entry.is_streamed {
        return document(call.last().await?);
    }
    let first = call.first().await?;
    Ok(if stream::wants_events(headers) {
        stream::respond(first, call, Events)
    } else {
        stream::respond(first, call, Lines)
    })
}

/// A response as one JSON document. A command of one item has failed if its item has.
fn document(response: Response) -> Result<HttpResponse, Problem> {
    match response {
        Response::Acknowledged(mut items) if items.len() == 1 && items[0].is_err() => match items.remove(0) {
            Err(failure) => Err(failure.into()),
            Ok(acknowledged) => Ok(Json(json!({ "acknowledged": [acknowledged] })).into_response()),
        },
        response => json_of(&response),
    }
}

fn json_of(value: &impl serde::Serialize) -> Result<HttpResponse, Problem> {
    match serde_json::to_value(value) {
        Ok(value) => Ok(Json(value).into_response()),
        Err(error) => {
            tracing::warn!("a response has no form as JSON: {error}");
            Err(Problem::internal())
        }
    }
}

/// `GET /api/v1/query/NAME?field=…`.
pub(crate) async fn get_query(
    State(app): State<Arc<App>>,
    Extension(token): Extension<Arc<Caller>>,
    Path(name): Path<String>,
    RawQuery(given): RawQuery,
) -> Result<HttpResponse, Problem> {
    let entry = app.table.query(&name)?;
    token.needs(&[entry.scope])?;
    let mut schema = app.table.resolved(&entry.schema).clone();
    schema["properties"]["at"] = json!({"$ref": format!("{DEFINITIONS}At")});
    let fields = parameters::fields(&app.table, &schema, given.as_deref().unwrap_or_default())?;
    query(&app, &token, &name, fields).await
}

/// `POST /api/v1/query/NAME`.
pub(crate) async fn post_query(
    State(app): State<Arc<App>>,
    Extension(token): Extension<Arc<Caller>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<HttpResponse, Problem> {
    token.needs(&[app.table.query(&name)?.scope])?;
    let fields = intake::object(&app.options.limits, &headers, body).await?;
    query(&app, &token, &name, fields).await
}

/// Answers a query, as of `at` if that is among its fields.
async fn query(
    app: &Arc<App>,
    token: &Caller,
    name: &str,
    mut fields: Map<String, Value>,
) -> Result<HttpResponse, Problem> {
    let at = match fields.remove("at") {
        None | Some(Value::Null) => None,
        Some(at) => {
            let read = intake::read::<At>(at, None);
            Some(read.map_err(|problem| Problem::invalid(format!("at: {}", problem.message)))?)
        }
    };
    let request = Request::Query { query: app.table.query(name)?.query(fields)?, at };
    if let Some(scope) = needs_more(&request) {
        token.needs(&[scope])?;
    }
    let request = request.in_environment(app.engine.environment());
    match Call::begin(app, request).await?.last().await? {
        Response::Answer(answer) => json_of(&answer),
        other => json_of(&other),
    }
}

/// `GET /api/v1/events`: the log from a position on, and what is added to it.
pub(crate) async fn events(
    State(app): State<Arc<App>>,
    Extension(token): Extension<Arc<Caller>>,
    RawQuery(given): RawQuery,
    headers: HeaderMap,
) -> Result<HttpResponse, Problem> {
    token.needs(&[Scope::Read])?;
    let as_events = stream::wants_events(&headers);
    let mut schema = app.table.resolved(&json!({"$ref": format!("{DEFINITIONS}EventSelection")})).clone();
    schema["properties"]["follow"] = json!({"type": "boolean"});
    let mut fields = parameters::fields(&app.table, &schema, given.as_deref().unwrap_or_default())?;
    let follow = match fields.remove("follow") {
        None => as_events,
        Some(Value::Bool(follow)) => follow,
        Some(_) => return Err(Problem::invalid("follow: true or false is expected")),
    };
    let mut selection: EventSelection = intake::read(Value::Object(fields), None)?;
    if let Some(seen) = headers.get("last-event-id") {
        let position = seen.to_str().ok().and_then(|seen| seen.parse().ok());
        let position = position.ok_or_else(|| Problem::invalid("Last-Event-ID: a position is expected"))?;
        selection.from = Position(position).next();
    }
    let mut call = Call::begin(&app, Request::Events { selection, follow }).await?;
    let first = call.first().await?;
    Ok(if as_events { stream::respond(first, call, Log) } else { stream::respond(first, call, Lines) })
}
