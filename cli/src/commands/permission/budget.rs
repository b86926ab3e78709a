//! `zo permission budget`.

use clap::Args;
use serde::Serialize;
use zo_engine::protocol::Request;

use super::super::agent::options::parse_dollars;
use super::rules;
use crate::context::{Context, write_one};
use crate::error::CliError;
use crate::output::text::dollars;

/// Show or lay down what all agents together may cost in a day
///
/// Examples:
///   zo permission budget
///   zo permission budget 2.50
///   zo permission budget none
///
/// The day is that of UTC. An agent that would go beyond it ends before its next call of a model.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Budget {
    /// US dollars, or `none` for no limit; without it the budget is shown
    #[arg(value_name = "USD|none", value_parser = parse_budget)]
    budget: Option<Daily>,
}

/// What may be spent in a day.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Daily {
    Unlimited,
    Micros(u64),
}

/// The budget, as JSON has it.
#[derive(Serialize)]
struct BudgetJson {
    daily_budget_micros: Option<u64>,
    spent_today_micros: u64,
}

fn parse_budget(text: &str) -> Result<Daily, String> {
    if text == "none" {
        return Ok(Daily::Unlimited);
    }
    match parse_dollars(text).map_err(|error| format!("{error}, or `none`"))? {
        0 => Err("with a budget of zero no agent could do anything; `none` is for no limit".to_owned()),
        micros => Ok(Daily::Micros(micros)),
    }
}

impl Budget {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let Some(budget) = self.budget else { return show(context) };
        let cost_micros = match budget {
            Daily::Unlimited => None,
            Daily::Micros(micros) => Some(micros),
        };
        let mut client = context.open()?;
        let acknowledged = write_one(&mut client, &Request::SetDailyBudget { cost_micros })?;
        context.print_acknowledged(&acknowledged, "laid down")?;
        context.close(client)
    }
}

fn show(context: &mut Context) -> Result<(), CliError> {
    let mut client = context.open_existing()?;
    let rules = rules(&mut client)?;
    if context.output.is_json() {
        let json = BudgetJson { daily_budget_micros: rules.daily_budget, spent_today_micros: rules.spent_today };
        context.output.data(&json)?;
    } else {
        let budget = rules.daily_budget.map_or_else(|| "no limit".to_owned(), dollars);
        context.output.line(format!("{} of {budget} today", dollars(rules.spent_today)))?;
    }
    context.close(client)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_dollars_or_none() {
        assert_eq!(parse_budget("2.5"), Ok(Daily::Micros(2_500_000)));
        assert_eq!(parse_budget("none"), Ok(Daily::Unlimited));
        assert!(parse_budget("0").expect_err("zero").contains("`none`"));
        assert!(parse_budget("much").expect_err("no number").contains("such as 2 or 0.50, or `none`"));
    }
}
