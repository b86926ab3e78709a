//! Requests of nodes elsewhere, and about nodes.

use std::collections::HashSet;
use std::time::Duration;

use zo_projections::command::Attempt;
use zo_projections::decide::node::check_speaker;
use zo_projections::event::home::PricesSet;
use zo_projections::event::node::Joined;
use zo_projections::views::jobs::JobState;
use zo_projections::views::nodes::{NodeState, WHOLE};
use zo_projections::{Actor, Command, JobId, NodeId, Receipt, Rejection, Submission, Timestamp, TokenId, Views};

use super::{Each, acknowledge};
use crate::engine::Engine;
use crate::protocol::{
    Acknowledged, Answer, AttemptRef, Failure, FailureKind, LOCAL_NODE, NodeHeard, NodeInput, NodeJoined, NodeLine,
    Response, RunningAttempt,
};
use crate::work::claims::Wanted;
use crate::work::logs::Progress;
use crate::writer::SubmitError;

/// An answer that gave a node a job and is on its way for longer than this was lost.
const LOST_ANSWER_MS: i64 = 15_000;

/// The node that a name or an id means, as far as a glance tells: what is done with it is decided behind this.
fn find(engine: &Engine, reference: &str) -> Result<NodeId, Failure> {
    let by_name = NodeId(engine.names.node(reference));
    let by_id = reference.parse::<NodeId>().ok();
    let found = engine.writer.glance(|views| {
        let mut ids = [Some(by_name), by_id].into_iter().flatten();
        ids.find(|id| views.nodes.get(*id).is_some())
    });
    found.ok_or_else(|| {
        Failure::new(FailureKind::NotFound, format!("there is no node {reference}"))
            .hint("`zo node list` shows those there are")
    })
}

/// The node elsewhere that a name or an id means, if who has this token may speak for it. Nobody speaks so for the process
/// that has the home.
pub(super) fn find_elsewhere(engine: &Engine, reference: &str, token: Option<TokenId>) -> Result<NodeId, Failure> {
    let node = find(engine, reference)?;
    if node == engine.local_node() {
        let message = format!("{LOCAL_NODE} is the process that has the home: nobody else speaks for it");
        return Err(Failure::new(FailureKind::Refused, message));
    }
    engine.writer.glance(|views| check_speaker(views, node, token)).map_err(not_its_token)?;
    Ok(node)
}

/// What a node is told that comes with another token than before.
fn not_its_token(rejection: Rejection) -> Failure {
    let forbidden = matches!(rejection, Rejection::Forbidden { .. });
    let failure = Failure::from(rejection);
    if !forbidden {
        return failure;
    }
    failure
        .hint("use the token it joined with, or revoke that one and join again; `zo node remove NAME` frees the name")
}

pub(super) fn join(engine: &Engine, token: Option<TokenId>, input: NodeInput) -> Result<NodeJoined, Failure> {
    if input.name == LOCAL_NODE {
        let message = format!("{LOCAL_NODE} is the name of the process that has the home");
        return Err(Failure::new(FailureKind::Invalid, message).hint("give the node another name"));
    }
    let node = NodeId(engine.names.node(&input.name));
    let mut labels = input.labels;
    labels.sort();
    labels.dedup();
    let running = input.running.iter().filter_map(|attempt| Some((attempt.job.parse().ok()?, attempt.attempt)));
    let running = running.collect();
    let joined = Joined {
        name: input.name,
        capacity: input.capacity,
        labels,
        region: input.region,
        gpu: input.gpu,
        price_micros: input.price_micros.unwrap_or_default(),
        local: false,
        token,
    };
    let joining = Submission::new(Actor::Client, Command::JoinNode { node, joined, running });
    engine.writer.submit_one(joining).map_err(|error| match error {
        SubmitError::Rejected(rejection) => not_its_token(rejection),
        error => error.into(),
    })?;
    engine.hear_node(node)?;
    let options = engine.work.options();
    let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    Ok(NodeJoined { node: node.to_string(), heartbeat_ms: ms(options.heartbeat), lease_ms: ms(options.lease) })
}

pub(super) fn claim(
    engine: &Engine,
    node: NodeId,
    most: u32,
    wait_ms: u64,
    queues: &[String],
    each: Each<'_>,
) -> Result<(), Failure> {
    engine.hear_node(node)?;
    let lease = Some(engine.work.options().lease);
    let wanted = Wanted { node, lease, most, wait: Duration::from_millis(wait_ms), queues };
    let jobs = engine.claim_jobs(&wanted, &|| false)?;
    let claimed: Vec<Attempt> = jobs.iter().filter_map(|job| attempt(node, &job.job, job.attempt).ok()).collect();
    if each(Response::JobsClaimed(jobs)).is_break() {
        // Nobody is there to do them.
        for attempt in claimed {
            engine.take_job_back(attempt)?;
        }
    }
    Ok(())
}

