//! The table of commands, and what is the same for all of them: global options, help, errors, the exit code.
//!
//! A command is a file below: a struct of its arguments, whose doc comment is its help, and a `run`. To add one: the
//! file, a variant and an arm here, a line in [`HELP`], a test in `tests/tests/cli.rs`.

mod agent;
mod ask;
mod bench;
mod browse;
mod chat;
mod completions;
mod conversation;
mod demo;
mod doctor;
mod file;
mod import;
mod index;
mod job;
mod key;
mod kv;
mod log;
mod mcp;
mod memorize;
mod memory;
mod model;
mod node;
mod permission;
mod provider;
mod rebuild;
mod recall;
mod replay;
mod sandbox;
mod schedule;
mod serve;
mod service;
mod skill;
mod status;
#[cfg(test)]
mod tests;
mod token;
mod usage;
mod worker;

use std::env;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind as ParseErrorKind;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use tracing_subscriber::EnvFilter;
use zo_engine::world::SystemWorld;

use crate::context::{Context, home_folder};
use crate::error::CliError;
use crate::output::{Color, Output};

/// What `zo` alone and `zo --help` say. Clap has no groups of commands, so this is written by hand; a test sees to it
/// that no command is left out.
const HELP: &str = "\
A local-first AI workspace: everything that happens is one event in one log, and can be looked at as of any moment.

Examples:
  zo memorize \"The staging database listens on port 5433\"
  zo import ~/notes
  zo ask \"Which port does the staging database use?\"
  zo recall \"how do we ship to production?\"
  zo memory list --at yesterday
  zo demo

Usage: zo [OPTIONS] <COMMAND>

Remember and ask:
  memorize      Keep a text, or many
  memory        List, show, supersede, retract and forget memories
  kv            Set, get, list and delete keys
  conversation  Add to, list, show, rename, fork, export and delete conversations
  ask           Ask a question
  chat          Talk with a model, question by question
  recall        Recall what is remembered, by words and by meaning
  import        Take over notes, chats and databases

Let agents work:
  agent         Run agents, many at once; list, show, watch, cancel, resume
  permission    What they may do without asking, and what they may cost
  skill         Instructions and scripts for them: list, show, validate, new, run, trust

The web:
  browse        A real browser: open, read, click, fill in, take pictures, and see later what was done

Time and work:
  serve         Keep the engine running: schedules, jobs, services, HTTP
  schedule      What is due when: add, list, show, next, preview, pause, resume, run, edit, remove
  job           Work that is done once: submit, list, show, logs, cancel, retry, wait, dead
  node          The machines that do it: list, show, drain, resume, remove, prices
  worker        Carry out jobs for a `zo serve` on another machine
  service       Processes that are kept running: add, start, stop, restart, logs, status
  file          Files and their versions: put, get, list, versions, remove, share
  token         Who may talk to `zo serve`: create, list, revoke
  mcp           Tools of other programs, and for them: serve, add, list, test, remove

Look at what happened:
  log           The log of everything: tail, show, count, verify, back up, restore
  replay        Fold the log, and show what each event changes
  usage         What answers cost

Look after it:
  status        Where the home stands
  index         How far the memory index is, and how to carry it on
  model         The models: those that answer, and those that texts are embedded with
  provider      Where language models are to be had
  key           The keys of providers
  rebuild       Make everything derived anew from the log
  doctor        Find what is missing, and how to get it
  sandbox       See what confines commands here, and run one confined
  demo          See it survive a kill -9
  bench         Measure durable appends, replay and recall
  completions   Print completions for your shell
  help          Print the help of a command

Options:
      --home <DIR>    The home [default: $ZO_HOME, $XDG_DATA_HOME/zo or ~/.local/share/zo]
      --json          Print JSON, one value a line; errors as JSON on stderr
  -q, --quiet         Print no notes and no progress
      --color <WHEN>  auto, always or never; NO_COLOR is respected
  -h, --help          Print help; `zo <COMMAND> --help` says more
  -V, --version       Print the version
";

/// The command line.
#[derive(Parser, Debug)]
#[command(name = "zo", version, override_help = HELP, max_term_width = 100, infer_long_args = false)]
pub(crate) struct Cli {
    #[command(flatten)]
    global: GlobalArgs,
    #[command(subcommand)]
    command: Option<Command>,
}

