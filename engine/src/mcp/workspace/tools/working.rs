//! Jobs and schedules.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use zo_mcp::server::{Doing, Need, Told};

use super::super::{Home, Requests};
use super::{Tool, acknowledged, shown};
use crate::protocol::{Failure, FailureKind, Query, Request};

/// Entries, if not said.
const USUAL: u32 = 20;

/// A request from its form as JSON, in which ids that are not given are made.
fn request(given: Value) -> Result<Request, Failure> {
    serde_json::from_value(given).map_err(|error| Failure::new(FailureKind::Invalid, error.to_string()))
}

/// Arguments of `job_submit`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct JobSubmit {
    /// What it does.
    #[schemars(with = "zo_worker::spec::JobSpec")]
    spec: Map<String, Value>,
    /// A name for people.
    #[serde(default)]
    name: Option<String>,
}

impl Tool for JobSubmit {
    const NAME: &'static str = "job_submit";
    const DESCRIPTION: &'static str =
        "Submits a job: a command, a request, a question or an agent, carried out once by the person's machines.";
    const NEED: Need = Need::Act;

    fn call<R: Requests>(self, home: &Home<R>, _: &Doing<'_>) -> Result<Told, Failure> {
        let job = json!({ "spec": self.spec, "name": self.name });
        let response = home.one(request(json!({ "submit_jobs": { "jobs": [job] } }))?)?;
        Ok(acknowledged(&response, "submitted"))
    }
}

/// Arguments of `job_list`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct JobList {
    /// Only in this state: `ready`, `running`, `done`, `dead`…
    #[serde(default)]
    state: Option<String>,
    /// How many to skip.
    #[serde(default)]
    skip: u32,
    /// How many at most; 20 if not said.
    #[serde(default)]
    limit: Option<u32>,
}

impl Tool for JobList {
    const NAME: &'static str = "job_list";
    const DESCRIPTION: &'static str = "Lists jobs: open ones first, then those that have ended.";
    const NEED: Need = Need::Read;

    fn call<R: Requests>(self, home: &Home<R>, _: &Doing<'_>) -> Result<Told, Failure> {
        let limit = self.limit.unwrap_or(USUAL);
        let query = Query::Jobs { state: self.state, queue: None, batch: None, skip: self.skip, limit };
        Ok(shown(home.query(query)?))
    }
}

/// Arguments of `job_show`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct JobShow {
    /// Its id, or the end of it.
    job: String,
}

impl Tool for JobShow {
    const NAME: &'static str = "job_show";
    const DESCRIPTION: &'static str = "Shows a job: how it stands, what it does, and what became of its attempts.";
    const NEED: Need = Need::Read;

    fn call<R: Requests>(self, home: &Home<R>, _: &Doing<'_>) -> Result<Told, Failure> {
        Ok(shown(home.query(Query::Job { job: self.job })?))
    }
}

/// Arguments of `job_cancel`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct JobCancel {
    /// Its id, or the end of it.
    job: String,
    /// Why.
    #[serde(default)]
    reason: Option<String>,
}

impl Tool for JobCancel {
    const NAME: &'static str = "job_cancel";
    const DESCRIPTION: &'static str = "Has a job not done, or stopped.";
    const NEED: Need = Need::Act;
    const IDEMPOTENT: bool = true;
    const DESTRUCTIVE: bool = true;

    fn call<R: Requests>(self, home: &Home<R>, _: &Doing<'_>) -> Result<Told, Failure> {
        let response = home.one(Request::CancelJob { job: self.job, reason: self.reason })?;
        Ok(acknowledged(&response, "cancelled"))
    }
}

/// Arguments of `schedule_add`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ScheduleAdd {
    /// When: RFC 5545 lines, five cron fields, or a phrase such as `every weekday at 8:30`.
    rule: String,
    /// What its jobs do.
    #[schemars(with = "zo_worker::spec::JobSpec")]
    spec: Map<String, Value>,
    /// A name for people; no two schedules have the same.
    #[serde(default)]
    name: Option<String>,
    /// The time zone, by its IANA name; that of the person's machine if not said.
    #[serde(default)]
    zone: Option<String>,
}

impl Tool for ScheduleAdd {
    const NAME: &'static str = "schedule_add";
    const DESCRIPTION: &'static str = "Adds a schedule: each time it is due, a job is submitted.";
    const NEED: Need = Need::Act;

    fn call<R: Requests>(self, home: &Home<R>, _: &Doing<'_>) -> Result<Told, Failure> {
        let schedule = json!({ "rule": self.rule, "spec": self.spec, "name": self.name, "zone": self.zone });
        let response = home.one(request(json!({ "add_schedule": { "schedule": schedule } }))?)?;
        Ok(acknowledged(&response, "added"))
    }
}

/// Arguments of `schedule_list`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ScheduleList {}

impl Tool for ScheduleList {
    const NAME: &'static str = "schedule_list";
    const DESCRIPTION: &'static str = "Lists the schedules, the next that is due first.";
    const NEED: Need = Need::Read;

    fn call<R: Requests>(self, home: &Home<R>, _: &Doing<'_>) -> Result<Told, Failure> {
        Ok(shown(home.query(Query::Schedules)?))
    }
}

/// Arguments of `schedule_remove`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ScheduleRemove {
    /// Its name, its id, or the end of it.
    schedule: String,
}

impl Tool for ScheduleRemove {
    const NAME: &'static str = "schedule_remove";
    const DESCRIPTION: &'static str = "Removes a schedule for good.";
    const NEED: Need = Need::Act;
    const IDEMPOTENT: bool = true;
    const DESTRUCTIVE: bool = true;

    fn call<R: Requests>(self, home: &Home<R>, _: &Doing<'_>) -> Result<Told, Failure> {
        let response = home.one(Request::RemoveSchedule { reference: self.schedule })?;
        Ok(acknowledged(&response, "removed"))
    }
}
