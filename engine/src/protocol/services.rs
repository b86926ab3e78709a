//! Services, hosted files, and tokens of the HTTP interface.

use std::collections::BTreeMap;

use bincode::{Decode, Encode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zo_projections::Timestamp;
use zo_projections::event::vault::Scope;

use super::json;

/// A process that is to run for as long as the engine does.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceInput {
    /// Its label.
    pub label: String,
    /// The program and its arguments; no shell is in between.
    pub argv: Vec<String>,
    /// The folder it starts in, absolute.
    #[serde(default)]
    pub folder: Option<String>,
    /// Its environment, besides `PATH`, `HOME`, `TMPDIR`, `LANG` and `PORT`.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Files and folders it may write, absolute.
    #[serde(default)]
    pub write: Vec<String>,
    /// Files and folders it may read, absolute.
    #[serde(default)]
    pub read: Vec<String>,
    /// The port it listens at, told to it as `PORT`; any that is free if not said.
    #[serde(default)]
    pub port: Option<u16>,
    /// How it is found out whether it answers.
    #[serde(default)]
    pub health: Option<HealthCheck>,
    /// Whether it is only added, and not started.
    #[serde(default)]
    pub stopped: bool,
}

/// How it is found out whether a service answers.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HealthCheck {
    /// A path that must be answered with 2xx; whether it takes connections, if not said.
    #[serde(default)]
    pub path: Option<String>,
    /// How often it is asked, in milliseconds.
    #[serde(default)]
    pub interval_ms: Option<u64>,
    /// How long it may take to answer, in milliseconds.
    #[serde(default)]
    pub timeout_ms: Option<u64>,
    /// How often in a row it must not answer to count as unhealthy; it is started anew then.
    #[serde(default)]
    pub threshold: Option<u32>,
}

/// What is to be done with a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ServiceAction {
    /// It runs, from now on and whenever the engine does.
    Start,
    /// It does not run.
    Stop,
    /// It is ended and started anew.
    Restart,
    /// It is removed.
    Remove,
}

/// A service in a list.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct ServiceLine {
    /// Its label.
    pub label: String,
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// The folder it starts in.
    pub folder: Option<String>,
    /// `running`, `starting`, `unhealthy`, `backing off`, `stopped`, or `waiting` if no engine that supervises is running.
    pub state: String,
    /// Whether it is to run.
    pub wanted: bool,
    /// The port it listens at.
    pub port: Option<u16>,
    /// Since when its process is as it is.
    pub since: Option<Timestamp>,
    /// When it is started again.
    pub restart_at: Option<Timestamp>,
    /// Its last exit code.
    pub code: Option<i32>,
    /// The signal that ended it last.
    pub signal: Option<i32>,
    /// How often it ended by itself.
    pub exits: u64,
    /// Why it could not be started, or was not well; what was seen last, by the process that supervises it.
    pub why: Option<String>,
}

/// Where the content of a file comes from.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FileContent {
    /// These bytes.
    Bytes(
        #[serde(with = "json::bytes")]
        #[schemars(with = "json::Base64")]
        Vec<u8>,
    ),
    /// This file of the machine that has the home, absolute. Not over the network.
    #[serde(skip)]
    Path(String),
}

/// A hosted file.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct HostedFile {
    /// Its name.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// What it is.
    pub media_type: String,
    /// blake3 of its content, in hex.
    pub blake3: String,
    /// When it was put.
    pub at: Timestamp,
    /// Which version it is, from 1.
    pub version: u32,
    /// Whether its name has no content any more.
    pub removed: bool,
}

/// A link to hosted files.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct ShareLine {
    /// Its id.
    pub id: String,
    /// What it lets be read.
    pub name: String,
    /// The path of its URL, behind the address where files are served: `/s/01J…-secret/`.
    pub path: String,
    /// Whether folders are answered with their `index.html`.
    pub site: bool,
    /// Until when it holds.
    pub expires_at: Option<Timestamp>,
}

/// A token of the HTTP interface.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct TokenLine {
    /// Its id.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// What it is good for.
    pub scopes: Vec<Scope>,
    /// Until when it holds.
    pub expires_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A token that was just made: the only time that its secret is shown.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct TokenMade {
    /// The token.
    pub token: TokenLine,
    /// What is sent as `Authorization: Bearer …`.
    pub secret: String,
}
