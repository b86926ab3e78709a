//! Vectors: which model they are made with, made some at a time behind the index, and switched when a new model has them
//! all.
//!
//! Row n of a store is passage n of the index, so how far embedding has come is a single number, and whatever a killed
//! process left is carried on from there. A store is a folder named after its embedder's id; vectors of different models
//! are never compared. `HOME/derived/index/vectors/active` names the model that recall uses while another is being
//! prepared.

mod questions;
mod slots;
mod texts;

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockWriteGuard, TryLockError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use questions::Questions;
use slots::{Slot, Slots, said};
use texts::{Cut, NO_TEXT, digest, first_wrong, texts};
use zo_embed::{EmbedError, Embedder, Models, Role, RuntimePreference};
use zo_memory::{IndexError, MemoryIndex, VectorStore};

use super::{ROOM_FOR_THE_LOG, RecallError, lock};
use crate::disk::files;
use crate::protocol::{Embedded, ModelInUse, Vectors};
use crate::reader::Reader;

/// A step embeds texts of at most so many characters together: some tenths of a second's work.
const STEP_CHARS: usize = 12_000;
/// So much less when time is short.
const SHORT_STEP_CHARS: usize = 2_000;
/// Texts of somebody else that are embedded together.
const TOGETHER: usize = 16;
/// How long vectors may lie unsynced: so much work is lost at the most, and done again.
const UNSYNCED: Duration = Duration::from_secs(2);
/// Between two looks whether a question has been embedded, which goes first.
const GIVING_WAY: Duration = Duration::from_millis(1);
/// Name of the file that names the model in use.
const ACTIVE: &str = "active";

/// The vectors of a home.
pub(super) struct Embedding {
    folder: PathBuf,
    identity: [u8; 32],
    models: Arc<Models>,
    slots: RwLock<Slots>,
    /// One step at a time; when the last sync was.
    turn: Mutex<Instant>,
    /// Models that were loaded, by name and what for; why, where that failed.
    loaded: Mutex<HashMap<(String, Haste), Loaded>>,
    /// The document that was cut last: a long one takes many steps.
    cut: Mutex<Option<Cut>>,
    /// The thread that loads the model, until somebody waits for it.
    loading: Mutex<Option<JoinHandle<()>>>,
    /// Questions that wait for the model.
    asking: AtomicUsize,
    questions: Questions,
    embedded: AtomicU64,
    notes: Mutex<Vec<String>>,
}

type SharedEmbedder = Arc<Mutex<Box<dyn Embedder>>>;
type Loaded = Result<SharedEmbedder, Arc<EmbedError>>;

/// What a model is loaded for: engines differ in how soon they are ready and how fast they are then, and a question does
/// not wait for passages.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Haste {
    /// A question, or a few texts.
    AFew,
    /// As many as there are.
    Many,
}

/// What a step came to.
pub(super) struct Step {
    /// How far it is now.
    pub(super) progress: Embedded,
    /// Whether nothing is left that can be done.
    pub(super) is_last: bool,
}

/// A question that waits for the model, for as long as this lives.
struct Asking<'a>(&'a AtomicUsize);

