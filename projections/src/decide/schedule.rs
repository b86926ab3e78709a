//! Decisions about schedules.

use super::job::check;
use super::{Decision, MAX_TEXT_BYTES, NewEvent, check_count, check_length, check_name, record};
use crate::command::Rejection;
use crate::event::job::{JobBody, Occasion, Submitted};
use crate::event::schedule::{Added, Edited, Missed, Occurred, Paused, Plan, PlanBody, Removed, Resumed};
use crate::ids::{JobId, ScheduleId};
use crate::time::Timestamp;
use crate::views::Views;
use crate::views::schedules::Schedule;

/// The longest rule, in bytes.
pub const MAX_RULE_BYTES: usize = 16 * 1024;
/// The most schedules there may be.
pub const MAX_SCHEDULES: usize = 1_000_000;

/// An occurrence that is to be recorded.
#[derive(Clone, Debug, PartialEq, bincode::Encode, bincode::Decode)]
pub struct Occurrence {
    /// The schedule.
    pub schedule: ScheduleId,
    /// When it was due.
    pub due: Timestamp,
    /// When it is due next.
    pub next: Option<Timestamp>,
    /// Whether a person wants it now.
    pub by_hand: bool,
    /// The job's id.
    pub job: JobId,
    /// The job.
    pub submitted: Submitted,
    /// What it is to do.
    pub body: JobBody,
}

fn known(views: &Views, id: ScheduleId) -> Result<&Schedule, Rejection> {
    views.schedules.get(id).ok_or_else(|| Rejection::not_found("schedule", id))
}

fn check_plan(plan: &Plan, body: &PlanBody) -> Result<(), Rejection> {
    check_length("the rule", plan.rule.len(), MAX_RULE_BYTES)?;
    check_name("the zone", &plan.zone)?;
    if let Some(name) = &body.name {
        check_name("the name", name)?;
    }
    check_length("what it does", body.spec.len(), MAX_TEXT_BYTES)
}

pub(super) fn add(
    views: &Views,
    id: ScheduleId,
    plan: Plan,
    body: &PlanBody,
    next: Option<Timestamp>,
) -> Result<Decision, Rejection> {
    check_plan(&plan, body)?;
    if let Some(schedule) = views.schedules.get(id) {
        return Ok(Decision::already(id, schedule.added));
    }
    if views.streams.version(id.into()) > 0 {
        return Err(Rejection::state("schedule", id, "was removed"));
    }
    check_count("the schedules", views.schedules.len() + 1, MAX_SCHEDULES)?;
    Ok(record([NewEvent::new(id, Added { plan, next }).with_body(body)]))
}

pub(super) fn edit(
    views: &Views,
    id: ScheduleId,
    plan: Plan,
    body: &PlanBody,
    next: Option<Timestamp>,
) -> Result<Decision, Rejection> {
    known(views, id)?;
    check_plan(&plan, body)?;
    Ok(record([NewEvent::new(id, Edited { plan, next }).with_body(body)]))
}

pub(super) fn pause(views: &Views, id: ScheduleId) -> Result<Decision, Rejection> {
    let schedule = known(views, id)?;
    if schedule.paused {
        return Ok(Decision::already(id, schedule.added));
    }
    Ok(record([NewEvent::new(id, Paused {})]))
}

pub(super) fn resume(views: &Views, id: ScheduleId, next: Option<Timestamp>) -> Result<Decision, Rejection> {
    let schedule = known(views, id)?;
    if !schedule.paused {
        return Ok(Decision::already(id, schedule.added));
    }
    Ok(record([NewEvent::new(id, Resumed { next })]))
}

pub(super) fn remove(views: &Views, id: ScheduleId) -> Result<Decision, Rejection> {
    known(views, id)?;
    Ok(record([NewEvent::new(id, Removed {})]))
}

/// That it occurred and its job, in one commit. Who comes second finds that it is not due any more.
pub(super) fn occur(views: &Views, occurrence: Occurrence) -> Result<Decision, Rejection> {
    let Occurrence { schedule: id, due, next, by_hand, job, mut submitted, body } = occurrence;
    let schedule = known(views, id)?;
    if !by_hand && schedule.due() != Some(due) {
        return Err(Rejection::state("schedule", id, format!("is not due at {due}")));
    }
    if views.jobs.is_known(job) {
        return Err(Rejection::state("job", job, "was submitted before"));
    }
    if let Some(other) = submitted.unique.and_then(|unique| views.jobs.by_unique(unique)) {
        return Err(Rejection::state("job", other, "has the unique key of this one"));
    }
    submitted.occasion = Some(Occasion { schedule: id, due });
    check(views, job, &submitted)?;
    let occurred = Occurred { due, job, next, by_hand };
    Ok(record([NewEvent::new(job, submitted).with_body(&body), NewEvent::new(id, occurred)]))
}

pub(super) fn miss(views: &Views, id: ScheduleId, missed: Missed) -> Result<Decision, Rejection> {
    let schedule = known(views, id)?;
    if schedule.due() != Some(missed.from) {
        return Err(Rejection::state("schedule", id, format!("is not due at {}", missed.from)));
    }
    Ok(record([NewEvent::new(id, missed)]))
}
