//! A hub over HTTP: `POST /api/v1/claim_jobs` and the like, with a bearer token.

mod tls;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, Url, redirect};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use serde_json::json;
use thiserror::Error;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use super::messages::{
    AppendLog, Appended, Claim, Claimed, Completed, Failed, Heard, Heartbeat, Join, Joined, Released,
};
use super::{Hub, HubError};

/// How long a call may take besides what it waits for.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How often it is asked whether to go on waiting for jobs.
const TICK: Duration = Duration::from_millis(50);
/// Bytes of an answer: specs of jobs, the larger part.
const MOST_ANSWER: usize = 64 << 20;
/// Threads that move bytes; the calls are driven by who makes them.
const THREADS: usize = 1;

/// Where a hub is and how to speak to it.
#[derive(Clone)]
pub struct HubOptions {
    /// Its address: `https://hub.example.org:7733`; `http` only to this machine.
    pub url: String,
    /// A token of the scope `node`.
    pub token: String,
    /// A file with certificates (PEM) to trust beside the system's.
    pub authority: Option<PathBuf>,
}

/// A hub over HTTP.
pub struct HttpHub {
    client: Client,
    base: Url,
    authorization: HeaderValue,
    /// There until it is dropped.
    runtime: Option<Runtime>,
}

/// Why a hub cannot even be asked.
#[derive(Debug, Error)]
pub enum OpenHubError {
    /// The address is none.
    #[error("{url} is no address of a hub: {why}")]
    Url {
        /// What was given.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// The token cannot be sent.
    #[error("the token has characters that no token has")]
    Token,
    /// The certificates cannot be used.
    #[error("the certificates in {} cannot be used: {why}", path.display())]
    Authority {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// This machine lacks what it takes.
    #[error("no HTTP client can be made: {0}")]
    Setup(String),
}

/// An answer as the hub gives it: an object with one field that says which it is.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    NodeJoined(Joined),
    JobsClaimed(Vec<Claimed>),
    NodeHeard(Heard),
    LogAppended(Appended),
}

/// An error as the hub tells it.
#[derive(Deserialize)]
struct Told {
    error: ToldError,
}

#[derive(Deserialize)]
struct ToldError {
    kind: String,
    message: String,
}

impl HttpHub {
    /// Prepares to speak to a hub; nothing is sent yet.
    ///
    /// # Errors
    /// If the address, the token or the certificates cannot be used.
    pub fn new(options: &HubOptions) -> Result<Self, OpenHubError> {
        let base = base(&options.url)?;
        let authorization = HeaderValue::from_str(&format!("Bearer {}", options.token.trim()));
        let mut authorization = authorization.map_err(|_| OpenHubError::Token)?;
        authorization.set_sensitive(true);
        let mut client = Client::builder()
            .user_agent(concat!("zo/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(redirect::Policy::none()) // the token goes to this address and to no other
            .referer(false)
            .http1_only()
            .tcp_nodelay(true);
        if is_loopback(&base) {
            client = client.no_proxy();
        }
        client = client.tls_backend_preconfigured(tls::config(base.scheme() == "https", options.authority.as_deref())?);
        let client = client.build().map_err(|error| OpenHubError::Setup(chain(&error)))?;
        let runtime = Builder::new_multi_thread().worker_threads(THREADS).thread_name("zo-hub").enable_all().build();
        let runtime = runtime.map_err(|error| OpenHubError::Setup(error.to_string()))?;
        Ok(Self { client, base, authorization, runtime: Some(runtime) })
    }

    fn runtime(&self) -> &Runtime {
        self.runtime.as_ref().expect("there until it is dropped")
    }

    /// Asks, and takes the answer if it is the one that is expected.
    fn ask<T>(&self, method: &str, body: &impl Serialize, take: fn(Answer) -> Option<T>) -> Result<T, HubError> {
        expected(method, take(self.post(method, body)?))
    }

    fn post<A: DeserializeOwned>(&self, method: &str, body: &impl Serialize) -> Result<A, HubError> {
        self.runtime().block_on(async {
            match timeout(PATIENCE, self.exchange(method, body)).await {
                Ok(answer) => answer,
                Err(_) => Err(HubError::Unreachable(format!("no answer within {} s", PATIENCE.as_secs()))),
            }
        })
    }

    async fn exchange<A: DeserializeOwned>(&self, method: &str, body: &impl Serialize) -> Result<A, HubError> {
        let url = self.base.join(method).map_err(|error| HubError::Misunderstood(error.to_string()))?;
        let request = self.client.post(url).header(AUTHORIZATION, self.authorization.clone()).json(body);
        let response = request.send().await.map_err(|error| no_answer(method, &error))?;
        let status = response.status();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let body = read(response).await?;
        if status.is_success() {
            return serde_json::from_slice(&body)
                .map_err(|error| HubError::Misunderstood(format!("the answer to {method}: {error}")));
        }
        Err(refused(method, status, retry_after.as_deref(), &body))
    }
}

impl Hub for HttpHub {
    fn join(&self, join: &Join) -> Result<Joined, HubError> {
        let take = |answer| if let Answer::NodeJoined(joined) = answer { Some(joined) } else { None };
        self.ask("join_node", &json!({ "node": join }), take)
    }

    fn claim(&self, claim: &Claim, stop: &(dyn Fn() -> bool + Sync)) -> Result<Vec<Claimed>, HubError> {
        let patience = PATIENCE + Duration::from_millis(claim.wait_ms);
        let exchange = async {
            match timeout(patience, self.exchange("claim_jobs", claim)).await {
                Ok(Ok(Answer::JobsClaimed(jobs))) => Ok(jobs),
                Ok(answer) => answer.and_then(|_| expected("claim_jobs", None)),
                Err(_) => Err(HubError::Unreachable(format!("no answer within {} s", patience.as_secs()))),
            }
        };
        self.runtime().block_on(unless_stopped(exchange, stop))
    }

    fn heartbeat(&self, heartbeat: &Heartbeat) -> Result<Heard, HubError> {
        let take = |answer| if let Answer::NodeHeard(heard) = answer { Some(heard) } else { None };
        self.ask("heartbeat_node", heartbeat, take)
    }

    fn complete(&self, completed: &Completed) -> Result<(), HubError> {
        self.post::<IgnoredAny>("complete_job", completed).map(drop)
    }

    fn fail(&self, failed: &Failed) -> Result<(), HubError> {
        self.post::<IgnoredAny>("fail_job", failed).map(drop)
    }

    fn release(&self, released: &Released) -> Result<(), HubError> {
        self.post::<IgnoredAny>("release_job", released).map(drop)
    }

    fn append_log(&self, piece: &AppendLog) -> Result<Appended, HubError> {
        let take = |answer| if let Answer::LogAppended(appended) = answer { Some(appended) } else { None };
        self.ask("append_job_log", piece, take)
    }

    fn leave(&self, node: &str) -> Result<(), HubError> {
        self.post::<IgnoredAny>("leave_node", &json!({ "node": node })).map(drop)
    }
}

impl Drop for HttpHub {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // A name resolution that hangs must not keep a process from ending.
            runtime.shutdown_background();
        }
    }
}

/// Waits for an answer for as long as nobody says to stop.
async fn unless_stopped<T>(
    answer: impl Future<Output = Result<T, HubError>>,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<T, HubError> {
    let mut answer = pin!(answer);
    loop {
        if let Ok(answer) = timeout(TICK, &mut answer).await {
            return answer;
        }
        if stop() {
            return Err(HubError::Unreachable("stopped waiting".to_owned()));
        }
    }
}

fn expected<T>(method: &str, answer: Option<T>) -> Result<T, HubError> {
    answer.ok_or_else(|| HubError::Misunderstood(format!("{method} was answered with something else")))
}

async fn read(mut response: Response) -> Result<Vec<u8>, HubError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| HubError::Unreachable(chain(&error)))? {
        if body.len() + chunk.len() > MOST_ANSWER {
            return Err(HubError::Misunderstood(format!("an answer of more than {MOST_ANSWER} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Why there is no answer. Who cannot be trusted when it joins is not asked again; later that may be a change of certificates.
fn no_answer(method: &str, error: &reqwest::Error) -> HubError {
    if method == "join_node" && is_about_trust(error) {
        HubError::Untrusted(chain(error))
    } else {
        HubError::Unreachable(chain(error))
    }
}

fn is_about_trust(error: &(dyn std::error::Error + 'static)) -> bool {
    if let Some(tls) = error.downcast_ref::<rustls::Error>() {
        return matches!(tls, rustls::Error::InvalidCertificate(_));
    }
    // An io::Error hides what it wraps: its source is the source of that.
    let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    wrapped.is_some_and(|wrapped| is_about_trust(wrapped)) || error.source().is_some_and(is_about_trust)
}

/// What an answer means that is no success.
fn refused(method: &str, status: StatusCode, retry_after: Option<&str>, body: &[u8]) -> HubError {
    let told: Option<Told> = serde_json::from_slice(body).ok();
    let (kind, message) = match &told {
        Some(told) => (told.error.kind.as_str(), told.error.message.clone()),
        None => ("", format!("{method} was answered {status}")),
    };
    match status.as_u16() {
        401 | 403 => HubError::Denied(message),
        404 if told.is_some() && method == "join_node" => HubError::Misunderstood(message),
        404 if kind == "not_found" && is_about_a_job(method) => HubError::Refused(message),
        404 if kind == "not_found" => HubError::UnknownNode(message),
        409 if is_about_a_job(method) => HubError::Refused(message),
        409 => HubError::UnknownNode(message),
        429 => HubError::Unreachable(format!("{message}; again after {} s", retry_after.unwrap_or("some"))),
        500.. => HubError::Unreachable(message),
        _ => HubError::Misunderstood(message),
    }
}

fn is_about_a_job(method: &str) -> bool {
    matches!(method, "complete_job" | "fail_job" | "release_job" | "append_job_log")
}

/// Where the calls go.
fn base(text: &str) -> Result<Url, OpenHubError> {
    let wrong = |why: &str| OpenHubError::Url { url: text.to_owned(), why: why.to_owned() };
    let mut url = Url::parse(text).map_err(|error| wrong(&error.to_string()))?;
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => return Err(wrong("the token would go there in clear: use https")),
        _ => return Err(wrong("expected https://HOST:PORT")),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("a hub takes a token, not a user"));
    }
    url.set_query(None);
    url.set_fragment(None);
    let path = format!("{}/api/v1/", url.path().trim_end_matches('/'));
    url.set_path(&path);
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => {
            host.trim_matches(['[', ']']).parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
        }
        None => false,
    }
}

/// An error with its causes: reqwest tells what it did, and only its causes why that failed.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

/// That a file of certificates cannot be used.
fn bad_authority(path: &Path, why: impl ToString) -> OpenHubError {
    OpenHubError::Authority { path: path.to_owned(), why: why.to_string() }
}

#[cfg(test)]
mod tests;
