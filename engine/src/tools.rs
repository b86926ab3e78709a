//! Tools: what agents do in the world. One file per group; what a tool takes is a struct, from which its JSON Schema is
//! made.
//!
//! A call is *prepared* first: arguments are checked, and it is known what it would do (its subject, for the permission
//! rules), and what doing it twice would do. Only then, when it is permitted and recorded, is it carried out.
//!
//! To add a tool: a struct that is [`Tool`], and a line in [`all`]. Those of servers are not in that list: see [`mcp`].

mod agents;
pub(crate) mod browsing;
mod commands;
mod files;
pub(crate) mod mcp;
mod memory;
mod results;
pub(crate) mod rules;
mod skills;
mod web;
mod workspace;

use std::path::Path;
use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;
use zo_models::ToolSpec;
use zo_projections::event::run::agent::{AgentOptions, CallId, Effect, ToolStatus, Trust};
use zo_projections::{Position, RunId};

use self::rules::{Deed, Rule, Subject};
use crate::engine::Engine;
use crate::protocol::{AgentArrival, Environment};

pub(crate) use self::agents::{NewAgent, SpawnAgents};
pub(crate) use self::memory::is_untrusted;
pub(crate) use self::results::parse as parse_call;
pub(crate) use self::workspace::{check as check_workspace, meant};

/// What a tool's type says of it.
pub(crate) trait Tool: DeserializeOwned + JsonSchema + Send + 'static {
    /// Its name, as models call it.
    const NAME: &'static str;
    /// What it is for, told to models.
    const DESCRIPTION: &'static str;
    /// What doing it twice does, at the most.
    const EFFECT: Effect;
    /// What becomes of a call that no rule names.
    const USUALLY: Usually;
    /// Whether it works on the workspace, and is not there without one.
    const IN_WORKSPACE: bool = false;

    /// What doing this call twice would do.
    fn effect(&self) -> Effect {
        Self::EFFECT
    }

    /// What it would do, for rules and people.
    ///
    /// # Errors
    /// If the arguments, though of the right types, cannot be taken: in words for the model.
    fn subject(&self) -> Result<Subject, String>;

    /// More of what it would do, for who is asked to permit it.
    fn details(&self) -> Option<String> {
        None
    }

    /// Does it.
    fn call(self, doing: &Doing<'_>) -> Output;
}

/// What becomes of a call that no rule names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Usually {
    /// It is done.
    Allow,
    /// Somebody is asked.
    Ask,
}

impl Usually {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Ask => "ask",
        }
    }
}

/// A tool, whatever its type.
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
    pub(crate) effect: Effect,
    pub(crate) usually: Usually,
    pub(crate) in_workspace: bool,
    /// JSON Schema of its arguments.
    pub(crate) parameters: Value,
    prepare: fn(&str) -> Result<Prepared, String>,
}

/// A call whose arguments were checked.
pub(crate) struct Prepared {
    pub(crate) effect: Effect,
    pub(crate) subject: Subject,
    /// More of what it would do, for who is asked to permit it.
    pub(crate) details: Option<String>,
    pub(crate) carry_out: Box<dyn FnOnce(&Doing<'_>) -> Output + Send>,
}

/// Where a call is carried out.
pub(crate) struct Doing<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) run: RunId,
    pub(crate) id: CallId,
    pub(crate) options: &'a AgentOptions,
    pub(crate) environment: &'a Environment,
    /// Whether somebody at a terminal can be asked.
    pub(crate) attended: bool,
    /// The rules that hold.
    pub(crate) rules: &'a [Rule],
    /// Whether the run was given a text that anybody may have written.
    pub(crate) tainted: bool,
    /// Tells who watches.
    pub(crate) tell: &'a (dyn Fn(AgentArrival) + Sync),
    /// Whether it is to stop: the run was asked to, its time is over, or the process ends.
    pub(crate) stop: &'a (dyn Fn() -> bool + Sync),
}

impl Doing<'_> {
    /// The folder that is worked in.
    pub(crate) fn workspace(&self) -> Result<&Path, Output> {
        let workspace = self.options.workspace.as_deref().map(Path::new);
        workspace.ok_or_else(|| Output::failed("this agent has no workspace: there are no files here"))
    }
}

/// What a call gave.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Output {
    pub(crate) status: ToolStatus,
    pub(crate) trust: Trust,
    pub(crate) text: String,
    /// Pictures that belong to it, for models that see: where they are kept in the log.
    pub(crate) pictures: Vec<Position>,
}

impl Prepared {
    /// The same deed by the path that it really means, where that is another one.
    pub(crate) fn meant(&self, options: &AgentOptions) -> Option<Subject> {
        let Deed::Text(named) = &self.subject.deed else { return None };
        let tool = find(&self.subject.tool).filter(|tool| tool.in_workspace)?;
        let meant = meant(options.workspace.as_deref()?, named)?;
        (meant != *named).then(|| Subject::text(tool.name, &meant))
    }
}

impl Output {
    /// It did what it was to do; what it says is from zo or the user.
    pub(crate) fn done(text: impl Into<String>) -> Self {
        Self { status: ToolStatus::Done, trust: Trust::Trusted, text: text.into(), pictures: Vec::new() }
    }

