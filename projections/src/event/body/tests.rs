//! Events with their opened bodies, as JSON.

use bincode::Encode;

use super::super::conversation::{Deleted, MessageAdded, MessageBody, NameBody, Renamed, Role, ToolCall};
use super::super::encode_into;
use super::super::memory::{Body, Memorized, Retracted};
use super::super::run::ReasonBody;
use super::*;
use crate::ids::MessageId;
use crate::testing::digest_of;

/// The JSON of an event with the bytes of its body.
fn check(event: impl Into<Event>, body: Option<Vec<u8>>, expected: &str) {
    let actual = match event.into().to_json(body.as_deref()) {
        Ok(json) => serde_json::to_string(&json).expect("it is JSON"),
        Err(error) => error.to_string(),
    };
    assert_eq!(actual, expected);
}

fn of(body: impl Encode) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_into(&body, &mut bytes);
    bytes
}

fn memorized() -> Memorized {
    Memorized { digest: digest_of("tea"), named: false, size: 3, occurred_at: None }
}

fn message() -> MessageAdded {
    MessageAdded {
        message: MessageId(9),
        parent: None,
        role: Role::Assistant,
        size: 0,
        tool_calls: 1,
        model: None,
        occurred_at: None,
        interrupted: false,
        selected: true,
    }
}

#[test]
fn a_body_is_shown_with_its_event_and_json_in_it_as_json() {
    let body = |meta: &str| Body { name: None, content: "[tea]".to_owned(), meta: Some(meta.to_owned()) };
    let start = r#"{"digest":"00000000000000000000000000746561","named":false,"size":3,"occurred_at":null"#;
    check(memorized(), None, &format!("{start}}}"));
    let shown = |meta: &str| format!(r#"{start},"name":null,"content":"[tea]","meta":{meta}}}"#);
    check(memorized(), Some(of(body(r#"{"speaker":"Ada"}"#))), &shown(r#"{"speaker":"Ada"}"#));
    check(memorized(), Some(of(body("no json"))), &shown(r#""no json""#));

    let arguments = |text: &str| ToolCall { id: "c".to_owned(), name: "read".to_owned(), arguments: text.to_owned() };
    let calls = MessageBody { tool_calls: vec![arguments("{\"a\":1}"), arguments("{")], ..MessageBody::default() };
    check(
        message(),
        Some(of(calls)),
        r#"{"message":"00000000000000000000000009","parent":null,"role":"assistant","size":0,"tool_calls":[{"id":"c","name":"read","arguments":{"a":1}},{"id":"c","name":"read","arguments":"{"}],"model":null,"occurred_at":null,"interrupted":false,"selected":true,"content":"","author":null,"tool_call_id":null,"meta":null}"#,
    );
}

#[test]
fn a_name_takes_the_place_of_its_digest() {
    let renamed = Renamed { name: digest_of("trip") };
    check(renamed.clone(), None, r#"{"name":"00000000000000000000000074726970"}"#);
    check(renamed, Some(of(NameBody { name: "trip".to_owned() })), r#"{"name":"trip"}"#);
}

#[test]
fn a_body_of_another_kind_is_an_error() {
    check(Retracted {}, Some(of(ReasonBody { reason: "no".to_owned() })), r#"{"reason":"no"}"#);
    check(Retracted {}, Some(vec![0; 9]), "memory.retracted of schema 1 cannot be read: 1 bytes left over");
    check(Deleted {}, Some(Vec::new()), "{}");
}
