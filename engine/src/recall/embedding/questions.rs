//! Questions that come at the same time are embedded together: most of the work for a short text is the model's own, and
//! many agents begin at once.
//!
//! Whoever gets the model takes all that wait for it along; the others find their vectors when it is their turn.

use std::sync::{Arc, Mutex};

use zo_embed::{EmbedError, Embedder, Role};

use super::lock;

/// So many questions are embedded together at the most: bounds how long the first of them waits for the last.
const MOST_TOGETHER: usize = 32;

/// The questions that wait for a model.
#[derive(Default)]
pub(super) struct Questions {
    waiting: Mutex<Vec<Arc<Waiting>>>,
}

/// A question that waits.
struct Waiting {
    /// The model whose vector it is to have.
    model: String,
    text: String,
    /// Its vector, when somebody has embedded it.
    vector: Mutex<Option<Vec<f32>>>,
}

impl Questions {
    /// The vector of a question by `embedder`, which is the model of this name.
    ///
    /// # Errors
    /// [`EmbedError::Run`] if the engine fails.
    pub(super) fn embed(
        &self,
        model: &str,
        embedder: &Mutex<Box<dyn Embedder>>,
        text: String,
    ) -> Result<Vec<f32>, EmbedError> {
        let own = Arc::new(Waiting { model: model.to_owned(), text, vector: Mutex::new(None) });
        lock(&self.waiting).push(own.clone());
        let mut embedder = lock(embedder);
        if let Some(vector) = lock(&own.vector).take() {
            return Ok(vector);
        }
        let together = self.take_with(&own);
        let texts: Vec<&str> = together.iter().map(|waiting| waiting.text.as_str()).collect();
        let vectors = embedder.embed(Role::Query, &texts)?;
        for (waiting, vector) in together.iter().zip(vectors) {
            *lock(&waiting.vector) = Some(vector);
        }
        // One vector for each text is what an embedder promises.
        Ok(lock(&own.vector).take().unwrap_or_default())
    }

    /// Takes a question from those that wait, if it is still there, with others for the same model. Where embedding those
    /// fails, each is left to who asked it.
    fn take_with(&self, own: &Arc<Waiting>) -> Vec<Arc<Waiting>> {
        let mut together = vec![own.clone()];
        lock(&self.waiting).retain(|waiting| {
            let is_own = Arc::ptr_eq(waiting, own);
            let goes_along = !is_own && waiting.model == own.model && together.len() < MOST_TOGETHER;
            if goes_along {
                together.push(waiting.clone());
            }
            !is_own && !goes_along
        });
        together
    }
}

#[cfg(test)]
mod tests;