/// Options of every command.
#[derive(Args, Debug)]
#[command(next_help_heading = "Options of every command")]
struct GlobalArgs {
    /// The home [default: $ZO_HOME, $XDG_DATA_HOME/zo or ~/.local/share/zo]
    #[arg(long, global = true, value_name = "DIR", display_order = 900)]
    home: Option<PathBuf>,
    /// Print JSON, one value a line; errors as JSON on stderr
    #[arg(long, global = true, display_order = 901)]
    json: bool,
    /// Print no notes and no progress
    #[arg(long, short, global = true, display_order = 902)]
    quiet: bool,
    /// When to use colours; NO_COLOR is respected
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t, hide_possible_values = true)]
    #[arg(display_order = 903)]
    color: Color,
}

/// Every command, in the order of the help.
#[derive(Subcommand, Debug)]
enum Command {
    Memorize(memorize::Memorize),
    #[command(subcommand)]
    Memory(memory::Memory),
    #[command(subcommand)]
    Kv(kv::Kv),
    #[command(subcommand)]
    Conversation(conversation::Conversation),
    Ask(ask::Ask),
    Chat(chat::Chat),
    #[command(subcommand)]
    Agent(agent::Agent),
    #[command(subcommand)]
    Permission(permission::Permission),
    #[command(subcommand)]
    Skill(skill::Skill),
    #[command(visible_alias = "browser")]
    Browse(Box<browse::Browse>),
    Serve(Box<serve::Serve>),
    #[command(subcommand)]
    Schedule(schedule::Schedule),
    #[command(subcommand)]
    Job(job::Job),
    #[command(subcommand)]
    Node(node::Node),
    Worker(Box<worker::Worker>),
    #[command(subcommand)]
    Service(service::Service),
    #[command(subcommand)]
    File(file::File),
    #[command(subcommand)]
    Token(token::Token),
    Mcp(mcp::Mcp),
    Recall(recall::Recall),
    Import(import::Import),
    #[command(subcommand)]
    Log(log::Log),
    Replay(replay::Replay),
    Usage(usage::Usage),
    Status(status::Status),
    #[command(subcommand)]
    Index(index::Index),
    #[command(subcommand)]
    Model(model::Model),
    #[command(subcommand)]
    Provider(provider::Provider),
    #[command(subcommand)]
    Key(key::Key),
    Rebuild(rebuild::Rebuild),
    Doctor(doctor::Doctor),
    #[command(subcommand)]
    Sandbox(sandbox::Sandbox),
    Demo(demo::Demo),
    #[command(subcommand)]
    Bench(bench::Bench),
    Completions(completions::Completions),
}

impl Command {
    fn run(&self, context: &mut Context) -> Result<(), CliError> {
        match self {
            Self::Memorize(command) => command.run(context),
            Self::Memory(command) => command.run(context),
            Self::Kv(command) => command.run(context),
            Self::Conversation(command) => command.run(context),
            Self::Ask(command) => command.run(context),
            Self::Chat(command) => command.run(context),
            Self::Agent(command) => command.run(context),
            Self::Permission(command) => command.run(context),
            Self::Skill(command) => command.run(context),
            Self::Browse(command) => command.run(context),
            Self::Serve(command) => command.run(context),
            Self::Schedule(command) => command.run(context),
            Self::Worker(command) => command.run(context),
            Self::Job(command) => command.run(context),
            Self::Node(command) => command.run(context),
            Self::Service(command) => command.run(context),
            Self::File(command) => command.run(context),
            Self::Token(command) => command.run(context),
            Self::Mcp(command) => command.run(context),
            Self::Recall(command) => command.run(context),
            Self::Import(command) => command.run(context),
            Self::Log(command) => command.run(context),
            Self::Replay(command) => command.run(context),
            Self::Usage(command) => command.run(context),
            Self::Status(command) => command.run(context),
            Self::Index(command) => command.run(context),
            Self::Model(command) => command.run(context),
            Self::Provider(command) => command.run(context),
            Self::Key(command) => command.run(context),
            Self::Rebuild(command) => command.run(context),
            Self::Doctor(command) => command.run(context),
            Self::Sandbox(command) => command.run(context),
            Self::Demo(command) => command.run(context),
            Self::Bench(command) => command.run(context),
            Self::Completions(command) => command.run(context),
        }
    }
}

