//! Decisions: a command against the views gives events, or a rejection. Pure.
//!
//! One file per subsystem. What a decision needs from outside (the time, fresh ids) is passed in, so the same views
//! and the same command always give the same events.

mod agent;
pub mod browser;
mod conversation;
pub mod file;
mod home;
pub mod job;
mod kv;
pub mod mcp;
mod memory;
pub mod node;
mod run;
pub mod schedule;
pub mod service;
mod skill;
mod vault;

use crate::command::{Command, ExpectedVersion, Receipt, Rejection, Submission};
use crate::event::skill::VersionSeen;
use crate::event::{Event, MAX_BODY_BYTES, bench, encode_into};
use crate::ids::{Category, Position, StreamId};
use crate::record::Actor;
use crate::time::Timestamp;
use crate::views::Views;

/// The longest text, in bytes, that one memory, message or value may have.
pub const MAX_TEXT_BYTES: usize = 16 * 1024 * 1024;
/// The longest key or name, in bytes; also of a model or a version.
pub const MAX_NAME_BYTES: usize = 1024;
/// The most passages that one recall may have.
pub const MAX_PASSAGES: usize = 1000;
/// The most bytes that a file which belongs to a message may have.
pub const MAX_FILE_BYTES: usize = 32 * 1024 * 1024;
/// The most files that belong to one message.
pub const MAX_FILES: usize = 100;
/// The most models that are called in turn.
pub const MAX_FALLBACKS: usize = 16;
/// The most tool calls that one reply may ask for.
pub const MAX_CALLS: usize = 256;
/// The longest name of a tool, in bytes: [`MAX_CALLS`] of them have room in one event. Providers allow 64 to 128.
pub const MAX_TOOL_BYTES: usize = 128;
/// The most permission rules, skills' folders or tools that an agent may be given.
pub const MAX_OPTIONS: usize = 256;
/// The most replies that an agent may get: their positions are kept in memory.
pub const MAX_STEPS: u32 = 10_000;
/// The most bytes that stand for an event which does not exist yet.
pub const MAX_FILLING_BYTES: usize = 60 * 1024;

/// The one stream of the home itself.
const HOME: StreamId = StreamId { category: Category::Home, id: 0 };

/// An event that a decision asks to be recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEvent {
    /// The stream it belongs to.
    pub stream: StreamId,
    /// What it says.
    pub event: Event,
    /// What is to be sealed with it, encoded.
    pub body: Option<Vec<u8>>,
}

impl NewEvent {
    fn new(stream: impl Into<StreamId>, event: impl Into<Event>) -> Self {
        Self { stream: stream.into(), event: event.into(), body: None }
    }

    fn with_body(mut self, body: &impl bincode::Encode) -> Self {
        let mut bytes = Vec::new();
        encode_into(body, &mut bytes);
        self.body = Some(bytes);
        self
    }
}

/// What a command comes to.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// These events, in this order, all or none. Never empty.
    Record(Vec<NewEvent>),
    /// Nothing: everything is as asked for since this event.
    Already(Receipt),
}

impl Decision {
    fn already(stream: impl Into<StreamId>, position: Position) -> Self {
        Self::Already(Receipt { stream: stream.into(), position, version: 0, events: 0 })
    }
}

/// Decides a command against `views`. `now` is the time that its events will have; `fresh_id` gives an id that was never
/// given before.
///
/// # Errors
/// A [`Rejection`] if the domain says no; nothing is to be recorded then.
pub fn decide(
    views: &Views,
    submission: Submission,
    now: Timestamp,
    fresh_id: &mut dyn FnMut() -> u128,
) -> Result<Decision, Rejection> {
    if let Some(receipt) = submission.idempotency.and_then(|key| views.idempotency.get(key)) {
        return Ok(Decision::Already(receipt));
    }
    if let Some((stream, expected)) = submission.expected {
        let actual = views.streams.version(stream);
        let fits = match expected {
            ExpectedVersion::NoStream => actual == 0,
            ExpectedVersion::Exactly(version) => actual == version,
        };
        if !fits {
            return Err(Rejection::Conflict { stream, expected, actual });
        }
    }
    let decision = decide_command(views, submission.actor, submission.command, now, fresh_id)?;
    if let Decision::Record(events) = &decision {
        for body in events.iter().filter_map(|event| event.body.as_ref()) {
            check_length("the body", body.len(), MAX_BODY_BYTES)?;
        }
    }
    Ok(decision)
}

