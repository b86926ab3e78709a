//! The OpenAPI 3.1 document, made from the types: what is in the table, and the few paths beside it.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};
use zo_engine::protocol::{Answer, EventLine, Response};
use zo_projections::event::vault::Scope;

use crate::table::{DEFINITIONS, Entry, PATH, Table};
use crate::{openai, zo};

/// Behind the name of a schema of what is sent, where what is read under that name differs.
const SENT: &str = "Sent";

/// The whole document.
pub(crate) fn document(table: &Table) -> Value {
    let (sent, responses) = responses(table);
    let mut paths = Map::new();
    paths.insert("/healthz".into(), json!({"get": operation("health", "Whether the server is well.", None, text())}));
    paths.insert(
        "/metrics".into(),
        json!({"get": operation("metrics", "Figures, as Prometheus reads them.", Some(&[Scope::Read]), text())}),
    );
    let any_object = json!({"application/json": {"schema": {"type": "object"}}});
    paths.insert(
        "/openapi.json".into(),
        json!({"get": operation("openapi", "This document.", Some(&[Scope::Read]), any_object)}),
    );
    for entry in &table.requests {
        let (response, answer) = (&responses.response, entry.is_streamed);
        let content = if answer {
            json!({"application/x-ndjson": {"schema": response}, "text/event-stream": {"schema": {"type": "string"}}})
        } else {
            json!({"application/json": {"schema": response}})
        };
        let mut post = operation(&entry.name, &entry.description, Some(&[entry.scope]), content);
        post["requestBody"] = body(&entry.schema);
        paths.insert(format!("/api/v1/{}", entry.name), json!({ "post": post }));
    }
    paths.insert("/api/v1/events".into(), events(paths.get("/api/v1/events"), table, &responses.event));
    for entry in &table.queries {
        paths.insert(format!("/api/v1/query/{}", entry.name), query(table, entry, &responses.answer));
    }
    zo::describe(&mut paths);
    openai::describe(&mut paths);
    let mut schemas = table.definitions.clone();
    schemas.extend(sent);
    schemas.insert("Error".into(), error_schema());
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "ZoClone",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The workspace over HTTP. Everything but /healthz needs a token: `Authorization: Bearer TOKEN`.",
        },
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    });
    tidy(&mut document);
    document
}

/// An operation with what it answers; `scopes` are those of which it needs one.
pub(crate) fn operation(id: &str, description: &str, scopes: Option<&[Scope]>, content: Value) -> Value {
    let summary = description.split_once(". ").map_or(description, |(first, _)| first).trim_end_matches('.');
    let mut operation = json!({
        "operationId": id,
        "summary": summary,
        "responses": {
            "200": {"description": "Done", "content": content},
            "default": {
                "description": "It was not done",
                "content": {"application/json": {"schema": {"$ref": format!("{DEFINITIONS}Error")}}},
            },
        },
    });
    match scopes {
        Some(scopes) => {
            let names: Vec<&str> = scopes.iter().map(|scope| scope.name()).collect();
            operation["description"] = format!("{description}\n\nScope: {}.", names.join(" or ")).into();
            operation["x-scopes"] = names.into();
        }
        None => {
            operation["description"] = description.into();
            operation["security"] = json!([]);
        }
    }
    operation
}

/// The body of a request, as JSON of a schema.
pub(crate) fn body(schema: &Value) -> Value {
    json!({"required": true, "content": {"application/json": {"schema": schema}}})
}

fn text() -> Value {
    json!({"text/plain": {"schema": {"type": "string"}}})
}

fn error_schema() -> Value {
    json!({
        "type": "object",
        "required": ["error"],
        "properties": {"error": {
            "type": "object",
            "required": ["message"],
            "properties": {
                "kind": {"type": "string", "description": "What programs branch on: `not_found`, `conflict`, …"},
                "message": {"type": "string"},
                "hint": {"type": "string", "description": "What to do about it."},
            },
        }},
    })
}

