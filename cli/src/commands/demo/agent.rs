//! Chapter 6 of the demo: an agent with a skill and two agents below it works in a child of ours, is killed with SIGKILL
//! while one of them waits to be permitted something, and is carried on to its end by whoever opens the home next.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::ops::ControlFlow;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use zo_engine::client::Client;
use zo_engine::protocol::{
    AgentDetail, Answer, Answered, EventLine, EventSelection, PermissionLine, Query, Request, Response, SCRIPTED,
};
use zo_projections::event::run::agent::{ToolStatus, Verdict};

use super::crash::SIGKILL;
use super::story::Story;
use crate::context::{Context, query, stream, write_one};
use crate::error::{CliError, Kind};
use crate::output::text::counted;

/// The skill that the agent reads; it ships with zo.
const SKILL: &str = "text-stats";
/// What the first of the two agents below it finds in the notes.
const FOUND: &str = "Black Cherry";
/// The file that the second one is to write, and what is to be in it.
const FILE: &str = "plan.md";
const PLAN: &str = "# Plan\n\nSow in the second week of March.\n";

/// What the built-in model `scripted` says: first the agent, and within it the two below it.
fn script() -> Value {
    let looks = json!([
        {"text": "", "tool_calls": [{"name": "recall", "arguments": {"question": "Which vegetables do I grow?", "limit": 3}}]},
        {"text": "From the notes: {{results}}"},
    ]);
    let writes = json!([
        {"text": "", "tool_calls": [{"name": "write_file", "arguments": {"path": FILE, "content": PLAN}}]},
        {"text": "The plan is in plan.md."},
    ]);
    let agents = json!([
        {"task": "Find out what grows on the balcony", "script": looks},
        {"task": "Write a plan for next year", "script": writes},
    ]);
    json!([
        {"text": "", "tool_calls": [{"name": "use_skill", "arguments": {"name": SKILL}}]},
        {"text": "", "tool_calls": [{"name": "spawn_agents", "arguments": {"agents": agents}}]},
        {"text": "Both have answered: {{results}}"},
    ])
}

/// Tells the chapter.
pub(super) fn kill_in_the_middle_of_its_work(
    context: &mut Context,
    story: &mut Story,
    folder: &Path,
) -> Result<(), CliError> {
    story.chapter(&mut context.output, "An agent, killed in the middle of its work")?;
    let (file, work) = (folder.join("script.json"), folder.join("garden"));
    let cannot = |error: io::Error| CliError::io(format!("cannot write below {}", folder.display()), &error);
    fs::write(&file, script().to_string()).and_then(|()| fs::create_dir_all(&work)).map_err(cannot)?;
    let command = format!("zo agent run --model {SCRIPTED} --script script.json --workspace garden --wait \"…\"");
    story.say(&mut context.output, &command)?;
    let killed = work_until_killed(context, &file, &work)?;
    let plan = work.join(FILE);
    let in_the_middle = killed.by_sigkill && killed.ended == 1 && !plan.exists();
    let claim = "it had read a skill and started two agents; one had answered and one waited to be permitted to write a \
                 file when SIGKILL came";
    story.claim(&mut context.output, in_the_middle, claim)?;

    story.say(&mut context.output, "zo agent answer RUN --allow; zo agent resume RUN")?;
    let mut client = context.open_existing()?;
    let still = waiting(&mut client)?;
    let same = still.iter().any(|line| (&line.run, &line.call) == (&killed.asked.0, &killed.asked.1));
    story.claim(&mut context.output, same && still.len() == 1, "the next process still knows what was asked for")?;
    let (run, call) = killed.asked.clone();
    let answer = Request::AnswerPermission { run, call: Some(call), verdict: Verdict::Allowed, always: false };
    write_one(&mut client, &answer)?;
    let answered = resume(context, &mut client, &killed.run)?;
    check(context, story, &mut client, &answered, &plan)?;
    context.close(client)
}

/// What the child had done.
struct Killed {
    run: String,
    /// Agents below it that had ended.
    ended: usize,
    /// Run and call that waited to be permitted.
    asked: (String, String),
    by_sigkill: bool,
}

/// Starts the child and kills it as soon as it waits, and one of its agents has ended.
fn work_until_killed(context: &Context, script: &Path, work: &Path) -> Result<Killed, CliError> {
    let cannot = |error: io::Error| CliError::io("cannot run a child of our own", &error);
    let mut child = Command::new(env::current_exe().map_err(cannot)?)
        .arg("--home")
        .arg(&context.home)
        .args(["agent", "run", "--model", SCRIPTED, "--json", "--stream", "--wait", "--script"])
        .arg(script)
        .arg("--workspace")
        .arg(work)
        .arg("Plan what grows on the balcony next year")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(cannot)?;
    let seen = until_it_waits(&mut child).map_err(cannot);
    // Whatever happened, no child is left behind.
    let _ = child.kill();
    let status = child.wait().map_err(cannot)?;
    let (run, ended, asked) = seen?;
    Ok(Killed { run, ended, asked, by_sigkill: status.signal() == Some(SIGKILL) })
}

