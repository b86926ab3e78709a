//! A connection tried step by step, to find out where it fails.

use std::io;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use reqwest::{Method, Url};
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::call::{self, Learned};
use crate::catalogue::facts;
use crate::chat::{ChatMessage, ChatRequest, Role};
use crate::error::{ErrorKind, ModelError};
use crate::exchange::{Endpoint, error_of, not_running};
use crate::fault::Fault;
use crate::http::Http;
use crate::list::{self, ModelInfo};
use crate::listener::Listener;
use crate::provider::{Provider, safe_url};
use crate::proxy::{ProxyUse, proxy_for};
use crate::reply::{Delta, Reply};
use crate::secret::{Secret, redact};
use crate::suggest::did_you_mean;

/// The most tokens of the trial chat: enough for a word from models that think first.
const MOST_TOKENS: u32 = 512;

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// As it should.
    Ok,
    /// The connection fails here.
    Failed,
    /// There was nothing to do, or what there was does not decide.
    Skipped,
}

/// One step of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// `address`, `connect`, `tls`, `http`, `key`, `model` or `chat`.
    pub name: &'static str,
    /// How it ended.
    pub outcome: Outcome,
    /// What was found.
    pub detail: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// How long it took.
    pub elapsed: Duration,
}

/// What a step found, or why it failed.
type Finding = Result<(Outcome, String, Option<String>), Fault>;

/// One trial.
struct Trial<'a> {
    http: &'a Http,
    learned: &'a Learned,
    provider: &'a Provider,
    key: Option<&'a Secret>,
    model: &'a str,
    url: Option<Url>,
    proxy: Option<ProxyUse>,
    addresses: Vec<SocketAddr>,
    models: Option<Vec<ModelInfo>>,
}

/// Tries each step in turn and stops at the first that fails; true if none did.
pub(crate) async fn run(
    http: &Http,
    learned: &Learned,
    provider: &Provider,
    key: Option<&Secret>,
    model: &str,
    each: &mut dyn FnMut(&Step),
) -> bool {
    let url = Url::parse(&provider.base_url).ok();
    let proxy = url.as_ref().and_then(|url| proxy_for(http.options(), url));
    let mut trial = Trial { http, learned, provider, key, model, url, proxy, addresses: Vec::new(), models: None };
    for name in ["address", "connect", "tls", "http", "key", "model", "chat"] {
        let started = Instant::now();
        let finding = match name {
            "address" => trial.address().await,
            "connect" => trial.connect().await,
            "tls" => trial.tls().await,
            "http" => trial.http().await,
            "key" => trial.key().await,
            "model" => trial.model(),
            _ => trial.chat().await,
        };
        let step = trial.step(name, finding, started.elapsed());
        each(&step);
        if step.outcome == Outcome::Failed {
            return false;
        }
    }
    true
}

