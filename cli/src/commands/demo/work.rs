//! Chapter 7 of the demo: a rule where clocks are put forward, a batch of jobs that is killed with SIGKILL and carried on, and
//! a page that is read by whoever has the link.

use std::collections::BTreeMap;
use std::env;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::ops::ControlFlow;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use zo_engine::client::Client;
use zo_engine::protocol::{
    EventSelection, FailureKind, FileContent, JobArrival, JobInput, JobOptions, Request, Response, ShareLine,
};
use zo_http::{Http, HttpOptions};
use zo_projections::Position;
use zo_sandbox::Sandbox;

use super::crash::{SIGKILL, head};
use super::story::Story;
use crate::context::{Context, stream, unexpected, write, write_one};
use crate::error::{CliError, Kind};
use crate::output::text::counted;

/// A rule whose time no clock showed on 29 March 2026, and when it is due around that day.
const RULE: &str = "every day at 2:30 in Europe/Berlin";
const FROM: &str = "2026-03-28T00:00:00Z";
const DUE: [&str; 3] = ["2026-03-28T01:30:00Z", "2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z"];
/// Jobs of the batch. Each takes a tenth of a second longer than the one before it.
const JOBS: usize = 6;
/// A page, and what it says.
const PAGE: &str = "garden/index.html";
const PAGE_TEXT: &str = "<h1>Tomatoes: Black Cherry</h1>";
/// So long an answer of this very process is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Tells the chapter.
pub(super) fn time_and_work(context: &mut Context, story: &mut Story) -> Result<(), CliError> {
    story.chapter(&mut context.output, "Time and work")?;
    rule(context, story)?;
    if Sandbox::new().report().enforced {
        batch(context, story)?;
    } else {
        // Jobs run confined or not at all, and nothing is claimed of what was not done.
        story
            .quote(&mut context.output, "(commands cannot be confined on this machine: `zo sandbox check` says why)")?;
    }
    page(context, story)
}

/// A time that no clock shows is due all the same, once.
fn rule(context: &mut Context, story: &mut Story) -> Result<(), CliError> {
    story.say(&mut context.output, &format!("zo schedule preview --from {FROM} --count 3 \"{RULE}\""))?;
    let from = FROM.parse().map_err(|_| CliError::invalid(format!("{FROM} is no instant")))?;
    let unsound = |error: zo_recurrence::RuleError| CliError::new(Kind::Unsound, error.to_string());
    let rule = zo_recurrence::parse(RULE, "UTC", from).map_err(unsound)?;
    let due = rule.iter_after(from).take(DUE.len()).collect::<Result<Vec<_>, _>>().map_err(unsound)?;
    for occurrence in &due {
        story.quote(&mut context.output, &format!("{}  {}", occurrence.local, occurrence.utc.to_rfc3339()))?;
    }
    let expected = DUE.iter().map(|text| text.parse().ok());
    let as_expected = due.iter().map(|occurrence| Some(occurrence.utc)).eq(expected);
    let claim = "clocks are put forward over 2:30 on 29 March: it is due an hour's clock later, and once";
    story.claim(&mut context.output, as_expected, claim)
}

/// A batch that a child of ours carries out is killed, and carried on here.
fn batch(context: &mut Context, story: &mut Story) -> Result<(), CliError> {
    let before = head(context)?;
    let ids = submit(context)?;
    story.say(&mut context.output, "zo job submit --each numbers.txt --wait -- sh -c \"sleep {}; echo done\"")?;
    let (ended, by_sigkill) = wait_until_killed(context, &ids)?;
    let in_the_middle = by_sigkill && (1..JOBS).contains(&ended);
    let claim = format!("it was killed by SIGKILL when {ended} of {} had ended", counted(JOBS as u64, "job"));
    story.claim(&mut context.output, in_the_middle, &claim)?;

    story.say(&mut context.output, "zo job wait --batch ID")?;
    let mut client = context.open_existing()?;
    let done = wait(&mut client, &ids)?;
    let completed = recorded(&mut client, before, "job.completed")?;
    let lost = recorded(&mut client, before, "job.lease_lost")?;
    context.close(client)?;
    let once = completed.len() == JOBS && completed.values().all(|times| *times == 1);
    let claim = format!(
        "the next process tried the {} again that were cut off: all {JOBS} are done, and each counts once",
        lost.len()
    );
    story.claim(&mut context.output, done == JOBS && once && !lost.is_empty(), &claim)
}

