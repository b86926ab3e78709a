//! `zo skill validate`.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use zo_engine::protocol::FailureKind;
use zo_skills::{Problem, Severity, validate};

use crate::context::Context;
use crate::error::{CliError, Kind};
use crate::output::text::counted;
use crate::output::{Output, Style};

/// Check skill folders strictly, by the Agent Skills specification
///
/// Examples:
///   zo skill validate my-skill
///   zo skill validate .zo/skills/* --json
///
/// Each problem is a line `FILE:LINE: …`. What the specification's reference validator rejects is an error, with its
/// line; a warning is a recommendation. The exit code is 1 if there is an error. Agents are more lenient: they use what
/// they can.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Validate {
    /// The skills' folders
    #[arg(required = true, value_name = "FOLDER")]
    folders: Vec<PathBuf>,
}

/// What checking a folder came to, as JSON has it.
#[derive(Serialize)]
struct CheckedJson<'a> {
    folder: &'a PathBuf,
    valid: bool,
    problems: &'a [Problem],
}

impl Validate {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let output = &mut context.output;
        let mut invalid = 0;
        for folder in &self.folders {
            let problems = validate(folder);
            let valid = problems.iter().all(|problem| problem.severity < Severity::Error);
            invalid += u64::from(!valid);
            if output.is_json() {
                output.data(&CheckedJson { folder, valid, problems: &problems })?;
            } else {
                print(output, &problems)?;
            }
            output.flush()?;
        }
        let all = self.folders.len() as u64;
        if invalid > 0 {
            let message =
                format!("{invalid} of {} {} not valid", counted(all, "skill"), if invalid == 1 { "is" } else { "are" });
            return Err(CliError::new(Kind::Engine(FailureKind::Invalid), message));
        }
        output.note(if all == 1 { "it is valid".to_owned() } else { format!("all {all} are valid") });
        Ok(())
    }
}

fn print(output: &mut Output, problems: &[Problem]) -> Result<(), CliError> {
    for problem in problems {
        let text = output.shown(&problem.to_string());
        let word = match problem.severity {
            Severity::Error => output.paint(Style::Red, "error"),
            Severity::Warning => output.paint(Style::Yellow, "warning"),
        };
        output.line(format!("{text} [{word}]"))?;
    }
    Ok(())
}
