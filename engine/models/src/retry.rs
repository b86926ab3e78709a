//! Whether to try again, and after how long.
//!
//! Backoff with full jitter: a wait drawn evenly from nothing to a bound that doubles (AWS architecture blog, "Exponential
//! backoff and jitter", 2015). A provider that says when to come back is believed, within a limit.

use std::time::Duration;

use reqwest::header::HeaderMap;

use crate::error::ErrorKind;
use crate::fault::Fault;
use crate::options::Retries;
use crate::time::{http_date, rfc3339};

/// What is added at most to the time that a provider asked for, so that not everybody comes back at once.
const SPREAD: Duration = Duration::from_millis(250);

/// The failures of one call so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Failures {
    count: u32,
    late: bool,
}

impl Failures {
    /// Counts a failure and says how long to wait before the next attempt; `None` if there is to be none. `random` is from 0 to 1.
    pub(crate) fn next_wait(&mut self, fault: &Fault, retries: &Retries, random: f64) -> Option<Duration> {
        self.count += 1;
        // Who did not begin within minutes is unlikely to; once may have been bad luck.
        let late = fault.kind == ErrorKind::FirstByteTimeout;
        if !fault.temporary || self.count >= retries.most || (late && self.late) {
            return None;
        }
        self.late |= late;
        match fault.retry_after {
            Some(wait) if wait > retries.longest_wait => None,
            Some(wait) => Some(wait + SPREAD.min(retries.base).mul_f64(random)),
            None => Some(backoff(retries, self.count).mul_f64(random)),
        }
    }
}

/// The bound of the wait after that many failures, from 1.
fn backoff(retries: &Retries, failures: u32) -> Duration {
    let factor = 2u32.saturating_pow(failures.saturating_sub(1));
    retries.base.saturating_mul(factor).min(retries.cap)
}

/// Evenly from 0 to 1; one half if the system has no randomness to give.
pub(crate) fn random() -> f64 {
    let mut bytes = [0u8; 4];
    match getrandom::fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX),
        Err(_) => 0.5,
    }
}

/// How long the provider asks to wait, by the headers of its answer; `now` is in milliseconds since 1970.
///
/// In order of trust: `retry-after-ms`, `Retry-After` (seconds or a date), and the reset times of those limits whose remaining
/// amount is said to be 0.
pub(crate) fn asked_wait(headers: &HeaderMap, now_ms: i64) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    if let Some(wait) = text("retry-after-ms").and_then(|ms| ms.parse::<f64>().ok()) {
        return Duration::try_from_secs_f64(wait / 1000.0).ok();
    }
    if let Some(after) = text("retry-after") {
        let seconds = after.parse::<f64>().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let until = || http_date(after).map(|at| until(at.saturating_mul(1000), now_ms));
        return seconds.or_else(until);
    }
    let spent = |name: &str| text(name).is_some_and(|remaining| remaining.parse::<f64>().is_ok_and(|left| left <= 0.0));
    let limits = [
        ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
        ("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
        ("x-ratelimit-remaining", "x-ratelimit-reset"),
        ("anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset"),
        ("anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset"),
    ];
    let resets = limits.iter().filter(|(remaining, _)| spent(remaining)).filter_map(|(_, reset)| text(reset));
    resets.filter_map(|reset| reset_wait(reset, now_ms)).max()
}

/// `6m0s`, `7.66s`, `20ms`; seconds from now; seconds or milliseconds since 1970; or an RFC 3339 time.
fn reset_wait(text: &str, now_ms: i64) -> Option<Duration> {
    if let Ok(number) = text.parse::<f64>() {
        return match number {
            n if n >= 1e12 => Some(until(n as i64, now_ms)),
            n if n >= 1e9 => Some(until((n * 1000.0) as i64, now_ms)),
            n => Duration::try_from_secs_f64(n).ok(),
        };
    }
    if let Some(at) = rfc3339(text) {
        return Some(until(at.saturating_mul(1000), now_ms));
    }
    let mut total = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        let letters = rest[digits..].find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len() - digits);
        total += number
            * match &rest[digits..digits + letters] {
                "d" => 86_400.0,
                "h" => 3600.0,
                "m" => 60.0,
                "s" => 1.0,
                "ms" => 0.001,
                "us" | "µs" => 0.000_001,
                _ => return None,
            };
        rest = &rest[digits + letters..];
    }
    Duration::try_from_secs_f64(total).ok()
}

fn until(at_ms: i64, now_ms: i64) -> Duration {
    Duration::from_millis(at_ms.saturating_sub(now_ms).max(0).unsigned_abs())
}

#[cfg(test)]
mod tests;
