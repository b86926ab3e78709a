//! `zo model …`: one file per command; what they share is how a step of a test is shown. They are about both sorts of models:
//! those that answer (language models) and those that texts are embedded with.

mod choose;
mod list;
mod status;
mod test;

use clap::Subcommand;
use zo_engine::client::Client;
use zo_engine::protocol::{Answer, ModelLine, Query, TestStep};

use crate::context::{Context, query};
use crate::error::CliError;
use crate::output::{Output, Style};

/// List, choose and test models: those that answer, and those that texts are embedded with
///
/// Examples:
///   zo model list openai
///   zo model use anthropic/claude-sonnet-5-5 --fallback ollama/llama3.2
///   zo model test
///   zo model use bge-small-en-v1.5
///   zo model status
///
/// A model that answers, a language model, is named PROVIDER/NAME; `offline` is the built-in responder, which is none. Of those
/// that texts are embedded with one ships with zo; any other is fetched once, over the network, when it is first chosen.
#[derive(Subcommand, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) enum Model {
    List(list::List),
    Use(choose::Use),
    Status(status::Status),
    Test(test::Test),
}

impl Model {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        match self {
            Self::List(command) => command.run(context),
            Self::Use(command) => command.run(context),
            Self::Status(command) => command.run(context),
            Self::Test(command) => command.run(context),
        }
    }
}

/// The models that texts can be embedded with.
fn embedders(client: &mut Client) -> Result<Vec<ModelLine>, CliError> {
    query(client, Query::Models, None, |answer| match answer {
        Answer::Models(models) => Some(models),
        _ => None,
    })
}

/// Prints a step of a test on a line, and the hint below it: `ok   address    api.openai.com → 104.18.6.192  12 ms`.
///
/// # Errors
/// If stdout cannot be written.
pub(super) fn print_step(output: &mut Output, name: &str, step: &TestStep) -> Result<(), CliError> {
    let (style, word) = match step.outcome.as_str() {
        "ok" => (Style::Green, "ok  "),
        "failed" => (Style::Red, "fail"),
        _ => (Style::Dim, "skip"),
    };
    let elapsed = if step.outcome == "skipped" { String::new() } else { format!("  {}", elapsed(step.elapsed_us)) };
    let word = output.paint(style, word);
    output.line(format!("{word} {:10} {}{elapsed}", output.shown(name), output.shown(&step.detail)).trim_end())?;
    if let Some(hint) = &step.hint {
        output.line(format!("{:16}hint: {}", "", output.shown(hint)))?;
    }
    output.flush()
}

/// How long something took: `0.4 ms`, `12 ms`, `1.2 s`.
fn elapsed(microseconds: u64) -> String {
    match microseconds {
        0..9_950 => format!("{:.1} ms", microseconds as f64 / 1e3),
        9_950..999_500 => format!("{:.0} ms", microseconds as f64 / 1e3),
        _ => format!("{:.1} s", microseconds as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::elapsed;

    #[test]
    fn times_are_as_exact_as_they_are_short() {
        let shown = [0, 449, 9_949, 9_950, 12_345, 999_499, 999_500, 61_234_567].map(elapsed);
        assert_eq!(shown, ["0.0 ms", "0.4 ms", "9.9 ms", "10 ms", "12 ms", "999 ms", "1.0 s", "61.2 s"]);
    }
}
