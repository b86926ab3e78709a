//! A naive queue: a plain list of jobs that is scanned for everything, as one would write it who only knows what a queue
//! of jobs is to do.

use std::cmp::Reverse;
use std::ops::RangeInclusive;

use super::*;
use crate::decide::job::Attempt;
use crate::event::home::{PricesSet, QueueSet};
use crate::event::job::{Effect, Submitted};
use crate::event::node::Joined;
use crate::views::nodes::NodeState;

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Stand {
    Blocked,
    Waiting(i64),
    Ready,
    Running { node: NodeId, until: Option<i64>, cancelling: bool },
    Interrupted,
    Dead,
    Done,
    Cancelled,
}

/// A job. The list has them in the order in which they were submitted.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) id: JobId,
    pub(super) asked: Submitted,
    pub(super) deadline: Option<i64>,
    pub(super) stand: Stand,
    pub(super) attempt: u32,
    pub(super) tries: u16,
}

impl Task {
    pub(super) fn is_open(&self) -> bool {
        !matches!(self.stand, Stand::Done | Stand::Cancelled)
    }

    pub(super) fn is_pending(&self) -> bool {
        matches!(self.stand, Stand::Blocked | Stand::Waiting(_) | Stand::Ready)
    }

    pub(super) fn is_running(&self) -> bool {
        matches!(self.stand, Stand::Running { .. })
    }
}

/// A node.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) has: Joined,
    pub(super) state: NodeState,
    pub(super) reputation: u64,
}

/// What a command comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outcome {
    Did,
    Nothing,
    Refused,
}
use Outcome::{Did, Nothing, Refused};

#[derive(Debug, Default)]
pub(super) struct Naive {
    pub(super) tasks: Vec<Task>,
    pub(super) nodes: BTreeMap<NodeId, Worker>,
    pub(super) queues: BTreeMap<String, (Option<u32>, bool)>,
    prices: PricesSet,
    /// A job that is tried again somewhen in this time.
    pub(super) tried_again: Option<(JobId, RangeInclusive<i64>)>,
}

impl Naive {
    /// What a command comes to at `now`.
    pub(super) fn tell(&mut self, command: &Command, now: i64) -> Outcome {
        match command {
            Command::SubmitJob { job, submitted, .. } => self.submit(*job, submitted, now),
            Command::ClaimJob { node, lease_ms, queues } => self.claim(*node, *lease_ms, queues, now),
            Command::CompleteJob { attempt, .. } => self.complete(*attempt, now),
            Command::FailJob { attempt, again, not_begun, .. } => self.fail(*attempt, *again, *not_begun, now),
            Command::ReleaseJob { attempt } => self.release(*attempt),
            Command::RecordJobStopped { attempt, .. } => match self.current(*attempt) {
                Some((task, _, _)) => self.put(task, Stand::Cancelled),
                None => Refused,
            },
            Command::LoseJob { attempt, .. } => match self.current(*attempt) {
                Some((task, _, _)) => self.lose(task),
                None => Refused,
            },
            Command::CancelJob { job, .. } => self.cancel(*job),
            Command::RetryJob { job } => self.retry(*job),
            Command::AdvanceClock => self.tick(now),
            Command::SetQueue { set } => self.set_queue(set),
            Command::JoinNode { node, joined, running } => self.join(*node, joined, running),
            Command::DrainNode { node } => self.move_node(*node, NodeState::Up, NodeState::Draining),
            Command::ResumeNode { node } => self.move_node(*node, NodeState::Draining, NodeState::Up),
            Command::LeaveNode { node } => self.leave(*node),
            Command::RemoveNode { node } => self.remove(*node),
            Command::HearNodes { nodes, lease_ms } => self.hear(nodes, now + lease_ms.cast_signed()),
            Command::SetPrices { prices } => {
                let same = self.prices == *prices;
                self.prices = prices.clone();
                if same { Nothing } else { Did }
            }
            command => panic!("{command:?} is not about jobs"),
        }
    }

    /// What waited until `now` is ready.
    pub(super) fn ripen(&mut self, now: i64) {
        for task in &mut self.tasks {
            if matches!(task.stand, Stand::Waiting(due) if due <= now) {
                task.stand = Stand::Ready;
            }
        }
    }

