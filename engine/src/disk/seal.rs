//! Seals the bodies of events: what a person wrote, or a model or a tool said.
//!
//! ```text
//! stored = XChaCha20-Poly1305(key of the stream, nonce, flag ‖ body)          16 bytes longer than what is in it
//! nonce  = event id (16) ‖ position (8)                                       unique: an id is used once
//! bound to: event id, position, category and id of the stream
//! flag   = 0: the body as it is   1: u32 length, then the body in lz4
//! ```
//!
//! Compression comes before sealing, since nothing can be compressed afterwards. Without the key nothing can be
//! read, and moving a body to another event, position or stream is noticed.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zo_projections::{EventId, Position, StreamId};

use super::keys::StreamKey;

/// Shorter bodies are not worth compressing.
pub const COMPRESS_FROM: usize = 200;
/// How much longer the stored bytes are than the body, at the most.
pub const OVERHEAD: usize = 17;

const AS_IS: u8 = 0;
const LZ4: u8 = 1;
/// lz4 cannot shrink by more than this factor.
const LARGEST_RATIO: usize = 256;

/// What a body is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The event's id.
    pub id: EventId,
    /// The event's position.
    pub position: Position,
    /// The event's stream.
    pub stream: StreamId,
}

/// Why a sealed body cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The bytes, the key or the place are not those it was sealed with.
    #[error("the body at position {position} cannot be opened: it is damaged, or was sealed under another key")]
    Refused {
        /// Position of the event.
        position: Position,
    },
    /// It was sealed in a way that this version does not know.
    #[error("the body at position {position} is stored in the unknown form {form}")]
    Form {
        /// Position of the event.
        position: Position,
        /// The form's number.
        form: u8,
    },
}

/// Seals `body` for the event at `place`.
pub fn seal(key: &StreamKey, place: &Place, body: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(body.len() + OVERHEAD);
    if !compress(body, &mut plain) {
        plain.clear();
        plain.push(AS_IS);
        plain.extend_from_slice(body);
    }
    let payload = Payload { msg: &plain, aad: &bound_to(place) };
    cipher(key).encrypt(&nonce(place), payload).expect("a body is far smaller than what the cipher can take")
}

/// Opens what [`seal`] made for the same place under the same key.
///
/// # Errors
/// If the bytes, the key or the place are others.
pub fn open(key: &StreamKey, place: &Place, stored: &[u8]) -> Result<Vec<u8>, SealError> {
    let refused = SealError::Refused { position: place.position };
    let payload = Payload { msg: stored, aad: &bound_to(place) };
    let plain = cipher(key).decrypt(&nonce(place), payload).map_err(|_| refused)?;
    match plain.split_first() {
        Some((&AS_IS, body)) => Ok(body.to_vec()),
        Some((&LZ4, rest)) => {
            let (length, compressed) = rest.split_first_chunk::<4>().ok_or(refused)?;
            let length = u32::from_le_bytes(*length) as usize;
            if length > compressed.len().saturating_mul(LARGEST_RATIO) {
                return Err(refused);
            }
            let mut body = vec![0; length];
            match lz4_flex::block::decompress_into(compressed, &mut body) {
                Ok(written) if written == length => Ok(body),
                _ => Err(refused),
            }
        }
        Some((&form, _)) => Err(SealError::Form { position: place.position, form }),
        None => Err(refused),
    }
}

/// Puts `body` into `plain` in lz4, if that makes it shorter.
fn compress(body: &[u8], plain: &mut Vec<u8>) -> bool {
    let Ok(length) = u32::try_from(body.len()) else { return false };
    if body.len() < COMPRESS_FROM {
        return false;
    }
    plain.push(LZ4);
    plain.extend_from_slice(&length.to_le_bytes());
    let begin = plain.len();
    plain.resize(begin + lz4_flex::block::get_maximum_output_size(body.len()), 0);
    match lz4_flex::block::compress_into(body, &mut plain[begin..]) {
        Ok(compressed) if compressed + 4 < body.len() => {
            plain.truncate(begin + compressed);
            true
        }
        _ => false,
    }
}

fn cipher(key: &StreamKey) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.bytes().into())
}

fn nonce(place: &Place) -> XNonce {
    let mut nonce = [0; 24];
    nonce[..16].copy_from_slice(&place.id.0.to_le_bytes());
    nonce[16..].copy_from_slice(&place.position.0.to_le_bytes());
    nonce.into()
}

fn bound_to(place: &Place) -> [u8; 41] {
    let mut bytes = [0; 41];
    bytes[..16].copy_from_slice(&place.id.0.to_le_bytes());
    bytes[16..24].copy_from_slice(&place.position.0.to_le_bytes());
    bytes[24] = place.stream.category as u8;
    bytes[25..].copy_from_slice(&place.stream.id.to_le_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use zo_projections::Category;

    use super::*;

    fn place() -> Place {
        Place { id: EventId(7), position: Position(9), stream: StreamId::new(Category::Memory, 11) }
    }

    #[test]
    fn bodies_come_back_and_long_ones_are_compressed() {
        let key = StreamKey::from_bytes([1; 32]);
        let noise: Vec<u8> = (0..1000_u32).flat_map(|n| *blake3::hash(&n.to_le_bytes()).as_bytes()).collect();
        let sentence = "the same sentence over and over. ".repeat(100);
        for body in [&b""[..], b"short", &[0; 199], sentence.as_bytes(), &noise] {
            let stored = seal(&key, &place(), body);
            assert!(stored.len() <= body.len() + OVERHEAD);
            assert_eq!(open(&key, &place(), &stored), Ok(body.to_vec()));
        }
        assert!(seal(&key, &place(), sentence.as_bytes()).len() < 200);
    }

    #[test]
    fn another_key_place_or_byte_is_refused() {
        let key = StreamKey::from_bytes([1; 32]);
        let stored = seal(&key, &place(), b"a secret");
        let refused = Err(SealError::Refused { position: Position(9) });
        assert_eq!(open(&StreamKey::from_bytes([2; 32]), &place(), &stored), refused);
        for other in [
            Place { id: EventId(8), ..place() },
            Place { stream: StreamId::new(Category::Kv, 11), ..place() },
            Place { stream: StreamId::new(Category::Memory, 12), ..place() },
        ] {
            assert_eq!(open(&key, &other, &stored), refused);
        }
        assert!(open(&key, &Place { position: Position(10), ..place() }, &stored).is_err());
        for at in 0..stored.len() {
            let mut damaged = stored.clone();
            damaged[at] ^= 1;
            assert_eq!(open(&key, &place(), &damaged), refused);
            assert_eq!(open(&key, &place(), &stored[..at]), refused);
        }
    }
}
