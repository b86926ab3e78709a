//! Requests about hosted files.

use std::fs::File as DiskFile;
use std::io::Read;
use std::path::Path;

use zo_projections::event::file::{ContentBody, Put, ShareBody, Shared};
use zo_projections::views::files::{File, Share, Version};
use zo_projections::{Actor, Command, FileId, Submission, Timestamp};

use super::tokens::secret;
use super::{Each, acknowledge, body_of};
use crate::disk::chunks::{CHUNK_BYTES, ChunkError};
use crate::engine::Engine;
use crate::protocol::{Acknowledged, Answer, Failure, FailureKind, FileContent, HostedFile, Response, ShareLine};

impl From<ChunkError> for Failure {
    fn from(error: ChunkError) -> Self {
        let kind = match &error {
            ChunkError::Missing(_) | ChunkError::Damaged(_) => FailureKind::Damaged,
            ChunkError::Content(_) => FailureKind::Invalid,
            ChunkError::Disk(_) => FailureKind::Io,
        };
        let failure = Self::new(kind, error.to_string());
        if kind == FailureKind::Damaged {
            failure.hint("put the file once more: what is missing is stored anew")
        } else {
            failure
        }
    }
}

pub(super) fn put(
    engine: &Engine,
    name: String,
    media_type: Option<String>,
    content: FileContent,
    each: Each<'_>,
) -> Result<Acknowledged, Failure> {
    let stored = match content {
        FileContent::Bytes(bytes) => engine.chunks.store(&mut &bytes[..])?,
        FileContent::Path(path) => {
            let open = || -> std::io::Result<DiskFile> {
                let file = DiskFile::open(&path)?;
                if !file.metadata()?.is_file() {
                    return Err(std::io::Error::other("it is no file"));
                }
                Ok(file)
            };
            let file = open().map_err(|error| {
                let kind =
                    if error.kind() == std::io::ErrorKind::NotFound { FailureKind::NotFound } else { FailureKind::Io };
                Failure::new(kind, format!("cannot read {path}: {error}"))
            })?;
            let total = file.metadata().map(|found| found.len()).unwrap_or_default();
            engine.chunks.store(&mut Followed { file, done: 0, told: 0, total, each })?
        }
    };
    let media_type = media_type.unwrap_or_else(|| media_type_of(&name, &stored.beginning));
    let digest = engine.names.content(&stored.blake3.to_hex(), None);
    let put = Put { name: name.clone(), size: stored.size, digest, media_type };
    let blake3 = stored.blake3.to_hex().to_string();
    let body = ContentBody { chunks: stored.chunks, chunk_bytes: CHUNK_BYTES, blake3 };
    let file = FileId(engine.names.file(&name));
    acknowledge(name, engine.writer.submit_one(Submission::new(Actor::User, Command::PutFile { file, put, body })))
}

/// A file that is read while somebody is told how far it is, who may stop it.
struct Followed<'a> {
    file: DiskFile,
    done: u64,
    told: u64,
    total: u64,
    each: Each<'a>,
}

impl Read for Followed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        /// Between two words.
        const STEP: u64 = 8 << 20;
        if self.done >= self.told + STEP {
            self.told = self.done;
            let progress = Response::Progress { what: "putting".to_owned(), done: self.done, total: self.total };
            if (self.each)(progress).is_break() {
                return Err(std::io::Error::other("it was stopped; nothing of it is kept"));
            }
        }
        let read = self.file.read(buffer)?;
        self.done += read as u64;
        Ok(read)
    }
}

/// What a file is, told by its name, else by its first bytes.
fn media_type_of(name: &str, beginning: &[u8]) -> String {
    if let Some(known) = mime_guess::from_path(Path::new(name)).first_raw() {
        return known.to_owned();
    }
    let is_text =
        !beginning.contains(&0) && !matches!(std::str::from_utf8(beginning), Err(error) if error.error_len().is_some());
    if is_text { "text/plain".to_owned() } else { "application/octet-stream".to_owned() }
}

fn not_found(engine: &Engine, name: &str) -> Failure {
    let near = engine.writer.read(|views| {
        let names: Vec<String> = views.files.list("", None).take(10_000).map(|file| file.name.clone()).collect();
        zo_models::did_you_mean(name, names.iter().map(String::as_str))
    });
    let hint = match near {
        Ok(Some(near)) => near,
        _ => "`zo file list` shows those there are".to_owned(),
    };
    Failure::new(FailureKind::NotFound, format!("there is no file {name}")).hint(hint)
}

