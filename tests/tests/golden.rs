//! Golden logs: logs that earlier versions wrote, which every later one must fold to the same digests.
//!
//! `fixtures/logs/N/` is a backup with its keys (which open nothing else), `digests` the digests of all views after the
//! last event, `events.ndjson` every event with its body opened. They are made once, with `ZO_BLESS=1`, and never changed.

use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use zo_engine::engine::{Engine, EngineOptions};
use zo_engine::maintenance;
use zo_engine::protocol::{
    AgentRequest, Answer, Asking, ConversationChoice, Environment, EventSelection, FileInput, MessageChoice,
    MessageInput, NewMemory, PermissionLine, Query, Question, Request, Response, SecretText,
};
use zo_engine::service;
use zo_engine::world::SimulatedWorld;
use zo_model_server::{ModelServer, Response as Scripted, openai};
use zo_projections::decide::job::Attempt;
use zo_projections::decide::schedule::Occurrence;
use zo_projections::decide::service::ServiceNews;
use zo_projections::event::conversation::{Role, ToolCall};
use zo_projections::event::home::{PricesSet, QueueSet};
use zo_projections::event::job::{Effect, EndBody, JobBody, JobKind, Requirements, Submitted};
use zo_projections::event::run::agent::Verdict;
use zo_projections::event::schedule::{Misfire, Missed, Plan, PlanBody, WhyMissed};
use zo_projections::event::skill::Origin;
use zo_projections::event::vault::{Scope, TokenCreated};
use zo_projections::event::{file, node, service as services};
use zo_projections::ids::{FileId, JobId, NodeId, ScheduleId, ServiceId, TokenId};
use zo_projections::{Actor, Command, Digest, Submission, Timestamp};

fn logs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/logs")
}

fn call(engine: &Engine, request: Request) -> Result<Vec<Response>> {
    let mut responses = Vec::new();
    service::handle(engine, request, &mut |response| {
        responses.push(response);
        ControlFlow::Continue(())
    })?;
    Ok(responses)
}

/// Digests of all views, a line each.
fn digests(engine: &Engine) -> Result<String> {
    let responses = call(engine, Request::Query { query: Query::Digests, at: None })?;
    let Some(Response::Answer(answer)) = responses.into_iter().next() else { anyhow::bail!("no answer") };
    let Answer::Digests { position, digests } = *answer else { anyhow::bail!("no digests") };
    let lines = digests.into_iter().map(|(name, digest)| format!("{digest}  {name}\n"));
    Ok(format!("position {position}\n{}", lines.collect::<String>()))
}

/// Every event as it is shown, a line each.
fn events(engine: &Engine) -> Result<String> {
    let responses = call(engine, Request::Events { selection: EventSelection::default(), follow: false })?;
    let lines = responses.into_iter().filter_map(|response| match response {
        Response::Event(event) => Some(format!(
            "{} {} v{} {} {} {}\n",
            event.position, event.stream, event.version, event.at, event.kind, event.data
        )),
        _ => None,
    });
    Ok(lines.collect())
}

