//! `zo file versions`.

use clap::Args;
use zo_engine::protocol::{Answer, Query};

use super::list::print;
use super::with_nearest;
use crate::context::{Context, query};
use crate::error::CliError;

/// List the versions of a file, newest first
///
/// Examples:
///   zo file versions report.pdf
///   zo file versions report.pdf --json | jq -r .blake3
///
/// A name that was removed keeps its versions.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Versions {
    /// Its name
    name: String,
}

impl Versions {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        let asked = Query::FileVersions { name: self.name.clone() };
        let found = query(&mut client, asked, None, |answer| match answer {
            Answer::Files { files, .. } => Some(files),
            _ => None,
        });
        let files = found.map_err(|error| with_nearest(error, &mut client, &self.name))?;
        print(context, &files, false)?;
        context.close(client)
    }
}
