//! `zo usage`.

use clap::Args;
use zo_engine::protocol::{Answer, Query, UsageLine};

use crate::context::{Context, query};
use crate::error::CliError;
use crate::output::Table;
use crate::output::text::{count, dollars};
use crate::time::AtArgs;

/// Show what answers cost, by day and model
///
/// Examples:
///   zo usage
///   zo usage --json
///
/// Tokens and cost count every call of a model, those too that failed or were cut off; ANSWERS counts what came of them.
/// Where a price is not known, as that of a model of your own, it costs nothing here.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Usage {
    #[command(flatten)]
    at: AtArgs,
}

impl Usage {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        let lines = query(&mut client, Query::Usage, self.at.at, |answer| match answer {
            Answer::Usage(lines) => Some(lines),
            _ => None,
        })?;
        let output = &mut context.output;
        if output.is_json() {
            lines.iter().try_for_each(|line| output.data(line))?;
            return context.close(client);
        }
        if lines.is_empty() {
            output.note("no question was answered yet");
        }
        let mut table = Table::new(&["DAY (UTC)", "ANSWERS", "TOKENS IN", "TOKENS OUT", "COST", "MODEL"]);
        for line in &lines {
            table.row([
                line.day.clone(),
                count(line.answers),
                count(line.input_tokens),
                count(line.output_tokens),
                dollars(line.cost_micros),
                line.model.clone(),
            ]);
        }
        table.print(output)?;
        let free = free_models(&lines);
        if !free.is_empty() {
            let verb = if free.len() == 1 { "costs" } else { "cost" };
            output.note(format!("note: {} {verb} nothing, or nothing is known of the price", free.join(", ")));
        }
        context.close(client)
    }
}

/// The models that tokens were exchanged with and that cost nothing, each once.
fn free_models(lines: &[UsageLine]) -> Vec<&str> {
    let mut free: Vec<&str> = Vec::new();
    for line in lines.iter().filter(|line| line.cost_micros == 0 && line.input_tokens + line.output_tokens > 0) {
        if !free.contains(&line.model.as_str()) {
            free.push(&line.model);
        }
    }
    free
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_without_a_price_are_named_once() {
        let line = |day: &str, model: &str, input_tokens, cost_micros| UsageLine {
            day: day.to_owned(),
            model: model.to_owned(),
            answers: 1,
            input_tokens,
            output_tokens: 0,
            cost_micros,
        };
        let lines =
            [line("a", "offline", 0, 0), line("a", "lan/x", 9, 0), line("b", "lan/x", 9, 0), line("b", "groq/y", 9, 1)];
        assert_eq!(free_models(&lines), ["lan/x"]);
    }
}