/// A log in which every kind has a part that there was before models were called.
fn tell(engine: &Engine) -> Result<()> {
    let memorize = |id: Option<&str>, content: &str, meta: Option<&str>| Request::Memorize {
        actor: Actor::User,
        items: vec![NewMemory {
            id: id.map(str::to_owned),
            content: content.to_owned(),
            meta: meta.map(str::to_owned),
            occurred_at: Timestamp::parse("2026-03-01"),
        }],
    };
    call(engine, memorize(None, "The tide tables are in the green folder.", None))?;
    call(engine, memorize(Some("port"), "Staging listens on port 5433.", Some(r#"{"topic":"staging","n":1}"#)))?;
    call(engine, memorize(Some("port"), "Staging listens on port 5440.", None))?;
    call(engine, memorize(Some("wrong"), "The moon is made of cheese.", None))?;
    call(engine, memorize(Some("gone"), "Nobody needs to know this.", None))?;
    let reason = Some("it is rock".to_owned());
    call(engine, Request::Retract { memory: "wrong".to_owned(), reason, expected: Some(1) })?;
    call(engine, Request::Forget { memory: "gone".to_owned() })?;
    let set = |key: &str, value: &str, idempotency| Request::SetKey {
        key: key.to_owned(),
        value: value.to_owned(),
        expected: None,
        idempotency,
    };
    call(engine, set("theme", "dark", 1))?;
    call(engine, set("theme", "light", 2))?;
    call(engine, set("editor", "vi", 3))?;
    call(engine, Request::DeleteKey { key: "editor".to_owned(), idempotency: 4 })?;

    let message = |id: u128, parent, role, content: &str| MessageInput {
        id: MessageChoice::Id(id),
        parent,
        role,
        content: content.to_owned(),
        author: Some("Ana".to_owned()),
        tool_calls: Vec::new(),
        tool_call_id: None,
        meta: None,
        occurred_at: None,
        selected: true,
    };
    let tool = ToolCall { id: "call_1".to_owned(), name: "recall".to_owned(), arguments: r#"{"q":"tide"}"#.to_owned() };
    let messages = vec![
        message(11, None, Role::User, "Where are the tide tables?"),
        MessageInput { tool_calls: vec![tool], ..message(12, None, Role::Assistant, "") },
        MessageInput { tool_call_id: Some("call_1".to_owned()), ..message(13, None, Role::Tool, "green folder") },
        message(14, Some(MessageChoice::Id(11)), Role::Assistant, "In the blue folder?"),
    ];
    let conversation = ConversationChoice::Named("tides".to_owned());
    call(engine, Request::AddMessages { actor: Actor::User, conversation: conversation.clone(), messages })?;
    let last = zo_projections::MessageId(13).to_string();
    call(engine, Request::SelectBranch { conversation: "tides".to_owned(), message: last })?;
    call(engine, Request::RenameConversation { conversation: "tides".to_owned(), name: "tide tables".to_owned() })?;
    let question = "Which port does staging listen on?".to_owned();
    call(engine, Request::Ask(Box::new(Asking::new(ConversationChoice::Named("work".to_owned()), question, 77))))?;
    let id = ConversationChoice::New { id: 99, name: Some("short".to_owned()) };
    call(
        engine,
        Request::AddMessages {
            actor: Actor::Import,
            conversation: id,
            messages: vec![message(15, None, Role::User, "hi")],
        },
    )?;
    call(engine, Request::DeleteConversation { conversation: "short".to_owned() })?;
    call(engine, Request::AppendPlaceholders { count: 2, bytes: 20 })?;
    Ok(())
}

/// A log in which models are called: what came with them.
fn tell_of_models(engine: &Engine, scratch: &Path) -> Result<()> {
    let server = ModelServer::start(|asked| match asked.number {
        0 => openai::error(400, "invalid_request_error", "no such luck"),
        1 => openai::stream("scripted", &["It is ", "5433."]),
        _ => Scripted::sse(200).send(openai::chunk("It is 54")).cut(),
    });
    let provider = |name: &str| Request::AddProvider {
        name: name.to_owned(),
        dialect: "openai".to_owned(),
        base_url: format!("{}/v1", server.url()),
    };
    call(engine, provider("near"))?;
    call(engine, provider("gone"))?;
    call(engine, Request::RemoveProvider { name: "gone".to_owned() })?;
    let fallbacks = vec!["near/scripted".to_owned()];
    call(engine, Request::ChooseModel { model: Some("near/broken".to_owned()), fallbacks })?;
    let identity = Some(scratch.join("config/identity").display().to_string());
    let environment = Environment { identity, ..Environment::default() };
    let key = SecretText("gsk-0123456789abcdef".to_owned());
    for provider in ["groq", "near"] {
        let (provider, key, environment) = (provider.to_owned(), key.clone(), environment.clone());
        call(engine, Request::SetKeyOfProvider { provider, key, environment })?;
    }
    let provider = "groq".to_owned();
    call(engine, Request::RemoveKeyOfProvider { provider, environment: environment.clone() })?;
    let file = FileInput {
        name: "ports.txt".to_owned(),
        media_type: "text/plain".to_owned(),
        bytes: b"staging 5433".to_vec(),
    };
    let conversation = ConversationChoice::Named("ports".to_owned());
    let asking = |question, run| Asking {
        question,
        system: Some("Be brief.".to_owned()),
        environment: environment.clone(),
        ..Asking::new(conversation.clone(), "", run)
    };
    let question = Question::New { text: "Which port?".to_owned(), files: vec![file] };
    call(engine, Request::Ask(Box::new(asking(question, 5))))?;
    let again = Asking { model: Some("near/scripted".to_owned()), ..asking(Question::Again { question: None }, 6) };
    call(engine, Request::Ask(Box::new(again)))?;
    let name = Some("copy".to_owned());
    call(engine, Request::Fork { from: "ports".to_owned(), message: None, id: 44, name })?;
    Ok(())
}

/// A log in which agents call tools, with all that comes with it. The model says what its script says, and no tool
/// touches anything outside the home.
fn tell_of_agents(engine: &Engine, _scratch: &Path) -> Result<()> {
    call(engine, Request::AddRule { rule: "deny: http_fetch".to_owned() })?;
    call(engine, Request::AddRule { rule: "ask: recall".to_owned() })?;
    call(engine, Request::RemoveRule { rule: "ask: recall".to_owned() })?;
    call(engine, Request::SetDailyBudget { cost_micros: Some(2_000_000) })?;
    let script = json!([
        {"text": "I look first.", "tool_calls": [
            {"name": "recall", "arguments": {"question": "Which port has staging?"}},
            {"name": "memorize", "arguments": {"content": "Staging listens on port 5433."}},
            {"name": "http_fetch", "arguments": {"url": "https://example.org/"}},
            {"name": "read_minds", "arguments": {}},
            {"name": "recall", "arguments": {"question": 5}},
        ]},
        {"tool_calls": [{"name": "spawn_agents", "arguments": {"agents": [
            {"task": "Say five.", "script": [{"text": "five"}]},
            {"task": "Keep six.", "script": [
                {"tool_calls": [{"name": "memorize", "arguments": {"content": "Six is kept."}}]},
                {"text": "six"},
            ]},
            {"task": "Break.", "script": [{"tool_calls": [{"name": "recall", "arguments": {}}]}, {"text": "so"}], "steps": 1},
        ]}}]},
        {"text": "They say: {{results}}"},
    ]);
    let agent = |script: &serde_json::Value, rules: &[&str]| AgentRequest {
        name: Some("clerk".to_owned()),
        rules: rules.iter().map(|rule| (*rule).to_owned()).collect(),
        steps: Some(8),
        tokens: Some(100_000),
        // One after the other: what comes when is up to no clock.
        concurrency: Some(1),
        can_ask: true,
        script: Some(script.to_string()),
        ..AgentRequest::default()
    };
    let conversation = ConversationChoice::Named("errands".to_owned());
    let ask = |text: &str, run, agent| {
        let asking = Asking::new(conversation.clone(), text, run);
        Request::Ask(Box::new(Asking { model: Some("scripted".to_owned()), agent: Some(Box::new(agent)), ..asking }))
    };
    call(engine, ask("Where does staging listen?", 5, agent(&script, &[])))?;

    // A skill as it is met and trusted, without a folder that it would lie in.
    let (id, name, version) = (0x5EED, "tides".to_owned(), Digest(0x0123_4567));
    let folder = "/srv/errands/.zo/skills/tides".to_owned();
    let submit = |command| engine.writer().submit_one(Submission::new(Actor::User, command));
    let met = Command::RecordSkillVersion { id, name: name.clone(), origin: Origin::Project, version, folder };
    let seen = submit(met)?.position;
    submit(Command::TrustSkill { id, version })?;

    // Two that wait for somebody: one is allowed for ever, the other one is given the skill and stopped meanwhile.
    let script = json!([
        {"tool_calls": [{"name": "memorize", "arguments": {"content": "The tide is at noon."}}]},
        {"text": "done"},
    ]);
    let rules = ["ask: memorize(The tide *)"];
    while_waiting(engine, ask("Keep the tide.", 6, agent(&script, &rules)), |PermissionLine { run, call, .. }| {
        Ok(Request::AnswerPermission { run, call: Some(call), verdict: Verdict::Allowed, always: true })
    })?;
    while_waiting(engine, ask("Keep it again.", 7, agent(&script, &rules)), |PermissionLine { run, .. }| {
        submit(Command::RecordSkillUse { run: run.parse()?, name, version, seen })?;
        Ok(Request::CancelAgent { run })
    })?;
    submit(Command::WithdrawTrust { id })?;
    let compact = || Request::Compact {
        conversation: "errands".to_owned(),
        model: Some("offline".to_owned()),
        environment: Environment::default(),
    };
    for number in 0..4 {
        let asking = Asking::new(conversation.clone(), format!("And question {number}?"), 20 + number);
        call(engine, Request::Ask(Box::new(Asking { model: Some("offline".to_owned()), ..asking })))?;
    }
    call(engine, compact())?;
    call(engine, Request::Uncompact { conversation: "errands".to_owned() })?;
    call(engine, compact())?;
    Ok(())
}

/// Asks, and says this to the call that waits for somebody. Whether the question is answered is up to what is said.
fn while_waiting(engine: &Engine, ask: Request, say: impl FnOnce(PermissionLine) -> Result<Request>) -> Result<()> {
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| call(engine, ask));
        let until = Instant::now() + Duration::from_secs(20);
        let waiting = loop {
            let responses = call(engine, Request::Query { query: Query::Permissions, at: None })?;
            if let Some(Response::Answer(answer)) = responses.into_iter().next()
                && let Answer::Permissions(lines) = *answer
                && let Some(line) = lines.into_iter().next()
            {
                break line;
            }
            ensure!(Instant::now() < until && !asked.is_finished(), "no call waits for anybody");
            std::thread::sleep(Duration::from_millis(5));
        };
        call(engine, say(waiting)?)?;
        // One that was stopped has no answer, and says so.
        let _ = asked.join().map_err(|_| anyhow::anyhow!("the question panicked"))?;
        Ok(())
    })
}

/// A job with nothing special about it.
fn job(id: u128, submitted: Submitted) -> Command {
    let body = JobBody {
        spec: json!({"kind": "command", "argv": ["true"]}).to_string(),
        name: Some(format!("errand {id}")),
        unique: submitted.unique.map(|_| "errand".to_owned()),
    };
    Command::SubmitJob { job: JobId(id), submitted: Box::new(submitted), body }
}

/// A log in which work is done in its time: jobs, nodes, schedules, services, files and tokens, as the engine decides them.
/// Nothing is carried out.
fn tell_of_work(engine: &Engine, world: &SimulatedWorld) -> Result<()> {
    let submit = |command: Command| -> Result<()> {
        let told = format!("{command:?}");
        let receipt = engine.writer().submit_one(Submission::new(Actor::User, command))?;
        ensure!(receipt.events > 0, "nothing came of {told}");
        Ok(())
    };
    let begin = Timestamp::parse("2026-11-21T08:30:00Z").context("a time")?;
    let second = |second: i64| Timestamp(begin.0 + 1000 * second);
    let (here, far) = (NodeId(1), NodeId(2));
    let (plain, once) = (Submitted::default, || Submitted { effect: Effect::Once, ..Submitted::default() });
    let claim =
        |node: NodeId| Command::ClaimJob { node, lease_ms: (node == far).then_some(60_000), queues: Vec::new() };
    let attempt = |job: u128, node: NodeId, attempt: u32| Attempt { job: JobId(job), node, attempt };
    let end = |result: Option<&str>, reason: Option<&str>| {
        let (result, reason) = (result.map(str::to_owned), reason.map(str::to_owned));
        Some(EndBody { result, reason, log: "It begins.\n".to_owned(), log_left_out: 0 })
    };
    let fail = |attempt: Attempt, again: bool| Command::FailJob {
        attempt,
        again,
        not_begun: false,
        jitter: 0,
        body: end(None, Some("exit code 3")),
    };

    let local = node::Joined { name: "here".to_owned(), capacity: 4, local: true, ..node::Joined::default() };
    let remote = node::Joined {
        name: "far".to_owned(),
        labels: vec!["fast".to_owned()],
        region: Some("eu".to_owned()),
        gpu: Some("a100".to_owned()),
        price_micros: 1_000_000,
        local: false,
        ..local.clone()
    };
    submit(Command::JoinNode { node: here, joined: local, running: Vec::new() })?;
    submit(Command::JoinNode { node: far, joined: remote.clone(), running: Vec::new() })?;
    let gone = node::Joined { name: "gone".to_owned(), ..remote };
    submit(Command::JoinNode { node: NodeId(3), joined: gone, running: Vec::new() })?;
    submit(Command::LeaveNode { node: NodeId(3) })?;
    submit(Command::RemoveNode { node: NodeId(3) })?;
    submit(Command::DrainNode { node: far })?;
    submit(Command::ResumeNode { node: far })?;
    let prices = PricesSet { gpus: vec![("a100".to_owned(), 2500)], regions: vec![("eu".to_owned(), 1100)] };
    submit(Command::SetPrices { prices })?;
    submit(Command::SetQueue { set: QueueSet { queue: "slow".to_owned(), limit: Some(1), paused: false } })?;

    // One that fails, is tried again and is done; one that waits for it; one that is too late; one that is far.
    submit(job(11, Submitted { unique: Some(Digest(5)), max_attempts: 2, ..plain() }))?;
    submit(job(12, Submitted { after: vec![JobId(11)], ..plain() }))?;
    submit(job(13, Submitted { queue: "slow".to_owned(), deadline: Some(second(5)), ..once() }))?;
    let requires =
        Requirements { region: Some("eu".to_owned()), max_price_micros: Some(3_000_000), ..Requirements::default() };
    submit(job(14, Submitted { requires, priority: 9, ..once() }))?;
    submit(claim(far))?;
    submit(Command::CancelJob { job: JobId(13), reason: Some("not today".to_owned()) })?;
    submit(claim(here))?;
    submit(fail(attempt(11, here, 1), true))?;
    submit(Command::HearNodes { nodes: vec![far], lease_ms: 90_000 })?;
    world.set_now(second(10));
    submit(Command::AdvanceClock)?;
    submit(claim(here))?;
    submit(Command::CompleteJob { attempt: attempt(11, here, 2), body: end(Some("5"), None) })?;
    submit(job(15, Submitted { deadline: Some(second(20)), not_before: Some(second(30)), ..plain() }))?;
    world.set_now(second(25));
    submit(Command::AdvanceClock)?;
    submit(Command::RetryJob { job: JobId(15) })?;
    submit(claim(here))?;
    submit(Command::ReleaseJob { attempt: attempt(12, here, 1) })?;
    submit(claim(here))?;
    submit(Command::CancelJob { job: JobId(12), reason: None })?;
    submit(Command::RecordJobStopped { attempt: attempt(12, here, 2), body: end(None, Some("it was stopped")) })?;
    // Nothing is heard of the far one: what may be done only once waits for a person.
    world.set_now(second(200));
    submit(Command::AdvanceClock)?;

    let plan = |rule: &str, misfire| Plan {
        rule: format!("DTSTART;TZID=Europe/Berlin:20261121T093000\nRRULE:{rule}"),
        zone: "Europe/Berlin".to_owned(),
        misfire,
        kind: JobKind::Command,
        check_in: false,
    };
    let body = |written: &str| PlanBody {
        name: Some("report".to_owned()),
        written: written.to_owned(),
        spec: json!({"kind": "command", "argv": ["true"]}).to_string(),
        options: "{}".to_owned(),
    };
    let (schedule, other) = (ScheduleId(1), ScheduleId(2));
    let add = |schedule, rule: &str, written: &str, next| Command::AddSchedule {
        schedule,
        plan: plan(rule, Misfire::Once),
        body: body(written),
        next: Some(second(next)),
    };
    submit(add(schedule, "FREQ=HOURLY", "every hour", 210))?;
    submit(add(other, "FREQ=DAILY", "every day", 300))?;
    let occur = |due, job: u128, next: i64, by_hand| {
        Command::Occur(Box::new(Occurrence {
            schedule,
            due: second(due),
            next: Some(second(next)),
            by_hand,
            job: JobId(job),
            submitted: plain(),
            body: JobBody::default(),
        }))
    };
    world.set_now(second(211));
    submit(occur(210, 21, 3810, false))?;
    submit(occur(211, 22, 3810, true))?;
    // Job 15 was there before them.
    for (job, again) in [(15, None), (21, Some(false)), (22, None)] {
        submit(claim(here))?;
        let attempt = attempt(job, here, 1);
        submit(match again {
            Some(again) => fail(attempt, again),
            None => Command::CompleteJob { attempt, body: end(Some("null"), None) },
        })?;
    }
    world.set_now(second(20_000));
    let (from, to, next) = (second(3810), second(18_210), Some(second(21_810)));
    let missed = Missed { from, to, count: 5, why: WhyMissed::Policy, next };
    submit(Command::MissOccurrences { schedule, missed })?;
    let edited = (plan("FREQ=WEEKLY", Misfire::All(3)), body("every week"));
    submit(Command::EditSchedule { schedule, plan: edited.0, body: edited.1, next })?;
    submit(Command::PauseSchedule { schedule })?;
    submit(Command::ResumeSchedule { schedule, next: Some(second(30_000)) })?;
    submit(Command::RemoveSchedule { schedule: other })?;

    let service = |id: u128, label: &str| Command::AddService {
        service: ServiceId(id),
        added: services::Added { label: label.to_owned(), port: (id == 1).then_some(8001), wanted: true },
        body: services::ServiceBody { spec: json!({"argv": ["web"]}).to_string() },
    };
    let news = |news| Command::RecordService { service: ServiceId(1), news };
    submit(service(1, "web"))?;
    submit(service(2, "gone"))?;
    submit(Command::RemoveService { service: ServiceId(2) })?;
    submit(news(ServiceNews::Spawned(services::Spawned { port: Some(8001) })))?;
    submit(news(ServiceNews::HealthChanged(services::HealthChanged { healthy: true })))?;
    let exited = services::Exited { code: Some(3), signal: None, restart_at: Some(second(20_001)) };
    submit(news(ServiceNews::Exited(exited)))?;
    submit(Command::StopService { service: ServiceId(1) })?;
    submit(Command::StartService { service: ServiceId(1) })?;
    submit(Command::RestartService { service: ServiceId(1) })?;

    // Empty files: their contents need no chunk.
    let put = |id: u128, name: &str, media_type: &str| Command::PutFile {
        file: FileId(id),
        put: file::Put { name: name.to_owned(), size: 0, digest: Digest(id), media_type: media_type.to_owned() },
        body: file::ContentBody {
            chunks: Vec::new(),
            chunk_bytes: 1 << 20,
            blake3: "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262".to_owned(),
        },
    };
    submit(put(1, "site/index.html", "text/html"))?;
    submit(put(1, "site/index.html", "text/plain"))?;
    submit(put(2, "notes.txt", "text/plain"))?;
    submit(Command::RemoveFile { file: FileId(2), name: "notes.txt".to_owned() })?;
    let share = |id: u128, name: &str| Command::ShareFile {
        share: FileId(id),
        shared: file::Shared { name: name.to_owned(), hash: [7; 32], site: true, expires_at: Some(second(90_000)) },
        body: file::ShareBody { secret: "s3cret".to_owned() },
    };
    submit(share(11, "site/"))?;
    submit(share(12, "site/index.html"))?;
    submit(Command::UnshareFile { share: FileId(12) })?;
    let token = |id: u128, name: &str, scopes: &[Scope]| Command::CreateToken {
        token: TokenId(id),
        created: TokenCreated { name: name.to_owned(), hash: [9; 32], scopes: scopes.to_vec(), expires_at: None },
    };
    submit(token(1, "laptop", &[Scope::Ask, Scope::Read]))?;
    submit(token(2, "gone", &[Scope::Admin]))?;
    submit(Command::RevokeToken { token: TokenId(2) })?;
    Ok(())
}

/// Makes a golden log, if it is not there yet.
fn bless(folder: &Path, tell: impl FnOnce(&Engine, &Path, &SimulatedWorld) -> Result<()>) -> Result<()> {
    let scratch = tempfile::tempdir()?;
    let world = Arc::new(SimulatedWorld::new(1, Timestamp::parse("2026-11-21T08:30:00Z").context("a time")?));
    let options = EngineOptions { world: world.clone(), ..EngineOptions::default() };
    let engine = Engine::open(&scratch.path().join("home"), options)?;
    tell(&engine, scratch.path(), &world)?;
    maintenance::backup(&engine, folder, true, &mut |_, _, _| ControlFlow::Continue(()))?;
    fs::write(folder.join("digests"), digests(&engine)?)?;
    fs::write(folder.join("events.ndjson"), events(&engine)?)?;
    engine.close();
    Ok(())
}

/// A copy whose keys only their owner may read: what git checks out is wider.
fn copy_with_tight_keys(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let target = to.join(path.file_name().context("an entry has a name")?);
        if path.is_dir() {
            copy_with_tight_keys(&path, &target)?;
        } else {
            fs::copy(&path, &target)?;
            fs::set_permissions(&target, fs::Permissions::from_mode(0o600))?;
        }
    }
    Ok(())
}

