//! `zo schedule preview`.

use chrono::Utc;
use clap::Args;
use zo_projections::Timestamp;

use super::rule::{self, RuleArgs};
use crate::context::Context;
use crate::error::CliError;
use crate::time::parse_coming;

/// Show what a rule means and when it is due, without keeping it
///
/// Examples:
///   zo schedule preview "every weekday at 8:30"
///   zo schedule preview "0 9 * * 1-5" --zone Europe/Berlin --count 10
///   zo schedule preview --from 2026-03-28T00:00:00Z "every day at 2:30 in Europe/Berlin"
///   zo schedule preview --file rule.ics --json | jq -r '.occurrences[].utc'
///
/// With --from, the rule is read as if it were then, and an occurrence at that very instant counts. No home is needed.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Preview {
    #[command(flatten)]
    rule: RuleArgs,
    /// From this instant on [default: now]
    #[arg(long, value_name = "INSTANT", value_parser = parse_coming)]
    from: Option<Timestamp>,
    /// How many
    #[arg(long, short = 'n', value_name = "N", default_value_t = 5)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=100_000))]
    count: u32,
}

impl Preview {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let text = self.rule.required()?;
        let from = self.from.map_or_else(Utc::now, rule::instant);
        let at_place = |error: CliError| match rule::place(&self.rule) {
            Some(file) => error.at(&file.display().to_string()),
            None => error,
        };
        let zone = self.rule.zone_or_local();
        let rule = match self.from {
            Some(_) => rule::read_as_of(&text, &zone, from),
            None => rule::read(&text, &zone, from),
        };
        let rule = rule.map_err(at_place)?;
        let due = rule::occurrences(&rule, from, self.count as usize).map_err(at_place)?;
        let preview = rule::preview(&rule, &due);
        if context.output.is_json() {
            return context.output.data(&preview);
        }
        rule::print(&mut context.output, &preview)
    }
}