fn attempt(node: NodeId, job: &str, attempt: u32) -> Result<Attempt, Failure> {
    let job = job.parse::<JobId>().map_err(|error| Failure::new(FailureKind::Invalid, error.to_string()))?;
    Ok(Attempt { job, node, attempt })
}

/// What a node is told: of what it says it runs, what is to be stopped, and what is not its any more.
pub(super) fn heartbeat(
    engine: &Engine,
    node: NodeId,
    running: &[RunningAttempt],
    draining: bool,
) -> Result<NodeHeard, Failure> {
    engine.hear_node(node)?;
    let state = engine.writer.read(|views| views.nodes.get(node).map(|node| node.state))?;
    if draining && state == Some(NodeState::Up) {
        engine.writer.submit_one(Submission::new(Actor::Client, Command::DrainNode { node }))?;
    }
    for attempt in unheard_of(engine, node, running)? {
        match engine.lose_job(attempt) {
            // Somebody was faster.
            Err(failure) if !failure.is_refusal() => return Err(failure),
            _ => engine.work.heard.forget_progress(attempt.job),
        }
    }
    let mut heard = NodeHeard { drain: state == Some(NodeState::Draining), ..NodeHeard::default() };
    for attempt in running {
        let Ok(job) = attempt.job.parse::<JobId>() else { continue };
        let now = engine.writer.read(|views| views.jobs.get(job).map(|job| (job.state, job.attempt)))?;
        let said = AttemptRef { job: attempt.job.clone(), attempt: attempt.attempt };
        match now {
            Some((JobState::Running { node: holder, cancelling, .. }, current))
                if holder == node && current == attempt.attempt =>
            {
                let progress = Progress { percent: attempt.percent, message: attempt.message.clone() };
                engine.work.heard.keep_progress(job, progress);
                if cancelling {
                    heard.cancelled.push(said);
                }
            }
            _ => heard.lost.push(said),
        }
    }
    Ok(heard)
}

/// What a node was given and does not speak of. The answer that gave it was lost, or went to a process of that node which is gone:
/// nobody does it, and every heartbeat would keep it the node's.
fn unheard_of(engine: &Engine, node: NodeId, running: &[RunningAttempt]) -> Result<Vec<Attempt>, Failure> {
    let said: HashSet<(JobId, u32)> =
        running.iter().filter_map(|said| Some((said.job.parse().ok()?, said.attempt))).collect();
    let given_before = Timestamp(engine.world.now().0.saturating_sub(LOST_ANSWER_MS));
    let unheard_of = |views: &Views| {
        let given = |id: JobId| {
            let job = views.jobs.get(id)?;
            let JobState::Running { since, .. } = job.state else { return None };
            let is_unheard_of = since < given_before && !said.contains(&(id, job.attempt));
            is_unheard_of.then_some(Attempt { job: id, node, attempt: job.attempt })
        };
        views.jobs.running_on(node).filter_map(given).collect()
    };
    Ok(engine.writer.read(unheard_of)?)
}

/// Which attempt a node speaks of.
pub(super) struct Spoken<'a> {
    pub(super) node: &'a str,
    /// Of who speaks.
    pub(super) token: Option<TokenId>,
    pub(super) job: &'a str,
    pub(super) attempt: u32,
}

impl Spoken<'_> {
    fn of(&self, engine: &Engine) -> Result<Attempt, Failure> {
        attempt(find_elsewhere(engine, self.node, self.token)?, self.job, self.attempt)
    }
}

fn acknowledged(attempt: Attempt, receipt: Receipt) -> Result<Acknowledged, Failure> {
    acknowledge(attempt.job.to_string(), Ok(receipt))
}

pub(super) fn complete(engine: &Engine, spoken: &Spoken<'_>, result: Option<String>) -> Result<Acknowledged, Failure> {
    let attempt = spoken.of(engine)?;
    if let Some(receipt) = said_before(engine, attempt)? {
        return acknowledged(attempt, receipt);
    }
    let receipt = engine.complete_job(attempt, result)?;
    engine.work.heard.forget_progress(attempt.job);
    acknowledged(attempt, receipt)
}

/// A node that did not hear our answer says the same once more: the event is there.
fn said_before(engine: &Engine, attempt: Attempt) -> Result<Option<Receipt>, Failure> {
    let ended = |views: &Views| views.jobs.ended(attempt.job).copied();
    // As a rule it has not ended: that is decided behind this, and only that it has must be durable.
    if engine.writer.glance(ended).is_none() {
        return Ok(None);
    }
    let Some(ended) = engine.writer.read(ended)? else { return Ok(None) };
    let event = engine.reader.event(ended.ended)?.recorded.event;
    let is_same = matches!(&event, zo_projections::event::Event::JobCompleted(done)
        if done.node == attempt.node && done.attempt == attempt.attempt);
    Ok(is_same.then_some(Receipt { stream: attempt.job.into(), position: ended.ended, version: 0, events: 0 }))
}

