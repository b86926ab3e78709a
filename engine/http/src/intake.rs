//! Bodies of requests: JSON, of the length that is taken, within the time that is given.

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tokio::time::timeout;

use crate::options::Limits;
use crate::problem::Problem;

/// The JSON object in the body of a request; an empty body is an empty object.
pub(crate) async fn object(limits: &Limits, headers: &HeaderMap, body: Body) -> Result<Map<String, Value>, Problem> {
    let bytes = bytes(limits, headers, body).await?;
    if bytes.is_empty() {
        return Ok(Map::new());
    }
    check_type(headers)?;
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Problem::invalid("the body is JSON, but no object")),
        Err(error) => Err(Problem::new(StatusCode::BAD_REQUEST, "bad_json", format!("the body is no JSON: {error}"))),
    }
}

/// A whole body.
async fn bytes(limits: &Limits, headers: &HeaderMap, body: Body) -> Result<Vec<u8>, Problem> {
    let most = limits.body_bytes;
    let too_large = || {
        let message = format!("the body is longer than {most} bytes");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message)
    };
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    // Refused before it is sent, where it is announced.
    if announced.is_some_and(|length: u64| length > most as u64) {
        return Err(too_large());
    }
    let collected = timeout(limits.read_timeout, Limited::new(body, most).collect()).await.map_err(|_| {
        let message = format!("the body did not come within {} s", limits.read_timeout.as_secs());
        Problem::new(StatusCode::REQUEST_TIMEOUT, "timeout", message)
    })?;
    match collected {
        Ok(collected) => Ok(collected.to_bytes().to_vec()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
        Err(error) => Err(Problem::new(StatusCode::BAD_REQUEST, "bad_request", format!("the body broke off: {error}"))),
    }
}

/// That a body says that it is JSON: a form that a foreign page lets a browser send cannot.
fn check_type(headers: &HeaderMap) -> Result<(), Problem> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json")) {
        return Ok(());
    }
    let message = match essence.as_str() {
        "" => "the body has no content type".to_owned(),
        other => format!("the body is {other}, and JSON is expected"),
    };
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message)
        .hint("send it with `content-type: application/json`"))
}

/// Reads a value as what it is to be; what is wrong is told with its place: `items[0].content: …`. The first step of the
/// place is left out if it is `outer`.
pub(crate) fn read<T: DeserializeOwned>(value: Value, outer: Option<&str>) -> Result<T, Problem> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let path = match outer {
            Some(outer) => path.strip_prefix(outer).unwrap_or(&path).trim_start_matches('.'),
            None => &path,
        };
        let why = error.inner().to_string();
        Problem::invalid(if matches!(path, "" | "." | "?") { why } else { format!("{path}: {why}") })
    })
}
