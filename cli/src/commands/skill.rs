//! `zo skill …`: one file per command. `validate` and `new` need no home.

mod list;
mod new;
mod run;
mod show;
mod trust;
mod validate;

use std::env;

use clap::Subcommand;
use zo_engine::client::Client;
use zo_engine::protocol::{Answer, Query, SkillLine};
use zo_projections::event::skill::Origin;

use super::agent::options::skill_folders;
use crate::context::{Context, query};
use crate::error::CliError;

/// Instructions and scripts for agents: list, check, make, run and trust them
///
/// Examples:
///   zo skill list
///   zo skill new release-notes --script python
///   zo skill validate .zo/skills/*
///   zo skill run text-stats text_stats --args '{"path": "README.md"}'
///
/// A skill is a folder with a SKILL.md (agentskills.io). They are looked for in .zo/skills, .agents/skills and
/// .claude/skills of the folder you are in and its parents, up to the root of the repository; then in
/// ~/.config/zo/skills, ~/.agents/skills and ~/.claude/skills; then there are those that ship with zo. Of two with one
/// name the nearer goes first. A project's skills are used only as they were when you trusted them.
#[derive(Subcommand, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) enum Skill {
    List(list::List),
    Show(show::Show),
    Validate(validate::Validate),
    New(new::New),
    Run(run::Run),
    Trust(trust::Trust),
}

impl Skill {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        match self {
            Self::List(command) => command.run(context),
            Self::Show(command) => command.run(context),
            Self::Validate(command) => command.run(context),
            Self::New(command) => command.run(context),
            Self::Run(command) => command.run(context),
            Self::Trust(command) => command.run(context),
        }
    }
}

/// The skills there are from here, and what is wrong with folders in which there is none.
fn skills(client: &mut Client) -> Result<(Vec<SkillLine>, Vec<String>), CliError> {
    let here = env::current_dir().map_err(|error| CliError::io("cannot tell the current folder", &error))?;
    query(client, Query::Skills { folders: skill_folders(Some(&here))? }, None, |answer| match answer {
        Answer::Skills { skills, problems } => Some((skills, problems)),
        _ => None,
    })
}

/// The skill of this name, the nearest, as it lies on the disk now.
fn find(context: &mut Context, name: &str) -> Result<(SkillLine, zo_skills::Skill), CliError> {
    let mut client = context.open()?;
    let (all, _) = skills(&mut client)?;
    context.close(client)?;
    let mut named = all.iter().filter(|line| line.name == name && line.shadowed_by.is_none());
    // One that is not trusted hides none that can be used.
    let found = named.clone().find(|line| line.usable).or_else(|| named.next());
    let Some(line) = found.cloned() else {
        let error =
            CliError::not_found(format!("there is no skill {name}")).hint("`zo skill list` shows those there are");
        return Err(match crate::suggest::nearest(name, all.iter().map(|line| line.name.as_str())) {
            Some(near) => error.first_hint(format!("did you mean {near}?")),
            None => error,
        });
    };
    let skill = load(&line.folder, line.origin)?;
    Ok((line, skill))
}

/// A skill's folder, read.
fn load(folder: &str, origin: Origin) -> Result<zo_skills::Skill, CliError> {
    let origin = match origin {
        Origin::Project => zo_skills::Origin::Project,
        Origin::User => zo_skills::Origin::User,
        Origin::Shipped => zo_skills::Origin::Shipped,
    };
    zo_skills::load(folder.as_ref(), origin).map_err(|problem| CliError::invalid(problem.to_string()))
}

/// The version of a skill as the log has it: the first 32 digits of its digest.
fn version(skill: &zo_skills::Skill) -> String {
    skill.digest.to_string().chars().take(32).collect()
}

/// The beginning of a version, for people.
fn short(version: &str) -> String {
    version.chars().take(12).collect()
}

/// Whose a skill is, in a word.
fn whose(origin: Origin) -> &'static str {
    match origin {
        Origin::Project => "project",
        Origin::User => "user",
        Origin::Shipped => "shipped",
    }
}
