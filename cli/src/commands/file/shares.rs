//! `zo file shares`.

use clap::Args;
use zo_engine::protocol::{Answer, Query};

use super::share::ShareJson;
use crate::context::{Context, query};
use crate::error::CliError;
use crate::output::Table;
use crate::serving;
use crate::time::minute;

/// List the links, oldest first
///
/// Examples:
///   zo file shares
///   zo file shares --json | jq -r .url
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Shares {}

impl Shares {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        let shares = query(&mut client, Query::Shares, None, |answer| match answer {
            Answer::Shares(shares) => Some(shares),
            _ => None,
        })?;
        let base = serving::of(&client, &context.home).and_then(|serving| serving.files_url());
        let mut table = Table::new(&["ID", "NAME", "UNTIL", "LINK"]);
        for share in &shares {
            let url = base.as_ref().map(|base| format!("{base}{}", share.path));
            if context.output.is_json() {
                context.output.data(&ShareJson { share, url })?;
            } else {
                let until = share.expires_at.map_or_else(|| "it is taken back".to_owned(), minute);
                let name = if share.site { format!("{} (site)", share.name) } else { share.name.clone() };
                table.row([share.id.clone(), name, until, url.unwrap_or_else(|| share.path.clone())]);
            }
        }
        table.print(&mut context.output)?;
        if shares.is_empty() {
            context.output.note("nothing is shared");
        }
        context.close(client)
    }
}
