//! Skills, as agents see them: those on the disk now, without those that are not trusted.

use std::path::{Path, PathBuf};

use zo_projections::event::skill::Origin;
use zo_projections::{Actor, Command, Digest, Position, Submission};
use zo_skills::{Catalogue, SearchPath, Skill};

use crate::engine::Engine;
use crate::protocol::Failure;

/// Every skill in these folders, nearest first, and those that ship with zo.
pub(crate) fn catalogue(engine: &Engine, folders: &[(String, Origin)]) -> Catalogue {
    let mut folders: Vec<(PathBuf, zo_skills::Origin)> =
        folders.iter().map(|(folder, origin)| (PathBuf::from(folder), theirs(*origin))).collect();
    match zo_skills::materialise_shipped(&engine.home.skills()) {
        Ok(shipped) => folders.push((shipped, zo_skills::Origin::Shipped)),
        Err(error) => tracing::warn!("the skills that ship with zo cannot be used: {error}"),
    }
    zo_skills::discover(&SearchPath { folders })
}

/// Those of them that agents may use. One that is not trusted hides none that is.
pub(crate) fn usable(engine: &Engine, folders: &[(String, Origin)]) -> Result<Catalogue, Failure> {
    let Catalogue { skills, shadowed, .. } = catalogue(engine, folders);
    let mut usable: Vec<Skill> = Vec::with_capacity(skills.len());
    for skill in skills {
        if why_not(engine, &skill)?.is_none() {
            usable.push(skill);
            continue;
        }
        for hidden in shadowed.iter().filter(|hidden| hidden.name == skill.name) {
            let Ok(hidden) = zo_skills::load(&hidden.folder, hidden.origin) else { continue };
            if why_not(engine, &hidden)?.is_none() {
                usable.push(hidden);
                break;
            }
        }
    }
    Ok(Catalogue { skills: usable, ..Catalogue::default() })
}

/// Why agents may not use a skill as it is: one of a project that nobody trusts in this version.
pub(crate) fn why_not(engine: &Engine, skill: &Skill) -> Result<Option<String>, Failure> {
    if skill.origin != zo_skills::Origin::Project {
        return Ok(None);
    }
    let id = folder_id(engine, &skill.folder);
    let trusted = engine.writer.read(|views| views.skills.get(id).and_then(|folder| folder.trusted))?;
    Ok(match trusted {
        Some((version, _)) if version == version_of(skill) => None,
        Some(_) => Some("it was changed since it was trusted".to_owned()),
        None => Some("it is the project's, and nobody trusts it".to_owned()),
    })
}

/// Records that a skill was met in the version that it has, and says where that is recorded.
pub(crate) fn record_version(engine: &Engine, skill: &Skill) -> Result<Position, Failure> {
    let command = Command::RecordSkillVersion {
        id: folder_id(engine, &skill.folder),
        name: skill.name.clone(),
        origin: ours(skill.origin),
        version: version_of(skill),
        folder: skill.folder.to_string_lossy().into_owned(),
    };
    Ok(engine.writer.submit_one(Submission::new(Actor::Engine, command))?.position)
}

/// The stream of a skill's folder.
pub(crate) fn folder_id(engine: &Engine, folder: &Path) -> u128 {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    engine.names.skill(&folder.to_string_lossy())
}

/// The version that a skill has: the first 128 bits of its digest.
pub(crate) fn version_of(skill: &Skill) -> Digest {
    let bytes = skill.digest.0;
    Digest(u128::from_be_bytes(*bytes.first_chunk().expect("a digest has 32 bytes")))
}

/// The version as people read it.
pub(crate) fn shown(version: Digest) -> String {
    format!("{:032x}", version.0)
}

pub(crate) fn ours(origin: zo_skills::Origin) -> Origin {
    match origin {
        zo_skills::Origin::Project => Origin::Project,
        zo_skills::Origin::User => Origin::User,
        zo_skills::Origin::Shipped => Origin::Shipped,
    }
}

fn theirs(origin: Origin) -> zo_skills::Origin {
    match origin {
        Origin::Project => zo_skills::Origin::Project,
        Origin::User => zo_skills::Origin::User,
        Origin::Shipped => zo_skills::Origin::Shipped,
    }
}
