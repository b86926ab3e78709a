//! Cases out of a seed: rules, zones, single dates and exceptions, with a liking for nights on which clocks change.

use std::fmt::Write;

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use serde_json::{Value, json};
use zo_recurrence::Rule;

/// SplitMix64: the same numbers everywhere from one seed.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From `least` to `most`, both included.
    fn range(&mut self, least: i64, most: i64) -> i64 {
        let size = most.abs_diff(least) + 1;
        least + i64::try_from(self.next() % size).expect("a small range")
    }

    fn one_in(&mut self, chances: i64) -> bool {
        self.range(1, chances) == 1
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[usize::try_from(self.next() % from.len() as u64).expect("an index")]
    }

    /// One to `most` different numbers of a range, without 0 if `most` and `least` have different signs.
    fn list(&mut self, count: i64, least: i64, most: i64) -> Vec<i64> {
        let count = self.range(1, count);
        let mut list: Vec<i64> = (0..count).map(|_| self.range(least, most)).collect();
        if least < 0 {
            list.retain(|number| *number != 0);
            if list.is_empty() {
                list.push(1);
            }
        }
        list.sort_unstable();
        list.dedup();
        list
    }
}

/// Zones, each with days around which its clocks change.
const ZONES: [(&str, &[&str]); 18] = [
    ("America/New_York", &["2007-03-10", "2007-11-03", "2026-03-07", "2026-10-31"]),
    ("Europe/London", &["1995-03-25", "1995-10-21", "2026-03-28", "2026-10-24"]),
    ("Europe/Berlin", &["2026-03-28", "2026-10-24"]),
    ("Africa/Cairo", &["2010-08-10", "2010-09-08", "2023-04-27", "2026-10-29"]),
    ("Australia/Lord_Howe", &["2026-04-03", "2026-10-02"]),
    ("Pacific/Apia", &["2011-12-27", "2011-12-29", "2012-03-31"]),
    ("America/Sao_Paulo", &["2018-02-16", "2018-11-02"]),
    ("Antarctica/Troll", &["2026-03-27", "2026-10-23"]),
    ("Pacific/Kwajalein", &["1993-08-19", "1993-08-20"]),
    ("America/Havana", &["2026-03-07", "2026-10-31"]),
    ("America/St_Johns", &["2008-03-07", "2008-10-31"]),
    ("Asia/Beirut", &["2026-03-27", "2026-10-23"]),
    ("America/Caracas", &["2007-12-08", "2016-04-29"]),
    ("Africa/Casablanca", &["2026-02-13", "2026-03-20"]),
    ("Asia/Pyongyang", &["2015-08-13", "2018-05-03"]),
    ("UTC", &["2026-01-01"]),
    ("Asia/Kathmandu", &["2026-01-01"]),
    ("Asia/Kolkata", &["2026-01-01"]),
];

/// Zones in which dateutil's hourly and faster rules run in elapsed time, too.
const FIXED: [&str; 3] = ["UTC", "Asia/Kathmandu", "Asia/Kolkata"];

const FREQUENCIES: [&str; 7] = ["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY"];
const WEEKDAYS: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// One case: what the oracle gets, and the same as a rule's text.
pub(crate) struct Case {
    pub(crate) json: Value,
    pub(crate) text: String,
    pub(crate) cursor: DateTime<Utc>,
    pub(crate) horizon: DateTime<Utc>,
    pub(crate) most: usize,
}

impl Case {
    pub(crate) fn new(random: &mut Random) -> Self {
        let (zone, days) = *random.pick(&ZONES);
        let start = start(random, days);
        let frequency = *random.pick(&FREQUENCIES);
        let begin = start.and_utc().timestamp();
        let (span, ahead) = reach(frequency);
        // Most questions are about a time close to the change of the clocks.
        let cursor = begin
            + if random.one_in(2) { random.range(-span.min(DAY), span.min(3 * DAY)) } else { random.range(0, span) };
        let horizon = cursor + ahead;
        let mut rules = vec![rule(random, frequency, zone, begin, span)];
        if random.one_in(8) {
            rules.push(rule(random, frequency, zone, begin, span));
        }
        if random.one_in(30) {
            rules.clear();
        }
        let near = |random: &mut Random| naive(cursor + random.range(0, ahead.min(20 * DAY)) / 900 * 900);
        let mut dates: Vec<NaiveDateTime> = Vec::new();
        if rules.is_empty() || random.one_in(6) {
            dates = (0..random.range(1, 4)).map(|_| near(random)).collect();
        }
        let (cursor, horizon) = (instant(cursor), instant(horizon));
        let without = without(random, &text(zone, start, &rules, &dates, &[]), cursor);
        let json = json!({
            "zone": zone, "start": written(start), "rules": rules, "fixed": FIXED.contains(&zone),
            "dates": dates.iter().copied().map(written).collect::<Vec<_>>(),
            "without": without.iter().copied().map(written).collect::<Vec<_>>(),
            "cursor": cursor.timestamp(), "horizon": horizon.timestamp(), "most": 12,
        });
        Self { json, text: text(zone, start, &rules, &dates, &without), cursor, horizon, most: 12 }
    }
}