fn submit(context: &mut Context) -> Result<Vec<String>, CliError> {
    let job = |number: usize| {
        let script = format!("sleep 0.{number}; echo {number}");
        let spec = json!({"kind": "command", "argv": ["sh", "-c", script]}).to_string();
        JobInput { id: context.fresh_id(), name: None, spec, options: JobOptions::default() }
    };
    let jobs = (1..=JOBS).map(job).collect();
    let mut client = context.open_existing()?;
    let submitted = write(&mut client, &Request::SubmitJobs { jobs, batch: true, more_of: None })?;
    let ids = submitted.into_iter().map(|one| Ok(one?.id)).collect::<Result<_, CliError>>()?;
    // Closed, so that the child carries them out itself.
    context.close(client)?;
    Ok(ids)
}

/// How many had ended when the child was killed, and whether it ended by that.
fn wait_until_killed(context: &Context, ids: &[String]) -> Result<(usize, bool), CliError> {
    let cannot = |error: io::Error| CliError::io("cannot run a child of our own", &error);
    let mut child = Command::new(env::current_exe().map_err(cannot)?)
        .arg("--home")
        .arg(&context.home)
        .args(["job", "wait", "--json"])
        .args(ids)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(cannot)?;
    let ended = until_one_has_ended(&mut child).map_err(cannot);
    // Whatever happened, no child is left behind.
    let _ = child.kill();
    let status = child.wait().map_err(cannot)?;
    Ok((ended?, status.signal() == Some(SIGKILL)))
}

/// Kills the child as soon as a job has ended; how many it had told of by then.
fn until_one_has_ended(child: &mut Child) -> io::Result<usize> {
    let lines = BufReader::new(child.stdout.take().expect("it was asked for")).lines();
    let mut ended = 0;
    for line in lines {
        // A line that was cut by the kill tells nothing.
        let Ok(value) = serde_json::from_str::<Value>(&line?) else { break };
        if value["event"] == "ended" {
            ended += 1;
            child.kill()?;
        }
    }
    Ok(ended)
}

/// Waits for the jobs; how many are done.
fn wait(client: &mut Client, ids: &[String]) -> Result<usize, CliError> {
    let mut done = 0;
    let request = Request::WatchJobs { jobs: ids.to_vec(), batch: None, logs: false };
    stream(client, &request, |response| {
        if let Response::JobArrived(JobArrival::Ended { job, .. }) = response {
            done += usize::from(job.state == "done");
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(done)
}

/// How often each stream has an event of this kind behind `before`.
fn recorded(client: &mut Client, before: Position, kind: &str) -> Result<BTreeMap<String, u32>, CliError> {
    let selection = EventSelection { from: before.next(), kind: Some(kind.to_owned()), ..EventSelection::default() };
    let mut times = BTreeMap::new();
    stream(client, &Request::Events { selection, follow: false }, |response| {
        if let Response::Event(event) = response {
            *times.entry(event.stream.clone()).or_default() += 1;
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(times)
}

/// A page is put, shared and read over HTTP.
fn page(context: &mut Context, story: &mut Story) -> Result<(), CliError> {
    story.say(&mut context.output, "zo file put garden; zo file share garden/ --site; curl …")?;
    let mut client = context.open_existing()?;
    let content = FileContent::Bytes(PAGE_TEXT.as_bytes().to_vec());
    write_one(&mut client, &Request::PutFile { name: PAGE.to_owned(), media_type: None, content })?;
    let request = Request::ShareFile { name: "garden/".to_owned(), site: true, expires_at: None };
    let share = match client.one(&request)? {
        Response::Shared(share) => *share,
        other => return Err(unexpected(&other)),
    };
    let (with_link, without) = read_over_http(&client, &share)?;
    let is_served = with_link.starts_with("HTTP/1.1 200 ") && with_link.ends_with(PAGE_TEXT);
    let claim = "whoever has the link reads the page over HTTP, and nobody else does";
    story.claim(&mut context.output, is_served && without.starts_with("HTTP/1.1 404 "), claim)?;
    context.close(client)
}

/// What is answered to who has the link, and to who has not.
fn read_over_http(client: &Client, share: &ShareLine) -> Result<(String, String), CliError> {
    let io = |message: String| CliError::new(Kind::Engine(FailureKind::Io), message);
    let engine = client.engine().ok_or_else(|| io("another process holds the home of the demo".to_owned()))?;
    let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let options = HttpOptions { listen: anywhere, files_listen: Some(anywhere), ..HttpOptions::default() };
    let http = Http::start(engine.clone(), options).map_err(|error| io(error.to_string()))?;
    let address = http.files_addr().ok_or_else(|| io("hosted files have no address".to_owned()))?;
    let answers = get(address, &share.path).and_then(|with_link| Ok((with_link, get(address, "/s/nobody/")?)));
    http.stop();
    answers.map_err(|error| CliError::io("cannot read what is served", &error))
}

fn get(address: SocketAddr, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
