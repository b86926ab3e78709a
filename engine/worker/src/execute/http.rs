//! Calls of URLs.

use std::time::Duration;

use serde_json::json;
use zo_egress::{Egress, EgressError, ErrorKind, FetchRequest, Fetched, Method};

use super::reach::{narrowed, no_way, patterns, told};
use super::{AttemptContext, Executor, Happened, Outcome, Sink, late};
use crate::spec::HttpSpec;

/// How long a call may take if nobody says how long.
const USUAL_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of an answer that are read, and of those how many a result has. All that is read goes to the sink.
const MOST_READ: usize = 2 << 20;
const MOST_BODY: usize = 16 << 10;
/// Statuses beside 500 to 599 that say that another time it may go well: timeout, too early, too many.
const TRY_AGAIN: [u16; 3] = [408, 425, 429];

impl Executor {
    pub(super) fn http(&self, spec: &HttpSpec, attempt: &AttemptContext, sink: Sink<'_>) -> Outcome {
        let egress = patterns(&spec.hosts).map_err(Outcome::hopeless).and_then(|hosts| {
            let policy = narrowed(&self.egress, hosts, spec.allow_private);
            Egress::new(policy).map_err(|error| no_way(&error))
        });
        let request = |egress| Ok((egress, request(spec, attempt).map_err(Outcome::hopeless)?));
        let request = match egress.and_then(request) {
            Ok((egress, request)) => egress.fetch(&request, &mut || sink(Happened::Nothing)),
            Err(outcome) => return outcome,
        };
        match request {
            Ok(fetched) if sink(Happened::Stdout(&fetched.body)).is_continue() => answered(spec, &fetched),
            Ok(_) => Outcome::Stopped,
            Err(error) => failed(&error, attempt),
        }
    }
}

fn request(spec: &HttpSpec, attempt: &AttemptContext) -> Result<FetchRequest, String> {
    let method: Method = spec.method.parse().map_err(|error: EgressError| told(&error))?;
    let timeout = spec.timeout_ms.map_or(USUAL_TIMEOUT, Duration::from_millis);
    Ok(FetchRequest {
        method,
        url: spec.url.clone(),
        headers: spec.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        body: spec.body.clone().unwrap_or_default().into_bytes(),
        timeout: attempt.left().map_or(timeout, |left| left.min(timeout)),
        max_bytes: MOST_READ,
    })
}

fn answered(spec: &HttpSpec, fetched: &Fetched) -> Outcome {
    let status = fetched.status;
    let expected = match &spec.expect {
        Some(expected) => expected.contains(&status),
        None => (200..300).contains(&status),
    };
    if !expected {
        let retriable = status >= 500 || TRY_AGAIN.contains(&status);
        return Outcome::Failed { reason: format!("{} answered {status}", spec.method), retriable };
    }
    let body = &fetched.body[..fetched.body.len().min(MOST_BODY)];
    let mut result = json!({
        "status": status,
        "url": fetched.url.split(['?', '#']).next(),
        "media_type": fetched.media_type,
        "body": String::from_utf8_lossy(body),
        "body_bytes": fetched.body.len(),
    });
    if fetched.truncated || body.len() < fetched.body.len() {
        result["body_cut"] = true.into();
    }
    Outcome::Done { result: result.to_string() }
}

fn failed(error: &EgressError, attempt: &AttemptContext) -> Outcome {
    match error.kind {
        ErrorKind::Cancelled => Outcome::Stopped,
        ErrorKind::Timeout if attempt.is_late() => late(),
        ErrorKind::Url | ErrorKind::Request | ErrorKind::Refused | ErrorKind::Policy => Outcome::hopeless(told(error)),
        ErrorKind::Dns
        | ErrorKind::Connect
        | ErrorKind::Tls
        | ErrorKind::Timeout
        | ErrorKind::TooLarge
        | ErrorKind::Redirects
        | ErrorKind::Broken
        | ErrorKind::Proxy => Outcome::failed(told(error)),
        ErrorKind::Setup => Outcome::not_begun(told(error)),
    }
}
