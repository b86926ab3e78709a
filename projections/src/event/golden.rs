//! The golden files of events and bodies: whatever was written once is read for ever, and means the same.

use bincode::{Decode, Encode};
use serde::Serialize;

use super::browser::{ActBody, ActedBody, ArtifactBody};
use super::conversation::{FileBody, MessageBody, NameBody, SummaryBody, ToolCall};
use super::file::{ContentBody, ShareBody};
use super::job::{EndBody, JobBody};
use super::mcp::ServerBody;
use super::run::agent::{AgentBody, AgentOptions, Consent, PermissionBody, ReplyBody, ResultBody};
use super::run::{ReasonBody, RequestBody};
use super::schedule::PlanBody;
use super::service::ServiceBody;
use super::skill::{FolderBody, Origin};
use super::{Event, KINDS, decode_body, encode_into, kv, memory};
use crate::ids::Digest;
use crate::testing::{Golden, check_golden, read_golden, samples};

/// Checks every schema of one kind: the newest against the samples, older ones against what they must be lifted to.
fn check(kind: u16, name: &str, newest: u8) {
    let of_kind = samples().into_iter().filter(|event| event.kind() == kind);
    let current: Vec<Golden> = of_kind
        .map(|event| {
            let mut bytes = Vec::new();
            event.encode(&mut bytes);
            Golden::new(bytes, &event)
        })
        .collect();
    assert!(!current.is_empty(), "{name} has no sample");
    check_golden(&format!("events/{name}.{newest}.hex"), &current);
    for schema in 1..=newest {
        let file = format!("events/{name}.{schema}.hex");
        let golden = read_golden(&file).unwrap_or_else(|| panic!("fixtures/{file} is missing: it was there once"));
        for Golden { bytes, meaning } in golden {
            let event = Event::decode(kind, schema, &bytes).unwrap_or_else(|error| panic!("fixtures/{file}: {error}"));
            assert_eq!(Golden::new(bytes, &event).meaning, meaning, "fixtures/{file}");
        }
    }
}

#[test]
fn events_of_every_kind_and_schema_keep_their_bytes_and_meaning() {
    for &(kind, name, newest) in KINDS {
        check(kind, name, newest);
    }
}

#[test]
fn no_golden_file_is_without_its_kind() {
    for entry in std::fs::read_dir(crate::testing::fixture("events")).expect("the fixtures are there") {
        let file = entry.expect("the fixtures can be listed").file_name().into_string().expect("names are ASCII");
        let known = KINDS.iter().any(|(_, name, newest)| (1..=*newest).any(|s| file == format!("{name}.{s}.hex")));
        assert!(known, "fixtures/events/{file} is of no kind and schema that is known: old logs may have it");
    }
}

fn check_body<T: Encode + Decode<()> + Serialize + PartialEq + std::fmt::Debug>(name: &str, bodies: &[T]) {
    let golden = |body| {
        let mut bytes = Vec::new();
        encode_into(body, &mut bytes);
        assert_eq!(decode_body::<T>("a.body", 1, &bytes).as_ref(), Ok(body));
        Golden::new(bytes, body)
    };
    check_golden(&format!("bodies/{name}.1.hex"), &bodies.iter().map(golden).collect::<Vec<_>>());
}

