//! `zo rebuild`.

use clap::Args;
use zo_engine::protocol::{Request, Response};

use crate::context::{Context, with_progress};
use crate::embedding::embed_behind;
use crate::error::{CliError, Kind};
use crate::interrupt::Interrupt;
use crate::output::text::{count, counted};

/// Make everything derived anew from the log
///
/// Examples:
///   zo rebuild
///   zo rebuild --json | jq .same
///
/// Throws away snapshots and the memory index and makes them again. The digests of all views must come out as they
/// were; the exit code is 3 if they do not. Nothing that was recorded is touched. Everything can be found by its words
/// at once, and by its meaning when it is embedded again: Ctrl-C leaves the rest to the next commands.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Rebuild {
    /// Leave the embedding to the next commands
    #[arg(long)]
    no_wait: bool,
}

impl Rebuild {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        let request = Request::Rebuild;
        let rebuilt =
            with_progress(&mut client, &mut context.output, "folding", &request, |response| match response {
                Response::Rebuilt(rebuilt) => Some(*rebuilt),
                _ => None,
            })?;
        let output = &mut context.output;
        if output.is_json() {
            output.data(&rebuilt)?;
        } else {
            let indexed = counted(rebuilt.indexed, "document");
            let events = count(rebuilt.events);
            output.line(format!("folded {events} events and indexed {indexed}, to position {}", rebuilt.position))?;
            for (name, before, after) in &rebuilt.digests {
                let verdict = if before == after { "as before" } else { "DIFFERS" };
                output.line(format!("{}  {name}: {verdict}", &after[..after.len().min(16)]))?;
            }
        }
        if !self.no_wait && !context.output.is_json() {
            let interrupt = Interrupt::watch()?;
            embed_behind(&mut client, &mut context.output, &interrupt, rebuilt.indexed, "document");
        }
        context.close(client)?;
        if rebuilt.same {
            return Ok(());
        }
        Err(CliError::new(Kind::Unsound, "the views are not what the log gives")
            .hint("they are right now; please report what `zo log stats` and this command printed"))
    }
}
