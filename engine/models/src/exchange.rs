//! One request and its answer, whole or as it comes.

mod reading;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION,
};
use reqwest::{Method, Response};
use serde_json::Value;
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::anthropic;
use crate::draft::{Draft, LARGEST_REPLY};
use crate::error::{ErrorKind, ModelError};
use crate::fault::Fault;
use crate::http::{Http, Route, last_cause, no_answer};
use crate::intake::Intake;
use crate::listener::{Cancelled, Interrupted, Listener};
use crate::options::Timeouts;
use crate::provider::{Dialect, Provider, is_private, safe_url};
use crate::reply::TokenUsage;
use crate::retry::asked_wait;
use crate::secret::{Secret, redact};

/// How much of an answer that is an error is read; errors are short, and a login page need not be read to its end.
const LARGEST_ERROR: usize = 64 << 10;

/// How long the answer to anything but a chat may take to begin: no model thinks about it.
const LIST_PATIENCE: Duration = Duration::from_secs(30);

/// A provider with the key that is sent to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Endpoint<'a> {
    pub(crate) provider: &'a Provider,
    pub(crate) key: Option<&'a Secret>,
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Result<Value, Fault> {
        let text = String::from_utf8_lossy(&self.body);
        serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|_| Fault::not_json(self.status, &text))
    }
}

impl<'a> Endpoint<'a> {
    /// # Errors
    /// There is no key where one is needed, it has characters no header can carry, or it would travel in clear.
    pub(crate) fn new(provider: &'a Provider, key: Option<&'a Secret>) -> Result<Self, Fault> {
        let key = key.filter(|key| !key.expose().is_empty());
        if key.is_none() && provider.needs_key {
            return Err(Fault::new(ErrorKind::NoKey, "it needs a key and there is none"));
        }
        if key.is_some_and(|key| !key.expose().bytes().all(|byte| (0x21..0x7f).contains(&byte))) {
            return Err(Fault::new(
                ErrorKind::Key,
                "the key has characters that no key has: blanks, line ends or non-ASCII letters",
            ));
        }
        if key.is_some() && provider.base_url.starts_with("http://") {
            let url = reqwest::Url::parse(&provider.base_url).ok();
            if !url.as_ref().and_then(|url| url.host_str()).is_some_and(is_private) {
                return Err(
                    Fault::new(ErrorKind::Request, "the key would travel in clear").hint("use https in the base URL")
                );
            }
        }
        Ok(Endpoint { provider, key })
    }

    /// The URL of a path below the base.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}/{}", self.provider.base_url.trim_end_matches('/'), path)
    }

    /// Where chats go.
    pub(crate) fn chat_url(&self) -> String {
        self.url(match self.provider.dialect {
            Dialect::OpenAi => "chat/completions",
            Dialect::Anthropic => "messages",
        })
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let mut secret = |name: HeaderName, text: &str| {
            if let Ok(mut value) = HeaderValue::from_str(text) {
                value.set_sensitive(true);
                headers.insert(name, value);
            }
        };
        match (self.provider.dialect, self.key) {
            (Dialect::OpenAi, Some(key)) => secret(AUTHORIZATION, &Zeroizing::new(format!("Bearer {}", key.expose()))),
            (Dialect::Anthropic, Some(key)) => secret(HeaderName::from_static("x-api-key"), key.expose()),
            (_, None) => {}
        }
        if self.provider.dialect == Dialect::Anthropic {
            headers.insert("anthropic-version", HeaderValue::from_static(anthropic::VERSION));
        }
        headers
    }

    /// One request whose answer is read whole. An answer of 4xx or 5xx is a fault.
    pub(crate) async fn fetch(
        &self,
        http: &Http,
        method: Method,
        url: &str,
        body: Option<&Value>,
        listener: &mut Listener<'_>,
    ) -> Result<Answer, Fault> {
        let route = http.route(url)?;
        let timeouts = &http.options().timeouts;
        let mut request =
            route.client.request(method, route.url.clone()).headers(self.headers()).header(ACCEPT, "application/json");
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.to_string());
        }
        let patience = timeouts.first_byte.min(LIST_PATIENCE);
        let mut response = send(request, &route, timeouts, patience, listener).await?;
        let status = response.status().as_u16();
        let body = read_whole(&mut response, timeouts, LARGEST_REPLY, listener).await?;
        Ok(Answer { status, body })
    }

    /// One chat, whose pieces go to `draft` and `listener` as they come. `by_tool`: the answer is the input of a tool (Anthropic).
    pub(crate) async fn stream(
        &self,
        http: &Http,
        body: &Value,
        by_tool: bool,
        draft: &mut Draft,
        listener: &mut Listener<'_>,
    ) -> Result<(), Fault> {
        let route = http.route(&self.chat_url())?;
        let timeouts = &http.options().timeouts;
        let request = route
            .client
            .post(route.url.clone())
            .headers(self.headers())
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "text/event-stream, application/json")
            // A compressor in between may hold pieces back.
            .header(ACCEPT_ENCODING, "identity")
            .body(body.to_string());
        let deadline = Instant::now() + timeouts.first_byte;
        let response = send(request, &route, timeouts, timeouts.first_byte, listener).await?;
        let intake = Intake::new(self.provider.dialect, by_tool, response.status().as_u16());
        reading::read(response, intake, deadline, timeouts, draft, listener).await
    }
}

