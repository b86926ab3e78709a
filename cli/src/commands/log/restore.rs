//! `zo log restore`.

use std::path::PathBuf;

use clap::Args;
use zo_engine::maintenance::{self, RestoredHome};

use crate::context::Context;
use crate::error::{CliError, Kind};
use crate::output::text::counted;

/// Bring back what is damaged, from the second copies or a backup
///
/// Examples:
///   zo log restore
///   zo log restore --from /mnt/usb/zo --yes
///   zo --home ~/new log restore --from /mnt/usb/zo
///
/// Keeps every event that can be read from any copy, takes the others from the backup if one is named, and moves what
/// is damaged to `log/set-aside` in the home. Where there is no home, it is made from the backup. The exit code is 3
/// if something is lost all the same.
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
        let restored = maintenance::restore(&context.home, self.from.as_deref())?;
        print(context, &restored)
    }
}

/// Says what a restore or an import came to.
pub(super) fn print(context: &mut Context, restored: &RestoredHome) -> Result<(), CliError> {
    for finding in &restored.findings {
        context.output.note(finding);
    }
    if context.output.is_json() {
        context.output.data(restored)?;
    } else {
        context.output.line(format!("the log reaches to position {}", restored.head))?;
        if restored.blobs > 0 {
            context.output.line(format!("{} brought back", counted(u64::from(restored.blobs), "blob")))?;
        }
    }
    match restored.lost {
        None => Ok(()),
        Some((first, last)) => {
            let message = format!("positions {first} to {last} are lost: no copy of them can be read");
            Err(CliError::new(Kind::Unsound, message)
                .hint("`zo log restore --from DIR` takes them from a backup, if there is one"))
        }
    }
}