/// A version of a file, as the views have it.
fn version_of(engine: &Engine, name: &str, version: Option<u32>) -> Result<Version, Failure> {
    let file = FileId(engine.names.file(name));
    let found = engine.writer.read(|views| views.files.get(file).cloned())?.ok_or_else(|| not_found(engine, name))?;
    let count = found.versions.len();
    match version {
        None => found.current().cloned().ok_or_else(|| {
            Failure::new(FailureKind::NotFound, format!("{name} was removed"))
                .hint(format!("its versions are there: zo file get {name} --version {count}"))
        }),
        Some(version) => {
            let index = (version as usize).checked_sub(1);
            index.and_then(|index| found.versions.get(index)).cloned().ok_or_else(|| {
                Failure::new(FailureKind::NotFound, format!("{name} has no version {version}: it has 1 to {count}"))
            })
        }
    }
}

/// A part of the content of a version, piece by piece, until `each` breaks.
///
/// # Errors
/// If a part of it is gone or damaged.
pub fn content(
    engine: &Engine,
    version: &Version,
    offset: u64,
    length: Option<u64>,
    each: &mut dyn FnMut(Vec<u8>) -> std::ops::ControlFlow<()>,
) -> Result<(), Failure> {
    let body: ContentBody = body_of(&engine.reader.event(version.position)?)?.unwrap_or_default();
    let end = length.map_or(version.put.size, |length| offset.saturating_add(length).min(version.put.size));
    let chunk_bytes = u64::from(body.chunk_bytes.max(1));
    let mut at = offset;
    while at < end {
        let index = usize::try_from(at / chunk_bytes).unwrap_or(usize::MAX);
        let name = body.chunks.get(index).copied();
        let name = name.ok_or_else(|| Failure::new(FailureKind::Damaged, "a part of the file is not said"))?;
        let chunk = engine.chunks.read(name)?;
        let within = usize::try_from(at % chunk_bytes).unwrap_or(usize::MAX);
        let most = usize::try_from(end - at).unwrap_or(usize::MAX);
        let piece = chunk.get(within..).unwrap_or_default();
        let piece = &piece[..piece.len().min(most)];
        if piece.is_empty() {
            return Err(Failure::new(FailureKind::Damaged, "a part of the file is too short"));
        }
        at += piece.len() as u64;
        if each(piece.to_vec()).is_break() {
            return Ok(());
        }
    }
    Ok(())
}

pub(super) fn get(
    engine: &Engine,
    name: &str,
    version: Option<u32>,
    offset: u64,
    length: Option<u64>,
    each: Each<'_>,
) -> Result<(), Failure> {
    let version = version_of(engine, name, version)?;
    if offset > version.put.size {
        let message = format!("{name} has {} bytes: none begin at {offset}", version.put.size);
        return Err(Failure::new(FailureKind::Invalid, message));
    }
    content(engine, &version, offset, length, &mut |bytes| each(Response::FileBytes(bytes)))
}

pub(super) fn remove(engine: &Engine, name: String) -> Result<Acknowledged, Failure> {
    let file = FileId(engine.names.file(&name));
    if engine.writer.read(|views| views.files.get(file).is_none())? {
        return Err(not_found(engine, &name));
    }
    let command = Command::RemoveFile { file, name: name.clone() };
    acknowledge(name, engine.writer.submit_one(Submission::new(Actor::User, command)))
}

fn line(engine: &Engine, file: &File, index: usize) -> Result<HostedFile, Failure> {
    let version = &file.versions[index];
    let body: ContentBody = body_of(&engine.reader.event(version.position)?)?.unwrap_or_default();
    Ok(HostedFile {
        name: file.name.clone(),
        size: version.put.size,
        media_type: version.put.media_type.clone(),
        blake3: body.blake3,
        at: version.at,
        version: u32::try_from(index + 1).unwrap_or(u32::MAX),
        removed: file.removed.is_some(),
    })
}

pub(super) fn list(engine: &Engine, prefix: &str, after: Option<&str>, limit: usize) -> Result<Answer, Failure> {
    let mut found: Vec<File> =
        engine.writer.read(|views| views.files.list(prefix, after).take(limit + 1).cloned().collect())?;
    let next = (found.len() > limit).then(|| found.swap_remove(limit)).and(found.last().map(|file| file.name.clone()));
    let files = found.iter().map(|file| line(engine, file, file.versions.len() - 1)).collect::<Result<_, _>>()?;
    Ok(Answer::Files { files, next })
}

