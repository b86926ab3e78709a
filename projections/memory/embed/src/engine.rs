//! The engines: each runs batches of tokenised texts through a model.

mod onnx;
mod rten;

use std::borrow::Cow;

use tokenizers::{Encoding, Tokenizer};

pub(crate) use self::{onnx::OnnxEngine, rten::RtenEngine};

/// Something that runs a model.
pub(crate) trait Engine: Send {
    /// The model's tokenizer.
    fn tokenizer(&self) -> &Tokenizer;

    /// The pooled vector of each text of each batch, with the text's index, in any order.
    ///
    /// A batch lists indices into `texts` and `encodings`. The error is what the engine says.
    fn run(
        &mut self,
        texts: &[Cow<'_, str>],
        encodings: &[Encoding],
        batches: &[Vec<usize>],
    ) -> Result<Vec<(usize, Vec<f32>)>, String>;
}
