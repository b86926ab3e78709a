//! `zo sandbox check`.

use clap::Args;
use zo_engine::protocol::FailureKind;
use zo_sandbox::Sandbox;

use crate::context::Context;
use crate::error::{CliError, Kind};
use crate::output::{Style, Table};

/// Show what this machine enforces
///
/// Examples:
///   zo sandbox check
///   zo sandbox check --json | jq -r .level
///
/// Every level is tried out. Commands run at the first that works; where none does, they are refused, and the exit code is 1.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Check {}

impl Check {
    pub(super) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let report = Sandbox::new().report();
        let output = &mut context.output;
        if output.is_json() {
            output.data(&report)?;
        } else {
            let mut table = Table::new(&["", "MECHANISM", "DETAIL", "PROTECTS"]);
            for mechanism in &report.mechanisms {
                let mark = if mechanism.available { "ok" } else { "-" };
                table.row([
                    mark.to_owned(),
                    mechanism.name.clone(),
                    mechanism.detail.clone(),
                    mechanism.protects.clone(),
                ]);
            }
            table.print(output)?;
            if report.enforced {
                let level = output.paint(Style::Bold, report.level.name());
                output.line(format!("commands run at the level {level}"))?;
            }
        }
        if report.enforced {
            return Ok(());
        }
        let refused = CliError::new(Kind::Engine(FailureKind::Refused), "commands cannot be confined on this machine");
        Err(report.hint.iter().fold(refused, |error, hint| error.hint(hint)))
    }
}
