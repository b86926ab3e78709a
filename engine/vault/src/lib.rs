//! The vault: providers' keys, encrypted with age. Only this crate knows age.
//!
//! ```text
//! HOME/vault/                 0700
//!      keys.age               0600  all keys: age, for the identity's recipients; JSON inside
//!      lock                   0600  held over reading, changing and writing
//! ~/.config/zo/               0700, anywhere outside the home
//!      identity               0600  age's own format: what opens the vault, itself under a passphrase or not
//!      identity.lock          0600  held while the identity is made or gets another passphrase
//! ```
//!
//! Both files are what the `age` tool reads: `age -d -i ~/.config/zo/identity HOME/vault/keys.age` shows the keys.
//!
//! - [`vault`]: the operations. Start there.
//! - [`secret`]: a text that does not show itself, and the digest by which a key is recognised.
//! - [`error`]: what can be wrong, and what to do about it.
//! - [`parcel`]: streams under a passphrase of their own, which leave the home.
//! - `content`: what is in the vault, and which names and keys are accepted.
//! - `sealing`: age.
//! - `private`: reading files that nobody else may read, and folders that nobody else may change.
//! - `durable`: files that are there, old or new, whatever happens.
//!
//! What does not live here: asking for keys and passphrases, the environment's override, and what keys are used for.
//!
//! **A crash leaves the old or the new.** A file is written beside its place, synced, and renamed; the identity is there
//! before anything is encrypted for it, and none is ever made while there is a vault that it could not open.
//! **Plaintext is wiped.** What holds keys here is zeroized when it goes; age's own buffer of what it encrypts is not,
//! nor are registers, swap and the like.

mod content;
mod durable;
pub mod error;
pub mod parcel;
mod private;
mod sealing;
pub mod secret;
pub mod vault;

pub use error::VaultError;
pub use secret::{Secret, fingerprint};
pub use vault::{Unlock, Vault};