    pub(super) fn place_of(&self, job: JobId) -> Option<usize> {
        self.tasks.iter().position(|task| task.id == job)
    }

    fn stand_of(&self, job: JobId) -> Option<Stand> {
        self.place_of(job).map(|place| self.tasks[place].stand)
    }

    fn put(&mut self, task: usize, stand: Stand) -> Outcome {
        self.tasks[task].stand = stand;
        Did
    }

    /// The running job that is meant, its node, and whether it is to be stopped; none if the attempt is over.
    fn current(&self, at: Attempt) -> Option<(usize, NodeId, bool)> {
        let place = self.place_of(at.job)?;
        let task = &self.tasks[place];
        match task.stand {
            Stand::Running { node, cancelling, .. } if node == at.node && task.attempt == at.attempt => {
                Some((place, node, cancelling))
            }
            _ => None,
        }
    }

    pub(super) fn is_doomed(&self, task: &Task) -> bool {
        let cancelled = |job: &JobId| self.stand_of(*job) == Some(Stand::Cancelled);
        task.is_open() && task.asked.after.iter().any(cancelled)
    }

    fn is_free(&self, task: &Task) -> bool {
        task.asked.after.iter().all(|job| self.stand_of(*job) == Some(Stand::Done))
    }

    fn rested(task: &Task, now: i64) -> Stand {
        match task.asked.not_before {
            Some(due) if due.0 > now => Stand::Waiting(due.0),
            _ => Stand::Ready,
        }
    }

    fn submit(&mut self, id: JobId, asked: &Submitted, now: i64) -> Outcome {
        let same_key = |task: &Task| task.is_open() && asked.unique.is_some() && task.asked.unique == asked.unique;
        if self.place_of(id).is_some() || self.tasks.iter().any(same_key) {
            return Nothing;
        }
        if asked.after.iter().any(|job| matches!(self.stand_of(*job), None | Some(Stand::Cancelled))) {
            return Refused;
        }
        let deadline = asked.deadline.map(|deadline| deadline.0);
        let asked = asked.clone();
        let mut task = Task { id, asked, deadline, stand: Stand::Blocked, attempt: 0, tries: 0 };
        if self.is_free(&task) {
            task.stand = Self::rested(&task, now);
        }
        self.queues.entry(task.asked.queue.clone()).or_default();
        self.tasks.push(task);
        Did
    }

    fn price_of(&self, has: &Joined) -> u128 {
        let by = |table: &[(String, u32)], name: &Option<String>| {
            let row = table.iter().find(|(row, _)| Some(row) == name.as_ref());
            row.map_or(1000, |(_, thousandths)| u128::from(*thousandths))
        };
        let factors = by(&self.prices.gpus, &has.gpu) * by(&self.prices.regions, &has.region);
        u128::from(has.price_micros) * factors / 1_000_000
    }

    fn can_run(&self, worker: &Worker, task: &Task) -> bool {
        let (has, needs) = (&worker.has, &task.asked.requires);
        let is_reliable = has.local || worker.reputation * 2 >= 1_000_000;
        needs.labels.iter().all(|label| has.labels.contains(label))
            && (needs.region.is_none() || needs.region == has.region)
            && (needs.gpu.is_none() || needs.gpu == has.gpu)
            && needs.node.as_ref().is_none_or(|name| *name == has.name)
            && needs.max_price_micros.is_none_or(|most| self.price_of(has) <= most.into())
            && (has.local || !task.asked.kind.is_local())
            && (is_reliable || needs.node.is_some() || task.asked.priority <= 0)
    }

    fn running_in(&self, queue: &str) -> u32 {
        let running = self.tasks.iter().filter(|task| task.asked.queue == queue && task.is_running());
        u32::try_from(running.count()).expect("a test is short")
    }

