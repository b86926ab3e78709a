//! Schedules: when each is due next, and how its occurrences went.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bincode::{Decode, Encode};

use crate::event::Event;
use crate::event::job::AfterLoss;
use crate::event::schedule::{Plan, WhyMissed};
use crate::ids::{JobId, Position, ScheduleId};
use crate::projection::{Anomaly, NotASnapshot, Projection, load_value, save_value};
use crate::record::Recorded;
use crate::time::Timestamp;

/// So many of its last occurrences are kept of a schedule; the log has all.
pub const MAX_HISTORY: usize = 50;

/// Every schedule that was not removed.
#[derive(Clone, Debug, Default)]
pub struct Schedules {
    schedules: BTreeMap<ScheduleId, Schedule>,
    /// Those that are active, by when they are due. Follows from them.
    due: BTreeSet<(Timestamp, ScheduleId)>,
    /// Which schedule a job that has not ended was submitted for. Follows from what is outstanding of them.
    jobs: BTreeMap<JobId, ScheduleId>,
}

/// A schedule.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Schedule {
    /// What it is, in clear.
    pub plan: Plan,
    /// The event with its body.
    pub defined: Position,
    /// The event that added it.
    pub added: Position,
    /// When it is due next; none: never again.
    pub next: Option<Timestamp>,
    /// Whether it is paused.
    pub paused: bool,
    /// How often it occurred.
    pub occurred: u64,
    /// How many occurrences were left out.
    pub missed: u64,
    /// How many of its jobs failed for good in a row.
    pub failures: u32,
    /// Its jobs that have not ended.
    pub outstanding: BTreeSet<JobId>,
    /// What happened last, oldest first.
    pub history: VecDeque<Happened>,
}

/// Something that happened to a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Happened {
    /// It occurred.
    Occurred {
        /// When it was due.
        due: Timestamp,
        /// When that was seen.
        at: Timestamp,
        /// Its job.
        job: JobId,
        /// Whether a person wanted it.
        by_hand: bool,
    },
    /// Occurrences were left out.
    Missed {
        /// When the first of them was due.
        from: Timestamp,
        /// When the last of them was due.
        to: Timestamp,
        /// How many they were.
        count: u32,
        /// Why.
        why: WhyMissed,
    },
}

impl Schedule {
    /// When it is due, if it is active.
    pub fn due(&self) -> Option<Timestamp> {
        self.next.filter(|_| !self.paused)
    }

    fn keep(&mut self, happened: Happened) {
        if self.history.len() == MAX_HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(happened);
    }
}

impl Schedules {
    /// A schedule.
    pub fn get(&self, id: ScheduleId) -> Option<&Schedule> {
        self.schedules.get(&id)
    }

    /// All of them, by id.
    pub fn iter(&self) -> impl Iterator<Item = (ScheduleId, &Schedule)> {
        self.schedules.iter().map(|(id, schedule)| (*id, schedule))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.schedules.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.schedules.is_empty()
    }

    /// When the next one is due.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(due, _)| *due)
    }

    /// Those that are due at `now`, at most `limit`, earliest first.
    pub fn due(&self, now: Timestamp, limit: usize) -> Vec<(Timestamp, ScheduleId)> {
        self.due.iter().take_while(|(due, _)| *due <= now).take(limit).copied().collect()
    }

    /// The schedule that a job was submitted for, until that has ended.
    pub fn of_job(&self, job: JobId) -> Option<ScheduleId> {
        self.jobs.get(&job).copied()
    }

    fn change(
        &mut self,
        recorded: &Recorded,
        change: impl FnOnce(&mut Schedule) -> Result<(), String>,
    ) -> Result<(), Anomaly> {
        let id = ScheduleId(recorded.header.stream.id);
        let anomaly = |what: String| Anomaly::new(recorded, what);
        let schedule = self.schedules.get_mut(&id).ok_or_else(|| anomaly(format!("there is no schedule {id}")))?;
        let before = schedule.due();
        let changed = change(schedule);
        let after = schedule.due();
        if before != after {
            self.due.extend(after.map(|due| (due, id)));
            before.map(|due| self.due.remove(&(due, id)));
        }
        changed.map_err(anomaly)
    }

    /// A job has ended, well or not.
    fn settle(&mut self, job: JobId, well: Option<bool>, is_over: bool) {
        let Some(schedule) = self.jobs.get(&job).and_then(|id| self.schedules.get_mut(id)) else { return };
        match well {
            Some(true) => schedule.failures = 0,
            Some(false) => schedule.failures = schedule.failures.saturating_add(1),
            None => {}
        }
        if is_over {
            schedule.outstanding.remove(&job);
            self.jobs.remove(&job);
        }
    }
}

