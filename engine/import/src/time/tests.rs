use serde_json::json;

use super::{instant_of_json, instant_of_number, parse_instant};

/// 2024-05-01T10:20:30Z
const MOMENT_MS: i64 = 1_714_558_830_000;

fn check(text: &str, expected: Option<i64>) {
    assert_eq!(parse_instant(text), expected, "{text:?}");
}

#[test]
fn common_forms_of_one_moment_agree() {
    for text in [
        "2024-05-01T10:20:30Z",
        "2024-05-01T12:20:30+02:00",
        "2024-05-01T12:20:30+0200",
        "2024-05-01 12:20:30 +02",
        "2024-05-01 06:20:30-04:00",
        "2024-05-01 10:20:30",
        "2024-05-01T10:20:30",
        "  2024-05-01 10:20:30 UTC ",
        "2024-05-01t10:20:30z",
        "Wed, 01 May 2024 10:20:30 +0000",
        "1714558830",
        "1714558830.0",
        "1714558830000",
        "1714558830000000",
    ] {
        check(text, Some(MOMENT_MS));
    }
}

#[test]
fn python_fractions_are_cut_to_milliseconds() {
    check("2024-05-01 10:20:30.123456", Some(MOMENT_MS + 123));
    check("2024-05-01T10:20:30.123456+00:00", Some(MOMENT_MS + 123));
    check("1714558830.25", Some(MOMENT_MS + 250));
}

#[test]
fn dates_and_short_clocks() {
    check("2024-05-01", Some(1_714_521_600_000));
    check("2024-05-01T10:20", Some(MOMENT_MS - 30_000));
    check("0001-01-01", Some(-62_135_596_800_000));
    check("1969-12-31T23:59:59.999Z", Some(-1));
}

#[test]
fn doubtful_text_is_no_time() {
    for text in [
        "",
        " ",
        "2024",
        "20240501",
        "yesterday",
        "1:56 pm on 8 May, 2023",
        "2024-13-01",
        "2024-02-30",
        "2024-05-01T25:00:00",
        "2024-05-01 10:20:30 +9900",
        "2024-05-01 10:20:30 CEST",
        "--1",
        "1-2",
        "1e9",
        "NaN",
        "infinity",
        "10000-01-01",
        "2024-05-01é",
        "99999999999999999999999",
    ] {
        check(text, None);
    }
}

#[test]
fn numbers_tell_their_unit_by_size() {
    assert_eq!(instant_of_number(0.0), Some(0));
    assert_eq!(instant_of_number(-1.5), Some(-1500));
    assert_eq!(instant_of_number(1_714_558_830.123_4), Some(MOMENT_MS + 123));
    assert_eq!(instant_of_number(1.714_558_83e18), Some(MOMENT_MS));
    assert_eq!(instant_of_number(f64::NAN), None);
    assert_eq!(instant_of_number(1e30), None);
    assert_eq!(instant_of_json(&json!(1_714_558_830_000_u64)), Some(MOMENT_MS));
    assert_eq!(instant_of_json(&json!("2024-05-01T10:20:30Z")), Some(MOMENT_MS));
    assert_eq!(instant_of_json(&json!(true)), None);
    assert_eq!(instant_of_json(&json!(null)), None);
}
