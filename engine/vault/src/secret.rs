//! A text that does not show itself, and the digest by which a key is recognised.

use std::fmt;

use zeroize::Zeroizing;

/// A text that never shows itself: `Debug` prints `[secret]`, there is no `Display`, and it is zeroized on drop.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text over; copies of it elsewhere are the caller's.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[secret]")
    }
}

/// The keyed digest by which a key is recognised in lists: 16 hex digits of BLAKE3 keyed with `digest_key`. It says
/// nothing about the key to whom does not know that: neither what it is, nor whether a guess is right.
pub fn fingerprint(digest_key: &[u8; 32], key: &Secret) -> String {
    const DIGITS: usize = 16;
    let digest = blake3::keyed_hash(digest_key, key.expose().as_bytes());
    digest.to_hex()[..DIGITS].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show_itself() {
        let secret = Secret::new("sk-very-secret");
        assert_eq!(format!("{secret:?} {:#?} {:?}", secret, Some(&secret)), "[secret] [secret] Some([secret])");
        assert_eq!(secret.clone(), secret);
        assert_ne!(secret, Secret::new("sk-other"));
    }

    #[test]
    fn a_fingerprint_depends_on_the_key_and_on_the_home() {
        let key = Secret::new("sk-1");
        let of_one_home = fingerprint(&[1; 32], &key);
        // Fixed: what one version has recorded, another one is to recognise.
        assert_eq!(of_one_home, "dcdd743f1e284ece");
        assert_eq!(of_one_home, fingerprint(&[1; 32], &Secret::new("sk-1")));
        assert_ne!(of_one_home, fingerprint(&[2; 32], &key));
        assert_ne!(of_one_home, fingerprint(&[1; 32], &Secret::new("sk-2")));
    }
}
