//! Sealing: XChaCha20-Poly1305 over a body, under the key of its stream.
//!
//! ```text
//! nonce (24 B)  event id (16, big-endian) ‖ position (8, big-endian): never twice under one key, since ids are not
//! additional    stream category (1) ‖ stream id (16): a body cannot be moved to another event or stream
//! plaintext     1 byte: 0 = as it is, 1 = lz4 with its length in front; then the body
//! stored        ciphertext ‖ tag (16 B)
//! ```

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{Key, KeyInit, XChaCha20Poly1305, XNonce};
use zo_projections::{Position, StreamId};

use super::keys::StreamKey;

/// Bodies shorter than this are not compressed: there is nothing to gain.
const WORTH_COMPRESSING: usize = 200;
/// The longest body that is opened: a compressed one says its own length.
const MAX_BODY_BYTES: usize = 256 * 1024 * 1024;

const AS_IT_IS: u8 = 0;
const LZ4: u8 = 1;

/// Why sealed bytes could not be opened.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SealError {
    /// The key is not the one it was sealed under, or the bytes are damaged.
    #[error("the key does not fit, or the bytes are damaged")]
    Key,
    /// What was sealed cannot be unpacked.
    #[error("what was sealed cannot be unpacked: {0}")]
    Content(String),
}

/// Seals the body of the event `id` at `position` of `stream`.
pub fn seal(key: &StreamKey, id: u128, position: Position, stream: StreamId, body: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(body.len() + 1);
    let compressed = (body.len() >= WORTH_COMPRESSING).then(|| lz4_flex::compress_prepend_size(body));
    match compressed.filter(|compressed| compressed.len() < body.len()) {
        Some(compressed) => {
            plain.push(LZ4);
            plain.extend_from_slice(&compressed);
        }
        None => {
            plain.push(AS_IT_IS);
            plain.extend_from_slice(body);
        }
    }
    let payload = Payload { msg: &plain, aad: &additional(stream) };
    cipher(key).encrypt(&nonce(id, position), payload).expect("the cipher takes any body shorter than 256 GiB")
}

/// Opens what [`seal`] made for the same event.
///
/// # Errors
/// If the key, the event or the bytes are others.
pub fn open(
    key: &StreamKey,
    id: u128,
    position: Position,
    stream: StreamId,
    sealed: &[u8],
) -> Result<Vec<u8>, SealError> {
    let payload = Payload { msg: sealed, aad: &additional(stream) };
    let plain = cipher(key).decrypt(&nonce(id, position), payload).map_err(|_| SealError::Key)?;
    match plain.split_first() {
        Some((&AS_IT_IS, body)) => Ok(body.to_vec()),
        Some((&LZ4, compressed)) => {
            let content = |error: lz4_flex::block::DecompressError| SealError::Content(error.to_string());
            let (length, compressed) = lz4_flex::block::uncompressed_size(compressed).map_err(content)?;
            if length > MAX_BODY_BYTES {
                return Err(SealError::Content(format!("{length} bytes are longer than a body may be")));
            }
            lz4_flex::block::decompress(compressed, length).map_err(content)
        }
        _ => Err(SealError::Content("it says no known form".to_owned())),
    }
}

fn cipher(key: &StreamKey) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(&Key::from(*key.bytes()))
}

fn nonce(id: u128, position: Position) -> XNonce {
    let mut nonce = [0; 24];
    nonce[..16].copy_from_slice(&id.to_be_bytes());
    nonce[16..].copy_from_slice(&position.0.to_be_bytes());
    nonce.into()
}

fn additional(stream: StreamId) -> [u8; 17] {
    let mut additional = [0; 17];
    additional[0] = stream.category as u8;
    additional[1..].copy_from_slice(&stream.id.to_be_bytes());
    additional
}

#[cfg(test)]
mod tests {
    use zo_projections::Category;

    use super::*;

    const STREAM: StreamId = StreamId { category: Category::Memory, id: 7 };

    fn key(byte: u8) -> StreamKey {
        StreamKey::from_bytes([byte; 32])
    }

    #[test]
    fn what_was_sealed_opens_again() {
        for body in [Vec::new(), b"short".to_vec(), b"again and again ".repeat(100), (0..=255).collect()] {
            let sealed = seal(&key(1), 5, Position(9), STREAM, &body);
            assert_eq!(open(&key(1), 5, Position(9), STREAM, &sealed), Ok(body));
        }
    }

    #[test]
    fn long_text_is_compressed() {
        let sealed = seal(&key(1), 5, Position(9), STREAM, &b"again and again ".repeat(100));
        assert!(sealed.len() < 200, "{} bytes", sealed.len());
    }

    #[test]
    fn nothing_opens_under_another_key_event_stream_or_after_damage() {
        let sealed = seal(&key(1), 5, Position(9), STREAM, b"body");
        let other = StreamId { id: 8, ..STREAM };
        assert_eq!(open(&key(2), 5, Position(9), STREAM, &sealed), Err(SealError::Key));
        assert_eq!(open(&key(1), 6, Position(9), STREAM, &sealed), Err(SealError::Key));
        assert_eq!(open(&key(1), 5, Position(8), STREAM, &sealed), Err(SealError::Key));
        assert_eq!(open(&key(1), 5, Position(9), other, &sealed), Err(SealError::Key));
        for at in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[at] ^= 1;
            assert_eq!(open(&key(1), 5, Position(9), STREAM, &damaged), Err(SealError::Key));
            assert_eq!(open(&key(1), 5, Position(9), STREAM, &sealed[..at]), Err(SealError::Key));
        }
    }
}
