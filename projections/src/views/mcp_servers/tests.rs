//! Servers of the Model Context Protocol, as the log has them.

use super::*;
use crate::event::mcp::{ServerAdded, ServerRemoved};
use crate::ids::StreamId;
use crate::testing::{assert_lines, fold};

fn added(name: &str) -> Event {
    ServerAdded { name: name.to_owned() }.into()
}

/// Folds events of one server; what is known of it, and the anomalies.
fn check(events: &[Event], expected: &str) {
    let events: Vec<_> = events.iter().map(|event| (StreamId::from(McpServerId(1)), event.clone())).collect();
    let (servers, anomalies) = fold::<McpServers>(&events);
    let mut text = String::new();
    for (id, server) in servers.iter() {
        assert_eq!(servers.get(id), Some(server));
        text += &format!("{}, defined@{}\n", server.name, server.defined);
    }
    assert_lines(&(text + &anomalies), expected);
}

#[test]
fn a_server_is_as_was_said_last_until_it_is_removed() {
    check(&[added("files")], "files, defined@1");
    check(&[added("files"), added("files")], "files, defined@2");
    check(&[added("files"), ServerRemoved {}.into()], "");
    check(&[added("files"), ServerRemoved {}.into(), added("files")], "files, defined@3");
}

#[test]
fn what_is_not_there_cannot_be_removed() {
    check(&[ServerRemoved {}.into()], "!1 there is no MCP server 1");
}
