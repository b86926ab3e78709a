//! The web, through the one place where addresses are checked.

use std::ops::ControlFlow;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use zo_egress::{Egress, EgressError, ErrorKind, FetchRequest, HostPattern, Method, Policy};
use zo_projections::event::run::agent::Effect;

use super::rules::{Rule, Ruling, Subject, judge};
use super::{Doing, Output, Tool, Usually};

/// Seconds that a request may take.
const SECONDS: u64 = 60;
/// Bytes of a body that are read.
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// Arguments of `http_fetch`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HttpFetch {
    /// The address: `https://…`.
    url: String,
    /// `GET` if not said.
    #[serde(default)]
    method: Verb,
    /// Headers, each a name and a value.
    #[serde(default)]
    headers: std::collections::BTreeMap<String, String>,
    /// The body of the request.
    #[serde(default)]
    body: Option<String>,
}

/// Methods of HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
enum Verb {
    #[default]
    Get,
    Head,
    Post,
    Put,
    Delete,
    Patch,
}

impl Verb {
    fn method(self) -> Method {
        match self {
            Self::Get => Method::Get,
            Self::Head => Method::Head,
            Self::Post => Method::Post,
            Self::Put => Method::Put,
            Self::Delete => Method::Delete,
            Self::Patch => Method::Patch,
        }
    }
}

impl Tool for HttpFetch {
    const NAME: &'static str = "http_fetch";
    const DESCRIPTION: &'static str =
        "Requests an address of the web and gives back what it says, pages as readable text.";
    const EFFECT: Effect = Effect::Once;
    const USUALLY: Usually = Usually::Ask;

    fn effect(&self) -> Effect {
        match self.method {
            Verb::Get | Verb::Head => Effect::Pure,
            _ => Effect::Once,
        }
    }

    fn subject(&self) -> Result<Subject, String> {
        // As it is requested: one address has one name.
        let url = url::Url::parse(&self.url).map_err(|error| format!("{:?} is no address: {error}", self.url))?;
        Ok(Subject::text(Self::NAME, &format!("{} {url}", self.method.method().as_str())))
    }

    fn call(self, doing: &Doing<'_>) -> Output {
        let method = self.method.method();
        let request = FetchRequest {
            method,
            url: self.url,
            headers: self.headers.into_iter().collect(),
            body: self.body.unwrap_or_default().into_bytes(),
            timeout: Duration::from_secs(SECONDS),
            max_bytes: MOST_BYTES,
        };
        let egress = match egress(doing.rules) {
            Ok(egress) => egress,
            Err(error) => return Output::failed(error.to_string()),
        };
        let each = &mut || if (doing.stop)() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        match egress.fetch(&request, each) {
            Ok(fetched) => {
                // Where a redirect led is judged, too: what is denied is not told, though it was requested.
                let there = Subject::text(Self::NAME, &format!("{} {}", method.as_str(), fetched.url));
                if let Ruling::Deny(why) = judge(doing.rules, &there, Self::USUALLY, false) {
                    return Output::failed(format!("it was redirected to {}, and {why}", fetched.url));
                }
                let text = zo_egress::text_of(&fetched.media_type, &fetched.body);
                let cut = if fetched.truncated { "\n… cut: there is more" } else { "" };
                Output::untrusted(format!("{} {} ({})\n\n{text}{cut}", fetched.status, fetched.url, fetched.media_type))
            }
            Err(error) => Output::failed(told(&error)),
        }
    }
}

/// Any public host, and the private addresses that the user's rules name.
fn egress(rules: &[Rule]) -> Result<Egress, EgressError> {
    let mut policy = Policy::default();
    let origins: Vec<String> = rules.iter().filter_map(|rule| rule.allowed_origin(HttpFetch::NAME)).collect();
    if !origins.is_empty() {
        let named = origins.iter().filter_map(|origin| HostPattern::parse(origin).ok());
        policy.allow_hosts = HostPattern::parse("*").into_iter().chain(named).collect();
    }
    Egress::new(policy)
}

/// What went wrong, with the rule that would permit it where one would.
fn told(error: &EgressError) -> String {
    match error.kind {
        ErrorKind::Refused => format!(
            "{error}; a private address is reached only by a rule with its port, as in \
             `allow: http_fetch(GET http://127.0.0.1:8080/*)`"
        ),
        _ => error.to_string(),
    }
}
