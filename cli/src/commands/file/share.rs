//! `zo file share`.

use clap::Args;
use serde::Serialize;
use zo_engine::protocol::{Request, Response, ShareLine};
use zo_projections::Timestamp;

use super::with_nearest;
use crate::context::{Context, unexpected};
use crate::error::CliError;
use crate::serving;
use crate::time::{minute, parse_expiry};

/// Make a link by which whoever has it can read a file, or all below a folder
///
/// Examples:
///   zo file share report.pdf --expires 7d
///   zo file share site/ --site
///   zo file share site/ --site --json | jq -r .url
///
/// `zo serve` serves it, at an address of its own. With --site a folder is answered with its index.html.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Share {
    /// A file, or a folder with a slash behind it
    name: String,
    /// Answer folders with their index.html
    #[arg(long)]
    site: bool,
    /// Until when it holds: 7d, 2027-01-01 [default: until it is taken back]
    #[arg(long, value_name = "DURATION|TIME", value_parser = parse_expiry)]
    expires: Option<Timestamp>,
}

/// A link, as JSON has it.
#[derive(Serialize)]
pub(super) struct ShareJson<'a> {
    #[serde(flatten)]
    pub(super) share: &'a ShareLine,
    /// Where it is, if `zo serve` runs.
    pub(super) url: Option<String>,
}

impl Share {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        let request = Request::ShareFile { name: self.name.clone(), site: self.site, expires_at: self.expires };
        let answered = client.one(&request).map_err(CliError::from);
        let share = match answered.map_err(|error| with_nearest(error, &mut client, &self.name))? {
            Response::Shared(share) => *share,
            Response::Acknowledged(results) => match results.into_iter().next() {
                Some(Err(failure)) => return Err(with_nearest(failure.into(), &mut client, &self.name)),
                other => return Err(unexpected(&Response::Acknowledged(other.into_iter().collect()))),
            },
            other => return Err(unexpected(&other)),
        };
        let serving = serving::of(&client, &context.home);
        let url = serving.and_then(|serving| serving.files_url()).map(|base| format!("{base}{}", share.path));
        let output = &mut context.output;
        if output.is_json() {
            output.data(&ShareJson { share: &share, url })?;
        } else {
            output.line(url.as_ref().unwrap_or(&share.path))?;
            if url.is_none() {
                output.note("note: nothing serves files now: `zo serve` does, and says at which address");
            }
            let until = share.expires_at.map_or_else(|| "it is taken back".to_owned(), minute);
            output.note(format!(
                "whoever has the link can read {} until {until}: `zo file unshare {}`",
                self.name, share.id
            ));
        }
        context.close(client)
    }
}
