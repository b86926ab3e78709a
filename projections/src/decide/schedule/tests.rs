//! What can be told of schedules.

use super::*;
use crate::command::{Command, Submission};
use crate::decide::job::Attempt;
use crate::event::Event;
use crate::event::schedule::WhyMissed;
use crate::ids::{Digest, NodeId};
use crate::record::Actor;
use crate::testing::{Writer, assert_lines, told};

const ID: ScheduleId = ScheduleId(1);

fn plan(rule: &str) -> Plan {
    Plan { rule: rule.to_owned(), zone: "Europe/Berlin".to_owned(), ..Plan::default() }
}

/// Seconds behind the beginning of the test.
fn second(second: i64) -> Timestamp {
    Timestamp(1_700_000_000_000 + 1000 * second)
}

fn body() -> PlanBody {
    PlanBody { name: Some("report".to_owned()), ..PlanBody::default() }
}

/// A schedule that is due at second 10.
fn add() -> Command {
    Command::AddSchedule { schedule: ID, plan: plan("R"), body: body(), next: Some(second(10)) }
}

fn edit(next: Option<Timestamp>) -> Command {
    Command::EditSchedule { schedule: ID, plan: plan("S"), body: body(), next }
}

const PAUSE: Command = Command::PauseSchedule { schedule: ID };
const REMOVE: Command = Command::RemoveSchedule { schedule: ID };

fn resume(next: i64) -> Command {
    Command::ResumeSchedule { schedule: ID, next: Some(second(next)) }
}

fn occurrence(due: i64, job: u128) -> Occurrence {
    Occurrence {
        schedule: ID,
        due: second(due),
        next: Some(second(due + 10)),
        by_hand: false,
        job: JobId(job),
        submitted: Submitted::default(),
        body: JobBody::default(),
    }
}

fn occur(due: i64, job: u128) -> Command {
    Command::Occur(Box::new(occurrence(due, job)))
}

fn by_hand(due: i64, job: u128) -> Command {
    Command::Occur(Box::new(Occurrence { by_hand: true, ..occurrence(due, job) }))
}

fn miss(from: i64) -> Command {
    let missed = Missed { from: second(from), to: second(25), count: 2, why: WhyMissed::Busy, next: Some(second(30)) };
    Command::MissOccurrences { schedule: ID, missed }
}

/// What the last command comes to.
fn check(commands: &[Command], expected: &str) {
    assert_lines(&told(commands), expected);
}

/// The same, when that leads to events: their names alone.
fn check_names(commands: &[Command], expected: &[&str]) {
    let mut writer = Writer::default();
    let mut before = 0;
    for command in commands {
        before = writer.log.len();
        let told = writer.tell(Submission::new(Actor::User, command.clone()));
        assert!(!told.starts_with("rejected"), "{told}");
    }
    assert_eq!(writer.log[before..].iter().map(|recorded| recorded.event.name()).collect::<Vec<_>>(), expected);
    assert_eq!(writer.views.anomalies, []);
}

#[test]
fn a_schedule_is_added_once_and_removed_for_good() {
    check_names(&[add()], &["schedule.added"]);
    check(&[add(), add()], "already: schedule/1 at 1");
    check(&[add(), PAUSE, edit(None), add()], "already: schedule/1 at 1");
    check(&[add(), REMOVE], "2 schedule/1 v2 schedule.removed");
    check(&[add(), REMOVE, add()], "rejected: schedule 1 was removed");
    for command in [REMOVE, PAUSE, resume(20), edit(None), occur(10, 7), by_hand(10, 7), miss(10)] {
        check(&[add(), REMOVE, command.clone()], "rejected: there is no schedule 1");
        check(&[command], "rejected: there is no schedule 1");
    }
}

#[test]
fn what_is_no_plan_is_refused() {
    let with = |plan: Plan, body: PlanBody| Command::AddSchedule { schedule: ID, plan, body, next: None };
    let long = plan(&"R".repeat(MAX_RULE_BYTES + 1));
    check(&[with(long, body())], "rejected: the rule: 16385 bytes are more than the 16384 that one may have");
    check(&[with(Plan { zone: String::new(), ..plan("R") }, body())], "rejected: the zone: it is empty");
    let nameless = PlanBody { name: Some(String::new()), ..body() };
    check(&[with(plan("R"), nameless.clone())], "rejected: the name: it is empty");
    check(
        &[add(), Command::EditSchedule { schedule: ID, plan: plan("R"), body: nameless, next: None }],
        "rejected: the name: it is empty",
    );
}

#[test]
fn an_occurrence_and_its_job_are_one_commit() {
    check_names(&[add(), occur(10, 7)], &["job.submitted", "schedule.occurred"]);
    let mut writer = Writer::default();
    for command in [add(), occur(10, 7)] {
        writer.run(command).expect("it is possible");
    }
    let job = writer.views.jobs.get(JobId(7)).expect("it was submitted");
    assert_eq!(job.occasion.as_deref(), Some(&Occasion { schedule: ID, due: second(10) }));
    assert_eq!(writer.views.schedules.of_job(JobId(7)), Some(ID));
    assert_eq!(writer.views.schedules.next_due(), Some(second(20)));
}