pub(super) fn versions(engine: &Engine, name: &str) -> Result<Answer, Failure> {
    let file = FileId(engine.names.file(name));
    let found = engine.writer.read(|views| views.files.get(file).cloned())?.ok_or_else(|| not_found(engine, name))?;
    let files = (0..found.versions.len()).rev().map(|index| line(engine, &found, index)).collect::<Result<_, _>>()?;
    Ok(Answer::Files { files, next: None })
}

pub(super) fn share(
    engine: &Engine,
    name: String,
    site: bool,
    expires_at: Option<Timestamp>,
) -> Result<ShareLine, Failure> {
    let share = FileId(engine.world.fresh_id());
    let secret = secret()?;
    let shared = Shared { name, hash: *blake3::hash(secret.as_bytes()).as_bytes(), site, expires_at };
    let kept = Share {
        name: shared.name.clone(),
        hash: shared.hash,
        site,
        expires_at,
        shared: zo_projections::Position::START,
    };
    let body = ShareBody { secret: secret.clone() };
    engine.writer.submit_one(Submission::new(Actor::User, Command::ShareFile { share, shared, body }))?;
    Ok(share_line(share, &kept, &secret))
}

fn share_line(id: FileId, share: &Share, secret: &str) -> ShareLine {
    ShareLine {
        id: id.to_string(),
        name: share.name.clone(),
        path: format!("/s/{id}-{secret}/"),
        site: share.site,
        expires_at: share.expires_at,
    }
}

pub(super) fn shares(engine: &Engine) -> Result<Answer, Failure> {
    let shares: Vec<(FileId, Share)> =
        engine.writer.read(|views| views.files.shares().map(|(id, share)| (id, share.clone())).collect())?;
    let line = |(id, share): &(FileId, Share)| {
        let body: ShareBody = body_of(&engine.reader.event(share.shared)?)?.unwrap_or_default();
        Ok(share_line(*id, share, &body.secret))
    };
    Ok(Answer::Shares(shares.iter().map(line).collect::<Result<_, Failure>>()?))
}

pub(super) fn unshare(engine: &Engine, id: &str) -> Result<Acknowledged, Failure> {
    let share = id.parse::<FileId>().map_err(|error| Failure::new(FailureKind::Invalid, error.to_string()))?;
    acknowledge(id.to_owned(), engine.writer.submit_one(Submission::new(Actor::User, Command::UnshareFile { share })))
}

/// The file that a link leads to, if it holds: of a link to a file, that; of one to a folder, the file of this path in it.
///
/// # Errors
/// [`FailureKind::NotFound`] if there is no such link, it holds no more, or there is no such file; which of these is not said.
pub fn shared_file(engine: &Engine, id: &str, secret: &str, path: &str) -> Result<(String, Version), Failure> {
    let nothing = || Failure::new(FailureKind::NotFound, "there is nothing here");
    let id = id.parse::<FileId>().map_err(|_| nothing())?;
    let share = engine.writer.read(|views| views.files.share(id).cloned())?.ok_or_else(nothing)?;
    let is_right = blake3::hash(secret.as_bytes()) == blake3::Hash::from_bytes(share.hash);
    if !is_right || share.expires_at.is_some_and(|expires_at| expires_at <= engine.world.now()) {
        return Err(nothing());
    }
    let is_folder = share.name.is_empty() || share.name.ends_with('/');
    let name = if is_folder { format!("{}{path}", share.name) } else { share.name.clone() };
    if !is_folder && !path.is_empty() {
        return Err(nothing());
    }
    let index = |name: &str| {
        if name.is_empty() { "index.html".to_owned() } else { format!("{}/index.html", name.trim_end_matches('/')) }
    };
    let candidates = if share.site && is_folder { vec![name.clone(), index(&name)] } else { vec![name] };
    let found = engine.writer.read(|views| {
        let of = |name: &String| {
            let version = views.files.by_name(name)?.current()?.clone();
            share.covers(name).then(|| (name.clone(), version))
        };
        candidates.iter().find_map(of)
    })?;
    found.ok_or_else(nothing)
}

#[cfg(test)]
mod tests;
