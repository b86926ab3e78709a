//! The shipped model on rten: plain Rust, always there, and quick to start.

use std::{
    borrow::Cow,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use rten::{Model, ModelOptions, NodeId, RunOptions, ThreadPool, Value, ValueOrView};
use tokenizers::{Encoding, Tokenizer};

use super::Engine;
use crate::{EmbedError, Runtime, shipped, tokens};

/// The shipped model, loaded.
///
/// One batch is spread over the cores by rten; of several batches each core runs its own, which is up to a fifth faster.
pub(crate) struct RtenEngine {
    model: Model,
    inputs: [NodeId; 3],
    output: NodeId,
    tokenizer: Tokenizer,
    /// A pool of one thread for each core, made when first needed.
    pools: Vec<Arc<ThreadPool>>,
}

impl RtenEngine {
    /// Loads the shipped model from the binary.
    ///
    /// With `packed`, the weights are kept a second time in the order in which they are read: 15 ms and 45 MB more, for
    /// queries that take 3 ms instead of 5.
    pub(crate) fn open(packed: bool) -> Result<Self, EmbedError> {
        let failed = |reason: String| EmbedError::Load {
            name: shipped::NAME.into(),
            runtime: Runtime::Rten.to_string(),
            reason,
        };
        // The tokenizer takes nearly as long to load as the model.
        let (model, tokenizer) = thread::scope(|scope| {
            let tokenizer = scope.spawn(|| tokens::tokenizer(shipped::TOKENIZER, shipped::RECIPE.max_length));
            let mut options = ModelOptions::with_all_ops();
            options.prepack_weights(packed);
            let model = options.load_static_slice(shipped::MODEL);
            (model, tokenizer.join())
        });
        let tokenizer = tokenizer
            .map_err(|_| failed("the tokenizer panicked".into()))?
            .map_err(|error| failed(error.to_string()))?;
        let model = model.map_err(|error| failed(error.to_string()))?;
        let node = |name: &str| model.node_id(name).map_err(|error| failed(error.to_string()));
        let inputs = [node("input_ids")?, node("attention_mask")?, node("token_type_ids")?];
        let output = node(shipped::OUTPUT)?;
        Ok(Self { model, inputs, output, tokenizer, pools: Vec::new() })
    }

    fn run_batch(
        &self,
        encodings: &[Encoding],
        batch: &[usize],
        pool: Option<Arc<ThreadPool>>,
    ) -> Result<Vec<(usize, Vec<f32>)>, String> {
        let padded = batch.iter().map(|&text| encodings[text].len()).max().unwrap_or(0);
        let shape = [batch.len(), padded];
        let fill = |of: fn(&Encoding) -> &[u32]| {
            let mut values = vec![0_i32; batch.len() * padded];
            for (row, &text) in values.chunks_mut(padded).zip(batch) {
                for (value, &token) in row.iter_mut().zip(of(&encodings[text])) {
                    *value = token as i32;
                }
            }
            Value::from_shape(shape, values).map(ValueOrView::from).map_err(|error| error.to_string())
        };
        let [ids, mask, types] = self.inputs;
        let inputs = vec![
            (ids, fill(Encoding::get_ids)?),
            (mask, fill(Encoding::get_attention_mask)?),
            (types, fill(Encoding::get_type_ids)?),
        ];
        let options = RunOptions::default().with_thread_pool(pool);
        let [output] = self.model.run_n(inputs, [self.output], Some(options)).map_err(|error| error.to_string())?;
        let ([_, _, width], values) = output.into_shape_vec::<f32, 3>().map_err(|error| error.to_string())?;
        Ok(batch
            .iter()
            .zip(values.chunks(padded * width))
            .map(|(&text, rows)| (text, mean(&rows[..encodings[text].len() * width], width)))
            .collect())
    }

    /// Lets each core take the next batch until none is left.
    fn run_batches(&self, encodings: &[Encoding], batches: &[Vec<usize>]) -> Result<Vec<(usize, Vec<f32>)>, String> {
        let next = AtomicUsize::new(0);
        let results = Mutex::new(Ok(Vec::new()));
        thread::scope(|scope| {
            for pool in self.pools.iter().take(batches.len()) {
                scope.spawn(|| {
                    while let Some(batch) = batches.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let result = self.run_batch(encodings, batch, Some(pool.clone()));
                        let mut results = results.lock().expect("nothing panics while it holds the lock");
                        match (&mut *results, result) {
                            (Ok(vectors), Ok(more)) => vectors.extend(more),
                            (Ok(_), Err(error)) => *results = Err(error),
                            (Err(_), _) => return,
                        }
                    }
                });
            }
        });
        results.into_inner().expect("nothing panics while it holds the lock")
    }
}

impl Engine for RtenEngine {
    fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    fn run(
        &mut self,
        _texts: &[Cow<'_, str>],
        encodings: &[Encoding],
        batches: &[Vec<usize>],
    ) -> Result<Vec<(usize, Vec<f32>)>, String> {
        if let [batch] = batches {
            return self.run_batch(encodings, batch, None);
        }
        if self.pools.is_empty() {
            let cores = thread::available_parallelism().map_or(1, usize::from);
            self.pools = (0..cores).map(|_| Arc::new(ThreadPool::with_num_threads(1))).collect();
        }
        self.run_batches(encodings, batches)
    }
}

/// The mean of the rows.
fn mean(rows: &[f32], width: usize) -> Vec<f32> {
    let mut sum = vec![0.0_f32; width];
    for row in rows.chunks_exact(width) {
        for (sum, value) in sum.iter_mut().zip(row) {
            *sum += value;
        }
    }
    let count = (rows.len() / width) as f32;
    sum.iter_mut().for_each(|sum| *sum /= count);
    sum
}
