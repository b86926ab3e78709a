//! `zo file get`.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use clap::Args;
use zo_engine::client::Client;
use zo_engine::protocol::{Request, Response};

use super::with_nearest;
use crate::context::{Context, stream};
use crate::error::{CliError, Kind};
use crate::interrupt::Interrupt;
use crate::output::Output;
use crate::output::text::bytes;

/// Print what is in a file, or write it to one
///
/// Examples:
///   zo file get notes.txt
///   zo file get report.pdf -o report.pdf
///   zo file get report.pdf --version 1 | sha256sum
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Get {
    /// Its name
    name: String,
    /// Write it here instead of to stdout; what is there is replaced
    #[arg(long = "out", short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Which version, from 1 [default: the last one]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    version: Option<u32>,
}

impl Get {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        match &self.output {
            Some(path) if path != Path::new("-") => self.to_file(context, &mut client, path)?,
            _ => self.to_stdout(context, &mut client)?,
        }
        context.close(client)
    }

    fn to_stdout(&self, context: &mut Context, client: &mut Client) -> Result<(), CliError> {
        let mut first = true;
        let output = &mut context.output;
        self.pieces(client, |piece| {
            if std::mem::take(&mut first) {
                refuse_binary(output, piece)?;
            }
            output.bytes(piece)
        })
    }

    /// Writes beside the file and renames: whoever looks at it has the old content or the whole new one.
    fn to_file(&self, context: &mut Context, client: &mut Client, path: &Path) -> Result<(), CliError> {
        let cannot = |error: io::Error| CliError::io(format!("cannot write {}", path.display()), &error);
        if path.is_dir() {
            return Err(CliError::invalid(format!("{} is a folder", path.display())));
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut file = tempfile::Builder::new().prefix(".zo-get-").tempfile_in(folder).map_err(cannot)?;
        let mut size = 0;
        self.pieces(client, |piece| {
            size += piece.len() as u64;
            file.write_all(piece).map_err(cannot)
        })?;
        file.as_file().sync_all().map_err(cannot)?;
        file.persist(path).map_err(|error| cannot(error.error))?;
        context.output.note(format!("{} written to {}", bytes(size), path.display()));
        Ok(())
    }

    /// Hands over each piece in its order.
    fn pieces(&self, client: &mut Client, mut each: impl FnMut(&[u8]) -> Result<(), CliError>) -> Result<(), CliError> {
        let interrupt = Interrupt::watch()?;
        let request = Request::GetFile { name: self.name.clone(), version: self.version, offset: 0, length: None };
        let got = stream(client, &request, |response| {
            if let Response::FileBytes(piece) = response {
                each(&piece)?;
            }
            if interrupt.is_set() {
                return Err(CliError::new(Kind::Interrupted, "interrupted"));
            }
            Ok(ControlFlow::Continue(()))
        });
        got.map_err(|error| with_nearest(error, client, &self.name))
    }
}

/// A terminal is spared what is no text.
fn refuse_binary(output: &Output, piece: &[u8]) -> Result<(), CliError> {
    if output.is_terminal() && piece.contains(&0) {
        return Err(CliError::usage("this is no text, and stdout is a terminal").hint("-o FILE writes it to a file"));
    }
    Ok(())
}
