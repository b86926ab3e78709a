//! `zo log import`.

use std::path::PathBuf;

use clap::Args;

use super::not_yet;
use crate::context::Context;
use crate::error::CliError;

/// Make a home from the file that `zo log export` wrote
///
/// Examples:
///   zo --home ~/copy log import everything.zolog
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Import {
    /// The file
    file: PathBuf,
}

impl Import {
    pub(crate) fn run(&self, _context: &mut Context) -> Result<(), CliError> {
        let what = format!("import a log, so {} was not read", self.file.display());
        Err(not_yet(&what, "`zo import` takes over notes, chats and databases"))
    }
}
