//! Finding, downloading and opening models by name.

use std::path::PathBuf;

use ort::environment::Environment;

use crate::{
    EmbedError, Embedder, EmbedderId, ModelInfo, Runtime, RuntimePreference, State,
    catalogue::{self, HubModel, Source},
    download::Cache,
    embedder::EngineEmbedder,
    engine::{Engine, OnnxEngine, RtenEngine},
    runtime, shipped,
};

/// The models there are, with the folder in which downloaded ones are kept.
#[derive(Debug, Clone)]
pub struct Models {
    cache: Cache,
}

impl Models {
    /// The shipped model's name.
    pub const DEFAULT: &str = shipped::NAME;

    /// Models with this cache folder, which need not exist yet.
    pub fn new(cache: PathBuf) -> Self {
        Self { cache: Cache::new(cache) }
    }

    /// Every text model that can be chosen, the shipped one first, the others by name.
    pub fn list(&self) -> Vec<ModelInfo> {
        catalogue::all().into_iter().map(|model| self.with_state(model)).collect()
    }

    /// The model of this name or repository, in whatever case.
    ///
    /// # Errors
    /// [`EmbedError::UnknownModel`], with the names that look like it.
    pub fn find(&self, name: &str) -> Result<ModelInfo, EmbedError> {
        catalogue::find(name).map(|model| self.with_state(model))
    }

    /// Loads a model, on the engine that `ZO_EMBED_RUNTIME` names if it is set, else as [`RuntimePreference::Auto`] says.
    /// Never downloads.
    ///
    /// # Errors
    /// As [`Models::open_with`], and [`EmbedError::UnknownRuntime`].
    pub fn open(&self, name: &str) -> Result<Box<dyn Embedder>, EmbedError> {
        self.open_with(name, RuntimePreference::from_environment()?.unwrap_or_default())
    }

    /// Loads a model on the engine that is preferred. Never downloads.
    ///
    /// # Errors
    /// The model is unknown, not downloaded or damaged, the wanted engine is missing, or it cannot load the model.
    pub fn open_with(&self, name: &str, preference: RuntimePreference) -> Result<Box<dyn Embedder>, EmbedError> {
        let model = catalogue::find(name)?;
        match &model.source {
            Source::Shipped => open_shipped(preference),
            Source::Hub(hub) => self.open_downloaded(&model, hub, preference),
        }
    }

    /// Brings a model into the cache folder; nothing to do for the shipped one and for one that is there and whole.
    ///
    /// `progress` hears the bytes that are here and, once the server has told, those of all files together. What an earlier
    /// try has left is carried on. Until the last byte is there, the model counts as not downloaded.
    ///
    /// # Errors
    /// The model is unknown, the server cannot be reached or ends a file early, or the folder cannot be written.
    pub fn download(&self, name: &str, progress: &mut dyn FnMut(u64, Option<u64>)) -> Result<(), EmbedError> {
        let model = catalogue::find(name)?;
        match &model.source {
            Source::Shipped => Ok(()),
            Source::Hub(hub) => self.cache.download(&model, hub, progress),
        }
    }

    /// The shipped model's id.
    pub fn default_id() -> EmbedderId {
        shipped::ID
    }

    /// The id of the shipped model or a downloaded one, without loading it.
    ///
    /// # Errors
    /// The model is unknown or not downloaded.
    pub fn id(&self, name: &str) -> Result<EmbedderId, EmbedError> {
        let model = catalogue::find(name)?;
        match &model.source {
            Source::Shipped => Ok(shipped::ID),
            Source::Hub(hub) => self.cache.id(&model, hub),
        }
    }

    fn with_state(&self, mut model: ModelInfo) -> ModelInfo {
        if let Source::Hub(hub) = &model.source
            && self.cache.has(&model.name, hub)
        {
            model.state = State::Downloaded;
        }
        model
    }

    fn open_downloaded(
        &self,
        model: &ModelInfo,
        hub: &HubModel,
        preference: RuntimePreference,
    ) -> Result<Box<dyn Embedder>, EmbedError> {
        let needs = |reason: String| EmbedError::NeedsRuntime { name: model.name.clone(), reason };
        if preference == RuntimePreference::Rten {
            return Err(needs("rten, which was asked for, runs the shipped model only".into()));
        }
        // A model of which a file was cut since is not missing but damaged, which reading it says.
        self.cache.id(model, hub)?;
        let Some((environment, runtime)) = onnx_runtime() else {
            return Err(needs(runtime::runtime().why_not().unwrap_or_default()));
        };
        let (files, id) = self.cache.read(model, hub)?;
        let engine = OnnxEngine::open(files, &hub.recipe, hub.output.clone(), environment)
            .map_err(|reason| EmbedError::Load { name: model.name.clone(), runtime: runtime.to_string(), reason })?;
        Ok(Box::new(EngineEmbedder {
            id,
            name: model.name.clone(),
            dimensions: model.dimensions,
            runtime,
            recipe: hub.recipe.clone(),
            one_by_one: hub.one_by_one,
            engine: Box::new(engine),
        }))
    }
}

fn open_shipped(preference: RuntimePreference) -> Result<Box<dyn Embedder>, EmbedError> {
    let (runtime, engine): (Runtime, Box<dyn Engine>) = match preference {
        RuntimePreference::Quick => (Runtime::Rten, Box::new(RtenEngine::open(false)?)),
        RuntimePreference::Rten => (Runtime::Rten, Box::new(RtenEngine::open(true)?)),
        RuntimePreference::OnnxRuntime => shipped_on_onnx_runtime()?,
        RuntimePreference::Auto => match shipped_on_onnx_runtime() {
            Ok(opened) => opened,
            // A runtime that is missing or cannot read the model is no reason to do without.
            Err(_) => (Runtime::Rten, Box::new(RtenEngine::open(true)?)),
        },
    };
    Ok(Box::new(EngineEmbedder {
        id: shipped::ID,
        name: shipped::NAME.into(),
        dimensions: shipped::DIMENSIONS,
        runtime,
        recipe: shipped::RECIPE,
        one_by_one: false,
        engine,
    }))
}

fn shipped_on_onnx_runtime() -> Result<(Runtime, Box<dyn Engine>), EmbedError> {
    let name = || shipped::NAME.to_owned();
    let Some((environment, runtime)) = onnx_runtime() else {
        let reason = runtime::runtime().why_not().unwrap_or_default();
        return Err(EmbedError::NeedsRuntime { name: name(), reason });
    };
    match OnnxEngine::open(shipped::files(), &shipped::RECIPE, None, environment) {
        Ok(engine) => Ok((runtime, Box::new(engine))),
        Err(reason) => Err(EmbedError::Load { name: name(), runtime: runtime.to_string(), reason }),
    }
}

/// ONNX Runtime, if there is one.
fn onnx_runtime() -> Option<(Environment, Runtime)> {
    let loaded = runtime::loaded();
    Some((loaded.environment.clone()?, loaded.report.used.clone()))
}

#[cfg(test)]
mod tests;
