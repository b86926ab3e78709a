//! `zo browse run`.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Args, Parser};
use zo_browser::act::Act;
use zo_engine::protocol::FailureKind;

use super::acting::{self, SessionArgs};
use super::acts::Acts;
use crate::context::Context;
use crate::error::{CliError, Kind};
use crate::interrupt::Interrupt;

/// Do many things one after the other, in one browser
///
/// Examples:
///   zo browse run steps.txt --bail
///   printf 'open example.org\nread\n' | zo browse run -
///   zo browse run --json steps.ndjson
///
/// Each line is what would stand behind `zo browse`, or an act as JSON: {"act": "click", "target": "@e12"}. Empty lines and those that
/// begin with # are passed over. All of it is checked before anything is done.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(super) struct Run {
    /// The file; `-` is stdin
    file: PathBuf,
    /// Stop at the first that fails
    #[arg(long)]
    bail: bool,
}

/// One line, as clap reads it.
#[derive(Parser, Debug)]
#[command(name = "zo browse", no_binary_name = true, disable_help_flag = true)]
struct Line {
    #[command(subcommand)]
    acts: Acts,
}

struct Step {
    number: usize,
    line: String,
    act: Act,
    out: Option<PathBuf>,
}

impl Run {
    pub(super) fn run(&self, context: &mut Context, session: &SessionArgs) -> Result<(), CliError> {
        acting::check_display(session.visible)?;
        let steps = steps(&self.read()?)?;
        if steps.is_empty() {
            context.output.note("there is nothing to do in it");
            return Ok(());
        }
        let mut client = context.open()?;
        let interrupt = Interrupt::watch()?;
        let (count, mut failed, mut all_refused) = (steps.len(), 0, true);
        for step in steps {
            context.output.note(format!("{}: {}", step.number, context.output.shown_err(&step.line)));
            let browsed = acting::browse(&mut client, session.input(&step.act, None)?, &interrupt)
                .and_then(|browsed| acting::print(context, browsed, step.out.as_deref()));
            let Err(error) = browsed else { continue };
            if self.bail || interrupt.is_set() {
                let error = CliError { message: format!("line {}: {}", step.number, error.message), ..error };
                return Err(error);
            }
            failed += 1;
            all_refused &= error.kind.exit_code() == Kind::Engine(FailureKind::Refused).exit_code();
            context.output.warn(&error);
        }
        context.close(client)?;
        match failed {
            0 => Ok(()),
            _ => {
                let kind = if all_refused { Kind::Engine(FailureKind::Refused) } else { Kind::Incomplete };
                Err(CliError::new(kind, format!("{failed} of {count} failed")))
            }
        }
    }

    fn read(&self) -> Result<String, CliError> {
        let cannot = |error: std::io::Error| CliError::io(format!("cannot read {}", self.file.display()), &error);
        if self.file == Path::new("-") {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).map_err(cannot)?;
            return Ok(text);
        }
        std::fs::read_to_string(&self.file).map_err(cannot)
    }
}

/// Reads all lines.
///
/// # Errors
/// What is wrong with the first that cannot be taken.
fn steps(text: &str) -> Result<Vec<Step>, CliError> {
    let lines =
        text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty() && !line.trim_start().starts_with('#'));
    lines.map(|(line, number)| step(line.trim(), number)).collect()
}

fn step(line: &str, number: usize) -> Result<Step, CliError> {
    let wrong = |why: String| CliError::invalid(format!("line {number}: {why}"));
    if line.starts_with('{') {
        let act = Act::parse_json(line).map_err(|error| {
            let invalid = wrong(error.message);
            error.hint.into_iter().fold(invalid, CliError::hint)
        })?;
        return Ok(Step { number, line: line.to_owned(), act, out: None });
    }
    let words = shlex::split(line).ok_or_else(|| wrong("a quotation mark is not closed".to_owned()))?;
    let parsed = Line::try_parse_from(words).map_err(|error| {
        let text = error.to_string();
        wrong(text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned())
            .hint("a line is what stands behind `zo browse`, or JSON")
    })?;
    if !matches!(parsed.acts.secret(), super::acts::Secret::No) {
        return Err(
            wrong("a secret is asked for by a command of its own".to_owned()).hint("`zo browse fill TARGET --secret`")
        );
    }
    let act = acting::check_out(parsed.acts.out())
        .and_then(|()| parsed.acts.act())
        .map_err(|error| CliError { message: format!("line {number}: {}", error.message), ..error })?;
    Ok(Step { number, line: line.to_owned(), act, out: parsed.acts.out().map(Path::to_owned) })
}
