//! Resources: conversations, memories and events, as JSON.
//!
//! ```text
//! zo://status                  where the home stands        zo://conversation/{reference}   its messages
//! zo://conversations           the newest ones              zo://memory/{id}                with all its revisions
//! zo://memories                the newest ones              zo://memories/{before}          those before a position
//! zo://events                  the last ones                zo://events/{from}              those from a position on
//! ```

use std::ops::ControlFlow;

use serde_json::{Value, json};
use zo_mcp::server::{Content, Page, Refusal, ResourceLine, Template};
use zo_projections::Position;

use super::{Home, Requests, refusal};
use crate::protocol::{EventSelection, Failure, Query, Request, Response};

const JSON: &str = "application/json";
/// How every address begins.
const SCHEME: &str = "zo://";
/// Conversations in a page of the list.
const PAGE: u32 = 100;
/// Messages, memories or events in one resource.
const MOST: u32 = 200;

/// What is always there.
const FIXED: [(&str, &str, &str); 4] = [
    ("status", "status", "where the home stands: counts, the last position, what is on the disk"),
    ("conversations", "conversations", "the newest conversations"),
    ("memories", "memories", "the newest memories"),
    ("events", "events", "the last events of the log"),
];

pub(super) fn templates() -> Vec<Template> {
    let template = |uri, name, description| Template { uri, name, description, media_type: JSON };
    vec![
        template(
            "zo://conversation/{reference}",
            "conversation",
            "a conversation by its id or name, with its messages",
        ),
        template("zo://memory/{id}", "memory", "a memory with all its revisions"),
        template("zo://memories/{before}", "memories-before", "memories from before a position, newest first"),
        template("zo://events/{from}", "events-from", "events of the log from a position on"),
    ]
}

/// The list: what is always there, then conversations, newest first.
pub(super) fn list<R: Requests>(home: &Home<R>, from: Option<&str>) -> Result<Page<ResourceLine>, Refusal> {
    let skip: u32 = match from {
        None => 0,
        Some(cursor) => cursor.parse().map_err(|_| Refusal::Invalid(format!("there is no page {cursor:?}")))?,
    };
    let fixed = |(uri, name, about): (&str, &str, &str)| ResourceLine {
        uri: format!("{SCHEME}{uri}"),
        name: name.to_owned(),
        title: None,
        description: Some(about.to_owned()),
        media_type: JSON,
    };
    let mut items: Vec<ResourceLine> = if skip == 0 { FIXED.map(fixed).to_vec() } else { Vec::new() };
    let query = Query::Conversations { nested: false, skip, limit: PAGE };
    let answer = home.query(query).map_err(|failure| refusal(&failure))?;
    let lines = answer["conversations"].as_array().or(answer.as_array()).cloned().unwrap_or_default();
    for line in &lines {
        let Some(id) = line["id"].as_str() else { continue };
        items.push(ResourceLine {
            uri: format!("{SCHEME}conversation/{id}"),
            name: id.to_owned(),
            title: line["name"].as_str().map(str::to_owned),
            description: Some("a conversation".to_owned()),
            media_type: JSON,
        });
    }
    let full = lines.len() >= PAGE as usize;
    Ok(Page { items, next: full.then(|| (skip + PAGE).to_string()) })
}

pub(super) fn read<R: Requests>(home: &Home<R>, uri: &str) -> Result<Content, Refusal> {
    let no = || Refusal::NotFound(format!("there is nothing at {uri:?}"));
    let path = uri.strip_prefix(SCHEME).ok_or_else(no)?;
    let number = |text: &str| text.parse::<u64>().map(Position).map_err(|_| no());
    let found = match path.split_once('/') {
        None => match path {
            "status" => home.query(Query::Status),
            "conversations" => home.query(Query::Conversations { nested: false, skip: 0, limit: MOST }),
            "memories" => memories(home, None),
            "events" => events(home, EventSelection { last: Some(MOST), ..EventSelection::default() }),
            _ => return Err(no()),
        },
        Some(("conversation", reference)) => {
            let reference = decoded(reference).ok_or_else(no)?;
            home.query(Query::Conversation { reference, all_branches: false, skip: 0, limit: MOST })
        }
        Some(("memory", id)) => home.query(Query::Memory { id: decoded(id).ok_or_else(no)? }),
        Some(("memories", before)) => memories(home, Some(number(before)?)),
        Some(("events", from)) => events(home, EventSelection { from: number(from)?, ..EventSelection::default() }),
        Some(_) => return Err(no()),
    };
    let value = found.map_err(|failure| refusal(&failure))?;
    Ok(Content { media_type: JSON, text: pretty(&value) })
}

fn memories<R: Requests>(home: &Home<R>, before: Option<Position>) -> Result<Value, Failure> {
    home.query(Query::Memories { retracted: false, before, limit: MOST })
}

/// Events, as many as one resource has, and where the next begin.
fn events<R: Requests>(home: &Home<R>, selection: EventSelection) -> Result<Value, Failure> {
    let mut events = Vec::new();
    home.requests.request(Request::Events { selection, follow: false }, &mut |response| {
        if let Response::Event(line) = response {
            events.push(line);
        }
        if events.len() < MOST as usize { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    let next = events.last().map(|line| format!("{SCHEME}events/{}", line.position.next()));
    Ok(json!({ "events": events, "next": next.filter(|_| events.len() == MOST as usize) }))
}

pub(super) fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_else(|_| value.to_string())
}

/// A part of an address, without percent signs.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next()?, rest.next()?];
        bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
    }
    String::from_utf8(bytes).ok()
}
