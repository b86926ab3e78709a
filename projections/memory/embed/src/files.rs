//! The bytes a model consists of, from the binary or from the cache folder.

use std::borrow::Cow;

/// A model's files, whole.
pub(crate) struct Files {
    /// The ONNX graph.
    pub(crate) model: Cow<'static, [u8]>,
    /// What the graph refers to in files of their own: file name and content.
    pub(crate) external: Vec<(String, Vec<u8>)>,
    /// `tokenizer.json`
    pub(crate) tokenizer: Cow<'static, [u8]>,
    /// `config.json`
    pub(crate) config: Cow<'static, [u8]>,
    /// `special_tokens_map.json`
    pub(crate) special_tokens_map: Cow<'static, [u8]>,
    /// `tokenizer_config.json`
    pub(crate) tokenizer_config: Cow<'static, [u8]>,
}

impl From<Files> for fastembed::UserDefinedEmbeddingModel {
    fn from(files: Files) -> Self {
        let tokenizer = fastembed::TokenizerFiles {
            tokenizer_file: files.tokenizer.into_owned(),
            config_file: files.config.into_owned(),
            special_tokens_map_file: files.special_tokens_map.into_owned(),
            tokenizer_config_file: files.tokenizer_config.into_owned(),
        };
        let model = Self::new(files.model.into_owned(), tokenizer);
        files.external.into_iter().fold(model, |model, (name, bytes)| model.with_external_initializer(name, bytes))
    }
}
