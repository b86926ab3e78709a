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
/// begin with # are passed over. Each may have a --timeout of its own. All of it is checked before anything is done.
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
    /// Give up on this one after so many seconds
    #[arg(long, global = true, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: Option<u64>,
}

struct Step {
    number: usize,
    line: String,
    act: Act,
    out: Option<PathBuf>,
    timeout: Option<u64>,
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
            let mut input = session.input(&step.act, None)?;
            input.deadline_ms = step.timeout.map(|seconds| seconds * 1000).or(input.deadline_ms);
            let browsed = acting::browse(&mut client, input, &interrupt)
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

/// A line whose words may begin with `#`, as targets do: a shell would take the rest for a comment.
fn with_hashes(line: &str) -> String {
    let (mut escaped, mut quote, mut before) = (String::with_capacity(line.len()), None, ' ');
    for letter in line.chars() {
        match (quote, letter) {
            (None, '#') if before.is_whitespace() => escaped.push('\\'),
            (None, '\'' | '"') if before != '\\' => quote = Some(letter),
            (Some(open), _) if letter == open && !(open == '"' && before == '\\') => quote = None,
            _ => {}
        }
        escaped.push(letter);
        before = letter;
    }
    escaped
}

fn step(line: &str, number: usize) -> Result<Step, CliError> {
    let wrong = |why: String| CliError::usage(format!("line {number}: {why}"));
    if line.starts_with('{') {
        let act = Act::parse_json(line).map_err(|error| {
            let invalid = wrong(error.message);
            error.hint.into_iter().fold(invalid, CliError::hint)
        })?;
        return Ok(Step { number, line: line.to_owned(), act, out: None, timeout: None });
    }
    let words = shlex::split(&with_hashes(line)).ok_or_else(|| wrong("a quotation mark is not closed".to_owned()))?;
    let parsed = Line::try_parse_from(words).map_err(|error| {
        let text = error.to_string();
        let told: Vec<&str> = text.lines().take_while(|line| !line.is_empty()).map(str::trim).collect();
        wrong(told.join(" ").trim_start_matches("error: ").to_owned())
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
    Ok(Step { number, line: line.to_owned(), act, out: parsed.acts.out().map(Path::to_owned), timeout: parsed.timeout })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_may_begin_with_a_hash() {
        for (line, words) in [
            ("click #b", &["click", "#b"][..]),
            ("fill '#a b' \"c #d\" e#f", &["fill", "#a b", "c #d", "e#f"]),
            ("read #a\\ b #c", &["read", "#a b", "#c"]),
        ] {
            assert_eq!(shlex::split(&with_hashes(line)).expect("words"), words, "{line}");
        }
    }

    #[test]
    fn each_line_may_have_its_own_deadline() {
        let steps = steps("open example.org\nwait --text x --timeout 3\n").expect("steps");
        assert_eq!(steps.iter().map(|step| step.timeout).collect::<Vec<_>>(), [None, Some(3)]);
    }
}
