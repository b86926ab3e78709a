//! `zo log backup`.

use std::path::PathBuf;

use clap::Args;
use zo_engine::protocol::{Request, Response};

use crate::context::{Context, with_progress};
use crate::error::CliError;
use crate::output::text::{bytes, counted};

/// Copy what is not there yet into a backup folder
///
/// Examples:
///   zo log backup /mnt/usb/zo
///   zo log backup /mnt/safe/zo --with-keys
///
/// Run again, it copies only what is new. What people wrote is sealed in the log: without the keys nobody can read it
/// from the backup, and with them everybody who has the backup can.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Backup {
    /// The folder; it is made if there is none
    folder: PathBuf,
    /// Copy the keys too
    #[arg(long)]
    with_keys: bool,
}

impl Backup {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        // The holder may run in another folder than we do.
        let folder = std::path::absolute(&self.folder)
            .map_err(|error| CliError::io(format!("cannot use {}", self.folder.display()), &error))?;
        let named = folder.to_str().ok_or_else(|| CliError::usage("the name of the folder is not UTF-8"))?.to_owned();
        let mut client = context.open_existing()?;
        let request = Request::Backup { folder: named, with_keys: self.with_keys };
        let copied = with_progress(&mut client, &mut context.output, "copying", &request, |response| match response {
            Response::BackedUp(backed_up) => Some(backed_up),
            _ => None,
        })?;
        let output = &mut context.output;
        if output.is_json() {
            output.data(&copied)?;
        } else {
            let segments = counted(u64::from(copied.segments_copied), "segment");
            let blobs = counted(u64::from(copied.blobs_copied), "blob");
            let present = copied.segments_present;
            let written = bytes(copied.bytes);
            let files = match copied.files_copied {
                0 => String::new(),
                parts => format!(", {} of hosted files", counted(u64::from(parts), "part")),
            };
            output.line(format!("copied {segments} and {blobs}{files}, {written}; {present} were there already"))?;
            output.line(format!("the backup reaches to position {}", copied.head))?;
            if !copied.keys {
                output.note("the keys are not in it: without them it cannot be read (--with-keys)");
            }
        }
        context.close(client)
    }
}
