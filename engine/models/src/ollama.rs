//! A local Ollama, asked in its own words which of its models can chat.
//!
//! Source: Ollama's API documentation, "List local models" (`GET /api/tags`) and "Show model information" (`POST /api/show`, whose
//! `capabilities` say `completion` or `embedding`).

use std::cmp::Reverse;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use crate::exchange::Endpoint;
use crate::http::Http;
use crate::listener::Listener;
use crate::provider::Provider;
use crate::time::rfc3339;

/// How long Ollama may take to say that it is there. Whoever asks is about to fall back to something else.
const PATIENCE: Duration = Duration::from_millis(300);

/// How many models are asked for what they can: the newest is nearly always the answer.
const MOST_ASKED: usize = 8;

/// The most recently modified model that can chat.
pub(crate) async fn chat_model(http: &Http, ollama: &Provider) -> Option<String> {
    let endpoint = Endpoint { provider: ollama, key: None };
    let root = ollama.base_url.trim_end_matches('/').trim_end_matches("/v1");
    let tags = ask(http, endpoint, Method::GET, &format!("{root}/api/tags"), None).await?;
    let mut models: Vec<&Value> = tags.get("models")?.as_array()?.iter().collect();
    models.sort_by_key(|model| Reverse(model.get("modified_at").and_then(Value::as_str).and_then(rfc3339)));
    for model in models.into_iter().take(MOST_ASKED) {
        let Some(name) = ["model", "name"].iter().find_map(|key| model.get(key)?.as_str()) else { continue };
        let body = json!({ "model": name, "name": name });
        let shown = ask(http, endpoint, Method::POST, &format!("{root}/api/show"), Some(&body)).await?;
        if can_chat(model, &shown) {
            return Some(name.to_string());
        }
    }
    None
}

async fn ask(http: &Http, endpoint: Endpoint<'_>, method: Method, url: &str, body: Option<&Value>) -> Option<Value> {
    let mut quiet = |_: crate::reply::Delta<'_>| std::ops::ControlFlow::Continue(());
    let mut listener = Listener::new(&mut quiet);
    let answer = timeout_at(Instant::now() + PATIENCE, endpoint.fetch(http, method, url, body, &mut listener)).await;
    answer.ok()?.ok()?.json().ok()
}

/// By its capabilities; an Ollama from before they existed (2025-04) is told by family and name.
fn can_chat(model: &Value, shown: &Value) -> bool {
    if let Some(list) = shown.get("capabilities").and_then(Value::as_array) {
        return list.iter().any(|capability| capability == "completion");
    }
    let family = model.pointer("/details/family").and_then(Value::as_str).unwrap_or_default();
    let name = model.get("name").and_then(Value::as_str).unwrap_or_default();
    !(family.contains("bert") || name.contains("embed") || name.contains("minilm") || name.starts_with("bge-"))
}

#[cfg(test)]
mod tests;
