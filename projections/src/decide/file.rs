//! Decisions about hosted files.

use super::{Decision, MAX_NAME_BYTES, NewEvent, check_length, check_name, record};
use crate::command::Rejection;
use crate::event::file::{ContentBody, Put, Removed, ShareBody, Shared, Unshared};
use crate::ids::FileId;
use crate::views::Views;

/// The most bytes that a file may have.
pub const MAX_HOSTED_BYTES: u64 = 16 * 1024 * 1024 * 1024;

pub(super) fn put(views: &Views, id: FileId, put: Put, body: &ContentBody) -> Result<Decision, Rejection> {
    check_path(&put.name)?;
    check_name("the type", &put.media_type)?;
    if put.size > MAX_HOSTED_BYTES {
        let why = format!("{} bytes are more than the {MAX_HOSTED_BYTES} that one may have", put.size);
        return Err(Rejection::Invalid { what: put.name, why });
    }
    let invalid = |why: String| Err(Rejection::Invalid { what: put.name.clone(), why });
    if let Some(other) = views.files.get(id).filter(|file| file.name != put.name) {
        return invalid(format!("its stream is that of {}", other.name));
    }
    if let Some(other) = views.files.id_of(&put.name).filter(|other| *other != id) {
        return invalid(format!("its stream is that of file {other}"));
    }
    let current = views.files.get(id).and_then(|file| file.current());
    if let Some(current) = current.filter(|current| current.put == put) {
        return Ok(Decision::already(id, current.position));
    }
    Ok(record([NewEvent::new(id, put).with_body(body)]))
}

/// Checks a name: a relative path that means the same to every system, and leads nowhere else.
fn check_path(name: &str) -> Result<(), Rejection> {
    check_name("the file's name", name)?;
    check_length("the file's name", name.len(), MAX_NAME_BYTES)?;
    let part_is_bad = |part: &str| part.is_empty() || part == "." || part == ".." || part.contains(['\\', ':']);
    if name.split('/').any(part_is_bad) {
        let why = format!("{name:?} is no relative path of plain names with / between them");
        return Err(Rejection::Invalid { what: "the file's name".to_owned(), why });
    }
    Ok(())
}

pub(super) fn remove(views: &Views, id: FileId, name: &str) -> Result<Decision, Rejection> {
    match views.files.get(id) {
        None => Err(Rejection::not_found("file", name)),
        Some(file) => match file.removed {
            Some(since) => Ok(Decision::already(id, since)),
            None => Ok(record([NewEvent::new(id, Removed {})])),
        },
    }
}

pub(super) fn share(views: &Views, id: FileId, shared: Shared, body: &ShareBody) -> Result<Decision, Rejection> {
    if let Some(share) = views.files.share(id) {
        return Ok(Decision::already(id, share.shared));
    }
    let folder = shared.name.strip_suffix('/');
    if let Some(name) = folder.or((!shared.name.is_empty()).then_some(&*shared.name)) {
        check_path(name)?;
    }
    let is_folder = shared.name.is_empty() || folder.is_some();
    let nothing = if is_folder {
        views.files.list(&shared.name, None).next().is_none()
    } else {
        views.files.by_name(&shared.name).is_none()
    };
    if nothing {
        return Err(Rejection::not_found(if is_folder { "file below" } else { "file" }, &shared.name));
    }
    Ok(record([NewEvent::new(id, shared).with_body(body)]))
}

pub(super) fn unshare(views: &Views, id: FileId) -> Result<Decision, Rejection> {
    views.files.share(id).ok_or_else(|| Rejection::not_found("link", id))?;
    Ok(record([NewEvent::new(id, Unshared {})]))
}
