//! `zo log show`.

use std::ops::ControlFlow;

use clap::Args;
use zo_engine::protocol::{At, EventSelection, Request, Response};
use zo_projections::Position;

use super::line;
use crate::context::{Context, stream};
use crate::error::CliError;
use crate::time::AtArgs;

/// Show events with everything they say
///
/// Examples:
///   zo log show 120
///   zo log show 120..140
///   zo log show 120.. --kind memory. --json
///   zo log show memory/01K…
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Show {
    /// A position, a range of positions (A..B, A.., ..B; B is included), or a stream; everything if not given
    #[arg(value_parser = parse_which, value_name = "POSITION|A..B|STREAM")]
    which: Option<Which>,
    /// Only those whose kind begins with this
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    #[command(flatten)]
    at: AtArgs,
}

/// Which events.
#[derive(Clone, Debug, PartialEq)]
enum Which {
    Range { from: Position, to: Option<Position> },
    Stream(String),
}

fn parse_which(text: &str) -> Result<Which, String> {
    const EXPECTED: &str = "a position (120), a range (120..140) or a stream (memory/01K…) is expected";
    let number = |text: &str| text.parse().map(Position).map_err(|_| EXPECTED.to_owned());
    if let Some((from, to)) = text.split_once("..") {
        let from = if from.is_empty() { Position(1) } else { number(from)? };
        let to = if to.is_empty() { None } else { Some(number(to)?) };
        if to.is_some_and(|to| to < from) {
            return Err(format!("the range {text} ends before it begins"));
        }
        return Ok(Which::Range { from, to });
    }
    if text.starts_with(|letter: char| letter.is_ascii_digit()) {
        let position = number(text)?;
        return Ok(Which::Range { from: position, to: Some(position) });
    }
    if text.is_empty() { Err(EXPECTED.to_owned()) } else { Ok(Which::Stream(text.to_owned())) }
}

impl Show {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut selection = EventSelection { to: self.at.at, kind: self.kind.clone(), ..EventSelection::default() };
        match &self.which {
            None => {}
            Some(Which::Stream(stream)) => selection.stream = Some(stream.clone()),
            Some(Which::Range { from, to }) => {
                selection.from = *from;
                if let Some(to) = to {
                    if self.at.at.is_some() {
                        return Err(CliError::usage("--at says where to end, and so does the range"));
                    }
                    selection.to = Some(At::Position(*to));
                }
            }
        }
        let single = matches!(&self.which, Some(Which::Range { from, to: Some(to) }) if from == to);
        let mut client = context.open_existing()?;
        let output = &mut context.output;
        let mut shown = 0_u64;
        stream(&mut client, &Request::Events { selection, follow: false }, |response| {
            if let Response::Event(event) = response {
                if shown > 0 && !output.is_json() {
                    output.line("")?;
                }
                line::print_at_length(output, &event)?;
                shown += 1;
            }
            Ok(ControlFlow::Continue(()))
        })?;
        if shown == 0 && single {
            return Err(CliError::not_found("there is no such event").hint("`zo log tail` shows the last ones"));
        }
        context.close(client)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_ranges_and_streams_are_told_apart() {
        let range = |from, to: Option<u64>| Ok(Which::Range { from: Position(from), to: to.map(Position) });
        assert_eq!(parse_which("12"), range(12, Some(12)));
        assert_eq!(parse_which("12..14"), range(12, Some(14)));
        assert_eq!(parse_which("12.."), range(12, None));
        assert_eq!(parse_which("..14"), range(1, Some(14)));
        assert_eq!(parse_which("memory/01K"), Ok(Which::Stream("memory/01K".to_owned())));
        assert!(parse_which("14..12").is_err());
        assert!(parse_which("12x").is_err());
        assert!(parse_which("a..b").is_err());
        assert!(parse_which("").is_err());
    }
}
