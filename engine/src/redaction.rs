//! Redaction: the keys of providers that this process knows are in no event, whatever somebody or something says.
//!
//! A key may come back in an error, in what a model or a page says, in what a person pastes. So every command passes
//! here before it is decided: the one place through which everything goes that is recorded. What is not recorded
//! (errors that are shown, traces) is cleaned by [`Redactor::clean`].
//!
//! A key that lies in the vault is recognised by its fingerprint, as a word of its own, where this process cannot open the
//! vault (its identity has a passphrase, or is gone); it is found within longer words once it is known.

use std::sync::{PoisonError, RwLock};

use zeroize::Zeroizing;
use zo_projections::Submission;

/// A shorter secret is not looked for: it would be found in innocent texts.
const SHORTEST: usize = 12;
/// What stands in place of a secret, filled up to its length: so nothing behind it moves.
const MARK: &[u8] = b"[redacted]";

/// Whether a text was written with a secret in it, or after one that was covered: as it stands it is not what was meant, and
/// nothing is to be done by it.
pub(crate) fn has_mark(text: &str) -> bool {
    memchr::memmem::find(text.as_bytes(), MARK).is_some()
}

/// Replaces known secrets.
#[derive(Default)]
pub struct Redactor {
    secrets: RwLock<Vec<Zeroizing<Vec<u8>>>>,
    recognised: RwLock<Recognised>,
}

/// Keys that are known by their fingerprints alone.
#[derive(Default)]
struct Recognised {
    digest_key: [u8; 32],
    fingerprints: Vec<String>,
}

impl Redactor {
    /// Makes a secret known, and the form that it has within JSON. Those shorter than 12 bytes, and those that are known, are
    /// left out.
    pub fn learn(&self, secret: &str) {
        let secret = secret.trim();
        self.learn_form(secret);
        if secret.contains(['"', '\\']) {
            self.learn_form(serde_json::Value::from(secret).to_string().trim_matches('"'));
        }
    }

