//! Decisions about servers of the Model Context Protocol.

use super::{Decision, MAX_TEXT_BYTES, NewEvent, check_count, check_length, record};
use crate::command::Rejection;
use crate::event::mcp::{ServerAdded, ServerBody, ServerRemoved};
use crate::ids::McpServerId;
use crate::views::Views;

/// The most servers there may be: each of them may be a process.
pub const MAX_SERVERS: usize = 64;
/// The longest name of a server, in bytes: it is part of the names of its tools, and providers allow 64 bytes for these.
pub const MAX_SERVER_NAME_BYTES: usize = 24;

/// Checks the name of a server: it is part of the names of its tools, which providers want to be simple, and `_` ends it there.
///
/// # Errors
/// What is wrong with it.
pub fn check_server_name(name: &str) -> Result<(), Rejection> {
    check_length("the name", name.len(), MAX_SERVER_NAME_BYTES)?;
    let simple = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !name.is_empty() && name.bytes().all(simple) && name.starts_with(|first: char| first != '-') {
        return Ok(());
    }
    let why = "small letters, digits and - are expected".to_owned();
    Err(Rejection::Invalid { what: format!("the name {name:?}"), why })
}

pub(super) fn add(
    views: &Views,
    id: McpServerId,
    added: ServerAdded,
    body: &ServerBody,
) -> Result<Decision, Rejection> {
    check_server_name(&added.name)?;
    check_length("how it is reached", body.spec.len(), MAX_TEXT_BYTES)?;
    let others = views.mcp_servers.iter().filter(|(other, _)| *other != id).count();
    check_count("MCP servers", others + 1, MAX_SERVERS)?;
    Ok(record([NewEvent::new(id, added).with_body(body)]))
}

pub(super) fn remove(views: &Views, id: McpServerId) -> Result<Decision, Rejection> {
    views.mcp_servers.get(id).ok_or_else(|| Rejection::not_found("MCP server", id))?;
    Ok(record([NewEvent::new(id, ServerRemoved {})]))
}

#[cfg(test)]
mod tests;