pub(super) fn fail(
    engine: &Engine,
    spoken: &Spoken<'_>,
    reason: String,
    again: bool,
    not_begun: bool,
) -> Result<Acknowledged, Failure> {
    let attempt = spoken.of(engine)?;
    let receipt = engine.fail_job(attempt, reason, again, not_begun)?;
    engine.work.heard.forget_progress(attempt.job);
    acknowledged(attempt, receipt)
}

pub(super) fn release(engine: &Engine, spoken: &Spoken<'_>) -> Result<Acknowledged, Failure> {
    let attempt = spoken.of(engine)?;
    let receipt = engine.release_job(attempt)?;
    engine.work.heard.forget_progress(attempt.job);
    acknowledged(attempt, receipt)
}

pub(super) fn append_log(engine: &Engine, spoken: &Spoken<'_>, offset: u64, text: &str) -> Result<Response, Failure> {
    let attempt = spoken.of(engine)?;
    let state = engine.writer.read(|views| views.jobs.get(attempt.job).map(|job| (job.state, job.attempt)))?;
    let is_current = matches!(state, Some((JobState::Running { node, .. }, current))
        if node == attempt.node && current == attempt.attempt);
    if !is_current {
        return Err(Rejection::state("job", attempt.job, "is not this node's any more").into());
    }
    let next = engine.work.logs.append(&engine.job_logs, attempt.job, attempt.attempt, Some(offset), text);
    Ok(Response::LogAppended { next })
}

fn control(engine: &Engine, reference: &str, command: impl FnOnce(NodeId) -> Command) -> Result<Acknowledged, Failure> {
    let node = find(engine, reference)?;
    let name = engine.writer.read(|views| super::jobs::node_name(views, node))?;
    acknowledge(name, engine.writer.submit_one(Submission::new(Actor::User, command(node))))
}

pub(super) fn leave(engine: &Engine, reference: &str, token: Option<TokenId>) -> Result<Acknowledged, Failure> {
    find_elsewhere(engine, reference, token)?;
    control(engine, reference, |node| Command::LeaveNode { node })
}

pub(super) fn drain(engine: &Engine, reference: &str, resume: bool) -> Result<Acknowledged, Failure> {
    control(engine, reference, |node| if resume { Command::ResumeNode { node } } else { Command::DrainNode { node } })
}

pub(super) fn remove(engine: &Engine, reference: &str) -> Result<Acknowledged, Failure> {
    control(engine, reference, |node| Command::RemoveNode { node })
}

pub(super) fn set_prices(
    engine: &Engine,
    gpus: Vec<(String, u32)>,
    regions: Vec<(String, u32)>,
) -> Result<Acknowledged, Failure> {
    let command = Command::SetPrices { prices: PricesSet { gpus, regions } };
    acknowledge("prices".to_owned(), engine.writer.submit_one(Submission::new(Actor::User, command)))
}

pub(super) fn prices(engine: &Engine) -> Result<Answer, Failure> {
    let PricesSet { gpus, regions } = engine.writer.read(|views| views.nodes.prices())?;
    Ok(Answer::Prices { gpus, regions })
}

pub(super) fn list(engine: &Engine) -> Result<Answer, Failure> {
    let works = engine.work.is_carrying_out();
    let mut lines = engine.writer.read(|views| {
        let line = |(id, node): (NodeId, &zo_projections::views::nodes::Node)| {
            #[allow(clippy::cast_precision_loss)] // a rate of six digits
            let reputation = node.reputation as f32 / WHOLE as f32;
            NodeLine {
                name: node.name.clone(),
                id: id.to_string(),
                // A process that had the home and is gone carries nothing out.
                state: if node.local && !works { NodeState::Left } else { node.state },
                local: node.local,
                capacity: node.capacity,
                running: views.jobs.running_on(id).map(|job| job.to_string()).collect(),
                labels: node.labels.clone(),
                region: node.region.clone(),
                gpu: node.gpu.clone(),
                price_micros: node.price_micros,
                effective_price_micros: views.nodes.price_of(node),
                reputation,
                completed: node.completed,
                failed: node.failed,
                lost: node.lost,
                heard_at: node.heard_at,
            }
        };
        views.nodes.iter().map(line).collect::<Vec<_>>()
    })?;
    lines.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(Answer::Nodes(lines))
}

#[cfg(test)]
mod tests;
