//! The models there are: the shipped one, and those that fastembed knows.

use fastembed::{EmbeddingModel, OutputKey, QuantizationMode, TextEmbedding};

use crate::{
    EmbedError,
    identity::{MAX_LENGTH, Pooling, Recipe},
    shipped,
};

/// The repository of the model that the shipped one was made of.
const SHIPPED_REPOSITORY: &str = "sentence-transformers/all-MiniLM-L6-v2";

/// Models that want a prefix: the beginning of the name, the query's prefix, the passage's. From the models' cards.
const PREFIXES: &[(&str, &str, &str)] = &[
    ("bge-small-en", ENGLISH_SEARCH, ""),
    ("bge-base-en", ENGLISH_SEARCH, ""),
    ("bge-large-en", ENGLISH_SEARCH, ""),
    ("bge-small-zh", CHINESE_SEARCH, ""),
    ("bge-large-zh", CHINESE_SEARCH, ""),
    ("embeddinggemma", "task: search result | query: ", "title: none | text: "),
    ("modernbert-embed", "search_query: ", "search_document: "),
    ("multilingual-e5", "query: ", "passage: "),
    ("mxbai-embed", ENGLISH_SEARCH, ""),
    ("nomic-embed-text", "search_query: ", "search_document: "),
    ("snowflake-arctic-embed", ENGLISH_SEARCH, ""),
];
const ENGLISH_SEARCH: &str = "Represent this sentence for searching relevant passages: ";
const CHINESE_SEARCH: &str = "为这个句子生成表示以用于检索相关文章：";

/// The files of a repository beside the model's own, in the order in which they enter the id.
pub(crate) const TOKENIZER_FILES: [&str; 4] =
    ["tokenizer.json", "config.json", "special_tokens_map.json", "tokenizer_config.json"];

/// Whether a model's files are here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// They are part of the program.
    Shipped,
    /// They are in the cache folder.
    Downloaded,
    /// They are not, or not all of them.
    NotDownloaded,
}

/// A model one may choose.
#[derive(Debug, Clone)]
pub struct ModelInfo {
    /// The name it is chosen by, as `bge-small-en-v1.5`; quantised variants end in `-q` or `-q4`.
    pub name: String,
    /// The repository it comes from, as `Xenova/bge-small-en-v1.5`.
    pub repository: String,
    /// The length of its vectors.
    pub dimensions: usize,
    /// What it is, in a few words.
    pub description: String,
    /// Whether its files are here.
    pub state: State,
    /// Whether it runs on ONNX Runtime only.
    pub needs_runtime: bool,
    pub(crate) source: Source,
}

/// Where a model's files come from.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    Shipped,
    Hub(Box<HubModel>),
}

/// What fastembed knows of a model.
#[derive(Debug, Clone)]
pub(crate) struct HubModel {
    /// fastembed's own name, as `BGESmallENV15`.
    variant: String,
    /// The graph's path in the repository.
    pub(crate) model_file: String,
    /// Paths of what the graph refers to.
    pub(crate) additional_files: Vec<String>,
    pub(crate) output: Option<OutputKey>,
    pub(crate) recipe: Recipe,
    /// Its output depends on what else is in the batch.
    pub(crate) one_by_one: bool,
}

impl HubModel {
    /// Paths in the repository of every file: the graph, what it refers to, the tokenizer's.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        let model = std::iter::once(&self.model_file).chain(&self.additional_files).map(String::as_str);
        model.chain(TOKENIZER_FILES)
    }
}

/// Every text model, the shipped one first, the others by name; `NotDownloaded` is said of all but the shipped one.
pub(crate) fn all() -> Vec<ModelInfo> {
    let mut models: Vec<ModelInfo> = TextEmbedding::list_supported_models().iter().map(known).collect();
    models.sort_by_key(|model| model.name.to_lowercase());
    models.insert(
        0,
        ModelInfo {
            name: shipped::NAME.into(),
            repository: SHIPPED_REPOSITORY.into(),
            dimensions: shipped::DIMENSIONS,
            description: shipped::DESCRIPTION.into(),
            state: State::Shipped,
            needs_runtime: false,
            source: Source::Shipped,
        },
    );
    models
}