    fn claim(&mut self, id: NodeId, lease_ms: Option<u64>, queues: &[String], now: i64) -> Outcome {
        let Some(worker) = self.nodes.get(&id) else { return Refused };
        if worker.state != NodeState::Up || self.of_node(id).len() >= worker.has.capacity as usize {
            return Nothing;
        }
        let is_open = |queue: &String| {
            let (limit, paused) = self.queues[queue];
            !paused && limit.is_none_or(|limit| self.running_in(queue) < limit)
        };
        let fits = |task: &&(usize, &Task)| {
            let task = task.1;
            task.stand == Stand::Ready
                && task.deadline.is_none_or(|deadline| deadline > now)
                && (queues.is_empty() || queues.contains(&task.asked.queue))
                && is_open(&task.asked.queue)
                && self.can_run(worker, task)
        };
        let tasks: Vec<(usize, &Task)> = self.tasks.iter().enumerate().collect();
        let best = tasks.iter().filter(fits).min_by_key(|(place, task)| (Reverse(task.asked.priority), *place));
        let Some(&(place, _)) = best else { return Nothing };
        let task = &mut self.tasks[place];
        task.attempt += 1;
        task.tries += 1;
        let until = lease_ms.map(|lease| now + lease.cast_signed());
        self.put(place, Stand::Running { node: id, until, cancelling: false })
    }

    fn judge(&mut self, node: NodeId, well: bool) {
        if let Some(worker) = self.nodes.get_mut(&node) {
            worker.reputation = worker.reputation * 9 / 10 + if well { 100_000 } else { 0 };
        }
    }

    fn complete(&mut self, at: Attempt, now: i64) -> Outcome {
        let Some((place, node, _)) = self.current(at) else { return Refused };
        self.judge(node, true);
        self.tasks[place].stand = Stand::Done;
        for place in 0..self.tasks.len() {
            let task = &self.tasks[place];
            if task.stand == Stand::Blocked && self.is_free(task) {
                self.tasks[place].stand = Self::rested(task, now);
            }
        }
        Did
    }

    fn fail(&mut self, at: Attempt, again: bool, not_begun: bool, now: i64) -> Outcome {
        let Some((place, node, cancelling)) = self.current(at) else { return Refused };
        if cancelling {
            return self.put(place, Stand::Cancelled);
        }
        if not_begun {
            self.judge(node, false);
        }
        let task = &mut self.tasks[place];
        if !again || task.tries >= task.asked.max_attempts {
            return self.put(place, Stand::Dead);
        }
        // Twice as long each time, and up to a quarter less.
        let mut delay = i64::from(task.asked.backoff.first_ms);
        for _ in 1..task.tries {
            delay = (delay * 2).min(1 << 40);
        }
        delay = delay.min(task.asked.backoff.longest_ms.into());
        self.tried_again = Some((task.id, now + delay - delay / 4..=now + delay));
        Did
    }

    fn release(&mut self, at: Attempt) -> Outcome {
        let Some((place, _, cancelling)) = self.current(at) else { return Refused };
        if cancelling {
            return self.put(place, Stand::Cancelled);
        }
        self.tasks[place].tries -= 1;
        self.put(place, Stand::Ready)
    }

    fn lose(&mut self, place: usize) -> Outcome {
        let task = &self.tasks[place];
        let Stand::Running { node, cancelling, .. } = task.stand else { panic!("it is not running: {task:?}") };
        if cancelling {
            return self.put(place, Stand::Cancelled);
        }
        let stand = match task.asked.effect {
            Effect::Once => Stand::Interrupted,
            _ if task.tries >= task.asked.max_attempts => Stand::Dead,
            _ => Stand::Ready,
        };
        // That the process which has the home was ended says nothing about what it ran.
        if self.nodes.get(&node).is_some_and(|worker| !worker.has.local) {
            self.judge(node, false);
        }
        self.put(place, stand)
    }

    fn cancel(&mut self, job: JobId) -> Outcome {
        let Some(place) = self.place_of(job) else { return Refused };
        match self.tasks[place].stand {
            Stand::Done => Refused,
            Stand::Cancelled | Stand::Running { cancelling: true, .. } => Nothing,
            Stand::Running { node, until, .. } => self.put(place, Stand::Running { node, until, cancelling: true }),
            _ => self.put(place, Stand::Cancelled),
        }
    }

    fn retry(&mut self, job: JobId) -> Outcome {
        let Some(place) = self.place_of(job) else { return Refused };
        if !matches!(self.tasks[place].stand, Stand::Dead | Stand::Interrupted) {
            return Refused;
        }
        (self.tasks[place].tries, self.tasks[place].deadline) = (0, None);
        let stand = if self.is_free(&self.tasks[place]) { Stand::Ready } else { Stand::Blocked };
        self.put(place, stand)
    }

