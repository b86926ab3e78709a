//! Servers of the Model Context Protocol whose tools agents may call.

use std::collections::BTreeMap;

use bincode::{Decode, Encode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zo_projections::event::run::agent::Effect;

use super::json;

/// A server: a program, or an address.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct McpServerInput {
    /// What it is called: small letters, digits and `-`. Its tools are called `mcp_NAME_TOOL`.
    pub name: String,
    /// The program that is spoken to through its stdin and stdout, and its arguments; no shell is in between.
    #[serde(default)]
    pub argv: Vec<String>,
    /// The folder it starts in, absolute; `/` if not said.
    #[serde(default)]
    pub folder: Option<String>,
    /// Its whole environment.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Where it is reached by streamable HTTP, in place of a program.
    #[serde(default)]
    pub url: Option<String>,
    /// Headers of every request.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Variables, or headers, whose values lie in the vault.
    #[serde(default)]
    pub secrets: Vec<String>,
    /// Whether it is believed what it says of its tools: that they only read, or may be called twice.
    #[serde(default)]
    pub trust_hints: bool,
}

/// A server in a list.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct McpServerLine {
    /// Its name.
    pub name: String,
    /// `stdio` or `http`.
    pub kind: String,
    /// The program and its arguments, or the address.
    pub summary: String,
    /// Variables, or headers, whose values lie in the vault.
    pub secrets: Vec<String>,
    /// Whether it is believed what it says of its tools.
    pub trust_hints: bool,
    /// `ready`, `starting`, `failing`, or `idle` while nobody has asked for it.
    pub state: String,
    /// Why it fails.
    pub why: Option<String>,
}

/// A call to try a server with.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct McpCall {
    /// The tool, as the server calls it.
    pub tool: String,
    /// Its arguments, a JSON object.
    #[serde(with = "json::text", default)]
    #[schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")]
    pub arguments: Option<String>,
}

/// What a server offers, and what a call gave.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct McpTested {
    /// Its tools.
    pub tools: Vec<McpToolLine>,
    /// What it offers and agents are not offered, each with the reason.
    pub left_out: Vec<String>,
    /// What the call gave.
    pub called: Option<McpCalled>,
    /// What it printed last on stderr.
    pub log: Vec<String>,
}

/// A tool of a server.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct McpToolLine {
    /// Its name, as agents and rules have it.
    pub name: String,
    /// Its name, as the server has it.
    pub tool: String,
    /// What it is for, in the server's words.
    pub description: String,
    /// What doing it twice does, as far as the server is believed.
    pub effect: Effect,
}

/// What a call gave.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct McpCalled {
    /// Its text.
    pub text: String,
    /// Whether the tool says that it failed.
    pub is_error: bool,
}
