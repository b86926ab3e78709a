//! `zo skill list`.

use clap::Args;
use zo_engine::protocol::SkillLine;

use super::{short, skills, whose};
use crate::context::Context;
use crate::error::CliError;
use crate::output::{Output, Table};

/// List the skills there are, nearest first
///
/// Examples:
///   zo skill list
///   zo skill list --json | jq -r 'select(.usable) | .name'
///
/// What is wrong with them, and which one goes before another of the same name, is said on stderr.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct List {}

impl List {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open()?;
        let (skills, problems) = skills(&mut client)?;
        context.close(client)?;
        let output = &mut context.output;
        if output.is_json() {
            skills.iter().try_for_each(|line| output.data(line))?;
        } else {
            print(output, &skills)?;
        }
        output.flush()?;
        let of_skills = skills.iter().flat_map(|line| &line.problems);
        for problem in of_skills.chain(&problems) {
            output.warn(&CliError::invalid(problem.as_str()));
        }
        Ok(())
    }
}

fn print(output: &mut Output, skills: &[SkillLine]) -> Result<(), CliError> {
    let mut table = Table::new(&["NAME", "FROM", "VERSION", "STATE", "DESCRIPTION"]);
    for line in skills {
        let state = match (&line.shadowed_by, line.usable) {
            (Some(_), _) => "shadowed",
            (None, true) => "usable",
            (None, false) => "not trusted",
        };
        let name = line.name.clone();
        table.row([
            name,
            whose(line.origin).to_owned(),
            short(&line.version),
            state.to_owned(),
            line.description.clone(),
        ]);
    }
    table.print(output)?;
    for line in skills.iter().filter(|line| line.shadowed_by.is_none()) {
        if let Some(why) = &line.why {
            output.note(format!("{} is not used: {why}; `zo skill trust {}`", line.name, line.folder));
        }
    }
    Ok(())
}
