//! What Ollama answers at addresses of its own; its chat endpoint that we ask speaks OpenAI's dialect.
//!
//! The shapes are those of its API reference (docs.ollama.com/api, 2026).

use serde_json::json;

use crate::response::Response;

/// The models that have been pulled: `GET /api/tags`.
pub fn tags(names: &[&str]) -> Response {
    let model = |name: &&str| {
        json!({
            "name": name, "model": name, "modified_at": "2026-01-01T00:00:00Z", "size": 1_321_098_329_u64,
            "digest": "baf6a787fdffd633537aa2eb51cfd54cb93ff08e28040095462bb63daf552878",
            "details": details(),
        })
    };
    Response::new(200).json(&json!({"models": names.iter().map(model).collect::<Vec<_>>()}))
}

/// What a model can do, `completion`, `tools`, `vision`, `embedding`: `POST /api/show`.
pub fn show(capabilities: &[&str]) -> Response {
    Response::new(200).json(&json!({
        "template": "{{ .Prompt }}", "details": details(), "model_info": {"general.architecture": "llama"},
        "capabilities": capabilities, "modified_at": "2026-01-01T00:00:00Z",
    }))
}

fn details() -> serde_json::Value {
    json!({
        "parent_model": "", "format": "gguf", "family": "llama", "families": ["llama"],
        "parameter_size": "1.2B", "quantization_level": "Q8_0",
    })
}
