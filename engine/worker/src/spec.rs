//! What a job is, as JSON: `{"kind": "command", "argv": ["make", "test"], "folder": "/home/u/project"}`.
//!
//! | kind | what is done | by whom |
//! |---|---|---|
//! | `command` | a program is run in the sandbox | a worker |
//! | `skill` | a script of a skill is run in the sandbox | a worker |
//! | `http` | a URL is called, through the egress checks | a worker |
//! | `agent` | an agent is asked | the engine |
//! | `memorize` | a fact is put into the memory | the engine |
//!
//! A misspelt field is refused, not ignored. What is not said is left out when it is written, so that one job has one text.
//! When it runs, how often it is tried, and what it needs of a node is no part of it.

mod check;
mod summary;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use check::SpecError;

/// What a job does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum JobSpec {
    /// Runs a program in the sandbox.
    Command(CommandSpec),
    /// Runs a script of a skill in the sandbox.
    Skill(SkillSpec),
    /// Asks an agent.
    Agent(AgentSpec),
    /// Calls a URL.
    Http(HttpSpec),
    /// Puts a fact into the memory.
    Memorize(MemorizeSpec),
}

/// A program to run. It sees the system's folders and what is named here, and no network unless hosts are named.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CommandSpec {
    /// The program and its arguments; no shell is in between. A name without a slash is looked for in `PATH`.
    pub argv: Vec<String>,
    /// The folder it starts in, absolute, and can read; a new one of its own, which it can write, if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// Its environment, besides `PATH`, `HOME`, `TMPDIR` and `LANG`; nothing is inherited.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// What it reads on its standard input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdin: Option<String>,
    /// Files and folders it may read, absolute, with all below them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub read: Vec<String>,
    /// Files and folders it may read and write, absolute, with all below them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub write: Vec<String>,
    /// Hosts it may reach, by HTTP through a proxy, of those that the node permits: `example.org`, `*.example.org`, `127.0.0.1:8080`.
    /// Without any it has no network.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// How much it may use.
    #[serde(default, skip_serializing_if = "LimitsSpec::is_usual")]
    pub limits: LimitsSpec,
}

/// How much a command or script may use, with everything it starts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitsSpec {
    /// How long it may run, in milliseconds; an hour, if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wall_ms: Option<u64>,
    /// How long it may compute, in milliseconds, all its processes together; without a limit of its own, if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_ms: Option<u64>,
    /// Bytes of memory, all its processes together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Bytes it may print on each of stdout and stderr.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_bytes: Option<u64>,
}

impl LimitsSpec {
    /// Whether nothing is said.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

/// A script of a skill to run. What it may reach is what its skill says it needs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SkillSpec {
    /// The skill's name.
    pub name: String,
    /// The script's name; may be left out if there is but one, or one that is called as the skill is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<String>,
    /// What the script is given.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub arguments: Map<String, Value>,
    /// The folder it works in, absolute; a new one of its own if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// How much it may use.
    #[serde(default, skip_serializing_if = "LimitsSpec::is_usual")]
    pub limits: LimitsSpec,
}

/// An agent to ask.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AgentSpec {
    /// What it is to do.
    pub prompt: String,
    /// The model, `provider/name`; the home's own if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The conversation it goes on with, by id or title; a new one if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<String>,
    /// What it is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The folder that it works in, absolute; without one it has no tools for files and commands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<String>,
    /// The tools that it is offered, by name; none: all there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools: Option<Vec<String>>,
    /// Permission rules beside those of the home: `allow: run_command(git status)`. Nobody can be asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<String>,
    /// Replies it may get.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<u32>,
    /// Tokens it may use, sent and received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// Millionths of a US dollar that it and its agents may cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_micros: Option<u64>,
    /// So long it may take, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wall_ms: Option<u64>,
    /// Levels of agents it may start below itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<u32>,
    /// Agents it runs at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// What the scripted model says, in order, as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<String>,
}

/// A URL to call.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpSpec {
    /// `GET`, `HEAD`, `POST`, `PUT`, `DELETE` or `PATCH`.
    #[serde(default = "get", skip_serializing_if = "is_get")]
    pub method: String,
    /// Where; of http or https.
    pub url: String,
    /// Names and values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// What is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The only hosts that may be reached, redirects included, of those that the node permits; any of these if not said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// Whether addresses of the node itself and of private networks may be reached; the node has to permit it too.
    #[serde(default, skip_serializing_if = "is_false")]
    pub allow_private: bool,
    /// The statuses that mean it went well; 200 to 299 if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<Vec<u16>>,
    /// How long all of it may take, in milliseconds; 30,000 if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

/// A fact to put into the memory.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MemorizeSpec {
    /// The text.
    pub content: String,
    /// What is kept beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<Map<String, Value>>,
}

impl JobSpec {
    /// Its kind, as in JSON.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Command(_) => "command",
            Self::Skill(_) => "skill",
            Self::Agent(_) => "agent",
            Self::Http(_) => "http",
            Self::Memorize(_) => "memorize",
        }
    }
}

fn get() -> String {
    "GET".to_owned()
}

fn is_get(method: &str) -> bool {
    method == "GET"
}

fn is_false(value: &bool) -> bool {
    !value
}
