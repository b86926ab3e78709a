//! Answers requests: what [`crate::protocol`] says, done with an [`Engine`].
//!
//! One file per group of requests. A handler takes the engine and the request's fields and calls `each` with the
//! responses; the last one (`Done` or `Failed`) is [`handle`]'s.

mod agents;
pub(crate) mod asking;
pub(crate) mod browsing;
pub(crate) mod compaction;
mod conversation;
pub(crate) mod failure;
pub mod files;
mod id_end;
mod jobs;
mod kv;
mod log;
mod mcp;
mod memory;
mod models;
mod nodes;
mod recall;
pub(crate) mod schedules;
mod services;
mod skills;
mod status;
mod tokens;
mod vault;

use std::ops::ControlFlow;

use self::nodes::Spoken;
use crate::engine::Engine;
use zo_projections::{Actor, Receipt, RunId, TokenId};

use crate::protocol::Outcome as Change;
use crate::protocol::{
    Acknowledged, Answer, At, Failure, FailureKind, MAX_PAGE, NewMemory, Query, RecallQuestion, Request, Response,
};
use crate::writer::Outcome;

/// Takes responses; breaks when nobody wants more.
pub type Each<'a> = &'a mut dyn FnMut(Response) -> ControlFlow<()>;

/// Answers one request of the user of this machine. `each` is given every response but the last.
///
/// # Errors
/// The failure that the request ends with.
pub fn handle(engine: &Engine, request: Request, each: Each<'_>) -> Result<(), Failure> {
    handle_of(engine, None, request, each)
}

