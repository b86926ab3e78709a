//! What `ask --tools`, `chat --tools`, `agent run` and `agent spawn` are told alike: what an agent may do, and what it may
//! use.

#[cfg(test)]
mod tests;

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use zo_engine::protocol::{AgentRequest, SCRIPTED, USUAL_CONCURRENCY, USUAL_DEPTH, USUAL_STEPS};
use zo_projections::event::skill::Origin;

use crate::answering::can_ask;
use crate::context::Context;
use crate::error::CliError;
use crate::input;
use crate::time::parse_duration;

/// Digits of a dollar that count: what is less than a millionth is nothing.
const COST_DIGITS: usize = 6;

/// What is said where an agent has no folder to work in.
const NO_WORKSPACE: &str =
    "note: zo's own home is in the current folder, so the agent works on no files: --workspace DIR";

/// What an agent may do, and what it may use.
#[derive(Args, Clone, Debug, Default, PartialEq)]
#[command(next_help_heading = "Options of agents")]
pub(crate) struct AgentOptions {
    /// The folder that it works in [default: the current one, unless zo's own home is in it]
    #[arg(long, value_name = "DIR")]
    workspace: Option<PathBuf>,
    /// A tool that it is offered; may be given more than once [default: all that `zo agent tools` lists]
    #[arg(long = "tool", value_name = "NAME")]
    tools: Vec<String>,
    /// Allow something without asking: `run_command(cargo test)`; may be given more than once
    #[arg(long = "allow", value_name = "RULE")]
    allow: Vec<String>,
    /// Deny something, whatever else allows it; may be given more than once
    #[arg(long = "deny", value_name = "RULE")]
    deny: Vec<String>,
    /// Replies that it may get [default: 50]
    #[arg(long, value_name = "N", value_parser = parse_steps)]
    steps: Option<u32>,
    /// Tokens that it may use, sent and received
    #[arg(long, value_name = "N", value_parser = parse_tokens)]
    tokens: Option<u64>,
    /// What it and its agents may cost, in US dollars
    #[arg(long, value_name = "USD", value_parser = parse_cost)]
    cost: Option<u64>,
    /// How long it may take: 10m, 1h30m
    #[arg(long, value_name = "DURATION", value_parser = parse_wall)]
    wall: Option<Duration>,
    /// Levels of agents that it may start below itself [default: 2]
    #[arg(long, value_name = "N")]
    depth: Option<u32>,
    /// Agents that it runs at the same time [default: 16]
    #[arg(long, value_name = "N", value_parser = parse_concurrency)]
    concurrency: Option<u32>,
    /// What it is called
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// What the model `scripted` says: a file with a JSON list of {"text", "tool_calls": [{"name", "arguments"}]}
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
    /// Give it no skills but those that ship with zo
    #[arg(long)]
    no_skills: bool,
    /// Wait for permissions even if nobody is at this terminal: `zo agent answer` gives them from another one
    #[arg(long)]
    wait: bool,
}

const _: () = assert!(USUAL_STEPS == 50 && USUAL_DEPTH == 2 && USUAL_CONCURRENCY == 16, "the help above says so");

impl AgentOptions {
    /// The option that was given although there is no agent.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::error::Kind::Usage) if there is one.
    pub(crate) fn check_unused(&self) -> Result<(), CliError> {
        if *self == Self::default() {
            return Ok(());
        }
        Err(CliError::usage("an option of agents was given, and no agent answers").hint("--tools lets one answer"))
    }

    /// The request that these options make, for who is here.
    ///
    /// # Errors
    /// If a folder or a file cannot be used.
    pub(crate) fn request(&self, context: &Context) -> Result<AgentRequest, CliError> {
        let workspace = self.workspace(context)?;
        let rules = rules("deny", &self.deny)?.into_iter().chain(rules("allow", &self.allow)?).collect();
        Ok(AgentRequest {
            name: self.name.clone().map(|name| input::not_blank("the name", name)).transpose()?,
            skills: if self.no_skills { Vec::new() } else { skill_folders(workspace.as_deref())? },
            workspace: workspace.as_deref().map(text_of).transpose()?,
            tools: (!self.tools.is_empty()).then(|| self.tools.clone()),
            rules,
            steps: self.steps,
            tokens: self.tokens,
            cost_micros: self.cost,
            wall_ms: self.wall.map(|wall| u64::try_from(wall.as_millis()).unwrap_or(u64::MAX)),
            depth: self.depth,
            concurrency: self.concurrency,
            can_ask: self.wait || can_ask(context),
            script: self.script()?,
        })
    }

    /// The folder to work in; none where nobody has named one and the current one is not to be worked in.
    fn workspace(&self, context: &Context) -> Result<Option<PathBuf>, CliError> {
        let named = self.workspace.is_some();
        let folder = workspace(self.workspace.as_deref())?;
        let home = context.home.canonicalize().unwrap_or_else(|_| context.home.clone());
        let overlaps = home.starts_with(&folder) || folder.starts_with(&home);
        // Of one that was named it is said.
        Ok(Some(folder).filter(|_| named || !overlaps))
    }

    /// What the model `scripted` is to say.
    fn script(&self) -> Result<Option<String>, CliError> {
        let Some(file) = &self.script else { return Ok(None) };
        let script = input::from_file(file)?;
        match serde_json::from_str::<serde_json::Value>(&script) {
            Ok(serde_json::Value::Array(_)) => Ok(Some(script)),
            Ok(_) => Err(CliError::invalid(format!("{}: a JSON list is expected", file.display()))),
            Err(error) => Err(CliError::invalid(format!("{}: not JSON: {error}", file.display()))),
        }
    }

