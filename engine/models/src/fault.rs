//! What an answer that is an error means.
//!
//! Providers agree on little but the status: the reason is in `error.type`, `error.code`, `error.message`, `detail` or plain text.
//! Here one reading of all of them becomes a [`Fault`], which the call completes to a [`ModelError`](crate::ModelError).

use std::time::Duration;

use serde_json::Value;

use crate::error::ErrorKind;
use crate::listener::Cancelled;

/// The longest text of a provider that is repeated in a message, in characters.
const LONGEST_QUOTE: usize = 500;

/// How much of a body that is no JSON is shown, in characters.
const EXCERPT: usize = 80;

/// Something that went wrong in one attempt.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fault {
    pub(crate) kind: ErrorKind,
    /// What happened, without provider and URL.
    pub(crate) text: String,
    pub(crate) hint: Option<String>,
    pub(crate) status: Option<u16>,
    /// How long the provider asks to wait.
    pub(crate) retry_after: Option<Duration>,
    /// Whether another attempt may go better.
    pub(crate) temporary: bool,
    /// Whether the provider may have begun to work.
    pub(crate) sent: bool,
    /// The body of a refusal, to see which parameter it names.
    pub(crate) body: String,
}

impl Fault {
    pub(crate) fn new(kind: ErrorKind, text: impl Into<String>) -> Self {
        Fault {
            kind,
            text: text.into(),
            hint: None,
            status: None,
            retry_after: None,
            temporary: false,
            sent: false,
            body: String::new(),
        }
    }

    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Fault { hint: Some(hint.into()), ..self }
    }

    pub(crate) fn status(self, status: u16) -> Self {
        Fault { status: Some(status), ..self }
    }

    pub(crate) fn sent(self) -> Self {
        Fault { sent: true, ..self }
    }

    pub(crate) fn temporary(self) -> Self {
        Fault { temporary: true, ..self }
    }

    /// The stream ended before the reply did.
    pub(crate) fn cut_off(text: impl Into<String>) -> Self {
        Fault::new(ErrorKind::CutOff, text).sent().temporary()
    }

    /// What came is not what the dialect says.
    pub(crate) fn protocol(text: impl Into<String>) -> Self {
        Fault::new(ErrorKind::Protocol, text).sent()
    }

    /// The error that an HTTP answer is.
    pub(crate) fn from_answer(status: u16, reason: &str, body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let named = format!("{status} {reason}");
        if looks_like_html(&text) {
            return Fault { body: text.to_string(), ..from_html(status, &format!("{},", named.trim()), &text) };
        }
        let said = Said::read(&text, status);
        let fault = said.classify(Some(status));
        let quoted = if said.message.is_empty() {
            named.trim().to_string()
        } else {
            format!("{}: {}", named.trim(), said.message)
        };
        Fault { text: quoted, status: Some(status), body: text.to_string(), ..fault }
    }

    /// The error object inside a stream that began well, or an answer of 200 that is one.
    pub(crate) fn from_stream(value: &Value) -> Self {
        let said = Said::of(value);
        let fault = said.classify(said.status);
        let code = said.code.first().filter(|code| !said.message.contains(code.as_str()));
        let text = match (code, said.message.as_str()) {
            (None, "") => "an error without a message".to_string(),
            (Some(code), "") => code.clone(),
            (None, message) => message.to_string(),
            (Some(code), message) => format!("{code}: {message}"),
        };
        // A stream that had begun costs, whatever stopped it.
        Fault { text: format!("error in the answer: {text}"), status: said.status, sent: true, ..fault }
    }

    /// A body that should have been JSON or events.
    pub(crate) fn not_json(status: u16, body: &str) -> Self {
        if looks_like_html(body) {
            return from_html(status, &format!("{status}, but"), body).sent();
        }
        let text = format!("{status}, but neither JSON nor an event stream: {:?}", excerpt(body));
        Fault::protocol(text).status(status).hint(BASE_URL_HINT)
    }
}

impl From<Cancelled> for Fault {
    fn from(_: Cancelled) -> Self {
        Fault::new(ErrorKind::Cancelled, "broken off").sent()
    }
}

const BASE_URL_HINT: &str = "check the base URL: many need /v1 at the end; or something in between (a proxy, a portal's login page) answers instead";

/// What an error says, wherever it says it.
#[derive(Debug, Default)]
struct Said {
    message: String,
    /// Types and codes, the most specific first.
    code: Vec<String>,
    status: Option<u16>,
    retry_after: Option<Duration>,
}

impl Said {
    fn read(text: &str, status: u16) -> Said {
        match serde_json::from_str::<Value>(text.trim_start_matches('\u{feff}')) {
            Ok(value) => Said { status: Some(status), ..Said::of(&value) },
            Err(_) => Said { message: excerpt(text), status: Some(status), ..Said::default() },
        }
    }

