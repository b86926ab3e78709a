//! Times as texts.

use proptest::prelude::*;

use super::*;

/// Reads a text as a time and shows it.
fn check(text: &str, expected: Option<&str>) {
    let shown = Timestamp::parse(text).map(|at| at.to_string());
    assert_eq!(shown.as_deref(), expected, "{text}");
}

#[test]
fn rfc_3339_is_read_and_shown_in_utc() {
    check("2026-11-21T08:30:00Z", Some("2026-11-21T08:30:00.000Z"));
    check("2026-11-21t08:30:00z", Some("2026-11-21T08:30:00.000Z"));
    check("2026-11-21 08:30:00Z", Some("2026-11-21T08:30:00.000Z"));
    check("  2026-11-21T08:30:00.1239+02:00\n", Some("2026-11-21T06:30:00.123Z"));
    check("2026-11-21T00:00:00-09:30", Some("2026-11-21T09:30:00.000Z"));
    check("1969-12-31T23:59:59.999Z", Some("1969-12-31T23:59:59.999Z"));
    check("0000-01-01T00:00:00Z", Some("0000-01-01T00:00:00.000Z"));
    check("9999-12-31T23:59:59Z", Some("9999-12-31T23:59:59.000Z"));
}

#[test]
fn a_date_is_its_first_instant() {
    check("2024-02-29", Some("2024-02-29T00:00:00.000Z"));
    check("1970-01-01", Some("1970-01-01T00:00:00.000Z"));
}

#[test]
fn what_is_no_time_is_not_read() {
    for text in [
        "",
        " ",
        "now",
        "12",
        "2026",
        "2026-13-01",
        "2026-02-29",
        "2026-11-21T08:30:00",
        "2026-11-21T25:00:00Z",
        "2026-11-21T08:30:00+99:00",
        "21.11.2026",
        "2026-11-21 and more",
        "2026-11-21T08:30:00Z\0",
        "-",
        "９９９９-01-01",
    ] {
        check(text, None);
    }
}

#[test]
fn what_no_calendar_has_is_shown_as_a_number() {
    assert_eq!(Timestamp(i64::MIN).to_string(), "-9223372036854775808ms");
    assert_eq!(serde_json::to_string(&Timestamp(0)).expect("JSON"), "\"1970-01-01T00:00:00.000Z\"");
}

#[test]
fn days_are_counted_in_utc_and_downwards() {
    let day = |ms| Timestamp(ms).day();
    assert_eq!([day(0), day(86_399_999), day(86_400_000), day(-1), day(-86_400_000)], [0, 0, 1, -1, -1]);
    assert_eq!([day(i64::MAX), day(i64::MIN)], [i32::MAX, i32::MIN]);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_instant_of_four_digit_years_comes_back(ms in -62_167_219_200_000_i64..253_402_300_800_000) {
        prop_assert_eq!(Timestamp::parse(&Timestamp(ms).to_string()), Some(Timestamp(ms)));
    }

    #[test]
    fn no_text_makes_it_panic(text in ".{0,40}", ms in any::<i64>()) {
        let _ = (Timestamp::parse(&text), Timestamp(ms).to_string(), Timestamp(ms).day());
    }
}

#[test]
fn a_time_is_a_text_in_json() {
    assert_eq!(serde_json::to_string(&Timestamp(0)).expect("JSON"), "\"1970-01-01T00:00:00.000Z\"");
    assert_eq!(serde_json::from_str::<Timestamp>("\"1970-01-01\"").expect("a date"), Timestamp(0));
    let error = serde_json::from_str::<Timestamp>("\"noon\"").expect_err("no time");
    assert!(error.to_string().contains("`noon` is not a time"), "{error}");
}
