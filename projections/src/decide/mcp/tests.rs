//! What can be told of servers of the Model Context Protocol.

use super::*;
use crate::command::Command;
use crate::testing::{assert_lines, told};

fn add_as(id: u128, name: &str) -> Command {
    let added = ServerAdded { name: name.to_owned() };
    Command::AddMcpServer { server: McpServerId(id), added, body: ServerBody { spec: "{}".to_owned() } }
}

const REMOVE: Command = Command::RemoveMcpServer { server: McpServerId(1) };

/// What the last command comes to.
fn check(commands: &[Command], expected: &str) {
    assert_lines(&told(commands), expected);
}

#[test]
fn a_server_is_added_and_given_other_properties_and_removed() {
    let add = || add_as(1, "files");
    check(&[add()], "1 mcp/1 v1 mcp.server_added name=files | spec={}");
    check(&[add(), add()], "2 mcp/1 v2 mcp.server_added name=files | spec={}");
    check(&[add(), REMOVE], "2 mcp/1 v2 mcp.server_removed");
    check(&[add(), REMOVE, REMOVE], "rejected: there is no MCP server 1");
    check(&[REMOVE], "rejected: there is no MCP server 1");
}

#[test]
fn a_name_is_good_within_the_names_of_tools() {
    check(&[add_as(1, "my-files2")], "1 mcp/1 v1 mcp.server_added name=my-files2 | spec={}");
    for name in ["", "a_b", "A", "a b", "-a", "ü"] {
        let expected = format!("rejected: the name {name:?}: small letters, digits and - are expected");
        check(&[add_as(1, name)], &expected);
    }
    let long = "a".repeat(25);
    check(&[add_as(1, &long)], "rejected: the name: 25 bytes are more than the 24 that one may have");
}

#[test]
fn there_are_only_so_many() {
    let mut commands: Vec<Command> = (1..=64).map(|id| add_as(id, "many")).collect();
    commands.push(add_as(65, "more"));
    check(&commands, "rejected: MCP servers: 65 are more than the 64 that there may be");
    // One of those there are may be given other properties.
    commands.pop();
    commands.push(add_as(64, "many"));
    // 64 in the base of 32 that ids are shown in.
    check(&commands, "65 mcp/20 v2 mcp.server_added name=many | spec={}");
}
