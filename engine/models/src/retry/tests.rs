use reqwest::header::{HeaderName, HeaderValue};

use super::*;

const NOW: i64 = 784_111_777_000;

fn wait(pairs: &[(&'static str, &str)]) -> Option<Duration> {
    let headers =
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()));
    asked_wait(&headers.collect(), NOW)
}

fn temporary() -> Fault {
    Fault::new(ErrorKind::Overloaded, "").temporary()
}

#[test]
fn waits_double_to_the_cap_and_are_drawn_from_zero() {
    let retries =
        Retries { most: 9, base: Duration::from_millis(500), cap: Duration::from_secs(3), ..Retries::default() };
    let mut failures = Failures::default();
    let bounds: Vec<u128> =
        (0..5).map(|_| failures.next_wait(&temporary(), &retries, 1.0).unwrap().as_millis()).collect();
    assert_eq!(bounds, [500, 1000, 2000, 3000, 3000]);
    assert_eq!(Failures::default().next_wait(&temporary(), &retries, 0.0), Some(Duration::ZERO));
    assert_eq!(backoff(&retries, u32::MAX), Duration::from_secs(3));
}

#[test]
fn the_last_attempt_is_not_waited_for() {
    let retries = Retries { most: 2, ..Retries::default() };
    let mut failures = Failures::default();
    assert!(failures.next_wait(&temporary(), &retries, 0.5).is_some());
    assert_eq!(failures.next_wait(&temporary(), &retries, 0.5), None);
}

#[test]
fn what_is_not_temporary_is_not_tried_again() {
    assert_eq!(Failures::default().next_wait(&Fault::new(ErrorKind::Key, ""), &Retries::default(), 0.5), None);
}

#[test]
fn a_late_first_byte_is_tried_again_once() {
    let late = Fault::new(ErrorKind::FirstByteTimeout, "").temporary();
    let mut failures = Failures::default();
    assert!(failures.next_wait(&late, &Retries::default(), 0.5).is_some());
    assert_eq!(failures.next_wait(&late, &Retries::default(), 0.5), None);
}

#[test]
fn the_providers_wish_counts_within_the_limit() {
    let retries = Retries::default();
    let asked = |seconds| Fault { retry_after: Some(Duration::from_secs(seconds)), ..temporary() };
    assert_eq!(Failures::default().next_wait(&asked(7), &retries, 0.0), Some(Duration::from_secs(7)));
    assert_eq!(Failures::default().next_wait(&asked(60), &retries, 1.0), Some(Duration::from_millis(60_250)));
    assert_eq!(Failures::default().next_wait(&asked(61), &retries, 0.0), None);
}

#[test]
fn retry_after_is_read_in_all_its_forms() {
    assert_eq!(wait(&[("retry-after", "7")]), Some(Duration::from_secs(7)));
    assert_eq!(wait(&[("retry-after", "0.5")]), Some(Duration::from_millis(500)));
    assert_eq!(wait(&[("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT")]), Some(Duration::from_secs(30)));
    assert_eq!(wait(&[("retry-after", "Sun, 06 Nov 1994 08:00:00 GMT")]), Some(Duration::ZERO));
    assert_eq!(wait(&[("retry-after-ms", "40"), ("retry-after", "1")]), Some(Duration::from_millis(40)));
    assert_eq!(wait(&[("retry-after", "soon")]), None);
    assert_eq!(wait(&[("retry-after", "-1")]), None);
    assert_eq!(wait(&[]), None);
}

#[test]
fn a_reset_counts_only_for_a_limit_that_is_spent() {
    let reset = "x-ratelimit-reset-tokens";
    assert_eq!(wait(&[("x-ratelimit-remaining-tokens", "12"), (reset, "6m0s")]), None);
    for (text, milliseconds) in [("6m0s", 360_000), ("7.66s", 7_660), ("20ms", 20), ("1h2m", 3_720_000), ("3", 3_000)] {
        let wait = wait(&[("x-ratelimit-remaining-tokens", "0"), (reset, text)]);
        assert_eq!(wait, Some(Duration::from_millis(milliseconds)), "{text}");
    }
    for (text, seconds) in [("784111787", 0), ("1784111777000", 1_000_000_000), ("1994-11-06T08:49:47Z", 10)] {
        let found = wait(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", text)]);
        if seconds > 0 {
            assert_eq!(found, Some(Duration::from_secs(seconds)), "{text}");
        } else {
            // A number below 10^9 is a number of seconds, whatever it may mean: too long to wait for.
            assert_eq!(found, Some(Duration::from_secs(784_111_787)), "{text}");
        }
    }
    assert_eq!(wait(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "later")]), None);
}

#[test]
fn randomness_is_within_its_bounds() {
    assert!((0..100).all(|_| (0.0..=1.0).contains(&random())));
}
