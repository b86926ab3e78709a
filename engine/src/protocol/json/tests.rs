//! Requests and responses as JSON.

use serde_json::{Value, json};
use zo_projections::{Position, Timestamp};

use super::super::{
    Answer, Arrival, Asking, At, Environment, FailureKind, KeyLine, MemoryLine, NewMemory, Outcome, Query, Question,
    Request, Response,
};
use super::*;

fn read<T: for<'de> Deserialize<'de>>(json: Value) -> Result<T, String> {
    serde_json::from_value(json).map_err(|error| error.to_string())
}

fn written(value: &impl Serialize) -> Value {
    serde_json::to_value(value).expect("it has a form as JSON")
}

#[test]
fn what_is_left_out_takes_its_default() {
    let request: Request = read(json!({"memorize": {"items": [{"content": "x", "meta": {"a": 1}}]}})).expect("valid");
    let Request::Memorize { actor: Actor::Client, items } = request else { panic!("{request:?}") };
    assert!(matches!(&items[0], NewMemory { id: None, meta: Some(meta), .. } if meta == r#"{"a":1}"#), "{items:?}");

    let asking: Asking = read(json!({"question": {"new": {"text": "why?"}}})).expect("valid");
    let ConversationChoice::New { id, name: None } = asking.conversation else { panic!("{asking:?}") };
    assert!(id != 0 && asking.run != 0 && id != asking.run, "ids are fresh");
    assert!(matches!(&asking.question, Question::New { text, files } if text == "why?" && files.is_empty()));

    let query: Query = read(json!({"memories": {}})).expect("valid");
    assert!(matches!(query, Query::Memories { retracted: false, before: None, limit: 100 }), "{query:?}");
}

#[test]
fn nobody_says_over_the_network_who_asks_and_with_which_keys() {
    for (request, field) in [
        (json!({"memorize": {"actor": "engine", "items": []}}), "actor"),
        (json!({"ask": {"question": {"again": {}}, "environment": {"keys": []}}}), "environment"),
        (json!({"resume": {"run": "R", "environment": {}}}), "environment"),
    ] {
        let error = read::<Request>(request).expect_err("the field is refused");
        assert!(error.contains(&format!("unknown field `{field}`")), "{error}");
    }
    let asking = Asking::new(ConversationChoice::Named("work".into()), "why?", 7);
    let with_identity = Environment { identity: Some("/secret".into()), ..Environment::default() };
    let json = written(&Request::Ask(Box::new(Asking { environment: with_identity, ..asking })));
    assert!(!json.to_string().contains("secret"), "{json}");
}

#[test]
fn a_request_is_put_in_the_surroundings_of_who_reads_it() {
    let here = Environment { identity: Some("/here".into()), ..Environment::default() };
    let request: Request = read(json!({"query": {"query": {"providers": {}}}})).expect("valid");
    let Request::Query { query: Query::Providers { environment }, .. } = request.in_environment(&here) else {
        panic!("it is the same request")
    };
    assert_eq!(environment, here);
    let asking = Asking::new(ConversationChoice::Named("work".into()), "why?", 7);
    let Request::Ask(asking) = Request::Ask(Box::new(asking)).in_environment(&here) else { panic!("it is the same") };
    assert_eq!(asking.environment, here);
}

#[test]
fn requests_with_secrets_have_no_form_as_json() {
    let introduce = Request::Introduce { environment: Environment::default() };
    assert!(serde_json::to_value(introduce).is_err());
    for name in ["introduce", "set_key_of_provider", "set_passphrase"] {
        let error = read::<Request>(json!({name: {}})).expect_err("there is none");
        assert!(error.contains("unknown variant"), "{error}");
    }
}

#[test]
fn ids_are_ulids() {
    let id = "01K9ZQ4R1M3V8K2T6W5X7Y0ABC";
    let request: Request = read(json!({"delete_key": {"key": "k", "idempotency": id}})).expect("valid");
    assert_eq!(written(&request), json!({"delete_key": {"key": "k", "idempotency": id}}));
    let error = read::<Request>(json!({"delete_key": {"key": "k", "idempotency": "17"}})).expect_err("no ULID");
    assert!(error.contains("`17` is not an id"), "{error}");
}

#[test]
fn a_moment_is_a_position_or_a_time() {
    assert_eq!(read(json!(7)), Ok(At::Position(Position(7))));
    assert_eq!(read(json!("1970-01-01T00:00:01Z")), Ok(At::Time(Timestamp(1000))));
    let error = read::<At>(json!("yesterday")).expect_err("neither");
    assert!(error.contains("a position (a number) or a time"), "{error}");
}

#[test]
fn acknowledgements_and_failures_stand_side_by_side() {
    let kept = Acknowledged { id: "a".into(), position: Position(3), outcome: Outcome::New };
    let failure = Failure::new(FailureKind::Invalid, "no").hint("yes");
    let json = written(&Response::Acknowledged(vec![Ok(kept), Err(failure.clone())]));
    let error = json!({"kind": "invalid", "message": "no", "hint": "yes"});
    assert_eq!(json, json!({"acknowledged": [{"id": "a", "position": 3}, {"error": error}]}));
    let Ok(Response::Acknowledged(items)) = read(json) else { panic!("it is read again") };
    assert_eq!((items[0].is_ok(), &items[1]), (true, &Err(failure)));
}

#[test]
fn meta_is_an_object_and_not_a_text() {
    let line = MemoryLine {
        id: "port".into(),
        state: "live".into(),
        position: Position(3),
        version: 1,
        at: Timestamp(0),
        occurred_at: None,
        until: None,
        content: Some("5433".into()),
        meta: Some(r#"{"topic":"x"}"#.into()),
    };
    let json = written(&line);
    assert_eq!(json["meta"], json!({"topic": "x"}));
    assert_eq!(json["at"], "1970-01-01T00:00:00.000Z");
    let read: MemoryLine = read(json).expect("it is read again");
    assert_eq!(read.meta, line.meta);
}

#[test]
fn responses_are_named_by_their_variant() {
    let key = KeyLine { key: "k".into(), value: None, position: Position(1), version: 1, at: Timestamp(0) };
    let json = written(&Response::Answer(Box::new(Answer::Keys(vec![key]))));
    assert_eq!(json["answer"]["keys"][0]["key"], "k");
    assert_eq!(written(&Response::Arrived(Arrival::Text("a".into()))), json!({"arrived": {"text": "a"}}));
    assert_eq!(written(&Response::Done), json!("done"));
}

#[test]
fn the_schema_names_every_request_and_none_of_its_secrets() {
    let schema = written(&schemars::schema_for!(Request));
    let text = schema.to_string();
    assert!(!text.contains("\"environment\"") && !text.contains("SecretText") && !text.contains("\"actor\""), "{text}");
    let variants = schema["oneOf"].as_array().expect("an enum");
    let has = |name: &str| {
        variants.iter().any(|variant| {
            variant["properties"].get(name).is_some()
                || variant["const"] == name
                || variant["enum"].as_array().is_some_and(|names| names.contains(&json!(name)))
        })
    };
    assert!(has("memorize") && has("query") && has("verify") && !has("introduce"), "{text}");
    assert_eq!(schema, written(&schemars::schema_for!(Request)), "no default is made up anew each time");
}
