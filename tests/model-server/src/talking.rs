//! A ready script that answers like a provider of either dialect.

use crate::request::Request;
use crate::response::Response;
use crate::{anthropic, ollama, openai};

/// The models that the ready script says it has.
pub const MODELS: &[&str] = &["scripted", "scripted-small"];

/// Answers the chat endpoints of both dialects with `reply(last user text)`, word by word if the request asks for a
/// stream; lists [`MODELS`] at the dialects' addresses and Ollama's, where each can chat. All else is not found.
pub fn talking(
    reply: impl Fn(&str) -> String + Send + Sync + 'static,
) -> impl Fn(&Request) -> Response + Send + Sync + 'static {
    move |request| {
        let route = request.route();
        match request.method.as_str() {
            "POST" if route.ends_with("/chat/completions") => {
                answer(request, &reply(&request.last_user_text()), openai::stream, openai::complete)
            }
            "POST" if route.ends_with("/messages") => {
                answer(request, &reply(&request.last_user_text()), anthropic::stream, anthropic::complete)
            }
            "POST" if route == "/api/show" => ollama::show(&["completion"]),
            "GET" if route == "/api/tags" => ollama::tags(MODELS),
            "GET" if route.ends_with("/models") && request.header("anthropic-version").is_some() => {
                anthropic::models(MODELS)
            }
            "GET" if route.ends_with("/models") => openai::models(MODELS),
            method => openai::error(404, "invalid_request_error", &format!("unknown address: {method} {route}")),
        }
    }
}

fn answer(
    request: &Request,
    text: &str,
    stream: fn(&str, &[&str]) -> Response,
    complete: fn(&str, &str) -> Response,
) -> Response {
    let body = request.json();
    let model = body["model"].as_str().unwrap_or_default();
    if body["stream"] == true {
        stream(model, &text.split_inclusive(' ').collect::<Vec<_>>())
    } else {
        complete(model, text)
    }
}
