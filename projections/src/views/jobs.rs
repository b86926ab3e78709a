//! Jobs: what waits, what is ready in which order, and who runs what.
//!
//! ```text
//! classes   (queue, requirements) ─► the ready jobs of that class, by priority, then in the order of their submission
//! waiting   (due, job)         jobs whose delay or pause is not over
//! leases    (until, job)       what is lost when its node is not heard from
//! deadlines (deadline, job)    what is given up unless it is begun
//! ```
//!
//! All of these follow from the jobs themselves and are not saved. A claim looks at the first job of each class the node can
//! run: what it costs depends on how many classes have ready jobs, never on how many jobs there are.

mod ended;
mod job;
mod order;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use bincode::{Decode, Encode};
use hashbrown::HashMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::order::Order;
pub use ended::{Ended, How};
pub use job::{Job, JobState};

use super::nodes::Node;
use crate::event::Event;
use crate::event::job::{AfterLoss, Effect, Requirements, Submitted};
use crate::ids::{Digest, JobId, NodeId, Position};
use crate::projection::{Anomaly, NotASnapshot, Projection, load_value, save_value};
use crate::record::Recorded;
use crate::time::Timestamp;

/// Every job that may still be done, and what became of the others.
#[derive(Clone, Debug, Default)]
pub struct Jobs {
    open: HashMap<JobId, Job>,
    ended: BTreeMap<JobId, Ended>,
    classes: Vec<Class>,
    class_ids: HashMap<Class, u32>,
    queues: BTreeMap<String, Queue>,
    counts: Counts,
    order: Order,
    unique: HashMap<Digest, JobId>,
    /// Jobs that wait for others, by the one they wait for.
    dependents: HashMap<JobId, Vec<JobId>>,
    running: BTreeMap<NodeId, BTreeSet<JobId>>,
    /// Jobs that wait for one which was cancelled, and so are to be.
    doomed: BTreeSet<JobId>,
    /// The jobs of each batch, in the order of their submission; those that have ended too.
    batches: BTreeMap<JobId, Vec<JobId>>,
}

/// Jobs that any node can run or none, as far as they themselves say.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct Class {
    /// The queue they stand in.
    pub queue: String,
    /// What they require.
    pub requires: Requirements,
    /// Whether they need the node that has the home.
    pub local: bool,
}

/// A queue.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Queue {
    /// How many of its jobs may run at a time.
    pub limit: Option<u32>,
    /// Whether none of its jobs is begun.
    pub paused: bool,
    /// How many of its jobs are running.
    pub running: u32,
    /// How many of its jobs are ready, waiting or blocked.
    pub pending: u64,
}

/// How many jobs there are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs)] // the names say it
pub struct Counts {
    pub blocked: u64,
    pub waiting: u64,
    pub ready: u64,
    pub running: u64,
    pub interrupted: u64,
    pub dead: u64,
    pub done: u64,
    pub cancelled: u64,
}

impl Jobs {
    /// A job that has not ended: it can be done, or at least tried again.
    pub fn get(&self, id: JobId) -> Option<&Job> {
        self.open.get(&id)
    }

    /// What became of a job that has ended.
    pub fn ended(&self, id: JobId) -> Option<&Ended> {
        self.ended.get(&id)
    }

    /// Whether there ever was such a job.
    pub fn is_known(&self, id: JobId) -> bool {
        self.open.contains_key(&id) || self.ended.contains_key(&id)
    }

    /// What a job's class says.
    pub fn class(&self, job: &Job) -> &Class {
        &self.classes[job.class as usize]
    }

    /// The queue that a job which has ended stood in.
    pub fn queue_of_ended(&self, ended: &Ended) -> &str {
        &self.classes[ended.class as usize].queue
    }

    /// The jobs of a batch, in the order of their submission; those that have ended too.
    pub fn batch(&self, batch: JobId) -> &[JobId] {
        self.batches.get(&batch).map_or(&[], Vec::as_slice)
    }

    /// How many there are in which state.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Queues by name: those that were given a limit, and those that ever had a job.
    pub fn queues(&self) -> &BTreeMap<String, Queue> {
        &self.queues
    }

    /// The open job with a unique key.
    pub fn by_unique(&self, unique: Digest) -> Option<JobId> {
        self.unique.get(&unique).copied()
    }

    /// What a node runs, by id.
    pub fn running_on(&self, node: NodeId) -> impl Iterator<Item = JobId> {
        self.running.get(&node).into_iter().flatten().copied()
    }

    /// How many jobs a node runs.
    pub fn load_of(&self, node: NodeId) -> usize {
        self.running.get(&node).map_or(0, BTreeSet::len)
    }

