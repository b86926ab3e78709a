//! Nodes elsewhere: who was heard from, and what they say of what they run.
//!
//! A heartbeat is no event: who was heard from since is recorded once in an interval, for all nodes together, and that
//! renews their leases.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use zo_projections::decide::node::MAX_NODES;
use zo_projections::views::nodes::{Node, NodeState};
use zo_projections::{Actor, Command, JobId, NodeId, Submission};

use super::logs::Progress;
use crate::engine::Engine;
use crate::protocol::Failure;

/// Who was heard from, and how far what they run is.
#[derive(Default)]
pub(crate) struct Heard {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Since the last time that it was recorded.
    nodes: BTreeMap<NodeId, Instant>,
    recorded: Option<Instant>,
    progress: HashMap<JobId, Progress>,
}

impl Heard {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far a job is.
    pub(crate) fn progress(&self, job: JobId) -> Progress {
        self.state().progress.get(&job).cloned().unwrap_or_default()
    }

    /// Keeps how far a job is.
    pub(crate) fn keep_progress(&self, job: JobId, progress: Progress) {
        self.state().progress.insert(job, progress);
    }

    /// Forgets how far a job is: it is over.
    pub(crate) fn forget_progress(&self, job: JobId) {
        self.state().progress.remove(&job);
    }

    /// A node was heard from. Those that are to be recorded now, if it is time, or `at_once`.
    fn hear(&self, node: NodeId, interval: Duration, at_once: bool) -> Vec<NodeId> {
        let mut state = self.state();
        let now = Instant::now();
        state.nodes.insert(node, now);
        if !at_once && state.recorded.is_some_and(|recorded| now.duration_since(recorded) < interval) {
            return Vec::new();
        }
        state.recorded = Some(now);
        std::mem::take(&mut state.nodes).into_keys().collect()
    }
}

impl Engine {
    /// A node was heard from. Renews the leases of all that were heard from since, once in an interval; who is heard from
    /// does not wait for the disk unless it is time.
    pub(crate) fn hear_node(&self, node: NodeId) -> Result<(), Failure> {
        let is_lost = |node: &Node| node.state == NodeState::Lost;
        let was_lost = self.writer.glance(|views| views.nodes.get(node).is_some_and(is_lost));
        let nodes = self.work.heard.hear(node, self.work.options().heartbeat / 2, was_lost);
        if nodes.is_empty() { Ok(()) } else { self.renew_leases(nodes) }
    }

    /// Nodes could not be heard while no process carried jobs out: what they run is theirs for another while.
    pub(super) fn forgive_silence(&self) -> Result<(), Failure> {
        let nodes: Vec<NodeId> = self.writer.read(|views| {
            let is_there = |node: &Node| matches!(node.state, NodeState::Up | NodeState::Draining);
            let remote = views.nodes.iter().filter(|(_, node)| !node.local && is_there(node));
            remote.map(|(id, _)| id).filter(|id| views.jobs.load_of(*id) > 0).take(MAX_NODES).collect()
        })?;
        if nodes.is_empty() { Ok(()) } else { self.renew_leases(nodes) }
    }

    fn renew_leases(&self, nodes: Vec<NodeId>) -> Result<(), Failure> {
        let options = self.work.options();
        let lease_ms = u64::try_from(options.lease.as_millis()).unwrap_or(u64::MAX);
        let command = Command::HearNodes { nodes, lease_ms };
        self.writer.submit_one(Submission::new(Actor::Engine, command))?;
        Ok(())
    }
}
