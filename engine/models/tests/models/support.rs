//! A provider at the scripted server, and a chat whose deltas are written down.

use std::ops::ControlFlow;
use std::time::Duration;

use zo_model_server::ModelServer;
use zo_models::{
    ChatMessage, ChatRequest, Delta, Dialect, ErrorKind, ModelError, Models, Options, Provider, Reply, Retries, Role,
    Secret, Timeouts,
};

/// What a key looks like that must never be seen.
pub(crate) const CANARY: &str = "sk-canary-0123456789";

pub(crate) fn provider(dialect: Dialect, server: &ModelServer) -> Provider {
    Provider::custom("mine", dialect, &format!("{}/v1", server.url())).unwrap()
}

pub(crate) fn open_ai(server: &ModelServer) -> Provider {
    provider(Dialect::OpenAi, server)
}

pub(crate) fn claude(server: &ModelServer) -> Provider {
    provider(Dialect::Anthropic, server)
}

/// Waits of milliseconds; no proxy of the machine's.
pub(crate) fn options() -> Options {
    Options {
        timeouts: Timeouts {
            connect: Duration::from_secs(5),
            first_byte: Duration::from_secs(20),
            idle: Duration::from_secs(20),
        },
        retries: Retries {
            most: 4,
            base: Duration::from_millis(2),
            cap: Duration::from_millis(5),
            longest_wait: Duration::from_secs(2),
        },
        proxy: Some(String::new()),
    }
}

pub(crate) fn models() -> Models {
    Models::new(options())
}

pub(crate) fn once() -> Models {
    Models::new(Options { retries: Retries { most: 1, ..options().retries }, ..options() })
}

pub(crate) fn question() -> ChatRequest {
    ChatRequest {
        model: "scripted".to_string(),
        messages: vec![ChatMessage::text(Role::User, "how are you?")],
        ..ChatRequest::default()
    }
}

/// Everything that was heard, one line each: `text …`, `reasoning …`, `retrying 2 …`.
#[derive(Debug, Default)]
pub(crate) struct Heard(pub(crate) Vec<String>);

impl Heard {
    pub(crate) fn take(&mut self, delta: Delta<'_>) -> ControlFlow<()> {
        match delta {
            Delta::Text(text) => self.0.push(format!("text {text}")),
            Delta::Reasoning(text) => self.0.push(format!("reasoning {text}")),
            Delta::Retrying { attempt, why, .. } => self.0.push(format!("retrying {attempt}: {why}")),
            Delta::Waiting => {}
        }
        ControlFlow::Continue(())
    }

    pub(crate) fn text(&self) -> String {
        self.0.iter().filter_map(|line| line.strip_prefix("text ")).collect()
    }
}

pub(crate) fn ask_with(
    models: &Models,
    provider: &Provider,
    request: &ChatRequest,
) -> (Result<Reply, ModelError>, Heard) {
    let mut heard = Heard::default();
    let key = Secret::new(CANARY);
    let result = models.chat(provider, Some(&key), request, &mut |delta| heard.take(delta));
    let shown = format!("{heard:?} {:?}", result.as_ref().err().map(|error| (error.to_string(), error.clone())));
    assert!(!shown.contains("canary"), "the key is in {shown}");
    (result, heard)
}

pub(crate) fn ask(provider: &Provider) -> (Result<Reply, ModelError>, Heard) {
    ask_with(&once(), provider, &question())
}

/// The error of one attempt, which must be of that kind.
pub(crate) fn refused(provider: &Provider, kind: ErrorKind) -> ModelError {
    let error = ask(provider).0.expect_err("an error");
    assert_eq!(error.kind, kind, "{error:?}");
    error
}

pub(crate) fn hint(error: &ModelError) -> &str {
    error.hint.as_deref().unwrap_or_default()
}