#[test]
fn who_comes_second_is_told_that_it_is_not_due() {
    let late = "rejected: schedule 1 is not due at 2023-11-14T22:13:30.000Z";
    check(&[add(), occur(10, 7), occur(10, 8)], late);
    check(&[add(), miss(10), occur(10, 8)], late);
    check(&[add(), occur(10, 7), miss(10)], late);
    check(&[add(), PAUSE, occur(10, 7)], late);
    check(&[add(), edit(Some(second(50))), occur(10, 7)], late);
    check(&[add(), occur(11, 7)], "rejected: schedule 1 is not due at 2023-11-14T22:13:31.000Z");
}

#[test]
fn an_occurrence_whose_job_cannot_be_submitted_did_not_happen() {
    let with = |submitted| Command::Occur(Box::new(Occurrence { submitted, ..occurrence(20, 8) }));
    let check = |submitted, expected| check(&[add(), occur(10, 7), with(submitted)], expected);
    check(Submitted { after: vec![JobId(9)], ..Submitted::default() }, "rejected: there is no job 9");
    check(Submitted { queue: String::new(), ..Submitted::default() }, "rejected: the queue: it is empty");
    self::check(&[add(), occur(10, 7), occur(20, 7)], "rejected: job 7 was submitted before");
    let unique = |due, job| {
        let submitted = Submitted { unique: Some(Digest(5)), ..Submitted::default() };
        Command::Occur(Box::new(Occurrence { submitted, ..occurrence(due, job) }))
    };
    self::check(&[add(), unique(10, 7), unique(20, 8)], "rejected: job 7 has the unique key of this one");
}

#[test]
fn a_person_may_want_it_now_also_while_it_is_paused() {
    for before in [vec![add()], vec![add(), PAUSE], vec![add(), occur(10, 6)]] {
        let mut commands = before;
        let next = |commands: &[Command]| {
            let mut writer = Writer::default();
            for command in commands {
                writer.run(command.clone()).expect("it is possible");
            }
            writer.views.schedules.get(ID).expect("it is there").next
        };
        let as_it_was = next(&commands);
        commands.push(by_hand(3, 7));
        check_names(&commands, &["job.submitted", "schedule.occurred"]);
        assert_eq!(next(&commands), as_it_was);
    }
}

#[test]
fn what_is_left_out_is_recorded_with_its_reason() {
    check(
        &[add(), miss(10)],
        "2 schedule/1 v2 schedule.missed from=2023-11-14T22:13:30.000Z to=2023-11-14T22:13:45.000Z count=2 why=busy \
         next=2023-11-14T22:13:50.000Z",
    );
    check(&[add(), miss(9)], "rejected: schedule 1 is not due at 2023-11-14T22:13:29.000Z");
}

#[test]
fn a_schedule_is_paused_and_resumed() {
    check(&[add(), PAUSE], "2 schedule/1 v2 schedule.paused");
    check(&[add(), PAUSE, PAUSE], "already: schedule/1 at 1");
    check(&[add(), resume(20)], "already: schedule/1 at 1");
    check(&[add(), PAUSE, resume(20)], "3 schedule/1 v3 schedule.resumed next=2023-11-14T22:13:40.000Z");
    check_names(&[add(), PAUSE, resume(20), occur(20, 7)], &["job.submitted", "schedule.occurred"]);
    // What was edited meanwhile is still paused.
    check(
        &[add(), PAUSE, edit(Some(second(15))), occur(15, 7)],
        "rejected: schedule 1 is not due at 2023-11-14T22:13:35.000Z",
    );
}

#[test]
fn a_job_that_fails_for_good_counts_against_its_schedule() {
    let mut writer = Writer::default();
    let node = NodeId(1);
    let joined = crate::event::node::Joined { name: "here".to_owned(), capacity: 9, ..Default::default() };
    writer.run(Command::JoinNode { node, joined, running: Vec::new() }).expect("it joins");
    writer.run(add()).expect("it is added");
    // Two attempts that are lost, one that fails, then one that does not.
    let mut failures = Vec::new();
    for (index, ends) in ["lost", "failed", "again", "lost", "done"].into_iter().enumerate() {
        let number = i64::try_from(index).expect("it is small");
        let submitted = Submitted { max_attempts: if ends == "again" { 2 } else { 1 }, ..Submitted::default() };
        let job = JobId(100 + index as u128);
        let occurrence = Occurrence { submitted, ..occurrence(10 + 10 * number, job.0) };
        writer.run(Command::Occur(Box::new(occurrence))).expect("it is due");
        writer.run(Command::ClaimJob { node, lease_ms: None, queues: Vec::new() }).expect("it is ready");
        let attempt = Attempt { job, node, attempt: 1 };
        let command = match ends {
            "lost" => Command::LoseJob { attempt, body: None },
            "done" => Command::CompleteJob { attempt, body: None },
            _ => Command::FailJob { attempt, again: true, not_begun: false, jitter: 0, body: None },
        };
        writer.run(command).expect("it is running");
        failures.push(writer.views.schedules.get(ID).expect("it is there").failures);
    }
    assert_eq!(failures, [1, 2, 2, 3, 0], "what is tried again has not failed yet");
    assert_eq!(writer.views.anomalies, []);
    assert!(matches!(writer.log.last().map(|it| &it.event), Some(Event::JobCompleted(_))));
}
