//! Schedules that come due: exactly once, whenever the process is killed; what was missed, by policy.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use zo_projections::event::Event;
use zo_projections::event::schedule::Plan;

use super::*;
use crate::engine::EngineOptions;
use crate::protocol::ScheduleInput;
use crate::world::SimulatedWorld;

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("a time")
}

fn open(folder: &Path, world: &Arc<SimulatedWorld>) -> Arc<Engine> {
    let options = EngineOptions { world: world.clone(), ..EngineOptions::default() };
    let engine = Engine::open(folder, options).expect("the home opens");
    // Nothing runs behind: the test looks at the clock itself.
    engine.work.serves.store(true, Ordering::Relaxed);
    engine
}

fn schedule(id: u128, rule: &str, zone: &str, misfire: Misfire) -> ScheduleInput {
    ScheduleInput {
        id,
        name: None,
        rule: rule.to_owned(),
        zone: Some(zone.to_owned()),
        misfire,
        spec: r#"{"kind":"memorize","content":"tea"}"#.to_owned(),
        options: JobOptions::default(),
        check_in: None,
    }
}

fn add(engine: &Engine, input: ScheduleInput) {
    let request = crate::protocol::Request::AddSchedule { schedule: Box::new(input) };
    crate::service::handle(engine, request, &mut |_| std::ops::ControlFlow::Continue(())).expect("it is added");
}

/// When each schedule occurred, in the order of the log.
fn occurred(engine: &Engine) -> BTreeMap<ScheduleId, Vec<Timestamp>> {
    let mut found: BTreeMap<ScheduleId, Vec<Timestamp>> = BTreeMap::new();
    let (from, to) = (Position(1), engine.writer.position());
    let read = engine.reader.each(from, to, &mut |event| {
        if let Event::ScheduleOccurred(occurred) = &event.recorded.event {
            found.entry(ScheduleId(event.recorded.header.stream.id)).or_default().push(occurred.due);
        }
        std::ops::ControlFlow::Continue(())
    });
    read.expect("the log can be read");
    found
}

/// Occurrences of a rule within a year, as the recurrence crate has them.
fn expected(rule: &str, zone: &str, from: Timestamp, to: Timestamp) -> Vec<Timestamp> {
    let rule = zo_recurrence::parse(rule, zone, utc(from)).expect("a rule");
    let all = rule.iter_after(utc(from)).map(|next| Timestamp(next.expect("it fires").utc.timestamp_millis()));
    all.take_while(|next| *next <= to).collect()
}

/// A number from a seed, so that a failure can be had again: `ZO_SEED`.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

