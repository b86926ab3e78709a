//! Tools: what other people's agents can do here. What one takes is a struct, from which its JSON Schema is made.

mod asking;
mod browsing;
mod keeping;
mod working;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use zo_mcp::server::{Access, Doing, Need, Offer, Refusal, Told};

use super::resources::pretty;
use super::{Home, Requests, told};
use crate::protocol::{Failure, Response};

/// A tool, by what it takes.
pub(super) trait Tool: DeserializeOwned + JsonSchema + 'static {
    /// Its name.
    const NAME: &'static str;
    /// What it is for, told to models.
    const DESCRIPTION: &'static str;
    /// What who calls it must be allowed.
    const NEED: Need;
    /// Whether calling it twice does no more than calling it once.
    const IDEMPOTENT: bool = false;
    /// Whether something may be gone afterwards.
    const DESTRUCTIVE: bool = false;

    /// Does it.
    fn call<R: Requests>(self, home: &Home<R>, doing: &Doing<'_>) -> Result<Told, Failure>;
}

/// Calls `$each` for every tool there is, in the order in which they are listed.
macro_rules! for_each_tool {
    ($each:ident) => {
        $each!(keeping::Memorize);
        $each!(keeping::Recall);
        $each!(asking::Ask);
        $each!(working::JobSubmit);
        $each!(working::JobList);
        $each!(working::JobShow);
        $each!(working::JobCancel);
        $each!(working::ScheduleAdd);
        $each!(working::ScheduleList);
        $each!(working::ScheduleRemove);
        $each!(asking::SkillList);
        $each!(asking::SkillUse);
        $each!(keeping::FilePut);
        $each!(keeping::FileGet);
        $each!(keeping::FileList);
        $each!(browsing::BrowseOpen);
        $each!(browsing::BrowseSnapshot);
        $each!(browsing::BrowseRead);
        $each!(browsing::BrowseAct);
    };
}

/// The tools for who may do this.
pub(super) fn offered(access: Access) -> Vec<Offer> {
    let mut offers = Vec::new();
    macro_rules! offer {
        ($tool:ty) => {
            if access.allows(<$tool>::NEED) {
                offers.push(Offer {
                    name: <$tool>::NAME,
                    description: <$tool>::DESCRIPTION,
                    parameters: crate::tools::schema_of::<$tool>(),
                    read_only: <$tool>::NEED == Need::Read,
                    idempotent: <$tool>::IDEMPOTENT || <$tool>::NEED == Need::Read,
                    destructive: <$tool>::DESTRUCTIVE,
                });
            }
        };
    }
    for_each_tool!(offer);
    offers
}

pub(super) fn call<R: Requests>(
    home: &Home<R>,
    name: &str,
    arguments: Map<String, Value>,
    doing: &Doing<'_>,
) -> Result<Told, Refusal> {
    macro_rules! try_one {
        ($tool:ty) => {
            if name == <$tool>::NAME {
                return call_one::<$tool, R>(home, arguments, doing);
            }
        };
    }
    for_each_tool!(try_one);
    let names: Vec<&str> = offered(doing.access).iter().map(|offer| offer.name).collect();
    Err(Refusal::NotFound(format!("there is no tool {name:?}; there are {}", names.join(", "))))
}

fn call_one<T: Tool, R: Requests>(
    home: &Home<R>,
    arguments: Map<String, Value>,
    doing: &Doing<'_>,
) -> Result<Told, Refusal> {
    if !doing.access.allows(T::NEED) {
        let message = format!("{} needs a token with the scope {}", T::NAME, T::NEED.scope());
        return Err(Refusal::Forbidden(message));
    }
    let tool: T = serde_json::from_value(Value::Object(arguments)).map_err(|error| {
        let schema = crate::tools::schema_of::<T>();
        Refusal::Invalid(format!(
            "the arguments of {} cannot be taken: {error}; their JSON Schema is {schema}",
            T::NAME
        ))
    })?;
    tool.call(home, doing).map_err(|failure| Refusal::Failed(told(&failure)))
}

/// An object for who reads and for programs.
fn shown(value: Value) -> Told {
    let text = pretty(&value);
    let structured = if value.is_object() { value } else { serde_json::json!({ "result": value }) };
    Told { text, structured: Some(structured) }
}

/// What a command came to.
fn acknowledged(response: &Response, what: &str) -> Told {
    match response {
        Response::Acknowledged(results) => match results.first() {
            Some(Ok(done)) => Told {
                text: format!("{what}: {} (position {})", done.id, done.position),
                structured: serde_json::to_value(done).ok(),
            },
            _ => Told { text: what.to_owned(), structured: None },
        },
        _ => Told { text: what.to_owned(), structured: None },
    }
}

#[cfg(test)]
mod tests;
