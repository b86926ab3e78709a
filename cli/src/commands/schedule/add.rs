//! `zo schedule add`.

use chrono::Utc;
use clap::Args;
use serde::Serialize;
use zo_engine::protocol::{Acknowledged, JobOptions, Preview, Request, ScheduleInput};

use super::super::job::options::{OrderArgs, parse_name};
use super::super::job::watching::note_nobody_serves;
use super::super::job::what::WhatArgs;
use super::options::{LOOK_AROUND, PlanArgs};
use super::rule::{self, RuleArgs};
use crate::context::{Context, write_one};
use crate::error::CliError;

/// Occurrences that are shown.
const SHOWN: usize = 5;

/// Have something done whenever it is due
///
/// Examples:
///   zo schedule add "every weekday at 8:30" --ask "What is on today?" --name morning
///   zo schedule add "0 3 * * *" --zone Europe/Berlin --write ~/backup -- ./backup.sh
///   zo schedule add tomorrow 9:00 --memorize "The warranty of the drill ends"
///   zo schedule add "FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=17;BYMINUTE=0;BYSECOND=0" --skill daily-note
///   zo schedule add "every 10 minutes" --url https://example.com/health --attempts 1
///   zo schedule add "every 30 minutes" --check-in --hours 8:00-18:00 --checklist ~/checklist.md
///   zo schedule add --file rule.ics --spec job.json
///
/// The rule is printed as it is kept, and when it is due the next five times, by the clock of its zone and in UTC. Where clocks are
/// put forward over a time, it is done when they are; where they are put back over it, the first time. What was due while nobody
/// looked is made up for once, unless --misfire says otherwise. A command runs in the sandbox, as that of `zo job submit` does.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Add {
    #[command(flatten)]
    rule: RuleArgs,
    /// What it is called; no two schedules have the same name
    #[arg(long, value_name = "NAME", value_parser = parse_name)]
    name: Option<String>,
    #[command(flatten)]
    what: WhatArgs,
    #[command(flatten)]
    plan: PlanArgs,
    #[command(flatten)]
    order: OrderArgs,
}

/// What was added, as JSON has it.
#[derive(Serialize)]
struct AddedJson<'a> {
    #[serde(flatten)]
    acknowledged: &'a Acknowledged,
    #[serde(flatten)]
    preview: &'a Preview,
}

impl Add {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let text = self.rule.required()?;
        let zone = self.rule.zone_or_local();
        let preview = resolved(&self.rule, &text, &zone)?;
        let spec = match self.plan.check_in {
            true => self.what.spec(context, Some(LOOK_AROUND))?,
            false => Some(self.what.required(context)?),
        };
        let spec = serde_json::to_string(&spec).expect("a job is JSON");
        let mut options = JobOptions::default();
        self.order.lay_over(&mut options);
        let schedule = Box::new(ScheduleInput {
            id: context.fresh_id(),
            name: self.name.clone(),
            rule: text,
            zone: Some(zone),
            misfire: self.plan.misfire.unwrap_or_default(),
            spec,
            options,
            check_in: self.plan.check_in(None)?,
        });
        let mut client = context.open()?;
        let acknowledged = write_one(&mut client, &Request::AddSchedule { schedule })?;
        print(context, &acknowledged, &preview, "added")?;
        note_nobody_serves(context, &client);
        context.close(client)
    }
}

/// A rule as it is kept, and when it is due next.
pub(super) fn resolved(args: &RuleArgs, text: &str, zone: &str) -> Result<Preview, CliError> {
    let now = Utc::now();
    let at_place = |error: CliError| match rule::place(args) {
        Some(file) => error.at(&file.display().to_string()),
        None => error,
    };
    let rule = rule::read(text, zone, now).map_err(at_place)?;
    let due = rule::occurrences(&rule, now, SHOWN).map_err(at_place)?;
    Ok(rule::preview(&rule, &due))
}

/// Prints a schedule that was added or changed: its id, its rule, and when it is due.
pub(super) fn print(
    context: &mut Context,
    acknowledged: &Acknowledged,
    preview: &Preview,
    what: &str,
) -> Result<(), CliError> {
    if context.output.is_json() {
        return context.output.data(&AddedJson { acknowledged, preview });
    }
    context.print_acknowledged(acknowledged, what)?;
    rule::print(&mut context.output, preview)
}