    /// Open jobs, in no order. Looks at all of them.
    pub fn open(&self) -> impl Iterator<Item = (JobId, &Job)> {
        self.open.iter().map(|(id, job)| (*id, job))
    }

    /// Jobs that have ended, newest id first.
    pub fn ended_newest_first(&self) -> impl Iterator<Item = (JobId, &Ended)> {
        self.ended.iter().rev().map(|(id, ended)| (*id, ended))
    }

    /// The job that a node is to take next, at `now`: of the highest priority among those it can run, the one that was
    /// submitted first. `queues`: only of these, if there are any.
    pub fn next_for(&self, node: &Node, price: u64, queues: &[String], now: Timestamp) -> Option<JobId> {
        let fits =
            |class: &Class| (queues.is_empty() || queues.contains(&class.queue)) && self.can_begin(class, node, price);
        let firsts = self.order.classes().filter(|class| fits(&self.classes[*class as usize]));
        // What is too late is not begun, also when no look at the clock has said so yet.
        let some_are_late = self.order.expired(now).next().is_some();
        let is_late = |job: JobId| {
            some_are_late && self.get(job).is_some_and(|job| job.deadline.is_some_and(|deadline| deadline <= now))
        };
        let best = firsts
            .filter_map(|class| {
                let highest = self.highest_for(&self.classes[class as usize], node);
                self.order.from(class, highest).find(|place| !is_late(place.job))
            })
            .min()?;
        Some(best.job)
    }

    /// The same of a few jobs, whatever else is ready: of those, if the next of all is not among them, each is looked at.
    pub fn next_of(&self, jobs: &BTreeSet<JobId>, node: &Node, price: u64, now: Timestamp) -> Option<JobId> {
        let first = self.next_for(node, price, &[], now)?;
        if jobs.contains(&first) {
            return Some(first);
        }
        let candidates = jobs.iter().filter_map(|id| {
            let job = self.get(*id).filter(|job| job.state == JobState::Ready)?;
            let class = self.class(job);
            let in_time = job.deadline.is_none_or(|deadline| deadline > now);
            let fits = self.can_begin(class, node, price) && job.priority <= self.highest_for(class, node);
            (in_time && fits).then_some((Reverse(job.priority), job.submitted, *id))
        });
        candidates.min().map(|(_, _, id)| id)
    }

    /// Whether a job of a class could be begun by a node now.
    fn can_begin(&self, class: &Class, node: &Node, price: u64) -> bool {
        let queue = self.queues.get(&class.queue);
        let open = queue.is_none_or(|queue| !queue.paused && queue.limit.is_none_or(|limit| queue.running < limit));
        open && node.can_run(class, price)
    }

    /// The highest priority that a node is given. Who names a node wants that one, whatever it is worth.
    fn highest_for(&self, class: &Class, node: &Node) -> i16 {
        if node.is_reliable() || class.requires.node.is_some() { i16::MAX } else { 0 }
    }

    /// When something is due next that only time brings about: a delay, a lease or a deadline that is over.
    pub fn next_due(&self) -> Option<Timestamp> {
        if !self.doomed.is_empty() {
            return Some(Timestamp(i64::MIN));
        }
        self.order.next_due()
    }

    /// Whether a job's delay is over at `now` and no event has said so.
    pub fn is_ripe(&self, now: Timestamp) -> bool {
        self.order.next_waiting().is_some_and(|due| due <= now)
    }

    /// Jobs whose lease is over at `now`, at most `limit`, earliest first.
    pub fn overdue(&self, now: Timestamp, limit: usize) -> Vec<JobId> {
        self.order.overdue(now).take(limit).collect()
    }

    /// Jobs whose deadline passed before they were begun, at most `limit`, earliest first.
    pub fn expired(&self, now: Timestamp, limit: usize) -> Vec<JobId> {
        self.order.expired(now).take(limit).collect()
    }

    /// Jobs that wait for one which was cancelled, at most `limit`.
    pub fn doomed(&self, limit: usize) -> Vec<JobId> {
        self.doomed.iter().take(limit).copied().collect()
    }

    fn class_id(&mut self, class: Class) -> u32 {
        if let Some(id) = self.class_ids.get(&class) {
            return *id;
        }
        let id = u32::try_from(self.classes.len()).expect("there are fewer classes than jobs");
        self.classes.push(class.clone());
        self.class_ids.insert(class, id);
        self.order.add_class();
        id
    }

    fn queue_of(&mut self, class: u32) -> &mut Queue {
        self.queues.entry(self.classes[class as usize].queue.clone()).or_default()
    }