impl Projection for Schedules {
    const NAME: &'static str = "schedules";
    const SCHEMA: u16 = 1;

    fn apply(&mut self, recorded: &Recorded) -> Result<(), Anomaly> {
        let header = &recorded.header;
        let (id, position) = (ScheduleId(header.stream.id), header.position);
        match &recorded.event {
            Event::ScheduleAdded(event) => {
                // One that was removed does not come back: its stream still knows it.
                if header.version != 1 || self.schedules.contains_key(&id) {
                    return Err(Anomaly::new(recorded, format!("schedule {id} was added before")));
                }
                let schedule = Schedule {
                    plan: event.plan.clone(),
                    defined: position,
                    added: position,
                    next: event.next,
                    paused: false,
                    occurred: 0,
                    missed: 0,
                    failures: 0,
                    outstanding: BTreeSet::new(),
                    history: VecDeque::new(),
                };
                self.due.extend(schedule.due().map(|due| (due, id)));
                self.schedules.insert(id, schedule);
            }
            Event::ScheduleEdited(event) => self.change(recorded, |schedule| {
                (schedule.plan, schedule.defined) = (event.plan.clone(), position);
                (schedule.next, schedule.failures) = (event.next, 0);
                Ok(())
            })?,
            Event::SchedulePaused(_) => self.change(recorded, |schedule| {
                schedule.paused = true;
                Ok(())
            })?,
            Event::ScheduleResumed(event) => self.change(recorded, |schedule| {
                (schedule.paused, schedule.next, schedule.failures) = (false, event.next, 0);
                Ok(())
            })?,
            Event::ScheduleRemoved(_) => {
                self.change(recorded, |schedule| {
                    schedule.paused = true;
                    Ok(())
                })?;
                let removed = self.schedules.remove(&id);
                for job in removed.into_iter().flat_map(|schedule| schedule.outstanding) {
                    self.jobs.remove(&job);
                }
            }
            Event::ScheduleOccurred(event) => {
                let job = event.job;
                if self.jobs.contains_key(&job) {
                    return Err(Anomaly::new(recorded, format!("job {job} was submitted for a schedule before")));
                }
                self.change(recorded, |schedule| {
                    if !event.by_hand {
                        if schedule.due() != Some(event.due) {
                            return Err(format!("it is not due at {}", event.due));
                        }
                        schedule.next = event.next;
                    }
                    schedule.occurred = schedule.occurred.saturating_add(1);
                    schedule.outstanding.insert(job);
                    let at = header.at;
                    schedule.keep(Happened::Occurred { due: event.due, at, job, by_hand: event.by_hand });
                    Ok(())
                })?;
                self.jobs.insert(job, id);
            }
            Event::ScheduleMissed(event) => self.change(recorded, |schedule| {
                schedule.next = event.next;
                schedule.missed = schedule.missed.saturating_add(event.count.into());
                let (from, to, count, why) = (event.from, event.to, event.count, event.why);
                schedule.keep(Happened::Missed { from, to, count, why });
                Ok(())
            })?,
            Event::JobCompleted(_) => self.settle(JobId(header.stream.id), Some(true), true),
            Event::JobFailed(event) if event.retry_at.is_none() => {
                self.settle(JobId(header.stream.id), Some(false), false);
            }
            Event::JobLeaseLost(event) if event.then == AfterLoss::Dead => {
                self.settle(JobId(header.stream.id), Some(false), false);
            }
            Event::JobExpired(_) => self.settle(JobId(header.stream.id), Some(false), false),
            Event::JobCancelled(_) => self.settle(JobId(header.stream.id), None, true),
            _ => {}
        }
        Ok(())
    }

    fn save(&self, out: &mut Vec<u8>) {
        save_value(&self.schedules, out);
    }

    fn load(bytes: &[u8]) -> Result<Self, NotASnapshot> {
        let schedules: BTreeMap<ScheduleId, Schedule> = load_value(bytes)?;
        let due = schedules.iter().filter_map(|(id, schedule)| schedule.due().map(|due| (due, *id))).collect();
        let jobs = schedules.iter().flat_map(|(id, schedule)| schedule.outstanding.iter().map(|job| (*job, *id)));
        let jobs = jobs.collect();
        Ok(Self { schedules, due, jobs })
    }
}

#[cfg(test)]
mod tests;
