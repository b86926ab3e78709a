//! Chapter 5 of the demo: a child of ours writes as fast as it can, is killed with SIGKILL, and everything that it had
//! acknowledged must be in the log.

use std::collections::HashMap;
use std::env;
use std::io::{self, BufRead, BufReader, Write};
use std::ops::ControlFlow;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;

use serde_json::{Value, json};
use zo_engine::protocol::{Answer, At, EventSelection, Query, Request, Response};
use zo_projections::Position;

use super::story::Story;
use crate::context::{Context, query, stream};
use crate::error::CliError;
use crate::output::text::{count, counted};

/// After so many acknowledgements the child is killed.
const KILL_AFTER: usize = 700;
/// So many lines there would be, if it lived: more than it can write until then.
const LINES: usize = 200_000;
/// Signal number of SIGKILL.
pub(super) const SIGKILL: i32 = 9;

/// What the child had promised.
struct Promised {
    /// `(id, position)`, in order.
    acknowledged: Vec<(String, u64)>,
    /// Whether it ended by SIGKILL.
    killed: bool,
}

/// Tells the chapter; returns the last position before it.
pub(super) fn kill_in_the_middle_of_writing(context: &mut Context, story: &mut Story) -> Result<Position, CliError> {
    story.chapter(&mut context.output, "kill -9, in the middle of writing")?;
    let before = head(context)?;
    let home = context.home.display().to_string();
    story.say(&mut context.output, &format!("producer | zo --home {home} memorize --jsonl - --json"))?;
    let promised = write_until_killed(context)?;
    let acknowledged = promised.acknowledged.len();
    let claim =
        format!("it was killed by SIGKILL after it had acknowledged {}", counted(acknowledged as u64, "memory"));
    story.claim(&mut context.output, promised.killed && acknowledged >= KILL_AFTER, &claim)?;
    let recorded = recorded_after(context, before)?;
    let kept = promised.acknowledged.iter().filter(|(id, position)| recorded.get(position) == Some(id)).count();
    let claim = format!(
        "{} of {} are in the log, at the positions that were promised",
        count(kept as u64),
        count(acknowledged as u64)
    );
    story.claim(&mut context.output, kept == acknowledged && acknowledged > 0, &claim)?;
    let extra = recorded.len().saturating_sub(acknowledged) as u64;
    story.quote(&mut context.output, &format!("({} more had become durable before anybody was told)", count(extra)))?;
    Ok(before)
}

pub(super) fn head(context: &mut Context) -> Result<Position, CliError> {
    let mut client = context.open_existing()?;
    let head = query(&mut client, Query::Status, None, |answer| match answer {
        Answer::Status(status) => Some(status.head),
        _ => None,
    })?;
    // Closed, so that the child holds the store itself: it is the writer that is to be killed.
    context.close(client)?;
    Ok(head)
}

/// Starts the child, feeds it, reads what it acknowledges, and kills it while it writes.
fn write_until_killed(context: &Context) -> Result<Promised, CliError> {
    let cannot = |error: io::Error| CliError::io("cannot run a child of our own", &error);
    let mut child = Command::new(env::current_exe().map_err(cannot)?)
        .arg("--home")
        .arg(&context.home)
        .args(["memorize", "--jsonl", "-", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(cannot)?;
    let input = child.stdin.take().expect("it was asked for");
    let feeding = thread::spawn(move || feed(input));
    let acknowledged = acknowledgements(&mut child).map_err(cannot);
    // Whatever happened, no child is left behind.
    let _ = child.kill();
    let status = child.wait().map_err(cannot)?;
    let _ = feeding.join();
    Ok(Promised { acknowledged: acknowledged?, killed: status.signal() == Some(SIGKILL) })
}

/// Writes lines until nobody reads them any more.
fn feed(mut input: ChildStdin) {
    for number in 0..LINES {
        let line = json!({"id": format!("reading/{number}"), "content": format!("Sensor reading {number} of the tide clock: {} cm", number % 640)});
        if writeln!(input, "{line}").is_err() {
            return;
        }
    }
}

/// Reads acknowledgements; kills the child in the middle, and reads on what it had said by then.
fn acknowledgements(child: &mut Child) -> io::Result<Vec<(String, u64)>> {
    let mut output = BufReader::new(child.stdout.take().expect("it was asked for"));
    let mut acknowledged = Vec::new();
    let mut line = String::new();
    loop {
        line.clear();
        output.read_line(&mut line)?;
        // A line that was cut by the kill is no acknowledgement.
        let Some(whole) = line.strip_suffix('\n') else { return Ok(acknowledged) };
        let value: Value = serde_json::from_str(whole)?;
        let (id, position) = (value["id"].as_str(), value["position"].as_u64());
        let (id, position) =
            id.zip(position).ok_or_else(|| io::Error::other(format!("not an acknowledgement: {whole}")))?;
        acknowledged.push((id.to_owned(), position));
        if acknowledged.len() == KILL_AFTER {
            child.kill()?;
        }
    }
}

/// Position and id of every memory that the log has after `before`.
fn recorded_after(context: &mut Context, before: Position) -> Result<HashMap<u64, String>, CliError> {
    let mut client = context.open_existing()?;
    let selection = EventSelection {
        from: before.next(),
        to: None::<At>,
        kind: Some("memory.memorized".to_owned()),
        ..EventSelection::default()
    };
    let mut recorded = HashMap::new();
    stream(&mut client, &Request::Events { selection, follow: false }, |response| {
        if let Response::Event(event) = response {
            let data: Value = serde_json::from_str(&event.data).unwrap_or_default();
            let name = data["name"].as_str().unwrap_or_default().to_owned();
            recorded.insert(event.position.0, name);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    context.close(client)?;
    Ok(recorded)
}
