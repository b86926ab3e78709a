//! Asking a model over real HTTP: what is recorded when, and what becomes of it when somebody stops, something breaks or
//! the process ends between any two steps.
//!
//! Here is what they share: a home, a provider whose server follows a script, and what is read back.

mod conversations;
mod keys;
mod models;
mod steps;
mod stopping;
mod tools;

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use zo_model_server::{Gate, ModelServer, Request as Asked, Response as Scripted, openai, talking};
use zo_projections::event::run::{Called, Ending, KeyOrigin};

use super::*;
use crate::engine::EngineOptions;
use crate::protocol::{Answer, Arrival, ConversationChoice, Environment, Query, Request, Response, SecretText};
use crate::service::handle;

const PATIENCE: Duration = Duration::from_secs(20);

fn options() -> EngineOptions {
    let mut options = EngineOptions::default();
    options.models.retries.base = Duration::from_millis(1);
    options.models.retries.cap = Duration::from_millis(2);
    options
}

fn open(folder: &Path) -> Arc<Engine> {
    Engine::open(&folder.join("home"), options()).expect("the home opens")
}

/// A home that knows a provider `near`, whose server follows a script.
struct Story {
    folder: tempfile::TempDir,
    /// None only while the home is opened anew.
    opened: Option<Arc<Engine>>,
    server: ModelServer,
}

impl Story {
    fn new(script: impl Fn(&Asked) -> Scripted + Send + Sync + 'static) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let server = ModelServer::start(script);
        let opened = Some(open(folder.path()));
        let story = Self { folder, opened, server };
        story.add_provider("near");
        story
    }

    fn engine(&self) -> &Engine {
        self.opened.as_ref().expect("the home is open")
    }

    fn add_provider(&self, name: &str) {
        let base_url = format!("{}/v1", self.server.url());
        let request = Request::AddProvider { name: name.to_owned(), dialect: "openai".to_owned(), base_url };
        self.put(request).expect("it is added");
    }

    fn put(&self, request: Request) -> Result<Vec<Response>, Failure> {
        let mut responses = Vec::new();
        handle(self.engine(), request, &mut |response| {
            responses.push(response);
            ControlFlow::Continue(())
        })?;
        Ok(responses)
    }

    /// Puts a question; what came, and the answer.
    fn ask(&self, asking: Asking) -> Result<(Vec<Response>, Answered), Failure> {
        let mut responses = self.put(Request::Ask(Box::new(asking)))?;
        match responses.pop() {
            Some(Response::Answered(answered)) => Ok((responses, *answered)),
            other => panic!("an answer was expected: {other:?}"),
        }
    }

    /// Kinds of the events since the provider was added.
    fn kinds(&self) -> Vec<&'static str> {
        let mut kinds = Vec::new();
        let head = self.engine().store_head().position;
        let each = &mut |event: crate::reader::ReadEvent| {
            kinds.push(event.recorded.event.name());
            ControlFlow::Continue(())
        };
        self.engine().reader.each(Position(1), head, each).expect("the log can be read");
        kinds.into_iter().filter(|kind| !kind.starts_with("home.")).collect()
    }

    /// What the selected branch says, a line each.
    fn branch(&self, name: &str) -> Vec<String> {
        let query = Query::Conversation { reference: name.to_owned(), all_branches: false, skip: 0, limit: 100 };
        let answer = self.put(Request::Query { query, at: None }).expect("it is there").pop();
        let Some(Response::Answer(answer)) = answer else { panic!("no answer") };
        let Answer::Conversation { messages, .. } = *answer else { panic!("no conversation") };
        let line = |message: crate::protocol::MessageLine| {
            let cut = if message.interrupted { " (interrupted)" } else { "" };
            format!("{:?}: {}{cut}", message.role, message.content.unwrap_or_default())
        };
        messages.into_iter().map(line).collect()
    }

    /// Ends the engine and lets go of the home.
    fn close(&mut self) {
        if let Some(engine) = self.opened.take() {
            engine.close();
        }
    }

    /// Ends the engine, as a process ends, and opens the home anew.
    fn reopen(&mut self) {
        self.close();
        self.opened = Some(open(self.folder.path()));
    }
}

impl Drop for Story {
    fn drop(&mut self) {
        self.close();
    }
}

fn choice() -> ConversationChoice {
    ConversationChoice::Named("talk".to_owned())
}

fn asking(text: &str, run: u128) -> Asking {
    Asking { model: Some("near/scripted".to_owned()), ..Asking::new(choice(), text, run) }
}

fn quiet(_: Response) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn texts(responses: &[Response]) -> Vec<&str> {
    responses
        .iter()
        .filter_map(|response| match response {
            Response::Arrived(Arrival::Text(text)) => Some(text.as_str()),
            _ => None,
        })
        .collect()
}
