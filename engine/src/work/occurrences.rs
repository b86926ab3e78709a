//! Schedules that come due.
//!
//! That a schedule occurred, its job, and when it is due next are one commit: a process that is killed before it has done
//! nothing, and one that is killed behind it has left a job. What is due is computed when it is recorded, never when it is
//! replayed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, NaiveTime, Utc};
use zo_projections::command::Occurrence;
use zo_projections::event::job::{JobBody, Submitted};
use zo_projections::event::schedule::{Misfire, Missed, PlanBody, WhyMissed};
use zo_projections::views::schedules::{Happened, Schedule};
use zo_projections::{Actor, Command, JobId, Position, Receipt, Rejection, ScheduleId, Submission, Timestamp, Views};
use zo_recurrence::Rule;
use zo_worker::spec::{AgentSpec, JobSpec};

use super::agents::NOTHING_TO_SAY;
use crate::engine::Engine;
use crate::protocol::{CheckIn, Failure, FailureKind, JobOptions};
use crate::service::{body_of, job_of};

/// So many schedules are looked at in one go.
const AT_ONCE: usize = 256;
/// An occurrence that is later than this was missed: nobody looked when it was due.
const GRACE_MS: i64 = 60_000;
/// The most occurrences that are counted one by one when they were missed.
const MOST_COUNTED: usize = 10_000;
/// A schedule that failed so often in a row is tried less often.
const FAILURES: u32 = 3;
/// The longest that such a one is left alone.
const LONGEST_BACK_OFF_MS: i64 = 24 * 3_600_000;

/// Rules that were read before.
#[derive(Default)]
pub(crate) struct Rules {
    read: Mutex<HashMap<ScheduleId, (Position, Arc<Rule>)>>,
}

/// The rule and how its jobs are submitted, as a schedule's body has the latter.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct Options {
    /// As for any job.
    #[serde(default)]
    pub(crate) job: JobOptions,
    /// If it is a check-in: how.
    #[serde(default)]
    pub(crate) check_in: Option<CheckIn>,
}

/// What is to be done about a schedule that is due.
#[derive(Debug, PartialEq)]
enum Step {
    /// It occurs, and is due next then.
    Occur(Option<Timestamp>),
    /// Occurrences are left out.
    Miss(Missed),
}

impl Rules {
    fn of(&self, id: ScheduleId, schedule: &Schedule) -> Result<Arc<Rule>, Failure> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((position, rule)) = read.get(&id)
            && *position == schedule.defined
        {
            return Ok(rule.clone());
        }
        let rule = Rule::parse_rfc(&schedule.plan.rule)
            .map_err(|error| Failure::new(FailureKind::Damaged, format!("the rule of schedule {id}: {error}")))?;
        let rule = Arc::new(rule);
        read.insert(id, (schedule.defined, rule.clone()));
        Ok(rule)
    }
}

/// An instant as the calendar has it.
pub(crate) fn utc(at: Timestamp) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(at.0).unwrap_or(if at.0 < 0 {
        DateTime::<Utc>::MIN_UTC
    } else {
        DateTime::<Utc>::MAX_UTC
    })
}

/// When a rule is due next behind an instant.
pub(crate) fn next_of(rule: &Rule, behind: Timestamp) -> Result<Option<Timestamp>, Failure> {
    let next = rule.after(utc(behind)).map_err(|error| Failure::new(FailureKind::Invalid, error.to_string()))?;
    Ok(next.map(|next| Timestamp(next.utc.timestamp_millis())))
}

