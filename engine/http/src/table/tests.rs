//! What is found out from the types.

use serde_json::json;
use zo_engine::protocol::{Asking, ConversationChoice};

use super::*;

fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        other => panic!("{other}"),
    }
}

#[test]
fn every_request_has_its_name_its_fields_and_its_scope() {
    let table = Table::new();
    let memorize = table.request("memorize").expect("there is one");
    assert_eq!(memorize.scope, Scope::Admin);
    assert!(memorize.schema["properties"]["items"].is_object(), "{}", memorize.schema);
    assert!(memorize.schema["properties"].get("actor").is_none());
    assert!(memorize.description.starts_with("Keep contents."), "{}", memorize.description);
    assert_eq!(table.request("ask").expect("there is one").scope, Scope::Ask);
    assert!(table.request("ask").expect("there is one").is_streamed);
    assert_eq!(table.request("events").expect("there is one").scope, Scope::Read);
    assert_eq!(table.query("status").expect("there is one").scope, Scope::Read);
    assert!(table.request("introduce").is_err(), "it has secrets");
    let problem = table.request("nothing").err().expect("there is none");
    assert_eq!(problem.kind, "not_found");
}

#[test]
fn every_definition_that_is_referred_to_is_there() {
    let table = Table::new();
    let mut schemas: Vec<&Value> = table.definitions.values().collect();
    schemas.extend(table.requests.iter().chain(&table.queries).map(|entry| &entry.schema));
    let text = serde_json::to_string(&schemas).expect("JSON");
    let references: Vec<&str> = text.split(DEFINITIONS).skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(!references.is_empty());
    for name in references {
        assert!(table.definitions.contains_key(name), "{name}");
    }
}

#[test]
fn fields_become_a_request() {
    let table = Table::new();
    let verify = table.request("verify").expect("there is one");
    assert!(matches!(verify.request(Map::new()), Ok(Request::Verify)));
    let problem = verify.request(fields(json!({"deep": true}))).expect_err("it has no fields");
    assert!(problem.message.contains("unknown field `deep`"), "{problem:?}");

    let forget = table.request("forget").expect("there is one");
    let request = forget.request(fields(json!({"memory": "m"}))).expect("valid");
    assert!(matches!(request, Request::Forget { memory } if memory == "m"));

    let memorize = table.request("memorize").expect("there is one");
    for (given, expected) in [
        (json!({}), "missing field `items`"),
        (json!({"items": [{"content": 7}]}), "items[0].content: invalid type: integer `7`, expected a string"),
        (json!({"item": []}), "unknown field `item`"),
    ] {
        let problem = memorize.request(fields(given)).expect_err("invalid");
        assert!(problem.message.contains(expected), "{problem:?}");
    }
    let status = table.query("status").expect("there is one");
    assert!(matches!(status.query(Map::new()), Ok(Query::Status)));
}

#[test]
fn an_agent_with_rights_of_its_own_needs_more_than_to_ask() {
    let asking = Asking::new(ConversationChoice::Named("work".into()), "?", 1);
    assert_eq!(needs_more(&Request::Ask(Box::new(asking.clone()))), None);
    let agent = zo_engine::protocol::AgentRequest { rules: vec!["allow: x".into()], ..Default::default() };
    let asking = Asking { agent: Some(Box::new(agent)), ..asking };
    assert_eq!(needs_more(&Request::Ask(Box::new(asking))), Some(Scope::Admin));
}

#[test]
fn descriptions_have_no_links() {
    assert_eq!(plain("Answered with [`Response::Event`]s."), "Answered with `Event`s.");
    assert_eq!(plain("see [`X`](super::X) and [`Y"), "see `X` and [`Y");
}
