//! `zo file …`: one file per command. [`folder`] finds what is in a folder.

mod folder;
mod get;
mod list;
mod put;
mod remove;
mod share;
mod shares;
mod unshare;
mod versions;

use clap::Subcommand;
use zo_engine::client::Client;
use zo_engine::protocol::{Answer, FailureKind, HostedFile, MAX_PAGE, Query};

use crate::context::{Context, query};
use crate::error::{CliError, Kind};
use crate::suggest::nearest;

/// Keep files, every version of them, and let others read them
///
/// Examples:
///   zo file put report.pdf
///   zo file put ./site
///   zo file share site/ --site --expires 7d
///   zo file get report.pdf -o old.pdf --version 1
///
/// A file is kept by what is in it: what was there before takes no more room. `zo serve` serves what is shared.
#[derive(Subcommand, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) enum File {
    Put(put::Put),
    Get(get::Get),
    List(list::List),
    Versions(versions::Versions),
    Remove(remove::Remove),
    Share(share::Share),
    Unshare(unshare::Unshare),
    Shares(shares::Shares),
}

impl File {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        match self {
            Self::Put(command) => command.run(context),
            Self::Get(command) => command.run(context),
            Self::List(command) => command.run(context),
            Self::Versions(command) => command.run(context),
            Self::Remove(command) => command.run(context),
            Self::Share(command) => command.run(context),
            Self::Unshare(command) => command.run(context),
            Self::Shares(command) => command.run(context),
        }
    }
}

/// A page of files whose names begin with `prefix`, behind `after`, and behind what to go on.
fn page(
    client: &mut Client,
    prefix: &str,
    after: Option<String>,
    limit: u32,
) -> Result<(Vec<HostedFile>, Option<String>), CliError> {
    let asked = Query::Files { prefix: prefix.to_owned(), after, limit };
    query(client, asked, None, |answer| match answer {
        Answer::Files { files, next } => Some((files, next)),
        _ => None,
    })
}

/// All files whose names begin with `prefix`.
fn all(client: &mut Client, prefix: &str) -> Result<Vec<HostedFile>, CliError> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let (files, next) = page(client, prefix, after, MAX_PAGE as u32)?;
        all.extend(files);
        match next {
            Some(next) => after = Some(next),
            None => return Ok(all),
        }
    }
}

/// Adds to "there is no such file" the nearest name, as a hint.
fn with_nearest(error: CliError, client: &mut Client, name: &str) -> CliError {
    if error.kind != Kind::Engine(FailureKind::NotFound) {
        return error;
    }
    let Ok((files, _)) = page(client, "", None, MAX_PAGE as u32) else { return error };
    let error = match nearest(name, files.iter().map(|file| file.name.as_str())) {
        Some(near) => error.first_hint(format!("did you mean `{near}`?")),
        None => error,
    };
    if error.hints.is_empty() { error.hint("`zo file list` shows the files there are") } else { error }
}
