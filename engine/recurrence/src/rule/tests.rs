use chrono::{DateTime, Utc};

use super::Rule;
use crate::error::RuleError;

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant")
}

/// The first occurrences after a cursor, on the clock of the zone with its offset.
fn check(text: &str, cursor: &str, expected: &[&str]) {
    let rule = Rule::parse_rfc(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let next = rule.iter_after(instant(cursor)).take(expected.len());
    let next: Vec<String> = next
        .map(|next| {
            let next = next.unwrap_or_else(|error| panic!("{error}\n{text}"));
            let minutes = next.offset_seconds / 60;
            format!("{} {:+03}{:02}", next.local.format("%Y-%m-%d %H:%M:%S"), minutes / 60, (minutes % 60).abs())
        })
        .collect();
    assert_eq!(next, expected, "{text}");
}

/// There are exactly these occurrences.
fn check_all(text: &str, expected: &[&str]) {
    check(text, "0001-01-01T00:00:00Z", expected);
    let rule = Rule::parse_rfc(text).expect("a rule");
    assert_eq!(rule.iter_after(instant("0001-01-01T00:00:00Z")).count(), expected.len(), "{text}");
}

#[test]
fn a_daily_rule_in_a_gap_is_due_an_hour_later_once() {
    check(
        "DTSTART;TZID=America/New_York:20260307T023000\nRRULE:FREQ=DAILY",
        "2026-03-07T00:00:00Z",
        &["2026-03-07 02:30:00 -0500", "2026-03-08 03:30:00 -0400", "2026-03-09 02:30:00 -0400"],
    );
}

#[test]
fn times_that_meet_behind_a_gap_are_one_occurrence_and_in_order() {
    check(
        "DTSTART;TZID=America/New_York:20260308T013000\nRRULE:FREQ=DAILY;BYHOUR=1,2,3;BYMINUTE=0,30",
        "2026-03-08T06:00:00Z",
        &[
            "2026-03-08 01:30:00 -0500",
            "2026-03-08 03:00:00 -0400",
            "2026-03-08 03:30:00 -0400",
            "2026-03-09 01:00:00 -0400",
        ],
    );
}

#[test]
fn a_cursor_behind_a_gap_does_not_lose_what_fell_into_it() {
    check(
        "DTSTART;TZID=America/New_York:20260301T023000\nRRULE:FREQ=DAILY",
        "2026-03-08T07:00:00Z",
        &["2026-03-08 03:30:00 -0400", "2026-03-09 02:30:00 -0400"],
    );
}

#[test]
fn a_daily_rule_in_a_fold_is_due_once() {
    check(
        "DTSTART;TZID=Europe/London:20261024T013000\nRRULE:FREQ=DAILY",
        "2026-10-24T12:00:00Z",
        &["2026-10-25 01:30:00 +0100", "2026-10-26 01:30:00 +0000"],
    );
}

#[test]
fn a_midnight_that_does_not_exist_keeps_its_day() {
    check(
        "DTSTART;TZID=America/Sao_Paulo:20181103T000000\nRRULE:FREQ=DAILY",
        "2018-11-03T12:00:00Z",
        &["2018-11-04 01:00:00 -0200", "2018-11-05 00:00:00 -0200"],
    );
}

#[test]
fn a_day_that_does_not_exist_is_no_second_occurrence() {
    check(
        "DTSTART;TZID=Pacific/Apia:20111228T090000\nRRULE:FREQ=DAILY",
        "2011-12-28T12:00:00Z",
        &[
            "2011-12-28 09:00:00 -1000",
            "2011-12-29 09:00:00 -1000",
            "2011-12-31 09:00:00 +1400",
            "2012-01-01 09:00:00 +1400",
        ],
    );
}

#[test]
fn half_an_hour_is_enough_for_a_gap() {
    check(
        "DTSTART;TZID=Australia/Lord_Howe:20261003T021500\nRRULE:FREQ=DAILY",
        "2026-10-02T16:00:00Z",
        &["2026-10-04 02:45:00 +1100", "2026-10-05 02:15:00 +1100"],
    );
}

#[test]
fn every_hour_is_every_hour_when_clocks_change() {
    check(
        "DTSTART;TZID=America/New_York:20260308T000000\nRRULE:FREQ=HOURLY",
        "2026-03-08T05:00:00Z",
        &["2026-03-08 01:00:00 -0500", "2026-03-08 03:00:00 -0400", "2026-03-08 04:00:00 -0400"],
    );
    check(
        "DTSTART;TZID=America/New_York:20261101T000000\nRRULE:FREQ=HOURLY",
        "2026-11-01T04:00:00Z",
        &["2026-11-01 01:00:00 -0400", "2026-11-01 01:00:00 -0500", "2026-11-01 02:00:00 -0500"],
    );
    // Three hours are three hours, over a gap of two.
    check(
        "DTSTART;TZID=Antarctica/Troll:20260328T220000\nRRULE:FREQ=HOURLY;INTERVAL=3",
        "2026-03-28T22:00:00Z",
        &["2026-03-29 03:00:00 +0200", "2026-03-29 06:00:00 +0200"],
    );
}

#[test]
fn parts_of_fast_rules_are_asked_of_the_clock() {
    // 1:30 comes twice in the night of the fold, 2:30 not at all in that of the gap.
    check(
        "DTSTART;TZID=Europe/London:20261024T000000\nRRULE:FREQ=MINUTELY;BYHOUR=1;BYMINUTE=30",
        "2026-10-24T12:00:00Z",
        &["2026-10-25 01:30:00 +0100", "2026-10-25 01:30:00 +0000", "2026-10-26 01:30:00 +0000"],
    );
    check(
        "DTSTART;TZID=America/New_York:20260307T000000\nRRULE:FREQ=HOURLY;BYHOUR=2;BYMINUTE=30",
        "2026-03-07T12:00:00Z",
        &["2026-03-09 02:30:00 -0400"],
    );
}

#[test]
fn fast_rules_with_parts_are_not_empty() {
    check(
        "DTSTART;TZID=UTC:20260101T000000\nRRULE:FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=29;BYHOUR=3;BYMINUTE=3;BYSECOND=3",
        "2026-01-01T00:00:00Z",
        &["2028-02-29 03:03:03 +0000", "2032-02-29 03:03:03 +0000"],
    );
    check(
        "DTSTART;TZID=UTC:20260101T000000\nRRULE:FREQ=MINUTELY;INTERVAL=7;BYDAY=MO;BYHOUR=9",
        "2026-01-01T00:00:00Z",
        &["2026-01-05 09:00:00 +0000", "2026-01-05 09:07:00 +0000"],
    );
}

#[test]
fn the_fifth_friday_from_the_end_is_a_friday() {
    check(
        "DTSTART;TZID=UTC:20260101T090000\nRRULE:FREQ=MONTHLY;BYDAY=-5FR",
        "2026-01-01T00:00:00Z",
        &["2026-01-02 09:00:00 +0000", "2026-05-01 09:00:00 +0000", "2026-07-03 09:00:00 +0000"],
    );
}

#[test]
fn weekdays_with_and_without_a_number_are_one_list() {
    check(
        "DTSTART;TZID=UTC:20260601T090000\nRRULE:FREQ=MONTHLY;BYDAY=SU,1TU",
        "2026-06-01T00:00:00Z",
        &["2026-06-02 09:00:00 +0000", "2026-06-07 09:00:00 +0000", "2026-06-14 09:00:00 +0000"],
    );
}

#[test]
fn positions_count_from_the_beginning_of_the_week() {
    // DTSTART is a Wednesday: Monday is position 1 of its week although it is over.
    check(
        "DTSTART;TZID=UTC:20260603T090000\nRRULE:FREQ=WEEKLY;BYDAY=MO,TH,FR;BYSETPOS=1",
        "2026-06-01T00:00:00Z",
        &["2026-06-08 09:00:00 +0000", "2026-06-15 09:00:00 +0000"],
    );
}

#[test]
fn count_counts_from_dtstart_wherever_the_cursor_is() {
    let text = "DTSTART;TZID=Europe/Berlin:20260101T080000\nRRULE:FREQ=DAILY;COUNT=3;BYHOUR=8,20";
    check_all(text, &["2026-01-01 08:00:00 +0100", "2026-01-01 20:00:00 +0100", "2026-01-02 08:00:00 +0100"]);
    let rule = Rule::parse_rfc(text).expect("a rule");
    assert_eq!(rule.after(instant("2026-01-02T07:00:00Z")), Ok(None));
    let text = "DTSTART;TZID=UTC:20260101T000000\nRRULE:FREQ=MINUTELY;INTERVAL=10;COUNT=4;BYMINUTE=0,10,30";
    check_all(
        text,
        &[
            "2026-01-01 00:00:00 +0000",
            "2026-01-01 00:10:00 +0000",
            "2026-01-01 00:30:00 +0000",
            "2026-01-01 01:00:00 +0000",
        ],
    );
}

#[test]
fn until_is_the_last_one() {
    let berlin = "DTSTART;TZID=Europe/Berlin:20260101T080000\nRRULE:FREQ=DAILY;UNTIL=";
    let expected = ["2026-01-01 08:00:00 +0100", "2026-01-02 08:00:00 +0100"];
    check_all(&format!("{berlin}20260102T070000Z"), &expected);
    check_all(&format!("{berlin}20260102T080000"), &expected);
    check_all(&format!("{berlin}20260102T065959Z"), &expected[..1]);
    check_all(
        "DTSTART;TZID=UTC:20260101T000000\nRRULE:FREQ=HOURLY;UNTIL=20260101T000000Z",
        &["2026-01-01 00:00:00 +0000"],
    );
}

#[test]
fn several_rules_and_dates_are_united_and_exceptions_taken_out() {
    check_all(
        "DTSTART;TZID=Europe/Berlin:20260105T080000\n\
         RRULE:FREQ=WEEKLY;COUNT=3;BYDAY=MO\n\
         RRULE:FREQ=DAILY;COUNT=3\n\
         RDATE;TZID=Europe/Berlin:20260120T120000,20260106T080000\n\
         RDATE;TZID=Europe/London:20260121T120000\n\
         EXDATE:20260107T070000Z\n\
         EXDATE;VALUE=DATE:20260119",
        &[
            "2026-01-05 08:00:00 +0100",
            "2026-01-06 08:00:00 +0100",
            "2026-01-12 08:00:00 +0100",
            "2026-01-20 12:00:00 +0100",
            "2026-01-21 13:00:00 +0100",
        ],
    );
}

#[test]
fn days_without_any_occurrence_are_passed_over_at_once() {
    let days: Vec<String> = (1..=28).map(|day| format!("202602{day:02}")).collect();
    check(
        &format!("DTSTART;TZID=UTC:20260201T000000\nRRULE:FREQ=SECONDLY\nEXDATE;VALUE=DATE:{}", days.join(",")),
        "2026-01-01T00:00:00Z",
        &["2026-03-01 00:00:00 +0000", "2026-03-01 00:00:01 +0000"],
    );
}

#[test]
fn dtstart_alone_is_one_occurrence() {
    check_all("DTSTART;TZID=Europe/Berlin:20261224T180000", &["2026-12-24 18:00:00 +0100"]);
    check_all(
        "DTSTART;TZID=Europe/Berlin:20261224T180000\nRDATE;TZID=Europe/Berlin:20261225T180000",
        &["2026-12-24 18:00:00 +0100", "2026-12-25 18:00:00 +0100"],
    );
    // With an RRULE it is one only if the rule says so.
    check(
        "DTSTART;TZID=Europe/Berlin:20261224T180000\nRRULE:FREQ=WEEKLY;BYDAY=FR",
        "2026-12-01T00:00:00Z",
        &["2026-12-25 18:00:00 +0100"],
    );
}

#[test]
fn a_rule_ends_with_the_year_9999() {
    let text = "DTSTART;TZID=America/New_York:99981231T230000\nRRULE:FREQ=YEARLY";
    check_all(text, &["9998-12-31 23:00:00 -0500", "9999-12-31 23:00:00 -0500"]);
    for frequency in ["HOURLY", "MINUTELY", "SECONDLY", "DAILY"] {
        let rule =
            Rule::parse_rfc(&format!("DTSTART;TZID=UTC:20260101T000000\nRRULE:FREQ={frequency}")).expect("a rule");
        assert_eq!(rule.after(DateTime::<Utc>::MAX_UTC), Ok(None));
        assert_eq!(rule.after(instant("9999-12-31T23:59:59Z")), Ok(None));
        let first = rule.after(DateTime::<Utc>::MIN_UTC).expect("an answer").expect("an occurrence");
        assert_eq!(first.utc, instant("2026-01-01T00:00:00Z"));
    }
}

#[test]
fn parts_that_never_meet_are_given_up() {
    let rule =
        Rule::parse_rfc("DTSTART;TZID=UTC:20260101T000000\nRRULE:FREQ=MINUTELY;INTERVAL=2;BYMINUTE=1").expect("a rule");
    assert!(matches!(rule.after(instant("2026-01-01T00:00:00Z")), Err(RuleError::Exhausted { .. })));
    // What is certain before that is still said.
    let text = format!("{rule}\nRDATE:20270101T000000Z");
    check(&text, "2026-01-01T00:00:00Z", &["2027-01-01 00:00:00 +0000"]);
}

#[test]
fn between_has_both_its_ends_right() {
    let rule = Rule::parse_rfc("DTSTART;TZID=UTC:20260101T000000\nRRULE:FREQ=HOURLY").expect("a rule");
    let (from, to) = (instant("2026-01-01T01:00:00Z"), instant("2026-01-01T03:00:00Z"));
    let hours: Vec<DateTime<Utc>> = rule.between(from, to).map(|next| next.expect("an occurrence").utc).collect();
    assert_eq!(hours, [instant("2026-01-01T02:00:00Z"), to]);
    // A cursor within a second is before the next one.
    let within = instant("2026-01-01T00:59:59.5Z");
    assert_eq!(rule.after(within).expect("an answer").map(|next| next.utc), Some(from));
}

#[test]
fn the_canonical_text_is_read_back_exactly() {
    let text = "DTSTART;TZID=Europe/Berlin:20260105T080000\n\
                RRULE:FREQ=YEARLY;INTERVAL=2;COUNT=7;BYMONTH=1,2;BYMONTHDAY=-1,3;BYDAY=MO;BYHOUR=8;BYSETPOS=-1;WKST=SU\n\
                RRULE:FREQ=MONTHLY;UNTIL=20271231T225959Z;BYDAY=-1FR,1MO\n\
                RDATE;TZID=Europe/Berlin:20260107T080000\n\
                RDATE:20260108T080000Z\n\
                EXDATE;VALUE=DATE:20260109";
    let rule = Rule::parse_rfc(text).expect("a rule");
    assert_eq!(rule.to_rfc(), text);
    let json = serde_json::to_string(&rule).expect("JSON");
    assert_eq!(serde_json::from_str::<Rule>(&json).expect("a rule"), rule);
    let untidy = "dtstart;tzid=europe/berlin:20260105T080000\r\nrrule:byday=mo,TU,mo;freq=weekly;\r\n interval=1\r\n";
    let tidy = "DTSTART;TZID=Europe/Berlin:20260105T080000\nRRULE:FREQ=WEEKLY;BYDAY=MO,TU";
    assert_eq!(Rule::parse_rfc(untidy).expect("a rule").to_rfc(), tidy);
}
