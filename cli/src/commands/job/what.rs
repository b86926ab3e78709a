//! What is to be done, as `job submit` and `schedule add` take it: a command, an agent's task, a skill, a URL, something to
//! remember, or a description as JSON.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Map, Value};
use zo_worker::spec::{AgentSpec, CommandSpec, HttpSpec, JobSpec, MemorizeSpec, SkillSpec};

use super::super::agent::options::{parse_dollars, rule_of};
use crate::context::Context;
use crate::error::CliError;
use crate::input;

/// What is said where a command has no folder to start in.
const NO_FOLDER: &str =
    "note: zo's own home is in the current folder, so it starts in an empty folder of its own: --folder DIR";

/// What is to be done. One of these.
#[derive(Args, Clone, Debug, Default, PartialEq)]
#[command(next_help_heading = "What is done")]
pub(crate) struct WhatArgs {
    /// A command and its arguments, behind `--`; no shell is in between
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
    /// A task for an agent; `-` reads it from stdin
    #[arg(long, value_name = "TASK")]
    ask: Option<OsString>,
    /// A skill, and which of its scripts if it has several
    #[arg(long, value_name = "NAME[/SCRIPT]")]
    skill: Option<String>,
    /// A text to remember; `-` reads it from stdin
    #[arg(long, value_name = "TEXT")]
    memorize: Option<OsString>,
    /// A URL to call
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// A file with any of these as JSON; `-` is stdin
    #[arg(long, visible_alias = "job", value_name = "FILE")]
    spec: Option<PathBuf>,

    /// The folder it starts in and may read [default: the current one, unless zo's own home is in it]
    #[arg(long, value_name = "DIR", help_heading = "How it is done")]
    folder: Option<PathBuf>,
    /// Start it in an empty folder of its own, as a job for other machines should
    #[arg(long, conflicts_with = "folder", help_heading = "How it is done")]
    scratch: bool,
    /// A file or folder that a command may read; can be given more than once
    #[arg(long, value_name = "PATH", help_heading = "How it is done")]
    read: Vec<PathBuf>,
    /// A file or folder that a command may read and write; can be given more than once
    #[arg(long, value_name = "PATH", help_heading = "How it is done")]
    write: Vec<PathBuf>,
    /// A variable that a command gets; can be given more than once
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = input::key_value, help_heading = "How it is done")]
    environment: Vec<(String, String)>,
    /// A host that a command or a URL may reach; can be given more than once
    #[arg(long = "host", value_name = "HOST", help_heading = "How it is done")]
    hosts: Vec<String>,
    /// What the skill is given, as JSON
    #[arg(long, value_name = "JSON", requires = "skill", help_heading = "How it is done")]
    args: Option<String>,
    /// The method of the call [default: GET, or POST with a body]
    #[arg(long, value_name = "METHOD", requires = "url", help_heading = "How it is done")]
    method: Option<String>,
    /// A header of the call, which may be secret to nobody: it is in the log; can be given more than once
    #[arg(long = "header", value_name = "NAME: VALUE", requires = "url", value_parser = parse_header)]
    #[arg(help_heading = "How it is done")]
    headers: Vec<(String, String)>,
    /// What the call sends; `-` reads it from stdin
    #[arg(long, value_name = "TEXT", requires = "url", help_heading = "How it is done")]
    body: Option<OsString>,
    /// Let the call reach this machine and private networks
    #[arg(long, requires = "url", help_heading = "How it is done")]
    allow_private: bool,

    #[command(flatten)]
    agent: AgentArgs,
}

/// What an agent may do, and what it may use.
#[derive(Args, Clone, Debug, Default, PartialEq)]
#[command(next_help_heading = "Options of agents")]
struct AgentArgs {
    /// The model [default: the one that is chosen when it is done]
    #[arg(long, short, value_name = "PROVIDER/NAME")]
    model: Option<String>,
    /// The conversation it goes on with [default: a new one each time]
    #[arg(long, short, value_name = "NAME|ID")]
    conversation: Option<String>,
    /// A tool that it is offered; may be given more than once, or with commas [default: all]
    #[arg(long = "tool", visible_alias = "tools", value_name = "NAME", value_delimiter = ',')]
    tools: Vec<String>,
    /// Allow something: `run_command(cargo test)`; nobody is there to be asked
    #[arg(long = "allow", value_name = "RULE")]
    allow: Vec<String>,
    /// Deny something, whatever else allows it
    #[arg(long = "deny", value_name = "RULE")]
    deny: Vec<String>,
    /// Replies that it may get
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    steps: Option<u32>,
    /// Tokens that it may use, sent and received
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    tokens: Option<u64>,
    /// What it and its agents may cost, in US dollars
    #[arg(long, visible_alias = "budget", value_name = "USD", value_parser = parse_cost)]
    cost: Option<u64>,
    /// What the model `scripted` says: a file with a JSON list
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
}

