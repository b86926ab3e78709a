//! `zo kv set`.

use clap::Args;
use zo_engine::protocol::Request;

use crate::context::{Context, write_one};
use crate::error::CliError;
use crate::input::{self, TextArgs};

/// Give a key a value
///
/// Examples:
///   zo kv set editor.theme dark
///   zo kv set prompt --file prompt.txt
///   date | zo kv set last-backup
///   zo kv set leader node-1 --if-absent
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Set {
    /// The key
    key: String,
    #[command(flatten)]
    value: TextArgs,
    /// Only if the key is at this version
    #[arg(long, value_name = "N", conflicts_with = "if_absent")]
    if_version: Option<u32>,
    /// Only if the key has no value
    #[arg(long)]
    if_absent: bool,
}

impl Set {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        input::check_name("the key", &self.key)?;
        let request = Request::SetKey {
            key: self.key.clone(),
            value: self.value.read()?,
            expected: if self.if_absent { Some(0) } else { self.if_version },
            idempotency: context.fresh_id(),
        };
        let mut client = context.open()?;
        let acknowledged = write_one(&mut client, &request)?;
        context.print_acknowledged(&acknowledged, "set")?;
        context.close(client)
    }
}