/// Answers one request of who has this token, none being the user of this machine. Whether the token is good for such a
/// request at all is the caller's business; for which nodes it may speak is looked at here.
///
/// # Errors
/// The failure that the request ends with.
pub fn handle_of(engine: &Engine, token: Option<TokenId>, request: Request, each: Each<'_>) -> Result<(), Failure> {
    let acknowledged = match request {
        Request::Memorize { actor, items } => memory::memorize(engine, actor, items)?,
        Request::Supersede { memory, content, meta, expected } => {
            one(memory::supersede(engine, &memory, content, meta, expected))?
        }
        Request::Retract { memory, reason, expected } => one(memory::retract(engine, &memory, reason, expected))?,
        Request::Forget { memory } => one(memory::forget(engine, &memory))?,
        Request::SetKey { key, value, expected, idempotency } => {
            one(kv::set(engine, key, value, expected, idempotency))?
        }
        Request::DeleteKey { key, idempotency } => one(kv::delete(engine, key, idempotency))?,
        Request::AddMessages { actor, conversation, messages } => {
            conversation::add_messages(engine, actor, &conversation, messages)?
        }
        Request::SelectBranch { conversation, message } => one(conversation::select(engine, &conversation, &message))?,
        Request::RenameConversation { conversation, name } => one(conversation::rename(engine, &conversation, &name))?,
        Request::DeleteConversation { conversation } => one(conversation::delete(engine, &conversation))?,
        Request::UseModel { name } => one(recall::use_model(engine, &name, each))?,
        Request::AppendPlaceholders { count, bytes } => log::append_placeholders(engine, count, bytes)?,
        Request::Fork { from, message, id, name } => {
            one(conversation::fork(engine, &from, message.as_deref(), id, name))?
        }
        Request::ChooseModel { model, fallbacks } => one(models::choose(engine, model, fallbacks))?,
        Request::AddProvider { name, dialect, base_url } => {
            one(models::add_provider(engine, name, &dialect, &base_url))?
        }
        Request::RemoveProvider { name } => one(models::remove_provider(engine, name))?,
        Request::SetKeyOfProvider { provider, key, environment } => {
            one(vault::set(engine, provider, &key, &environment))?
        }
        Request::RemoveKeyOfProvider { provider, environment } => one(vault::remove(engine, provider, &environment))?,
        Request::SetPassphrase { new, environment } => one(vault::set_passphrase(engine, new.as_ref(), &environment))?,
        Request::ListModels { provider, environment } => {
            let models = models::list(engine, &provider, &environment)?;
            return deliver(each, Response::ChatModels(models));
        }
        Request::TestModel { model, environment } => return models::test(engine, model.as_deref(), &environment, each),
        Request::CheckKeyOfProvider { provider, environment } => {
            return vault::check(engine, &provider, &environment, each);
        }
        Request::Introduce { environment } => {
            engine.learn_keys_of(&environment);
            return Ok(());
        }
        Request::Ask(asking) => {
            let answered = asking::ask(engine, *asking, each)?;
            return deliver(each, Response::Answered(Box::new(answered)));
        }
        Request::Resume { run, can_ask, environment } => {
            let answered = agents::resume(engine, &run, can_ask, &environment, each)?;
            return deliver(each, Response::Answered(Box::new(answered)));
        }
        Request::CancelAgent { run } => one(agents::cancel(engine, &run))?,
        Request::AnswerPermission { run, call, verdict, always } => {
            one(agents::answer_permission(engine, &run, call.as_deref(), verdict, always))?
        }
        Request::AddRule { rule } => one(agents::add_rule(engine, rule))?,
        Request::RemoveRule { rule } => one(agents::remove_rule(engine, rule))?,
        Request::SetDailyBudget { cost_micros } => one(agents::set_daily_budget(engine, cost_micros))?,
        Request::TrustSkill { folder, version } => one(skills::trust(engine, &folder, &version))?,
        Request::WithdrawTrust { folder } => one(skills::withdraw_trust(engine, &folder))?,
        Request::Compact { conversation, model, environment } => {
            one(compaction::compact(engine, &conversation, model, &environment, each))?
        }
        Request::Uncompact { conversation } => one(compaction::uncompact(engine, &conversation))?,
        Request::Query { query, at } => {
            let answer = answer(engine, query, at)?;
            return deliver(each, Response::Answer(Box::new(answer)));
        }
        Request::Events { selection, follow } => return log::events(engine, &selection, follow, each),
        Request::Replay { from, to, from_snapshot, silent } => {
            return log::replay(engine, from, to, from_snapshot, silent, each);
        }
        Request::Stats { at } => {
            let stats = log::stats(engine, at)?;
            return deliver(each, Response::Stats(Box::new(stats)));
        }
        Request::Verify => return log::verify(engine, each),
        Request::Rebuild => return log::rebuild(engine, each),
        Request::Embed { budget_ms } => return recall::embed(engine, budget_ms, each),
        Request::Export { file, with_keys } => return log::export(engine, &file, with_keys, each),
        Request::Backup { folder, with_keys } => return log::backup(engine, &folder, with_keys, each),
        Request::SubmitJobs { jobs, batch, more_of } => jobs::submit(engine, jobs, batch, more_of.as_deref())?,
        Request::CancelJob { job, reason } => one(jobs::cancel(engine, &job, reason))?,
        Request::RetryJob { job } => one(jobs::retry(engine, &job))?,
        Request::WatchJobs { jobs, batch, logs } => return jobs::watch(engine, &jobs, batch.as_deref(), logs, each),
        Request::SetQueue { queue, limit, paused } => one(jobs::set_queue(engine, queue, limit, paused))?,
        Request::JoinNode { node } => {
            let joined = nodes::join(engine, token, node)?;
            return deliver(each, Response::NodeJoined(joined));
        }
        Request::ClaimJobs { node, most, wait_ms, queues } => {
            let node = nodes::find_elsewhere(engine, &node, token)?;
            return nodes::claim(engine, node, most, wait_ms, &queues, each);
        }
        Request::HeartbeatNode { node, running, draining } => {
            let node = nodes::find_elsewhere(engine, &node, token)?;
            let heard = nodes::heartbeat(engine, node, &running, draining)?;
            return deliver(each, Response::NodeHeard(heard));
        }
        Request::CompleteJob { node, job, attempt, result } => {
            one(nodes::complete(engine, &Spoken { node: &node, token, job: &job, attempt }, result))?
        }
        Request::FailJob { node, job, attempt, reason, retriable, not_begun } => {
            let spoken = Spoken { node: &node, token, job: &job, attempt };
            one(nodes::fail(engine, &spoken, reason, retriable, not_begun))?
        }
        Request::ReleaseJob { node, job, attempt, reason } => {
            tracing::debug!("node {node} gives job {job} back: {}", reason.unwrap_or_default());
            one(nodes::release(engine, &Spoken { node: &node, token, job: &job, attempt }))?
        }
        Request::AppendJobLog { node, job, attempt, offset, text } => {
            let appended =
                nodes::append_log(engine, &Spoken { node: &node, token, job: &job, attempt }, offset, &text)?;
            return deliver(each, appended);
        }
        Request::LeaveNode { node } => one(nodes::leave(engine, &node, token))?,
        Request::DrainNode { node, resume } => one(nodes::drain(engine, &node, resume))?,
        Request::RemoveNode { node } => one(nodes::remove(engine, &node))?,
        Request::SetPrices { gpus, regions } => one(nodes::set_prices(engine, gpus, regions))?,
        Request::AddSchedule { schedule } => one(schedules::add(engine, &schedule))?,
        Request::EditSchedule { reference, schedule } => one(schedules::edit(engine, &reference, &schedule))?,
        Request::PauseSchedule { reference } => one(schedules::pause(engine, &reference))?,
        Request::ResumeSchedule { reference } => one(schedules::resume(engine, &reference))?,
        Request::RemoveSchedule { reference } => one(schedules::remove(engine, &reference))?,
        Request::RunSchedule { reference, job } => one(schedules::run(engine, &reference, job))?,
        Request::AddService { service } => one(services::add(engine, &service))?,
        Request::ControlService { label, action } => one(services::control(engine, &label, action))?,
        Request::ServiceLog { label, lines, follow } => return services::log(engine, &label, lines, follow, each),
        Request::PutFile { name, media_type, content } => one(files::put(engine, name, media_type, content, each))?,
        Request::GetFile { name, version, offset, length } => {
            return files::get(engine, &name, version, offset, length, each);
        }
        Request::RemoveFile { name } => one(files::remove(engine, name))?,
        Request::ShareFile { name, site, expires_at } => {
            let shared = files::share(engine, name, site, expires_at)?;
            return deliver(each, Response::Shared(Box::new(shared)));
        }
        Request::UnshareFile { id } => one(files::unshare(engine, &id))?,
        Request::CreateToken { name, scopes, expires_at } => {
            let made = tokens::create(engine, name, scopes, expires_at)?;
            return deliver(each, Response::TokenMade(Box::new(made)));
        }
        Request::Browse(input) => {
            let browsed = browsing::browse(engine, &input, each)?;
            return deliver(each, Response::Browsed(Box::new(browsed)));
        }
        Request::CloseBrowser { session } => one(browsing::close(engine, &session))?,
        Request::ExportBrowser { session, file, passphrase } => {
            one(browsing::export(engine, &session, &file, &passphrase))?
        }
        Request::ImportBrowser { session, file, passphrase } => {
            one(browsing::import(engine, &session, &file, &passphrase))?
        }
        Request::RemoveBrowser { session } => one(browsing::remove(engine, &session))?,
        Request::AddMcpServer { server, secrets, environment } => {
            one(mcp::add(engine, *server, &secrets, &environment))?
        }
        Request::RemoveMcpServer { name, environment } => one(mcp::remove(engine, &name, &environment))?,
        Request::TestMcpServer { name, call, deadline_ms, environment } => {
            return mcp::test(engine, &name, call.as_ref(), deadline_ms, &environment, each);
        }
        Request::RevokeToken { token } => one(tokens::revoke(engine, &token))?,
    };
    deliver(each, Response::Acknowledged(acknowledged))
}

