//! What can go wrong between a model's name and a vector, and what to do about it.

use std::{io, path::PathBuf};

/// Why a model could not be found, downloaded, opened or run. [`EmbedError::hint`] says what to do.
#[derive(Debug, thiserror::Error)]
pub enum EmbedError {
    /// There is no model of this name.
    #[error("there is no embedding model {name}")]
    UnknownModel {
        /// As it was asked for.
        name: String,
        /// Up to three names that look like it, the likest first.
        nearest: Vec<String>,
    },
    /// The model is known, but not in the cache folder, or only a part of it.
    #[error("the model {name} is not downloaded")]
    NotDownloaded {
        /// The model's name.
        name: String,
    },
    /// The model, or the caller's preference, needs ONNX Runtime, and no usable library was found.
    #[error("the model {name} needs ONNX Runtime, and {reason}")]
    NeedsRuntime {
        /// The model's name.
        name: String,
        /// Why there is none.
        reason: String,
    },
    /// A file of a downloaded model is not what was downloaded.
    #[error("the file {} of the model {name} is damaged: {reason}", path.display())]
    Damaged {
        /// The model's name.
        name: String,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// An engine cannot read the model, although its files are as they were downloaded.
    #[error("{runtime} cannot load the model {name}: {reason}")]
    Load {
        /// The model's name.
        name: String,
        /// The engine.
        runtime: String,
        /// What the engine says.
        reason: String,
    },
    /// The model could not be run over a text.
    #[error("{runtime} failed on a text of {bytes} bytes: {reason}")]
    Run {
        /// The engine.
        runtime: String,
        /// The length of the longest text of the batch.
        bytes: usize,
        /// What the engine says.
        reason: String,
    },
    /// The download failed on the way: no network, a refused connection, an HTTP status.
    #[error("downloading {file} of the model {name} from {endpoint} failed: {reason}")]
    Network {
        /// The model's name.
        name: String,
        /// The file asked for.
        file: String,
        /// The server asked.
        endpoint: String,
        /// What went wrong.
        reason: String,
    },
    /// The server ended a file before its announced end.
    #[error("the download of {file} of the model {name} was cut short: {got} of {announced} bytes came")]
    CutShort {
        /// The model's name.
        name: String,
        /// The file asked for.
        file: String,
        /// The bytes that came.
        got: u64,
        /// The bytes announced.
        announced: u64,
    },
    /// The cache folder cannot be read or written.
    #[error("cannot {action} {}", path.display())]
    Disk {
        /// What was tried, in the infinitive.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// `ZO_EMBED_RUNTIME` names no engine.
    #[error("ZO_EMBED_RUNTIME={value} names no engine")]
    UnknownRuntime {
        /// The variable's value.
        value: String,
    },
}

impl EmbedError {
    /// What the user can do about it, as a sentence without a full stop; `None` where nothing better than trying again
    /// comes to mind.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::UnknownModel { nearest, .. } if nearest.is_empty() => {
                "`zo model list` shows the models there are".into()
            }
            Self::UnknownModel { nearest, .. } => {
                format!("did you mean {}? `zo model list` shows all", nearest.join(", "))
            }
            Self::NotDownloaded { name } => format!("`zo model use {name}` downloads it"),
            Self::NeedsRuntime { .. } => {
                "`pip install onnxruntime` brings it, as does a package of your distribution; or \
                                          set ORT_DYLIB_PATH to its libonnxruntime.so"
                    .into()
            }
            Self::Damaged { name, .. } => format!("`zo model use {name}` downloads it again"),
            Self::Load { .. } => {
                "another version of ONNX Runtime, or another model, may do; see `zo model list`".into()
            }
            Self::Network { .. } => {
                "check the network, and HF_ENDPOINT and the proxy variables if they are set; what the \
                                     current model can do still works"
                    .into()
            }
            Self::CutShort { name, .. } => format!("`zo model use {name}` goes on where it ended"),
            Self::Disk { .. } => "check the free space and who owns the folder".into(),
            Self::UnknownRuntime { .. } => "it may be auto, quick, onnxruntime or rten".into(),
            Self::Run { .. } => return None,
        })
    }
}
