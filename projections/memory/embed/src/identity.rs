//! What makes two vectors comparable: the embedder's id.

use std::fmt;

/// The maximal number of tokens of a text, the special ones included, for models other than the shipped one.
pub(crate) const MAX_LENGTH: usize = 512;

/// Names everything that decides what a vector is, so that only vectors with the same id are ever compared.
///
/// It is the blake3 digest over, each with its length before it, the digests of the model's files and of the tokenizer's
/// files, the prefixes, the pooling, the normalisation and the maximal length. `Display` prints the first 16 hex digits,
/// `{:#}` all 64.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EmbedderId(pub [u8; 32]);

impl EmbedderId {
    /// The id of a model with these file digests, the model's own file first, then the tokenizer's.
    pub(crate) fn compute<'a>(digests: impl IntoIterator<Item = &'a blake3::Hash>, recipe: &Recipe) -> Self {
        let mut hasher = blake3::Hasher::new();
        let mut field = |bytes: &[u8]| {
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        for digest in digests {
            field(digest.as_bytes());
        }
        field(recipe.query_prefix.as_bytes());
        field(recipe.passage_prefix.as_bytes());
        field(recipe.pooling.name().as_bytes());
        field(b"l2");
        field(&(recipe.max_length as u64).to_le_bytes());
        Self(*hasher.finalize().as_bytes())
    }
}

impl fmt::Display for EmbedderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = if f.alternate() { &self.0[..] } else { &self.0[..8] };
        bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for EmbedderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EmbedderId({self:#})")
    }
}

/// What is done with a text and with what the model says of it, apart from the model's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recipe {
    pub(crate) query_prefix: &'static str,
    pub(crate) passage_prefix: &'static str,
    pub(crate) pooling: Pooling,
    /// In tokens, the special ones included.
    pub(crate) max_length: usize,
}

/// How the vectors of a text's tokens become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pooling {
    /// The first token's vector.
    Cls,
    /// The mean over the tokens that are no padding.
    Mean,
}

impl Pooling {
    fn name(self) -> &'static str {
        match self {
            Self::Cls => "cls",
            Self::Mean => "mean",
        }
    }
}

impl From<fastembed::Pooling> for Pooling {
    fn from(pooling: fastembed::Pooling) -> Self {
        match pooling {
            fastembed::Pooling::Cls => Self::Cls,
            fastembed::Pooling::Mean => Self::Mean,
        }
    }
}

impl From<Pooling> for fastembed::Pooling {
    fn from(pooling: Pooling) -> Self {
        match pooling {
            Pooling::Cls => Self::Cls,
            Pooling::Mean => Self::Mean,
        }
    }
}
