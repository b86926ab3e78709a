//! The vault's operations.

use std::io;
use std::path::{Path, PathBuf};

use crate::content::{self, Keys, Unreadable, VERSION, check_key, check_name};
use crate::durable::{self, Existing, Lock, beside, make_folder};
use crate::error::{VaultError, Which};
use crate::private::{self, folder_of, lies_in, real_file};
use crate::sealing::{self, Identity, Unopened};
use crate::secret::Secret;

/// The vault's file in its folder.
const FILE: &str = "keys.age";
/// Held over reading, changing and writing it.
const LOCK: &str = "lock";
/// What is added to the name of the identity's file for the lock that is held over changing it.
const IDENTITY_LOCK_ENDING: &str = ".lock";

/// The vault of one home: `FOLDER/keys.age` holds all keys; the identity that opens it is a file elsewhere, which
/// other homes may use too.
///
/// Nothing is kept between calls: every one reads what it needs, and forgets it. Processes and threads may use one
/// vault at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vault {
    folder: PathBuf,
    identity: PathBuf,
}

/// What opens the identity.
#[derive(Clone, Copy, Debug)]
pub enum Unlock<'a> {
    /// Nothing: it is in clear.
    Plain,
    /// A passphrase. Not looked at if the identity is in clear; a new identity is put under it.
    Passphrase(&'a Secret),
}

impl Vault {
    /// Nothing is read or written yet. `folder` is `HOME/vault`; `identity` a file outside of the home, such as
    /// `~/.config/zo/identity`.
    pub fn new(folder: PathBuf, identity: PathBuf) -> Self {
        Self { folder, identity }
    }

    /// Whether there is a vault's file, whatever is in it; also if that cannot be told, and what uses it says why.
    pub fn is_used(&self) -> bool {
        self.has_file().unwrap_or(true)
    }

    /// Where the identity lies, or will.
    pub fn identity_path(&self) -> &Path {
        &self.identity
    }

    /// All keys by provider, decrypted. Empty if there is no vault.
    ///
    /// # Errors
    /// If identity or vault cannot be used, or others may read them: see [`VaultError`].
    pub fn keys(&self, unlock: Unlock<'_>) -> Result<Keys, VaultError> {
        self.check_place()?;
        if !self.has_file()? {
            return Ok(Keys::new());
        }
        self.read(&self.open_identity(unlock)?)
    }

    /// The key of one provider.
    ///
    /// # Errors
    /// As [`Self::keys`]; if that is no name.
    pub fn get(&self, provider: &str, unlock: Unlock<'_>) -> Result<Option<Secret>, VaultError> {
        check_name(provider)?;
        Ok(self.keys(unlock)?.remove(provider))
    }

    /// Keeps the key, in the place of one that the provider may have. Makes identity and vault if they are not there:
    /// the identity first, so that there is never a vault that nothing opens. Durable when it returns; after a crash
    /// before that the vault is the old one or the new one.
    ///
    /// # Errors
    /// As [`Self::keys`]; if that is no name or no key; of the disk.
    pub fn set(&self, provider: &str, key: &Secret, unlock: Unlock<'_>) -> Result<(), VaultError> {
        check_name(provider)?;
        check_key(key)?;
        self.check_place()?;
        let identity = self.open_or_make_identity(unlock)?;
        make_folder(&self.folder)?;
        let _lock = Lock::take(&self.folder.join(LOCK))?;
        let mut keys = self.read(&identity)?;
        keys.insert(provider.to_owned(), key.clone());
        self.write(&identity, &keys)
    }

    /// Forgets the key; whether there was one. Durable when it returns, as [`Self::set`]. The file stays also when the
    /// last key is gone.
    ///
    /// # Errors
    /// As [`Self::keys`]; if that is no name; of the disk.
    pub fn remove(&self, provider: &str, unlock: Unlock<'_>) -> Result<bool, VaultError> {
        check_name(provider)?;
        self.check_place()?;
        if !self.has_file()? {
            return Ok(false);
        }
        let identity = self.open_identity(unlock)?;
        make_folder(&self.folder)?;
        let _lock = Lock::take(&self.folder.join(LOCK))?;
        let mut keys = self.read(&identity)?;
        let removed = keys.remove(provider).is_some();
        if removed {
            self.write(&identity, &keys)?;
        }
        Ok(removed)
    }

    /// Puts a passphrase on the identity's file, changes it, or takes it off (`new` is none). `old` is not looked at if
    /// the file is in clear. The vault stays as it is; copies of the identity keep the old passphrase.
    ///
    /// # Errors
    /// If there is no identity, it cannot be used, or `old` does not open it; if `new` is empty; of the disk.
    pub fn set_passphrase(&self, old: Option<&Secret>, new: Option<&Secret>) -> Result<(), VaultError> {
        self.check_place()?;
        if new.is_some_and(|new| new.expose().is_empty()) {
            return Err(VaultError::InvalidPassphrase);
        }
        // Looked for before the lock, so that none is made where there is no identity.
        let real = real_file(&self.identity)?.ok_or_else(|| self.identity_missing())?;
        let _lock = Lock::take(&beside(&real, IDENTITY_LOCK_ENDING))?;
        let identity = self.open_identity(old.map_or(Unlock::Plain, Unlock::Passphrase))?;
        // Where a link leads, so that it stays one.
        durable::write(&real, &identity.seal(new), Existing::Replace).map_err(VaultError::io(&real, "write"))
    }