/// How far the cursor may be from DTSTART, and the horizon from the cursor: as far as the oracle gets in some milliseconds.
fn reach(frequency: &str) -> (i64, i64) {
    match frequency {
        "YEARLY" => (8 * 365 * DAY, 12 * 365 * DAY),
        "MONTHLY" => (3 * 365 * DAY, 4 * 365 * DAY),
        "WEEKLY" => (2 * 365 * DAY, 2 * 365 * DAY),
        "DAILY" => (300 * DAY, 400 * DAY),
        "HOURLY" => (6 * DAY, 12 * DAY),
        "MINUTELY" => (2 * DAY, 3 * DAY),
        _ => (HOUR, 2 * HOUR),
    }
}

fn start(random: &mut Random, days: &[&str]) -> NaiveDateTime {
    let date = if random.one_in(3) {
        let first = NaiveDate::from_ymd_opt(1990, 1, 1).expect("a date");
        first + Days::new(random.range(0, 27 * 365).unsigned_abs())
    } else {
        random.pick(days).parse().expect("a date")
    };
    let time = match random.range(0, 3) {
        0 => (random.range(0, 23), random.range(0, 59), random.range(0, 59)),
        1 => (0, *random.pick(&[0, 15, 30]), 0),
        _ => (random.range(0, 3), *random.pick(&[0, 1, 15, 30, 45, 59]), 0),
    };
    let seconds = time.0 * HOUR + time.1 * 60 + time.2;
    date.and_time(NaiveTime::MIN) + TimeDelta::seconds(seconds)
}

fn rule(random: &mut Random, frequency: &str, zone: &str, begin: i64, span: i64) -> String {
    let mut rule = format!("FREQ={frequency}");
    if random.one_in(2) {
        let most = match frequency {
            "YEARLY" => 3,
            "SECONDLY" | "MINUTELY" => *random.pick(&[3, 15, 45, 90, 1000]),
            _ => 5,
        };
        let _ = write!(rule, ";INTERVAL={}", random.range(1, most));
    }
    match random.range(0, 5) {
        0 => {
            let _ = write!(rule, ";COUNT={}", random.range(1, 60));
        }
        1 => {
            let until = naive(begin + random.range(0, span + 5 * DAY));
            let _ = write!(rule, ";UNTIL={}Z", written(until));
        }
        _ => {}
    }
    let is_fast = matches!(frequency, "HOURLY" | "MINUTELY" | "SECONDLY");
    // The oracle asks every candidate of fast rules by itself; parts that exclude most days would take it too long.
    let days = if is_fast { random.one_in(4) } else { !random.one_in(4) };
    let mut has_parts = false;
    if days {
        has_parts |= day_parts(random, &mut rule, frequency);
    }
    has_parts |= time_parts(random, &mut rule, frequency);
    // In the first week of a weekly rule dateutil chooses from the days since DTSTART only: see README.md.
    let has_sets = match frequency {
        "WEEKLY" | "SECONDLY" => false,
        "HOURLY" | "MINUTELY" => rule.contains("BYSECOND="),
        _ => has_parts,
    };
    if has_sets && random.one_in(3) {
        let positions = if is_fast { random.list(2, -2, 3) } else { random.list(3, -4, 6) };
        let _ = write!(rule, ";BYSETPOS={}", joined(&positions));
    }
    if random.one_in(4) && !zone.is_empty() {
        let _ = write!(rule, ";WKST={}", random.pick(&WEEKDAYS));
    }
    rule
}

