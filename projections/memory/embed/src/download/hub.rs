//! The hub's own client, made to end, to notice what is cut short, and to say what went wrong.
//!
//! The client (hf-hub, as fastembed uses it) sets no time limits, does not compare what came with what was announced, and
//! asserts here and there; so it runs on a thread of its own, which is left behind when nothing comes any more.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread,
    time::Duration,
};

use hf_hub::{
    Cache,
    api::{
        Progress,
        sync::{ApiBuilder, ApiError, ApiRepo},
    },
};

use crate::{EmbedError, ModelInfo, catalogue::HubModel};

/// How long the server may say nothing.
const SILENCE: Duration = Duration::from_secs(60);

/// What the thread tells.
enum Message {
    /// All files together have this many bytes.
    Total(u64),
    /// This many bytes are here.
    Done(u64),
    /// The thread has ended: the files, or why not.
    Ended(Result<Vec<PathBuf>, EmbedError>),
}

/// Brings all files of a model into the cache and returns their paths, in the order of [`HubModel::paths`].
pub(super) fn fetch(
    folder: &Path,
    model: &ModelInfo,
    hub: &HubModel,
    progress: &mut dyn FnMut(u64, Option<u64>),
) -> Result<Vec<PathBuf>, EmbedError> {
    let (sender, receiver) = mpsc::channel();
    let fetch = Fetch::new(folder, model, hub, sender.clone())?;
    let endpoint = fetch.endpoint();
    let network = |reason: &str| EmbedError::Network {
        name: model.name.clone(),
        file: hub.model_file.clone(),
        endpoint: endpoint.clone(),
        reason: reason.into(),
    };
    thread::spawn(move || {
        let ended = fetch.all();
        // Nobody listens any more if this took too long.
        let _ = sender.send(Message::Ended(ended));
    });
    let (mut done, mut total) = (0, None);
    loop {
        match receiver.recv_timeout(SILENCE) {
            Ok(Message::Total(bytes)) => total = Some(bytes),
            Ok(Message::Done(bytes)) => done = bytes,
            Ok(Message::Ended(ended)) => return ended,
            Err(RecvTimeoutError::Timeout) => return Err(network("the server has said nothing for 60 seconds")),
            Err(RecvTimeoutError::Disconnected) => return Err(network("its answer is not what a hub says")),
        }
        progress(done, total);
    }
}

