//! `zo log export`.

use std::ops::ControlFlow;
use std::path::PathBuf;

use clap::Args;
use zo_engine::maintenance;
use zo_engine::protocol::FailureKind;

use crate::context::Context;
use crate::error::{CliError, Kind};
use crate::output::Total;
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
        let client = context.open_existing()?;
        let Some(engine) = client.engine() else {
            let message = format!("process {} has the home open, and only it could export", client.holder());
            return Err(CliError::new(Kind::Engine(FailureKind::Refused), message)
                .hint("run it again when that process has ended; `zo log backup DIR` works meanwhile"));
        };
        let progress = context.output.progress("exporting", Total::Later);
        let written = maintenance::export(engine, &self.file, self.with_keys, &mut |what, done, total| {
            progress.show(what, done, total);
            ControlFlow::Continue(())
        })?;
        drop(progress);
        let output = &mut context.output;
        if output.is_json() {
            output.data(&written)?;
        } else {
            let blobs = counted(u64::from(written.blobs_copied), "blob");
            output.line(format!("wrote the log to position {} and {blobs}, {}", written.head, bytes(written.bytes)))?;
            if !written.keys {
                output.note("the keys are not with it: without them it cannot be read (--with-keys)");
            }
        }
        Ok(client.close()?)
    }
}
