//! A home for tests of what can be asked about work: requests and answers as JSON, and a clock that stands until it is moved.
//! Nothing is carried out in it unless somebody waits for a job.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use zo_projections::{JobId, NodeId, Timestamp, TokenId};

use super::handle_of;
use crate::engine::{Engine, EngineOptions};
use crate::protocol::{Failure, Response};
use crate::world::SimulatedWorld;

/// When the clock stands at first: 2026-03-01T12:00:00Z, a Sunday.
pub(crate) const NOON: Timestamp = Timestamp(1_772_366_400_000);

/// A home, and somebody who asks.
pub(crate) struct Desk {
    pub(crate) engine: Arc<Engine>,
    world: Arc<SimulatedWorld>,
    folder: tempfile::TempDir,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let world = Arc::new(SimulatedWorld::new(1, NOON));
        let options = EngineOptions { world: world.clone(), ..EngineOptions::default() };
        let engine = Engine::open(&folder.path().join("home"), options).expect("the home opens");
        Self { engine, world, folder }
    }

    /// The folder that the home is in.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Sets the clock so many milliseconds behind noon.
    pub(crate) fn set_clock(&self, behind_noon: i64) {
        self.world.set_now(Timestamp(NOON.0 + behind_noon));
    }

    /// All that a request is answered with, as who has this token: each response, and of those that were acknowledged each.
    pub(crate) fn responses(&self, token: Option<u128>, method: &str, said: Value) -> Result<Vec<Value>, Failure> {
        let request = if said.is_null() { json!(method) } else { json!({ method: said }) };
        let request = serde_json::from_value(request.clone()).unwrap_or_else(|error| panic!("{error}: {request}"));
        let (mut responses, mut refused) = (Vec::new(), None);
        handle_of(&self.engine, token.map(TokenId), request, &mut |response| {
            match response {
                Response::Acknowledged(outcomes) => {
                    for outcome in outcomes {
                        match outcome {
                            Ok(done) => responses.push(serde_json::to_value(done).expect("it is JSON")),
                            Err(failure) => refused = Some(failure),
                        }
                    }
                }
                response => responses.push(serde_json::to_value(response).expect("it is JSON")),
            }
            ControlFlow::Continue(())
        })?;
        refused.map_or(Ok(responses), Err)
    }

    /// The one response to a request.
    #[track_caller]
    pub(crate) fn told(&self, method: &str, said: Value) -> Value {
        let mut responses =
            self.responses(None, method, said).unwrap_or_else(|failure| panic!("{method}: {failure:?}"));
        assert_eq!(responses.len(), 1, "{method}: {responses:?}");
        responses.remove(0)
    }

    /// Why a request is refused: its sort, its message, and its hint.
    #[track_caller]
    pub(crate) fn refused(&self, method: &str, said: Value) -> String {
        self.refused_with(None, method, said)
    }

    /// As [`Self::refused`], as who has this token.
    #[track_caller]
    pub(crate) fn refused_with(&self, token: Option<u128>, method: &str, said: Value) -> String {
        match self.responses(token, method, said) {
            Ok(responses) => panic!("{method} was to be refused: {responses:?}"),
            Err(failure) => told(&failure),
        }
    }

    /// The answer to a question.
    #[track_caller]
    pub(crate) fn answer(&self, query: &str, said: Value) -> Value {
        let mut answer = self.told("query", json!({ "query": asked(query, said) }))["answer"].take();
        let named = answer.as_object_mut().and_then(|answer| answer.values_mut().next());
        named.expect("an answer has a name").take()
    }

    /// Why a question has no answer.
    #[track_caller]
    pub(crate) fn no_answer(&self, query: &str, said: Value) -> String {
        self.refused("query", json!({ "query": asked(query, said) }))
    }

    /// Submits a job of this number; what is said of it goes beside its number and a command.
    #[track_caller]
    pub(crate) fn submit(&self, number: u128, said: Value) {
        self.told("submit_jobs", json!({ "jobs": [job(number, said)] }));
    }

    /// A node joins that runs as many jobs as one wants; its id.
    #[track_caller]
    pub(crate) fn join(&self, name: &str) -> NodeId {
        let joined = self.told("join_node", json!({ "node": { "name": name, "capacity": 100 } }));
        let id = joined["node_joined"]["node"].as_str().expect("an id").parse();
        id.expect("an id")
    }

    /// The jobs that a node is given, by their numbers, with their attempts.
    #[track_caller]
    pub(crate) fn claim(&self, name: &str, most: u32) -> Vec<(u128, u64)> {
        let claimed = self.told("claim_jobs", json!({ "node": name, "most": most, "wait_ms": 0 }));
        let jobs = claimed["jobs_claimed"].as_array().expect("jobs").iter();
        let job = |job: &Value| (number_of(&job["job"]), job["attempt"].as_u64().expect("a number"));
        jobs.map(job).collect()
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.engine.close();
    }
}

fn asked(query: &str, said: Value) -> Value {
    if said.is_null() { json!(query) } else { json!({ query: said }) }
}

fn told(failure: &Failure) -> String {
    let hint = failure.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
    format!("{:?}: {}{hint}", failure.kind, failure.message)
}

/// A job of this number that runs `true`, with what else is said of it.
pub(crate) fn job(number: u128, said: Value) -> Value {
    let mut job = json!({ "id": id(number), "spec": { "kind": "command", "argv": ["true"] } });
    let fields = job.as_object_mut().expect("it is an object");
    fields.extend(said.as_object().cloned().unwrap_or_default());
    job
}

/// So many milliseconds behind noon, as it is written.
pub(crate) fn at(behind_noon: i64) -> String {
    Timestamp(NOON.0 + behind_noon).to_string()
}

/// The id of the job of a number.
pub(crate) fn id(number: u128) -> String {
    JobId(number).to_string()
}

/// The number of a job's id.
#[track_caller]
pub(crate) fn number_of(id: &Value) -> u128 {
    let id: JobId = id.as_str().and_then(|id| id.parse().ok()).unwrap_or_else(|| panic!("no id: {id}"));
    id.0
}
