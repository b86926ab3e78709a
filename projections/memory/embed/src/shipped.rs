//! The model that comes with the program: all-MiniLM-L6-v2, whose bytes are part of the binary.

use crate::{
    files::Files,
    identity::{EmbedderId, Pooling, Recipe},
};

/// The shipped model's name.
pub(crate) const NAME: &str = "all-MiniLM-L6-v2";

/// The length of its vectors.
pub(crate) const DIMENSIONS: usize = 384;

pub(crate) const DESCRIPTION: &str = "English sentences and short paragraphs; ships with zo, nothing to download";

/// The name of the graph's output, one vector per token.
pub(crate) const OUTPUT: &str = "last_hidden_state";

pub(crate) const RECIPE: Recipe =
    Recipe { query_prefix: "", passage_prefix: "", pooling: Pooling::Mean, max_length: 256 };

/// What hashing the files and the recipe comes to; written down because that takes 10 ms, and held by a test.
pub(crate) const ID: EmbedderId = EmbedderId([
    0xa2, 0xb4, 0x43, 0xc8, 0x23, 0xeb, 0x38, 0xd1, 0x7d, 0x70, 0x48, 0xea, 0x54, 0x01, 0xcb, 0xf4, 0x7c, 0xb6, 0x3c,
    0x5a, 0xc9, 0x3e, 0x93, 0xee, 0x1a, 0x2e, 0x3c, 0xfb, 0xb7, 0x2f, 0x68, 0x10,
]);

pub(crate) static MODEL: &[u8] = include_bytes!("../model/minilm-wo8.onnx");
pub(crate) static TOKENIZER: &[u8] = include_bytes!("../model/tokenizer.json");
static CONFIG: &[u8] = include_bytes!("../model/config.json");
static SPECIAL_TOKENS_MAP: &[u8] = include_bytes!("../model/special_tokens_map.json");
static TOKENIZER_CONFIG: &[u8] = include_bytes!("../model/tokenizer_config.json");

/// The shipped files, borrowed from the binary.
pub(crate) fn files() -> Files {
    Files {
        model: MODEL.into(),
        external: Vec::new(),
        tokenizer: TOKENIZER.into(),
        config: CONFIG.into(),
        special_tokens_map: SPECIAL_TOKENS_MAP.into(),
        tokenizer_config: TOKENIZER_CONFIG.into(),
    }
}
