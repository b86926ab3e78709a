//! `zo skill show`.

use clap::Args;
use serde::Serialize;
use zo_engine::protocol::SkillLine;
use zo_skills::{Missing, Skill};

use super::{find, short, whose};
use crate::context::Context;
use crate::error::CliError;
use crate::output::{Output, Style};

/// Show a skill: what it says, what it needs, what it can run
///
/// Examples:
///   zo skill show csv-report
///   zo skill show csv-report --json | jq .missing
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Show {
    /// Its name
    name: String,
}

/// A skill as JSON has it.
#[derive(Serialize)]
struct SkillJson<'a> {
    usable: bool,
    why: Option<&'a str>,
    version: &'a str,
    missing: &'a [Missing],
    #[serde(flatten)]
    skill: &'a Skill,
}

impl Show {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let (line, skill) = find(context, &self.name)?;
        let missing = zo_skills::missing(&skill);
        let output = &mut context.output;
        if output.is_json() {
            let SkillLine { usable, why, version, .. } = &line;
            let missing = missing.as_slice();
            return output.data(&SkillJson { usable: *usable, why: why.as_deref(), version, missing, skill: &skill });
        }
        print(output, &line, &skill, &missing)
    }
}

fn print(output: &mut Output, line: &SkillLine, skill: &Skill, missing: &[Missing]) -> Result<(), CliError> {
    output.line(output.paint(Style::Bold, &output.shown(&skill.name)))?;
    let field = |output: &mut Output, name: &str, value: &str| {
        if value.is_empty() { Ok(()) } else { output.line(format!("{name:>13}  {}", output.shown(value))) }
    };
    field(output, "description", &skill.description)?;
    field(output, "from", whose(line.origin))?;
    field(output, "folder", &line.folder)?;
    field(output, "version", &short(&line.version))?;
    field(output, "not used", line.why.as_deref().unwrap_or_default())?;
    field(output, "licence", skill.license.as_deref().unwrap_or_default())?;
    field(output, "compatibility", skill.compatibility.as_deref().unwrap_or_default())?;
    field(output, "triggers", &skill.triggers.join(", "))?;
    field(output, "allowed tools", &skill.allowed_tools.join(" "))?;
    field(output, "programs", &skill.requires.programs.join(" "))?;
    field(output, "Python", &skill.requires.python.join(" "))?;
    field(output, "variables", &skill.requires.environment.join(" "))?;
    field(output, "network", &skill.requires.network.join(" "))?;
    field(output, "writes", if skill.requires.write { "in the folder it works in" } else { "" })?;
    for one in missing {
        field(output, "missing", &one.hint)?;
    }
    for script in &skill.scripts {
        field(output, "script", &format!("{} ({})", script.name, script.path.display()))?;
    }
    for resource in &skill.resources {
        field(output, "file", &resource.display().to_string())?;
    }
    for problem in &skill.problems {
        field(output, "problem", &problem.to_string())?;
    }
    output.line("")?;
    output.line(output.shown(&skill.body))
}
