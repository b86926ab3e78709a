//! Jobs that give an agent a task.

use std::ops::ControlFlow;
use std::time::Instant;

use zo_projections::RunId;
use zo_projections::command::Attempt;
use zo_projections::event::skill::Origin;
use zo_projections::views::agents::Outcome;
use zo_worker::execute::Happened;
use zo_worker::spec::AgentSpec;

use super::carrying::Ended;
use crate::engine::Engine;
use crate::protocol::{AgentRequest, Arrival, Asking, ConversationChoice, Failure, Response};

/// What a check-in answers when there is nothing to say.
pub(crate) const NOTHING_TO_SAY: &str = "NOTHING_TO_SAY";

impl Engine {
    /// Has an agent do what a job says. A job that is carried out again goes on with the agent that it has started, unless
    /// that has failed.
    pub(super) fn ask_agent_of_job(
        &self,
        attempt: Attempt,
        spec: &AgentSpec,
        deadline: Option<Instant>,
        tell: &mut dyn FnMut(Happened<'_>) -> ControlFlow<()>,
    ) -> Ended {
        let run = match self.agent_of_job(attempt) {
            Ok(run) => run,
            Err(failure) => return failed(failure),
        };
        let asking = self.asking_of_job(run, spec, deadline);
        let mut stopped = false;
        let answered = crate::service::asking::ask(self, asking, &mut |response| {
            let flow = match response {
                Response::Arrived(Arrival::Text(text)) => tell(Happened::Stdout(text.as_bytes())),
                _ => tell(Happened::Nothing),
            };
            stopped |= flow.is_break();
            flow
        });
        if stopped {
            // Whoever stopped it for good says so; else it is gone on with later.
            if self.is_cancelled(attempt) && !self.is_stopping() {
                let _ = crate::service::cancel_agent(self, run);
            }
            return Ended::Stopped;
        }
        match answered {
            Ok(answered) => {
                let text = answered.answer.trim();
                let silent = text == NOTHING_TO_SAY;
                let result = serde_json::json!({
                    "run": run.to_string(),
                    "conversation": answered.conversation,
                    "answer": if silent { "" } else { text },
                    "silent": silent,
                });
                Ended::Done(Some(result.to_string()))
            }
            Err(failure) => failed(failure),
        }
    }

    /// The run of a job: the one that was begun for it and has not failed, else a fresh one.
    fn agent_of_job(&self, attempt: Attempt) -> Result<RunId, Failure> {
        let run = |number: u32| RunId(self.names.agent_of_job(attempt.job.0, number));
        let ended_badly = |run: RunId| {
            self.writer
                .read(|views| views.agents.ended().get(&run).is_some_and(|agent| agent.outcome != Outcome::Finished))
        };
        for number in 1..attempt.attempt {
            if !ended_badly(run(number))? {
                return Ok(run(number));
            }
        }
        Ok(run(attempt.attempt))
    }

    fn asking_of_job(&self, run: RunId, spec: &AgentSpec, deadline: Option<Instant>) -> Asking {
        let conversation = match &spec.conversation {
            Some(name) => ConversationChoice::Named(name.clone()),
            None => ConversationChoice::New { id: run.0, name: None },
        };
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let left_ms = left.map(|left| u64::try_from(left.as_millis()).unwrap_or(u64::MAX));
        let skills: Vec<(String, Origin)> = self
            .work
            .options()
            .skills
            .iter()
            .map(|(folder, origin)| (folder.to_string_lossy().into_owned(), *origin))
            .collect();
        let agent = AgentRequest {
            name: spec.name.clone(),
            workspace: spec.workspace.clone(),
            tools: spec.tools.clone(),
            rules: spec.rules.clone(),
            skills,
            steps: spec.steps,
            tokens: spec.tokens,
            cost_micros: spec.cost_micros,
            wall_ms: [spec.wall_ms, left_ms].into_iter().flatten().min(),
            depth: spec.depth,
            concurrency: spec.concurrency,
            can_ask: false,
            script: spec.script.clone(),
        };
        Asking {
            model: spec.model.clone(),
            agent: Some(Box::new(agent)),
            environment: self.environment.clone(),
            ..Asking::new(conversation, spec.prompt.clone(), run.0)
        }
    }
}

fn failed(failure: Failure) -> Ended {
    Ended::Failed { again: !failure.is_refusal(), reason: failure.message }
}

#[cfg(test)]
mod tests;
