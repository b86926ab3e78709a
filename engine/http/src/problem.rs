//! What went wrong, as it is told: a status and `{"error": {"kind", "message", "hint"?}}`.
//!
//! Clients of OpenAI's interface expect OpenAI's shape, `{"error": {"message", "type", "param", "code"}}`. Which one it is
//! to be is known where the response leaves (see [`dress`]), so that whoever finds a problem need not care.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use zo_engine::protocol::{Failure, FailureKind};

/// What went wrong.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    /// What programs branch on.
    pub(crate) kind: String,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, kind: &str, message: impl Into<String>) -> Self {
        Self { status, kind: kind.to_owned(), message: message.into(), hint: None, headers: Vec::new() }
    }

    /// The same with what to do about it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same with a header.
    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Something is not there.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// What was given is JSON, but not what is expected.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", message)
    }

    /// Too much at once: to be tried again after so many seconds.
    pub(crate) fn later(status: StatusCode, kind: &str, message: impl Into<String>, seconds: u64) -> Self {
        Self::new(status, kind, message).header(header::RETRY_AFTER, seconds.into())
    }

    /// Something that must not happen did.
    pub(crate) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the request failed unexpectedly")
            .hint("`zo serve` says more in its log")
    }

    /// `{"error": {"kind", "message", "hint"?}}`.
    pub(crate) fn json(&self) -> Value {
        let mut error = json!({"kind": self.kind, "message": self.message});
        if let Some(hint) = &self.hint {
            error["hint"] = hint.as_str().into();
        }
        json!({ "error": error })
    }

    /// As OpenAI's clients expect it: they branch on the status and show `message`.
    pub(crate) fn openai_json(&self) -> Value {
        let sort = match self.status {
            StatusCode::UNAUTHORIZED => "authentication_error",
            StatusCode::FORBIDDEN => "permission_error",
            StatusCode::TOO_MANY_REQUESTS => "rate_limit_error",
            status if status.is_server_error() => "server_error",
            _ => "invalid_request_error",
        };
        let message = match &self.hint {
            Some(hint) => format!("{} ({hint})", self.message),
            None => self.message.clone(),
        };
        json!({"error": {"message": message, "type": sort, "param": null, "code": self.kind}})
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        let Failure { kind, message, hint } = failure;
        let name = serde_json::to_value(kind).ok().and_then(|name| name.as_str().map(str::to_owned));
        let name = name.unwrap_or_else(|| "io".to_owned());
        Self { status: status_of(kind), kind: name, message, hint, headers: Vec::new() }
    }
}

/// The status that says the same as a kind of failure.
fn status_of(kind: FailureKind) -> StatusCode {
    match kind {
        FailureKind::NotFound => StatusCode::NOT_FOUND,
        FailureKind::Conflict | FailureKind::Refused => StatusCode::CONFLICT,
        FailureKind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
        FailureKind::DiskFull => StatusCode::INSUFFICIENT_STORAGE,
        FailureKind::Poisoned | FailureKind::Damaged | FailureKind::Newer | FailureKind::Disconnected => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        FailureKind::Io => StatusCode::INTERNAL_SERVER_ERROR,
        FailureKind::Model => StatusCode::BAD_GATEWAY,
        FailureKind::Key => StatusCode::FAILED_DEPENDENCY,
        FailureKind::Locked => StatusCode::LOCKED,
        FailureKind::Forbidden => StatusCode::FORBIDDEN,
    }
}

impl IntoResponse for Problem {
    /// Without a body: [`dress`] writes it.
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status;
        for (name, value) in &self.headers {
            response.headers_mut().append(name, value.clone());
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// Writes the body of a response that is a problem, in the shape that clients of this path expect.
pub(crate) fn dress(path: &str, mut response: Response) -> Response {
    let Some(problem) = response.extensions_mut().remove::<Problem>() else { return response };
    let json = if is_openai(path) { problem.openai_json() } else { problem.json() };
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    *response.body_mut() = Body::from(json.to_string());
    response
}

fn is_openai(path: &str) -> bool {
    path.starts_with("/v1/")
}
