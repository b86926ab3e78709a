//! Decisions about nodes.

use super::job::{MAX_LABELS, lost_job};
use super::{Decision, HOME, NewEvent, check_count, check_length, check_name, record};
use crate::command::Rejection;
use crate::event::home::{NodesHeard, PricesSet};
use crate::event::node::{Draining, Joined, Left, Removed, Resumed};
use crate::event::vault::Scope;
use crate::ids::{JobId, NodeId, TokenId};
use crate::time::Timestamp;
use crate::views::Views;
use crate::views::jobs::JobState;
use crate::views::nodes::{Node, NodeState};

/// The most jobs that a node may run at a time.
pub const MAX_CAPACITY: u32 = 4096;
/// The most rows that the table of prices may have.
pub const MAX_PRICES: usize = 256;
/// The longest name in it, in bytes: [`MAX_PRICES`] of them have room in one event.
pub const MAX_PRICE_NAME_BYTES: usize = 128;
/// The most nodes there may be: all of them have room in the event that says who was heard from.
pub const MAX_NODES: usize = 2048;

/// `running`: what the node still runs, with their attempts. Whatever else the log thinks that it runs is lost: its process
/// was another one.
pub(super) fn join(
    views: &Views,
    now: Timestamp,
    id: NodeId,
    joined: Joined,
    running: &[(JobId, u32)],
) -> Result<Decision, Rejection> {
    check_name("the node", &joined.name)?;
    check_count("its labels", joined.labels.len(), MAX_LABELS)?;
    for name in joined.labels.iter().chain(&joined.region).chain(&joined.gpu) {
        check_name("what it has", name)?;
    }
    let invalid = |what: &str, why: &str| Err(Rejection::Invalid { what: what.to_owned(), why: why.to_owned() });
    if !joined.labels.is_sorted() {
        return invalid("its labels", "they are not sorted");
    }
    if joined.capacity == 0 || joined.capacity > MAX_CAPACITY {
        return invalid("its capacity", &format!("it is none of 1 to {MAX_CAPACITY}"));
    }
    if views.nodes.get(id).is_none() {
        check_count("the nodes", views.nodes.len() + 1, MAX_NODES)?;
    }
    check_owner(views, now, id, joined.token)?;
    let still = |job: &JobId| {
        let attempt = views.jobs.get(*job).map(|job| job.attempt);
        running.iter().any(|(id, number)| id == job && Some(*number) == attempt)
    };
    let gone = views.jobs.running_on(id).filter(|job| !still(job));
    let mut events: Vec<NewEvent> = gone.filter_map(|job| lost_job(views, job)).collect();
    match views.nodes.get(id) {
        Some(node) if events.is_empty() && is_same(node, &joined) => return Ok(Decision::already(id, node.joined)),
        _ => events.push(NewEvent::new(id, joined)),
    }
    Ok(record(events))
}

/// Whether who has this token may speak for a node: it was joined with the same one, or the token is an admin's. Nobody's
/// token is that of the user of this machine, who may; a node that is bound to no token is spoken for by whoever speaks.
///
/// # Errors
/// If another token joined the node.
pub fn check_speaker(views: &Views, id: NodeId, token: Option<TokenId>) -> Result<(), Rejection> {
    let node = known(views, id)?;
    let (Some(bound), Some(token)) = (node.token, token) else { return Ok(()) };
    if bound == token || is_admin(views, token) {
        return Ok(());
    }
    Err(Rejection::Forbidden {
        what: "node".to_owned(),
        id: node.name.clone(),
        why: "joined with another token".to_owned(),
    })
}

/// Whether who has this token may have a node: it is bound to no other one that holds, or an admin says so.
fn check_owner(views: &Views, now: Timestamp, id: NodeId, token: Option<TokenId>) -> Result<(), Rejection> {
    let bound = views.nodes.get(id).and_then(|node| node.token);
    let holds = |bound| {
        let kept = views.tokens.get(bound);
        kept.is_some_and(|kept| kept.expires_at.is_none_or(|expires_at| expires_at > now))
    };
    match bound {
        Some(bound) if holds(bound) => check_speaker(views, id, token),
        _ => Ok(()),
    }
}

fn is_admin(views: &Views, token: TokenId) -> bool {
    views.tokens.get(token).is_some_and(|kept| kept.scopes.contains(&Scope::Admin))
}

