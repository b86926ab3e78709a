use serde_json::json;
use zo_projections::event::conversation::MessageAdded;
use zo_projections::event::encode_into;
use zo_projections::record::{BodyPlace, Header};
use zo_projections::{Actor, KeyId, Position, Recorded, StreamId, Timestamp};

use super::*;

fn read_event(stream: StreamId, event: impl Into<Event>, body: &impl bincode::Encode) -> ReadEvent {
    let mut bytes = Vec::new();
    encode_into(body, &mut bytes);
    let header = Header {
        position: Position(7),
        id: zo_projections::EventId(1),
        stream,
        version: 1,
        at: Timestamp(1_000),
        actor: Actor::User,
        key: KeyId(1),
        causation: None,
        correlation: None,
        idempotency: None,
        body: BodyPlace::None,
    };
    ReadEvent { recorded: Recorded { header, event: event.into() }, body: Some(bytes), sealed: None, bytes: 0 }
}

fn memorized(meta: &serde_json::Value) -> Document {
    let body = memory::Body { name: None, content: "tea at five".to_owned(), meta: Some(meta.to_string()) };
    let event = memory::Memorized { digest: zo_projections::Digest(1), named: false, size: 11, occurred_at: None };
    let stream = StreamId::new(Category::Memory, 42);
    document(&read_event(stream, event, &body)).expect("a memory is a document")
}

fn message(role: Role, content: &str) -> Option<Document> {
    message_of(None, role, content)
}

fn message_of(model: Option<&str>, role: Role, content: &str) -> Option<Document> {
    let body = MessageBody { content: content.to_owned(), author: Some("Ada".to_owned()), ..MessageBody::default() };
    let event = MessageAdded {
        message: zo_projections::MessageId(9),
        parent: None,
        role,
        size: 1,
        tool_calls: 0,
        model: model.map(str::to_owned),
        occurred_at: Some(Timestamp(500)),
        interrupted: false,
        selected: true,
    };
    document(&read_event(StreamId::new(Category::Conversation, 3), event, &body))
}

#[test]
fn a_memory_tells_who_when_and_where_by_its_meta() {
    let found =
        memorized(&json!({"speaker": "Ada", "conv": "c1", "session": 2, "title": "Drinks", "tags": ["hot", 5]}));
    assert_eq!((found.position, found.item, found.kind), (7, 42, Kind::Memory));
    assert_eq!(found.speaker.as_deref(), Some("Ada"));
    assert_eq!(found.title.as_deref(), Some("Drinks"));
    assert_eq!(found.session.as_deref(), Some("c1\n2"));
    assert_eq!((found.date_ms, found.recorded_ms), (None, 1_000));
    let facets: Vec<String> = found.facets.iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(facets, ["speaker=Ada", "conv=c1", "session=2", "title=Drinks", "tags=hot", "tags=5"]);
}

#[test]
fn meta_within_meta_is_found_under_its_path_but_not_for_ever() {
    let found = memorized(&json!({"a": {"b": {"c": true}}, "n": null}));
    assert_eq!(found.facets, [("a.b.c".to_owned(), "true".to_owned())]);
    let mut deep = json!(1);
    for _ in 0..50 {
        deep = json!({ "x": deep });
    }
    assert_eq!(memorized(&deep).facets, []);
}

#[test]
fn only_what_people_and_models_said_is_recalled_of_a_conversation() {
    let said = message(Role::User, "hello").expect("a message is a document");
    assert_eq!((said.item, said.kind, said.date_ms), (9, Kind::Message, Some(500)));
    assert_eq!(said.speaker.as_deref(), Some("Ada"));
    assert!(said.session.is_some());
    assert!(message(Role::Assistant, "hello").is_some());
    assert!(message(Role::System, "hello").is_none());
    assert!(message(Role::Tool, "hello").is_none());
    assert!(message(Role::User, " \n").is_none());
}

#[test]
fn what_the_built_in_responder_quoted_is_not_recalled_from_its_answer() {
    assert!(message_of(Some("offline"), Role::Assistant, "- tea at five [m1]").is_none());
    assert!(message_of(Some("anthropic/some"), Role::Assistant, "tea at five").is_some());
}

#[test]
fn what_cannot_be_opened_is_no_document() {
    let mut event = read_event(StreamId::new(Category::Memory, 1), memory::Retracted {}, &memory::Body::default());
    assert!(document(&event).is_none());
    event.recorded.event = memory::Superseded { digest: zo_projections::Digest(1), size: 0, occurred_at: None }.into();
    event.body = None;
    assert!(document(&event).is_none());
}