    fn submit(&mut self, recorded: &Recorded, event: &Submitted) -> Result<(), Anomaly> {
        let id = JobId(recorded.header.stream.id);
        if self.is_known(id) {
            return Err(Anomaly::new(recorded, format!("job {id} was submitted before")));
        }
        if let Some(other) = event.after.iter().find(|other| !self.is_known(**other)) {
            return Err(Anomaly::new(recorded, format!("it waits for job {other}, and there is none")));
        }
        if let Some(other) = event.unique.and_then(|unique| self.by_unique(unique)) {
            return Err(Anomaly::new(recorded, format!("job {other} has its unique key")));
        }
        let class =
            Class { queue: event.queue.clone(), requires: event.requires.clone(), local: event.kind.is_local() };
        let class = self.class_id(class);
        let mut job = Job::new(event, class, recorded.header.position);
        // Of those it waits for, the ones that are not done.
        job.after.retain(|other| !matches!(self.ended.get(other), Some(Ended { how: How::Done, .. })));
        for other in &job.after {
            self.dependents.entry(*other).or_default().push(id);
        }
        if job.after.iter().any(|other| !self.open.contains_key(other)) {
            self.doomed.insert(id);
        }
        if let Some(unique) = job.unique {
            self.unique.insert(unique, id);
        }
        if let Some(batch) = job.batch {
            self.batches.entry(batch).or_default().push(id);
        }
        job.state = if job.after.is_empty() { job.rested(recorded.header.at) } else { JobState::Blocked };
        self.queue_of(class).pending += 1;
        self.enter(id, &job);
        self.open.insert(id, job);
        Ok(())
    }

    /// Puts a job where its state says it is found.
    fn enter(&mut self, id: JobId, job: &Job) {
        self.order.enter(id, job);
        *self.counts.of(job.state) += 1;
        if let JobState::Running { node, .. } = job.state {
            self.running.entry(node).or_default().insert(id);
            self.queue_of(job.class).running += 1;
        }
    }

    /// Takes it from there.
    fn leave(&mut self, id: JobId, job: &Job) {
        self.order.leave(id, job);
        *self.counts.of(job.state) -= 1;
        if let JobState::Running { node, .. } = job.state {
            if let Some(jobs) = self.running.get_mut(&node) {
                jobs.remove(&id);
                if jobs.is_empty() {
                    self.running.remove(&node);
                }
            }
            self.queue_of(job.class).running -= 1;
        }
    }

    /// Changes a job, and where it is found.
    fn change(&mut self, id: JobId, change: impl FnOnce(&mut Job)) {
        let Some(mut job) = self.open.remove(&id) else { return };
        self.leave(id, &job);
        let was_pending = job.state.is_pending();
        change(&mut job);
        match (was_pending, job.state.is_pending()) {
            (true, false) => self.queue_of(job.class).pending -= 1,
            (false, true) => self.queue_of(job.class).pending += 1,
            _ => {}
        }
        self.enter(id, &job);
        self.open.insert(id, job);
    }

    /// Takes a job out for good.
    fn end(&mut self, id: JobId, how: How, recorded: &Recorded) {
        let Some(job) = self.open.remove(&id) else { return };
        self.leave(id, &job);
        if job.state.is_pending() {
            self.queue_of(job.class).pending -= 1;
        }
        if job.unique.is_some_and(|unique| self.unique.get(&unique) == Some(&id)) {
            self.unique.remove(&job.unique.unwrap_or_default());
        }
        self.doomed.remove(&id);
        for other in &job.after {
            if let Some(dependents) = self.dependents.get_mut(other) {
                dependents.retain(|dependent| *dependent != id);
                if dependents.is_empty() {
                    self.dependents.remove(other);
                }
            }
        }
        *(if how == How::Done { &mut self.counts.done } else { &mut self.counts.cancelled }) += 1;
        let (submitted, ended) = (job.submitted, recorded.header.position);
        self.ended.insert(id, Ended { submitted, ended, class: job.class, how });
        match how {
            How::Done => self.unblock(id, recorded.header.at),
            How::Cancelled => {
                let dependents = self.dependents.get(&id).cloned().unwrap_or_default();
                self.doomed.extend(dependents);
            }
        }
    }

    /// Those that waited for `id` wait for one job less.
    fn unblock(&mut self, id: JobId, at: Timestamp) {
        for dependent in self.dependents.remove(&id).unwrap_or_default() {
            self.change(dependent, |job| {
                job.after.retain(|other| *other != id);
                // One whose deadline passed meanwhile is dead, and stays so until somebody tries it again.
                if job.after.is_empty() && job.state == JobState::Blocked {
                    job.state = job.rested(at);
                }
            });
        }
    }

