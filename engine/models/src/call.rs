//! One chat: its attempts, what is done otherwise after a refusal, and the check of the answer.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tracing::debug;

use crate::adjustments::Adjustments;
use crate::anthropic;
use crate::chat::{ChatRequest, Part};
use crate::draft::Draft;
use crate::error::{ErrorKind, ModelError};
use crate::exchange::{Endpoint, error_of};
use crate::fault::Fault;
use crate::http::Http;
use crate::list::models;
use crate::listener::Listener;
use crate::openai;
use crate::provider::{Dialect, Provider};
use crate::reply::{Delta, Finish, Reply, TokenUsage};
use crate::retry::{Failures, random};
use crate::schema::AnswerSchema;
use crate::secret::Secret;
use crate::suggest::did_you_mean;

/// How long the list of models is waited for, only to suggest a name.
const SUGGESTION_PATIENCE: Duration = Duration::from_secs(3);

/// What servers turned out not to know, by base URL and model, so that it is found out once.
#[derive(Debug, Default)]
pub(crate) struct Learned(Mutex<HashMap<(String, String), Adjustments>>);

impl Learned {
    fn get(&self, provider: &Provider, model: &str) -> Adjustments {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .get(&(provider.base_url.clone(), model.to_string()))
            .copied()
            .unwrap_or_else(|| Adjustments::expected(provider, model))
    }

    fn set(&self, provider: &Provider, model: &str, adjustments: Adjustments) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert((provider.base_url.clone(), model.to_string()), adjustments);
    }
}

/// What is known of a call so far, for whatever it ends with.
#[derive(Debug, Default)]
struct Account {
    attempts: u32,
    sent: bool,
    usage: Option<TokenUsage>,
}

impl Account {
    fn add(&mut self, usage: Option<TokenUsage>) {
        self.usage = match (self.usage, usage) {
            (Some(before), Some(now)) => Some(before.plus(now)),
            (before, now) => before.or(now),
        };
    }
}

/// One chat with its retries.
pub(crate) async fn chat(
    http: &Http,
    learned: &Learned,
    provider: &Provider,
    key: Option<&Secret>,
    request: &ChatRequest,
    listener: &mut Listener<'_>,
) -> Result<Reply, ModelError> {
    let mut account = Account::default();
    let url = Endpoint { provider, key }.chat_url();
    let result = match prepare(provider, key, request) {
        Ok((endpoint, schema)) => {
            attempts(http, learned, endpoint, request, schema.as_ref(), &mut account, listener).await
        }
        Err(fault) => Err(fault),
    };
    result.map_err(|fault| {
        let sent = fault.sent || account.sent;
        error_of(provider, key, Fault { sent, ..fault }, &url, account.usage, account.attempts)
    })
}

/// What can be wrong before anything is sent.
fn prepare<'a>(
    provider: &'a Provider,
    key: Option<&'a Secret>,
    request: &ChatRequest,
) -> Result<(Endpoint<'a>, Option<AnswerSchema>), Fault> {
    let endpoint = Endpoint::new(provider, key)?;
    if request.model.trim().is_empty() {
        return Err(Fault::new(ErrorKind::UnknownModel, "no model is named").hint("name one: --model PROVIDER/NAME"));
    }
    let says_something = |part: &Part| !matches!(part, Part::Text(text) if text.trim().is_empty());
    if !request
        .messages
        .iter()
        .any(|message| !message.tool_calls.is_empty() || message.parts.iter().any(says_something))
    {
        return Err(Fault::new(ErrorKind::Request, "there is nothing to send: every message is empty"));
    }
    let schema = request.schema.as_ref().map(AnswerSchema::new).transpose()?;
    Ok((endpoint, schema))
}

