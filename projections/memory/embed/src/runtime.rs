//! Which engine a model runs on, and the search for ONNX Runtime.
//!
//! The files are judged in [`library`] before anything is loaded; [`places`] says where they are looked for. The library
//! is loaded at most once per process, by the first who needs it, and stays.

mod library;
mod places;

use std::{fmt, panic, path::PathBuf, sync::OnceLock};

use ort::environment::Environment;

use self::places::Places;
use crate::EmbedError;

/// What an embedder runs on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Runtime {
    /// ONNX Runtime, a shared library of the system.
    OnnxRuntime {
        /// Its version, as `1.24.4`.
        version: String,
        /// Where it was found.
        path: PathBuf,
    },
    /// rten, part of this program.
    Rten,
}

impl fmt::Display for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OnnxRuntime { version, path } => write!(f, "ONNX Runtime {version} ({})", path.display()),
            Self::Rten => f.write_str("rten"),
        }
    }
}

/// Which engine is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RuntimePreference {
    /// ONNX Runtime where there is one; else rten, for the shipped model.
    #[default]
    Auto,
    /// What is ready soonest, for a process that is to embed a few texts and end: rten for the shipped model.
    Quick,
    /// ONNX Runtime or an error.
    OnnxRuntime,
    /// rten or an error.
    Rten,
}

impl RuntimePreference {
    /// What `ZO_EMBED_RUNTIME` says: `auto`, `quick`, `onnxruntime` or `rten`; `None` if it is not set.
    ///
    /// # Errors
    /// [`EmbedError::UnknownRuntime`] if it says anything else.
    pub fn from_environment() -> Result<Option<Self>, EmbedError> {
        let Some(value) = std::env::var_os("ZO_EMBED_RUNTIME") else { return Ok(None) };
        Ok(Some(match value.to_string_lossy().as_ref() {
            "" => return Ok(None),
            "auto" => Self::Auto,
            "quick" => Self::Quick,
            "onnxruntime" => Self::OnnxRuntime,
            "rten" => Self::Rten,
            other => return Err(EmbedError::UnknownRuntime { value: other.into() }),
        }))
    }
}

/// The outcome of the search for ONNX Runtime; made once per process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuntimeReport {
    /// The oldest version that will do, as `1.24`.
    pub required: String,
    /// The folders looked into, in this order; empty where `ORT_DYLIB_PATH` names the library.
    pub folders: Vec<PathBuf>,
    /// What was found there, in order of preference; those after the one used were not loaded.
    pub candidates: Vec<Candidate>,
    /// What models run on: ONNX Runtime, or rten where none of the candidates will do.
    pub used: Runtime,
}

impl RuntimeReport {
    /// Why ONNX Runtime is not used, as a clause; `None` if it is.
    pub fn why_not(&self) -> Option<String> {
        if self.used != Runtime::Rten {
            return None;
        }
        Some(match self.candidates.as_slice() {
            [] => format!("no libonnxruntime was found in the {} folders it is looked for", self.folders.len()),
            [only] => only.to_string(),
            [first, rest @ ..] => format!("{first} (and {} more)", rest.len()),
        })
    }
}

/// A file that may be ONNX Runtime.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The file.
    pub path: PathBuf,
    /// What it turned out to be.
    pub finding: Finding,
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.path.display(), self.finding)
    }
}

/// What a file that may be ONNX Runtime turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// A library that is recent enough.
    Usable {
        /// As `1.24.4`; `None` if the file does not tell, and the library is asked when it is loaded.
        version: Option<String>,
    },
    /// A library of another version.
    WrongVersion {
        /// As `1.20.1`.
        version: String,
        /// The oldest that will do, as `1.24`.
        required: String,
    },
    /// Nothing is there.
    Missing,
    /// A folder, a pipe, a device.
    NotAFile,
    /// A file, but no library for this machine, or only a part of one.
    NotALibrary {
        /// What is wrong with it.
        reason: String,
    },
    /// The loader refuses it.
    NotLoadable {
        /// What the loader says.
        reason: String,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usable { version: Some(version) } => write!(f, "is version {version}"),
            Self::Usable { version: None } => f.write_str("does not tell its version"),
            Self::WrongVersion { version, required } => {
                write!(f, "is version {version}, {required} or later is needed")
            }
            Self::Missing => f.write_str("does not exist"),
            Self::NotAFile => f.write_str("is not a file"),
            Self::NotALibrary { reason } => write!(f, "is no usable library: {reason}"),
            Self::NotLoadable { reason } => write!(f, "cannot be loaded: {reason}"),
        }
    }
}

/// Which ONNX Runtime models run on in this process, where it was looked for, and why not, if none is used.
///
/// The first call searches and loads (some 20 ms where there is one); the answer then stays the same.
pub fn runtime() -> RuntimeReport {
    loaded().report.clone()
}

/// ONNX Runtime as this process has it.
pub(crate) struct Loaded {
    pub(crate) report: RuntimeReport,
    /// Kept for as long as the process lives: there can be only one, and not a second after it.
    pub(crate) environment: Option<Environment>,
}

/// Loads ONNX Runtime if there is one and nobody has yet.
pub(crate) fn loaded() -> &'static Loaded {
    static LOADED: OnceLock<Loaded> = OnceLock::new();
    LOADED.get_or_init(|| {
        let places = Places::from_environment();
        let mut candidates = library::survey(&places);
        let mut used = Runtime::Rten;
        let mut environment = None;
        for candidate in &mut candidates {
            let Finding::Usable { version } = &candidate.finding else { continue };
            match load(&candidate.path, version.as_deref()) {
                Ok((loaded, version)) => {
                    environment = Some(loaded);
                    used = Runtime::OnnxRuntime { version, path: candidate.path.clone() };
                    break;
                }
                Err(finding) => candidate.finding = finding,
            }
        }
        let report = RuntimeReport { required: library::required(), folders: places.folders, candidates, used };
        Loaded { report, environment }
    })
}

/// Loads one library and makes the process's environment of it.
fn load(path: &std::path::Path, version: Option<&str>) -> Result<(Environment, String), Finding> {
    // ort asserts what a library must be; a panic there is the library's fault and not worth the process.
    let outcome = panic::catch_unwind(|| {
        let version = match version {
            Some(version) => version.to_owned(),
            None => match ort::util::probe(path) {
                Some(minor) => format!("1.{minor}"),
                None => return Err(Finding::NotLoadable { reason: "it does not tell its version".into() }),
            },
        };
        if !library::is_recent_enough(&version) {
            return Err(Finding::WrongVersion { version, required: library::required() });
        }
        let not_loadable = |reason: String| Finding::NotLoadable { reason };
        let builder = ort::init_from(path).map_err(|error| not_loadable(explain(error)))?;
        let environment =
            builder.with_name("zo").with_telemetry(false).build().map_err(|error| not_loadable(error.to_string()))?;
        // What goes wrong comes back as an error; the library's own lines on stderr would only disturb.
        environment.set_log_level(ort::logging::LogLevel::Fatal);
        Ok((environment, version))
    });
    outcome.unwrap_or_else(|_| Err(Finding::NotLoadable { reason: "it panicked while it was loaded".into() }))
}

/// What the loader says, which ort keeps to itself.
fn explain(error: ort::LoadDynamicError) -> String {
    match &error {
        ort::LoadDynamicError::Dlopen { error: refused, .. } => {
            std::error::Error::source(refused).map_or_else(|| error.to_string(), ToString::to_string)
        }
        _ => error.to_string(),
    }
}