impl<'a> Asking<'a> {
    fn new(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::AcqRel);
        Self(waiting)
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A question's vector, and the store to compare it with.
pub(super) struct Asked {
    pub(super) store: Arc<VectorStore>,
    pub(super) query: Vec<f32>,
}

/// Why a question could not be embedded.
#[derive(Debug, thiserror::Error)]
#[error("texts are found by their words only: {0}")]
pub(super) struct Stuck(String);

impl Embedding {
    /// The vectors in `folder`, where `chosen` is the model that was chosen.
    ///
    /// # Errors
    /// If a store cannot be opened. A model that is not there is no error: nothing can be embedded then.
    pub(super) fn open(
        folder: PathBuf,
        identity: [u8; 32],
        models: Arc<Models>,
        chosen: &str,
    ) -> Result<Self, RecallError> {
        let mut notes = Vec::new();
        let named = fs::read_to_string(folder.join(ACTIVE)).unwrap_or_default().trim().to_owned();
        let active = if named.is_empty() { chosen } else { &named };
        let open = |name: &str, notes: &mut Vec<String>| Slot::open(&folder, &identity, &models, name, notes);
        let mut slots = Slots {
            active: open(active, &mut notes)?,
            next: if active == chosen { None } else { Some(open(chosen, &mut notes)?) },
        };
        // Where nothing is embedded yet, there is nothing to go on with until the chosen one is ready.
        if let Some(next) = slots.next.take_if(|_| slots.active.rows() == 0) {
            slots.active = next;
        }
        let embedding = Self {
            folder,
            identity,
            models,
            slots: RwLock::new(slots),
            turn: Mutex::new(Instant::now()),
            loaded: Mutex::default(),
            cut: Mutex::default(),
            loading: Mutex::default(),
            asking: AtomicUsize::new(0),
            questions: Questions::default(),
            embedded: AtomicU64::new(0),
            notes: Mutex::new(notes),
        };
        // Written before there is a vector: who chooses another model later may be killed before it comes to this.
        if named != embedding.slots().active.name {
            embedding.write_active(&embedding.slots().active.name)?;
        }
        embedding.remove_others(&embedding.slots())?;
        Ok(embedding)
    }