    fn places(&self, of: impl Fn(&Task) -> bool) -> Vec<usize> {
        (0..self.tasks.len()).filter(|place| of(&self.tasks[*place])).collect()
    }

    fn of_node(&self, id: NodeId) -> Vec<usize> {
        self.places(|task| matches!(task.stand, Stand::Running { node, .. } if node == id))
    }

    fn tick(&mut self, now: i64) -> Outcome {
        let overdue =
            self.places(|task| matches!(task.stand, Stand::Running { until: Some(until), .. } if until <= now));
        let expired = self.places(|task| task.is_pending() && task.deadline.is_some_and(|deadline| deadline <= now));
        let doomed = self.places(|task| self.is_doomed(task));
        let ripe = self.places(|task| matches!(task.stand, Stand::Waiting(due) if due <= now));
        for place in &overdue {
            let Stand::Running { node, .. } = self.tasks[*place].stand else { panic!("it is running") };
            self.lose(*place);
            if let Some(worker) = self.nodes.get_mut(&node).filter(|worker| worker.state == NodeState::Up) {
                worker.state = NodeState::Lost;
            }
        }
        expired.iter().for_each(|place| self.tasks[*place].stand = Stand::Dead);
        doomed.iter().for_each(|place| self.tasks[*place].stand = Stand::Cancelled);
        if [overdue, expired, doomed, ripe].iter().all(Vec::is_empty) { Nothing } else { Did }
    }

    fn set_queue(&mut self, set: &QueueSet) -> Outcome {
        let new = (set.limit, set.paused);
        if set.limit == Some(0) {
            Refused
        } else if self.queues.insert(set.queue.clone(), new) == Some(new) {
            Nothing
        } else {
            Did
        }
    }

    fn join(&mut self, id: NodeId, joined: &Joined, running: &[(JobId, u32)]) -> Outcome {
        let gone: Vec<usize> = self.of_node(id);
        let still = |task: &Task| running.contains(&(task.id, task.attempt));
        let gone: Vec<usize> = gone.into_iter().filter(|place| !still(&self.tasks[*place])).collect();
        for place in &gone {
            self.lose(*place);
        }
        let before = self.nodes.get(&id);
        let same = before.is_some_and(|worker| worker.state == NodeState::Up && worker.has == *joined);
        let reputation = before.map_or(1_000_000, |worker| worker.reputation);
        self.nodes.insert(id, Worker { has: joined.clone(), state: NodeState::Up, reputation });
        if same && gone.is_empty() { Nothing } else { Did }
    }

    fn move_node(&mut self, id: NodeId, from: NodeState, to: NodeState) -> Outcome {
        match self.nodes.get_mut(&id) {
            Some(worker) if worker.state == from => {
                worker.state = to;
                Did
            }
            Some(worker) if worker.state == to => Nothing,
            _ => Refused,
        }
    }

    fn leave(&mut self, id: NodeId) -> Outcome {
        let running = self.of_node(id);
        let Some(worker) = self.nodes.get_mut(&id) else { return Refused };
        if worker.state == NodeState::Left && running.is_empty() {
            return Nothing;
        }
        worker.state = NodeState::Left;
        for place in running {
            self.lose(place);
        }
        Did
    }

    fn remove(&mut self, id: NodeId) -> Outcome {
        if self.nodes.get(&id).is_none_or(|worker| worker.has.local) {
            return Refused;
        }
        for place in self.of_node(id) {
            self.lose(place);
        }
        self.nodes.remove(&id);
        Did
    }

    fn hear(&mut self, nodes: &[NodeId], to: i64) -> Outcome {
        let known: Vec<NodeId> = nodes.iter().copied().filter(|id| self.nodes.contains_key(id)).collect();
        for id in &known {
            let worker = self.nodes.get_mut(id).expect("it is known");
            if worker.state == NodeState::Lost {
                worker.state = NodeState::Up;
            }
            for place in self.of_node(*id) {
                if let Stand::Running { until: Some(until), .. } = &mut self.tasks[place].stand {
                    *until = to.max(*until);
                }
            }
        }
        if known.is_empty() { Nothing } else { Did }
    }
}
