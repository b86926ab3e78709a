//! Jobs in the order in which something is due of them.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::{Job, JobState};
use crate::ids::{JobId, Position};
use crate::time::Timestamp;

/// Where jobs are found, by what is to become of them next. Follows from the jobs.
#[derive(Clone, Debug, Default)]
pub(super) struct Order {
    /// By class.
    ready: Vec<BTreeSet<Place>>,
    /// Classes with ready jobs.
    busy: BTreeSet<u32>,
    waiting: BTreeSet<(Timestamp, JobId)>,
    leases: BTreeSet<(Timestamp, JobId)>,
    deadlines: BTreeSet<(Timestamp, JobId)>,
}

/// A place in the order of the ready jobs: the smallest goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    priority: Reverse<i16>,
    submitted: Position,
    pub(super) job: JobId,
}

impl Place {
    fn of(id: JobId, job: &Job) -> Self {
        Self { priority: Reverse(job.priority), submitted: job.submitted, job: id }
    }
}

impl Order {
    pub(super) fn add_class(&mut self) {
        self.ready.push(BTreeSet::new());
    }

    pub(super) fn enter(&mut self, id: JobId, job: &Job) {
        match job.state {
            JobState::Ready => {
                self.ready[job.class as usize].insert(Place::of(id, job));
                self.busy.insert(job.class);
            }
            JobState::Waiting { due } => {
                self.waiting.insert((due, id));
            }
            JobState::Running { until: Some(until), .. } => {
                self.leases.insert((until, id));
            }
            _ => {}
        }
        if let (Some(deadline), true) = (job.deadline, job.state.is_pending()) {
            self.deadlines.insert((deadline, id));
        }
    }

    pub(super) fn leave(&mut self, id: JobId, job: &Job) {
        match job.state {
            JobState::Ready => {
                let class = &mut self.ready[job.class as usize];
                class.remove(&Place::of(id, job));
                if class.is_empty() {
                    self.busy.remove(&job.class);
                }
            }
            JobState::Waiting { due } => {
                self.waiting.remove(&(due, id));
            }
            JobState::Running { until: Some(until), .. } => {
                self.leases.remove(&(until, id));
            }
            _ => {}
        }
        if let (Some(deadline), true) = (job.deadline, job.state.is_pending()) {
            self.deadlines.remove(&(deadline, id));
        }
    }

    /// Enters many jobs at once: sets are built from sorted rows much faster than one by one.
    pub(super) fn fill(&mut self, jobs: &[(JobId, Job)]) {
        let mut ready: Vec<Vec<Place>> = vec![Vec::new(); self.ready.len()];
        for (id, job) in jobs {
            match (job.state, ready.get_mut(job.class as usize)) {
                (JobState::Ready, Some(class)) => {
                    class.push(Place::of(*id, job));
                    if let Some(deadline) = job.deadline {
                        self.deadlines.insert((deadline, *id));
                    }
                }
                // Its class is not there: whoever loads says so.
                (_, None) => {}
                (_, Some(_)) => self.enter(*id, job),
            }
        }
        for (class, mut places) in ready.into_iter().enumerate() {
            places.sort_unstable();
            if !places.is_empty() {
                self.busy.insert(u32::try_from(class).expect("classes have 32-bit numbers"));
            }
            self.ready[class] = places.into_iter().collect();
        }
    }

    /// Classes with ready jobs.
    pub(super) fn classes(&self) -> impl Iterator<Item = u32> {
        self.busy.iter().copied()
    }

    /// The ready jobs of a class with at most this priority, in their order.
    pub(super) fn from(&self, class: u32, highest: i16) -> impl Iterator<Item = Place> {
        let from = Place { priority: Reverse(highest), submitted: Position(0), job: JobId(0) };
        self.ready[class as usize].range(from..).copied()
    }

    /// A job whose delay is over at `at`.
    pub(super) fn first_ripe(&self, at: Timestamp) -> Option<JobId> {
        self.waiting.first().filter(|(due, _)| *due <= at).map(|(_, id)| *id)
    }

    pub(super) fn next_waiting(&self) -> Option<Timestamp> {
        self.waiting.first().map(|(due, _)| *due)
    }

    pub(super) fn overdue(&self, now: Timestamp) -> impl Iterator<Item = JobId> {
        self.leases.iter().take_while(move |(until, _)| *until <= now).map(|(_, id)| *id)
    }

    pub(super) fn expired(&self, now: Timestamp) -> impl Iterator<Item = JobId> {
        self.deadlines.iter().take_while(move |(deadline, _)| *deadline <= now).map(|(_, id)| *id)
    }

    /// The earliest moment at which something is due.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let firsts = [&self.waiting, &self.leases, &self.deadlines].map(|set| set.first().map(|(at, _)| *at));
        firsts.into_iter().flatten().min()
    }
}