    /// Whether a script was given, which needs the model that follows it.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::error::Kind::Usage) if that is not the model.
    pub(crate) fn check_model(&self, model: Option<&str>) -> Result<(), CliError> {
        match (&self.script, model) {
            (Some(_), model) if model != Some(SCRIPTED) => {
                Err(CliError::usage("--script is for the model `scripted` alone").hint("say --model scripted too"))
            }
            (None, Some(SCRIPTED)) => {
                Err(CliError::usage("the model `scripted` says what a script says, and there is none")
                    .hint("say --script FILE too"))
            }
            _ => Ok(()),
        }
    }

    /// Whether a script was given.
    pub(crate) fn has_script(&self) -> bool {
        self.script.is_some()
    }
}

/// Says so if an agent has no folder to work in.
pub(crate) fn note_workspace(request: &AgentRequest, context: &mut Context) {
    if request.workspace.is_none() {
        context.output.note(NO_WORKSPACE);
    }
}

/// The folder to work in, absolute and without links, so that what it confines is what was meant.
fn workspace(given: Option<&Path>) -> Result<PathBuf, CliError> {
    let folder = given.unwrap_or(Path::new("."));
    let cannot = |error| CliError::io(format!("cannot work in {}", folder.display()), &error);
    let folder = folder.canonicalize().map_err(cannot)?;
    if !folder.is_dir() {
        return Err(CliError::invalid(format!("cannot work in {}: it is no folder", folder.display())));
    }
    Ok(folder)
}

fn text_of(folder: &Path) -> Result<String, CliError> {
    let text = folder.to_str().map(str::to_owned);
    text.ok_or_else(|| CliError::invalid(format!("the path of {} is not UTF-8", folder.display())))
}

/// Where skills are looked for, nearest first: in the project that is worked in, then in the user's own folders.
///
/// # Errors
/// If the path of one of them is not UTF-8.
pub(crate) fn skill_folders(workspace: Option<&Path>) -> Result<Vec<(String, Origin)>, CliError> {
    let home = env::home_dir();
    let config = env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute());
    let config = config.or_else(|| Some(home.as_ref()?.join(".config")));
    let project = workspace.map(|folder| zo_skills::project_folders_within(folder, home.as_deref()));
    let user = config.zip(home).map(|(config, home)| zo_skills::user_folders(&config, &home)).unwrap_or_default();
    let project = project.into_iter().flatten().map(|folder| (folder, Origin::Project));
    let all = project.chain(user.into_iter().map(|folder| (folder, Origin::User)));
    // What is not there now may be there when the agent is carried on.
    all.map(|(folder, origin)| Ok((text_of(&folder)?, origin))).collect()
}

/// Rules as they are kept: `allow: run_command(cargo test)`.
fn rules(verdict: &str, rules: &[String]) -> Result<Vec<String>, CliError> {
    rules.iter().map(|rule| rule_of(verdict, rule)).collect()
}

/// A rule as it is kept.
///
/// # Errors
/// If it is blank.
pub(crate) fn rule_of(verdict: &str, rule: &str) -> Result<String, CliError> {
    let rule = rule.trim();
    let rule = rule.strip_prefix(verdict).and_then(|rest| rest.strip_prefix(':')).unwrap_or(rule).trim();
    if rule.is_empty() {
        return Err(CliError::usage("a rule is expected")
            .hint("a rule names a tool, and perhaps what it is for: read_file, run_command(cargo test)"));
    }
    Ok(format!("{verdict}: {rule}"))
}

fn parse_steps(text: &str) -> Result<u32, String> {
    above_zero(text, "a budget of zero steps lets an agent get no reply; leave it out for the usual one")
}

fn parse_concurrency(text: &str) -> Result<u32, String> {
    above_zero(text, "with no agent at a time none would ever run; --depth 0 lets it start none")
}

fn parse_tokens(text: &str) -> Result<u64, String> {
    above_zero(text, "a budget of zero tokens lets an agent ask for nothing; leave it out for no limit")
}

fn above_zero<T: std::str::FromStr + Default + PartialEq>(text: &str, zero: &str) -> Result<T, String> {
    let number: T = text.parse().map_err(|_| "a whole number is expected".to_owned())?;
    if number == T::default() { Err(zero.to_owned()) } else { Ok(number) }
}

fn parse_wall(text: &str) -> Result<Duration, String> {
    let wall = parse_duration(text)?;
    if wall.is_zero() {
        return Err("a budget of no time lets an agent do nothing; leave it out for no limit".to_owned());
    }
    Ok(wall)
}

fn parse_cost(text: &str) -> Result<u64, String> {
    match parse_dollars(text)? {
        0 => Err("a budget of zero dollars lets an agent ask for nothing; leave it out for no limit".to_owned()),
        micros => Ok(micros),
    }
}

/// Reads US dollars, for clap: `2`, `0.50`, `$1.25`, in millionths.
///
/// # Errors
/// What was expected.
pub(crate) fn parse_dollars(text: &str) -> Result<u64, String> {
    const EXPECTED: &str = "an amount in US dollars is expected, such as 2 or 0.50";
    let text = text.trim();
    let text = text.strip_prefix('$').unwrap_or(text);
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && part.is_empty()) || !is_number(whole) || !is_number(part) {
        return Err(EXPECTED.to_owned());
    }
    if part.trim_end_matches('0').len() > COST_DIGITS {
        return Err("nothing costs less than a millionth of a dollar".to_owned());
    }
    let too_much = || "that is more money than can be counted".to_owned();
    let dollars: u64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| too_much())? };
    let part: String = part.chars().chain(std::iter::repeat('0')).take(COST_DIGITS).collect();
    let micros: u64 = part.parse().map_err(|_| EXPECTED.to_owned())?;
    dollars.checked_mul(1_000_000).and_then(|all| all.checked_add(micros)).ok_or_else(too_much)
}