/// The model of this name, repository or fastembed's name for it, whatever the case; of a repository's variants the one
/// that is not quantised.
pub(crate) fn find(name: &str) -> Result<ModelInfo, EmbedError> {
    let wanted = name.trim();
    let models = all();
    let is_variant =
        |model: &ModelInfo| matches!(&model.source, Source::Hub(hub) if hub.variant.eq_ignore_ascii_case(wanted));
    let found = models
        .iter()
        .find(|model| model.name.eq_ignore_ascii_case(wanted))
        .or_else(|| models.iter().find(|model| model.repository.eq_ignore_ascii_case(wanted)))
        .or_else(|| models.iter().find(|model| is_variant(model)));
    found.cloned().ok_or_else(|| EmbedError::UnknownModel { name: name.into(), nearest: nearest(wanted, &models) })
}

fn known(info: &fastembed::ModelInfo<EmbeddingModel>) -> ModelInfo {
    let variant = info.model.to_string();
    let name = short_name(&info.model_code, &variant);
    let (query_prefix, passage_prefix) = prefixes(&name);
    let pooling = TextEmbedding::get_default_pooling_method(&info.model).map_or(Pooling::Cls, Pooling::from);
    ModelInfo {
        name,
        repository: info.model_code.clone(),
        dimensions: info.dim,
        description: info.description.clone(),
        state: State::NotDownloaded,
        needs_runtime: true,
        source: Source::Hub(Box::new(HubModel {
            variant,
            model_file: info.model_file.clone(),
            additional_files: info.additional_files.clone(),
            output: info.output_key.clone(),
            recipe: Recipe { query_prefix, passage_prefix, pooling, max_length: MAX_LENGTH },
            one_by_one: TextEmbedding::get_quantization_mode(&info.model) == QuantizationMode::Dynamic,
        })),
    }
}

/// The repository's own name without what only says that it holds ONNX files, and with what tells its variants apart.
fn short_name(repository: &str, variant: &str) -> String {
    let name = repository.rsplit('/').next().unwrap_or(repository);
    let endings = ["-onnx-Q", "-onnx", "-ONNX"];
    let name = endings.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name);
    match variant {
        _ if variant.ends_with("Q4") => format!("{name}-q4"),
        _ if variant.ends_with('Q') => format!("{name}-q"),
        _ if name == shipped::NAME => format!("{name}-fp32"),
        _ => name.into(),
    }
}

fn prefixes(name: &str) -> (&'static str, &'static str) {
    let name = name.to_lowercase();
    let line = PREFIXES.iter().find(|(beginning, ..)| name.starts_with(beginning));
    line.map_or(("", ""), |(_, query, passage)| (query, passage))
}

/// Up to three names that contain what was asked for or differ from it in at most a third of its letters.
fn nearest(wanted: &str, models: &[ModelInfo]) -> Vec<String> {
    // Names of models have some 30 letters; a longer text is no misspelt name, and would take its time.
    let wanted: String = wanted.to_lowercase().chars().take(80).collect();
    let last = wanted.rsplit('/').next().unwrap_or(&wanted);
    let far = last.chars().count() / 3 + 1;
    let mut near: Vec<(usize, &str)> = models
        .iter()
        .filter_map(|model| {
            let name = model.name.to_lowercase();
            let distance = if last.len() > 2 && name.contains(last) { 0 } else { edits(last, &name) };
            (distance <= far).then_some((distance, model.name.as_str()))
        })
        .collect();
    near.sort();
    near.into_iter().take(3).map(|(_, name)| name.to_owned()).collect()
}

/// Letters to insert, remove or replace to make one text of the other (Levenshtein).
fn edits(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests;
