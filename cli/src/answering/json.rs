//! An answer for programs, as `cli/JSON.md` documents it.

use serde::Serialize;
use zo_engine::protocol::{AgentArrival, AnswerBegun, Answered, RecalledLine};
use zo_projections::Position;
use zo_projections::event::run::{Ending, Usage};

/// A line of `--json --stream`.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Line<'a> {
    Begun(&'a AnswerBegun),
    Text { text: &'a str },
    Reasoning { text: &'a str },
    Note { text: &'a str },
    Agent(&'a AgentArrival),
    Answered(AnswerJson<'a>),
}

/// An answer.
#[derive(Serialize)]
pub(super) struct AnswerJson<'a> {
    answer: &'a str,
    conversation: &'a str,
    run: &'a str,
    model: &'a str,
    recalled: &'a [RecalledLine],
    usage: UsageJson,
    position: Position,
    indexed: Position,
    head: Position,
    question: &'a str,
    message: &'a str,
    interrupted: bool,
    ending: Ending,
}

/// What it cost.
#[derive(Serialize)]
struct UsageJson {
    #[serde(flatten)]
    usage: Usage,
    cached_tokens: u64,
    estimated: bool,
    unpriced: bool,
    attempts: u32,
}

impl<'a> AnswerJson<'a> {
    pub(super) fn of(answered: &'a Answered) -> Self {
        let Answered { usage, account, .. } = *answered;
        Self {
            answer: &answered.answer,
            conversation: &answered.conversation,
            run: &answered.run,
            model: &answered.model,
            recalled: &answered.recalled,
            usage: UsageJson {
                usage,
                cached_tokens: account.cached_tokens,
                estimated: account.estimated,
                unpriced: account.unpriced,
                attempts: account.attempts,
            },
            position: answered.position,
            indexed: answered.indexed,
            head: answered.head,
            question: &answered.question,
            message: &answered.message,
            interrupted: account.ending == Ending::Interrupted,
            ending: account.ending,
        }
    }
}
