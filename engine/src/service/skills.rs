//! Requests about skills: what lies on the disk now, and what of it is trusted.

use std::path::Path;

use zo_projections::event::skill::Origin;
use zo_projections::{Actor, Command, Digest, Submission};
use zo_skills::{Problem, Skill};

use super::acknowledge;
use crate::engine::Engine;
use crate::protocol::{Acknowledged, Answer, Failure, FailureKind, SkillLine};
use crate::skills::{catalogue, folder_id, ours, record_version, shown, version_of, why_not};

pub(super) fn list(engine: &Engine, folders: &[(String, Origin)]) -> Result<Answer, Failure> {
    let found = catalogue(engine, folders);
    let mut skills = Vec::with_capacity(found.skills.len() + found.shadowed.len());
    for skill in &found.skills {
        skills.push(line(engine, skill, None)?);
    }
    let mut shown_after_all = Vec::new();
    for hidden in &found.shadowed {
        // One that is not trusted hides no other.
        let by = skills.iter().any(|line| line.usable && Path::new(&line.folder) == hidden.by).then_some(&*hidden.by);
        if by.is_none() {
            shown_after_all.push(&hidden.folder);
        }
        // One that cannot be read any more is among the problems.
        if let Ok(skill) = zo_skills::load(&hidden.folder, hidden.origin) {
            skills.push(line(engine, &skill, by)?);
        }
    }
    let is_so = |problem: &&Problem| !shown_after_all.iter().any(|folder| problem.file.starts_with(folder));
    Ok(Answer::Skills { skills, problems: found.problems.iter().filter(is_so).map(said).collect() })
}

fn line(engine: &Engine, skill: &Skill, shadowed_by: Option<&Path>) -> Result<SkillLine, Failure> {
    let why = why_not(engine, skill)?;
    Ok(SkillLine {
        name: skill.name.clone(),
        description: skill.description.clone(),
        origin: ours(skill.origin),
        folder: skill.folder.to_string_lossy().into_owned(),
        version: shown(version_of(skill)),
        usable: why.is_none(),
        why,
        problems: skill.problems.iter().map(said).collect(),
        shadowed_by: shadowed_by.map(|folder| folder.to_string_lossy().into_owned()),
    })
}

fn said(problem: &Problem) -> String {
    problem.to_string()
}

pub(super) fn trust(engine: &Engine, folder: &str, version: &str) -> Result<Acknowledged, Failure> {
    let path = Path::new(folder);
    let skill = zo_skills::load(path, zo_skills::Origin::Project)
        .map_err(|problem| Failure::new(FailureKind::Invalid, problem.to_string()))?;
    let wanted = u128::from_str_radix(version, 16).map(Digest).map_err(|_| {
        Failure::new(FailureKind::Invalid, format!("{version:?} is no version: 32 hexadecimal digits are expected"))
    })?;
    if version_of(&skill) != wanted {
        let message = format!("{folder} was changed since it was looked at: it is {} now", shown(version_of(&skill)));
        return Err(Failure::new(FailureKind::Conflict, message).hint("look at it again before you trust it"));
    }
    record_version(engine, &skill)?;
    let command = Command::TrustSkill { id: folder_id(engine, path), version: wanted };
    acknowledge(skill.name, engine.writer.submit_one(Submission::new(Actor::User, command)))
}

pub(super) fn withdraw_trust(engine: &Engine, folder: &str) -> Result<Acknowledged, Failure> {
    let command = Command::WithdrawTrust { id: folder_id(engine, Path::new(folder)) };
    acknowledge(folder.to_owned(), engine.writer.submit_one(Submission::new(Actor::User, command)))
}
