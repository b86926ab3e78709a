//! Decisions about skills: versions and trust.

use super::{Decision, NewEvent, check_length, check_name, record};
use crate::command::Rejection;
use crate::event::skill::{FolderBody, TrustWithdrawn, Trusted, VersionSeen};
use crate::ids::{Category, Digest, StreamId};
use crate::views::Views;
use crate::views::skills::SkillFolder;

/// The longest path of a folder, in bytes.
const MAX_PATH_BYTES: usize = 16 * 1024;

fn stream(id: u128) -> StreamId {
    StreamId::new(Category::Skill, id)
}

pub(super) fn record_version(
    views: &Views,
    id: u128,
    seen: VersionSeen,
    folder: String,
) -> Result<Decision, Rejection> {
    check_name("the skill", &seen.name)?;
    check_length("the folder", folder.len(), MAX_PATH_BYTES)?;
    Ok(match views.skills.get(id) {
        Some(there) if there.version == seen.version && there.origin == seen.origin && there.name == seen.name => {
            Decision::already(stream(id), there.seen)
        }
        _ => record([NewEvent::new(stream(id), seen).with_body(&FolderBody { folder })]),
    })
}

pub(super) fn trust(views: &Views, id: u128, version: Digest) -> Result<Decision, Rejection> {
    let folder = known(views, id)?;
    if folder.version != version {
        let state = "was changed since: look at it again";
        return Err(Rejection::state("skill", &folder.name, state));
    }
    Ok(match folder.trusted {
        Some((trusted, since)) if trusted == version => Decision::already(stream(id), since),
        _ => record([NewEvent::new(stream(id), Trusted { version })]),
    })
}

pub(super) fn withdraw_trust(views: &Views, id: u128) -> Result<Decision, Rejection> {
    let folder = known(views, id)?;
    if folder.trusted.is_none() {
        return Err(Rejection::state("skill", &folder.name, "is not trusted"));
    }
    Ok(record([NewEvent::new(stream(id), TrustWithdrawn {})]))
}

fn known(views: &Views, id: u128) -> Result<&SkillFolder, Rejection> {
    views.skills.get(id).ok_or_else(|| Rejection::not_found("skill", stream(id)))
}

#[cfg(test)]
mod tests;
