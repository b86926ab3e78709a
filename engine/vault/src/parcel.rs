//! What leaves a home: a stream under a passphrase of its own, as the `age` tool reads and writes it (`age -d FILE`).

use std::io::{self, Read, Write};

use age::secrecy::SecretString;
use age::{DecryptError, Decryptor, Encryptor, scrypt};
use thiserror::Error;

use crate::sealing::{MAX_WORK_FACTOR, WORK_FACTOR};
use crate::secret::Secret;

/// Why a parcel could not be opened.
#[derive(Debug, Error)]
pub enum ParcelError {
    /// Another passphrase opens it.
    #[error("the passphrase does not open it")]
    WrongPassphrase,
    /// It is nothing that was encrypted under a passphrase, or it is damaged.
    #[error("it is no file that age has encrypted under a passphrase, or it is damaged")]
    Damaged,
    /// It could not be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Encrypts to `out` what `write` writes. Nothing is whole until this returns.
///
/// # Errors
/// If something cannot be written, or `write` fails.
pub fn seal(
    out: &mut dyn Write,
    passphrase: &Secret,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), ParcelError> {
    let mut recipient = scrypt::Recipient::new(SecretString::from(passphrase.expose()));
    recipient.set_work_factor(WORK_FACTOR);
    let encryptor = Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient))
        .map_err(|error| io::Error::other(error.to_string()))?;
    let mut stream = encryptor.wrap_output(out)?;
    write(&mut stream)?;
    stream.finish()?;
    Ok(())
}

/// Decrypts what [`seal`], or the `age` tool, has written. That the end is cut off is told by the last read.
///
/// # Errors
/// If it is none, or the passphrase is another one.
pub fn open<R: Read>(sealed: R, passphrase: &Secret) -> Result<impl Read, ParcelError> {
    let decryptor = Decryptor::new(sealed).map_err(|error| match error {
        DecryptError::Io(error) => ParcelError::Io(error),
        _ => ParcelError::Damaged,
    })?;
    if !decryptor.is_scrypt() {
        return Err(ParcelError::Damaged);
    }
    let mut identity = scrypt::Identity::new(SecretString::from(passphrase.expose()));
    identity.set_max_work_factor(MAX_WORK_FACTOR);
    decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity)).map_err(|error| match error {
        DecryptError::DecryptionFailed | DecryptError::NoMatchingKeys => ParcelError::WrongPassphrase,
        DecryptError::Io(error) => ParcelError::Io(error),
        _ => ParcelError::Damaged,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_opens_with_its_passphrase_alone_and_whole() {
        let mut sealed = Vec::new();
        let passphrase = Secret::new("correct horse");
        seal(&mut sealed, &passphrase, |out| out.write_all(&[7; 100_000])).expect("it goes well");
        assert!(!sealed.windows(64).any(|part| part == [7; 64]));
        let mut opened = Vec::new();
        open(&sealed[..], &passphrase).expect("it goes well").read_to_end(&mut opened).expect("it goes well");
        assert_eq!(opened, [7; 100_000]);
        let wrong = open(&sealed[..], &Secret::new("other")).err().expect("it is refused");
        assert!(matches!(wrong, ParcelError::WrongPassphrase), "{wrong}");
        assert!(matches!(
            open(&b"no parcel"[..], &passphrase).err().expect("it is refused"),
            ParcelError::Damaged | ParcelError::Io(_)
        ));
        let cut = &sealed[..sealed.len() - 5];
        assert!(
            open(cut, &passphrase).expect("it goes well").read_to_end(&mut Vec::new()).is_err(),
            "a part is not taken for the whole"
        );
    }
}