    /// What waited until `at` is ready.
    fn ripen(&mut self, at: Timestamp) {
        while let Some(id) = self.order.first_ripe(at) {
            self.change(id, |job| job.state = JobState::Ready);
        }
    }

    /// The attempt that an event is about, if it is the current one of a job that is running on that node.
    fn attempt(&self, recorded: &Recorded, node: NodeId, attempt: u32) -> Result<JobId, Anomaly> {
        let id = JobId(recorded.header.stream.id);
        let anomaly = |what: String| Err(Anomaly::new(recorded, what));
        let Some(job) = self.open.get(&id) else { return anomaly(format!("job {id} is not open")) };
        match job.state {
            JobState::Running { node: holder, .. } if holder == node && job.attempt == attempt => Ok(id),
            _ => anomaly(format!("attempt {attempt} of job {id} is not running on node {node}")),
        }
    }

    fn open_job(&self, recorded: &Recorded) -> Result<(JobId, &Job), Anomaly> {
        let id = JobId(recorded.header.stream.id);
        let job = self.open.get(&id).ok_or_else(|| Anomaly::new(recorded, format!("job {id} is not open")))?;
        Ok((id, job))
    }

    fn transition(&mut self, recorded: &Recorded) -> Result<(), Anomaly> {
        let at = recorded.header.at;
        let not_possible = |id: JobId, state: JobState| Anomaly::new(recorded, format!("job {id} is {}", state.name()));
        match &recorded.event {
            Event::JobSubmitted(event) => self.submit(recorded, event)?,
            Event::JobClaimed(event) => {
                let (id, job) = self.open_job(recorded)?;
                if job.state != JobState::Ready || job.attempt.checked_add(1) != Some(event.attempt) {
                    return Err(not_possible(id, job.state));
                }
                let (node, until, attempt) = (event.node, event.until, event.attempt);
                self.change(id, |job| {
                    job.attempt = attempt;
                    job.tries = job.tries.saturating_add(1);
                    job.state = JobState::Running { node, until, since: at, cancelling: false };
                });
            }
            Event::JobCompleted(event) => {
                let id = self.attempt(recorded, event.node, event.attempt)?;
                self.end(id, How::Done, recorded);
            }
            Event::JobFailed(event) => {
                let id = self.attempt(recorded, event.node, event.attempt)?;
                let state = match event.retry_at {
                    Some(due) if due > at => JobState::Waiting { due },
                    Some(_) => JobState::Ready,
                    None => JobState::Dead,
                };
                self.settle(id, state, recorded.header.position);
            }
            Event::JobLeaseLost(event) => {
                let id = self.attempt(recorded, event.node, event.attempt)?;
                let state = match event.then {
                    AfterLoss::Ready => JobState::Ready,
                    AfterLoss::Interrupted => JobState::Interrupted,
                    AfterLoss::Dead => JobState::Dead,
                };
                self.settle(id, state, recorded.header.position);
            }
            Event::JobReleased(event) => {
                let id = self.attempt(recorded, event.node, event.attempt)?;
                self.change(id, |job| {
                    job.tries = job.tries.saturating_sub(1);
                    job.state = JobState::Ready;
                });
            }
            Event::JobCancelRequested(_) => {
                let (id, job) = self.open_job(recorded)?;
                let JobState::Running { node, until, since, cancelling: false } = job.state else {
                    return Err(not_possible(id, job.state));
                };
                self.change(id, |job| job.state = JobState::Running { node, until, since, cancelling: true });
            }
            Event::JobCancelled(_) => {
                let (id, _) = self.open_job(recorded)?;
                self.end(id, How::Cancelled, recorded);
            }
            Event::JobRetried(_) => {
                let (id, job) = self.open_job(recorded)?;
                if !matches!(job.state, JobState::Dead | JobState::Interrupted) {
                    return Err(not_possible(id, job.state));
                }
                self.change(id, |job| {
                    job.tries = 0;
                    job.deadline = None;
                    job.state = if job.after.is_empty() { JobState::Ready } else { JobState::Blocked };
                });
            }
            Event::JobExpired(_) => {
                let (id, job) = self.open_job(recorded)?;
                if !job.state.is_pending() {
                    return Err(not_possible(id, job.state));
                }
                self.settle(id, JobState::Dead, recorded.header.position);
            }
            _ => {}
        }
        Ok(())
    }

    /// What has come of an attempt; `position` tells where that is recorded.
    fn settle(&mut self, id: JobId, state: JobState, position: Position) {
        self.change(id, |job| {
            job.settled = Some(position);
            job.state = state;
        });
    }
}

