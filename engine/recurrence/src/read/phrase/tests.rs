use chrono::{DateTime, Utc};

use crate::parse;

/// Saturday, 22:43:10 in Berlin.
const NOW: &str = "2026-11-21T21:43:10Z";

/// Phrases become these lines behind `DTSTART;TZID=Europe/Berlin:`.
fn check(cases: &[(&str, &str)]) {
    let now: DateTime<Utc> = NOW.parse().expect("an instant");
    for (text, expected) in cases {
        let rule = parse(text, "Europe/Berlin", now).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(rule.to_rfc(), format!("DTSTART;TZID=Europe/Berlin:{expected}"), "{text}");
        assert!(rule.after(now).expect("an answer").is_some(), "{text}");
    }
}

/// Phrases are refused with these messages.
fn refuse(cases: &[(&str, &str)]) {
    let now: DateTime<Utc> = NOW.parse().expect("an instant");
    for (text, expected) in cases {
        match parse(text, "Europe/Berlin", now) {
            Ok(rule) => panic!("{text} is {rule}"),
            Err(error) => assert_eq!(error.to_string(), *expected, "{text}"),
        }
    }
}

#[test]
fn days_and_weeks_repeat() {
    check(&[
        ("every day at 9", "20261122T090000\nRRULE:FREQ=DAILY"),
        ("Every day at 9:00.", "20261122T090000\nRRULE:FREQ=DAILY"),
        ("daily at 7", "20261122T070000\nRRULE:FREQ=DAILY"),
        ("at 7 every day", "20261122T070000\nRRULE:FREQ=DAILY"),
        ("every day at 11:30 pm", "20261121T233000\nRRULE:FREQ=DAILY"),
        ("every day at midnight", "20261122T000000\nRRULE:FREQ=DAILY"),
        ("every other day at 9", "20261122T090000\nRRULE:FREQ=DAILY;INTERVAL=2"),
        ("every third day at 9", "20261122T090000\nRRULE:FREQ=DAILY;INTERVAL=3"),
        ("every weekday at 8:30", "20261123T083000\nRRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"),
        ("weekends at 10", "20261122T100000\nRRULE:FREQ=WEEKLY;BYDAY=SA,SU"),
        ("every monday and thursday at 18:00", "20261123T180000\nRRULE:FREQ=WEEKLY;BYDAY=MO,TH"),
        ("mondays, wednesdays and fridays at noon", "20261123T120000\nRRULE:FREQ=WEEKLY;BYDAY=MO,WE,FR"),
        ("every 2 weeks on tuesday at 10:00", "20261124T100000\nRRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=TU"),
        ("every other monday at 9", "20261123T090000\nRRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO"),
        ("every day at 9am and 5 pm", "20261122T090000\nRRULE:FREQ=DAILY;BYHOUR=9,17;BYMINUTE=0"),
        (
            "every day at 9, 12 and 15:30",
            "20261122T090000\nRRULE:FREQ=DAILY;BYHOUR=9,12;BYMINUTE=0\nRRULE:FREQ=DAILY;BYHOUR=15;BYMINUTE=30",
        ),
    ]);
}

#[test]
fn months_and_years_repeat() {
    check(&[
        ("every month on the 1st at 9:00", "20261201T090000\nRRULE:FREQ=MONTHLY;BYMONTHDAY=1"),
        ("on the 1st and 15th of every month at 9", "20261201T090000\nRRULE:FREQ=MONTHLY;BYMONTHDAY=1,15"),
        ("on the last friday of every month at 17:00", "20261127T170000\nRRULE:FREQ=MONTHLY;BYDAY=-1FR"),
        ("every first and third monday at 9", "20261207T090000\nRRULE:FREQ=MONTHLY;BYDAY=1MO,3MO"),
        ("every second monday of the month at 9", "20261214T090000\nRRULE:FREQ=MONTHLY;BYDAY=2MO"),
        ("every last day of the month at 23:00", "20261130T230000\nRRULE:FREQ=MONTHLY;BYMONTHDAY=-1"),
        ("every 3 months on the 5th at 9:00", "20261205T090000\nRRULE:FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=5"),
        ("every december 24 at 18:00", "20261224T180000\nRRULE:FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=24"),
        ("every year on 24 december at 18:00", "20261224T180000\nRRULE:FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=24"),
        ("on the first monday of january and july at 9", "20270104T090000\nRRULE:FREQ=YEARLY;BYMONTH=1,7;BYDAY=1MO"),
    ]);
}

#[test]
fn minutes_and_hours_repeat() {
    check(&[
        ("every 15 minutes", "20261121T224500\nRRULE:FREQ=MINUTELY;INTERVAL=15"),
        ("every 15m", "20261121T224500\nRRULE:FREQ=MINUTELY;INTERVAL=15"),
        ("hourly", "20261121T230000\nRRULE:FREQ=HOURLY"),
        ("every hour", "20261121T230000\nRRULE:FREQ=HOURLY"),
        ("every second", "20261121T224311\nRRULE:FREQ=SECONDLY"),
        // What does not fit into a day begins now.
        ("every 7 hours", "20261122T054310\nRRULE:FREQ=HOURLY;INTERVAL=7"),
        (
            "every 30 minutes between 9:00 and 11:00 on weekdays",
            "20261123T090000\n\
             RRULE:FREQ=MINUTELY;BYDAY=MO,TU,WE,TH,FR;BYHOUR=9,10;BYMINUTE=0,30\n\
             RRULE:FREQ=HOURLY;BYDAY=MO,TU,WE,TH,FR;BYHOUR=11;BYMINUTE=0",
        ),
        ("every hour from 9:00 to 11:00", "20261122T090000\nRRULE:FREQ=HOURLY;BYHOUR=9,10,11;BYMINUTE=0"),
    ]);
}