#[test]
fn bodies_keep_their_bytes_and_meaning() {
    let some = |text: &str| Some(text.to_owned());
    let content = "Grüße, 世界\n".to_owned();
    let call = |id: &str| ToolCall { id: id.to_owned(), name: "read".to_owned(), arguments: "{\"a\":1}".to_owned() };
    check_body(
        "memory",
        &[
            memory::Body { name: None, content: content.clone(), meta: None },
            memory::Body { name: some("D1:3"), content: content.clone(), meta: some("{\"speaker\":\"Ada\"}") },
        ],
    );
    check_body(
        "message",
        &[
            MessageBody::default(),
            MessageBody {
                content,
                author: some("Ada"),
                tool_calls: vec![call("1"), call("2")],
                tool_call_id: some("0"),
                meta: some("{}"),
            },
        ],
    );
    check_body("name", &[NameBody { name: "trip".to_owned() }]);
    check_body("value", &[kv::Body { value: "blue".to_owned() }]);
    check_body("reason", &[ReasonBody { reason: "not so".to_owned() }]);
    let all = RequestBody { system: some("Be brief."), schema: some("{}"), fallbacks: vec!["offline".to_owned()] };
    check_body("request", &[RequestBody::default(), all.clone()]);
    check_body("file", &[FileBody { name: "a.png".to_owned(), bytes: vec![0, 1, 255] }]);
    let options = AgentOptions {
        name: some("clerk"),
        workspace: some("/srv/books"),
        tools: Some(vec!["read_file".to_owned()]),
        rules: vec!["deny: run_command(git push …)".to_owned()],
        skills: vec![("/srv/books/.zo/skills".to_owned(), Origin::Project), ("/skills".to_owned(), Origin::Shipped)],
        concurrency: 4,
        consent: Consent::Ask,
        script: some("[]"),
    };
    check_body("agent", &[AgentBody::default(), AgentBody { request: all, options }]);
    check_body(
        "reply",
        &[ReplyBody::default(), ReplyBody { text: "I look.".to_owned(), tool_calls: vec![call("1"), call("2")] }],
    );
    check_body("result", &[ResultBody { output: "nothing to commit".to_owned() }]);
    let permission = |rule| PermissionBody { what: "git status".to_owned(), why: "no rule says".to_owned(), rule };
    check_body("permission", &[permission(None), permission(some("allow: run_command(git status)"))]);
    check_body("folder", &[FolderBody { folder: "/srv/books/.zo/skills/bookkeeping".to_owned() }]);
    check_body("summary", &[SummaryBody { summary: "They spoke of tea.".to_owned() }]);
    check_body(
        "job",
        &[
            JobBody { spec: "{\"kind\":\"command\"}".to_owned(), name: None, unique: None },
            JobBody { spec: "{}".to_owned(), name: some("nightly"), unique: some("nightly-2026") },
        ],
    );
    let log = "one line\n".to_owned();
    let end = EndBody { result: some("{\"code\":0}"), reason: some("exit code 3"), log, log_left_out: 7 };
    check_body("end", &[EndBody::default(), end]);
    let written = "every weekday at 8:30".to_owned();
    let plan = PlanBody { name: some("report"), written, spec: "{}".to_owned(), options: "{}".to_owned() };
    check_body("plan", &[PlanBody::default(), plan]);
    check_body("service", &[ServiceBody { spec: "{\"argv\":[\"web\"]}".to_owned() }]);
    let content = ContentBody { chunks: vec![Digest(1), Digest(2)], chunk_bytes: 1 << 20, blake3: "af13".to_owned() };
    check_body("content", &[ContentBody::default(), content]);
    let act = "{\"act\":\"click\",\"target\":\"@e12\"}".to_owned();
    check_body("act", &[ActBody::default(), ActBody { act }]);
    let acted = ActedBody {
        url: "https://example.org/".to_owned(),
        title: "Grüße".to_owned(),
        result: some("{\"count\":3}"),
        text: some("- button \"Send\" [@e12]"),
        reason: some("covered: by <div id=overlay>"),
        notes: vec!["a dialog was dismissed: sure?".to_owned()],
        pages: vec!["https://example.org/".to_owned(), "about:blank".to_owned()],
        front: 1,
    };
    check_body("acted", &[ActedBody::default(), acted]);
    check_body("artifact", &[ArtifactBody { name: "page.png".to_owned(), bytes: vec![0, 1, 255] }]);
    check_body("share", &[ShareBody { secret: "s3cret".to_owned() }]);
    check_body("server", &[ServerBody { spec: "{\"name\":\"files\"}".to_owned() }]);
}