impl WhatArgs {
    /// Whether nothing is said of what is done, not even how.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What is to be done.
    ///
    /// # Errors
    /// If nothing is said, or too much, or it cannot be done as far as that can be told.
    pub(crate) fn required(&self, context: &mut Context) -> Result<JobSpec, CliError> {
        self.spec(context, None)?.ok_or_else(|| {
            CliError::usage("it is not said what is to be done").hint(
                "a command goes behind `--`, as in `-- make test`; or give --ask, --skill, --url, --memorize or --spec",
            )
        })
    }

    /// What is to be done, if it is said; `task` is what an agent does where none is given, if it is to be one.
    ///
    /// # Errors
    /// If too much is said, or it cannot be done as far as that can be told.
    pub(crate) fn spec(&self, context: &mut Context, task: Option<&str>) -> Result<Option<JobSpec>, CliError> {
        self.check_one()?;
        let spec = if let Some(file) = &self.spec {
            self.check_alone()?;
            of_json(&file.display().to_string(), &input::from_file(file)?)?
        } else if let Some(given) = &self.ask {
            let prompt = input::not_blank("the task", input::from_argument(given)?)?;
            JobSpec::Agent(self.agent(context, prompt)?)
        } else if let Some(skill) = &self.skill {
            JobSpec::Skill(self.skill(context, skill)?)
        } else if let Some(text) = &self.memorize {
            let content = input::not_blank("the text", input::from_argument(text)?)?;
            JobSpec::Memorize(MemorizeSpec { content, meta: None })
        } else if let Some(url) = &self.url {
            JobSpec::Http(self.http(url)?)
        } else if !self.command.is_empty() {
            JobSpec::Command(self.command(context)?)
        } else if let Some(task) = task {
            JobSpec::Agent(self.agent(context, task.to_owned())?)
        } else if self.is_empty() {
            return Ok(None);
        } else {
            return Err(CliError::usage("it is said how, and not what is to be done").hint(
                "a command goes behind `--`, as in `-- make test`; or give --ask, --skill, --url or --memorize",
            ));
        };
        if !matches!(spec, JobSpec::Agent(_)) && self.agent != AgentArgs::default() {
            return Err(
                CliError::usage("an option of agents was given, and no agent does it").hint("--ask lets one do it")
            );
        }
        checked(&spec)?;
        Ok(Some(spec))
    }

    /// That no two things are to be done at once.
    fn check_one(&self) -> Result<(), CliError> {
        let given: Vec<&str> = [
            (!self.command.is_empty(), "a command"),
            (self.ask.is_some(), "--ask"),
            (self.skill.is_some(), "--skill"),
            (self.memorize.is_some(), "--memorize"),
            (self.url.is_some(), "--url"),
            (self.spec.is_some(), "--spec"),
        ]
        .into_iter()
        .filter_map(|(is_given, name)| is_given.then_some(name))
        .collect();
        match given.as_slice() {
            [first, second, ..] => Err(CliError::usage(format!("{first} and {second} are two things to be done"))
                .hint("a job does one thing; let one wait for the other with --after")),
            _ => Ok(()),
        }
    }

    /// What a file says is said there alone.
    fn check_alone(&self) -> Result<(), CliError> {
        if *self == (Self { spec: self.spec.clone(), ..Self::default() }) {
            return Ok(());
        }
        Err(CliError::usage("--spec says how it is done too, so nothing more can be said of that")
            .hint("write it into the file"))
    }

    fn command(&self, context: &mut Context) -> Result<CommandSpec, CliError> {
        let folder = self.folder(context)?;
        if folder.is_none() && !self.scratch {
            context.output.note(NO_FOLDER);
        }
        let argv = self.command.iter().map(|word| input::text_of_argument(word)).collect::<Result<_, _>>()?;
        Ok(CommandSpec {
            argv,
            folder,
            env: variables(&self.environment)?,
            read: absolute_all(&self.read)?,
            write: absolute_all(&self.write)?,
            hosts: self.hosts.clone(),
            ..CommandSpec::default()
        })
    }

    fn agent(&self, context: &Context, prompt: String) -> Result<AgentSpec, CliError> {
        let AgentArgs { model, conversation, tools, allow, deny, steps, tokens, cost, script } = &self.agent;
        let denials = deny.iter().map(|rule| rule_of("deny", rule));
        let rules = denials.chain(allow.iter().map(|rule| rule_of("allow", rule))).collect::<Result<_, _>>()?;
        Ok(AgentSpec {
            prompt,
            model: model.clone(),
            conversation: conversation.clone(),
            workspace: self.folder(context)?,
            tools: (!tools.is_empty()).then(|| tools.clone()),
            rules,
            steps: *steps,
            tokens: *tokens,
            cost_micros: *cost,
            script: script.as_deref().map(input::from_file).transpose()?,
            ..AgentSpec::default()
        })
    }