fn answer(engine: &Engine, query: Query, at: Option<At>) -> Result<Answer, Failure> {
    match query {
        Query::Status => status::status(engine, at),
        Query::Memories { retracted, before, limit } => memory::list(engine, at, retracted, before, page(limit)),
        Query::Memory { id } => memory::show(engine, at, &id),
        Query::Key { key } => kv::get(engine, at, &key),
        Query::Keys { prefix, after, limit } => kv::list(engine, at, &prefix, after.as_deref(), page(limit)),
        Query::Conversations { nested, skip, limit } => {
            conversation::list(engine, at, nested, skip as usize, page(limit))
        }
        Query::Conversation { reference, all_branches, skip, limit } => {
            conversation::show(engine, at, &reference, all_branches, skip as usize, page(limit))
        }
        Query::Usage => status::usage(engine, at),
        Query::Digests => status::digests(engine, at),
        Query::Recall(question) => recall::recall(engine, &question, at),
        Query::Index => recall::index(engine),
        Query::Vectors { texts } => recall::vectors(engine, &texts),
        Query::Models => recall::models(engine),
        Query::ChosenModel => models::chosen(engine, at),
        Query::WouldAnswer { environment } => models::would_answer(engine, &environment),
        Query::Providers { environment } => models::providers(engine, &environment),
        Query::Agents { nested, running, skip, limit } => {
            agents::list(engine, at, nested, running, skip as usize, page(limit))
        }
        Query::Agent { run } => agents::show(engine, at, &run),
        Query::Permissions => agents::permissions(engine),
        Query::Rules => agents::rules(engine, at),
        Query::Tools => Ok(Answer::Tools(agents::tools())),
        Query::Skills { folders } => skills::list(engine, &folders),
        Query::ProviderKeys { environment } => vault::list(engine, at, &environment),
        Query::Jobs { state, queue, batch, skip, limit } => {
            jobs::list(engine, &jobs::Selection { state, queue, batch }, skip as usize, page(limit))
        }
        Query::Job { job } => jobs::show(engine, &job),
        Query::JobLog { job, attempt } => jobs::log(engine, &job, attempt),
        Query::Queues => jobs::queues(engine),
        Query::Nodes => nodes::list(engine),
        Query::Prices => nodes::prices(engine),
        Query::Schedules => schedules::list(engine),
        Query::Schedule { reference } => schedules::show(engine, &reference),
        Query::PreviewRule { rule, zone, from, count } => {
            schedules::preview(engine, &rule, zone.as_deref(), from, count)
        }
        Query::Services => services::list(engine),
        Query::Files { prefix, after, limit } => files::list(engine, &prefix, after.as_deref(), page(limit)),
        Query::FileVersions { name } => files::versions(engine, &name),
        Query::Shares => files::shares(engine),
        Query::Tokens => tokens::list(engine),
        Query::McpServers => mcp::list(engine),
        Query::Browsers => browsing::list(engine),
        Query::BrowserActs { session, before, limit } => browsing::acts(engine, &session, before, page(limit)),
        Query::BrowserAct { position } => browsing::act(engine, position),
        Query::BrowserArtifact { position } => browsing::artifact(engine, position),
    }
}

