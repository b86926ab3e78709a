//! `POST /v1/embeddings`: texts as vectors, by the model that recall uses.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response as HttpResponse};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use zo_engine::protocol::{Answer, Query, Request, Response};
use zo_projections::event::vault::Scope;

use crate::app::App;
use crate::auth::Caller;
use crate::calls::Call;
use crate::intake;
use crate::problem::Problem;

/// Bytes of a text to a token, about.
const BYTES_PER_TOKEN: usize = 4;

/// What is to be embedded. Fields that are not known here are passed over.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Embed {
    /// A text, or a list of texts.
    input: Input,
    /// Passed over: there is one model, and the answer says which.
    #[serde(default)]
    #[allow(dead_code)]
    model: Option<String>,
    /// `float` or `base64`: little-endian 32-bit floats.
    encoding_format: Option<String>,
    /// As many as the model's vectors have.
    dimensions: Option<usize>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a text or a list of texts is expected")]
enum Input {
    One(String),
    Several(Vec<String>),
}

/// `POST /v1/embeddings`.
pub(super) async fn embed(
    State(app): State<Arc<App>>,
    Extension(token): Extension<Arc<Caller>>,
    headers: HeaderMap,
    body: Body,
) -> Result<HttpResponse, Problem> {
    token.needs(&[Scope::Ask, Scope::Read])?;
    let object = intake::object(&app.options.limits, &headers, body).await?;
    let asked: Embed = intake::read(Value::Object(object), None)?;
    let texts = match asked.input {
        Input::One(text) => vec![text],
        Input::Several(texts) => texts,
    };
    if texts.is_empty() || texts.iter().any(|text| text.trim().is_empty()) {
        return Err(Problem::invalid("input: there is a text that is empty, or none at all"));
    }
    let as_base64 = match asked.encoding_format.as_deref() {
        None | Some("float") => false,
        Some("base64") => true,
        Some(other) => {
            return Err(Problem::invalid(format!("encoding_format: {other:?} is neither float nor base64")));
        }
    };
    let tokens: usize = texts.iter().map(|text| text.len().div_ceil(BYTES_PER_TOKEN)).sum();
    let query = Query::Vectors { texts };
    let answer = match Call::begin(&app, Request::Query { query, at: None }).await?.last().await? {
        Response::Answer(answer) => *answer,
        _ => return Err(Problem::internal()),
    };
    let Answer::Vectors(vectors) = answer else { return Err(Problem::internal()) };
    let has = vectors.vectors.first().map_or(0, Vec::len);
    if asked.dimensions.is_some_and(|dimensions| dimensions != has) {
        return Err(Problem::invalid(format!("dimensions: the vectors of {} have {has}", vectors.model)));
    }
    let one = |(index, vector): (usize, &Vec<f32>)| {
        let embedding = if as_base64 { base64_of(vector).into() } else { json!(vector) };
        json!({"object": "embedding", "index": index, "embedding": embedding})
    };
    let data: Vec<Value> = vectors.vectors.iter().enumerate().map(one).collect();
    Ok(Json(json!({
        "object": "list",
        "data": data,
        "model": vectors.model,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }))
    .into_response())
}

/// Little-endian floats.
fn base64_of(vector: &[f32]) -> String {
    STANDARD.encode(vector.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_little_endian() {
        assert_eq!(base64_of(&[1.0, -2.0]), "AACAPwAAAMA=");
    }
}