impl Counts {
    fn of(&mut self, state: JobState) -> &mut u64 {
        match state {
            JobState::Blocked => &mut self.blocked,
            JobState::Waiting { .. } => &mut self.waiting,
            JobState::Ready => &mut self.ready,
            JobState::Running { .. } => &mut self.running,
            JobState::Interrupted => &mut self.interrupted,
            JobState::Dead => &mut self.dead,
        }
    }
}

impl Projection for Jobs {
    const NAME: &'static str = "jobs";
    const SCHEMA: u16 = 2;

    fn apply(&mut self, recorded: &Recorded) -> Result<(), Anomaly> {
        match &recorded.event {
            Event::QueueSet(event) => {
                let queue = self.queues.entry(event.queue.clone()).or_default();
                (queue.limit, queue.paused) = (event.limit, event.paused);
            }
            Event::NodesHeard(event) => {
                let jobs: Vec<JobId> = event.nodes.iter().flat_map(|node| self.running_on(*node)).collect();
                for id in jobs {
                    self.change(id, |job| job.extend(event.until));
                }
            }
            _ => {}
        }
        self.transition(recorded)?;
        // Whatever happened, so much time has gone by.
        self.ripen(recorded.header.at);
        Ok(())
    }

    fn save(&self, out: &mut Vec<u8>) {
        let mut open: Vec<(JobId, &Job)> = self.open().collect();
        open.sort_unstable_by_key(|(_, job)| job.submitted);
        let limits: Vec<(&String, Option<u32>, bool)> =
            self.queues.iter().map(|(name, queue)| (name, queue.limit, queue.paused)).collect();
        let ended: Vec<(JobId, Ended)> = self.ended.iter().map(|(id, ended)| (*id, *ended)).collect();
        save_value(&(&self.classes, limits, open, ended, &self.batches), out);
    }

    fn load(bytes: &[u8]) -> Result<Self, NotASnapshot> {
        type Queues = Vec<(String, Option<u32>, bool)>;
        type Batches = BTreeMap<JobId, Vec<JobId>>;
        type Saved = (Vec<Class>, Queues, Vec<(JobId, Job)>, Vec<(JobId, Ended)>, Batches);
        let (classes, limits, open, ended, batches): Saved = load_value(bytes)?;
        let mut jobs = Self::default();
        for class in classes {
            jobs.class_id(class);
        }
        for (name, limit, paused) in limits {
            jobs.queues.insert(name, Queue { limit, paused, ..Queue::default() });
        }
        if let Some((id, _)) = ended.iter().find(|(_, ended)| ended.class as usize >= jobs.classes.len()) {
            return Err(of_no_class(*id));
        }
        jobs.ended = ended.into_iter().collect();
        jobs.batches = batches;
        let done = jobs.ended.values().filter(|ended| ended.how == How::Done).count() as u64;
        (jobs.counts.done, jobs.counts.cancelled) = (done, jobs.ended.len() as u64 - done);
        jobs.open.reserve(open.len());
        jobs.order.fill(&open);
        for (id, job) in &open {
            jobs.find_again(*id, job)?;
        }
        jobs.open.extend(open);
        let lost = |other: &JobId| !jobs.open.contains_key(other);
        let doomed = jobs.open.iter().filter(|(_, job)| job.after.iter().any(lost)).map(|(id, _)| *id);
        jobs.doomed = doomed.collect();
        Ok(jobs)
    }
}

impl Jobs {
    /// What follows from a job that was saved; its place in the order apart.
    fn find_again(&mut self, id: JobId, job: &Job) -> Result<(), NotASnapshot> {
        if job.class as usize >= self.classes.len() {
            return Err(of_no_class(id));
        }
        *self.counts.of(job.state) += 1;
        if let JobState::Running { node, .. } = job.state {
            self.running.entry(node).or_default().insert(id);
            self.queue_of(job.class).running += 1;
        }
        if job.state.is_pending() {
            self.queue_of(job.class).pending += 1;
        }
        if let Some(unique) = job.unique {
            self.unique.entry(unique).or_insert(id);
        }
        for other in &job.after {
            self.dependents.entry(*other).or_default().push(id);
        }
        Ok(())
    }
}

fn of_no_class(id: JobId) -> NotASnapshot {
    NotASnapshot(format!("job {id} is of a class that is not there"))
}

/// Whether a job of this effect may be done again after its node was lost.
pub fn may_be_repeated(effect: Effect) -> bool {
    effect != Effect::Once
}

#[cfg(test)]
mod tests;
