//! `zo agent run`.

use std::ffi::OsString;

use clap::Args;
use zo_engine::protocol::{Asking, Question};

use super::super::ask::options::Options;
use super::options::{AgentOptions, note_workspace};
use crate::answering::{self, Manner};
use crate::context::Context;
use crate::error::CliError;
use crate::input;

/// Let an agent do something, and wait for what it comes to
///
/// Examples:
///   zo agent run "Find out why the tests fail, and mend it"
///   zo agent run --workspace ~/project --allow "run_command(cargo test)" "Mend the tests"
///   zo agent run --steps 20 --cost 0.50 --wall 10m "Summarise what I wrote about tomatoes"
///   zo agent run --tool read_file --tool list_files "What is in this folder?"
///   zo agent run --model scripted --script script.json --json --stream go
///
/// stdout gets the answer and nothing else; what the agent does is told on stderr as it happens. What no rule allows is
/// asked for at the terminal, or by `zo agent answer` in another one if there is --wait; where nobody can be asked it is refused.
/// Ctrl-C asks the agent to stop, Ctrl-C once more leaves.
///
/// The run has a conversation of its own, unless --conversation names one.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Run {
    /// What it is to do; `-` reads it from stdin, which is also done without it if stdin is not a terminal
    task: Vec<OsString>,
    #[command(flatten)]
    options: Options,
    /// With --json: print each thing that happens on a line as it happens
    #[arg(long)]
    stream: bool,
    #[command(flatten)]
    agent: AgentOptions,
}

impl Run {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        self.agent.check_model(self.options.model.as_deref())?;
        let agent = self.agent.request(context)?;
        note_workspace(&agent, context);
        let mut asking = Asking {
            question: Question::New { text: task(&self.task)?, files: Vec::new() },
            model: self.options.model.clone(),
            fallbacks: self.options.fallbacks.clone(),
            system: self.options.system()?,
            agent: Some(Box::new(agent)),
            environment: context.environment(),
            ..Asking::new(self.options.conversation_of_its_own(context), "", context.fresh_id())
        };
        let mut client = context.open()?;
        let manner = Manner { stream: self.stream, show_reasoning: self.options.show_reasoning, ..Manner::default() };
        let given = answering::ask(&mut client, &mut asking, context, manner)?;
        context.close(client)?;
        given.whole()
    }
}

/// What is to be done: the arguments as one text, or stdin.
fn task(words: &[OsString]) -> Result<String, CliError> {
    let text = match words {
        [] => input::from_stdin_unless_terminal()?,
        [word] => input::from_argument(word)?,
        words => {
            let words: Vec<String> =
                words.iter().map(|word| input::text_of_argument(word)).collect::<Result<_, _>>()?;
            words.join(" ")
        }
    };
    input::not_blank("the task", text)
}
