//! `zo file list`.

use clap::Args;
use zo_engine::protocol::{HostedFile, MAX_PAGE};

use super::page;
use crate::context::Context;
use crate::error::CliError;
use crate::output::Table;
use crate::output::text::bytes;
use crate::time::minute;

/// List the files, by name
///
/// Examples:
///   zo file list
///   zo file list site/
///   zo file list --json | jq -r 'select(.size > 1000000) | .name'
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct List {
    /// Only those whose names begin with this
    #[arg(default_value = "", hide_default_value = true)]
    prefix: String,
}

impl List {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        let (mut after, mut further) = (None, false);
        loop {
            let (files, next) = page(&mut client, &self.prefix, after, MAX_PAGE as u32)?;
            if files.is_empty() && !further {
                context.output.note("there is no such file: `zo file put` puts one");
            }
            print(context, &files, further)?;
            match next {
                Some(next) => (after, further) = (Some(next), true),
                None => break,
            }
        }
        context.close(client)
    }
}

/// Prints files, a line each; further ones of the same list without headings.
pub(super) fn print(context: &mut Context, files: &[HostedFile], further: bool) -> Result<(), CliError> {
    context.output.list(Table::new(&["NAME", "VERSION", "SIZE", "PUT", "TYPE"]).bare(further), files, |file| {
        let media_type = if file.removed { "removed".to_owned() } else { file.media_type.clone() };
        [file.name.clone(), file.version.to_string(), bytes(file.size), minute(file.at), media_type]
    })?;
    context.output.flush()
}