    /// It did what it was to do; anybody may have written what it says.
    pub(crate) fn untrusted(text: impl Into<String>) -> Self {
        Self { trust: Trust::Untrusted, ..Self::done(text) }
    }

    /// It could not.
    pub(crate) fn failed(text: impl Into<String>) -> Self {
        Self { status: ToolStatus::Failed, ..Self::done(text) }
    }

    /// It was stopped in the middle.
    pub(crate) fn cancelled(text: impl Into<String>) -> Self {
        Self { status: ToolStatus::Cancelled, ..Self::done(text) }
    }
}

/// Every tool there is.
pub(crate) fn all() -> &'static [Entry] {
    static ALL: LazyLock<Vec<Entry>> = LazyLock::new(|| {
        vec![
            entry::<memory::Memorize>(),
            entry::<memory::Recall>(),
            entry::<files::ReadFile>(),
            entry::<files::ListFiles>(),
            entry::<files::WriteFile>(),
            entry::<files::EditFile>(),
            entry::<commands::RunCommand>(),
            entry::<web::HttpFetch>(),
            entry::<browsing::BrowseOpen>(),
            entry::<browsing::BrowseSnapshot>(),
            entry::<browsing::BrowseAct>(),
            entry::<browsing::BrowseRead>(),
            entry::<browsing::BrowseScreenshot>(),
            entry::<skills::UseSkill>(),
            entry::<skills::RunSkill>(),
            entry::<agents::SpawnAgents>(),
            entry::<results::ReadResult>(),
        ]
    });
    &ALL
}

fn entry<T: Tool>() -> Entry {
    Entry {
        name: T::NAME,
        description: T::DESCRIPTION,
        effect: T::EFFECT,
        usually: T::USUALLY,
        in_workspace: T::IN_WORKSPACE,
        parameters: parameters::<T>(),
        prepare: |arguments| {
            let arguments = if arguments.trim().is_empty() { "{}" } else { arguments };
            let told = |why: String| {
                let schema = parameters::<T>();
                format!("the arguments of {} cannot be taken: {why}; their JSON Schema is {schema}", T::NAME)
            };
            let value: Value = serde_json::from_str(arguments).map_err(|error| told(error.to_string()))?;
            if !value.is_object() {
                // A list would do for a struct, and says not what is what.
                return Err(told("they are no object".to_owned()));
            }
            let tool: T = serde_json::from_value(value).map_err(|error| told(error.to_string()))?;
            let subject = tool.subject()?;
            let (effect, details) = (tool.effect(), tool.details());
            Ok(Prepared { effect, subject, details, carry_out: Box::new(move |doing| tool.call(doing)) })
        },
    }
}

/// JSON Schema of what a tool takes, without what models need not read.
fn parameters<T: Tool>() -> Value {
    schema_of::<T>()
}

/// The same of any type.
pub(crate) fn schema_of<T: JsonSchema>() -> Value {
    let generator = schemars::generate::SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = generator.into_generator().into_root_schema_for::<T>().to_value();
    if let Some(object) = schema.as_object_mut() {
        object.shift_remove("title");
        object.shift_remove("description");
        object.entry("properties").or_insert_with(|| Value::Object(serde_json::Map::new()));
    }
    schema
}

/// The tool of this name.
pub(crate) fn find(name: &str) -> Option<&'static Entry> {
    all().iter().find(|tool| tool.name == name)
}

/// The tools that an agent is offered.
pub(crate) fn offered(options: &AgentOptions, depth: u32) -> impl Iterator<Item = &'static Entry> {
    all().iter().filter(move |tool| {
        let wanted = options.tools.as_ref().is_none_or(|names| names.iter().any(|name| name == tool.name));
        let can = (!tool.in_workspace || options.workspace.is_some())
            && (tool.name != agents::SpawnAgents::NAME || depth > 0);
        wanted && can
    })
}

/// Checks names of tools.
///
/// # Errors
/// If there is none of a name; says the nearest there is.
pub(crate) fn check_names(names: &[String]) -> Result<(), String> {
    match names.iter().find(|name| find(name).is_none() && !mcp::is_name(name)) {
        Some(name) => Err(no_such_tool(name)),
        None => Ok(()),
    }
}

fn no_such_tool(name: &str) -> String {
    let names: Vec<&str> = all().iter().map(|tool| tool.name).collect();
    format!("there is no tool {name:?}; there are {}", names.join(", "))
}

/// Prepares a call as a model wrote it.
///
/// # Errors
/// If the agent is not offered this tool, or it does not take these arguments: in words for the model.
pub(crate) fn prepare(
    engine: &Engine,
    environment: &Environment,
    (options, depth): (&AgentOptions, u32),
    (name, arguments): (&str, &str),
) -> Result<Prepared, String> {
    if mcp::is_name(name) {
        return mcp::prepare(engine, environment, options, name, arguments);
    }
    let Some(tool) = find(name) else { return Err(no_such_tool(name)) };
    if !offered(options, depth).any(|offered| offered.name == name) {
        return Err(format!("this agent is not offered the tool {name}"));
    }
    (tool.prepare)(arguments)
}

impl Entry {
    /// What models are told of it.
    pub(crate) fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: self.name.to_owned(),
            description: self.description.to_owned(),
            parameters: self.parameters.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