/// One line for each command, so that none can be forgotten.
fn decide_command(
    views: &Views,
    actor: Actor,
    command: Command,
    now: Timestamp,
    fresh_id: &mut dyn FnMut() -> u128,
) -> Result<Decision, Rejection> {
    match command {
        Command::CreateHome { zo_version } => home::create(views, zo_version),
        Command::ChooseEmbedder { model } => home::choose_embedder(views, model),
        Command::ChooseModel { model, fallbacks } => home::choose_model(views, model, fallbacks),
        Command::AddProvider { provider } => home::add_provider(views, provider),
        Command::RemoveProvider { name } => home::remove_provider(views, name),
        Command::RecordKey { provider, fingerprint } => vault::record_key(views, provider, fingerprint),
        Command::RecordKeyRemoval { provider } => vault::record_removal(views, provider),
        Command::Memorize { id, digest, occurred_at, body } => {
            memory::memorize(views, actor, id, digest, occurred_at, &body, fresh_id)
        }
        Command::Supersede { id, digest, occurred_at, body } => {
            memory::supersede(views, id, digest, occurred_at, &body)
        }
        Command::Retract { id, reason } => memory::retract(views, id, reason),
        Command::Forget { id } => memory::forget(views, id),
        Command::SetKey { id, key, value } => kv::set(id, key, value),
        Command::DeleteKey { id, key } => kv::delete(views, id, key),
        Command::StartConversation { id, name, fork_of } => conversation::start(views, id, name, fork_of),
        Command::AddMessage { conversation, message, files } => {
            conversation::add_message(views, conversation, message, files)
        }
        Command::SelectBranch { conversation, message } => conversation::select(views, conversation, message),
        Command::RenameConversation { conversation, name } => conversation::rename(views, conversation, name),
        Command::DeleteConversation { conversation } => conversation::delete(views, conversation),
        Command::Ask { conversation, name, message, files, run, model, request, agent } => {
            let question = run::Question { conversation, name, message, files };
            run::ask(views, question, run::Start { run, model, request, agent })
        }
        Command::Answer { conversation, question, run, model, request, agent } => {
            run::answer(views, conversation, question, run::Start { run, model, request, agent })
        }
        Command::RecordRecall { run, passages, indexed } => run::record_recall(views, run, passages, indexed),
        Command::RecordCall { run, called } => run::record_call(views, run, called),
        Command::RecordCallFailure { run, failed, reason } => run::record_call_failure(views, run, failed, reason),
        Command::FinishRun { run, message, usage, account, reason } => {
            run::finish(views, run, message, usage, account, reason)
        }
        Command::FailRun { run, reason } => run::fail(views, run, reason),
        Command::RecordReply { run, replied, body } => agent::record_reply(views, run, replied, &body),
        Command::RecordToolCall { run, id } => agent::record_tool_call(views, run, id),
        Command::RecordToolResult { run, id, status, trust, output, digest, pictures } => {
            let returned = agent::ToolResult { status, trust, output, digest, pictures };
            agent::record_tool_result(views, run, id, returned)
        }
        Command::AskPermission { run, id, body } => agent::ask_permission(views, run, id, &body),
        Command::AnswerPermission { run, id, verdict, rule } => agent::answer_permission(views, run, id, verdict, rule),
        Command::RequestCancel { run } => agent::request_cancel(views, run),
        Command::RecordSkillUse { run, name, version, seen } => {
            agent::record_skill_use(views, run, name, version, seen)
        }
        Command::AddRule { rule } => home::add_rule(views, rule),
        Command::RemoveRule { rule } => home::remove_rule(views, rule),
        Command::SetDailyBudget { cost_micros } => home::set_daily_budget(views, cost_micros),
        Command::RecordSkillVersion { id, name, origin, version, folder } => {
            skill::record_version(views, id, VersionSeen { name, origin, version }, folder)
        }
        Command::TrustSkill { id, version } => skill::trust(views, id, version),
        Command::WithdrawTrust { id } => skill::withdraw_trust(views, id),
        Command::Compact { conversation, compacted, summary } => {
            conversation::compact(views, conversation, compacted, summary)
        }
        Command::Uncompact { conversation, compaction } => conversation::uncompact(views, conversation, compaction),
        Command::SubmitJob { job, submitted, body } => job::submit(views, job, *submitted, &body),
        Command::ClaimJob { node, lease_ms, queues } => job::claim(views, now, node, lease_ms, &queues),
        Command::ClaimOneOf { node, jobs } => job::claim_one_of(views, now, node, &jobs),
        Command::CompleteJob { attempt, body } => job::complete(views, attempt, body.as_ref()),
        Command::FailJob { attempt, again, not_begun, jitter, body } => {
            let failure = job::Failure { again, not_begun, jitter };
            job::fail(views, now, attempt, failure, body.as_ref())
        }
        Command::ReleaseJob { attempt } => job::release(views, attempt),
        Command::RecordJobStopped { attempt, body } => job::stopped(views, attempt, body.as_ref()),
        Command::LoseJob { attempt, body } => job::lose(views, attempt, body.as_ref()),
        Command::CancelJob { job, reason } => job::cancel(views, job, reason),
        Command::RetryJob { job } => job::retry(views, job),
        Command::AdvanceClock => Ok(job::tick(views, now)),
        Command::SetQueue { set } => job::set_queue(views, set),
        Command::JoinNode { node, joined, running } => node::join(views, now, node, joined, &running),
        Command::DrainNode { node } => node::drain(views, node),
        Command::ResumeNode { node } => node::resume(views, node),
        Command::LeaveNode { node } => node::leave(views, node),
        Command::RemoveNode { node } => node::remove(views, node),
        Command::HearNodes { nodes, lease_ms } => node::hear(views, now, nodes, lease_ms),
        Command::SetPrices { prices } => node::set_prices(views, prices),
        Command::AddSchedule { schedule, plan, body, next } => schedule::add(views, schedule, plan, &body, next),
        Command::EditSchedule { schedule, plan, body, next } => schedule::edit(views, schedule, plan, &body, next),
        Command::PauseSchedule { schedule } => schedule::pause(views, schedule),
        Command::ResumeSchedule { schedule, next } => schedule::resume(views, schedule, next),
        Command::RemoveSchedule { schedule } => schedule::remove(views, schedule),
        Command::Occur(occurrence) => schedule::occur(views, *occurrence),
        Command::MissOccurrences { schedule, missed } => schedule::miss(views, schedule, missed),
        Command::AddService { service, added, body } => service::add(views, service, added, &body),
        Command::StartService { service } => service::start(views, service),
        Command::StopService { service } => service::stop(views, service),
        Command::RestartService { service } => service::restart(views, service),
        Command::RemoveService { service } => service::remove(views, service),
        Command::RecordService { service, news } => service::news(views, service, news),
        Command::PutFile { file, put, body } => file::put(views, file, put, &body),
        Command::RemoveFile { file, name } => file::remove(views, file, &name),
        Command::ShareFile { share, shared, body } => file::share(views, share, shared, &body),
        Command::UnshareFile { share } => file::unshare(views, share),
        Command::CreateToken { token, created } => vault::create_token(views, token, created),
        Command::RevokeToken { token } => vault::revoke_token(views, token),
        Command::OpenBrowser { browser, opened } => browser::open(views, browser, opened),
        Command::BeginAct { browser, begun, body } => browser::begin(views, browser, begun, &body),
        Command::EndAct { browser, acted, body, artifacts } => browser::end(views, browser, acted, *body, artifacts),
        Command::CloseBrowser { browser } => browser::close(views, browser),
        Command::RemoveBrowser { browser } => browser::remove(views, browser),
        Command::AddMcpServer { server, added, body } => mcp::add(views, server, added, &body),
        Command::RemoveMcpServer { server } => mcp::remove(views, server),
        Command::AppendPlaceholder { stream, stands_for, filling } => placeholder(stream, stands_for, filling),
    }
}

