//! Our own jobs: asked for in this process, or through the socket of a process that has the home. Leases are on.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail, ensure};
use zo_engine::client::{Client, OpenOptions};
use zo_engine::engine::Engine;
use zo_engine::protocol::{JobInput, JobOptions, NodeInput, Request, Response};
use zo_engine::service::handle;

use super::{Hand, spec};

/// What only the nodes of the bench have, so that nobody carries its jobs out.
const LABEL: &str = "bench";
/// So long a hand waits for a job.
const WAIT_MS: u64 = 100;

/// A way to the home.
pub enum Access {
    /// In the process that has it.
    Here(Arc<Engine>),
    /// From another one.
    There(Box<Client>),
}

/// A node of our own that takes one job at a time; or nobody, who only submits.
pub struct OurHand {
    access: Access,
    node: String,
    ids: u128,
}

impl Access {
    /// To the home in `folder`, which another process has.
    ///
    /// # Errors
    /// If nobody has it.
    pub fn through_socket(folder: &Path) -> Result<Self> {
        let options = OpenOptions { must_exist: true, ..OpenOptions::default() };
        let client = Client::open(folder, &options).map_err(|failure| anyhow!("{failure}"))?;
        ensure!(client.engine().is_none(), "nobody has the home open");
        Ok(Self::There(Box::new(client)))
    }

    fn ask(&mut self, request: Request) -> Result<Response> {
        match self {
            Self::Here(engine) => {
                let mut last = None;
                let done = handle(engine, request, &mut |response| {
                    last = Some(response);
                    ControlFlow::Continue(())
                });
                done.map_err(|failure| anyhow!("{failure}"))?;
                last.context("no answer came")
            }
            Self::There(client) => client.one(&request).map_err(|failure| anyhow!("{failure}")),
        }
    }
}

impl OurHand {
    /// A hand of this name, which no other one has.
    ///
    /// # Errors
    /// If its node cannot join.
    pub fn join(mut access: Access, name: &str) -> Result<Self> {
        let node =
            NodeInput { name: name.to_owned(), capacity: 1, labels: vec![LABEL.to_owned()], ..NodeInput::default() };
        match access.ask(Request::JoinNode { node })? {
            Response::NodeJoined(joined) => {
                // Ids that no other hand gives: its node's are as good as random.
                let ids = joined.node.bytes().fold(0_u128, |sum, byte| sum.wrapping_mul(131) + u128::from(byte));
                Ok(Self { access, node: joined.node, ids: ids << 48 })
            }
            other => bail!("a node was to join: {other:?}"),
        }
    }
}

impl Hand for OurHand {
    fn submit(&mut self, number: u64) -> Result<()> {
        self.ids += 1;
        let mut options = JobOptions::default();
        options.requires.labels = vec![LABEL.to_owned()];
        let job = JobInput { id: self.ids, name: None, spec: spec(number), options };
        match self.access.ask(Request::SubmitJobs { jobs: vec![job], batch: false, more_of: None })? {
            Response::Acknowledged(outcomes) if outcomes.len() == 1 && outcomes[0].is_ok() => Ok(()),
            other => bail!("a job was submitted: {other:?}"),
        }
    }

    fn work(&mut self) -> Result<bool> {
        let take = Request::ClaimJobs { node: self.node.clone(), most: 1, wait_ms: WAIT_MS, queues: Vec::new() };
        let jobs = match self.access.ask(take)? {
            Response::JobsClaimed(jobs) => jobs,
            other => bail!("jobs were to be taken: {other:?}"),
        };
        let Some(job) = jobs.into_iter().next() else { return Ok(false) };
        ensure!(job.spec.contains("--item"), "a job of {:?}", job.spec);
        let result = Some("{}".to_owned());
        let done = Request::CompleteJob { node: self.node.clone(), job: job.job, attempt: job.attempt, result };
        match self.access.ask(done)? {
            Response::Acknowledged(outcomes) if outcomes.iter().all(Result::is_ok) => Ok(true),
            other => bail!("a job was done: {other:?}"),
        }
    }
}
