//! Requests about schedules.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::SecondsFormat;
use zo_projections::event::schedule::{Plan, PlanBody};
use zo_projections::views::schedules::{Happened, Schedule};
use zo_projections::{Actor, Command, JobId, Position, ScheduleId, Submission, Timestamp};
use zo_recurrence::{Occurrence, Rule};
use zo_worker::spec::JobSpec;

use super::id_end::IdEnd;
use super::jobs::{kind_of, spec_of};
use super::{acknowledge, body_of, jobs};
use crate::engine::Engine;
use crate::protocol::{
    Acknowledged, Answer, Failure, FailureKind, HistoryLine, MAX_PAGE, OccurrenceLine, Preview, ScheduleDetail,
    ScheduleInput, ScheduleLine,
};
use crate::work::occurrences::{Hours, Options, next_of, utc};

fn invalid(error: &zo_recurrence::RuleError) -> Failure {
    let failure = Failure::new(FailureKind::Invalid, error.to_string());
    match error.hint() {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

fn read(rule: &str, zone: Option<&str>, now: Timestamp) -> Result<Rule, Failure> {
    let zone = zone.map_or_else(crate::zone::local, str::to_owned);
    zo_recurrence::parse(rule, &zone, utc(now)).map_err(|error| invalid(&error))
}

pub(super) fn preview(
    engine: &Engine,
    rule: &str,
    zone: Option<&str>,
    from: Option<Timestamp>,
    count: u32,
) -> Result<Answer, Failure> {
    let now = engine.world.now();
    let rule = read(rule, zone, now)?;
    let count = (count as usize).min(MAX_PAGE);
    let mut occurrences = Vec::with_capacity(count);
    for occurrence in rule.iter_after(utc(from.unwrap_or(now))).take(count) {
        occurrences.push(line_of(&occurrence.map_err(|error| invalid(&error))?));
    }
    Ok(Answer::Preview(Preview { rule: rule.to_rfc(), tzid: rule.zone().to_owned(), occurrences }))
}

fn line_of(occurrence: &Occurrence) -> OccurrenceLine {
    OccurrenceLine { local: local(occurrence), utc: occurrence.utc.to_rfc3339_opts(SecondsFormat::Secs, true) }
}

/// What the clock on the wall shows, with its distance from UTC.
fn local(occurrence: &Occurrence) -> String {
    match chrono::FixedOffset::east_opt(occurrence.offset_seconds) {
        Some(offset) => occurrence.utc.with_timezone(&offset).to_rfc3339_opts(SecondsFormat::Secs, false),
        None => occurrence.local.to_string(),
    }
}

/// What is to be recorded of a schedule.
struct Planned {
    plan: Plan,
    body: PlanBody,
    next: Option<Timestamp>,
}

fn planned(engine: &Engine, input: &ScheduleInput, but: Option<ScheduleId>) -> Result<Planned, Failure> {
    let now = engine.world.now();
    let rule = read(&input.rule, input.zone.as_deref(), now)?;
    let next = next_of(&rule, now)?;
    if next.is_none() {
        let message = "the rule never comes due again: all its occurrences lie in the past";
        return Err(Failure::new(FailureKind::Invalid, message).hint(format!("as it is read: {}", rule.to_rfc())));
    }
    let spec = spec_of(&input.spec)?;
    let refuse = |message: &str| Err(Failure::new(FailureKind::Invalid, message));
    if let Some(check_in) = &input.check_in {
        if !matches!(spec, JobSpec::Agent(_)) {
            return refuse("a check-in is an agent's: say what it is to look at");
        }
        if let Some(hours) = &check_in.hours {
            hours.parse::<Hours>().map_err(|why| Failure::new(FailureKind::Invalid, why))?;
        }
    }
    let options = &input.options;
    if options.unique.is_some()
        || !options.after.is_empty()
        || options.not_before.is_some()
        || options.deadline.is_some()
    {
        return refuse("the jobs of a schedule have no unique key, no moment of their own, and wait for no other");
    }
    if let Some(name) = &input.name
        && let Some(id) = by_name(engine, name, but)?
    {
        let message = format!("schedule {id} is called {name} already");
        return Err(Failure::new(FailureKind::Conflict, message).hint("choose another name, or edit that one"));
    }
    let options = Options { job: input.options.clone(), check_in: input.check_in.clone() };
    let json = |error: serde_json::Error| Failure::new(FailureKind::Invalid, error.to_string());
    let plan = Plan {
        rule: rule.to_rfc(),
        zone: rule.zone().to_owned(),
        misfire: input.misfire,
        kind: kind_of(&spec),
        check_in: input.check_in.is_some(),
    };
    let body = PlanBody {
        name: input.name.clone(),
        written: input.rule.clone(),
        spec: serde_json::to_string(&spec).map_err(json)?,
        options: serde_json::to_string(&options).map_err(json)?,
    };
    Ok(Planned { plan, body, next })
}

pub(super) fn add(engine: &Engine, input: &ScheduleInput) -> Result<Acknowledged, Failure> {
    let id = ScheduleId(input.id);
    let Planned { plan, body, next } = planned(engine, input, Some(id))?;
    let command = Command::AddSchedule { schedule: id, plan, body, next };
    acknowledge(id.to_string(), engine.writer.submit_one(Submission::new(Actor::User, command)))
}

pub(super) fn edit(engine: &Engine, reference: &str, input: &ScheduleInput) -> Result<Acknowledged, Failure> {
    let id = find(engine, reference)?;
    let before = get(engine, id)?;
    let Planned { plan, mut body, next } = planned(engine, input, Some(id))?;
    if plan.rule == before.plan.rule {
        // The same rule, as it was resolved: what a person wrote is kept.
        body.written = engine.plan_of(&before)?.0.written;
    }
    let command = Command::EditSchedule { schedule: id, plan, body, next };
    acknowledge(id.to_string(), engine.writer.submit_one(Submission::new(Actor::User, command)))
}

/// The names of schedules as they are defined, by where: each is read once as long as a process lives.
#[derive(Default)]
pub(crate) struct Names(Mutex<HashMap<Position, Option<String>>>);

impl Names {
    /// All schedules with their names.
    fn all(&self, engine: &Engine) -> Result<Vec<(ScheduleId, Option<String>)>, Failure> {
        let mut defined: Vec<(Position, ScheduleId)> = engine
            .writer
            .read(|views| views.schedules.iter().map(|(id, schedule)| (schedule.defined, id)).collect())?;
        defined.sort_unstable();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() > 2 * defined.len() + 100 {
            known.retain(|position, _| defined.binary_search_by_key(position, |(at, _)| *at).is_ok());
        }
        let unread: Vec<Position> =
            defined.iter().map(|(at, _)| *at).filter(|position| !known.contains_key(position)).collect();
        for (position, event) in unread.iter().zip(engine.reader.events(unread.iter().copied())?) {
            known.insert(*position, body_of::<PlanBody>(&event)?.and_then(|body| body.name));
        }
        Ok(defined.into_iter().map(|(at, id)| (id, known.get(&at).cloned().flatten())).collect())
    }
}

/// The schedule of a name, unless it is `but`.
fn by_name(engine: &Engine, name: &str, but: Option<ScheduleId>) -> Result<Option<ScheduleId>, Failure> {
    let mut names = engine.schedule_names.all(engine)?.into_iter();
    Ok(names.find(|(id, known)| known.as_deref() == Some(name) && Some(*id) != but).map(|(id, _)| id))
}

fn all(engine: &Engine) -> Result<Vec<(ScheduleId, Schedule)>, Failure> {
    Ok(engine.writer.read(|views| views.schedules.iter().map(|(id, schedule)| (id, schedule.clone())).collect())?)
}

/// The schedule that a name, an id, or the end of one means.
pub(super) fn find(engine: &Engine, reference: &str) -> Result<ScheduleId, Failure> {
    let by_id: Vec<ScheduleId> = match IdEnd::parse(reference) {
        None => Vec::new(),
        Some(end) => engine.writer.read(|views| {
            let ids = views.schedules.iter().map(|(id, _)| id);
            ids.filter(|id| end.is_of(id.0)).take(2).collect()
        })?,
    };
    if let [id] = by_id[..] {
        return Ok(id);
    }
    let names = engine.schedule_names.all(engine)?;
    if let Some((id, _)) = names.iter().find(|(_, name)| name.as_deref() == Some(reference)) {
        return Ok(*id);
    }
    if by_id.len() > 1 {
        let message = format!("the ids of several schedules end with {reference}");
        return Err(Failure::new(FailureKind::Invalid, message).hint("give a longer end of it"));
    }
    let hint = match zo_models::did_you_mean(reference, names.iter().filter_map(|(_, name)| name.as_deref())) {
        Some(near) => near,
        None => "`zo schedule list` shows those there are".to_owned(),
    };
    Err(Failure::new(FailureKind::NotFound, format!("there is no schedule {reference}")).hint(hint))
}

fn get(engine: &Engine, id: ScheduleId) -> Result<Schedule, Failure> {
    let found = engine.writer.read(|views| views.schedules.get(id).cloned())?;
    found.ok_or_else(|| Failure::new(FailureKind::NotFound, format!("there is no schedule {id}")))
}

pub(super) fn pause(engine: &Engine, reference: &str) -> Result<Acknowledged, Failure> {
    let id = find(engine, reference)?;
    let command = Command::PauseSchedule { schedule: id };
    acknowledge(id.to_string(), engine.writer.submit_one(Submission::new(Actor::User, command)))
}

/// What was due while it was paused is not made up for.
pub(super) fn resume(engine: &Engine, reference: &str) -> Result<Acknowledged, Failure> {
    let id = find(engine, reference)?;
    let schedule = get(engine, id)?;
    let rule = Rule::parse_rfc(&schedule.plan.rule).map_err(|error| invalid(&error))?;
    let next = next_of(&rule, engine.world.now())?;
    let command = Command::ResumeSchedule { schedule: id, next };
    acknowledge(id.to_string(), engine.writer.submit_one(Submission::new(Actor::User, command)))
}

pub(super) fn remove(engine: &Engine, reference: &str) -> Result<Acknowledged, Failure> {
    let id = find(engine, reference)?;
    let command = Command::RemoveSchedule { schedule: id };
    acknowledge(id.to_string(), engine.writer.submit_one(Submission::new(Actor::User, command)))
}

pub(super) fn run(engine: &Engine, reference: &str, job: u128) -> Result<Acknowledged, Failure> {
    let id = find(engine, reference)?;
    let receipt = engine.occur_by_hand(id, JobId(job))?;
    acknowledge(JobId(job).to_string(), Ok(receipt))
}

pub(super) fn list(engine: &Engine) -> Result<Answer, Failure> {
    let mut schedules = all(engine)?;
    schedules.sort_by_key(|(id, schedule)| (schedule.paused, schedule.next.is_none(), schedule.next, *id));
    let lines = schedules.iter().map(|(id, schedule)| Ok(described(engine, *id, schedule)?.0));
    Ok(Answer::Schedules(lines.collect::<Result<_, Failure>>()?))
}

fn described(
    engine: &Engine,
    id: ScheduleId,
    schedule: &Schedule,
) -> Result<(ScheduleLine, PlanBody, Options), Failure> {
    let (body, options) = engine.plan_of(schedule)?;
    let what = serde_json::from_str::<JobSpec>(&body.spec).map_or_else(|_| body.spec.clone(), |spec| spec.summary());
    let next_local = match schedule.next {
        None => None,
        Some(next) => {
            let rule = Rule::parse_rfc(&schedule.plan.rule).map_err(|error| invalid(&error))?;
            let before = Timestamp(next.0 - 1);
            rule.after(utc(before)).map_err(|error| invalid(&error))?.map(|occurrence| local(&occurrence))
        }
    };
    // Dead letters and what waits for a person are in the history.
    let outstanding = engine.writer.read(|views| {
        let open =
            schedule.outstanding.iter().filter(|id| views.jobs.get(**id).is_some_and(|job| job.state.is_to_be_done()));
        open.map(ToString::to_string).collect()
    })?;
    let line = ScheduleLine {
        id: id.to_string(),
        name: body.name.clone(),
        written: body.written.clone(),
        rule: schedule.plan.rule.clone(),
        zone: schedule.plan.zone.clone(),
        kind: schedule.plan.kind,
        what,
        next: schedule.next,
        next_local,
        paused: schedule.paused,
        check_in: schedule.plan.check_in,
        misfire: schedule.plan.misfire,
        occurred: schedule.occurred,
        missed: schedule.missed,
        failures: schedule.failures,
        outstanding,
    };
    Ok((line, body, options))
}

pub(super) fn show(engine: &Engine, reference: &str) -> Result<Answer, Failure> {
    let id = find(engine, reference)?;
    let schedule = get(engine, id)?;
    let (line, body, options) = described(engine, id, &schedule)?;
    let history = schedule.history.iter().map(|happened| history(engine, *happened)).collect::<Result<_, _>>()?;
    Ok(Answer::Schedule(Box::new(ScheduleDetail {
        schedule: line,
        spec: body.spec,
        options: options.job,
        check_in: options.check_in,
        history,
    })))
}

fn history(engine: &Engine, happened: Happened) -> Result<HistoryLine, Failure> {
    Ok(match happened {
        Happened::Missed { from, to, count, why } => HistoryLine::Missed { from, to, count, why },
        Happened::Occurred { due, at, job, by_hand } => {
            let course = course(engine, job)?;
            HistoryLine::Occurred {
                due,
                at,
                job: job.to_string(),
                state: course.state,
                started_at: course.started_at,
                ended_at: course.ended_at,
                run: course.run,
                by_hand,
            }
        }
    })
}

/// How a job went.
#[derive(Default)]
struct Course {
    state: String,
    started_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    run: Option<String>,
}

fn course(engine: &Engine, id: JobId) -> Result<Course, Failure> {
    let Answer::Job(detail) = jobs::show(engine, &id.to_string())? else { return Ok(Course::default()) };
    Ok(Course {
        state: detail.job.state,
        started_at: detail.attempts.first().map(|attempt| attempt.started_at),
        ended_at: detail.attempts.last().and_then(|attempt| attempt.ended_at),
        run: detail.attempts.iter().rev().find_map(|attempt| attempt.run.clone()),
    })
}

#[cfg(test)]
mod tests;