/// A fault with everything a caller is told, and nothing that is secret.
pub(crate) fn error_of(
    provider: &Provider,
    key: Option<&Secret>,
    fault: Fault,
    url: &str,
    usage: Option<TokenUsage>,
    attempts: u32,
) -> ModelError {
    let tries = if attempts > 1 { format!(" (after {attempts} attempts)") } else { String::new() };
    let message = format!("{} at {}: {}{tries}", provider.name, safe_url(url), fault.text);
    let hint = fault.hint.clone().or_else(|| usual_hint(provider, &fault));
    ModelError {
        kind: fault.kind,
        message: redact(&message, key),
        hint: hint.map(|hint| redact(&hint, key)),
        status: fault.status,
        usage,
        sent: fault.sent,
        attempts,
    }
}

/// What to do about a local server that is not there.
pub(crate) fn not_running(provider: &Provider) -> String {
    let start = if provider.name == "ollama" { " (ollama serve)" } else { "" };
    format!("is {} running there, on that port?{start}", provider.title)
}

fn usual_hint(provider: &Provider, fault: &Fault) -> Option<String> {
    let name = &provider.name;
    let page = provider.keys_page.as_deref().map(|page| format!("; keys are made at {page}")).unwrap_or_default();
    match fault.kind {
        ErrorKind::NoKey => {
            let variable = provider.key_variables.first().map(|name| format!(", or set {name}")).unwrap_or_default();
            Some(format!("zo key set {name}{variable}{page}"))
        }
        ErrorKind::Key => Some(format!("the key is not accepted: zo key set {name}{page}")),
        ErrorKind::RateLimited => Some(match fault.retry_after {
            Some(wait) => format!("it asks to wait {} s; another provider or model may have room", wait.as_secs()),
            None => "wait a little; another provider or model may have room".to_string(),
        }),
        ErrorKind::Connect if provider.local => Some(not_running(provider)),
        ErrorKind::Overloaded | ErrorKind::Server | ErrorKind::Connect => {
            Some("the trouble is the provider's: try later, or another one".to_string())
        }
        ErrorKind::FirstByteTimeout | ErrorKind::IdleTimeout => {
            Some("try again; a longer timeout helps with slow models".to_string())
        }
        ErrorKind::CutOff => Some("try again; the provider or something in between broke it off".to_string()),
        _ => None,
    }
}

/// Sends a request; the answer's head has come and is no error when this returns.
async fn send(
    request: reqwest::RequestBuilder,
    route: &Route,
    timeouts: &Timeouts,
    patience: Duration,
    listener: &mut Listener<'_>,
) -> Result<Response, Fault> {
    let mut response = match listener.wait(Instant::now() + patience, request.send()).await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => return Err(no_answer(&error, route, timeouts)),
        Err(Interrupted::TimedOut) => return Err(first_byte_timeout(patience)),
        Err(Interrupted::Cancelled) => return Err(Cancelled.into()),
    };
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    if status.is_redirection() {
        let target =
            response.headers().get(LOCATION).and_then(|value| value.to_str().ok()).map(safe_url).unwrap_or_default();
        let text = format!("{} redirects to {target:?}, where a key is not sent", status.as_u16());
        return Err(Fault::new(ErrorKind::Protocol, text)
            .status(status.as_u16())
            .hint("if that is the right place, set the base URL to match it"));
    }
    let asked = asked_wait(response.headers(), now_ms());
    // What went wrong is known by the status; a body that does not come changes nothing.
    let body = match read_whole(&mut response, timeouts, LARGEST_ERROR, listener).await {
        Ok(body) => body,
        Err(fault) if fault.kind == ErrorKind::Cancelled => return Err(fault),
        Err(_) => Vec::new(),
    };
    let fault = Fault::from_answer(status.as_u16(), status.canonical_reason().unwrap_or_default(), &body);
    let fault = if status.as_u16() == 407 && route.proxy.is_none() {
        Fault { kind: ErrorKind::Request, ..fault }
    } else {
        fault
    };
    Err(Fault { retry_after: asked.or(fault.retry_after), ..fault })
}

/// Reads a body, but no more than `most` bytes of it.
async fn read_whole(
    response: &mut Response,
    timeouts: &Timeouts,
    most: usize,
    listener: &mut Listener<'_>,
) -> Result<Vec<u8>, Fault> {
    let mut body = Vec::new();
    loop {
        match listener.wait(Instant::now() + timeouts.idle, response.chunk()).await {
            Ok(Ok(Some(bytes))) => {
                body.extend_from_slice(&bytes[..bytes.len().min(most - body.len())]);
                if body.len() >= most {
                    return Ok(body);
                }
            }
            Ok(Ok(None)) => return Ok(body),
            Ok(Err(error)) => {
                return Err(Fault::cut_off(format!(
                    "the answer broke off after {} bytes: {}",
                    body.len(),
                    last_cause(&error)
                )));
            }
            Err(Interrupted::TimedOut) => return Err(idle_timeout(timeouts.idle)),
            Err(Interrupted::Cancelled) => return Err(Cancelled.into()),
        }
    }
}

fn first_byte_timeout(after: Duration) -> Fault {
    let text = format!("the answer did not begin within {} s", after.as_secs_f32());
    Fault::new(ErrorKind::FirstByteTimeout, text).sent().temporary()
}

fn idle_timeout(after: Duration) -> Fault {
    Fault::new(ErrorKind::IdleTimeout, format!("nothing more came for {:.1} s", after.as_secs_f32())).sent()
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
