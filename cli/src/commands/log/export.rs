//! `zo log export`.

use std::path::PathBuf;

use clap::Args;
use zo_engine::protocol::{Request, Response};

use crate::context::{Context, with_progress};
use crate::error::CliError;
use crate::output::text::{bytes, counted};

/// Write the whole log into one file
///
/// Examples:
///   zo log export everything.zos
///   zo log export everything.zos --with-keys
///   zo --home ~/copy log import everything.zos
///
/// Large texts lie beside it, in a folder FILE.blobs, and the keys, if asked for, in FILE.keys. What people wrote is
/// sealed: without the keys nobody can read it from the file, and with them everybody who has both can.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Export {
    /// The file; it must not exist
    file: PathBuf,
    /// Write the keys too
    #[arg(long)]
    with_keys: bool,
}

impl Export {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        // The holder may run in another folder than we do.
        let file = std::path::absolute(&self.file)
            .map_err(|error| CliError::io(format!("cannot use {}", self.file.display()), &error))?;
        let named = file.to_str().ok_or_else(|| CliError::usage("the name of the file is not UTF-8"))?.to_owned();
        let mut client = context.open_existing()?;
        let request = Request::Export { file: named, with_keys: self.with_keys };
        let output = &mut context.output;
        let written = with_progress(&mut client, output, "exporting", &request, |response| match response {
            Response::BackedUp(backed_up) => Some(backed_up),
            _ => None,
        })?;
        if output.is_json() {
            output.data(&written)?;
        } else {
            let blobs = counted(u64::from(written.blobs_copied), "blob");
            output.line(format!("wrote the log to position {} and {blobs}, {}", written.head, bytes(written.bytes)))?;
            if !written.keys {
                output.note("the keys are not with it: without them it cannot be read (--with-keys)");
            }
        }
        context.close(client)
    }
}