/// What is to be done about a schedule that was due at `due`, at `now`. Pure.
fn step(
    rule: &Rule,
    schedule: &Schedule,
    check_in: Option<&CheckIn>,
    is_busy: bool,
    due: Timestamp,
    now: Timestamp,
) -> Result<Step, Failure> {
    let missed = Missed { from: due, to: due, count: 1, why: WhyMissed::Policy, next: next_of(rule, due)? };
    if let Some(hours) = check_in.and_then(|check_in| check_in.hours.as_deref()) {
        let hours: Hours = hours.parse().map_err(|why| Failure::new(FailureKind::Invalid, why))?;
        if !hours.contain(local_time(rule, due)?) {
            return Ok(Step::Miss(Missed { why: WhyMissed::Inactive, ..missed }));
        }
    }
    if let Some(until) = backs_off_until(schedule).filter(|until| due < *until) {
        return left_out(rule, due, until.min(now), WhyMissed::BackOff).map(Step::Miss);
    }
    if is_busy && check_in.is_some() {
        return Ok(Step::Miss(Missed { why: WhyMissed::Busy, ..missed }));
    }
    let is_late = |due: Timestamp| now.0.saturating_sub(due.0) > GRACE_MS;
    if !is_late(due) {
        return Ok(Step::Occur(missed.next));
    }
    // Those that were due and not seen: the last few of them are made up for.
    let all = due_until(rule, due, now)?;
    let keep = match schedule.plan.misfire {
        // The last of them may be in time still.
        Misfire::Skip => usize::from(all.times.last().is_some_and(|last| !is_late(*last))),
        Misfire::Once => 1,
        Misfire::All(most) => most as usize,
    };
    if all.times.len() <= keep {
        return Ok(Step::Occur(missed.next));
    }
    let out = all.times.len() - keep;
    let next = if keep == 0 { all.next } else { Some(all.times[out]) };
    let count = if all.is_cut { u32::MAX } else { u32::try_from(out).unwrap_or(u32::MAX) };
    Ok(Step::Miss(Missed { from: due, to: all.times[out - 1], count, why: WhyMissed::Policy, next }))
}

/// Occurrences from `due` until `end`.
struct DueUntil {
    /// In order; the last ones, if they are too many.
    times: Vec<Timestamp>,
    /// Whether earlier ones are not in it.
    is_cut: bool,
    /// The first behind `end`.
    next: Option<Timestamp>,
}

fn due_until(rule: &Rule, due: Timestamp, end: Timestamp) -> Result<DueUntil, Failure> {
    let mut found = DueUntil { times: vec![due], is_cut: false, next: None };
    let mut cursor = due;
    while let Some(next) = next_of(rule, cursor)? {
        if next > end {
            found.next = Some(next);
            break;
        }
        if found.times.len() == MOST_COUNTED {
            // Too many to look at each: what lies further back than a good part of these is not needed.
            found.is_cut = true;
            found.times.drain(..MOST_COUNTED / 2);
        }
        found.times.push(next);
        cursor = next;
    }
    Ok(found)
}

/// Everything from `due` to before `end`, left out.
fn left_out(rule: &Rule, due: Timestamp, end: Timestamp, why: WhyMissed) -> Result<Missed, Failure> {
    let all = due_until(rule, due, Timestamp(end.0 - 1).max(due))?;
    let to = all.times.last().copied().unwrap_or(due);
    let count = if all.is_cut { u32::MAX } else { u32::try_from(all.times.len()).unwrap_or(u32::MAX) };
    Ok(Missed { from: due, to, count, why, next: all.next })
}

/// Until when a schedule is left alone that failed again and again: twice as long after each failure.
fn backs_off_until(schedule: &Schedule) -> Option<Timestamp> {
    let more = schedule.failures.checked_sub(FAILURES)?;
    let last = schedule.history.iter().rev().find_map(|happened| match happened {
        Happened::Occurred { at, .. } => Some(*at),
        Happened::Missed { .. } => None,
    })?;
    let delay = 60_000_i64.checked_shl(more.min(20)).unwrap_or(i64::MAX).min(LONGEST_BACK_OFF_MS);
    Some(Timestamp(last.0.saturating_add(delay)))
}

