//! `zo log import`.

use std::path::PathBuf;

use clap::Args;
use zo_engine::maintenance;

use super::restore::print;
use crate::context::Context;
use crate::error::CliError;

/// Make a home from the file that `zo log export` wrote
///
/// Examples:
///   zo --home ~/copy log import everything.zolog
///
/// The home must not exist yet: a log is taken over whole, every event at its position. FILE.blobs and FILE.keys are
/// taken along if they lie beside the file.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Import {
    /// The file
    file: PathBuf,
}

impl Import {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let restored = maintenance::import(&context.home, &self.file)?;
        if !restored.keys {
            context.output.note("no keys lie beside the file: what is sealed in it cannot be read here");
        }
        print(context, &restored)
    }
}
