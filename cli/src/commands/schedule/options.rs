//! What `schedule add` and `schedule edit` are told alike.

use std::ffi::OsString;

use clap::Args;
use zo_engine::protocol::CheckIn;
use zo_projections::event::schedule::Misfire;

use super::super::job::what::absolute_file;
use crate::error::CliError;

/// What a check-in does if nobody says it in other words.
pub(super) const LOOK_AROUND: &str =
    "Look around, and go through the checklist if there is one. Say what needs attention, and what you did about it.";
/// The most missed occurrences that are made up for.
const MAX_MISFIRES: u32 = 1000;

/// How a schedule deals with what it missed, and how often an agent looks around.
#[derive(Args, Clone, Debug, Default, PartialEq)]
#[command(next_help_heading = "What is missed, and check-ins")]
pub(super) struct PlanArgs {
    /// Occurrences that were due while nobody looked, more than a minute ago: skip them, make up for the latest once, or for all:N [default: once]
    #[arg(long, value_name = "skip|once|all:N", value_parser = parse_misfire)]
    pub(super) misfire: Option<Misfire>,
    /// An agent looks around, and is silent when there is nothing to say
    #[arg(long)]
    pub(super) check_in: bool,
    /// The hours in which it does, in the zone of the rule: 8:00-18:00
    #[arg(long, value_name = "FROM-TO", requires = "check_in")]
    hours: Option<String>,
    /// A file with what it looks at, read anew each time
    #[arg(long, value_name = "FILE", requires = "check_in")]
    checklist: Option<OsString>,
}

impl PlanArgs {
    /// The check-in, if it is one: what was said, over what it was.
    pub(super) fn check_in(&self, before: Option<&CheckIn>) -> Result<Option<CheckIn>, CliError> {
        if !self.check_in {
            return Ok(before.cloned());
        }
        let mut check_in = before.cloned().unwrap_or_default();
        if self.hours.is_some() {
            check_in.hours.clone_from(&self.hours);
        }
        if let Some(file) = &self.checklist {
            check_in.checklist = Some(absolute_file(file)?);
        }
        Ok(Some(check_in))
    }
}

fn parse_misfire(text: &str) -> Result<Misfire, String> {
    match (text, text.strip_prefix("all:").map(str::parse)) {
        ("skip", _) => Ok(Misfire::Skip),
        ("once", _) => Ok(Misfire::Once),
        (_, Some(Ok(most @ 1..=MAX_MISFIRES))) => Ok(Misfire::All(most)),
        _ => Err(format!("skip, once, or all:N with N up to {MAX_MISFIRES} is expected")),
    }
}

/// A policy about what was missed, as it is written.
pub(super) fn misfire(misfire: Misfire) -> String {
    match misfire {
        Misfire::Skip => "skip".to_owned(),
        Misfire::Once => "once".to_owned(),
        Misfire::All(most) => format!("all:{most}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missed_is_skipped_or_made_up_for() {
        for text in ["skip", "once", "all:5"] {
            assert_eq!(parse_misfire(text).map(misfire).as_deref(), Ok(text));
        }
        for text in ["", "all", "all:0", "all:1001", "twice"] {
            assert!(parse_misfire(text).is_err(), "{text}");
        }
    }
}
