//! A workspace in a folder of its own, offered over HTTP, and a client.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use zo_engine::engine::{Engine, EngineOptions};
use zo_engine::protocol::{Request, Response};
use zo_engine::service;
use zo_http::{Http, HttpOptions};
use zo_projections::Timestamp;
use zo_projections::event::vault::Scope;

/// The secret of a new token.
pub(crate) fn token(engine: &Engine, name: &str, scope: Scope, expires_at: Option<Timestamp>) -> String {
    let request = Request::CreateToken { name: name.to_owned(), scopes: vec![scope], expires_at };
    let mut secret = String::new();
    let made = service::handle(engine, request, &mut |response| {
        if let Response::TokenMade(made) = response {
            secret = made.secret;
        }
        ControlFlow::Continue(())
    });
    made.expect("a token is made");
    secret
}

/// A server over a home of its own.
pub(crate) struct Served {
    pub(crate) http: Option<Http>,
    pub(crate) engine: Arc<Engine>,
    pub(crate) client: Client,
    pub(crate) runtime: Runtime,
    pub(crate) url: String,
    /// Tokens by what they are called here: `admin`, `ask`, `read`, `node`; `old` has expired.
    tokens: HashMap<&'static str, String>,
    _folder: TempDir,
}

/// Options for a test: any free ports.
pub(crate) fn options() -> HttpOptions {
    let anywhere = "127.0.0.1:0".parse().expect("an address");
    HttpOptions { listen: anywhere, files_listen: Some(anywhere), ..HttpOptions::default() }
}

/// An engine over a new home in a folder.
pub(crate) fn engine(folder: &Path) -> Arc<Engine> {
    Engine::open(folder, EngineOptions::default()).expect("a new home opens")
}

impl Served {
    pub(crate) fn new() -> Self {
        Self::with(options())
    }

    pub(crate) fn with(options: HttpOptions) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let engine = engine(folder.path());
        let mut tokens: HashMap<&'static str, String> =
            Scope::ALL.into_iter().map(|scope| (scope.name(), token(&engine, scope.name(), scope, None))).collect();
        tokens.insert("old", token(&engine, "old", Scope::Admin, Some(Timestamp(1))));
        let http = start(&engine, options).expect("it starts");
        let url = format!("http://{}", http.local_addr());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let client = client();
        Self { http: Some(http), engine, client, runtime, url, tokens, _folder: folder }
    }

    /// The token that is called so here; a name that none has is a token that nobody knows.
    pub(crate) fn token<'a>(&'a self, name: &'a str) -> &'a str {
        self.tokens.get(name).map_or(name, String::as_str)
    }

    /// Calls a token so.
    pub(crate) fn keep_token(&mut self, name: &'static str, secret: &str) {
        self.tokens.insert(name, secret.to_owned());
    }

    /// A request with a token.
    pub(crate) fn as_(&self, token: &str, method: &Method, path: &str) -> RequestBuilder {
        self.client.request(method.clone(), format!("{}{path}", self.url)).bearer_auth(self.token(token))
    }

    /// Sends a request; its status, and its body as JSON (null if it is none).
    pub(crate) fn send(&self, request: RequestBuilder) -> (StatusCode, Value) {
        self.runtime.block_on(async {
            let response = request.send().await.expect("it is answered");
            let status = response.status();
            let text = response.text().await.expect("it has a body");
            (status, serde_json::from_str(&text).unwrap_or(Value::Null))
        })
    }

    /// Posts JSON as `admin`.
    pub(crate) fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        self.send(self.as_("admin", &Method::POST, path).json(body))
    }

    /// Gets as `admin`.
    pub(crate) fn get(&self, path: &str) -> (StatusCode, Value) {
        self.send(self.as_("admin", &Method::GET, path))
    }

    /// The whole text of an answer.
    pub(crate) fn text(&self, request: RequestBuilder) -> String {
        self.runtime.block_on(async { request.send().await.expect("answered").text().await.expect("a text") })
    }
}

/// A client that sends to whom it is told.
pub(crate) fn client() -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().build().expect("a client")
}

/// Starts a server.
pub(crate) fn start(engine: &Arc<Engine>, options: HttpOptions) -> Result<Http, zo_http::HttpError> {
    Http::start(engine.clone(), options)
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(http) = self.http.take() {
            http.stop();
        }
        self.engine.close();
    }
}
