//! The cache folder: downloaded models, whole or not there.
//!
//! ```text
//! CACHE/models--Xenova--bge-small-en-v1.5/…    as the hub's own client lays it out: blobs, snapshots, refs
//! CACHE/bge-small-en-v1.5.complete             our record, written last: the id, then a line for each file:
//!                                              digest, length, path in CACHE
//! ```
//! A model counts as downloaded when its record is there and every file has the recorded length; when it is opened, the
//! digests are compared too. So neither an interrupted download nor a damaged file is ever taken for a model.

mod hub;
mod record;

use std::{
    borrow::Cow,
    fs, io,
    path::{Path, PathBuf},
};

use self::record::{Entry, Record};
use crate::{
    EmbedError, EmbedderId, ModelInfo,
    catalogue::{HubModel, TOKENIZER_FILES},
    files::Files,
};

/// The cache folder.
#[derive(Debug, Clone)]
pub(crate) struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// The cache in this folder, which need not exist.
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Whether all files of a model are here, by their record and their lengths.
    pub(crate) fn has(&self, name: &str, hub: &HubModel) -> bool {
        self.record(name, hub).is_some_and(|record| record.entries.iter().all(|entry| self.is_here(entry)))
    }

    /// The id of a downloaded model, from its record.
    pub(crate) fn id(&self, model: &ModelInfo, hub: &HubModel) -> Result<EmbedderId, EmbedError> {
        let not_downloaded = || EmbedError::NotDownloaded { name: model.name.clone() };
        let record = self.record(&model.name, hub).ok_or_else(not_downloaded)?;
        Ok(record.id(&hub.recipe))
    }

    /// The files of a downloaded model, compared with what its record says of them, and its id.
    pub(crate) fn read(&self, model: &ModelInfo, hub: &HubModel) -> Result<(Files, EmbedderId), EmbedError> {
        let not_downloaded = || EmbedError::NotDownloaded { name: model.name.clone() };
        let record = self.record(&model.name, hub).ok_or_else(not_downloaded)?;
        let mut contents = Vec::with_capacity(record.entries.len());
        for entry in &record.entries {
            contents.push(self.read_entry(&model.name, entry)?);
        }
        let mut contents = contents.into_iter();
        let mut next = || contents.next().expect("the record has an entry for every path");
        let graph = Cow::Owned(next());
        let file_name = |path: &String| path.rsplit('/').next().unwrap_or(path).to_owned();
        let external = hub.additional_files.iter().map(|path| (file_name(path), next())).collect();
        let [tokenizer, config, special_tokens_map, tokenizer_config] = TOKENIZER_FILES.map(|_| Cow::Owned(next()));
        let files = Files { model: graph, external, tokenizer, config, special_tokens_map, tokenizer_config };
        Ok((files, record.id(&hub.recipe)))
    }

    /// Downloads what is missing or damaged, and writes the record.
    pub(crate) fn download(
        &self,
        model: &ModelInfo,
        hub: &HubModel,
        progress: &mut dyn FnMut(u64, Option<u64>),
    ) -> Result<(), EmbedError> {
        if let Some(record) = self.record(&model.name, hub) {
            let is_damaged = |entry: &&Entry| !Entry::of(&self.folder, &entry.path).is_ok_and(|now| now == **entry);
            let damaged: Vec<&Entry> = record.entries.iter().filter(is_damaged).collect();
            if damaged.is_empty() {
                let total = record.entries.iter().map(|entry| entry.length).sum();
                progress(total, Some(total));
                return Ok(());
            }
            self.remove(&self.record_path(&model.name))?;
            for entry in damaged {
                hub::forget(&self.folder.join(&entry.path)).map_err(self.disk("remove", &entry.path))?;
            }
        }
        fs::create_dir_all(&self.folder).map_err(self.disk("make the folder", ""))?;
        // The client wants to compare paths, and asserts that all are absolute or none is.
        let folder = self.folder.canonicalize().map_err(self.disk("find", ""))?;
        let paths = hub::fetch(&folder, model, hub, progress)?;

        let mut entries = Vec::with_capacity(paths.len());
        for path in paths {
            let inside = path.strip_prefix(&folder).unwrap_or(&path);
            entries.push(Entry::of(&folder, inside).map_err(self.disk("read", inside))?);
        }
        let path = self.record_path(&model.name);
        Record { entries }.write(&path).map_err(self.disk("write", &path))
    }

    /// What was recorded when the model was downloaded; `None` if that has not happened, or for other files.
    fn record(&self, name: &str, hub: &HubModel) -> Option<Record> {
        let record = Record::parse(&fs::read_to_string(self.record_path(name)).ok()?)?;
        (record.entries.len() == hub.paths().count()).then_some(record)
    }

    fn record_path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.complete"))
    }

    fn is_here(&self, entry: &Entry) -> bool {
        fs::metadata(self.folder.join(&entry.path)).is_ok_and(|metadata| metadata.len() == entry.length)
    }

    fn read_entry(&self, name: &str, entry: &Entry) -> Result<Vec<u8>, EmbedError> {
        let path = self.folder.join(&entry.path);
        let damaged = |reason: String| EmbedError::Damaged { name: name.into(), path: path.clone(), reason };
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(damaged("it is gone".into())),
            read => read.map_err(self.disk("read", &path))?,
        };
        if bytes.len() as u64 != entry.length {
            return Err(damaged(format!("it has {} bytes, {} were downloaded", bytes.len(), entry.length)));
        }
        if blake3::hash(&bytes) != entry.digest {
            return Err(damaged("its content is not what was downloaded".into()));
        }
        Ok(bytes)
    }

    fn remove(&self, path: &Path) -> Result<(), EmbedError> {
        match fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(self.disk("remove", path)),
        }
    }

    fn disk(&self, action: &'static str, path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> EmbedError {
        let path = self.folder.join(path);
        move |source| EmbedError::Disk { action, path, source }
    }
}
