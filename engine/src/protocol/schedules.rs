//! Schedules: what is to be done when.

use bincode::{Decode, Encode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zo_projections::Timestamp;
use zo_projections::event::job::JobKind;
use zo_projections::event::schedule::{Misfire, WhyMissed};

use super::jobs::JobOptions;
use super::json;

/// A schedule to be added, or what one is to be from now on.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScheduleInput {
    /// Its id, chosen by who adds it: adding it again changes nothing.
    #[serde(with = "json::id", default = "json::fresh_id")]
    #[schemars(with = "Option<json::Ulid>", !default)]
    pub id: u128,
    /// A name for people; no two schedules have the same.
    #[serde(default)]
    pub name: Option<String>,
    /// When: RFC 5545 lines, five cron fields, or a phrase such as `every weekday at 8:30`.
    pub rule: String,
    /// The time zone of a rule that names none, by its IANA name; that of the home's machine if not said.
    #[serde(default)]
    pub zone: Option<String>,
    /// What is done about occurrences that were missed.
    #[serde(default)]
    pub misfire: Misfire,
    /// What its jobs do, as JSON.
    #[serde(with = "json::whole_text")]
    #[schemars(with = "zo_worker::spec::JobSpec")]
    pub spec: String,
    /// How its jobs are submitted.
    #[serde(default)]
    pub options: JobOptions,
    /// If it is a check-in: how.
    #[serde(default)]
    pub check_in: Option<CheckIn>,
}

/// A periodic look-around of an agent, silent when there is nothing to say.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckIn {
    /// The hours in which it looks, in the schedule's zone: `8:00-18:00`; at all hours if not said.
    #[serde(default)]
    pub hours: Option<String>,
    /// A file with the list of what it looks at, read anew each time; absolute.
    #[serde(default)]
    pub checklist: Option<String>,
}

/// A schedule in a list.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct ScheduleLine {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// The rule as it was written.
    pub written: String,
    /// The rule as RFC 5545 lines.
    pub rule: String,
    /// The time zone.
    pub zone: String,
    /// What its jobs do.
    pub kind: JobKind,
    /// The same, in one line.
    pub what: String,
    /// When it is due next; none: never again.
    pub next: Option<Timestamp>,
    /// The same as a clock on the wall shows it: `2026-11-23T08:30:00+01:00`.
    pub next_local: Option<String>,
    /// Whether it is paused.
    pub paused: bool,
    /// Whether it is a check-in.
    pub check_in: bool,
    /// What is done about occurrences that were missed.
    pub misfire: Misfire,
    /// How often it occurred.
    pub occurred: u64,
    /// How many occurrences were left out.
    pub missed: u64,
    /// How many of its jobs failed for good in a row.
    pub failures: u32,
    /// Its jobs that have not ended.
    pub outstanding: Vec<String>,
}

/// Everything about a schedule.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct ScheduleDetail {
    /// As in a list.
    pub schedule: ScheduleLine,
    /// What its jobs do, as JSON.
    #[serde(with = "json::whole_text")]
    #[schemars(with = "serde_json::Value")]
    pub spec: String,
    /// How its jobs are submitted.
    pub options: JobOptions,
    /// If it is a check-in: how.
    pub check_in: Option<CheckIn>,
    /// What happened, oldest first.
    pub history: Vec<HistoryLine>,
}

/// Something that happened to a schedule.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum HistoryLine {
    /// It occurred.
    Occurred {
        /// When it was due.
        due: Timestamp,
        /// When that was seen.
        at: Timestamp,
        /// Its job.
        job: String,
        /// The state of the job.
        state: String,
        /// When the job was begun.
        started_at: Option<Timestamp>,
        /// When it ended.
        ended_at: Option<Timestamp>,
        /// The agent's run, whose transcript `zo agent show` has.
        run: Option<String>,
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

/// A rule, resolved without being stored.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct Preview {
    /// As RFC 5545 lines.
    pub rule: String,
    /// The time zone.
    pub tzid: String,
    /// When it is due.
    pub occurrences: Vec<OccurrenceLine>,
}

/// An occurrence, by both clocks.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct OccurrenceLine {
    /// As a clock on the wall shows it: `2026-11-23T08:30:00+01:00`.
    pub local: String,
    /// The same instant in UTC: `2026-11-23T07:30:00Z`.
    pub utc: String,
}
