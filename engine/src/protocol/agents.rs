//! Agents: how they are started, what they do while somebody watches, and what is known of them later.

use bincode::{Decode, Encode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zo_projections::event::run::Usage;
use zo_projections::event::run::agent::{Effect, ToolStatus, Trust, Verdict};
use zo_projections::event::skill::Origin;
use zo_projections::{Position, Timestamp};

use super::json;

/// Replies an agent may get if nobody says how many.
pub const USUAL_STEPS: u32 = 50;
/// Agents that an agent runs at the same time if nobody says how many.
pub const USUAL_CONCURRENCY: u32 = 16;
/// Levels of agents below an agent if nobody says how many.
pub const USUAL_DEPTH: u32 = 2;
/// The built-in model that says what a script says.
pub const SCRIPTED: &str = "scripted";

/// That an agent is to answer a question, and what it may do. Folders are absolute.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AgentRequest {
    /// What it is called.
    pub name: Option<String>,
    /// The folder that it works in; without one it has no tools for files and commands.
    pub workspace: Option<String>,
    /// The tools that it is offered, by name; none: all there are.
    pub tools: Option<Vec<String>>,
    /// Permission rules beside those of the home: `allow: run_command(git status)`.
    pub rules: Vec<String>,
    /// Where skills are looked for, nearest first, and whose the folders are; those shipped come by themselves.
    pub skills: Vec<(String, Origin)>,
    /// Replies it may get; [`USUAL_STEPS`] if not said.
    pub steps: Option<u32>,
    /// Tokens it may use, sent and received.
    pub tokens: Option<u64>,
    /// Millionths of a US dollar that it and its agents may cost.
    pub cost_micros: Option<u64>,
    /// So long it may take, in milliseconds from its start.
    pub wall_ms: Option<u64>,
    /// Levels of agents it may start below itself; [`USUAL_DEPTH`] if not said.
    pub depth: Option<u32>,
    /// Agents it runs at the same time; [`USUAL_CONCURRENCY`] if not said.
    pub concurrency: Option<u32>,
    /// Whether somebody at a terminal can be asked; else what needs consent is refused.
    pub can_ask: bool,
    /// What the model [`SCRIPTED`] says, in order: JSON, a list of `{"text", "tool_calls": [{"name", "arguments"}]}`.
    #[serde(with = "json::text")]
    #[schemars(with = "Option<serde_json::Value>")]
    pub script: Option<String>,
}

/// An agent that `spawn_agents` or `zo agent spawn` starts.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct AgentTask {
    /// What it is to do.
    pub task: String,
    /// The model, `provider/name`; that of who starts it if not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The tools that it is offered, of those that who starts it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<Vec<String>>,
}

/// What an agent does, told to who watches.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum AgentArrival {
    /// A tool is called.
    ToolCalled {
        /// The run.
        run: String,
        /// The call: `2.0` is the first one of the third reply.
        call: String,
        /// The tool.
        tool: String,
        /// What it is to do, in one line.
        what: String,
    },
    /// A tool call returned.
    ToolReturned {
        /// The run.
        run: String,
        /// The call.
        call: String,
        /// The tool.
        tool: String,
        /// What it came to.
        status: ToolStatus,
        /// The beginning of its output, in one line.
        summary: String,
        /// Length of the output, in bytes.
        bytes: u64,
    },
    /// A call waits for somebody to permit it; sent again to who begins to watch.
    PermissionAsked(PermissionLine),
    /// Somebody said whether a call may be done.
    PermissionAnswered {
        /// The run.
        run: String,
        /// The call.
        call: String,
        /// Whether it may.
        verdict: Verdict,
    },
    /// An agent was started below this one.
    AgentStarted {
        /// The run that started it.
        parent: String,
        /// Its run.
        run: String,
        /// What it is to do, in one line.
        task: String,
    },
    /// An agent below this one ended.
    AgentEnded {
        /// The run that started it.
        parent: String,
        /// Its run.
        run: String,
        /// `finished`, `failed` or `cancelled`.
        status: String,
    },
}

