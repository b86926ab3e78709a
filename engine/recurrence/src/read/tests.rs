use chrono::{DateTime, Utc};

use super::parse;
use crate::error::RuleError;
use crate::limits::{MAX_DATES, MAX_RRULES, MAX_TEXT_BYTES};

/// Saturday, 22:43:10 in Berlin.
const NOW: &str = "2026-11-21T21:43:10Z";

fn read(text: &str) -> Result<String, RuleError> {
    let now: DateTime<Utc> = NOW.parse().expect("an instant");
    parse(text, "Europe/Berlin", now).map(|rule| rule.to_rfc())
}

/// A text becomes these lines behind `DTSTART;TZID=Europe/Berlin:`.
fn check(text: &str, expected: &str) {
    let rule = read(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(rule, format!("DTSTART;TZID=Europe/Berlin:{expected}"), "{text}");
}

/// A text is refused with this message.
fn refuse(text: &str, expected: &str) {
    match read(text) {
        Ok(rule) => panic!("{text} is {rule}"),
        Err(error) => assert_eq!(error.to_string(), expected, "{text}"),
    }
}

#[test]
fn cron_becomes_the_simplest_rule() {
    check("30 8 * * 1-5", "20261123T083000\nRRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR");
    check("0 9 * * *", "20261122T090000\nRRULE:FREQ=DAILY");
    check("0 9,17 * * *", "20261122T090000\nRRULE:FREQ=DAILY;BYHOUR=9,17;BYMINUTE=0");
    check("15 10 1 jan,JUL *", "20270101T101500\nRRULE:FREQ=MONTHLY;BYMONTH=1,7;BYMONTHDAY=1");
    check("0 0 * * 7", "20261122T000000\nRRULE:FREQ=WEEKLY;BYDAY=SU");
    check("0 0 * * 5-7", "20261122T000000\nRRULE:FREQ=WEEKLY;BYDAY=FR,SA,SU");
    check("@daily", "20261122T000000\nRRULE:FREQ=DAILY");
    check("@hourly", "20261121T230000\nRRULE:FREQ=HOURLY;BYMINUTE=0");
}

#[test]
fn cron_with_stars_in_its_times_runs_in_elapsed_time() {
    check("* * * * *", "20261121T224400\nRRULE:FREQ=MINUTELY");
    check("*/15 * * * *", "20261121T224500\nRRULE:FREQ=MINUTELY;BYMINUTE=0,15,30,45");
    check("5 */6 * * mon", "20261123T000500\nRRULE:FREQ=HOURLY;BYDAY=MO;BYHOUR=0,6,12,18;BYMINUTE=5");
    check("0-59 9-17 * * *", "20261122T090000\nRRULE:FREQ=DAILY;BYHOUR=9,10,11,12,13,14,15,16,17");
}

#[test]
fn cron_takes_either_day_if_both_are_restricted() {
    check("0 9 13 * 5", "20261127T090000\nRRULE:FREQ=MONTHLY;BYMONTHDAY=13\nRRULE:FREQ=WEEKLY;BYDAY=FR");
    // With a star at the beginning of one it has to be both.
    let days: Vec<String> = (1..=31).step_by(2).map(|day| day.to_string()).collect();
    let both = format!("20261123T090000\nRRULE:FREQ=DAILY;BYMONTHDAY={};BYDAY=MO", days.join(","));
    check("0 9 */2 * 1", &both);
}

#[test]
fn bad_cron_is_refused_at_its_place() {
    refuse("61 * * * *", "column 1: \"61\" is no minute");
    refuse("0 9 * * 1-9", "column 11: \"9\" is no day of the week");
    refuse("0 17-9 * * *", "column 3: \"17-9\" ends before it begins");
    refuse("*/0 * * * *", "column 1: \"*/0\" has a step that is no number, 0 or too large");
    refuse("0 0 L * *", "column 5: \"L\" belongs to other dialects of cron");
    refuse("0 0 0 1 1 *", "column 1: \"0 0 0 1 1 *\" has 6 fields, cron has five");
    refuse("@reboot", "column 1: \"@reboot\" is no time");
    refuse("0 0 30 2 *", "the rule never fires: there is nothing from 2026-11-21 up to the year 9999");
}

#[test]
fn a_rule_without_dtstart_begins_with_its_first_occurrence() {
    check("FREQ=DAILY;BYHOUR=9;COUNT=3", "20261122T090000\nRRULE:FREQ=DAILY;COUNT=3;BYHOUR=9");
    check("rrule:freq=weekly;interval=2;byday=tu", "20261124T224400\nRRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=TU");
    check("RDATE:20261224T180000", "20261224T180000\nRDATE;TZID=Europe/Berlin:20261224T180000");
}

#[test]
fn dtstart_says_the_zone_or_gets_the_default() {
    check("DTSTART:20261124T090000\nRRULE:FREQ=DAILY", "20261124T090000\nRRULE:FREQ=DAILY");
    check("DTSTART;VALUE=DATE:20261124\nRRULE:FREQ=DAILY", "20261124T000000\nRRULE:FREQ=DAILY");
    let utc = read("DTSTART:20261124T090000Z\nRRULE:FREQ=DAILY").expect("a rule");
    assert_eq!(utc, "DTSTART;TZID=UTC:20261124T090000\nRRULE:FREQ=DAILY");
    let london = read("DTSTART;TZID=\"Europe/London\":20261124T090000").expect("a rule");
    assert_eq!(london, "DTSTART;TZID=Europe/London:20261124T090000");
}

#[test]
fn bad_lines_are_refused_at_their_place() {
    let with = |rule: &str| format!("DTSTART:20261124T090000\n{rule}");
    refuse(&with("RRULE:FREQ=DALY"), "line 2, column 12: \"DALY\" is no frequency");
    refuse(&with("RRULE:INTERVAL=2"), "line 2, column 7: \"INTERVAL=2\" has no FREQ");
    refuse(&with("RRULE:FREQ=DAILY;BYHOUR=24"), "line 2, column 25: \"24\" is no number from 0 to 23 (BYHOUR)");
    refuse(&with("RRULE:FREQ=DAILY;FREQ=DAILY"), "line 2, column 18: \"FREQ=DAILY\" is there a second time");
    refuse(&with("RRULE:FREQ=DAILY;BYEASTER=1"), "line 2, column 18: \"BYEASTER=1\" is no part of an RRULE");
    refuse(
        &with("RRULE:FREQ=DAILY;COUNT=1;UNTIL=20270101T000000Z"),
        "line 2, column 26: \"UNTIL=20270101T000000Z\" stands beside COUNT",
    );
    refuse(&with("RRULE:FREQ=DAILY;INTERVAL=0"), "line 2, column 18: \"INTERVAL=0\" is no number from 1 to 1000000000");
    refuse(
        &with("RRULE:FREQ=WEEKLY;BYMONTHDAY=3"),
        "line 2, column 19: \"BYMONTHDAY=3\" cannot stand beside FREQ=WEEKLY",
    );
    refuse(
        &with("RRULE:FREQ=WEEKLY;BYDAY=1MO"),
        "line 2, column 19: \"BYDAY=1MO\" counts weekdays, which cannot stand beside FREQ=WEEKLY",
    );
    refuse(&with("RRULE:FREQ=DAILY;BYSETPOS=1"), "line 2, column 18: \"BYSETPOS=1\" chooses from nothing");
    refuse(
        &with("EXRULE:FREQ=DAILY"),
        "line 2, column 1: \"EXRULE:FREQ=DAILY\" is no longer part of iCalendar: RFC 5545 removed EXRULE",
    );
    refuse(
        &with("RDATE;VALUE=PERIOD:20261201T090000/PT1H"),
        "line 2, column 1: \"RDATE;VALUE=PERIOD:20261201T090000/PT1H\" lists periods",
    );
    refuse(&with("SUMMARY:x"), "line 2, column 1: \"SUMMARY:x\" is none of the lines that a rule has");
    refuse(
        &with("EXDATE:20260230T000000"),
        "line 2, column 8: \"20260230T000000\" is no date, or one that does not exist",
    );
    refuse(
        "DTSTART;TZID=Europe/Berlin:20261124T090000Z",
        "column 28: \"20261124T090000Z\" ends with Z and has a TZID: it can be only one of them",
    );
    refuse("DTSTART;TZID=Europe/Berln:20261124T090000", "there is no time zone \"Europe/Berln\"");
}

#[test]
fn a_rule_without_a_start_begins_with_the_next_full_minute_or_second() {
    check("FREQ=MINUTELY", "20261121T224400\nRRULE:FREQ=MINUTELY");
    check("FREQ=SECONDLY", "20261121T224311\nRRULE:FREQ=SECONDLY");
    check("FREQ=SECONDLY;INTERVAL=10", "20261121T224311\nRRULE:FREQ=SECONDLY;INTERVAL=10");
}

#[test]
fn rules_that_never_fire_are_refused() {
    let years = "the rule never fires: there is nothing from 2026-11-21 up to the year 9999";
    refuse("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", years);
    refuse("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", years);
    refuse(
        "DTSTART:20261124T090000\nRRULE:FREQ=DAILY;UNTIL=20261123T000000Z",
        "the rule never fires: nothing lies between its start (2026-11-24 09:00:00) and its end",
    );
    refuse(
        "DTSTART:20261124T090000\nRRULE:FREQ=DAILY;COUNT=1\nEXDATE:20261124T090000",
        "the rule never fires: nothing lies between its start (2026-11-24 09:00:00) and its end",
    );
    let error = read("DTSTART:20261124T090000\nRRULE:FREQ=MINUTELY;INTERVAL=2;BYMINUTE=1").expect_err("it never fires");
    assert!(matches!(error, RuleError::NeverFires { .. }), "{error}");
}

#[test]
fn what_is_too_large_is_refused() {
    assert_eq!(read(" \n "), Err(RuleError::Empty));
    let long = "x".repeat(MAX_TEXT_BYTES + 1);
    assert_eq!(read(&long), Err(RuleError::TooLong { bytes: long.len() }));
    let rules = "RRULE:FREQ=DAILY\n".repeat(MAX_RRULES + 1);
    refuse(&rules, &format!("the rule has {} RRULE lines, at most {MAX_RRULES} are allowed", MAX_RRULES + 1));
    let dates = vec!["20261224T180000"; MAX_DATES + 1].join(",");
    refuse(
        &format!("DTSTART:20261124T090000\nRDATE:{dates}"),
        &format!("the rule has {} dates in RDATE, at most {MAX_DATES} are allowed", MAX_DATES + 1),
    );
    refuse("FREQ=DAILY;COUNT=1000001", "column 12: \"COUNT=1000001\" is no number from 1 to 1000000");
}

#[test]
fn a_clock_that_is_far_off_is_no_panic() {
    for now in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
        for text in ["in 20 minutes", "every day at 9", "0 9 * * *", "FREQ=HOURLY", "every 7 hours", "tomorrow at 9"] {
            let _ = parse(text, "Pacific/Kiritimati", now);
            let _ = parse(text, "America/Adak", now);
        }
    }
}