/// Reads what the child tells until one agent has ended and another one waits: its run, how many have ended, and what waits.
fn until_it_waits(child: &mut Child) -> io::Result<(String, usize, (String, String))> {
    let output = BufReader::new(child.stdout.take().expect("it was asked for"));
    let (mut run, mut ended, mut asked) = (String::new(), 0, None);
    for line in output.lines() {
        let line: Value = serde_json::from_str(&line?)?;
        let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        match (line["type"].as_str(), line["event"].as_str()) {
            (Some("begun"), _) => run = text("run"),
            (_, Some("agent_ended")) => ended += 1,
            (_, Some("permission_asked")) => asked = Some((text("run"), text("call"))),
            _ => {}
        }
        if let (1.., Some(asked)) = (ended, &asked) {
            return Ok((run, ended, asked.clone()));
        }
    }
    Err(io::Error::other("the agent ended before it was killed"))
}

fn waiting(client: &mut Client) -> Result<Vec<PermissionLine>, CliError> {
    query(client, Query::Permissions, None, |answer| match answer {
        Answer::Permissions(lines) => Some(lines),
        _ => None,
    })
}

fn resume(context: &Context, client: &mut Client, run: &str) -> Result<Answered, CliError> {
    let environment = context.environment();
    let request = Request::Resume { run: run.to_owned(), can_ask: false, environment };
    let mut answered = None;
    stream(client, &request, |response| {
        if let Response::Answered(response) = response {
            answered = Some(*response);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    answered.ok_or_else(|| CliError::new(Kind::Unsound, "the agent was carried on, and there is no answer"))
}

/// Checks what came of it.
fn check(
    context: &mut Context,
    story: &mut Story,
    client: &mut Client,
    answered: &Answered,
    plan: &Path,
) -> Result<(), CliError> {
    let agent = detail(client, &answered.run)?;
    let children: Vec<AgentDetail> =
        agent.children.iter().map(|line| detail(client, &line.run)).collect::<Result<_, _>>()?;
    let all: Vec<&AgentDetail> = [&agent].into_iter().chain(&children).collect();
    let answers: Vec<&str> = children.iter().filter_map(|child| child.answer.as_deref()).collect();
    for answer in &answers {
        story.quote(&mut context.output, &crate::output::text::cut(&answer.replace('\n', " "), 90))?;
    }
    // The list of answers is JSON, in which line ends and quotation marks are written in another way.
    let told = |answer: &&str| answered.answer.contains(json!(answer).to_string().trim_matches('"'));
    let both = answers.len() == 2 && answers.iter().all(told) && answers.iter().any(|answer| answer.contains(FOUND));
    story.claim(&mut context.output, both, "both answers are in that of the agent, in the order of the tasks")?;
    let written = fs::read_to_string(plan).is_ok_and(|text| text == PLAN);
    story.claim(&mut context.output, written, "the file is written, now that it was permitted")?;
    let calls: Vec<_> = all.iter().flat_map(|agent| &agent.replies).flat_map(|reply| &reply.calls).collect();
    let done = calls.iter().all(|call| call.status == Some(ToolStatus::Done));
    let claim =
        format!("each of {} has its result, and did what it was to do", counted(calls.len() as u64, "tool call"));
    story.claim(&mut context.output, done && calls.len() == 4, &claim)?;
    let used = agent.skills.iter().any(|skill| skill.name == SKILL && !skill.version.is_empty());
    story.claim(&mut context.output, used, &format!("it is recorded which version of the skill {SKILL} it read"))?;

    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    let mut returned = BTreeSet::new();
    let mut twice = 0;
    for agent in &all {
        for event in events_of(client, &agent.line.run)? {
            if event.kind == "run.tool_returned" {
                let data: Value = serde_json::from_str(&event.data).unwrap_or_default();
                let call = (agent.line.run.clone(), data["step"].as_u64(), data["call"].as_u64());
                twice += usize::from(!returned.insert(call));
            }
            *kinds.entry(event.kind).or_default() += 1;
        }
    }
    let count = |kind: &str| kinds.get(kind).copied().unwrap_or_default();
    let (started, called, finished) = (count("run.started"), count("run.called"), count("run.finished"));
    // Four replies ask for a tool, three are answers; a call that SIGKILL cut off is recorded as that.
    let once = (started, count("run.replied"), finished) == (3, 4, 3)
        && called == 7 + count("run.call_failed")
        && (returned.len(), twice) == (4, 0);
    let claim = format!(
        "nothing was done twice: {started} agents were started, {called} replies were asked for, {} calls returned",
        returned.len()
    );
    story.claim(&mut context.output, once, &claim)
}

fn detail(client: &mut Client, run: &str) -> Result<AgentDetail, CliError> {
    query(client, Query::Agent { run: run.to_owned() }, None, |answer| match answer {
        Answer::Agent(agent) => Some(*agent),
        _ => None,
    })
}

fn events_of(client: &mut Client, run: &str) -> Result<Vec<EventLine>, CliError> {
    let selection = EventSelection { stream: Some(format!("run/{run}")), ..EventSelection::default() };
    let mut events = Vec::new();
    stream(client, &Request::Events { selection, follow: false }, |response| {
        if let Response::Event(event) = response {
            events.push(*event);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(events)
}