fn placeholder(stream: StreamId, stands_for: String, filling: Vec<u8>) -> Result<Decision, Rejection> {
    check_name("what it stands for", &stands_for)?;
    check_length("the filling", filling.len(), MAX_FILLING_BYTES)?;
    Ok(record([NewEvent::new(stream, bench::Placeholder { stands_for, filling })]))
}

fn record(events: impl Into<Vec<NewEvent>>) -> Decision {
    Decision::Record(events.into())
}

/// Checks the length of a text and returns it as the log keeps it.
fn text_size(what: &str, text: &str) -> Result<u32, Rejection> {
    check_length(what, text.len(), MAX_TEXT_BYTES)?;
    Ok(u32::try_from(text.len()).expect("it is below the limit, which is below 4 GiB"))
}

fn check_length(what: &str, length: usize, limit: usize) -> Result<(), Rejection> {
    if length <= limit {
        return Ok(());
    }
    let why = format!("{length} bytes are more than the {limit} that one may have");
    Err(Rejection::Invalid { what: what.to_owned(), why })
}

/// Checks how many of something there are.
fn check_count(what: &str, count: usize, limit: usize) -> Result<(), Rejection> {
    if count <= limit {
        return Ok(());
    }
    let why = format!("{count} are more than the {limit} that there may be");
    Err(Rejection::Invalid { what: what.to_owned(), why })
}

/// Checks a key or a name.
fn check_name(what: &str, name: &str) -> Result<(), Rejection> {
    check_length(what, name.len(), MAX_NAME_BYTES)?;
    let why = if name.trim().is_empty() {
        "it is empty"
    } else if name.chars().any(char::is_control) {
        "it has a control character in it"
    } else {
        return Ok(());
    };
    Err(Rejection::Invalid { what: what.to_owned(), why: why.to_owned() })
}

#[cfg(test)]
mod tests;
