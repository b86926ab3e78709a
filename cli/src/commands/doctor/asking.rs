//! What asking stands on: the vault and the identity that opens it, the keys, a model that answers.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use zo_engine::protocol::{Environment, FailureKind, WouldAnswer};

use super::Check;
use crate::answering::OFFLINE;
use crate::context::Context;
use crate::error::{CliError, Kind, reason};
use crate::output::text::counted;
use crate::providers::{keys, would_answer};

/// Whether the identity is for its owner alone and lies apart from the home.
pub(super) fn identity(environment: &Environment, home: &Path) -> Check {
    const NAME: &str = "identity";
    let Some(path) = environment.identity.as_deref().map(Path::new) else {
        return Check::warn(
            NAME,
            "nothing tells where it is: HOME is not set",
            "set HOME, or let ZO_IDENTITY name a file",
        );
    };
    let shown = path.display();
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Check::ok(NAME, format!("{shown} is made when the first key is set"))
        }
        Err(error) => {
            Check::warn(NAME, format!("{shown}: {}", reason(&error)), "without it no key in the vault can be used")
        }
        Ok(metadata) if metadata.permissions().mode() & 0o077 != 0 => {
            let mode = metadata.permissions().mode() & 0o777;
            Check::fail(NAME, format!("{shown} has mode {mode:03o}, so it is not used"), format!("chmod 600 {shown}"))
        }
        Ok(_) if path.starts_with(home) => {
            let hint = "let ZO_IDENTITY name a file elsewhere, and move it there";
            Check::fail(NAME, format!("{shown} lies in the home, beside what it opens, so it is not used"), hint)
        }
        Ok(_) => Check::ok(NAME, format!("{shown}, for you alone")),
    }
}

/// Whether the vault is for its owner alone.
pub(super) fn vault(home: &Path) -> Check {
    const NAME: &str = "vault";
    let folder = home.join("vault");
    let (file, missing) = (folder.join("keys.age"), Check::ok(NAME, "there is none: no key lies in it"));
    let mode = |path: &Path| fs::metadata(path).map(|metadata| metadata.permissions().mode() & 0o777);
    match (mode(&file), mode(&folder)) {
        (Err(error), _) if error.kind() == io::ErrorKind::NotFound => missing,
        (Err(error), _) | (_, Err(error)) => {
            let message = format!("{}: {}", file.display(), reason(&error));
            Check::fail(NAME, message, format!("chown it to yourself, and chmod 600 {}", file.display()))
        }
        (Ok(mode), _) if mode & 0o077 != 0 => {
            let message = format!("{} has mode {mode:03o}, so it is not used", file.display());
            Check::fail(NAME, message, format!("chmod 600 {}; others may have had the keys in it", file.display()))
        }
        (_, Ok(mode)) if mode & 0o022 != 0 => {
            let message = format!("others may change {}, which has mode {mode:03o}", folder.display());
            Check::fail(NAME, message, format!("chmod 700 {}", folder.display()))
        }
        _ => Check::ok(NAME, format!("{}, for you alone", file.display())),
    }
}

/// How many keys there are, and from where.
pub(super) fn key(context: &mut Context, environment: &Environment) -> Check {
    const NAME: &str = "keys";
    let asked = context.open_existing().and_then(|mut client| keys(&mut client, environment));
    match asked {
        Ok(keys) if keys.is_empty() => Check::ok(NAME, "none: `zo key set PROVIDER` gives one to a provider"),
        Ok(keys) => {
            let names: Vec<String> = keys.iter().map(|key| format!("{} ({})", key.provider, key.origin)).collect();
            Check::ok(NAME, format!("{}: {}", counted(keys.len() as u64, "key"), names.join(", ")))
        }
        Err(error) => not_told(NAME, error),
    }
}

/// What would answer a question now.
pub(super) fn model(context: &mut Context, environment: &Environment) -> Check {
    const NAME: &str = "model";
    let told = context.open_existing().and_then(|mut client| would_answer(&mut client, environment));
    match told {
        Ok(WouldAnswer { model, why }) if model == OFFLINE && !why.starts_with("it was chosen") => Check::warn(
            NAME,
            format!("{OFFLINE}, which is no language model, answers: {why}"),
            "`zo key set PROVIDER` gives a provider its key; a local Ollama needs none",
        ),
        Ok(WouldAnswer { model, why }) => Check::ok(NAME, format!("{model} answers: {why}")),
        Err(error) => not_told(NAME, error),
    }
}

/// Why something cannot be told: a home that is not there yet is nothing to worry about, and what is wrong with one is said by the
/// check of the store.
pub(super) fn not_told(name: &'static str, error: CliError) -> Check {
    if error.kind == Kind::Engine(FailureKind::NotFound) {
        return Check::ok(name, "there is no home yet");
    }
    let hint = error.hints.first().cloned().unwrap_or_else(|| "`zo log verify` says more".to_owned());
    Check::warn(name, error.message, hint)
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn an_identity_is_for_its_owner_alone_and_apart_from_the_home() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let path = folder.path().join("identity");
        let environment = Environment { identity: Some(path.display().to_string()), ..Environment::default() };
        let check = |home: &str| identity(&environment, &folder.path().join(home));
        assert!(check("home").message.ends_with(" is made when the first key is set"));
        fs::write(&path, "x").expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("a mode");
        let open = check("home");
        assert_eq!((open.state, open.hint), (State::Fail, Some(format!("chmod 600 {}", path.display()))));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("a mode");
        assert_eq!(check("home").state, State::Ok);
        assert_eq!(check("").state, State::Fail, "it lies in the home");
        assert_eq!(identity(&Environment::default(), Path::new("/")).state, State::Warn);
    }

    #[test]
    fn a_vault_that_others_can_read_fails() {
        let home = tempfile::tempdir().expect("a scratch folder");
        assert_eq!(vault(home.path()).state, State::Ok, "there is none");
        let folder = home.path().join("vault");
        let file = folder.join("keys.age");
        fs::create_dir(&folder).and_then(|()| fs::write(&file, "x")).expect("a file");
        let check = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
            vault(home.path()).state
        };
        check(&folder, 0o700);
        assert_eq!(check(&file, 0o640), State::Fail);
        assert_eq!(check(&file, 0o600), State::Ok);
        assert_eq!(check(&folder, 0o722), State::Fail);
    }
}