/// A call that waits for somebody to permit it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct PermissionLine {
    /// The run.
    pub run: String,
    /// The call: `2.0`.
    pub call: String,
    /// The tool.
    pub tool: String,
    /// What would be done: a command line, an address, a file.
    pub what: String,
    /// Why it is asked.
    pub why: String,
    /// The rule that "always" would add; none if there is no "always" for it.
    pub rule: Option<String>,
}

/// An agent in a list.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct AgentLine {
    /// Its run.
    pub run: String,
    /// What it is to do: the beginning of the question, in one line.
    pub task: String,
    /// `running`, `waiting` (for somebody to permit something), `finished`, `failed` or `cancelled`.
    pub status: String,
    /// Whether a process of this home works on it just now.
    pub active: bool,
    /// What it is called.
    pub name: Option<String>,
    /// The conversation.
    pub conversation: String,
    /// The conversation's name.
    pub conversation_name: Option<String>,
    /// The model it began with.
    pub model: String,
    /// The run that started it.
    pub parent: Option<String>,
    /// When it was started.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Replies that asked for tools.
    pub steps: u32,
    /// Tool calls.
    pub tool_calls: u32,
    /// Agents that it started.
    pub agents: u32,
    /// What it cost, without its agents.
    pub usage: Usage,
}

/// Everything about an agent.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct AgentDetail {
    /// As in a list.
    #[serde(flatten)]
    pub line: AgentLine,
    /// Whole text of what it is to do.
    pub question: String,
    /// The folder that it works in.
    pub workspace: Option<String>,
    /// Replies it may get.
    pub budget_steps: u32,
    /// Tokens it may use.
    pub budget_tokens: Option<u64>,
    /// Millionths of a US dollar it may cost.
    pub budget_cost_micros: Option<u64>,
    /// When it must be done.
    pub deadline: Option<Timestamp>,
    /// Its replies that asked for tools, in order.
    pub replies: Vec<ReplyLine>,
    /// Its answer.
    pub answer: Option<String>,
    /// Why it has none.
    pub reason: Option<String>,
    /// The agents that it started, in order.
    pub children: Vec<AgentLine>,
    /// Skills that it was given, with their versions.
    pub skills: Vec<SkillVersion>,
}

/// A skill in a version.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct SkillVersion {
    /// Its name.
    pub name: String,
    /// The first 128 bits of blake3 over its files, in hex.
    pub version: String,
}

/// A reply that asked for tools.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct ReplyLine {
    /// The event.
    pub position: Position,
    /// The model.
    pub model: String,
    /// The text beside the calls.
    pub text: String,
    /// The calls.
    pub calls: Vec<CallLine>,
}

/// A tool call.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct CallLine {
    /// The call: `2.0`.
    pub call: String,
    /// The tool.
    pub tool: String,
    /// Its arguments, as the model wrote them.
    pub arguments: String,
    /// What doing it twice would do.
    pub effect: Effect,
    /// What it came to; none if it has not returned.
    pub status: Option<ToolStatus>,
    /// Whom the output is from.
    pub trust: Option<Trust>,
    /// The output, at most its first 64 KiB.
    pub output: Option<String>,
    /// Length of the whole output, in bytes.
    pub bytes: u64,
    /// The event of the return.
    pub position: Option<Position>,
}

/// A permission rule.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct RuleLine {
    /// The rule.
    pub rule: String,
    /// The event that added it; none for those that are built in.
    pub position: Option<Position>,
}

/// A tool.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct ToolLine {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What doing it twice would do, at the most.
    pub effect: Effect,
    /// What happens to a call that no rule names: `allow`, `ask` or `deny`.
    pub usually: String,
    /// JSON Schema of its arguments, as text.
    pub parameters: String,
}

/// A skill, as it lies on the disk now.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct SkillLine {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Whose it is.
    pub origin: Origin,
    /// Its folder.
    pub folder: String,
    /// The first 128 bits of blake3 over its files, in hex.
    pub version: String,
    /// Whether agents may use it as it is: it is the user's own or shipped, or trusted in this version.
    pub usable: bool,
    /// Why not, in words.
    pub why: Option<String>,
    /// What is wrong with it, in words: `SKILL.md:3: …`.
    pub problems: Vec<String>,
    /// The folder of a skill of the same name that it is hidden by.
    pub shadowed_by: Option<String>,
}