#[test]
fn over_a_year_of_kills_and_restarts_every_occurrence_is_there_exactly_once() {
    let seed = std::env::var("ZO_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_261_121);
    let mut dice = Dice(seed);
    let folder = tempfile::tempdir().expect("a folder");
    let home = folder.path().join("home");
    let (start, end) = (at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z"));
    let world = Arc::new(SimulatedWorld::new(seed, start));
    let rules = [
        ("every day at 2:30", "America/New_York"),
        ("every day at 1:30", "Europe/London"),
        ("every day at 0:00", "Africa/Cairo"),
        ("every day at 2:15", "Australia/Lord_Howe"),
        ("every monday and thursday at 18:00", "Pacific/Apia"),
        ("FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=17;BYMINUTE=0;BYSECOND=0", "Europe/Berlin"),
        ("30 8 1,15 * *", "Asia/Kolkata"),
    ];
    let mut engine = open(&home, &world);
    for (number, (rule, zone)) in rules.iter().enumerate() {
        add(&engine, schedule(number as u128 + 1, rule, zone, Misfire::All(1000)));
    }
    let (mut now, mut kills) = (start, 0);
    while now < end {
        // Most of the time somebody looks; now and then nobody does for days.
        let step = if dice.roll(20) == 0 { DAY * (1 + i64::try_from(dice.roll(9)).expect("small")) } else { 6 * HOUR };
        now = Timestamp((now.0 + step).min(end.0));
        world.set_now(now);
        if dice.roll(12) == 0 {
            // Killed: whatever is not in the log is gone. Sometimes after it did some of what was due.
            if dice.roll(2) == 0 {
                engine.occur_what_is_due(now).expect("what is due can be done");
            }
            engine.close();
            drop(engine);
            engine = open(&home, &world);
            kills += 1;
        }
        engine.do_what_is_due(now).expect("what is due can be done");
    }
    assert!(kills > 20, "{kills} kills");
    let occurred = occurred(&engine);
    for (number, (rule, zone)) in rules.iter().enumerate() {
        let found = occurred.get(&ScheduleId(number as u128 + 1)).cloned().unwrap_or_default();
        assert_eq!(found, expected(rule, zone, start, end), "{rule} in {zone}, seed {seed}");
    }
    let jobs = engine.writer.read(|views| views.jobs.counts().ready).expect("it can be read");
    assert_eq!(jobs, occurred.values().map(Vec::len).sum::<usize>() as u64, "each has its job");
    engine.close();
}

fn rule(text: &str) -> Rule {
    zo_recurrence::parse(text, "UTC", utc(at("2026-03-01T00:00:00Z"))).expect("a rule")
}

fn known(misfire: Misfire, failures: u32, history: Vec<Happened>) -> Schedule {
    Schedule {
        plan: Plan { misfire, ..Plan::default() },
        defined: Position(1),
        added: Position(1),
        next: None,
        paused: false,
        occurred: 0,
        missed: 0,
        failures,
        outstanding: std::collections::BTreeSet::new(),
        history: history.into(),
    }
}

/// What is done about an hourly schedule that was due at 9:00 of the first of March, at a later time of that day.
fn told(schedule: &Schedule, check_in: Option<&CheckIn>, is_busy: bool, now: &str) -> String {
    let (due, now) = (at("2026-03-01T09:00:00Z"), at(&format!("2026-03-01T{now}Z")));
    let time = |at: Timestamp| at.to_string()[11..16].to_owned();
    let next = |next: Option<Timestamp>| next.map_or("never".to_owned(), time);
    match step(&rule("FREQ=HOURLY;BYMINUTE=0;BYSECOND=0"), schedule, check_in, is_busy, due, now)
        .expect("it can be said")
    {
        Step::Occur(then) => format!("occurs, next {}", next(then)),
        Step::Miss(missed) => {
            let (from, to, count, then) = (time(missed.from), time(missed.to), missed.count, next(missed.next));
            format!("{:?}: {count} from {from} to {to}, next {then}", missed.why)
        }
    }
}

#[test]
fn what_was_missed_is_skipped_or_made_up_for_once_or_so_often() {
    let check = |misfire, now, expected: &str| assert_eq!(told(&known(misfire, 0, vec![]), None, false, now), expected);
    for misfire in [Misfire::Skip, Misfire::Once, Misfire::All(2)] {
        check(misfire, "09:00:30", "occurs, next 10:00");
    }
    check(Misfire::Skip, "09:30:00", "Policy: 1 from 09:00 to 09:00, next 10:00");
    check(Misfire::Skip, "12:30:00", "Policy: 4 from 09:00 to 12:00, next 13:00");
    check(Misfire::Once, "09:30:00", "occurs, next 10:00");
    check(Misfire::Once, "12:30:00", "Policy: 3 from 09:00 to 11:00, next 12:00");
    check(Misfire::All(2), "12:30:00", "Policy: 2 from 09:00 to 10:00, next 11:00");
    check(Misfire::All(9), "12:30:00", "occurs, next 10:00");
}

#[test]
fn a_check_in_looks_only_in_its_hours_and_not_while_it_still_looks() {
    let hours = |hours: &str| CheckIn { hours: Some(hours.to_owned()), checklist: None };
    let once = known(Misfire::Once, 0, vec![]);
    assert_eq!(told(&once, Some(&hours("8:00-18:00")), false, "09:00:01"), "occurs, next 10:00");
    let inactive = "Inactive: 1 from 09:00 to 09:00, next 10:00";
    assert_eq!(told(&once, Some(&hours("10-18")), false, "09:00:01"), inactive);
    assert_eq!(told(&once, Some(&hours("22:00-6:00")), false, "09:00:01"), inactive);
    assert_eq!(told(&once, Some(&hours("22:00-9:30")), false, "09:00:01"), "occurs, next 10:00");
    let busy = "Busy: 1 from 09:00 to 09:00, next 10:00";
    assert_eq!(told(&once, Some(&CheckIn::default()), true, "09:00:01"), busy);
    assert_eq!(told(&once, None, true, "09:00:01"), "occurs, next 10:00");
}

#[test]
fn a_schedule_that_fails_again_and_again_is_tried_less_often() {
    let last = at("2026-03-01T08:00:00Z");
    let occurred = Happened::Occurred { due: last, at: last, job: JobId(1), by_hand: false };
    let failing = |failures| known(Misfire::Once, failures, vec![occurred]);
    assert_eq!(told(&failing(2), None, false, "09:00:01"), "occurs, next 10:00");
    assert_eq!(told(&failing(3), None, false, "09:00:01"), "occurs, next 10:00");
    // Seven failures more: it is left alone for 128 minutes.
    assert_eq!(told(&failing(10), None, false, "09:00:01"), "BackOff: 1 from 09:00 to 09:00, next 10:00");
    assert_eq!(told(&failing(10), None, false, "11:30:00"), "BackOff: 2 from 09:00 to 10:00, next 11:00");
}

#[test]
fn hours_that_are_none_are_refused() {
    for wrong in ["", "8", "8-", "25:00-26:00", "a-b"] {
        let error = wrong.parse::<Hours>().expect_err(wrong);
        assert!(error.contains("8:00-18:00"), "{error}");
    }
}