async fn attempts(
    http: &Http,
    learned: &Learned,
    endpoint: Endpoint<'_>,
    request: &ChatRequest,
    schema: Option<&AnswerSchema>,
    account: &mut Account,
    listener: &mut Listener<'_>,
) -> Result<Reply, Fault> {
    let known = learned.get(endpoint.provider, &request.model);
    let mut adjustments = known;
    let mut failures = Failures::default();
    loop {
        account.attempts += 1;
        let body = body(endpoint.provider, request, schema, adjustments);
        let mut draft = Draft::new(schema.is_some_and(AnswerSchema::wrapped));
        let by_tool = schema.is_some() && !adjustments.asks_in_words();
        let result = endpoint.stream(http, &body, by_tool, &mut draft, listener).await;
        account.add(draft.usage);
        let fault = match result {
            Ok(()) => {
                if adjustments != known {
                    learned.set(endpoint.provider, &request.model, adjustments);
                }
                account.sent = true;
                return complete(draft, request, schema, account, listener);
            }
            Err(fault) => fault,
        };
        account.sent |= fault.sent;
        debug!(provider = endpoint.provider.name, attempt = account.attempts, kind = %fault.kind, status = fault.status, "attempt failed");
        if fault.kind == ErrorKind::UnknownModel {
            return Err(suggest(http, endpoint, request, fault, listener).await);
        }
        if listener.text_delivered() {
            return Err(fault);
        }
        if let Some(adjusted) = adjust(endpoint.provider.dialect, adjustments, &fault, request) {
            adjustments = adjusted;
            continue;
        }
        let Some(wait) = failures.next_wait(&fault, &http.options().retries, random()) else { return Err(fault) };
        let why = crate::secret::redact(&fault.text, endpoint.key);
        let pause = match listener.tell(Delta::Retrying { attempt: account.attempts + 1, wait, why: &why }) {
            Ok(()) => listener.pause(wait).await,
            cancelled => cancelled,
        };
        pause.map_err(|_| {
            Fault::new(
                ErrorKind::Cancelled,
                format!("broken off while waiting to try again; before that: {}", fault.text),
            )
        })?;
    }
}

fn body(provider: &Provider, request: &ChatRequest, schema: Option<&AnswerSchema>, adjustments: Adjustments) -> Value {
    match provider.dialect {
        Dialect::OpenAi => openai::body(provider, request, schema, adjustments),
        Dialect::Anthropic => anthropic::body(provider, request, schema, adjustments),
    }
}

/// What to do otherwise after a refusal that names something we need not say.
fn adjust(dialect: Dialect, adjustments: Adjustments, fault: &Fault, request: &ChatRequest) -> Option<Adjustments> {
    if !matches!(fault.status, Some(400 | 422)) || fault.body.is_empty() || fault.kind != ErrorKind::Request {
        return None;
    }
    match dialect {
        Dialect::OpenAi => adjustments.after_refusal(&fault.body, request),
        Dialect::Anthropic => adjustments.after_refusal_by_anthropic(&fault.body, request),
    }
}

/// A draft that has its finish as a reply; an answer of a schema is checked.
fn complete(
    draft: Draft,
    request: &ChatRequest,
    schema: Option<&AnswerSchema>,
    account: &Account,
    listener: &mut Listener<'_>,
) -> Result<Reply, Fault> {
    let finish = draft.finish.unwrap_or(Finish::Stop);
    let mut text = draft.text;
    if let Some(schema) = schema.filter(|_| finish != Finish::ToolCalls) {
        match finish {
            Finish::ContentFilter => {
                let said =
                    if text.is_empty() { String::new() } else { format!(": {:?}", crate::fault::excerpt(&text)) };
                return Err(Fault::new(ErrorKind::Refused, format!("the model refuses to answer{said}")).sent());
            }
            Finish::Length => {
                let text = format!("the answer was cut off at the most tokens, after {} bytes of JSON", text.len());
                return Err(Fault::new(ErrorKind::Schema, text).sent().hint("allow more output tokens"));
            }
            _ => {}
        }
        text = schema.check(&text)?;
        if draft.held_back {
            listener.tell(Delta::Text(&text))?;
        }
    }
    Ok(Reply {
        text,
        tool_calls: draft.tool_calls,
        finish,
        usage: account.usage,
        model: draft.model.unwrap_or_else(|| request.model.clone()),
        attempts: account.attempts,
    })
}

/// The fault with the names that come nearest, if the provider lists its models in time.
async fn suggest(
    http: &Http,
    endpoint: Endpoint<'_>,
    request: &ChatRequest,
    fault: Fault,
    listener: &mut Listener<'_>,
) -> Fault {
    let deadline = tokio::time::Instant::now() + SUGGESTION_PATIENCE;
    let mut quiet = |_: Delta<'_>| std::ops::ControlFlow::Continue(());
    let mut nobody = Listener::new(&mut quiet);
    let listed = listener.wait(deadline, models(http, endpoint, &mut nobody)).await;
    let names: Vec<String> = match listed {
        Ok(Ok(models)) => models.into_iter().map(|model| model.id).collect(),
        _ => Vec::new(),
    };
    let hint = did_you_mean(&request.model, names.iter().map(String::as_str)).or_else(|| {
        match endpoint.provider.name.as_str() {
            "ollama" => Some(format!("ollama pull {}", request.model)),
            _ if !names.is_empty() => Some(format!("none of the {} models there has a name like it", names.len())),
            _ => fault.hint.clone(),
        }
    });
    Fault { hint, ..fault }
}
