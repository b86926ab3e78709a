//! What can be asked, found out from the types: every request and query of the protocol by its name, with the schema of
//! its fields. Routes, scopes and the OpenAPI document are made from this, so that a new request needs nothing here.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};
use zo_engine::protocol::{Query, Request};
use zo_projections::event::vault::Scope;

use crate::intake;
use crate::problem::Problem;

/// Where schemas stand that others refer to.
pub(crate) const DEFINITIONS: &str = "#/components/schemas/";
/// The same as schemars wants it.
pub(crate) const PATH: &str = "/components/schemas";

/// Requests that only look.
const READ: [&str; 7] = ["query", "events", "replay", "stats", "watch_jobs", "service_log", "get_file"];
/// Requests that put questions to models, and what belongs to that.
const ASK: [&str; 5] = ["ask", "resume", "cancel_agent", "test_model", "list_models"];
/// Requests of workers.
const NODE: [&str; 8] = [
    "join_node",
    "claim_jobs",
    "heartbeat_node",
    "complete_job",
    "fail_job",
    "release_job",
    "append_job_log",
    "leave_node",
];
/// Requests that are answered piece by piece.
const STREAMED: [&str; 12] = [
    "ask",
    "resume",
    "events",
    "replay",
    "verify",
    "rebuild",
    "embed",
    "use_model",
    "test_model",
    "watch_jobs",
    "service_log",
    "get_file",
];

/// Everything that can be asked.
pub(crate) struct Table {
    /// Each `POST /api/v1/NAME`.
    pub(crate) requests: Vec<Entry>,
    /// Each `/api/v1/query/NAME`.
    pub(crate) queries: Vec<Entry>,
    /// Schemas that those of the entries refer to.
    pub(crate) definitions: Map<String, Value>,
}

/// Something that can be asked.
pub(crate) struct Entry {
    pub(crate) name: String,
    /// What the type says of it.
    pub(crate) description: String,
    /// Whether it has no fields at all: then it is its name alone, as JSON.
    is_unit: bool,
    /// The schema of its fields: an object.
    pub(crate) schema: Value,
    pub(crate) scope: Scope,
    pub(crate) is_streamed: bool,
}

impl Table {
    /// Reads the types.
    pub(crate) fn new() -> Self {
        let mut settings = SchemaSettings::draft2020_12().for_deserialize();
        settings.definitions_path = PATH.into();
        let mut generator = settings.into_generator();
        let requests = entries(Request::json_schema(&mut generator).as_value(), scope_of_request);
        let queries = entries(Query::json_schema(&mut generator).as_value(), |_| Scope::Read);
        let definitions = generator.take_definitions(true).into_iter().collect();
        Self { requests, queries, definitions }
    }

    /// The request of this name.
    pub(crate) fn request(&self, name: &str) -> Result<&Entry, Problem> {
        find(&self.requests, "request", name)
    }

    /// The query of this name.
    pub(crate) fn query(&self, name: &str) -> Result<&Entry, Problem> {
        find(&self.queries, "query", name)
    }

    /// The schema that a reference leads to, or the schema itself.
    pub(crate) fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let name = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix(DEFINITIONS));
        name.and_then(|name| self.definitions.get(name)).unwrap_or(schema)
    }
}

impl Entry {
    /// The request or query with these fields, as JSON: an enum's variant.
    fn variant(&self, fields: Map<String, Value>) -> Value {
        if self.is_unit && fields.is_empty() { json!(self.name) } else { json!({ &self.name: fields }) }
    }

    /// The request with these fields.
    pub(crate) fn request(&self, fields: Map<String, Value>) -> Result<Request, Problem> {
        intake::read(self.checked(fields)?, Some(&self.name))
    }

    /// The query with these fields.
    pub(crate) fn query(&self, fields: Map<String, Value>) -> Result<Query, Problem> {
        intake::read(self.checked(fields)?, Some(&self.name))
    }

    fn checked(&self, fields: Map<String, Value>) -> Result<Value, Problem> {
        match fields.keys().next() {
            Some(field) if self.is_unit => Err(Problem::invalid(format!("unknown field `{field}`: it has none"))),
            _ => Ok(self.variant(fields)),
        }
    }
}

/// One entry for each variant of an enum.
fn entries(schema: &Value, scope: fn(&str) -> Scope) -> Vec<Entry> {
    let mut entries = Vec::new();
    for variant in schema["oneOf"].as_array().into_iter().flatten() {
        let description = plain(variant["description"].as_str().unwrap_or_default());
        let mut add = |name: &str, schema: Option<&Value>| {
            entries.push(Entry {
                description: description.clone(),
                is_unit: schema.is_none(),
                schema: schema.cloned().unwrap_or_else(|| json!({"type": "object", "additionalProperties": false})),
                scope: scope(name),
                is_streamed: STREAMED.contains(&name),
                name: name.to_owned(),
            });
        };
        let names = variant["enum"].as_array().into_iter().flatten().chain(variant.get("const"));
        names.filter_map(Value::as_str).for_each(|name| add(name, None));
        if let Some((name, schema)) = variant["properties"].as_object().and_then(|one| one.iter().next()) {
            add(name, Some(schema));
        }
    }
    entries
}

fn scope_of_request(name: &str) -> Scope {
    if READ.contains(&name) {
        Scope::Read
    } else if ASK.contains(&name) {
        Scope::Ask
    } else if NODE.contains(&name) {
        Scope::Node
    } else {
        Scope::Admin
    }
}

/// What this request needs beyond what its name does: an agent that is given rules, folders or a script of its own may do
/// with them what only its owner may.
pub(crate) fn needs_more(request: &Request) -> Option<Scope> {
    let more = match request {
        Request::Ask(asking) => asking.agent.as_ref().is_some_and(|agent| {
            agent.workspace.is_some() || !agent.rules.is_empty() || !agent.skills.is_empty() || agent.script.is_some()
        }),
        Request::Query { query: Query::Skills { folders }, .. } => !folders.is_empty(),
        _ => false,
    };
    more.then_some(Scope::Admin)
}

fn find<'a>(entries: &'a [Entry], what: &str, name: &str) -> Result<&'a Entry, Problem> {
    let found = entries.iter().find(|entry| entry.name == name);
    found.ok_or_else(|| {
        Problem::not_found(format!("there is no {what} {name:?}")).hint("/openapi.json names those there are")
    })
}

/// A doc comment for readers who have no links: `[`Response::Done`]` becomes `Done`.
pub(crate) fn plain(description: &str) -> String {
    let mut plain = String::with_capacity(description.len());
    let mut rest = description;
    while let Some((before, link)) = rest.split_once("[`") {
        plain.push_str(before);
        let Some((name, behind)) = link.split_once("`]") else {
            plain.push_str("[`");
            rest = link;
            continue;
        };
        plain.push('`');
        plain.push_str(name.rsplit("::").next().unwrap_or(name));
        plain.push('`');
        // Where the link leads, if it says so.
        rest = match behind.strip_prefix('(').and_then(|target| target.split_once(')')) {
            Some((_, behind)) => behind,
            None => behind,
        };
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests;