/// A query: by address or by body.
fn query(table: &Table, entry: &Entry, answer: &Value) -> Value {
    let at = json!({
        "name": "at", "in": "query", "required": false,
        "description": "As of this position or time; now if there is none.",
        "schema": {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string"}]},
    });
    let mut parameters = parameters(table, &entry.schema);
    parameters.push(at);
    let content = json!({"application/json": {"schema": answer}});
    let scopes = [entry.scope];
    let mut get = operation(&format!("query_{}", entry.name), &entry.description, Some(&scopes), content.clone());
    get["parameters"] = parameters.into();
    let mut post = operation(&format!("post_query_{}", entry.name), &entry.description, Some(&scopes), content);
    let mut schema = table.resolved(&entry.schema).clone();
    schema["properties"]["at"] = json!({"$ref": format!("{DEFINITIONS}At")});
    schema["type"] = "object".into();
    post["requestBody"] = body(&schema);
    json!({"get": get, "post": post})
}

/// The fields of an object as parameters of an address.
fn parameters(table: &Table, schema: &Value) -> Vec<Value> {
    let schema = table.resolved(schema);
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let parameter = |(name, schema): (&String, &Value)| {
        let mut parameter = json!({"name": name, "in": "query", "required": required.contains(&name.as_str())});
        if let Some(description) = schema["description"].as_str() {
            parameter["description"] = description.into();
        }
        let type_of = &table.resolved(schema)["type"];
        // A list is given as JSON.
        if type_of == "array" || type_of == "object" {
            parameter["content"] = json!({"application/json": {"schema": schema}});
        } else {
            parameter["schema"] = schema.clone();
        }
        parameter
    };
    schema["properties"].as_object().into_iter().flatten().map(parameter).collect()
}

/// `GET /api/v1/events` beside what the table has.
fn events(post: Option<&Value>, table: &Table, event: &Value) -> Value {
    let content = json!({
        "text/event-stream": {"schema": {"type": "string"}},
        "application/x-ndjson": {"schema": event},
    });
    let description = "Events from a position on, and those to come: server-sent events with the position as their id, \
                       if that is what is accepted, else one JSON object a line. `Last-Event-ID` goes before `from`.";
    let mut get = operation("follow_events", description, Some(&[Scope::Read]), content);
    let mut given = parameters(table, &json!({"$ref": format!("{DEFINITIONS}EventSelection")}));
    given.push(json!({
        "name": "follow", "in": "query", "required": false, "schema": {"type": "boolean"},
        "description": "Wait for further events; so unless it is false, if server-sent events are accepted.",
    }));
    get["parameters"] = given.into();
    let mut item = post.cloned().unwrap_or_else(|| json!({}));
    item["get"] = get;
    item
}

/// References to the schemas of what is sent.
struct Responses {
    response: Value,
    answer: Value,
    event: Value,
}

/// The schemas of what is sent. Those that differ from what is read under the same name have a name of their own.
fn responses(table: &Table) -> (Map<String, Value>, Responses) {
    let mut settings = SchemaSettings::draft2020_12().for_serialize();
    settings.definitions_path = PATH.into();
    let mut generator = settings.into_generator();
    let response = generator.subschema_for::<Response>().to_value();
    let answer = generator.subschema_for::<Answer>().to_value();
    let event = generator.subschema_for::<EventLine>().to_value();
    let mut sent: Map<String, Value> = generator.take_definitions(true).into_iter().collect();
    let renamed = differing(&table.definitions, &sent);
    let mut named = Map::new();
    for (name, mut schema) in std::mem::take(&mut sent) {
        rename(&mut schema, &renamed);
        let name = if renamed.contains(&name) { name + SENT } else { name };
        named.insert(name, schema);
    }
    let renamed_reference = |mut schema: Value| {
        rename(&mut schema, &renamed);
        schema
    };
    let responses = Responses {
        response: renamed_reference(response),
        answer: renamed_reference(answer),
        event: renamed_reference(event),
    };
    (named, responses)
}

/// Names under which different things are read and sent, those included that refer to such.
fn differing(read: &Map<String, Value>, sent: &Map<String, Value>) -> BTreeSet<String> {
    let differs = |name: &&String| read.get(*name).is_some_and(|schema| sent.get(*name) != Some(schema));
    let mut names: BTreeSet<String> = sent.keys().filter(differs).cloned().collect();
    loop {
        let refers = |schema: &Value| {
            let text = schema.to_string();
            names.iter().any(|name| text.contains(&format!("\"{DEFINITIONS}{name}\"")))
        };
        let more: Vec<String> = sent
            .iter()
            .filter(|(name, schema)| !names.contains(*name) && read.contains_key(*name) && refers(schema))
            .map(|(name, _)| name.clone())
            .collect();
        if more.is_empty() {
            return names;
        }
        names.extend(more);
    }
}

/// Lets references lead to the renamed schemas.
fn rename(schema: &mut Value, renamed: &BTreeSet<String>) {
    match schema {
        Value::Object(fields) => {
            for (word, value) in fields {
                let name = value.as_str().and_then(|to| to.strip_prefix(DEFINITIONS)).map(str::to_owned);
                match name {
                    Some(name) if word == "$ref" && renamed.contains(&name) => {
                        *value = format!("{DEFINITIONS}{name}{SENT}").into()
                    }
                    _ => rename(value, renamed),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| rename(value, renamed)),
        _ => {}
    }
}

/// Descriptions without links, and formats that only Rust knows left out.
fn tidy(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if fields.get("format").and_then(Value::as_str).is_some_and(|format| format.starts_with(['u', 'f', 'i'])) {
                fields.shift_remove("format");
            }
            if let Some(Value::String(description)) = fields.get_mut("description") {
                *description = crate::table::plain(description);
            }
            fields.values_mut().for_each(tidy);
        }
        Value::Array(values) => values.iter_mut().for_each(tidy),
        _ => {}
    }
}

/// The schema of a type that is read, with everything it refers to in it.
pub(crate) fn schema_of<T: JsonSchema>() -> Value {
    let mut settings = SchemaSettings::draft2020_12().for_deserialize();
    settings.inline_subschemas = true;
    settings.meta_schema = None;
    settings.into_generator().into_root_schema_for::<T>().to_value()
}

#[cfg(test)]
mod tests;