/// Whether a node is as it would be after joining.
fn is_same(node: &Node, joined: &Joined) -> bool {
    let known = Joined {
        name: node.name.clone(),
        capacity: node.capacity,
        labels: node.labels.clone(),
        region: node.region.clone(),
        gpu: node.gpu.clone(),
        price_micros: node.price_micros,
        local: node.local,
        token: node.token,
    };
    node.state == NodeState::Up && known == *joined
}

fn known(views: &Views, id: NodeId) -> Result<&Node, Rejection> {
    views.nodes.get(id).ok_or_else(|| Rejection::not_found("node", id))
}

pub(super) fn drain(views: &Views, id: NodeId) -> Result<Decision, Rejection> {
    let node = known(views, id)?;
    match node.state {
        NodeState::Up => Ok(record([NewEvent::new(id, Draining {})])),
        NodeState::Draining => Ok(Decision::already(id, node.joined)),
        NodeState::Left | NodeState::Lost => Err(Rejection::state("node", &node.name, "is not there")),
    }
}

pub(super) fn resume(views: &Views, id: NodeId) -> Result<Decision, Rejection> {
    let node = known(views, id)?;
    match node.state {
        NodeState::Draining => Ok(record([NewEvent::new(id, Resumed {})])),
        NodeState::Up => Ok(Decision::already(id, node.joined)),
        NodeState::Left | NodeState::Lost => Err(Rejection::state("node", &node.name, "is not there")),
    }
}

/// A node leaves of itself. What it still has is lost with it.
pub(super) fn leave(views: &Views, id: NodeId) -> Result<Decision, Rejection> {
    let node = known(views, id)?;
    let mut events: Vec<NewEvent> = views.jobs.running_on(id).filter_map(|job| lost_job(views, job)).collect();
    if events.is_empty() && node.state == NodeState::Left {
        return Ok(Decision::already(id, node.joined));
    }
    events.push(NewEvent::new(id, Left {}));
    Ok(record(events))
}

pub(super) fn remove(views: &Views, id: NodeId) -> Result<Decision, Rejection> {
    let node = known(views, id)?;
    if node.local {
        return Err(Rejection::state("node", &node.name, "is the process that has the home"));
    }
    let is_running =
        |job: &JobId| views.jobs.get(*job).is_some_and(|job| matches!(job.state, JobState::Running { .. }));
    let running = views.jobs.running_on(id).filter(is_running);
    let mut events: Vec<NewEvent> = running.filter_map(|job| lost_job(views, job)).collect();
    events.push(NewEvent::new(id, Removed {}));
    Ok(record(events))
}

/// Nodes were heard from: what they run is theirs for `lease_ms` more.
pub(super) fn hear(
    views: &Views,
    now: Timestamp,
    mut nodes: Vec<NodeId>,
    lease_ms: u64,
) -> Result<Decision, Rejection> {
    nodes.retain(|node| views.nodes.get(*node).is_some());
    nodes.sort_unstable();
    nodes.dedup();
    if nodes.is_empty() {
        return Ok(Decision::already(HOME, views.position));
    }
    let until = Timestamp(now.0.saturating_add(i64::try_from(lease_ms).unwrap_or(i64::MAX)));
    Ok(record([NewEvent::new(HOME, NodesHeard { nodes, until })]))
}

pub(super) fn set_prices(views: &Views, mut prices: PricesSet) -> Result<Decision, Rejection> {
    check_count("the rows of the table", prices.gpus.len() + prices.regions.len(), MAX_PRICES)?;
    for (name, _) in prices.gpus.iter().chain(&prices.regions) {
        check_name("a name in the table", name)?;
        check_length("a name in the table", name.len(), MAX_PRICE_NAME_BYTES)?;
    }
    prices.gpus.sort();
    prices.regions.sort();
    for table in [&prices.gpus, &prices.regions] {
        if let Some(pair) = table.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            let why = format!("{} is in it twice", pair[0].0);
            return Err(Rejection::Invalid { what: "the table".to_owned(), why });
        }
    }
    if views.nodes.prices() == prices {
        return Ok(Decision::already(HOME, views.position));
    }
    Ok(record([NewEvent::new(HOME, prices)]))
}

#[cfg(test)]
mod tests;
