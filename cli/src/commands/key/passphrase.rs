//! `zo key passphrase`.

use std::io::{self, IsTerminal};
use std::path::PathBuf;

use clap::Args;
use zo_engine::protocol::{Environment, Request, SecretText};

use crate::context::{Context, write_one};
use crate::error::CliError;
use crate::passphrase::{PASSPHRASE_FILE, unlocked};
use crate::secret::{check_passphrase, from_file, from_stdin};

/// Put a passphrase on the identity that opens the vault, change it, or take it off
///
/// Examples:
///   zo key passphrase
///   zo key passphrase --new-file new.txt
///   zo key passphrase --old-file old.txt --new-file new.txt
///   zo key passphrase --remove
///
/// On a terminal it is asked for: the old one if there is one, the new one twice. Through a pipe come the old one, if there is
/// one, and the new one, each on a line. Whatever needs the vault asks for it from then on; where nobody can be asked,
/// ZO_PASSPHRASE_FILE names a file that has it.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Passphrase {
    /// Take it off
    #[arg(long, conflicts_with = "new_file")]
    remove: bool,
    /// Read the old one from a file
    #[arg(long, value_name = "FILE")]
    old_file: Option<PathBuf>,
    /// Read the new one from a file
    #[arg(long, value_name = "FILE")]
    new_file: Option<PathBuf>,
}

impl Passphrase {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut environment = context.environment();
        let new = self.read(context, &mut environment)?;
        let mut client = context.open_existing()?;
        let acknowledged = unlocked(&mut context.output, &mut environment, |_, environment| {
            let (new, environment) = (new.clone(), environment.clone());
            write_one(&mut client, &Request::SetPassphrase { new, environment })
        })?;
        if context.output.is_json() {
            context.output.data(&acknowledged)?;
        } else if self.remove {
            context.output.note("the identity has no passphrase any more");
        } else {
            context.output.note(format!(
                "the identity has this passphrase now; where nobody can be asked, let {PASSPHRASE_FILE} name a file with it"
            ));
        }
        context.close(client)
    }

    /// The new passphrase, none to take it off; an old one that was given goes into `environment`.
    fn read(&self, context: &mut Context, environment: &mut Environment) -> Result<Option<SecretText>, CliError> {
        if let Some(file) = &self.old_file {
            environment.passphrase = Some(from_file(&mut context.output, file)?);
        }
        let mut lines = Lines::default();
        let asks_stdin = self.new_file.is_none() && !(self.remove && self.old_file.is_some());
        if asks_stdin && !io::stdin().is_terminal() {
            lines = Lines::of(&from_stdin()?, !self.remove)?;
        }
        if let Some(old) = lines.old {
            environment.passphrase = Some(old);
        }
        if self.remove {
            return Ok(None);
        }
        let new = match (&self.new_file, lines.new) {
            (Some(file), _) => from_file(&mut context.output, file)?,
            (None, Some(new)) => new,
            (None, None) => ask(context, environment)?,
        };
        check_passphrase("the new passphrase", &new)?;
        Ok(Some(new))
    }
}

/// Asks a person: for the old one if the identity has one and it is not known yet, and for the new one, twice.
fn ask(context: &mut Context, environment: &mut Environment) -> Result<SecretText, CliError> {
    if !io::stdin().is_terminal() {
        return Err(CliError::usage("no passphrase was given").hint("give it through a pipe or with --new-file FILE"));
    }
    let identity = environment.identity.clone().unwrap_or_default();
    let vault = zo_vault::Vault::new(context.home.join("vault"), identity.into());
    // What is wrong with the identity is said by who uses it.
    if environment.passphrase.is_none() && vault.needs_passphrase().unwrap_or(false) {
        environment.passphrase = Some(context.output.prompt_secret("old passphrase")?);
    }
    let new = context.output.prompt_secret("new passphrase")?;
    check_passphrase("the new passphrase", &new)?;
    if context.output.prompt_secret("new passphrase, once more")? != new {
        return Err(CliError::invalid("the two are not the same; nothing was changed"));
    }
    Ok(new)
}

/// What stdin had.
#[derive(Debug, Default, PartialEq)]
struct Lines {
    old: Option<SecretText>,
    new: Option<SecretText>,
}

impl Lines {
    /// Takes two lines as the old and the new one; one line is the new one if `new_is_wanted`, else the old one. An empty line
    /// is none.
    fn of(text: &SecretText, new_is_wanted: bool) -> Result<Self, CliError> {
        let lines: Vec<&str> = text.0.lines().collect();
        let line = |text: &str| (!text.is_empty()).then(|| SecretText(text.to_owned()));
        let (old, new) = match (lines.as_slice(), new_is_wanted) {
            ([], _) => (None, None),
            ([new], true) => (None, line(new)),
            ([old, new], true) => (line(old), line(new)),
            ([old], false) => (line(old), None),
            (more, true) => return Err(too_many(more.len(), "two are expected: the old passphrase and the new one")),
            (more, false) => return Err(too_many(more.len(), "one is expected: the old passphrase")),
        };
        Ok(Self { old, new })
    }
}

fn too_many(lines: usize, expected: &str) -> CliError {
    CliError::invalid(format!("stdin has {lines} lines where {expected}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_lines_are_the_old_and_the_new_one() {
        let lines = |text: &str, new: bool| {
            let lines = Lines::of(&SecretText(text.to_owned()), new).expect("good lines");
            (lines.old.map(|old| old.0), lines.new.map(|new| new.0))
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(lines("old\nnew", true), (some("old"), some("new")));
        assert_eq!(lines("\r\nnew", true), (None, some("new")));
        assert_eq!(lines("new", true), (None, some("new")));
        assert_eq!(lines("old", false), (some("old"), None));
        assert_eq!(lines("", true), (None, None));
        let error = Lines::of(&SecretText("a\nb\nc".to_owned()), true).expect_err("three");
        assert_eq!(error.message, "stdin has 3 lines where two are expected: the old passphrase and the new one");
    }
}