fn day_parts(random: &mut Random, rule: &mut String, frequency: &str) -> bool {
    let before = rule.len();
    if random.one_in(4) {
        let _ = write!(rule, ";BYMONTH={}", joined(&random.list(6, 1, 12)));
    }
    let weeks = frequency == "YEARLY" && random.one_in(4);
    if weeks {
        // -52 and -53 are the first week, where dateutil only knows positive numbers.
        let _ = write!(rule, ";BYWEEKNO={}", joined(&random.list(5, -51, 53)));
    }
    if !matches!(frequency, "MONTHLY" | "WEEKLY" | "DAILY") && random.one_in(4) {
        let _ = write!(rule, ";BYYEARDAY={}", joined(&random.list(12, -366, 366)));
    }
    if frequency != "WEEKLY" && random.one_in(3) {
        let _ = write!(rule, ";BYMONTHDAY={}", joined(&random.list(8, -31, 31)));
    }
    if random.one_in(2) {
        let counts = matches!(frequency, "YEARLY" | "MONTHLY") && !weeks && random.one_in(2);
        // Weekdays with and without a number are one list for the RFC, and exclude each other for dateutil.
        let days: Vec<String> = (0..random.range(1, 4))
            .map(|_| {
                let day = random.pick(&WEEKDAYS);
                let most = if frequency == "MONTHLY" || rule.contains("BYMONTH=") { 5 } else { 53 };
                let nth = random.range(1, most) * if random.one_in(2) { -1 } else { 1 };
                if counts { format!("{nth}{day}") } else { (*day).to_owned() }
            })
            .collect();
        let _ = write!(rule, ";BYDAY={}", days.join(","));
    }
    rule.len() > before
}

fn time_parts(random: &mut Random, rule: &mut String, frequency: &str) -> bool {
    let before = rule.len();
    let all_day = (frequency == "HOURLY" || frequency == "MINUTELY" || frequency == "SECONDLY") && random.one_in(2);
    if random.one_in(3) {
        let hours = if all_day { random.list(12, 0, 23) } else { random.list(4, 0, 4) };
        let _ = write!(rule, ";BYHOUR={}", joined(&hours));
    }
    if random.one_in(3) {
        let minutes: Vec<i64> = random.list(4, 0, 3).into_iter().map(|quarter| quarter * 15).collect();
        let minutes = if random.one_in(2) { minutes } else { random.list(20, 0, 59) };
        let _ = write!(rule, ";BYMINUTE={}", joined(&minutes));
    }
    if random.one_in(5) {
        let _ = write!(rule, ";BYSECOND={}", joined(&random.list(5, 0, 59)));
    }
    rule.len() > before
}

/// Exceptions: some of the occurrences, and something that is none.
fn without(random: &mut Random, text: &str, cursor: DateTime<Utc>) -> Vec<NaiveDateTime> {
    if !random.one_in(4) {
        return Vec::new();
    }
    let rule = Rule::parse_rfc(text).expect("a generated rule");
    let next: Vec<_> = rule.iter_after(cursor).map_while(Result::ok).take(8).collect();
    let mut without: Vec<NaiveDateTime> =
        next.iter().filter(|_| random.one_in(3)).map(|occurrence| occurrence.local).collect();
    without.push(naive(cursor.timestamp()));
    without
}

fn text(
    zone: &str,
    start: NaiveDateTime,
    rules: &[String],
    dates: &[NaiveDateTime],
    without: &[NaiveDateTime],
) -> String {
    let mut text = format!("DTSTART;TZID={zone}:{}", written(start));
    for rule in rules {
        let _ = write!(text, "\nRRULE:{rule}");
    }
    for (name, list) in [("RDATE", dates), ("EXDATE", without)] {
        if !list.is_empty() {
            let list: Vec<String> = list.iter().copied().map(written).collect();
            let _ = write!(text, "\n{name};TZID={zone}:{}", list.join(","));
        }
    }
    text
}

fn joined(numbers: &[i64]) -> String {
    numbers.iter().map(i64::to_string).collect::<Vec<_>>().join(",")
}

fn written(wall: NaiveDateTime) -> String {
    wall.format("%Y%m%dT%H%M%S").to_string()
}

fn instant(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).expect("an instant")
}

fn naive(seconds: i64) -> NaiveDateTime {
    instant(seconds).naive_utc()
}
