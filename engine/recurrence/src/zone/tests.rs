use chrono::{DateTime, NaiveDateTime, Utc};

use super::{Resolved, Span, Zone};
use crate::error::RuleError;

fn zone(name: &str) -> Zone {
    Zone::named(name).expect("a zone")
}

fn wall(text: &str) -> NaiveDateTime {
    text.parse().expect("a wall time")
}

fn instant(text: &str) -> i64 {
    text.parse::<DateTime<Utc>>().expect("an instant").timestamp()
}

/// A wall time means this instant, and is skipped or not.
fn check(name: &str, text: &str, expected: &str, in_gap: bool) {
    let expected = Resolved { instant: instant(expected), in_gap };
    assert_eq!(zone(name).resolve(wall(text)), expected, "{text} in {name}");
}

#[test]
fn a_skipped_time_is_read_with_the_offset_before_the_gap() {
    check("America/New_York", "2026-03-08T02:30:00", "2026-03-08T07:30:00Z", true);
    check("America/New_York", "2026-03-08T03:00:00", "2026-03-08T07:00:00Z", false);
    // Half an hour.
    check("Australia/Lord_Howe", "2026-10-04T02:10:00", "2026-10-03T15:40:00Z", true);
    // Midnight.
    check("America/Sao_Paulo", "2018-11-04T00:00:00", "2018-11-04T03:00:00Z", true);
    // Two hours.
    check("Antarctica/Troll", "2026-03-29T02:30:00", "2026-03-29T02:30:00Z", true);
    // A whole day.
    check("Pacific/Apia", "2011-12-30T09:00:00", "2011-12-30T19:00:00Z", true);
}

#[test]
fn a_time_that_comes_twice_is_the_first_of_the_two() {
    check("Europe/London", "2026-10-25T01:30:00", "2026-10-25T00:30:00Z", false);
    check("Australia/Lord_Howe", "2026-04-05T01:45:00", "2026-04-04T14:45:00Z", false);
    check("Africa/Cairo", "2026-10-29T23:30:00", "2026-10-29T20:30:00Z", false);
}

#[test]
fn a_span_ends_where_the_offset_changes() {
    let begin = instant("2026-03-08T06:59:59Z");
    assert_eq!(zone("America/New_York").span_at(begin), Span { offset: -5 * 3600, end: begin + 1 });
    let summer = Span { offset: -4 * 3600, end: instant("2026-11-01T06:00:00Z") };
    assert_eq!(zone("America/New_York").span_at(begin + 1), summer);
    // Where it does not change, a span ends some time.
    let span = Zone::UTC.span_at(begin);
    assert!(span.offset == 0 && span.end > begin + 300 * 24 * 3600);
}

#[test]
fn names_are_known_in_any_case_and_suggested_when_misspelt() {
    assert_eq!(zone("europe/berlin").name(), "Europe/Berlin");
    let nearest = |name: &str| match Zone::named(name) {
        Err(error @ RuleError::UnknownZone { .. }) => error.hint().expect("a hint"),
        other => panic!("{other:?}"),
    };
    assert_eq!(nearest("Europe/Berln"), "did you mean Europe/Berlin?");
    assert_eq!(nearest("berlin"), "did you mean Europe/Berlin?");
    assert_eq!(nearest("America/New York"), "did you mean America/New_York?");
    assert_eq!(nearest("Mars/Olympus_Mons"), "give the name of a zone in the IANA database, as in Europe/Berlin");
}

/// [`Zone::span_at`] looks at the offset every few days: no zone may change it and back between two looks.
#[test]
fn no_offset_is_too_short_to_be_seen() {
    const HOUR: i64 = 3600;
    for name in ["America/Recife", "America/Noronha", "America/Boa_Vista", "Africa/Casablanca"] {
        let zone = zone(name);
        let (mut at, end) = (instant("1990-01-01T00:00:00Z"), instant("2038-01-01T00:00:00Z"));
        let mut span = zone.span_at(at);
        while at < end {
            if at >= span.end {
                span = zone.span_at(at);
            }
            assert_eq!(zone.offset_at(at), span.offset, "{name} at {at}");
            at += HOUR;
        }
    }
}