/// Parses the command line, runs the command and tells the exit code.
pub(crate) fn main() -> ExitCode {
    let arguments: Vec<OsString> = env::args_os().collect();
    let matches = command_line().try_get_matches_from(&arguments);
    let cli = match matches.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => return not_parsed(&error, &arguments),
    };
    let output = Output::new(cli.global.json, cli.global.quiet, cli.global.color);
    let Some(command) = cli.command else {
        return finish(output, |output| output.text(HELP));
    };
    start_tracing();
    finish(output, |output| {
        let home = home_folder(cli.global.home.as_deref())?;
        // The streams are lent to the command and come back for the errors.
        let lent = std::mem::replace(output, Output::new(false, true, Color::Never));
        let mut context = Context { home, output: lent, world: SystemWorld::default() };
        let result = command.run(&mut context);
        *output = context.output;
        result
    })
}

/// The whole command line, with the prose of the help free to be broken where the terminal ends. The doc comments are
/// taken word for word because of their examples, and so with their line ends too.
fn command_line() -> clap::Command {
    fn reflowed(command: clap::Command) -> clap::Command {
        let about = command.get_long_about().map(|about| reflow(&about.to_string()));
        let command = match about {
            Some(about) => command.long_about(about),
            None => command,
        };
        command.mut_subcommands(reflowed)
    }
    reflowed(Cli::command())
}

/// Joins the lines of each paragraph; lines that are indented stay as they are, and so does a line before them.
fn reflow(text: &str) -> String {
    let mut flowing = String::with_capacity(text.len());
    for line in text.lines() {
        let joins = !line.is_empty() && !line.starts_with(' ') && !flowing.is_empty() && !flowing.ends_with('\n');
        let last_is_indented = flowing.rsplit('\n').next().is_some_and(|last| last.starts_with(' '));
        if joins && !last_is_indented {
            flowing.push(' ');
        } else if !flowing.is_empty() {
            flowing.push('\n');
        }
        flowing.push_str(line);
    }
    flowing
}

/// Runs `work`, prints why it failed, and tells the exit code.
fn finish(mut output: Output, work: impl FnOnce(&mut Output) -> Result<(), CliError>) -> ExitCode {
    let result = work(&mut output).and_then(|()| output.flush());
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if !error.kind.is_quiet() {
                output.error(&error);
            }
            ExitCode::from(error.kind.exit_code())
        }
    }
}

/// Help and version go to stdout; what was not understood is an error like any other.
fn not_parsed(error: &clap::Error, arguments: &[OsString]) -> ExitCode {
    let json = arguments.iter().take_while(|argument| *argument != "--").any(|argument| argument == "--json");
    match error.kind() {
        ParseErrorKind::DisplayHelp | ParseErrorKind::DisplayVersion => {
            // Clap knows about colours, NO_COLOR and dumb terminals; a closed pipe is no error.
            let _ = error.print();
            ExitCode::SUCCESS
        }
        ParseErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            ExitCode::from(2)
        }
        _ => {
            let color = if json { Color::Never } else { Color::Auto };
            finish(Output::new(json, false, color), |_| Err(usage_error(error, arguments)))
        }
    }
}

/// Clap's words in our form: what is wrong, then tips and the usage as hints.
fn usage_error(error: &clap::Error, arguments: &[OsString]) -> CliError {
    let text = error.render().to_string();
    let mut message: Vec<&str> = Vec::new();
    let mut hints = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(tip) = line.strip_prefix("tip: ") {
            hints.push(tip.to_owned());
        } else if let Some(usage) = line.strip_prefix("Usage: ") {
            hints.push(format!("usage: {usage}"));
        } else if hints.is_empty() && !line.starts_with("For more information") {
            message.push(line.strip_prefix("error: ").unwrap_or(line));
        }
    }
    hints.push(format!("`{} --help` has examples", command_path(arguments)));
    let mut error = CliError::usage(message.join(" "));
    error.hints = hints;
    error
}

/// The command that was meant, as far as it can be told: `zo memory list`.
fn command_path(arguments: &[OsString]) -> String {
    let root = Cli::command();
    let mut command = &root;
    let mut path = "zo".to_owned();
    for word in arguments.iter().skip(1).filter_map(|argument| argument.to_str()) {
        if let Some(below) = command.find_subcommand(word) {
            command = below;
            path.push_str(&format!(" {word}"));
        }
    }
    path
}

/// The commentary of the engine, for who debugs it: `ZO_LOG=debug zo status`.
fn start_tracing() {
    if let Ok(filter) = EnvFilter::try_from_env("ZO_LOG") {
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(false).init();
    }
}