    fn of(value: &Value) -> Said {
        // `[{"error": …}]` is what Google's compatible endpoint answers.
        let value = value.as_array().and_then(|list| list.first()).unwrap_or(value);
        let error = value.get("error").filter(|error| !error.is_null()).unwrap_or(value);
        let mut said = Said::default();
        let message =
            [error.get("message"), value.get("message"), error.get("detail"), value.get("detail"), Some(error)];
        said.message = message.into_iter().flatten().find_map(as_message).unwrap_or_default();
        // OpenRouter wraps the error of the provider behind it, which says more.
        if let Some(raw) = error.pointer("/metadata/raw").and_then(Value::as_str).filter(|raw| !raw.trim().is_empty()) {
            let inner = serde_json::from_str::<Value>(raw).map(|inner| Said::of(&inner).message).unwrap_or_default();
            let inner = if inner.is_empty() { excerpt(raw) } else { inner };
            if !said.message.contains(&inner) {
                said.message = format!("{}: {inner}", said.message);
            }
        }
        said.message = shorten(&said.message);
        for key in ["code", "type", "status"] {
            match error.get(key).or_else(|| value.get(key)) {
                Some(Value::String(code)) if code != "error" => said.code.push(code.clone()),
                Some(Value::Number(code)) => {
                    said.status = said.status.or(code.as_u64().and_then(|code| u16::try_from(code).ok()))
                }
                _ => {}
            }
        }
        said.status = said.status.filter(|status| (400..600).contains(status));
        let seconds =
            error.get("retry_after").or_else(|| error.pointer("/metadata/retry_after")).and_then(Value::as_f64);
        said.retry_after = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        said
    }

    /// The kind, by what is said first and the status second, for statuses are used freely.
    fn classify(&self, status: Option<u16>) -> Fault {
        let fault = self.by_words(status).unwrap_or_else(|| self.by_status(status));
        Fault { retry_after: self.retry_after, ..fault }
    }

    fn by_words(&self, status: Option<u16>) -> Option<Fault> {
        let says = |words: &[&str]| {
            let message = self.message.to_lowercase();
            words
                .iter()
                .any(|word| message.contains(word) || self.code.iter().any(|code| code.eq_ignore_ascii_case(word)))
        };
        let refusable = !matches!(status, Some(401 | 429 | 500..));
        if says(&[
            "insufficient_quota",
            "billing_error",
            "credit balance is too low",
            "insufficient credits",
            "billing_hard_limit_reached",
        ]) || status == Some(402)
        {
            return Some(
                Fault::new(ErrorKind::RateLimited, "")
                    .hint("no credit is left there: add some, or use another provider"),
            );
        }
        if refusable && says(CONTEXT_WORDS) || status == Some(413) {
            let hint = "shorten the conversation or take a model with a larger context window";
            return Some(Fault::new(ErrorKind::ContextTooLong, "").hint(hint));
        }
        if refusable && says(&["model_not_found", "model_not_available", "modelnotfound"])
            || self.names_no_model(status)
        {
            return Some(Fault::new(ErrorKind::UnknownModel, ""));
        }
        // Groq checks the answer itself.
        if says(&["json_validate_failed"]) {
            return Some(Fault::new(ErrorKind::Schema, "").sent());
        }
        if refusable && says(REFUSAL_WORDS) {
            return Some(Fault::new(ErrorKind::Refused, "").hint("rephrase, or use another model"));
        }
        if says(&["overloaded_error", "overloaded", "over_capacity", "over capacity", "engine_overloaded"]) {
            return Some(Fault::new(ErrorKind::Overloaded, "").temporary());
        }
        if says(&["rate_limit_exceeded", "rate_limit_error", "too many requests", "resource_exhausted"]) {
            return Some(Fault::new(ErrorKind::RateLimited, "").temporary());
        }
        if status.is_none() || status == Some(200) {
            if says(&["invalid_api_key", "authentication_error", "permission_error", "unauthorized"]) {
                return Some(Fault::new(ErrorKind::Key, ""));
            }
            if says(&["invalid_request_error", "bad_request", "invalid_request"]) {
                return Some(Fault::new(ErrorKind::Request, ""));
            }
        }
        None
    }

    fn names_no_model(&self, status: Option<u16>) -> bool {
        let message = self.message.to_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
        let missing = says(&["not found", "does not exist", "doesn't exist", "not_found", "no longer available"]);
        match status {
            Some(404) => {
                (says(&["model"]) && (missing || says(NO_MODEL_WORDS)))
                    // Anthropic's: `not_found_error`, `model: NAME`.
                    || (message.starts_with("model:") && self.code.iter().any(|code| code == "not_found_error"))
            }
            Some(400 | 422) => {
                says(NO_MODEL_WORDS) || (missing && says(&["model '", "model `", "model \"", "model: "]))
            }
            _ => false,
        }
    }

