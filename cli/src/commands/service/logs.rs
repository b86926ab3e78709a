//! `zo service logs`.

use std::ops::ControlFlow;

use clap::Args;
use zo_engine::protocol::{Request, Response};

use super::find;
use crate::context::{Context, stream};
use crate::error::CliError;
use crate::interrupt::Interrupt;

/// Print what a service has printed
///
/// Examples:
///   zo service logs notes
///   zo service logs -f -n 100 notes
///
/// Each line has its time in front. -f goes on until Ctrl-C.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Logs {
    /// Its label
    label: String,
    /// How many lines
    #[arg(long = "lines", short = 'n', value_name = "N", default_value_t = 50)]
    lines: u32,
    /// Wait for further lines
    #[arg(long, short)]
    follow: bool,
}

impl Logs {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        let label = find(&mut client, &self.label)?.label;
        let interrupt = self.follow.then(Interrupt::watch).transpose()?;
        let output = &mut context.output;
        let request = Request::ServiceLog { label, lines: self.lines, follow: self.follow };
        stream(&mut client, &request, |response| {
            if let Response::ServiceLog { lines } = response {
                for line in lines {
                    if output.is_json() { output.data(&line)? } else { output.line(output.shown(&line))? }
                }
            }
            output.flush()?;
            let stop = interrupt.as_ref().is_some_and(Interrupt::is_set);
            Ok(if stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        context.close(client)
    }
}
