//! `zo log import`.

use std::path::PathBuf;

use clap::Args;
use zo_engine::maintenance;

use super::print_restored;
use crate::context::Context;
use crate::error::CliError;

/// Make a home from the file that `zo log export` wrote
///
/// Examples:
///   zo --home ~/copy log import everything.zos
///
/// The home must not exist yet. Large texts and keys are taken from FILE.blobs and FILE.keys, if they are there.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Import {
    /// The file
    file: PathBuf,
}

impl Import {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let restored = maintenance::import(&context.home, &self.file)?;
        print_restored(&mut context.output, &restored)
    }
}
