//! `zo log export`.

use std::path::PathBuf;

use clap::Args;

use super::not_yet;
use crate::context::Context;
use crate::error::CliError;

/// Write the whole log into one file
///
/// Examples:
///   zo log export everything.zolog
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Export {
    /// The file; it must not exist
    file: PathBuf,
}

impl Export {
    pub(crate) fn run(&self, _context: &mut Context) -> Result<(), CliError> {
        let what = format!("export a log, so {} was not written", self.file.display());
        Err(not_yet(&what, "`zo log backup DIR` copies everything, and `zo log show --json` prints every event"))
    }
}