#[test]
fn no_text_makes_it_panic() {
    let pieces = [
        "every",
        "day",
        "at",
        "9",
        "9:00",
        "in",
        "on",
        "the",
        "last",
        "friday",
        "of",
        "month",
        "until",
        "2026-12-31",
        ",",
        "and",
        "between",
        "*",
        "*/5",
        "1-5",
        "@daily",
        "FREQ=DAILY",
        "DTSTART:20261124T090000",
        "RRULE:",
        ";",
        "BYDAY=",
        "-",
        "é",
        "\n",
        "20",
        "minutes",
        "times",
        "for",
        "except",
        "next",
        "am",
        "UTC",
        "Europe/Berlin",
        "february",
        "30",
        "other",
        "\"",
        "0",
        "99999999999",
    ];
    // Every pair and many triples: small, but each clause meets each word, and the end of the text.
    for (index, first) in pieces.iter().enumerate() {
        for (ahead, second) in pieces.iter().enumerate() {
            let third = pieces[(index * 7 + ahead * 3) % pieces.len()];
            for text in [format!("{first}{second}"), format!("{first} {second}"), format!("{first} {second} {third}")] {
                if let Ok(rule) = read(&text) {
                    let again = crate::Rule::parse_rfc(&rule).expect("its own text");
                    assert_eq!(again.to_rfc(), rule, "{text}");
                }
            }
        }
    }
}
