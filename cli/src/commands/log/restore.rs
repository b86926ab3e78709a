//! `zo log restore`.

use std::path::PathBuf;

use clap::Args;

use super::not_yet;
use crate::context::Context;
use crate::error::CliError;

/// Bring back what is damaged, from the second copies or a backup
///
/// Examples:
///   zo log restore
///   zo log restore --from /mnt/usb/zo --yes
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Restore {
    /// A backup folder; the second copies within the home if not given
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// Do it without asking
    #[arg(long, short)]
    yes: bool,
}

impl Restore {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let from = self.from.as_ref().map_or("its second copies".to_owned(), |folder| folder.display().to_string());
        let home = context.home.display().to_string();
        context.output.confirm(&format!("Restore {home} from {from}?"), self.yes)?;
        Err(not_yet("restore a log, so nothing was changed", "`zo log verify` says what is damaged"))
    }
}