fn local_time(rule: &Rule, at: Timestamp) -> Result<NaiveTime, Failure> {
    let zone: chrono_tz::Tz = rule.zone().parse().map_err(|_| {
        Failure::new(FailureKind::Damaged, format!("the time zone {} of a schedule is not known", rule.zone()))
    })?;
    Ok(utc(at).with_timezone(&zone).time())
}

/// The hours of a day in which a check-in looks: `8:00-18:00`, also over midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hours {
    from: NaiveTime,
    to: NaiveTime,
}

impl Hours {
    fn contain(self, time: NaiveTime) -> bool {
        if self.from <= self.to { self.from <= time && time < self.to } else { time >= self.from || time < self.to }
    }
}

impl std::str::FromStr for Hours {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let time = |text: &str| {
            let text = text.trim();
            NaiveTime::parse_from_str(text, "%H:%M")
                .or_else(|_| NaiveTime::parse_from_str(&format!("{text}:00"), "%H:%M"))
        };
        let hours =
            text.split_once('-').and_then(|(from, to)| Some(Self { from: time(from).ok()?, to: time(to).ok()? }));
        hours.ok_or_else(|| format!("{text:?} are no hours: write them as in 8:00-18:00"))
    }
}

impl Engine {
    /// Does what is due of schedules; whether anything was. What is due at once goes into one commit, so that the last of many is
    /// hardly later than the first; each is decided on its own.
    pub(super) fn occur_what_is_due(&self, now: Timestamp) -> Result<bool, Failure> {
        let due: Vec<(ScheduleId, Schedule, bool)> = self.writer.read(|views| {
            let of = |(_, id): (Timestamp, ScheduleId)| {
                let schedule = views.schedules.get(id)?;
                Some((id, schedule.clone(), is_busy(views, schedule)))
            };
            views.schedules.due(now, AT_ONCE).into_iter().filter_map(of).collect()
        })?;
        if due.is_empty() {
            return Ok(false);
        }
        let (mut ids, mut submissions) = (Vec::with_capacity(due.len()), Vec::with_capacity(due.len()));
        let mut worked = false;
        for (id, schedule, is_busy) in due {
            let Some(due) = schedule.due() else { continue };
            worked = true;
            match self.occurrence(id, &schedule, is_busy, due, now) {
                Ok(command) => {
                    ids.push((id, due));
                    submissions.push(Submission::new(Actor::Engine, command));
                }
                Err(failure) => self.give_up(id, due, failure)?,
            }
        }
        for ((id, due), outcome) in ids.into_iter().zip(self.writer.submit(submissions)) {
            if let Err(error) = outcome {
                self.give_up(id, due, error.into())?;
            }
        }
        Ok(worked)
    }

    /// What a schedule was to do at `due` cannot be done, and must not be tried for ever.
    fn give_up(&self, id: ScheduleId, due: Timestamp, failure: Failure) -> Result<(), Failure> {
        if !failure.is_refusal() {
            return Err(failure);
        }
        // Somebody may have changed it meanwhile.
        let is_as_it_was = |views: &Views| views.schedules.get(id).is_some_and(|now| now.due() == Some(due));
        if self.writer.read(is_as_it_was)? {
            tracing::warn!("schedule {id} is paused: {failure}");
            self.writer.submit_one(Submission::new(Actor::Engine, Command::PauseSchedule { schedule: id }))?;
        }
        Ok(())
    }

    /// What is to be recorded of a schedule that is due.
    fn occurrence(
        &self,
        id: ScheduleId,
        schedule: &Schedule,
        is_busy: bool,
        due: Timestamp,
        now: Timestamp,
    ) -> Result<Command, Failure> {
        let rule = self.work.rules.of(id, schedule)?;
        let (body, options) = self.plan_of(schedule)?;
        Ok(match step(&rule, schedule, options.check_in.as_ref(), is_busy, due, now)? {
            Step::Miss(missed) => Command::MissOccurrences { schedule: id, missed },
            Step::Occur(next) => {
                let job = JobId(self.world.fresh_id());
                let (submitted, body) = self.job_of_schedule(schedule, &body, &options, now)?;
                Command::Occur(Box::new(Occurrence { schedule: id, due, next, by_hand: false, job, submitted, body }))
            }
        })
    }

