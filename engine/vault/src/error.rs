//! What can be wrong with the vault, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use crate::content::{MAX_KEY_BYTES, MAX_NAME_BYTES};

/// Why the vault was not opened or not changed. No text in it holds a key or a passphrase.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// There is a vault, or a link to an identity, but no identity.
    #[error("the identity {path} that opens the vault {vault} is not there")]
    IdentityMissing {
        /// Where it should be.
        path: PathBuf,
        /// The vault's file, whether it is there or not.
        vault: PathBuf,
    },
    /// Others may read the identity.
    #[error("others may read the identity {path}: its mode is {mode:03o}")]
    IdentityTooWide {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Others may read the vault.
    #[error("others may read the vault {path}: its mode is {mode:03o}")]
    VaultTooWide {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Others may put other files into a folder in the place of identity or vault.
    #[error("others may change the folder {path}: its mode is {mode:03o}")]
    FolderTooWide {
        /// The folder.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The identity cannot be read as one.
    #[error("the identity {path} cannot be used: {why}")]
    IdentityDamaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The vault cannot be read as one.
    #[error("the vault {path} is damaged: {why}")]
    VaultDamaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The vault is encrypted for someone else; damage in the part that says for whom looks the same.
    #[error("the identity {identity} does not open the vault {vault}: it was encrypted for another one, or is damaged")]
    WrongIdentity {
        /// The identity's file.
        identity: PathBuf,
        /// The vault's file.
        vault: PathBuf,
    },
    /// The identity is under a passphrase, and none was given.
    #[error("the identity {path} needs its passphrase")]
    PassphraseNeeded {
        /// The identity's file.
        path: PathBuf,
    },
    /// Another passphrase opens the identity; damage in the part that checks it looks the same.
    #[error("the passphrase does not open the identity {path}")]
    WrongPassphrase {
        /// The identity's file.
        path: PathBuf,
    },
    /// The identity would lie in the home, where it would go wherever the vault goes.
    #[error("the identity {identity} lies in the home whose vault it opens")]
    InsideHome {
        /// The identity's file.
        identity: PathBuf,
    },
    /// No name of a provider.
    #[error("{name:?} is no name of a provider")]
    InvalidName {
        /// The name.
        name: String,
    },
    /// No key that a provider could have given out.
    #[error("this is no key: {why}")]
    InvalidKey {
        /// What is wrong with it; nothing of the key itself.
        why: &'static str,
    },
    /// No passphrase.
    #[error("this is no passphrase: it is empty")]
    InvalidPassphrase,
    /// A newer version of zo or of age has written the file.
    #[error("{path} has the format {found}, and this version of zo knows {known}")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: String,
        /// The newest that is known.
        known: String,
    },
    /// The disk says no.
    #[error("cannot {what} {path}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What failed, as in `cannot … PATH`.
        what: &'static str,
        /// The cause.
        source: io::Error,
    },
}

impl VaultError {
    /// What to do about it, as a sentence without a full stop; `None` where the error says all there is.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::IdentityMissing { vault, .. } if vault.symlink_metadata().is_err() => {
                "the first `zo key set PROVIDER` makes it".to_owned()
            }
            Self::IdentityMissing { path, vault } => format!(
                "bring {} back, from a backup for example; without it the keys are lost: then remove {} and set them anew \
                 with `zo key set PROVIDER`",
                path.display(),
                vault.display()
            ),
            Self::IdentityTooWide { path, .. } | Self::VaultTooWide { path, .. } => {
                format!("chmod 600 {}; if others had access to it, ask the providers for new keys", quoted(path))
            }
            Self::FolderTooWide { path, .. } => format!("chmod go-w {}", quoted(path)),
            Self::IdentityDamaged { path, .. } => format!("bring {} back from a backup", path.display()),
            Self::VaultDamaged { path, .. } => format!(
                "bring {} back from a backup, or remove it and set the keys anew with `zo key set PROVIDER`",
                path.display()
            ),
            Self::WrongIdentity { identity, vault } => format!(
                "bring the identity back to {} that the vault was made with, or remove {} and set the keys anew with \
                 `zo key set PROVIDER`",
                identity.display(),
                vault.display()
            ),
            Self::WrongPassphrase { .. } => "if it is the right one, the file is damaged: bring it back from a backup".to_owned(),
            Self::InsideHome { .. } => {
                "choose a place outside the home, ~/.config/zo/identity for example: what opens the vault is not to be copied \
                 along with it"
                    .to_owned()
            }
            Self::InvalidName { .. } => format!(
                "a name has 1 to {MAX_NAME_BYTES} characters: a-z, 0-9, and after the first one also `.`, `_` and `-`"
            ),
            Self::InvalidKey { .. } => {
                format!("give the key alone, as the provider shows it, without quotes; up to {MAX_KEY_BYTES} bytes")
            }
            Self::Newer { .. } => "update zo".to_owned(),
            Self::PassphraseNeeded { .. } | Self::InvalidPassphrase | Self::Io { .. } => return None,
        };
        Some(hint)
    }

    /// For `map_err` where the disk was asked for something.
    pub(crate) fn io(path: &Path, what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { path: path.to_owned(), what, source }
    }
}

/// Which of the two files an error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    Identity,
    Vault,
}

impl Which {
    pub(crate) fn too_wide(self, path: &Path, mode: u32) -> VaultError {
        let path = path.to_owned();
        match self {
            Self::Identity => VaultError::IdentityTooWide { path, mode },
            Self::Vault => VaultError::VaultTooWide { path, mode },
        }
    }

    pub(crate) fn damaged(self, path: &Path, why: impl Into<String>) -> VaultError {
        let (path, why) = (path.to_owned(), why.into());
        match self {
            Self::Identity => VaultError::IdentityDamaged { path, why },
            Self::Vault => VaultError::VaultDamaged { path, why },
        }
    }
}

/// The path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |character: char| character.is_ascii_alphanumeric() || "/._-+@%".contains(character);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_can_be_typed() {
        let hint = |path: &str| Which::Vault.too_wide(Path::new(path), 0o640).hint().unwrap_or_default();
        assert!(hint("/home/me/keys.age").starts_with("chmod 600 /home/me/keys.age;"));
        assert!(hint("/my home/it's").starts_with(r"chmod 600 '/my home/it'\''s';"));
        let error = Which::Identity.too_wide(Path::new("/id"), 0o4);
        assert_eq!(error.to_string(), "others may read the identity /id: its mode is 004");
    }
}