    /// What was found wrong with stores, once.
    pub(super) fn take_notes(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.notes))
    }

    /// Loads the model in use, on a thread of its own.
    pub(super) fn load_behind(self: &Arc<Self>) {
        let embedding = self.clone();
        let name = self.slots().active.name;
        let load = move || drop(embedding.embedder(&name, Haste::AFew));
        // If it cannot be started, whoever needs the model loads it.
        *lock(&self.loading) = thread::Builder::new().name("zo-model".to_owned()).spawn(load).ok();
    }

    /// Waits until no model is being loaded: a process must not end while a runtime begins.
    pub(super) fn finish_loading(&self) {
        let loading = lock(&self.loading).take();
        if loading.is_some_and(|loading| loading.join().is_err()) {
            tracing::warn!("loading the model ended in a panic");
        }
    }

    /// Another model was chosen.
    ///
    /// # Errors
    /// If its store cannot be opened.
    pub(super) fn choose(&self, chosen: &str) -> Result<(), RecallError> {
        let _turn = lock(&self.turn);
        let mut slots = self.slots();
        let pending = slots.next.as_ref().map(|slot| slot.name.as_str());
        if pending.unwrap_or(&slots.active.name) == chosen && !slots.has_problem() {
            return Ok(());
        }
        // One that could not be used before may be there now.
        self.unload(chosen);
        let mut notes = Vec::new();
        let slot = Slot::open(&self.folder, &self.identity, &self.models, chosen, &mut notes)?;
        lock(&self.notes).extend(notes);
        if slots.active.name == chosen || slots.active.rows() == 0 {
            slots = Slots { active: slot, next: None };
            self.write_active(chosen)?;
        } else {
            slots.next = Some(slot);
            // From now on there are two, and a restart must know which one is in use.
            self.write_active(&slots.active.name)?;
        }
        self.remove_others(&slots)?;
        *self.slots_mut() = slots;
        Ok(())
    }

    /// Removes the vectors of models that are neither in use nor prepared: one was given up before it was complete, or a
    /// process was killed while it switched. If a model is not there, its folder is not known, and nothing is removed.
    fn remove_others(&self, slots: &Slots) -> Result<(), RecallError> {
        let kept: Vec<String> =
            slots.all().filter_map(|slot| slot.store.as_ref().map(|(id, _)| id.to_string())).collect();
        if kept.len() < slots.all().count() || !self.folder.is_dir() {
            return Ok(());
        }
        for path in files::list(&self.folder)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() && !kept.iter().any(|kept| name.starts_with(kept.as_str())) {
                fs::remove_dir_all(&path).map_err(|error| RecallError::File(path, error))?;
            }
        }
        Ok(())
    }

    /// Rows that recall can use.
    pub(super) fn rows(&self) -> u32 {
        self.slots().active.rows()
    }

    /// Id of the model that was chosen: what recall will use when everything is done.
    pub(super) fn id(&self) -> String {
        let slots = self.slots();
        slots.target().store.as_ref().map(|(id, _)| id.to_string()).unwrap_or_default()
    }

    /// Whether a thread is embedding right now.
    pub(super) fn is_at_work(&self) -> bool {
        matches!(self.turn.try_lock(), Err(TryLockError::WouldBlock))
    }

    /// Whether recall uses the model that ships with zo.
    pub(super) fn is_shipped_model(&self) -> bool {
        self.slots().active.name == Models::DEFAULT
    }

    /// Whether there is something to embed among `rows` passages, and something to do it with.
    pub(super) fn is_behind(&self, rows: u32) -> bool {
        let slots = self.slots();
        let target = slots.target();
        target.problem.is_none() && (target.rows() < rows || slots.next.is_some())
    }

    /// Passages that this process has embedded.
    pub(super) fn embedded_since_open(&self) -> u64 {
        self.embedded.load(Ordering::Relaxed)
    }

    /// The vector of a question and the store to compare it with; none if there is nothing to compare it with.
    ///
    /// # Errors
    /// Why there is no search by meaning.
    pub(super) fn of_question(&self, question: &str, index: &MemoryIndex) -> Result<Option<Asked>, Stuck> {
        let active = self.slots().active;
        if index.rows() == 0 {
            return Ok(None);
        }
        if let Some(problem) = active.problem {
            return Err(Stuck(problem));
        }
        let Some((_, store)) = active.store.filter(|(_, store)| store.rows() > 0) else { return Ok(None) };
        let embedder = self.embedder(&active.name, Haste::AFew).map_err(|error| Stuck(said(&error)))?;
        let asking = Asking::new(&self.asking);
        let vector = self.questions.embed(&active.name, &embedder, index.topic_of(question).into_owned());
        drop(asking);
        let query = vector.map_err(|error| Stuck(said(&error)))?;
        Ok(Some(Asked { store, query }))
    }

    /// The cosines of the angles between a question and texts, in their order.
    ///
    /// # Errors
    /// Why texts cannot be embedded.
    pub(super) fn likeness(&self, question: &str, texts: &[&str]) -> Result<Vec<f32>, Stuck> {
        let active = self.slots().active;
        if let Some(problem) = active.problem {
            return Err(Stuck(problem));
        }
        let embedder = self.embedder(&active.name, Haste::AFew).map_err(|error| Stuck(said(&error)))?;
        let _asking = Asking::new(&self.asking);
        let mut embedder = lock(&embedder);
        let asked = embedder.embed(Role::Query, &[question]).map_err(|error| Stuck(said(&error)))?;
        let vectors = embedder.embed(Role::Passage, texts).map_err(|error| Stuck(said(&error)))?;
        let asked = asked.first().map(Vec::as_slice).unwrap_or_default();
        let cosine = |vector: &Vec<f32>| vector.iter().zip(asked).map(|(a, b)| a * b).sum();
        Ok(vectors.iter().map(cosine).collect())
    }

    /// Texts as vectors, in their order.
    ///
    /// # Errors
    /// If the model cannot be loaded or fails.
    pub(super) fn vectors(&self, texts: &[&str]) -> Result<Vectors, RecallError> {
        let active = self.slots().active;
        if let Some(problem) = active.problem {
            return Err(RecallError::NoModel(problem));
        }
        let model = active.name;
        let embedder = self.embedder(&model, Haste::AFew).map_err(|error| RecallError::NoModel(said(&error)))?;
        let _asking = Asking::new(&self.asking);
        let mut vectors = Vec::with_capacity(texts.len());
        // Some at a time: whoever waits for the model gets it in between.
        for some in texts.chunks(TOGETHER) {
            vectors.extend(lock(&embedder).embed(Role::Passage, some)?);
        }
        Ok(Vectors { model, vectors })
    }

    /// Embeds the next few passages; when the chosen model has all, recall uses it from then on.
    ///
    /// # Errors
    /// If the log, the model or the store fails.
    pub(super) fn step(
        &self,
        index: &MemoryIndex,
        reader: &Reader,
        until: Option<Instant>,
    ) -> Result<Step, RecallError> {
        let mut synced = lock(&self.turn);
        let slots = self.slots();
        let target = slots.target();
        let (rows, of) = (target.rows(), index.rows());
        let step = |passages: u32, is_last| Step {
            progress: Embedded { passages: passages.min(of).into(), of: of.into() },
            is_last,
        };
        let Some((_, store)) = target.store.as_ref().filter(|_| target.problem.is_none()) else {
            return Ok(step(rows, true));
        };
        if rows >= of {
            if slots.next.is_some() {
                store.sync()?;
                self.switch(&slots)?;
            }
            return Ok(step(rows, true));
        }
        let hurry = until.is_some_and(|until| until.saturating_duration_since(Instant::now()) < UNSYNCED);
        let haste = if hurry { Haste::AFew } else { Haste::Many };
        if let Ok(free) = files::free_bytes(&self.folder)
            && free < ROOM_FOR_THE_LOG
        {
            return Err(RecallError::NoRoom { free });
        }
        let embedder = match self.embedder(&target.name, haste) {
            Ok(embedder) => embedder,
            Err(error) => {
                self.has_problem(&target.name, &said(&error));
                return Ok(step(rows, true));
            }
        };
        let chars = if hurry { SHORT_STEP_CHARS } else { STEP_CHARS };
        let texts = texts(index, reader, rows, chars, &mut lock(&self.cut))?;
        while self.asking.load(Ordering::Acquire) > 0 {
            thread::sleep(GIVING_WAY);
        }
        let readable: Vec<&str> = texts.iter().flatten().map(String::as_str).collect();
        let mut vectors = lock(&embedder).embed(Role::Passage, &readable)?.into_iter();
        let nothing = vec![0.0; target.dimensions];
        let vectors: Vec<(u128, Vec<f32>)> = texts
            .iter()
            .map(|text| match text {
                Some(text) => (digest(text), vectors.next().unwrap_or_else(|| nothing.clone())),
                None => (NO_TEXT, nothing.clone()),
            })
            .collect();
        let borrowed: Vec<(u128, &[f32])> = vectors.iter().map(|(digest, vector)| (*digest, &vector[..])).collect();
        store.append(&borrowed)?;
        self.embedded.fetch_add(borrowed.len() as u64, Ordering::Relaxed);
        if synced.elapsed() > UNSYNCED {
            store.sync()?;
            *synced = Instant::now();
        }
        Ok(step(store.rows(), false))
    }

    /// Makes everything embedded durable.
    ///
    /// # Errors
    /// If a store cannot be written.
    pub(super) fn settle(&self) -> Result<(), IndexError> {
        let _turn = lock(&self.turn);
        self.slots().stores().try_for_each(|store| store.sync())
    }

    /// Compares the rows with the texts that they should stand for, some or all of them, and drops those from the first
    /// that is another's. Says so, if there was one.
    ///
    /// # Errors
    /// If the log or a store fails.
    pub(super) fn align(
        &self,
        index: &MemoryIndex,
        reader: &Reader,
        doubtful: bool,
    ) -> Result<Option<String>, RecallError> {
        let _turn = lock(&self.turn);
        let mut note = None;
        for store in self.slots().stores() {
            let rows = store.rows();
            let common = rows.min(index.rows());
            let good = match first_wrong(index, reader, store, common, doubtful)? {
                None => common,
                // One is wrong where only some were looked at: those before it are looked at too.
                Some(_) if !doubtful => first_wrong(index, reader, store, common, true)?.unwrap_or(common),
                Some(wrong) => wrong,
            };
            if good < rows {
                store.truncate(good)?;
                note = Some(format!("{} of {rows} vectors were of other texts, and are made anew", rows - good));
            }
        }
        Ok(note)
    }

    /// Throws all vectors away.
    ///
    /// # Errors
    /// If a store cannot be written.
    pub(super) fn forget(&self) -> Result<(), IndexError> {
        let _turn = lock(&self.turn);
        self.slots().stores().try_for_each(|store| store.truncate(0))
    }

    /// Reads and checks all vectors.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(super) fn verify(&self) -> Result<(), IndexError> {
        self.slots().stores().try_for_each(|store| store.verify())
    }

    /// The model in use and the one that is prepared, where there are `rows` passages.
    pub(super) fn in_use(&self, rows: u32) -> (Option<ModelInUse>, Option<ModelInUse>) {
        // Whether it can be loaded is known when it was.
        self.finish_loading();
        let why_not = |slot: &Slot| {
            let loaded = lock(&self.loaded);
            let mut failures = loaded.iter().filter(|((name, _), _)| *name == slot.name);
            failures.find_map(|(_, loaded)| loaded.as_ref().err().map(|error| said(error)))
        };
        let told = |mut slot: Slot| {
            slot.problem = slot.problem.take().or_else(|| why_not(&slot));
            slot.in_use(rows)
        };
        let Slots { active, next } = self.slots();
        (Some(told(active)), next.map(told))
    }

    /// Bytes of all vectors on the disk.
    pub(super) fn bytes_on_disk(&self) -> u64 {
        files::folder_bytes(&self.folder)
    }

    fn slots(&self) -> Slots {
        self.slots.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn slots_mut(&self) -> RwLockWriteGuard<'_, Slots> {
        self.slots.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The model of this name, loaded now if it was not.
    fn embedder(&self, name: &str, haste: Haste) -> Loaded {
        // Loading is waited for under the lock: nobody loads a model twice.
        let mut loaded = lock(&self.loaded);
        if let Some(loaded) = loaded.get(&(name.to_owned(), haste)) {
            return loaded.clone();
        }
        let preference = match haste {
            Haste::AFew => RuntimePreference::Quick,
            Haste::Many => RuntimePreference::Auto,
        };
        let opened = RuntimePreference::from_environment()
            .and_then(|forced| self.models.open_with(name, forced.unwrap_or(preference)))
            .map(|model| Arc::new(Mutex::new(model)))
            .map_err(Arc::new);
        loaded.insert((name.to_owned(), haste), opened.clone());
        opened
    }

    fn unload(&self, name: &str) {
        lock(&self.loaded).retain(|(loaded, _), _| loaded != name);
    }

    /// The model cannot be used, as it turned out.
    fn has_problem(&self, name: &str, problem: &str) {
        let mut slots = self.slots_mut();
        let Slots { active, next } = &mut *slots;
        for slot in std::iter::once(active).chain(next).filter(|slot| slot.name == name) {
            slot.problem = Some(problem.to_owned());
        }
    }

    /// Recall uses the chosen model from now on, and the vectors of the one before go.
    fn switch(&self, slots: &Slots) -> Result<(), RecallError> {
        let Some(next) = &slots.next else { return Ok(()) };
        // Killed after this line, the next process finds the new one in use and the old folder idle.
        self.write_active(&next.name)?;
        let switched = Slots { active: next.clone(), next: None };
        *self.slots_mut() = switched.clone();
        self.unload(&slots.active.name);
        self.remove_others(&switched)
    }

    fn write_active(&self, name: &str) -> Result<(), RecallError> {
        files::make_folder(&self.folder)?;
        Ok(files::write_atomic(&self.folder.join(ACTIVE), format!("{name}\n").as_bytes(), 0o600)?)
    }
}