    /// Has a schedule occur now, because a person wants it.
    pub(crate) fn occur_by_hand(&self, id: ScheduleId, job: JobId) -> Result<Receipt, Failure> {
        let schedule = self.writer.read(|views| views.schedules.get(id).cloned())?;
        let schedule = schedule.ok_or_else(|| Rejection::not_found("schedule", id))?;
        let known = self.writer.read(|views| views.jobs.is_known(job).then_some(views.position))?;
        if let Some(position) = known {
            return Ok(Receipt { stream: job.into(), position, version: 0, events: 0 });
        }
        let (body, options) = self.plan_of(&schedule)?;
        let now = self.world.now();
        let (submitted, body) = self.job_of_schedule(&schedule, &body, &options, now)?;
        let next = schedule.next;
        let occurrence = Occurrence { schedule: id, due: now, next, by_hand: true, job, submitted, body };
        let command = Command::Occur(Box::new(occurrence));
        Ok(self.writer.submit_one(Submission::new(Actor::User, command))?)
    }

    /// What a schedule is to do, and how.
    pub(crate) fn plan_of(&self, schedule: &Schedule) -> Result<(PlanBody, Options), Failure> {
        let event = self.reader.event(schedule.defined)?;
        let body: PlanBody = body_of(&event)?.unwrap_or_default();
        let options =
            if body.options.is_empty() { Ok(Options::default()) } else { serde_json::from_str(&body.options) };
        let options = options.map_err(|error| {
            Failure::new(FailureKind::Damaged, format!("how a schedule submits its jobs cannot be read: {error}"))
        })?;
        Ok((body, options))
    }

    fn job_of_schedule(
        &self,
        schedule: &Schedule,
        body: &PlanBody,
        options: &Options,
        now: Timestamp,
    ) -> Result<(Submitted, JobBody), Failure> {
        let spec = match &options.check_in {
            Some(check_in) => self.look_around(check_in, &body.spec)?,
            None => body.spec.clone(),
        };
        job_of(self, body.name.clone(), spec, &options.job, schedule.plan.kind, now)
    }

    /// What the agent of a check-in is told: the list as it is now.
    fn look_around(&self, check_in: &CheckIn, spec: &str) -> Result<String, Failure> {
        let invalid = |why: String| Failure::new(FailureKind::Invalid, why);
        let spec: JobSpec = serde_json::from_str(spec).map_err(|error| invalid(error.to_string()))?;
        let JobSpec::Agent(agent) = spec else { return Err(invalid("a check-in is an agent's".to_owned())) };
        let list = match &check_in.checklist {
            // Whoever is told that it cannot be read can say so.
            Some(file) => {
                std::fs::read_to_string(file).unwrap_or_else(|error| format!("({file} cannot be read: {error})"))
            }
            None => String::new(),
        };
        let list = if list.trim().is_empty() { String::new() } else { format!("\n\nYour checklist:\n{list}") };
        let prompt = format!(
            "{}{list}\n\nThis is a periodic check. If nothing needs anybody's attention, answer with exactly \
             {NOTHING_TO_SAY} and nothing else.",
            agent.prompt
        );
        let spec = JobSpec::Agent(AgentSpec { prompt, ..agent });
        serde_json::to_string(&spec).map_err(|error| invalid(error.to_string()))
    }
}

/// Whether a job of the schedule is still to be done.
fn is_busy(views: &Views, schedule: &Schedule) -> bool {
    let mut outstanding = schedule.outstanding.iter().filter_map(|job| views.jobs.get(*job));
    outstanding.any(|job| job.state.is_to_be_done())
}

#[cfg(test)]
mod tests;