/// Keeps one content, on behalf of a tool.
pub(crate) fn memorize(engine: &Engine, actor: Actor, item: NewMemory) -> Result<Acknowledged, Failure> {
    let mut acknowledged = memory::memorize(engine, actor, vec![item])?;
    acknowledged.pop().expect("one item has one acknowledgement")
}

/// What is remembered of something now, on behalf of a tool.
pub(crate) fn recall_now(engine: &Engine, question: &RecallQuestion) -> Result<Answer, Failure> {
    recall::recall(engine, question, None)
}

/// Asks an agent to stop, on behalf of the job that it does.
pub(crate) fn cancel_agent(engine: &Engine, run: RunId) -> Result<Acknowledged, Failure> {
    agents::cancel(engine, &run.to_string())
}

pub(crate) use conversation::body_of;
pub(crate) use jobs::job_of;
pub use tokens::{Denied, Token};

fn page(limit: u32) -> usize {
    (limit as usize).clamp(1, MAX_PAGE)
}

/// A single command: its failure is that of the request.
fn one(result: Result<Acknowledged, Failure>) -> Result<Vec<Result<Acknowledged, Failure>>, Failure> {
    result.map(|acknowledged| vec![Ok(acknowledged)])
}

fn deliver(each: Each<'_>, response: Response) -> Result<(), Failure> {
    // Nobody may be listening any more; what was asked for is done all the same.
    let _ = each(response);
    Ok(())
}

fn acknowledge(id: String, outcome: Outcome) -> Result<Acknowledged, Failure> {
    let receipt = outcome?;
    let outcome = match receipt {
        Receipt { events: 0, .. } => Change::Unchanged,
        Receipt { version: 1, .. } => Change::New,
        _ => Change::Revised,
    };
    Ok(Acknowledged { id, position: receipt.position, outcome })
}

fn check_count(what: &str, count: usize) -> Result<(), Failure> {
    if count <= MAX_PAGE {
        return Ok(());
    }
    let message = format!("{count} {what} are more than the {MAX_PAGE} that one request may have");
    Err(Failure::new(FailureKind::Invalid, message))
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
