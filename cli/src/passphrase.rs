//! The passphrase of the identity that opens the vault: from a file that a variable names, or asked for where somebody can be
//! asked, and only if it is needed.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use zo_engine::protocol::{Environment, FailureKind, SecretText};

use crate::error::{CliError, Kind};
use crate::output::Output;
use crate::secret;

/// The variable that names a file with the passphrase, for where nobody can be asked.
pub(crate) const PASSPHRASE_FILE: &str = "ZO_PASSPHRASE_FILE";

/// What the file has that the variable names, if there is one and it can be taken. It is read once: it may be a pipe.
pub(crate) fn of_variable() -> Option<SecretText> {
    read_once().clone().ok().flatten()
}

fn read_once() -> &'static Result<Option<SecretText>, CliError> {
    static READ: OnceLock<Result<Option<SecretText>, CliError>> = OnceLock::new();
    READ.get_or_init(|| {
        let file = env::var_os(PASSPHRASE_FILE).filter(|file| !file.is_empty()).map(PathBuf::from);
        file.map(|file| of_file(&file)).transpose()
    })
}

/// The passphrase in a file, which must be for its owner alone: nobody is there to see a warning.
fn of_file(path: &Path) -> Result<SecretText, CliError> {
    let (file, mode) = secret::open(path)?;
    if mode & 0o077 != 0 {
        let message = format!("others can read {}, which has mode {mode:03o}; it is not taken", path.display());
        return Err(
            CliError::new(Kind::Engine(FailureKind::Refused), message).hint(format!("chmod 600 {}", path.display()))
        );
    }
    let passphrase = secret::from_reader(&path.display().to_string(), file)?;
    secret::check_passphrase(&format!("the passphrase in {}", path.display()), &passphrase)?;
    Ok(passphrase)
}

/// Does `work`, which may call for the vault. If that fails for want of the passphrase and a person is there, the person is
/// asked for it, and it is done once more.
///
/// # Errors
/// What it failed with, or why the passphrase could not be had.
pub(crate) fn unlocked<T>(
    output: &mut Output,
    environment: &mut Environment,
    mut work: impl FnMut(&mut Output, &Environment) -> Result<T, CliError>,
) -> Result<T, CliError> {
    let error = match work(output, environment) {
        Err(error) if is_locked(&error) && environment.passphrase.is_none() => error,
        result => return result,
    };
    if read_once().is_err() || !output.is_interactive() {
        return Err(not_to_be_had(error));
    }
    environment.passphrase = Some(output.prompt_secret("passphrase of the identity")?);
    work(output, environment)
}

/// What is said where the passphrase is wanted and nobody can be asked for it: `error` is what failed for want of it.
pub(crate) fn not_to_be_had(error: CliError) -> CliError {
    match read_once() {
        Err(why) => why.clone().at(PASSPHRASE_FILE),
        Ok(_) => error,
    }
}

/// Whether something failed for want of the passphrase, or since the one that was given is another.
pub(crate) fn is_locked(error: &CliError) -> bool {
    error.kind == Kind::Engine(FailureKind::Locked)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_passphrase_is_taken_from_a_file_for_its_owner_alone() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let path = folder.path().join("passphrase");
        fs::write(&path, "correct horse\n").expect("a file");
        let with_mode = |mode| {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("a mode");
            of_file(&path)
        };
        assert_eq!(with_mode(0o600), Ok(SecretText("correct horse".to_owned())));
        let error = with_mode(0o640).expect_err("its group can read it");
        assert!(error.message.ends_with("which has mode 640; it is not taken"), "{error:?}");
        assert!(!error.message.contains("horse"));
        fs::write(&path, "\n").expect("a file");
        assert!(with_mode(0o600).expect_err("it is empty").message.ends_with(" is empty"));
        assert_eq!(of_file(&folder.path().join("none")).expect_err("there is none").kind.name(), "not_found");
    }
}
