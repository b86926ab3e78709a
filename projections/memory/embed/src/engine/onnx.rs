//! Any model that fastembed knows, on ONNX Runtime.

use std::{borrow::Cow, panic};

use fastembed::{InitOptionsUserDefined, OutputKey, QuantizationMode, TextEmbedding, UserDefinedEmbeddingModel};
use ort::environment::Environment;
use tokenizers::{Encoding, Tokenizer};

use super::Engine;
use crate::{files::Files, identity::Recipe};

/// A model, loaded by fastembed.
pub(crate) struct OnnxEngine {
    model: TextEmbedding,
}

impl OnnxEngine {
    /// Loads a model; the error is what fastembed says.
    pub(crate) fn open(
        files: Files,
        recipe: &Recipe,
        output: Option<OutputKey>,
        environment: Environment,
    ) -> Result<Self, String> {
        let mut model = UserDefinedEmbeddingModel::from(files).with_pooling(recipe.pooling.into());
        // We batch ourselves; whether a model may be batched at all is the caller's business.
        model.quantization = QuantizationMode::None;
        model.output_key = output;
        let options = InitOptionsUserDefined::new()
            .with_environment(environment)
            .with_max_length(recipe.max_length)
            // A thread that waits must not burn a core that others could use.
            .with_session_config("session.intra_op.allow_spinning", "0");
        let load = panic::AssertUnwindSafe(|| TextEmbedding::try_new_from_user_defined(model, options));
        match panic::catch_unwind(load) {
            Ok(Ok(model)) => Ok(Self { model }),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("it panicked".into()),
        }
    }
}

impl Engine for OnnxEngine {
    fn tokenizer(&self) -> &Tokenizer {
        &self.model.tokenizer
    }

    /// fastembed tokenises the texts a second time, which is nothing beside the model.
    fn run(
        &mut self,
        texts: &[Cow<'_, str>],
        _encodings: &[Encoding],
        batches: &[Vec<usize>],
    ) -> Result<Vec<(usize, Vec<f32>)>, String> {
        let mut vectors = Vec::with_capacity(texts.len());
        for batch in batches {
            let batch_texts: Vec<&str> = batch.iter().map(|&text| texts[text].as_ref()).collect();
            let embedded = self.model.embed(&batch_texts, Some(batch.len())).map_err(|error| error.to_string())?;
            vectors.extend(batch.iter().copied().zip(embedded));
        }
        Ok(vectors)
    }
}
