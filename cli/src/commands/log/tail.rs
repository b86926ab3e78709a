//! `zo log tail`.

use std::ops::ControlFlow;

use clap::Args;
use zo_engine::protocol::{EventSelection, Request, Response};

use super::line;
use crate::context::{Context, stream};
use crate::error::CliError;
use crate::interrupt::Interrupt;
use crate::time::AtArgs;

/// Show the last events, and those to come
///
/// Examples:
///   zo log tail -n 100
///   zo log tail --follow --kind memory.
///   zo log tail --stream conversation --json
///   zo log tail --at "10 minutes ago"
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Tail {
    /// How many
    #[arg(long = "lines", short = 'n', value_name = "N", default_value_t = 10)]
    lines: u32,
    /// Wait for further events, until Ctrl-C
    #[arg(long, short, conflicts_with = "at")]
    follow: bool,
    /// Only those of this stream (memory/01K…) or category (memory)
    #[arg(long, value_name = "STREAM")]
    stream: Option<String>,
    /// Only those whose kind begins with this
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    #[command(flatten)]
    at: AtArgs,
}

impl Tail {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let selection = EventSelection {
            to: self.at.at,
            last: Some(self.lines),
            stream: self.stream.clone(),
            kind: self.kind.clone(),
            ..EventSelection::default()
        };
        let mut client = context.open_existing()?;
        let interrupt = self.follow.then(Interrupt::watch).transpose()?;
        let output = &mut context.output;
        stream(&mut client, &Request::Events { selection, follow: self.follow }, |response| {
            if let Response::Event(event) = response {
                line::print(output, &event)?;
            }
            if interrupt.is_some() {
                // Whoever watches has each event at once; and what comes without one only asks if we still do.
                output.flush()?;
            }
            let stop = interrupt.as_ref().is_some_and(Interrupt::is_set);
            Ok(if stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        context.close(client)
    }
}
