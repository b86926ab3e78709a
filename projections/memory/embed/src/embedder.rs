//! The port: what an embedder is to those who use one.

use std::{
    borrow::Cow,
    panic::{self, AssertUnwindSafe},
};

use crate::{EmbedError, EmbedderId, Runtime, batch, engine::Engine, identity::Recipe, tokens};

/// What a text is to be used as; some models want to be told, by a prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It is looked for.
    Query,
    /// It may be found.
    Passage,
}

/// Turns texts into vectors.
pub trait Embedder: Send {
    /// What makes its vectors comparable to others.
    fn id(&self) -> EmbedderId;

    /// The model's name, as in [`crate::Models::list`].
    fn name(&self) -> &str;

    /// The length of its vectors.
    fn dimensions(&self) -> usize;

    /// What it runs on.
    fn runtime(&self) -> &Runtime;

    /// One vector per text, `[texts, dimensions]`, each of length 1, independent of how texts are batched.
    ///
    /// Any text will do, also an empty one; of a long one the beginning counts, up to the model's maximal length. Give it
    /// many texts at once where there are many: they are sorted by length and run in batches that fit the caches.
    ///
    /// # Errors
    /// [`EmbedError::Run`] when the engine fails; the embedder may be used again.
    fn embed(&mut self, role: Role, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError>;
}

/// An embedder over one of the engines: cuts, prefixes, tokenises, batches, runs and normalises.
pub(crate) struct EngineEmbedder {
    pub(crate) id: EmbedderId,
    pub(crate) name: String,
    pub(crate) dimensions: usize,
    pub(crate) runtime: Runtime,
    pub(crate) recipe: Recipe,
    /// The model's output depends on what else is in the batch, so every text is a batch of its own.
    pub(crate) one_by_one: bool,
    pub(crate) engine: Box<dyn Engine>,
}

impl Embedder for EngineEmbedder {
    fn id(&self) -> EmbedderId {
        self.id
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn dimensions(&self) -> usize {
        self.dimensions
    }

    fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    fn embed(&mut self, role: Role, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        let mut vectors = vec![Vec::new(); texts.len()];
        // A bounded number at a time, so that the tokens of a million texts are never held at once.
        for (texts, vectors) in texts.chunks(batch::TEXTS_AT_ONCE).zip(vectors.chunks_mut(batch::TEXTS_AT_ONCE)) {
            self.embed_some(role, texts, vectors)?;
        }
        Ok(vectors)
    }
}

impl EngineEmbedder {
    fn embed_some(&mut self, role: Role, texts: &[&str], vectors: &mut [Vec<f32>]) -> Result<(), EmbedError> {
        let prefix = match role {
            Role::Query => self.recipe.query_prefix,
            Role::Passage => self.recipe.passage_prefix,
        };
        let texts: Vec<Cow<'_, str>> =
            texts.iter().map(|text| tokens::prepare(prefix, text, self.recipe.max_length)).collect();
        let longest = texts.iter().map(|text| text.len()).max().unwrap_or(0);
        let runtime = self.runtime.to_string();
        let failed = |reason: String| EmbedError::Run { runtime: runtime.clone(), bytes: longest, reason };

        let encodings = tokens::encode(self.engine.tokenizer(), &texts).map_err(failed)?;
        let lengths: Vec<usize> = encodings.iter().map(|encoding| encoding.len()).collect();
        let plan = batch::plan(&lengths, if self.one_by_one { 1 } else { batch::TOKENS });
        // An engine that panics over a text must not take the process with it.
        let run = AssertUnwindSafe(|| self.engine.run(&texts, &encodings, &plan));
        let run = panic::catch_unwind(run).unwrap_or_else(|_| Err("it panicked".into()));
        for (text, vector) in run.map_err(failed)? {
            vectors[text] = normalised(vector).map_err(failed)?;
        }
        match vectors.iter().find(|vector| vector.len() != self.dimensions) {
            Some(vector) => {
                Err(failed(format!("a vector of {} dimensions came, not {}", vector.len(), self.dimensions)))
            }
            None => Ok(()),
        }
    }
}

/// The vector at length 1.
fn normalised(mut vector: Vec<f32>) -> Result<Vec<f32>, String> {
    let length = vector.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>().sqrt();
    if !length.is_finite() || length == 0.0 {
        return Err(format!("a vector of length {length} came"));
    }
    for x in &mut vector {
        *x = (f64::from(*x) / length) as f32;
    }
    Ok(vector)
}

#[cfg(test)]
mod tests;
