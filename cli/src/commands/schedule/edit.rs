//! `zo schedule edit`.

use clap::Args;
use zo_engine::protocol::{Request, ScheduleDetail, ScheduleInput};
use zo_projections::EventId;

use super::super::job::options::{OrderArgs, parse_name};
use super::super::job::what::WhatArgs;
use super::add::{print, resolved};
use super::find;
use super::options::PlanArgs;
use super::rule::RuleArgs;
use crate::context::{Context, write_one};
use crate::error::{CliError, Kind};
use zo_engine::protocol::FailureKind;

/// Change a schedule
///
/// Examples:
///   zo schedule edit morning "every weekday at 9:00"
///   zo schedule edit morning --zone America/New_York
///   zo schedule edit morning --name early --misfire skip
///   zo schedule edit backup -- ./backup.sh --full
///
/// What is not said stays as it is. Its history stays too.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Edit {
    /// Its name, its id, or the end of it
    schedule: String,
    #[command(flatten)]
    rule: RuleArgs,
    /// What it is called from now on
    #[arg(long, value_name = "NAME", value_parser = parse_name)]
    name: Option<String>,
    #[command(flatten)]
    what: WhatArgs,
    #[command(flatten)]
    plan: PlanArgs,
    #[command(flatten)]
    order: OrderArgs,
}

impl Edit {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let given = self.rule.text()?;
        let mut client = context.open_existing()?;
        let before = find(&mut client, &self.schedule)?;
        let (rule, zone) = self.rule_and_zone(given, &before);
        let preview = resolved(&self.rule, &rule, &zone)?;
        let spec = match self.what.spec(context, None)? {
            Some(spec) => serde_json::to_string(&spec).expect("a job is JSON"),
            None => before.spec.clone(),
        };
        let mut options = before.options.clone();
        self.order.lay_over(&mut options);
        let id: EventId =
            before.schedule.id.parse().map_err(|_| {
                CliError::new(Kind::Engine(FailureKind::Io), format!("{} is no id", before.schedule.id))
            })?;
        let schedule = Box::new(ScheduleInput {
            id: id.0,
            name: self.name.clone().or(before.schedule.name),
            rule,
            zone: Some(zone),
            misfire: self.plan.misfire.unwrap_or(before.schedule.misfire),
            spec,
            options,
            check_in: self.plan.check_in(before.check_in.as_ref())?,
        });
        let request = Request::EditSchedule { reference: before.schedule.id, schedule };
        let acknowledged = write_one(&mut client, &request)?;
        print(context, &acknowledged, &preview, "changed")?;
        context.close(client)
    }

    /// The rule from now on. One that is not given stays as it was resolved; in another zone it is read anew.
    fn rule_and_zone(&self, given: Option<String>, before: &ScheduleDetail) -> (String, String) {
        let before = &before.schedule;
        match (given, self.rule.zone()) {
            (Some(rule), zone) => (rule, zone.unwrap_or(&before.zone).to_owned()),
            (None, None) => (before.rule.clone(), before.zone.clone()),
            (None, Some(zone)) => (before.written.clone(), zone.to_owned()),
        }
    }
}