impl Trial<'_> {
    fn step(&self, name: &'static str, finding: Finding, elapsed: Duration) -> Step {
        let (outcome, detail, hint) = finding.unwrap_or_else(|fault| {
            let error = error_of(self.provider, self.key, fault.clone(), &self.provider.base_url, None, 1);
            (Outcome::Failed, fault.text, error.hint)
        });
        Step {
            name,
            outcome,
            detail: redact(&detail, self.key),
            hint: hint.map(|hint| redact(&hint, self.key)),
            elapsed,
        }
    }

    /// What is connected to first: the proxy, or the provider.
    fn target(&self) -> Result<(&Url, &'static str), Fault> {
        match (&self.proxy, &self.url) {
            (Some(proxy), _) => Ok((&proxy.url, "the proxy ")),
            (None, Some(url)) => Ok((url, "")),
            (None, None) => Err(Fault::new(
                ErrorKind::Request,
                format!("the base URL is none: {}", safe_url(&self.provider.base_url)),
            )),
        }
    }

    async fn address(&mut self) -> Finding {
        let (url, what) = self.target()?;
        let host = url.host_str().unwrap_or_default().to_string();
        let port = url.port_or_known_default().unwrap_or(80);
        let bare = host.trim_matches(['[', ']']).to_string();
        let kind = if self.proxy.is_some() { ErrorKind::Proxy } else { ErrorKind::Address };
        let patience = self.http.options().timeouts.connect;
        let found = match timeout(patience, tokio::net::lookup_host((bare.as_str(), port))).await {
            Ok(Ok(found)) => found.collect::<Vec<SocketAddr>>(),
            Ok(Err(error)) => {
                let hint = match &self.proxy {
                    Some(proxy) => format!("the proxy comes from {}: correct it", proxy.from),
                    None => "check the name in the base URL, and that this machine is online".to_string(),
                };
                return Err(Fault::new(kind, format!("cannot resolve {what}{host}: {error}")).hint(hint));
            }
            Err(_) => {
                let text = format!("{what}{host} was not resolved within {} s", patience.as_secs_f32());
                return Err(Fault::new(kind, text).hint("is this machine online?"));
            }
        };
        let shown: Vec<String> = found.iter().map(|address| address.ip().to_string()).collect();
        let detail = match shown.as_slice() {
            [] => return Err(Fault::new(kind, format!("{what}{host} has no address"))),
            [only] if *only == bare => format!("{what}{host}, no name to resolve"),
            all => format!("{what}{host} is {}", all.join(", ")),
        };
        self.addresses = found;
        Ok((Outcome::Ok, detail, None))
    }

    async fn connect(&mut self) -> Finding {
        let (_, what) = self.target()?;
        let patience = self.http.options().timeouts.connect;
        let mut last: Option<(SocketAddr, io::Error)> = None;
        for address in self.addresses.clone() {
            match timeout(patience, TcpStream::connect(address)).await {
                Ok(Ok(_)) => return Ok((Outcome::Ok, format!("{what}{address} takes connections"), None)),
                Ok(Err(error)) => last = Some((address, error)),
                Err(_) => last = Some((address, io::ErrorKind::TimedOut.into())),
            }
        }
        let (kind, hint) = match &self.proxy {
            Some(proxy) => (ErrorKind::Proxy, format!("the proxy comes from {}: correct it", proxy.from)),
            None if self.provider.local => (ErrorKind::Connect, not_running(self.provider)),
            None => {
                (ErrorKind::Connect, "check that this machine is online and that no firewall is in between".to_string())
            }
        };
        let text = match last {
            Some((address, error)) => format!("{what}{address}: {error}"),
            None => format!("{what}has no address"),
        };
        Err(Fault::new(kind, text).hint(hint))
    }

    /// A request without a key, whose answer does not matter: the connection stays open for those that follow.
    async fn tls(&mut self) -> Finding {
        if self.url.as_ref().is_none_or(|url| url.scheme() != "https") {
            return Ok((Outcome::Skipped, "http is not encrypted".to_string(), None));
        }
        let bare = Endpoint { provider: self.provider, key: None };
        let url = list::url(&bare);
        match bare.fetch(self.http, Method::GET, &url, None, &mut Listener::new(&mut quiet())).await {
            Err(fault) if matches!(fault.kind, ErrorKind::Tls | ErrorKind::Proxy) => Err(fault),
            Err(fault) if fault.status.is_none() => Err(fault),
            _ => Ok((Outcome::Ok, "the certificate is good".to_string(), None)),
        }
    }

    async fn http(&mut self) -> Finding {
        let endpoint = match Endpoint::new(self.provider, self.key) {
            Ok(endpoint) => endpoint,
            // That is the next step's business.
            Err(fault) if matches!(fault.kind, ErrorKind::NoKey | ErrorKind::Key) => {
                Endpoint { provider: self.provider, key: None }
            }
            Err(fault) => return Err(fault),
        };
        let url = list::url(&endpoint);
        match endpoint.fetch(self.http, Method::GET, &url, None, &mut Listener::new(&mut quiet())).await {
            Ok(answer) => {
                self.models = Some(list::parse(&answer.json()?)?);
                Ok((Outcome::Ok, format!("{} for {}", answer.status, safe_url(&url)), None))
            }
            // A refused key or a limit is an answer, too; and not everybody lists models.
            Err(fault) => match (fault.kind, fault.status) {
                (ErrorKind::Key | ErrorKind::RateLimited, Some(status)) => {
                    Ok((Outcome::Ok, format!("{status} for {}", safe_url(&url)), None))
                }
                (_, Some(404 | 405)) if !fault.text.contains("HTML") => {
                    let detail = format!("{} for {}: it lists no models", fault.status.unwrap_or(404), safe_url(&url));
                    Ok((Outcome::Ok, detail, fault.hint))
                }
                _ => Err(fault),
            },
        }
    }

    async fn key(&mut self) -> Finding {
        if self.key.is_none_or(|key| key.expose().is_empty()) && !self.provider.needs_key {
            return Ok((Outcome::Skipped, "none is needed".to_string(), None));
        }
        let endpoint = Endpoint::new(self.provider, self.key)?;
        match list::check_key(self.http, endpoint, &mut Listener::new(&mut quiet())).await {
            Ok(()) => Ok((Outcome::Ok, "the key is taken".to_string(), None)),
            Err(fault) if matches!(fault.status, Some(404 | 405)) => {
                Ok((Outcome::Skipped, "there is nothing to check it by but a chat".to_string(), None))
            }
            Err(fault) => Err(fault),
        }
    }

    fn model(&mut self) -> Finding {
        let model = self.model;
        if model.trim().is_empty() {
            return Err(Fault::new(ErrorKind::UnknownModel, "no model is named").hint("name one: PROVIDER/NAME"));
        }
        let Some(models) = self.models.as_ref().filter(|models| !models.is_empty()) else {
            return Ok((Outcome::Skipped, "no list of models to look it up in".to_string(), None));
        };
        // Aliases (`claude-sonnet-4-5`) are taken, but only dated names are listed.
        let dated = |id: &str| id.strip_prefix(model).is_some_and(|rest| rest.starts_with(['-', ':', '@']));
        if let Some(found) =
            models.iter().find(|info| info.id == model).or_else(|| models.iter().find(|info| dated(&info.id)))
        {
            let window =
                found.context_window.or_else(|| facts(&self.provider.name, model).map(|facts| facts.context_window));
            let window = window.map(|tokens| format!(", {tokens} tokens of context")).unwrap_or_default();
            return Ok((Outcome::Ok, format!("{} is listed{window}", found.id), None));
        }
        // Some take names that they do not list, so the chat has the last word.
        let detail = format!("{model} is not among the {} that are listed", models.len());
        Ok((Outcome::Skipped, detail, did_you_mean(model, models.iter().map(|info| info.id.as_str()))))
    }

    async fn chat(&mut self) -> Finding {
        let request = ChatRequest {
            model: self.model.to_string(),
            messages: vec![ChatMessage::text(Role::User, "Answer with the one word: pong")],
            max_output_tokens: Some(MOST_TOKENS),
            ..ChatRequest::default()
        };
        let started = Instant::now();
        let mut first = None;
        let mut each = |delta: Delta<'_>| {
            if matches!(delta, Delta::Text(_) | Delta::Reasoning(_)) {
                first.get_or_insert_with(|| started.elapsed());
            }
            ControlFlow::Continue(())
        };
        let result =
            call::chat(self.http, self.learned, self.provider, self.key, &request, &mut Listener::new(&mut each)).await;
        match result {
            Ok(reply) => Ok((Outcome::Ok, self.describe(&reply, first), None)),
            Err(ModelError { kind, message, hint, .. }) => {
                let fault = Fault::new(kind, message);
                Err(Fault { hint, ..fault })
            }
        }
    }

    fn describe(&self, reply: &Reply, first: Option<Duration>) -> String {
        let mut parts = vec![format!("{} answers", reply.model)];
        if let Some(first) = first {
            parts.push(format!("first token after {} ms", first.as_millis()));
        }
        match reply.usage {
            Some(usage) => {
                parts.push(format!("{} tokens in, {} out", usage.input, usage.output));
                let price = facts(&self.provider.name, self.model).and_then(|facts| facts.price);
                if let Some(cost) = usage.cost_micros.or_else(|| price.map(|price| price.cost_micros(&usage))) {
                    parts.push(format!("{:.6} USD", cost as f64 / 1e6));
                }
            }
            None => parts.push("no usage reported".to_string()),
        }
        if reply.attempts > 1 {
            parts.push(format!("{} attempts", reply.attempts));
        }
        parts.join(", ")
    }
}

fn quiet() -> impl FnMut(Delta<'_>) -> ControlFlow<()> {
    |_| ControlFlow::Continue(())
}