    fn learn_form(&self, secret: &str) {
        let secret = secret.as_bytes();
        let known = |secrets: &[Zeroizing<Vec<u8>>]| secrets.iter().any(|known| known.as_slice() == secret);
        if secret.len() < SHORTEST || !secret.is_ascii() || known(&self.read()) {
            return;
        }
        let mut secrets = self.secrets.write().unwrap_or_else(PoisonError::into_inner);
        secrets.push(Zeroizing::new(secret.to_vec()));
        // Of two secrets one of which is in the other, the longer one goes first.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    }

    /// Makes keys known by their fingerprints, which were made with this key.
    pub fn recognise(&self, digest_key: [u8; 32], fingerprints: Vec<String>) {
        *self.recognised.write().unwrap_or_else(PoisonError::into_inner) = Recognised { digest_key, fingerprints };
    }

    /// The submission without the secrets.
    pub(crate) fn submission(&self, submission: Submission) -> Submission {
        if self.read().is_empty() && self.recognised().fingerprints.is_empty() {
            return submission;
        }
        let codec = bincode::config::standard();
        let mut masking = Masking { redactor: self, bytes: Vec::new(), found: false };
        if bincode::encode_into_writer(&submission, &mut masking, codec).is_err() || !masking.found {
            return submission;
        }
        // A mask is ASCII and as long as what it covers, so the bytes are of a submission still.
        let decoded = bincode::decode_from_slice(&masking.bytes, codec);
        decoded.expect("only characters within texts were replaced").0
    }

    /// Whether a text is recorded as it is.
    pub(crate) fn leaves(&self, text: &str) -> bool {
        (self.read().is_empty() && self.recognised().fingerprints.is_empty()) || self.clean(text) == text
    }

    /// A text without the secrets.
    pub fn clean(&self, text: &str) -> String {
        let mut bytes = text.as_bytes().to_vec();
        self.mask(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Covers every secret; whether there was one.
    fn mask(&self, bytes: &mut [u8]) -> bool {
        self.learn_recognised(bytes);
        let mut found = false;
        for secret in self.read().iter() {
            let finder = memchr::memmem::Finder::new(secret.as_slice());
            let places: Vec<usize> = finder.find_iter(bytes).collect();
            found |= !places.is_empty();
            for place in places {
                let covered = &mut bytes[place..place + secret.len()];
                covered.fill(b'*');
                let mark = MARK.len().min(covered.len());
                covered[..mark].copy_from_slice(&MARK[..mark]);
            }
        }
        found
    }

    /// Makes those words known that have the fingerprint of a key.
    fn learn_recognised(&self, bytes: &[u8]) {
        let recognised = self.recognised();
        if recognised.fingerprints.is_empty() {
            return;
        }
        for words in [is_of_plain_key as fn(&u8) -> bool, is_of_any_key] {
            for word in bytes.split(|byte| !words(byte)) {
                let Ok(word) = std::str::from_utf8(word) else { continue };
                let word = word.trim_matches(['.', '=', '/', '+', ':']);
                if word.len() < SHORTEST {
                    continue;
                }
                let fingerprint = zo_vault::fingerprint(&recognised.digest_key, &zo_vault::Secret::new(word));
                if recognised.fingerprints.contains(&fingerprint) {
                    self.learn(word);
                }
            }
        }
    }

    fn recognised(&self) -> std::sync::RwLockReadGuard<'_, Recognised> {
        self.recognised.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Vec<Zeroizing<Vec<u8>>>> {
        self.secrets.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What most keys consist of.
fn is_of_plain_key(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// What any key may consist of that does not usually stand around one.
fn is_of_any_key(byte: &u8) -> bool {
    is_of_plain_key(byte) || matches!(byte, b'.' | b'=' | b'/' | b'+' | b':')
}

/// Takes what is encoded and covers every secret in it. A text, or the content of a file, is written in one piece, without
/// the length before it: so what is covered lies within one.
struct Masking<'a> {
    redactor: &'a Redactor,
    bytes: Vec<u8>,
    found: bool,
}

impl bincode::enc::write::Writer for &mut Masking<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), bincode::error::EncodeError> {
        let from = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        self.found |= self.redactor.mask(&mut self.bytes[from..]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use zo_projections::event::memory::Body;
    use zo_projections::{Actor, Command, Digest};

    use super::*;

    fn redacted(secrets: &[&str], content: &str) -> String {
        let redactor = Redactor::default();
        secrets.iter().for_each(|secret| redactor.learn(secret));
        let body = Body { content: content.to_owned(), ..Body::default() };
        let command = Command::Memorize { id: None, digest: Digest(1), occurred_at: None, body };
        let Command::Memorize { body, .. } = redactor.submission(Submission::new(Actor::User, command)).command else {
            panic!("another command came back")
        };
        assert_eq!(redactor.clean(content), body.content);
        body.content
    }

    #[test]
    fn a_known_key_is_covered_wherever_it_stands() {
        let key = "sk-0123456789abcdef";
        assert_eq!(
            redacted(&[key], &format!("ä{key}, x{key}{key}")),
            "ä[redacted]*********, x[redacted]*********[redacted]*********"
        );
        assert_eq!(redacted(&[key], "nothing of the sort: sk-0123456789"), "nothing of the sort: sk-0123456789");
        assert_eq!(redacted(&[], key), key);
    }

    #[test]
    fn a_key_with_quotes_is_covered_within_json_too() {
        let key = "sk-qu\"ote\\back0123";
        let json = serde_json::json!({ "k": key }).to_string();
        assert_eq!(redacted(&[key], &json), format!("{{\"k\":\"[redacted]{}\"}}", "*".repeat(json.len() - 18)));
        assert_eq!(redacted(&[key], key), format!("[redacted]{}", "*".repeat(key.len() - 10)));
    }

    #[test]
    fn the_longer_of_two_keys_is_covered_whole() {
        let (short, long) = ("abcdefghijkl", "abcdefghijklmnop");
        assert_eq!(redacted(&[short, long], long), "[redacted]******");
        assert_eq!(redacted(&[long, short], &format!("{short} {long}")), "[redacted]** [redacted]******");
    }

    /// The length of a text stands before it, as one byte if it is short: it may be a letter of the key.
    #[test]
    fn a_length_that_looks_like_the_beginning_of_a_key_is_left_alone() {
        let key = "sk-0123456789abcdef";
        let rest = &key[1..];
        let text = format!("{rest}{}", "p".repeat(usize::from(b's') - rest.len()));
        assert_eq!(redacted(&[key], &text), text);
        let inside = format!("{key}{}", "p".repeat(usize::from(b's') - key.len()));
        assert_eq!(redacted(&[key], &inside), inside.replace(key, "[redacted]*********"));
    }

    #[test]
    fn a_key_is_recognised_by_its_fingerprint_where_it_stands_alone() {
        let (key, digest_key) = ("sk-0123456789abcdef", [7; 32]);
        let redactor = Redactor::default();
        let fingerprint = zo_vault::fingerprint(&digest_key, &zo_vault::Secret::new(key));
        redactor.recognise(digest_key, vec![fingerprint]);
        for (text, expected) in [
            ("nothing of the sort: sk-0123456789abcdeg", "nothing of the sort: sk-0123456789abcdeg"),
            ("it is \"sk-0123456789abcdef\".", "it is \"[redacted]*********\"."),
            ("?key=sk-0123456789abcdef&x", "?key=[redacted]*********&x"),
            // Once it is known it is found anywhere.
            ("xsk-0123456789abcdefx", "x[redacted]*********x"),
        ] {
            assert_eq!(redactor.clean(text), expected);
        }
    }

    proptest::proptest! {
        /// Whatever is recorded where a key is known, it comes back whole but for the key.
        #[test]
        fn any_text_comes_back_without_the_key(parts in proptest::collection::vec("[sk0-9abc-]{0,40}|sk-0123456789abc", 0..8)) {
            let key = "sk-0123456789abc";
            let text = parts.concat();
            let clean = redacted(&[key], &text);
            proptest::prop_assert_eq!(clean.len(), text.len());
            proptest::prop_assert!(!clean.contains(key));
            proptest::prop_assert!(text.contains(key) || clean == text);
        }
    }

    #[test]
    fn what_is_too_short_to_be_told_from_text_is_left_alone() {
        assert_eq!(redacted(&["a", "hello world"], "hello world"), "hello world");
    }
}
