//! `zo skill new`.

use std::io;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;
use zo_engine::protocol::FailureKind;
use zo_skills::{ScaffoldError, ScriptKind, scaffold};

use crate::context::Context;
use crate::error::{CliError, Kind};

/// Make a new skill, to be filled in
///
/// Examples:
///   zo skill new release-notes
///   zo skill new csv-to-chart --script python --description "Draws a chart of a CSV file. Use when …"
///   zo skill new house-style --in ~/.config/zo/skills
///
/// The folder is made in .zo/skills of the folder you are in, unless --in names another one, and printed.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct New {
    /// Its name: lowercase letters, digits and hyphens
    name: String,
    /// Where its folder is made
    #[arg(long = "in", value_name = "DIR", default_value = ".zo/skills")]
    into: PathBuf,
    /// With a script that works as it is
    #[arg(long, value_name = "LANGUAGE", value_enum)]
    script: Option<Language>,
    /// What it does and when to use it
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
}

/// What a script is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Language {
    /// A function run(), called with arguments by name
    Python,
    /// For sh
    Shell,
    /// For node
    #[value(name = "javascript")]
    JavaScript,
}

/// A new skill, as JSON has it.
#[derive(Serialize)]
struct MadeJson {
    folder: PathBuf,
}

impl New {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let kind = self.script.map(|language| match language {
            Language::Python => ScriptKind::Python { shim: true },
            Language::Shell => ScriptKind::Shell,
            Language::JavaScript => ScriptKind::JavaScript,
        });
        let folder = scaffold(&self.into, &self.name, kind, self.description.as_deref()).map_err(refused)?;
        let output = &mut context.output;
        if output.is_json() {
            return output.data(&MadeJson { folder });
        }
        output.line(output.shown(&folder.display().to_string()))?;
        output.note("fill in SKILL.md, then `zo skill validate` checks it and `zo skill trust` lets agents use it");
        Ok(())
    }
}

fn refused(error: ScaffoldError) -> CliError {
    let message = error.to_string();
    match error {
        ScaffoldError::Exists(_) => CliError::new(Kind::Engine(FailureKind::Conflict), message),
        ScaffoldError::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
            CliError::new(Kind::Engine(FailureKind::DiskFull), message)
        }
        ScaffoldError::Io { .. } => CliError::new(Kind::Engine(FailureKind::Io), message),
        _ => CliError::invalid(message),
    }
}