    fn skill(&self, context: &Context, given: &str) -> Result<SkillSpec, CliError> {
        let (name, script) = given.split_once('/').map_or((given, None), |(name, script)| (name, Some(script)));
        let arguments = match &self.args {
            None => Map::new(),
            Some(text) => match serde_json::from_str(text) {
                Ok(Value::Object(arguments)) => arguments,
                Ok(_) => {
                    return Err(CliError::usage("--args is no JSON object").hint("as in --args '{\"path\": \"x\"}'"));
                }
                Err(error) => {
                    let hint = "quote it: --args '{\"path\": \"x\"}'";
                    return Err(CliError::usage(format!("--args is not JSON: {error}")).hint(hint));
                }
            },
        };
        Ok(SkillSpec {
            name: name.to_owned(),
            script: script.map(str::to_owned),
            arguments,
            folder: self.folder(context)?,
            ..SkillSpec::default()
        })
    }

    fn http(&self, url: &str) -> Result<HttpSpec, CliError> {
        let body = self.body.as_deref().map(input::from_argument).transpose()?;
        let usual = if body.is_some() { "POST" } else { "GET" };
        Ok(HttpSpec {
            method: self.method.as_deref().unwrap_or(usual).to_uppercase(),
            url: url.to_owned(),
            headers: variables(&self.headers)?,
            body,
            hosts: self.hosts.clone(),
            allow_private: self.allow_private,
            ..HttpSpec::default()
        })
    }

    /// The folder to start in; none where it gets one of its own.
    fn folder(&self, context: &Context) -> Result<Option<String>, CliError> {
        if self.scratch {
            return Ok(None);
        }
        let folder = self.folder.as_deref().unwrap_or(Path::new("."));
        let cannot = |error| CliError::io(format!("cannot work in {}", folder.display()), &error);
        let real = folder.canonicalize().map_err(cannot)?;
        if !real.is_dir() {
            return Err(CliError::invalid(format!("cannot work in {}: it is no folder", folder.display())));
        }
        let home = context.home.canonicalize().unwrap_or_else(|_| context.home.clone());
        let overlaps = home.starts_with(&real) || real.starts_with(&home);
        // Of one that was named it is said, by who carries it out.
        if overlaps && self.folder.is_none() { Ok(None) } else { Ok(Some(text_of(&real)?)) }
    }
}

/// What a text of JSON says is to be done; `place` is where it is from.
///
/// # Errors
/// If it is no description of a job.
pub(crate) fn of_json(place: &str, text: &str) -> Result<JobSpec, CliError> {
    let spec: JobSpec = serde_json::from_str(text).map_err(|error| {
        CliError::invalid(format!("{place}: this is no job: {error}"))
            .hint("as in {\"kind\": \"command\", \"argv\": [\"make\", \"test\"]}; cli/JSON.md has the other kinds")
    })?;
    checked(&spec).map_err(|error| error.at(place))?;
    Ok(spec)
}

/// That it can be done, as far as can be told without trying.
pub(crate) fn checked(spec: &JobSpec) -> Result<(), CliError> {
    spec.check().map_err(|error| {
        let refused = CliError::invalid(error.to_string());
        error.hint.into_iter().fold(refused, CliError::hint)
    })
}

/// Names with their values, each name once.
pub(crate) fn variables(pairs: &[(String, String)]) -> Result<BTreeMap<String, String>, CliError> {
    let mut variables = BTreeMap::new();
    for (name, value) in pairs {
        if variables.insert(name.clone(), value.clone()).is_some() {
            return Err(CliError::usage(format!("`{name}` is given twice")));
        }
    }
    Ok(variables)
}

/// Paths as whoever carries it out understands them: absolute, and there.
pub(crate) fn absolute_all(paths: &[PathBuf]) -> Result<Vec<String>, CliError> {
    let absolute = |path: &PathBuf| {
        let real = path.canonicalize();
        text_of(&real.map_err(|error| CliError::io(format!("cannot use {}", path.display()), &error))?)
    };
    paths.iter().map(absolute).collect()
}

/// A path as text.
pub(crate) fn text_of(path: &Path) -> Result<String, CliError> {
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| CliError::invalid(format!("the path of {} is not UTF-8", path.display())))
}

/// The current folder, absolute, for what is found by it later.
pub(crate) fn here() -> Result<PathBuf, CliError> {
    env::current_dir().map_err(|error| CliError::io("cannot tell the current folder", &error))
}

/// A file as whoever reads it later finds it: absolute. It must be there now, so that a typo is seen now.
pub(crate) fn absolute_file(path: &OsStr) -> Result<String, CliError> {
    let path = Path::new(path);
    let cannot = |error| CliError::io(format!("cannot read {}", path.display()), &error);
    let real = path.canonicalize().map_err(cannot)?;
    if real.is_dir() {
        return Err(CliError::invalid(format!("{} is a folder", path.display())));
    }
    text_of(&real)
}

fn parse_header(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().to_owned(), value.trim().to_owned())),
        _ => Err("NAME: VALUE is expected, as in `accept: text/plain`".to_owned()),
    }
}

fn parse_cost(text: &str) -> Result<u64, String> {
    match parse_dollars(text)? {
        0 => Err("with a budget of zero an agent could do nothing; leave it out for no limit".to_owned()),
        micros => Ok(micros),
    }
}
