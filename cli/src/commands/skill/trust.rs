//! `zo skill trust`.

use std::path::{Path, PathBuf};

use clap::Args;
use zo_engine::protocol::Request;
use zo_skills::{Catalogue, Origin, SearchPath, Skill, discover, project_folders_within};

use super::version;
use crate::context::{Context, write_one};
use crate::error::CliError;
use crate::output::Output;
use crate::output::text::counted;

/// Let agents use the skills of a project, as they are now
///
/// Examples:
///   zo skill trust .
///   zo skill trust .zo/skills/release-notes --yes
///   zo skill trust . --withdraw
///
/// FOLDER is a skill, a folder of skills, or a project. Look at what is in it first: its instructions are told to
/// models, and its scripts are run, in the sandbox. Whatever changes in a skill ends the trust in it, until you say so
/// again.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Trust {
    /// The folder
    folder: PathBuf,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Trust it no longer
    #[arg(long)]
    withdraw: bool,
}

impl Trust {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let folder = self.folder.canonicalize();
        let folder = folder.map_err(|error| CliError::io(format!("cannot use {}", self.folder.display()), &error))?;
        let skills = skills_in(&folder, &mut context.output)?;
        let mut requests = Vec::with_capacity(skills.len());
        for skill in &skills {
            let folder = path_of(&skill.folder)?;
            requests.push(if self.withdraw {
                Request::WithdrawTrust { folder }
            } else {
                describe(&mut context.output, skill);
                Request::TrustSkill { folder, version: version(skill) }
            });
        }
        if !self.withdraw {
            let what = counted(skills.len() as u64, "skill");
            context.output.confirm(&format!("Let agents use {what} in {}?", folder.display()), self.yes)?;
        }
        let mut client = context.open()?;
        let said = if self.withdraw { "no longer trusted" } else { "trusted" };
        for request in &requests {
            let acknowledged = write_one(&mut client, request)?;
            context.print_acknowledged(&acknowledged, said)?;
        }
        context.close(client)
    }
}

/// The skills that a folder stands for.
fn skills_in(folder: &Path, output: &mut Output) -> Result<Vec<Skill>, CliError> {
    if folder.join("SKILL.md").exists() || folder.join("skill.md").exists() {
        let skill =
            zo_skills::load(folder, Origin::Project).map_err(|problem| CliError::invalid(problem.to_string()))?;
        return Ok(vec![skill]);
    }
    // A project's own folders, not those of its parents; else the folder itself, if it is one of skills.
    let below = project_folders_within(folder, None).into_iter().filter(|below| below.starts_with(folder));
    let mut found = discover(&SearchPath::new(below.collect(), Vec::new(), None));
    if found.skills.is_empty() {
        found = discover(&SearchPath::new(vec![folder.to_owned()], Vec::new(), None));
    }
    let Catalogue { skills, problems, .. } = found;
    for problem in problems {
        output.warn(&CliError::invalid(problem.to_string()));
    }
    if skills.is_empty() {
        let message = format!("there is no skill in {}", folder.display());
        return Err(CliError::not_found(message).hint("a skill is a folder with a SKILL.md, in .zo/skills or the like"));
    }
    Ok(skills)
}

/// Says what is to be trusted.
fn describe(output: &mut Output, skill: &Skill) {
    let list = |output: &mut Output, what: &str, words: Vec<String>| {
        if !words.is_empty() {
            let words = output.shown_err(&words.join(", "));
            output.note(format!("  {what}: {words}"));
        }
    };
    let head = format!("{} ({}): {}", skill.name, skill.digest.short(), skill.description);
    let head = output.shown_err(&head);
    output.note(head);
    list(output, "folder", vec![skill.folder.display().to_string()]);
    list(output, "runs", skill.scripts.iter().map(|script| script.path.display().to_string()).collect());
    list(output, "has", skill.resources.iter().map(|path| path.display().to_string()).collect());
    list(output, "wants to use without being asked", skill.allowed_tools.clone());
    list(output, "reads the variables", skill.requires.environment.clone());
    list(output, "talks to", skill.requires.network.clone());
    list(output, "writes", skill.requires.write.then(|| "in the folder it works in".to_owned()).into_iter().collect());
}

fn path_of(folder: &Path) -> Result<String, CliError> {
    let text = folder.to_str().map(str::to_owned);
    text.ok_or_else(|| CliError::invalid(format!("the path of {} is not UTF-8", folder.display())))
}
