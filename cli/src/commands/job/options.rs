//! In which order, how often and by whom a job is done: the same words for `job submit` and for `schedule add`.

use std::time::Duration;

use clap::Args;
use zo_engine::protocol::JobOptions;
use zo_projections::Timestamp;
use zo_projections::event::job::Backoff;

use super::super::agent::options::parse_dollars;
use crate::input;
use crate::time::{parse_coming, parse_duration};

/// In which order, how often and by whom.
#[derive(Args, Clone, Debug, Default, PartialEq)]
#[command(next_help_heading = "In which order, how often, by whom")]
pub(crate) struct OrderArgs {
    /// The queue it stands in [default: default]
    #[arg(long, value_name = "NAME")]
    queue: Option<String>,
    /// Higher goes first [default: 0]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    priority: Option<i16>,
    /// How often it is tried at the most [default: 3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    attempts: Option<u16>,
    /// How long to wait before it is tried again, twice as long each time, and at the most [default: 1s:1h]
    #[arg(long, value_name = "FIRST[:MOST]", value_parser = parse_backoff)]
    backoff: Option<Backoff>,
    /// How long an attempt may take: 10m, 1h30m
    #[arg(long, value_name = "DURATION", value_parser = parse_timeout)]
    timeout: Option<Duration>,
    /// Never do it again by itself after the machine that did it was lost
    #[arg(long)]
    once: bool,
    /// Only on a node with this label; can be given more than once
    #[arg(long = "label", value_name = "LABEL")]
    labels: Vec<String>,
    /// Only on a node in this region
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// Only on a node with this tier of GPU
    #[arg(long, value_name = "TIER")]
    gpu: Option<String>,
    /// Only on a node that costs at most so much an hour, in US dollars
    #[arg(long, value_name = "USD", value_parser = parse_dollars)]
    max_price: Option<u64>,
    /// Only on the node of this name
    #[arg(long, value_name = "NAME")]
    node: Option<String>,
}

impl OrderArgs {
    /// Lays what was said over `options`.
    pub(crate) fn lay_over(&self, options: &mut JobOptions) {
        fn set<T: Clone>(place: &mut Option<T>, said: &Option<T>) {
            if said.is_some() {
                place.clone_from(said);
            }
        }
        set(&mut options.queue, &self.queue);
        options.priority = self.priority.unwrap_or(options.priority);
        set(&mut options.attempts, &self.attempts);
        set(&mut options.backoff, &self.backoff);
        set(&mut options.timeout_ms, &self.timeout.map(milliseconds));
        options.once |= self.once;
        let requires = &mut options.requires;
        if !self.labels.is_empty() {
            requires.labels.clone_from(&self.labels);
            requires.labels.sort();
            requires.labels.dedup();
        }
        set(&mut requires.region, &self.region);
        set(&mut requires.gpu, &self.gpu);
        set(&mut requires.max_price_micros, &self.max_price);
        set(&mut requires.node, &self.node);
    }
}

/// When a job is done.
#[derive(Args, Clone, Debug, Default, PartialEq)]
#[command(next_help_heading = "When it is done")]
pub(crate) struct WhenArgs {
    /// Not before so long from now: 5m, 2h
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, conflicts_with = "at")]
    delay: Option<Duration>,
    /// Not before this: `2026-11-22 08:30`, `tomorrow 9:00`
    #[arg(long, value_name = "TIME", value_parser = parse_coming)]
    at: Option<Timestamp>,
    /// Not to be begun after this
    #[arg(long, value_name = "TIME", value_parser = parse_coming)]
    deadline: Option<Timestamp>,
    /// Only if no job with this key is open
    #[arg(long, value_name = "KEY")]
    unique: Option<String>,
    /// Only when this job is done: its id, or the end of it; can be given more than once
    #[arg(long, value_name = "ID")]
    after: Vec<String>,
}

impl WhenArgs {
    /// Lays what was said over `options`.
    pub(crate) fn lay_over(&self, options: &mut JobOptions) {
        options.delay_ms = self.delay.map(milliseconds).or(options.delay_ms);
        options.not_before = self.at.or(options.not_before);
        options.deadline = self.deadline.or(options.deadline);
        if self.unique.is_some() {
            options.unique.clone_from(&self.unique);
        }
        options.after.extend(self.after.iter().cloned());
    }
}

/// Checks a name that is given to a job.
pub(crate) fn parse_name(text: &str) -> Result<String, String> {
    input::check_name("the name", text).map_err(|error| error.message)?;
    Ok(text.to_owned())
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn parse_timeout(text: &str) -> Result<Duration, String> {
    let timeout = parse_duration(text)?;
    if timeout.is_zero() {
        return Err("in no time nothing is done; leave it out for no limit".to_owned());
    }
    Ok(timeout)
}

fn parse_backoff(text: &str) -> Result<Backoff, String> {
    let (first, longest) = text.split_once(':').map_or((text, None), |(first, most)| (first, Some(most)));
    let parse = |text: &str| {
        let span = parse_duration(text)?.as_millis();
        u32::try_from(span).map_err(|_| "that is longer than is ever waited: at most 49 days".to_owned())
    };
    let first_ms = parse(first)?;
    let longest_ms = longest.map(parse).transpose()?.unwrap_or_else(|| Backoff::default().longest_ms.max(first_ms));
    if longest_ms < first_ms {
        return Err("the longest wait is shorter than the first one".to_owned());
    }
    Ok(Backoff { first_ms, longest_ms })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_grows_from_the_first_to_the_longest() {
        assert_eq!(parse_backoff("5s:1m"), Ok(Backoff { first_ms: 5000, longest_ms: 60_000 }));
        assert_eq!(parse_backoff("5s"), Ok(Backoff { first_ms: 5000, longest_ms: 3_600_000 }));
        assert_eq!(parse_backoff("2h"), Ok(Backoff { first_ms: 7_200_000, longest_ms: 7_200_000 }));
        assert!(parse_backoff("1m:5s").is_err() && parse_backoff("60d").is_err() && parse_backoff("").is_err());
    }

    #[test]
    fn what_is_not_said_stays() {
        let before = JobOptions { queue: Some("slow".to_owned()), priority: 3, once: true, ..JobOptions::default() };
        let mut options = before.clone();
        OrderArgs::default().lay_over(&mut options);
        WhenArgs::default().lay_over(&mut options);
        assert_eq!(options, before);
        let said =
            OrderArgs { priority: Some(-1), labels: vec!["b".into(), "a".into(), "b".into()], ..Default::default() };
        said.lay_over(&mut options);
        assert_eq!((options.priority, options.queue.as_deref()), (-1, Some("slow")));
        assert_eq!(options.requires.labels, ["a", "b"]);
    }
}
