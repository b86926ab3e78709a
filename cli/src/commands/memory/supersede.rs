//! `zo memory supersede`.

use clap::Args;
use zo_engine::protocol::Request;

use super::with_nearest;
use crate::context::{Context, write_one};
use crate::error::CliError;
use crate::input::{self, TextArgs};

/// Replace what a memory says
///
/// Examples:
///   zo memory supersede deploy-steps "Deploys run from main now"
///   zo memory supersede deploy-steps --file deploy.md --expect-version 2
///
/// What it said before stays in the log: `zo memory show` has it, and so has `--at` a time before.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Supersede {
    /// Its id
    id: String,
    #[command(flatten)]
    text: TextArgs,
    /// What to say about it from now on, in place of what was said; may be given more than once
    #[arg(long, value_name = "KEY=VALUE", value_parser = input::key_value)]
    meta: Vec<(String, String)>,
    /// Only if the memory is at this version
    #[arg(long, value_name = "N")]
    expect_version: Option<u32>,
}

impl Supersede {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let request = Request::Supersede {
            memory: self.id.clone(),
            content: input::not_blank("the text", self.text.read()?)?,
            meta: input::meta_text(&input::meta(&self.meta)?),
            expected: self.expect_version,
        };
        let mut client = context.open_existing()?;
        let acknowledged =
            write_one(&mut client, &request).map_err(|error| with_nearest(error, &mut client, &self.id))?;
        context.print_acknowledged(&acknowledged, "superseded")?;
        context.close(client)
    }
}