#[test]
fn one_moment_is_one_occurrence() {
    check(&[
        ("in 20 minutes", "20261121T230310"),
        ("in half an hour", "20261121T231310"),
        ("in 1 hour and 30 minutes", "20261122T001310"),
        ("in 2 days", "20261123T224310"),
        ("in 3 days at 9:00", "20261124T090000"),
        ("tomorrow 9:00", "20261122T090000"),
        ("today at 23:30", "20261121T233000"),
        ("the day after tomorrow at 9", "20261123T090000"),
        ("next saturday at 23:00", "20261128T230000"),
        ("this saturday at 23:00", "20261121T230000"),
        ("friday at 14:00", "20261127T140000"),
        ("saturday at 9", "20261128T090000"),
        ("2026-12-24 18:00", "20261224T180000"),
        ("2026-12-24T18:00", "20261224T180000"),
        ("on december 24, 2027 at 18:00", "20271224T180000"),
        ("1 march at 9", "20270301T090000"),
        ("at 23:15", "20261121T231500"),
        ("at 7", "20261122T070000"),
    ]);
}

#[test]
fn a_time_that_comes_the_second_time_is_written_in_utc() {
    // 2:30 in the night on which three o'clock becomes two, for the second time.
    let now: DateTime<Utc> = "2026-10-25T01:10:00Z".parse().expect("an instant");
    let read = |text| parse(text, "Europe/Berlin", now).expect("a rule").to_rfc();
    assert_eq!(read("in 20 minutes"), "DTSTART;TZID=UTC:20261025T013000");
    assert_eq!(read("in 2 hours"), "DTSTART;TZID=Europe/Berlin:20261025T041000");
    assert_eq!(read("every 15 minutes"), "DTSTART;TZID=UTC:20261025T011500\nRRULE:FREQ=MINUTELY;INTERVAL=15");
}

#[test]
fn a_phrase_can_be_bounded() {
    check(&[
        (
            "weekdays at 8:30 until 2026-12-31",
            "20261123T083000\nRRULE:FREQ=WEEKLY;UNTIL=20261231T225959Z;BYDAY=MO,TU,WE,TH,FR",
        ),
        ("every day at 9 for 3 times", "20261122T090000\nRRULE:FREQ=DAILY;COUNT=3"),
        ("every 2 days starting 2026-12-01 at 6", "20261201T060000\nRRULE:FREQ=DAILY;INTERVAL=2"),
        (
            "every day at 9 except 2026-12-24 and 2026-12-25",
            "20261122T090000\nRRULE:FREQ=DAILY\nEXDATE;VALUE=DATE:20261224,20261225",
        ),
    ]);
}

#[test]
fn a_zone_stands_at_the_end() {
    let now: DateTime<Utc> = NOW.parse().expect("an instant");
    for text in ["every day at 9 in Europe/London", "every day at 9 Europe/London", "every day at 9 in europe/london"] {
        let rule = parse(text, "Europe/Berlin", now).expect("a rule").to_rfc();
        assert_eq!(rule, "DTSTART;TZID=Europe/London:20261122T090000\nRRULE:FREQ=DAILY", "{text}");
    }
    let error = parse("every day at 9 in New York", "Europe/Berlin", now).expect_err("no zone");
    assert_eq!(error.hint().as_deref(), Some("did you mean America/New_York?"));
}

#[test]
fn nothing_is_guessed() {
    refuse(&[
        ("remind me to eat", "column 1: \"remind\" is not understood here"),
        ("every fortnight at 9", "column 7: \"fortnight\" is not understood here"),
        ("every day at 25:00", "column 14: \"25:00\" is no time of day"),
        ("every day at 13 pm", "column 14: \"13\" is no time of day"),
        ("every weekday", "column 1: \"every weekday\" says no time of day"),
        ("tomorrow", "column 1: \"tomorrow\" says no time of day"),
        ("every week at 9", "column 1: \"every\" does not say which day"),
        ("every second monday at 9", "column 7: \"second\" could count weeks or the days of a month"),
        ("every 15 minutes at 9", "column 18: \"at\" does not go with hours or minutes that repeat"),
        ("every day at 9 at 10", "column 16: \"at\" begins a part that was said before"),
        ("tomorrow at 9 until 2026-12-31", "column 15: \"until\" needs something that repeats"),
        ("monday and friday at 9", "column 1: \"monday\" names more than one day"),
        ("on the 32nd of every month at 9", "column 8: \"32nd\" is no day of a month"),
        ("every", "column 1: \"every\" says only the beginning of something"),
        ("today at 17:30", "2026-11-21 17:30:00 (Europe/Berlin) is in the past"),
        ("2020-01-01 09:00", "2020-01-01 09:00:00 (Europe/Berlin) is in the past"),
        ("every february 30 at 9", "the rule never fires: there is nothing from 2026-11-21 up to the year 9999"),
    ]);
}
