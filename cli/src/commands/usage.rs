//! `zo usage`.

use clap::Args;
use zo_engine::protocol::{Answer, Query};

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
        context.close(client)
    }
}