    /// Whether the identity is under a passphrase; false if there is neither identity nor vault.
    ///
    /// # Errors
    /// If there is a vault and no identity, or the identity cannot be used.
    pub fn needs_passphrase(&self) -> Result<bool, VaultError> {
        self.check_place()?;
        match self.read_identity()? {
            Some(file) => sealing::needs_passphrase(&file).map_err(|error| self.identity_unopened(error)),
            None => Ok(false),
        }
    }

    fn file(&self) -> PathBuf {
        self.folder.join(FILE)
    }

    /// What cannot be looked at is no vault without keys: that is an error.
    fn has_file(&self) -> Result<bool, VaultError> {
        let path = self.file();
        match path.symlink_metadata() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(VaultError::io(&path, "look at")(error)),
        }
    }

    /// The identity may lie neither in the home, which is the folder above the vault's, nor beside the vault.
    fn check_place(&self) -> Result<(), VaultError> {
        let folder = std::path::absolute(&self.folder).map_err(VaultError::io(&self.folder, "find"))?;
        // The vault's own folder is asked too: it may be a link to somewhere else.
        if lies_in(&self.identity, folder_of(&folder))? || lies_in(&self.identity, &folder)? {
            return Err(VaultError::InsideHome { identity: self.identity.clone() });
        }
        Ok(())
    }

    /// The identity's file. None if there is none, no link to one, and no vault that would need it.
    fn read_identity(&self) -> Result<Option<zeroize::Zeroizing<Vec<u8>>>, VaultError> {
        let file = private::read(Which::Identity, &self.identity)?;
        if file.is_none() && (self.has_file()? || self.identity.symlink_metadata().is_ok()) {
            return Err(self.identity_missing());
        }
        Ok(file)
    }

    fn open_identity(&self, unlock: Unlock<'_>) -> Result<Identity, VaultError> {
        let file = self.read_identity()?.ok_or_else(|| self.identity_missing())?;
        Identity::open(&file, unlock.passphrase()).map_err(|error| self.identity_unopened(error))
    }

    /// Opens the identity; makes one if there is none and no vault that it could not open.
    fn open_or_make_identity(&self, unlock: Unlock<'_>) -> Result<Identity, VaultError> {
        if self.read_identity()?.is_some() {
            return self.open_identity(unlock);
        }
        if unlock.passphrase().is_some_and(|passphrase| passphrase.expose().is_empty()) {
            return Err(VaultError::InvalidPassphrase);
        }
        make_folder(folder_of(&self.identity))?;
        let _lock = Lock::take(&beside(&self.identity, IDENTITY_LOCK_ENDING))?;
        let identity = Identity::generate();
        match durable::write(&self.identity, &identity.seal(unlock.passphrase()), Existing::Keep) {
            Ok(()) => Ok(identity),
            // Another process was faster.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self.open_identity(unlock),
            Err(error) => Err(VaultError::io(&self.identity, "write")(error)),
        }
    }

    fn read(&self, identity: &Identity) -> Result<Keys, VaultError> {
        let path = self.file();
        let Some(file) = private::read(Which::Vault, &path)? else { return Ok(Keys::new()) };
        let plaintext = identity.decrypt(&file).map_err(|error| self.vault_unopened(error))?;
        content::read(&plaintext).map_err(|error| match error {
            Unreadable::Damaged(why) => Which::Vault.damaged(&path, why),
            Unreadable::Newer(version) => {
                VaultError::Newer { path, found: version.to_string(), known: VERSION.to_string() }
            }
        })
    }

    /// The caller holds the lock.
    fn write(&self, identity: &Identity, keys: &Keys) -> Result<(), VaultError> {
        let path = self.file();
        // Where a link leads, so that it stays one.
        let real = real_file(&path)?.unwrap_or_else(|| path.clone());
        let sealed = identity.encrypt(&content::write(keys));
        durable::write(&real, &sealed, Existing::Replace).map_err(VaultError::io(&path, "write"))
    }

    fn identity_missing(&self) -> VaultError {
        VaultError::IdentityMissing { path: self.identity.clone(), vault: self.file() }
    }

    fn identity_unopened(&self, error: Unopened) -> VaultError {
        let path = self.identity.clone();
        match error {
            Unopened::PassphraseNeeded => VaultError::PassphraseNeeded { path },
            Unopened::WrongPassphrase | Unopened::WrongIdentity => VaultError::WrongPassphrase { path },
            Unopened::Damaged(why) => VaultError::IdentityDamaged { path, why },
            Unopened::Newer(found) => VaultError::Newer { path, found, known: "age v1".to_owned() },
        }
    }

    fn vault_unopened(&self, error: Unopened) -> VaultError {
        let path = self.file();
        match error {
            Unopened::WrongIdentity | Unopened::WrongPassphrase | Unopened::PassphraseNeeded => {
                VaultError::WrongIdentity { identity: self.identity.clone(), vault: path }
            }
            Unopened::Damaged(why) => VaultError::VaultDamaged { path, why },
            Unopened::Newer(found) => VaultError::Newer { path, found, known: "age v1".to_owned() },
        }
    }
}

impl<'a> Unlock<'a> {
    fn passphrase(self) -> Option<&'a Secret> {
        match self {
            Self::Plain => None,
            Self::Passphrase(passphrase) => Some(passphrase),
        }
    }
}
