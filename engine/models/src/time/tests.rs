use super::*;

#[test]
fn http_dates_are_read() {
    assert_eq!(http_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
    assert_eq!(http_date("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
    assert_eq!(http_date("Thu, 29 Feb 2024 12:00:00 GMT"), Some(1_709_208_000));
    for wrong in [
        "",
        "06 Nov 1994",
        "Sun, 06 Nov 1994 25:49:37 GMT",
        "Sun, 06 Foo 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37",
    ] {
        assert_eq!(http_date(wrong), None, "{wrong}");
    }
}

#[test]
fn rfc3339_times_are_read_with_their_zone() {
    assert_eq!(rfc3339("1994-11-06T08:49:37Z"), Some(784_111_777));
    assert_eq!(rfc3339("1994-11-06T01:49:37.123456789-07:00"), Some(784_111_777));
    assert_eq!(rfc3339("1994-11-06T09:49:37+01:00"), Some(784_111_777));
    for wrong in ["", "1994-11-06", "1994-11-06T08:49Z", "1994-13-06T08:49:37Z", "1994-11-06T08:49:37"] {
        assert_eq!(rfc3339(wrong), None, "{wrong}");
    }
}