/// Removes a file of the cache and what it is a link to, so that it is downloaded again.
pub(super) fn forget(path: &Path) -> io::Result<()> {
    for path in path.canonicalize().ok().iter().map(PathBuf::as_path).chain([path]) {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// A download under way.
struct Fetch {
    name: String,
    paths: Vec<String>,
    folder: PathBuf,
    cache: hf_hub::CacheRepo,
    api: hf_hub::api::sync::Api,
    repo: ApiRepo,
    sender: Sender<Message>,
}

impl Fetch {
    fn new(folder: &Path, model: &ModelInfo, hub: &HubModel, sender: Sender<Message>) -> Result<Self, EmbedError> {
        let variable = |name: &str| {
            std::env::var(name).ok().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
        };
        let cache = Cache::new(folder.to_owned());
        let mut builder = ApiBuilder::from_cache(cache.clone()).with_progress(false).with_token(variable("HF_TOKEN"));
        if let Some(endpoint) = variable("HF_ENDPOINT") {
            builder = builder.with_endpoint(endpoint.trim_end_matches('/').to_owned());
        }
        let api = builder.build().map_err(|error| EmbedError::Network {
            name: model.name.clone(),
            file: hub.model_file.clone(),
            endpoint: "the hub".into(),
            reason: error.to_string(),
        })?;
        Ok(Self {
            name: model.name.clone(),
            paths: hub.paths().map(str::to_owned).collect(),
            folder: folder.to_owned(),
            cache: cache.model(model.repository.clone()),
            repo: api.model(model.repository.clone()),
            api,
            sender,
        })
    }

    /// The server's address without what is asked for.
    fn endpoint(&self) -> String {
        let url = self.repo.url("");
        url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/")
    }

    fn all(&self) -> Result<Vec<PathBuf>, EmbedError> {
        let mut announced = Vec::with_capacity(self.paths.len());
        for path in &self.paths {
            let metadata = self.api.metadata(&self.repo.url(path)).map_err(|error| self.explain(path, error))?;
            announced.push((metadata.size() as u64, metadata.etag().to_owned()));
            self.tell(Message::Done(0));
        }
        self.tell(Message::Total(announced.iter().map(|(size, _)| size).sum()));
        let mut before = 0;
        let mut files = Vec::with_capacity(self.paths.len());
        for (path, (size, etag)) in self.paths.iter().zip(&announced) {
            files.push(self.one(path, *size, etag, before)?);
            before += size;
            self.tell(Message::Done(before));
        }
        Ok(files)
    }

    /// One file, unless it is here already; `before` bytes of others are.
    fn one(&self, path: &str, size: u64, etag: &str, before: u64) -> Result<PathBuf, EmbedError> {
        let disk = |source| EmbedError::Disk { action: "write into", path: self.folder.clone(), source };
        let length = |file: &Path| fs::metadata(file).map_or(0, |metadata| metadata.len());
        if let Some(file) = self.cache.get(path) {
            if length(&file) == size {
                return Ok(file);
            }
            forget(&file).map_err(disk)?;
        }
        // What an interrupted download has left is carried on, but not what cannot be its beginning.
        let part = self.cache.blob_path(etag).with_extension("part");
        if length(&part) >= size {
            forget(&part).map_err(disk)?;
        }
        let progress = Told { sender: self.sender.clone(), before, done: 0 };
        let downloaded = self.repo.download_with_progress(path, progress);
        let file = downloaded.map_err(|error| match length(&part) {
            // The part stays, for the next try.
            got if got > 0 && got < size && !is_disk(&error) => self.cut_short(path, got, size),
            _ => self.explain(path, error),
        })?;
        match length(&file) {
            got if got == size => Ok(file),
            got => {
                forget(&file).map_err(disk)?;
                Err(self.cut_short(path, got, size))
            }
        }
    }

    fn cut_short(&self, file: &str, got: u64, announced: u64) -> EmbedError {
        EmbedError::CutShort { name: self.name.clone(), file: file.into(), got, announced }
    }

    fn explain(&self, file: &str, error: ApiError) -> EmbedError {
        match error {
            ApiError::IoError(source) if is_disk_kind(source.kind()) => {
                EmbedError::Disk { action: "write into", path: self.folder.clone(), source }
            }
            error => EmbedError::Network {
                name: self.name.clone(),
                file: file.into(),
                endpoint: self.endpoint(),
                reason: error.to_string(),
            },
        }
    }

    fn tell(&self, message: Message) {
        // Nobody listens any more if this took too long.
        let _ = self.sender.send(message);
    }
}

fn is_disk(error: &ApiError) -> bool {
    matches!(error, ApiError::IoError(error) if is_disk_kind(error.kind()))
}

/// Whether the cache folder and not the network is meant; the client has one error for both.
fn is_disk_kind(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::*;
    matches!(
        kind,
        StorageFull
            | QuotaExceeded
            | FileTooLarge
            | ReadOnlyFilesystem
            | PermissionDenied
            | NotFound
            | NotADirectory
            | IsADirectory
    )
}

/// Hands the client's progress on.
struct Told {
    sender: Sender<Message>,
    before: u64,
    done: u64,
}

impl Progress for Told {
    fn init(&mut self, _size: usize, _file: &str) {
        self.done = 0;
    }

    fn update(&mut self, bytes: usize) {
        self.done += bytes as u64;
        let _ = self.sender.send(Message::Done(self.before + self.done));
    }

    fn finish(&mut self) {}
}
