//! `zo log restore`.

use std::path::PathBuf;

use clap::Args;
use zo_engine::maintenance;

use super::print_restored;
use crate::context::Context;
use crate::error::CliError;

/// Bring back what is damaged, from the second copies or a backup
///
/// Examples:
///   zo log verify
///   zo log restore
///   zo log restore --from /mnt/usb/zo --yes
///   zo --home ~/new log restore --from /mnt/usb/zo
///
/// Keeps everything that can be read from any copy and sets damaged files aside; with --from it takes what is missing
/// from a backup. Where there is no home, it is made from the backup. Nobody may have the home open.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Restore {
    /// A backup folder; the second copies within the home if not given
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// Give up keys that cannot be had any more: the home can be used again, what they sealed stays unreadable
    #[arg(long)]
    new_keys: bool,
    /// Do it without asking
    #[arg(long, short)]
    yes: bool,
}

impl Restore {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        // Where there is nothing, nothing can be destroyed.
        if context.home.exists() {
            let from = self.from.as_ref().map_or("its second copies".to_owned(), |folder| folder.display().to_string());
            let question = format!("Restore {} from {from}?", context.home.display());
            context.output.confirm(&question, self.yes)?;
        }
        let restored = maintenance::restore(&context.home, self.from.as_deref(), self.new_keys)?;
        print_restored(&mut context.output, &restored)
    }
}
