//! The models that a provider has, and whether it takes a key.

use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::exchange::Endpoint;
use crate::fault::{Fault, excerpt};
use crate::http::Http;
use crate::listener::Listener;
use crate::provider::Dialect;

/// A model, as its provider lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelInfo {
    /// What a request calls it.
    pub id: String,
    /// How many tokens a conversation may have, if the provider says so.
    pub context_window: Option<u64>,
    /// A name or a sentence.
    pub description: Option<String>,
}

/// Where the list is.
pub(crate) fn url(endpoint: &Endpoint<'_>) -> String {
    endpoint.url(match endpoint.provider.dialect {
        Dialect::OpenAi => "models",
        // The most that a page may have; there are far fewer.
        Dialect::Anthropic => "models?limit=1000",
    })
}

/// What answers only with a key, and shortly.
pub(crate) fn key_url(endpoint: &Endpoint<'_>) -> String {
    match (endpoint.provider.dialect, endpoint.provider.name.as_str()) {
        // OpenRouter shows its models to everybody.
        (_, "openrouter") => endpoint.url("key"),
        (Dialect::OpenAi, _) => endpoint.url("models"),
        (Dialect::Anthropic, _) => endpoint.url("models?limit=1"),
    }
}

/// The models of a provider.
pub(crate) async fn models(
    http: &Http,
    endpoint: Endpoint<'_>,
    listener: &mut Listener<'_>,
) -> Result<Vec<ModelInfo>, Fault> {
    let answer = endpoint.fetch(http, Method::GET, &url(&endpoint), None, listener).await?;
    parse(&answer.json()?)
}

/// Asks what only a good key may ask.
pub(crate) async fn check_key(http: &Http, endpoint: Endpoint<'_>, listener: &mut Listener<'_>) -> Result<(), Fault> {
    let answer = endpoint.fetch(http, Method::GET, &key_url(&endpoint), None, listener).await?;
    // A portal's login page is no consent.
    answer.json().map(drop)
}

/// `{"data": [{"id": …}]}`, a bare list (Together), or Ollama's own `{"models": [{"name": …}]}`.
pub(crate) fn parse(value: &Value) -> Result<Vec<ModelInfo>, Fault> {
    let list = [Some(value), value.get("data"), value.get("models")].into_iter().flatten().find_map(Value::as_array);
    let Some(list) = list else {
        // Ollama without any model says null.
        if value.get("data").is_some_and(Value::is_null) {
            return Ok(Vec::new());
        }
        return Err(if value.get("error").is_some() {
            Fault::from_stream(value)
        } else {
            Fault::protocol(format!("200, but no list of models: {:?}", excerpt(&value.to_string())))
        });
    };
    Ok(list.iter().filter_map(model).collect())
}

fn model(value: &Value) -> Option<ModelInfo> {
    let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
    let windows = ["context_window", "context_length", "max_model_len", "max_context_length", "max_input_tokens"];
    Some(ModelInfo {
        id: text("id").or_else(|| text("name")).or_else(|| value.as_str())?.to_string(),
        context_window: windows
            .iter()
            .find_map(|key| value.get(key).and_then(Value::as_u64))
            .filter(|window| *window > 0),
        description: ["description", "display_name", "name"].iter().find_map(|key| text(key)).map(str::to_string),
    })
}

#[cfg(test)]
mod tests;
