//! A connection to a server, whichever way it is reached.

use std::collections::HashMap;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use rmcp::ServiceExt;
use rmcp::service::{ClientInitializeError, Peer, RoleClient, RunningService};
use rmcp::transport::async_rw::AsyncRwTransport;
use rmcp::transport::streamable_http_client::{StreamableHttpClientTransportConfig, StreamableHttpError};
use rmcp::transport::{DynamicTransportError, StreamableHttpClientTransport};
use tokio_util::sync::CancellationToken;
use zo_sandbox::Sandbox;

use super::handler::Handler;
use super::process::{ErrorLog, Process};
use super::spec::{SecretValues, ServerKind, ServerSpec, check_header_value};
use super::wire::{MAX_MESSAGE_BYTES, Seen, Watched};

/// How long a program is waited for that has closed its stdout: it may be about to say why.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// How long a connection by HTTP may take to be made.
const CONNECT: Duration = Duration::from_secs(15);

/// A connection that was made.
pub(super) struct Link {
    pub(super) peer: Peer<RoleClient>,
    pub(super) handler: Handler,
    pub(super) process: Option<Process>,
    seen: Seen,
    /// Cancelled when it has ended.
    pub(super) over: CancellationToken,
}

/// The connection's task, to be awaited or cancelled.
pub(super) type Running = RunningService<RoleClient, Handler>;

impl Link {
    /// Why it ended, in words.
    pub(super) async fn why_it_ended(&self) -> String {
        match &self.process {
            Some(process) => why(process, &self.seen).await,
            None => "the connection was closed".to_owned(),
        }
    }
}

async fn why(process: &Process, seen: &Seen) -> String {
    if let Some(wrong) = seen.wrong() {
        return wrong;
    }
    match process.end_within(LAST_WORDS).await {
        Some(ended) => ended,
        None => "it closed its stdout".to_owned(),
    }
}

/// Connects to a server and greets it, no longer than `within`.
pub(super) async fn connect(
    sandbox: &Sandbox,
    spec: &ServerSpec,
    secrets: &SecretValues,
    log: &ErrorLog,
    within: Duration,
) -> Result<(Link, Running), String> {
    match &spec.kind {
        ServerKind::Stdio { .. } => to_program(sandbox, spec, secrets, log, within).await,
        ServerKind::Http { url, headers } => to_url(spec, url, headers.iter().chain(&secrets.0), within).await,
    }
}

async fn to_program(
    sandbox: &Sandbox,
    spec: &ServerSpec,
    secrets: &SecretValues,
    log: &ErrorLog,
    within: Duration,
) -> Result<(Link, Running), String> {
    let (process, pipes) = Process::spawn(sandbox, spec, secrets, log).map_err(|error| error.to_string())?;
    let seen = Seen::default();
    let stdout = Watched::new(pipes.stdout, seen.clone());
    // One byte more than what is let through: the library never drops a message that was.
    let transport =
        AsyncRwTransport::new_client(stdout, pipes.stdin).with_max_line_length(MAX_MESSAGE_BYTES.saturating_add(1));
    let handler = Handler::new();
    match tokio::time::timeout(within, handler.clone().serve(transport)).await {
        Ok(Ok(running)) => Ok((link(&running, handler, Some(process), seen), running)),
        Ok(Err(ClientInitializeError::JsonRpcError(error))) => Err(format!("it refused to begin: {}", error.message)),
        Ok(Err(ClientInitializeError::ConnectionClosed(_) | ClientInitializeError::TransportError { .. })) => {
            Err(why(&process, &seen).await)
        }
        Ok(Err(error)) => Err(seen.wrong().unwrap_or_else(|| format!("its greeting cannot be used: {error}"))),
        Err(_) => {
            let said = seen.wrong().or_else(|| process.said().map(|said| format!("it said: {said}")));
            let said = said.map_or_else(String::new, |said| format!("; {said}"));
            Err(format!("it did not answer the greeting within {} s{said}", within.as_secs_f32()))
        }
    }
}

async fn to_url(
    spec: &ServerSpec,
    url: &str,
    headers: impl Iterator<Item = (&String, &String)>,
    within: Duration,
) -> Result<(Link, Running), String> {
    let mut own = HeaderMap::new();
    for (name, value) in headers {
        check_header_value(name, value).map_err(|error| error.to_string())?;
        let no = || format!("the header {name} cannot be sent");
        let mut value = HeaderValue::from_str(value).map_err(|_| no())?;
        value.set_sensitive(true);
        own.insert(HeaderName::from_bytes(name.as_bytes()).map_err(|_| no())?, value);
    }
    // A no-op if the program has chosen already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .tls_backend_rustls()
        .user_agent(concat!("zo/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT)
        // A header with a token in it goes to where it was meant for, and nowhere else.
        .redirect(reqwest::redirect::Policy::none())
        .default_headers(own)
        .build()
        .map_err(|error| format!("no way to send anything: {}", chain(&error)))?;
    let mut config = StreamableHttpClientTransportConfig::with_uri(url);
    config.max_sse_event_size = MAX_MESSAGE_BYTES;
    config.custom_headers = HashMap::new();
    let transport = StreamableHttpClientTransport::with_client(client, config);
    let handler = Handler::new();
    match tokio::time::timeout(within, handler.clone().serve(transport)).await {
        Ok(Ok(running)) => Ok((link(&running, handler, None, Seen::default()), running)),
        Ok(Err(error)) if error.is_authorization_required() => {
            Err(format!("{url} wants to know who asks; add {} with --secret Authorization", spec.name))
        }
        Ok(Err(ClientInitializeError::JsonRpcError(error))) => Err(format!("it refused to begin: {}", error.message)),
        Ok(Err(ClientInitializeError::TransportError { error, .. })) => {
            Err(format!("no answer from {url} that can be used: {}", reason(&error)))
        }
        Ok(Err(error)) => Err(format!("no answer from {url} that can be used: {}", chain(&error))),
        Err(_) => Err(format!("{url} did not answer the greeting within {} s", within.as_secs_f32())),
    }
}

fn link(running: &Running, handler: Handler, process: Option<Process>, seen: Seen) -> Link {
    Link { peer: running.peer().clone(), handler, process, seen, over: CancellationToken::new() }
}

/// Why something could not be sent, without the names of the library's types.
pub(super) fn reason(error: &DynamicTransportError) -> String {
    match error.error.downcast_ref::<StreamableHttpError<reqwest::Error>>() {
        Some(StreamableHttpError::Client(error)) => chain(error),
        Some(error) => chain(error),
        None => chain(error.error.as_ref()),
    }
}

/// An error with its causes, each once.
pub(super) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let why = error.to_string();
        if !text.contains(&why) {
            text = format!("{text}: {why}");
        }
        cause = error.source();
    }
    text
}
