//! From text to tokens: the cut before the tokenizer, and the tokenizer as fastembed sets it up.

use std::borrow::Cow;

use tokenizers::{Encoding, PaddingParams, Tokenizer, TruncationParams};

/// The bytes looked at for each token that counts. Running text has four or five; a text of which so many bytes make
/// fewer tokens consists of the like of base64 or blank lines.
const BYTES_PER_TOKEN: usize = 64;

/// The text as the tokenizer gets it: the prefix, then the text without blanks around it, cut to what can still count.
///
/// Tokenising a megabyte only to keep 256 tokens would take longer than the model does.
pub(crate) fn prepare<'a>(prefix: &str, text: &'a str, max_length: usize) -> Cow<'a, str> {
    let text = text.trim();
    let text = &text[..text.floor_char_boundary(max_length * BYTES_PER_TOKEN)];
    if prefix.is_empty() { Cow::Borrowed(text) } else { Cow::Owned(format!("{prefix}{text}")) }
}

/// The shipped model's tokenizer, which pads nothing.
pub(crate) fn tokenizer(json: &[u8], max_length: usize) -> Result<Tokenizer, tokenizers::Error> {
    let mut tokenizer = Tokenizer::from_bytes(json)?;
    tokenizer.with_padding(None::<PaddingParams>);
    tokenizer.with_truncation(Some(TruncationParams { max_length, ..Default::default() }))?;
    Ok(tokenizer)
}

/// The tokens of each text, unpadded, at most as many as the tokenizer was told to keep.
pub(crate) fn encode(tokenizer: &Tokenizer, texts: &[Cow<'_, str>]) -> Result<Vec<Encoding>, String> {
    let encode = |text: &Cow<'_, str>| tokenizer.encode(text.as_ref(), true).map_err(|error| error.to_string());
    texts.iter().map(encode).collect()
}

#[cfg(test)]
mod tests;
