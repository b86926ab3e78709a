//! Events with their opened bodies, as JSON.

use bincode::Encode;

use super::super::conversation::{
    Compacted, Deleted, MessageAdded, MessageBody, NameBody, Renamed, Role, SummaryBody, ToolCall,
};
use super::super::encode_into;
use super::super::memory::{Body, Memorized, Retracted};
use super::super::run::agent::{
    Agent, AgentBody, AgentOptions, Effect, Intent, PermissionAnswered, PermissionAsked, PermissionBody, Replied,
    ReplyBody, ResultBody, ToolReturned, ToolStatus, Trust, Verdict,
};
use super::super::run::{Account, ReasonBody, RequestBody, Started, Usage};
use super::super::skill::{FolderBody, Origin, VersionSeen};
use super::*;
use crate::ids::{ConversationId, MessageId};
use crate::testing::{call_id, digest_of};

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

fn started(agent: Option<Agent>) -> Started {
    Started { conversation: ConversationId(1), question: MessageId(2), model: "a/x".to_owned(), agent }
}

#[test]
fn the_start_of_an_agent_says_more_than_that_of_a_run() {
    let start = r#"{"conversation":"00000000000000000000000001","question":"00000000000000000000000002","model":"a/x""#;
    let system = RequestBody { system: Some("Be brief.".to_owned()), ..RequestBody::default() };
    let plain = format!(r#"{start},"system":"Be brief.","schema":null,"fallbacks":[]}}"#);
    check(started(None), Some(of(system.clone())), &plain);
    let options = AgentOptions { skills: vec![("/skills".to_owned(), Origin::User)], ..AgentOptions::default() };
    let agent = format!(
        r#"{start},"agent":{{"depth":0,"budget":{{"steps":0}}}},"request":{{"system":"Be brief.","schema":null,"fallbacks":[]}},"options":{{"name":null,"workspace":null,"tools":null,"rules":[],"skills":[["/skills","user"]],"concurrency":0,"consent":"deny","script":null}}}}"#
    );
    check(started(Some(Agent::default())), Some(of(AgentBody { request: system, options })), &agent);
    // The one is not taken for the other.
    let error = started(None).into();
    let error = Event::to_json(&error, Some(&of(AgentBody::default()))).expect_err("that is the body of an agent");
    assert!(error.to_string().starts_with("run.started of schema 2 cannot be read"), "{error}");
}

#[test]
fn calls_of_tools_are_shown_with_what_they_were_given_and_gave() {
    let intent = Intent { tool: "read".to_owned(), effect: Effect::Pure, digest: digest_of("read") };
    let (model, usage, account) = ("a/x".to_owned(), Usage::default(), Account::default());
    let replied = Replied { model, usage, account, calls: vec![intent] };
    let call = ToolCall { id: "c".to_owned(), name: "read".to_owned(), arguments: r#"{"path":"a"}"#.to_owned() };
    let body = ReplyBody { text: "I look.".to_owned(), tool_calls: vec![call] };
    check(
        replied,
        Some(of(body)),
        r#"{"model":"a/x","usage":{"input_tokens":0,"output_tokens":0,"cost_micros":0},"account":{"cached_tokens":0,"estimated":false,"unpriced":false,"attempts":0,"ending":"complete"},"calls":[{"tool":"read","effect":"pure","digest":"00000000000000000000000072656164"}],"text":"I look.","tool_calls":[{"id":"c","name":"read","arguments":{"path":"a"}}]}"#,
    );
    let (status, trust, digest) = (ToolStatus::Done, Trust::Untrusted, digest_of("ok"));
    check(
        ToolReturned { id: call_id(1), status, trust, bytes: 2, digest, pictures: Vec::new() },
        Some(of(ResultBody { output: "[]".to_owned() })),
        r#"{"step":0,"call":1,"status":"done","trust":"untrusted","bytes":2,"digest":"00000000000000000000000000006f6b","output":"[]"}"#,
    );
}

#[test]
fn what_is_asked_of_people_is_shown_with_the_rule_that_would_do() {
    let body = |rule| PermissionBody { what: "git push".to_owned(), why: "no rule".to_owned(), rule };
    let start = r#"{"step":0,"call":1,"what":"git push","why":"no rule""#;
    let asked = || PermissionAsked { id: call_id(1) };
    check(asked(), Some(of(body(None))), &format!(r#"{start},"rule":null}}"#));
    let rule = Some("allow: run(git push)".to_owned());
    check(asked(), Some(of(body(rule))), &format!(r#"{start},"rule":"allow: run(git push)"}}"#));
    let answered = PermissionAnswered { id: call_id(1), verdict: Verdict::Denied };
    check(answered, None, r#"{"step":0,"call":1,"verdict":"denied"}"#);
}

#[test]
fn summaries_and_folders_are_shown_with_their_events() {
    let (from, through, usage) = (MessageId(1), MessageId(2), Usage::default());
    check(
        Compacted { from, through, messages: 2, model: "offline".to_owned(), usage },
        Some(of(SummaryBody { summary: "tea".to_owned() })),
        r#"{"from":"00000000000000000000000001","through":"00000000000000000000000002","messages":2,"model":"offline","usage":{"input_tokens":0,"output_tokens":0,"cost_micros":0},"summary":"tea"}"#,
    );
    check(
        VersionSeen { name: "a".to_owned(), origin: Origin::Shipped, version: digest_of("one") },
        Some(of(FolderBody { folder: "/skills/a".to_owned() })),
        r#"{"name":"a","origin":"shipped","version":"000000000000000000000000006f6e65","folder":"/skills/a"}"#,
    );
}