    fn by_status(&self, status: Option<u16>) -> Fault {
        match status {
            Some(401 | 403) => Fault::new(ErrorKind::Key, ""),
            Some(404 | 405) => Fault::new(ErrorKind::Protocol, "").hint(
                "there is nothing at that path: check the base URL, many need /v1 at the end and none /chat/completions",
            ),
            Some(407) => Fault::new(ErrorKind::Proxy, "").hint("the proxy wants a user name and a password: http://USER:PASSWORD@HOST:PORT"),
            Some(408) => Fault::new(ErrorKind::Server, "").temporary().sent(),
            Some(409 | 425) => Fault::new(ErrorKind::Server, "").temporary(),
            Some(429) => Fault::new(ErrorKind::RateLimited, "").temporary(),
            Some(503 | 529) => Fault::new(ErrorKind::Overloaded, "").temporary(),
            Some(501 | 505) => Fault::new(ErrorKind::Server, ""),
            Some(500..) | None => Fault::new(ErrorKind::Server, "").temporary().sent(),
            Some(_) => Fault::new(ErrorKind::Request, ""),
        }
    }
}

const NO_MODEL_WORDS: &[&str] = &[
    "not a valid model",
    "unknown model",
    "no such model",
    "invalid model",
    "unable to access model",
    "model not found",
    "model does not exist",
    "model not exist",
];

const CONTEXT_WORDS: &[&str] = &[
    "context_length_exceeded",
    "context length",
    "context window",
    "context size",
    "maximum context",
    "prompt is too long",
    "prompt too long",
    "input is too long",
    "too many input tokens",
    "reduce the length",
    "request_too_large",
    "exceed_context_size_error",
];

const REFUSAL_WORDS: &[&str] = &[
    "content_policy_violation",
    "content_filter",
    "content policy",
    "content management policy",
    "usage policies",
    "flagged",
    "safety system",
    "safety reasons",
];

fn as_message(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_string()),
        // FastAPI's list of what does not validate: [{"loc": ["body", "x"], "msg": "…"}].
        Value::Array(list) => {
            let all: Vec<String> = list
                .iter()
                .filter_map(|item| {
                    let message = item.get("msg").or_else(|| item.get("message"))?.as_str()?;
                    let place = item.get("loc").and_then(Value::as_array).map(|path| {
                        let path: Vec<String> = path
                            .iter()
                            .map(|step| step.as_str().map_or_else(|| step.to_string(), str::to_string))
                            .collect();
                        format!("{}: ", path.join("."))
                    });
                    Some(format!("{}{message}", place.unwrap_or_default()))
                })
                .collect();
            (!all.is_empty()).then(|| all.join("; "))
        }
        _ => None,
    }
}

fn from_html(status: u16, named: &str, body: &str) -> Fault {
    let title = html_title(body).map(|title| format!(" titled {title:?}")).unwrap_or_default();
    let text = format!("{named} an HTML page{title}: {:?}", excerpt(body));
    match status {
        // Gateways describe their own trouble in HTML.
        401 | 407 | 408 | 413 | 429 | 500.. => {
            Fault { text, status: Some(status), ..Said::default().classify(Some(status)) }
        }
        _ => Fault::new(ErrorKind::Protocol, text).status(status).hint(BASE_URL_HINT),
    }
}

fn looks_like_html(text: &str) -> bool {
    let start: String =
        text.trim_start_matches('\u{feff}').trim_start().chars().take(200).collect::<String>().to_lowercase();
    start.starts_with('<')
        && ["<!doctype html", "<html", "<head", "<body", "<title", "<h1", "<center"]
            .iter()
            .any(|tag| start.contains(tag))
}

fn html_title(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let open = lower.find("<title")?;
    let start = open + lower[open..].find('>')? + 1;
    let end = start + lower[start..].find("</title")?;
    let title = text[start..end].split_whitespace().collect::<Vec<_>>().join(" ");
    (!title.is_empty()).then(|| title.chars().take(EXCERPT).collect())
}

/// The beginning of a text on one line.
pub(crate) fn excerpt(text: &str) -> String {
    let flat = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    flat.skip_while(|c| c.is_whitespace()).take(EXCERPT).collect::<String>().trim_end().to_string()
}

fn shorten(text: &str) -> String {
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match flat.char_indices().nth(LONGEST_QUOTE) {
        Some((end, _)) => format!("{}…", &flat[..end]),
        None => flat,
    }
}

#[cfg(test)]
mod tests;
