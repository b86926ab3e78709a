//! `zo browse export|import`: profiles, with their logins, from one machine to another.

use std::path::{Path, PathBuf};

use clap::Args;
use zo_engine::protocol::{Request, SecretText};

use super::acting::SessionArgs;
use crate::commands::job::what::text_of;
use crate::context::{Context, write_one};
use crate::error::CliError;
use crate::secret;

/// Write the profile of a session, its logins too, into a file that only a passphrase opens
///
/// Examples:
///   zo browse export work.age --session work
///   zo browse export work.age --session work --passphrase-file secret.txt
///
/// Its browser is ended for that. Caches are left out. `age -d work.age | tar t` lists what is in it.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(super) struct Export {
    /// The file, which is not there yet
    file: PathBuf,
    #[command(flatten)]
    passphrase: Passphrase,
}

/// Make a session with a profile that was exported
///
/// Examples:
///   zo browse import work.age --session work
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(super) struct Import {
    /// The file
    file: PathBuf,
    #[command(flatten)]
    passphrase: Passphrase,
}

/// Where the passphrase comes from.
#[derive(Args, Debug)]
struct Passphrase {
    /// A file with the passphrase; it is asked for, or read from stdin, if not said
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

impl Passphrase {
    fn read(&self, context: &mut Context) -> Result<SecretText, CliError> {
        let passphrase = secret::read(context, "passphrase", self.passphrase_file.as_deref())?;
        secret::check_passphrase("the passphrase", &passphrase)?;
        Ok(passphrase)
    }
}

impl Export {
    pub(super) fn run(&self, context: &mut Context, session: &SessionArgs) -> Result<(), CliError> {
        let file = absolute(&self.file)?;
        let passphrase = self.passphrase.read(context)?;
        let mut client = context.open_existing()?;
        let request = Request::ExportBrowser { session: session.session.clone(), file, passphrase };
        let exported = write_one(&mut client, &request)?;
        context.print_acknowledged(&exported, "exported")?;
        context.close(client)
    }
}

impl Import {
    pub(super) fn run(&self, context: &mut Context, session: &SessionArgs) -> Result<(), CliError> {
        let file = absolute(&self.file)?;
        let passphrase = self.passphrase.read(context)?;
        let mut client = context.open()?;
        let request = Request::ImportBrowser { session: session.session.clone(), file, passphrase };
        let imported = write_one(&mut client, &request)?;
        context.print_acknowledged(&imported, "imported")?;
        context.close(client)
    }
}

/// A path as whoever has the home finds it too.
fn absolute(file: &Path) -> Result<String, CliError> {
    let path = std::path::absolute(file)
        .map_err(|error| CliError::io(format!("there is no folder for {}", file.display()), &error))?;
    text_of(&path)
}
