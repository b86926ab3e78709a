//! Schedules: what is to be done when.
//!
//! An occurrence is a schedule and an instant at which it was due. That it occurred, its job, and when it is due
//! next are recorded in one commit: it is never done twice, and never forgotten.

use bincode::{Decode, Encode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Payload;
use super::job::JobKind;
use crate::ids::JobId;
use crate::time::Timestamp;

/// What is done about occurrences that were due while nobody looked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Misfire {
    /// They are left out.
    Skip,
    /// The latest of them is made up for.
    #[default]
    Once,
    /// All are made up for, the latest so many at the most.
    All(u32),
}

/// What a schedule is, in clear.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, Serialize)]
pub struct Plan {
    /// When it is due: RFC 5545 lines with `DTSTART;TZID=`, as they were made of what was written.
    pub rule: String,
    /// The time zone it is in, by its IANA name.
    pub zone: String,
    /// What is done about what was missed.
    pub misfire: Misfire,
    /// What its jobs do.
    pub kind: JobKind,
    /// Whether it is a check-in: silent when there is nothing to say.
    pub check_in: bool,
}

/// A schedule was added. The body is a [`PlanBody`].
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct Added {
    /// What it is.
    pub plan: Plan,
    /// When it is due first; none: never again.
    pub next: Option<Timestamp>,
}

impl Payload for Added {
    const KIND: u16 = 0x0701;
    const NAME: &'static str = "schedule.added";
}

/// A schedule was changed. The body is a [`PlanBody`].
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct Edited {
    /// What it is now.
    pub plan: Plan,
    /// When it is due next.
    pub next: Option<Timestamp>,
}

impl Payload for Edited {
    const KIND: u16 = 0x0702;
    const NAME: &'static str = "schedule.edited";
}

/// What a schedule is to do, sealed.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, Serialize)]
pub struct PlanBody {
    /// Its name.
    pub name: Option<String>,
    /// The rule as it was written.
    pub written: String,
    /// What its jobs do, as JSON.
    pub spec: String,
    /// How its jobs are submitted, as JSON: queue, priority, attempts, requirements.
    pub options: String,
}

/// A schedule occurs no more, until it is resumed.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct Paused {}

impl Payload for Paused {
    const KIND: u16 = 0x0703;
    const NAME: &'static str = "schedule.paused";
}

/// A schedule that was paused occurs again.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct Resumed {
    /// When it is due next.
    pub next: Option<Timestamp>,
}

impl Payload for Resumed {
    const KIND: u16 = 0x0704;
    const NAME: &'static str = "schedule.resumed";
}

/// A schedule was removed, for good.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct Removed {}

impl Payload for Removed {
    const KIND: u16 = 0x0705;
    const NAME: &'static str = "schedule.removed";
}

/// A schedule occurred: its job is submitted in the same commit.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct Occurred {
    /// When it was due.
    pub due: Timestamp,
    /// The job.
    pub job: JobId,
    /// When it is due next; none: never again.
    pub next: Option<Timestamp>,
    /// Whether a person wanted it now: then `next` is as it was.
    pub by_hand: bool,
}

impl Payload for Occurred {
    const KIND: u16 = 0x0706;
    const NAME: &'static str = "schedule.occurred";
}

/// Why occurrences were left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum WhyMissed {
    /// Nobody looked when they were due, and the policy leaves them out.
    #[default]
    Policy = 0,
    /// The schedule failed again and again, and is tried less often.
    BackOff = 1,
    /// They lay outside the hours in which it is active.
    Inactive = 2,
    /// The job before was not done yet.
    Busy = 3,
}

/// Occurrences were left out.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct Missed {
    /// When the first of them was due.
    pub from: Timestamp,
    /// When the last of them was due.
    pub to: Timestamp,
    /// How many they were; `u32::MAX` if they were too many to count.
    pub count: u32,
    /// Why.
    pub why: WhyMissed,
    /// When it is due next; none: never again.
    pub next: Option<Timestamp>,
}

impl Payload for Missed {
    const KIND: u16 = 0x0707;
    const NAME: &'static str = "schedule.missed";
}
