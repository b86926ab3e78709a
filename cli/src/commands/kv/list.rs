//! `zo kv list`.

use clap::Args;
use zo_engine::protocol::{Answer, MAX_PAGE, Query};

use super::KeyJson;
use crate::context::{Context, query};
use crate::error::CliError;
use crate::output::{Table, text};
use crate::time::{AtArgs, minute};

/// List keys with their values, in order
///
/// Examples:
///   zo kv list
///   zo kv list editor. --json
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct List {
    /// Only keys that begin with this
    #[arg(default_value = "", hide_default_value = true)]
    prefix: String,
    #[command(flatten)]
    at: AtArgs,
}

impl List {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        let mut after = None;
        loop {
            let page = Query::Keys { prefix: self.prefix.clone(), after: after.clone(), limit: MAX_PAGE as u32 };
            let keys = query(&mut client, page, self.at.at, |answer| match answer {
                Answer::Keys(keys) => Some(keys),
                _ => None,
            })?;
            context.output.list_as(
                Table::new(&["KEY", "POSITION", "WHEN", "VALUE"]).bare(after.is_some()),
                &keys,
                KeyJson::of,
                |line| {
                    let value = line.value.as_deref().unwrap_or("(cannot be opened: its key or blob is gone)");
                    let position = line.position.to_string();
                    [line.key.clone(), position, minute(line.at), text::preview(value)]
                },
            )?;
            context.output.flush()?;
            match keys.last() {
                Some(last) if keys.len() == MAX_PAGE => after = Some(last.key.clone()),
                _ => return context.close(client),
            }
        }
    }
}
