//! `zo memory forget`.

use clap::Args;
use zo_engine::protocol::{Answer, Query, Request};

use super::{content_of, with_nearest};
use crate::context::{Context, query, write_one};
use crate::error::CliError;
use crate::output::text;

/// Hide a memory
///
/// Examples:
///   zo memory forget 01K…
///   zo memory forget deploy-steps --yes
///
/// It is in no list any more. The log keeps it, and `--at` a time before still shows it.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Forget {
    /// Its id
    id: String,
    /// Do it without asking
    #[arg(long, short)]
    yes: bool,
}

impl Forget {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        if !self.yes {
            // Whoever is asked sees what it is about, and a typo is told before anything is asked.
            let shown = query(&mut client, Query::Memory { id: self.id.clone() }, None, |answer| match answer {
                Answer::Memory { memory, .. } => Some(memory),
                _ => None,
            });
            let memory = shown.map_err(|error| with_nearest(error, &mut client, &self.id))?;
            let line = text::cut(&text::preview(content_of(&memory)), 60);
            context.output.confirm(&format!("Forget {} ({line})?", self.id), false)?;
        }
        let request = Request::Forget { memory: self.id.clone() };
        let acknowledged =
            write_one(&mut client, &request).map_err(|error| with_nearest(error, &mut client, &self.id))?;
        context.print_acknowledged(&acknowledged, "forgotten")?;
        context.close(client)
    }
}
