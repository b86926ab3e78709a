use chrono::FixedOffset;

use super::*;

/// 2026-11-21 10:00:00 in a zone two hours ahead of UTC.
fn now() -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339("2026-11-21T10:00:00+02:00").expect("a time")
}

#[track_caller]
fn check(text: &str, expected: &str) {
    let parsed = parse_time_in(text, now()).map(|at| at.to_string());
    assert_eq!(parsed.as_deref(), Ok(expected), "{text}");
}

#[test]
fn times_are_read_as_people_write_them() {
    check("2026-11-20T08:30:00Z", "2026-11-20T08:30:00.000Z");
    check("2026-11-20T08:30:00.250+01:00", "2026-11-20T07:30:00.250Z");
    check("2026-11-20 08:30", "2026-11-20T06:30:00.000Z");
    check("2026-11-20T08:30:15", "2026-11-20T06:30:15.000Z");
    check("2026-11-20", "2026-11-19T22:00:00.000Z");
    check("08:30", "2026-11-21T06:30:00.000Z");
    check("now", "2026-11-21T08:00:00.000Z");
    check("today", "2026-11-20T22:00:00.000Z");
    check("Yesterday", "2026-11-19T22:00:00.000Z");
}

#[test]
fn spans_reach_back_from_now() {
    check("10 minutes ago", "2026-11-21T07:50:00.000Z");
    check("10m ago", "2026-11-21T07:50:00.000Z");
    check("10mago", "2026-11-21T07:50:00.000Z");
    check("1h30m ago", "2026-11-21T06:30:00.000Z");
    check("an hour ago", "2026-11-21T07:00:00.000Z");
    check("2 days and 3 hours ago", "2026-11-19T05:00:00.000Z");
    check("a week, 1 day ago", "2026-11-13T08:00:00.000Z");
}

#[test]
fn what_is_no_time_is_refused() {
    for text in ["", "soon", "ago", "10 ago", "ten minutes ago", "2026-13-01", "25:00", "99999999999999999999 days ago"]
    {
        assert!(parse_time_in(text, now()).is_err(), "{text:?}");
    }
}

#[test]
fn digits_are_a_position() {
    assert_eq!(parse_moment("1200"), Ok(At::Position(Position(1200))));
    assert_eq!(parse_moment("0"), Ok(At::Position(Position(0))));
    assert!(matches!(parse_moment("2026-11-21"), Ok(At::Time(_))));
    assert!(parse_moment("99999999999999999999").is_err());
    assert!(parse_moment("-1").is_err());
}

#[test]
fn durations_are_read_as_people_write_them() {
    assert_eq!(parse_duration("30s"), Ok(Duration::from_secs(30)));
    assert_eq!(parse_duration("10 Minutes"), Ok(Duration::from_secs(600)));
    assert_eq!(parse_duration("1h30m"), Ok(Duration::from_secs(5400)));
    assert!(parse_duration("soon").is_err() && parse_duration("").is_err() && parse_duration("30").is_err());
}

#[test]
fn what_is_to_come_is_one_moment() {
    let now = Utc::now().timestamp_millis();
    let coming = parse_coming("in 20 minutes").expect("it is a moment");
    assert!((now + 1_199_000..now + 1_260_000).contains(&coming.0), "{coming}");
    assert_eq!(parse_coming("2030-01-01T00:00:00Z"), Ok(Timestamp(1_893_456_000_000)));
    for text in ["every day at 9", "0 9 * * *", "soon", ""] {
        assert!(parse_coming(text).is_err(), "{text:?}");
    }
}

#[test]
fn what_holds_for_a_while_ends_in_the_future() {
    let now = Utc::now().timestamp_millis();
    let week = parse_expiry("7d").expect("it is a duration");
    assert!((now + 604_800_000..now + 604_900_000).contains(&week.0), "{week}");
    assert!(parse_expiry("2020-01-01").expect_err("it is over").contains("over already"));
    assert!(parse_expiry("0s").is_err() && parse_expiry("for ever").is_err());
}