#[test]
fn every_golden_log_folds_to_its_digests_and_says_what_it_said() -> Result<()> {
    let blessed = std::env::var_os("ZO_BLESS").is_some();
    let missing = |number: &str| Some(logs().join(number)).filter(|folder| blessed && !folder.exists());
    if let Some(folder) = missing("1") {
        bless(&folder, |engine, _, _| tell(engine))?;
    }
    if let Some(folder) = missing("2") {
        bless(&folder, |engine, scratch, _| tell_of_models(engine, scratch))?;
    }
    if let Some(folder) = missing("3") {
        bless(&folder, |engine, scratch, _| tell_of_agents(engine, scratch))?;
    }
    if let Some(folder) = missing("4") {
        bless(&folder, |engine, _, world| tell_of_work(engine, world))?;
    }
    let mut count = 0;
    for entry in fs::read_dir(logs())? {
        let folder = entry?.path();
        let scratch = tempfile::tempdir()?;
        let (backup, home) = (scratch.path().join("backup"), scratch.path().join("home"));
        copy_with_tight_keys(&folder, &backup)?;
        maintenance::restore(&home, Some(&backup), false)?;
        let engine = Engine::open(&home, EngineOptions::default())?;
        let name = folder.display();
        // A later version may have more projections; those there were must come out as they did.
        let now = digests(&engine)?;
        for line in fs::read_to_string(folder.join("digests"))?.lines() {
            ensure!(now.lines().any(|other| other == line), "{name}: the digests are others:\n{now}, and not {line}");
        }
        ensure!(events(&engine)? == fs::read_to_string(folder.join("events.ndjson"))?, "{name}: the events are others");
        let anomalies = engine.writer().read(|views| views.anomaly_count)?;
        ensure!(anomalies == 0, "{name}: {anomalies} anomalies");
        engine.close();
        count += 1;
    }
    ensure!(count > 0, "there is no golden log below {}", logs().display());
    Ok(())
}
