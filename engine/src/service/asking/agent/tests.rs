//! The loop over real HTTP: a model that asks for tools, and what becomes of it.

mod loops;
mod permits;
mod spawning;

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use zo_model_server::{ModelServer, Request as Asked, Response as Scripted, openai};
use zo_projections::event::run::agent::{ToolStatus, Verdict};

use super::*;
use crate::engine::EngineOptions;
use crate::protocol::{AgentDetail, AgentRequest, Answer, Answered, Asking, ConversationChoice, Query, Request};
use crate::service::handle;

/// A home with a provider `near`, a workspace, and a model that follows a script.
pub(super) struct Story {
    folder: tempfile::TempDir,
    opened: Option<Arc<Engine>>,
    server: ModelServer,
}

/// A reply that asks for tools: `(name, arguments)`.
pub(super) fn calls(wanted: &[(&str, Value)]) -> Scripted {
    let mut response = Scripted::sse(200);
    for ((name, arguments), index) in wanted.iter().zip(0u32..) {
        let id = format!("call-{index}");
        let (name, arguments) = (Some(*name), arguments.to_string());
        response = response.send(openai::tool_call_chunk(Some(index), Some(&id), name, &arguments));
    }
    response.send(openai::finish("tool_calls")).send(openai::usage(100, 10)).send(openai::DONE)
}

/// A reply that is the answer.
pub(super) fn says(text: &str) -> Scripted {
    openai::stream("scripted", &[text])
}

/// How many results of tools a request tells.
pub(super) fn results(asked: &Asked) -> Vec<String> {
    let json = asked.json();
    let messages = json["messages"].as_array().cloned().unwrap_or_default();
    let tools = messages.iter().filter(|message| message["role"] == "tool");
    tools.map(|message| message["content"].as_str().unwrap_or_default().to_owned()).collect()
}

/// The same without those that were brought for earlier questions.
pub(super) fn results_since_question(asked: &Asked) -> Vec<String> {
    let json = asked.json();
    let messages = json["messages"].as_array().cloned().unwrap_or_default();
    let earlier = messages.iter().rposition(|message| message["role"] == "user").unwrap_or_default();
    let earlier = messages[..earlier].iter().filter(|message| message["role"] == "tool").count();
    results(asked).split_off(earlier)
}

fn open(folder: &Path) -> Arc<Engine> {
    let mut options = EngineOptions::default();
    options.models.retries.base = Duration::from_millis(1);
    options.models.retries.cap = Duration::from_millis(2);
    Engine::open(&folder.join("home"), options).expect("the home opens")
}

impl Story {
    pub(super) fn new(script: impl Fn(&Asked) -> Scripted + Send + Sync + 'static) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("work")).expect("a folder");
        let story = Self { server: ModelServer::start(script), opened: Some(open(folder.path())), folder };
        let base_url = format!("{}/v1", story.server.url());
        let (name, dialect) = ("near".to_owned(), "openai".to_owned());
        story.put(Request::AddProvider { name, dialect, base_url }).expect("it is added");
        story
    }

    pub(super) fn engine(&self) -> &Engine {
        self.opened.as_ref().expect("the home is open")
    }

    pub(super) fn put(&self, request: Request) -> Result<Vec<Response>, Failure> {
        let mut responses = Vec::new();
        handle(self.engine(), request, &mut |response| {
            responses.push(response);
            ControlFlow::Continue(())
        })?;
        Ok(responses)
    }

    pub(super) fn request(&self) -> AgentRequest {
        let workspace = self.folder.path().join("work").to_str().map(str::to_owned);
        AgentRequest { workspace, ..AgentRequest::default() }
    }

    /// Has an agent answer.
    pub(super) fn run(&self, task: &str, run: u128, agent: AgentRequest) -> Result<Answered, Failure> {
        let model = if agent.script.is_some() { SCRIPTED } else { "near/scripted" };
        let conversation = ConversationChoice::Named("talk".to_owned());
        let asking = Asking {
            model: Some(model.to_owned()),
            agent: Some(Box::new(agent)),
            ..Asking::new(conversation, task, run)
        };
        match self.put(Request::Ask(Box::new(asking)))?.pop() {
            Some(Response::Answered(answered)) => Ok(*answered),
            other => panic!("an answer was expected: {other:?}"),
        }
    }

    pub(super) fn show(&self, run: u128) -> AgentDetail {
        let query = Query::Agent { run: RunId(run).to_string() };
        let answer = self.put(Request::Query { query, at: None }).expect("it is there").pop();
        let Some(Response::Answer(answer)) = answer else { panic!("no answer") };
        let Answer::Agent(agent) = *answer else { panic!("no agent") };
        *agent
    }

    /// What its calls came to: `tool: status`, with the output behind.
    pub(super) fn transcript(&self, run: u128) -> Vec<String> {
        let line = |call: crate::protocol::CallLine| {
            let status = call.status.map_or("open".to_owned(), |status| format!("{status:?}"));
            format!("{} {status}: {}", call.tool, call.output.unwrap_or_default().lines().next().unwrap_or_default())
        };
        self.show(run).replies.into_iter().flat_map(|reply| reply.calls).map(line).collect()
    }

    pub(super) fn work(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join("work").join(name)).unwrap_or_default()
    }

    /// Ends the engine, as a process ends, and opens the home anew.
    pub(super) fn reopen(&mut self) {
        if let Some(engine) = self.opened.take() {
            engine.close();
        }
        self.opened = Some(open(self.folder.path()));
    }

    /// That every run has ended, and every call has returned.
    pub(super) fn is_whole(&self) {
        let (anomalies, outstanding, running) = self
            .engine()
            .writer
            .read(|views| (views.anomaly_count, views.runs.outstanding().len(), views.agents.running().len()))
            .expect("well");
        assert_eq!((anomalies, outstanding, running), (0, 0, 0));
    }
}

impl Drop for Story {
    fn drop(&mut self) {
        if let Some(engine) = self.opened.take() {
            engine.close();
        }
    }
}
