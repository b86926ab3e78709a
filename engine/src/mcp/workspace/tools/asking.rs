//! Questions and skills.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use zo_mcp::server::{Doing, Need, Refusal, Told};

use super::super::{Home, Requests, prompts};
use super::{Tool, shown};
use crate::protocol::{
    AgentArrival, Arrival, Asking, ConversationChoice, Environment, Failure, FailureKind, Request, Response,
};

/// Arguments of `ask`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Ask {
    /// The question.
    question: String,
    /// The conversation to go on with, by its name or id; one of this name is begun if there is none. A new one if not said.
    #[serde(default)]
    conversation: Option<String>,
    /// The model, `provider/name`; the one that the person has chosen if not said.
    #[serde(default)]
    model: Option<String>,
}

impl Tool for Ask {
    const NAME: &'static str = "ask";
    const DESCRIPTION: &'static str =
        "Puts a question to the person's workspace: it recalls what belongs to it and has a model of theirs answer.";
    const NEED: Need = Need::Ask;

    fn call<R: Requests>(self, home: &Home<R>, doing: &Doing<'_>) -> Result<Told, Failure> {
        let request = asking(self)?;
        let told = AtomicU64::new(0);
        let response = home.last(request, &mut |response| {
            if let Some(what) = progress_of(response) {
                (doing.progress)(told.fetch_add(1, Ordering::Relaxed) + 1, &what);
            }
            if (doing.stop)() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        match response {
            Response::Answered(answered) => {
                let structured = json!({
                    "answer": answered.answer,
                    "conversation": answered.conversation,
                    "run": answered.run,
                    "model": answered.model,
                });
                Ok(Told { text: answered.answer, structured: Some(structured) })
            }
            _ => Err(Failure::new(FailureKind::Io, "the question was not answered")),
        }
    }
}

/// The request: its ids are made where requests of the network get theirs.
fn asking(ask: Ask) -> Result<Request, Failure> {
    let given = json!({"ask": {"question": {"new": {"text": ask.question, "files": []}}, "model": ask.model}});
    let invalid = |error: serde_json::Error| Failure::new(FailureKind::Invalid, error.to_string());
    let mut request: Request = serde_json::from_value(given).map_err(invalid)?;
    if let (Request::Ask(asking), Some(name)) = (&mut request, ask.conversation) {
        **asking = Asking {
            conversation: ConversationChoice::Named(name),
            environment: Environment::default(),
            ..(**asking).clone()
        };
    }
    Ok(request)
}

/// What is told while an answer is on its way.
fn progress_of(response: &Response) -> Option<String> {
    match response {
        Response::Begun(begun) => Some(format!("{} answers", begun.model)),
        Response::Arrived(Arrival::Text(text)) => Some(text.clone()),
        Response::Arrived(Arrival::Note(note)) => Some(note.clone()),
        Response::Arrived(Arrival::Agent(arrival)) => match &**arrival {
            AgentArrival::ToolCalled { tool, what, .. } => Some(format!("{tool} {what}")),
            _ => None,
        },
        _ => None,
    }
}

/// Arguments of `skill_list`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SkillList {}

impl Tool for SkillList {
    const NAME: &'static str = "skill_list";
    const DESCRIPTION: &'static str = "Lists the skills there are: instructions for doing certain things well.";
    const NEED: Need = Need::Read;

    fn call<R: Requests>(self, home: &Home<R>, _: &Doing<'_>) -> Result<Told, Failure> {
        let skills = prompts::usable(home).map_err(failed)?;
        let line = |skill: &crate::protocol::SkillLine| json!({"name": skill.name, "description": skill.description});
        Ok(shown(json!({ "skills": skills.iter().map(line).collect::<Vec<_>>() })))
    }
}

/// Arguments of `skill_use`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SkillUse {
    /// The skill, by its name.
    name: String,
}

impl Tool for SkillUse {
    const NAME: &'static str = "skill_use";
    const DESCRIPTION: &'static str = "Reads a skill: what to do, step by step, and where its files lie.";
    const NEED: Need = Need::Read;

    fn call<R: Requests>(self, home: &Home<R>, _: &Doing<'_>) -> Result<Told, Failure> {
        let (skill, text) = prompts::text(home, &self.name).map_err(failed)?;
        let structured = json!({ "name": skill.name, "folder": skill.folder, "text": text });
        Ok(Told { text, structured: Some(structured) })
    }
}

fn failed(refusal: Refusal) -> Failure {
    let kind = match &refusal {
        Refusal::NotFound(_) => FailureKind::NotFound,
        Refusal::Invalid(_) => FailureKind::Invalid,
        Refusal::Forbidden(_) | Refusal::Failed(_) => FailureKind::Refused,
    };
    Failure::new(kind, refusal.to_string())
}
