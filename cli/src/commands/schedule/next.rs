//! `zo schedule next`.

use chrono::Utc;
use clap::Args;
use serde::Serialize;
use zo_engine::protocol::ScheduleLine;
use zo_recurrence::Rule;

use super::{find, named, rule, schedules};
use crate::context::Context;
use crate::error::CliError;
use crate::output::Table;

/// Show what is due next
///
/// Examples:
///   zo schedule next
///   zo schedule next morning -n 20
///   zo schedule next --json | jq -r .utc
///
/// What is paused is not due.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Next {
    /// Of this schedule: its name, its id, or the end of it [default: of all]
    schedule: Option<String>,
    /// How many
    #[arg(long = "count", short = 'n', value_name = "N", default_value_t = 5)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=1000))]
    count: u16,
}

/// An occurrence to come, as JSON has it.
#[derive(Serialize)]
struct DueJson<'a> {
    schedule: &'a str,
    name: Option<&'a str>,
    local: String,
    utc: String,
    what: &'a str,
}

impl Next {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        let schedules = match &self.schedule {
            Some(reference) => vec![find(&mut client, reference)?.schedule],
            None => schedules(&mut client)?,
        };
        let due = self.due(&schedules)?;
        context.output.list(Table::new(&["DUE", "UTC", "SCHEDULE", "WHAT"]), &due, |due| {
            let schedule = due.name.unwrap_or(due.schedule).to_owned();
            [due.local.clone(), due.utc.clone(), schedule, due.what.to_owned()]
        })?;
        match schedules.as_slice() {
            [line] if line.paused => context.output.note(format!("{} is paused", named(line))),
            _ if due.is_empty() => context.output.note("nothing is due"),
            _ => {}
        }
        context.close(client)
    }

    /// The next occurrences of all, soonest first.
    fn due<'a>(&self, schedules: &'a [ScheduleLine]) -> Result<Vec<DueJson<'a>>, CliError> {
        let now = Utc::now();
        let mut due = Vec::new();
        for line in schedules.iter().filter(|line| !line.paused) {
            let Some(next) = line.next else { continue };
            let rule = Rule::parse_rfc(&line.rule).map_err(rule::refused)?;
            // What is due first may be put off, and what is overdue is due still.
            let from = rule::instant(next).max(now);
            let mut occurrences = rule::occurrences(&rule, from, usize::from(self.count))?;
            if let Some(first) = (next.0 < now.timestamp_millis())
                .then(|| rule::occurrences(&rule, rule::instant(next), 1))
                .transpose()?
                .and_then(|first| first.into_iter().next())
            {
                occurrences.insert(0, first);
            }
            due.extend(occurrences.into_iter().map(|occurrence| (occurrence.utc, line, rule::line(&occurrence))));
        }
        due.sort_by_key(|(utc, line, _)| (*utc, line.id.clone()));
        due.truncate(usize::from(self.count));
        let json = |(_, line, at): (_, &'a ScheduleLine, zo_engine::protocol::OccurrenceLine)| DueJson {
            schedule: &line.id,
            name: line.name.as_deref(),
            local: at.local,
            utc: at.utc,
            what: &line.what,
        };
        Ok(due.into_iter().map(json).collect())
    }
}
