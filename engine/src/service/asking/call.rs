//! One call of a model: recorded before anything is sent, kept while it comes, recorded when it ends.

use std::collections::HashMap;

use zo_models::{
    Delta, ErrorKind, Finish, ModelError, Reply as ModelReply, Role, TokenUsage, ToolCall, ToolSpec, estimate_tokens,
    facts,
};
use zo_projections::decide::{MAX_CALLS, MAX_TOOL_BYTES};
use zo_projections::event::Event;
use zo_projections::event::browser::ArtifactBody;
use zo_projections::event::conversation::{FileBody, MessageBody, Role as MessageRole, ToolCall as WrittenCall};
use zo_projections::event::run::agent::{Effect, Intent, Replied, ReplyBody};
use zo_projections::event::run::{Account, CallFailed, Called, Ending, RequestBody, Usage};
use zo_projections::views::agents::{EndedAgent, RunningAgent};
use zo_projections::views::runs::Run;
use zo_projections::{Command, MessageId, Position, RunId};

use super::agent::{Agent, equipment, steps_of_ended};
use super::context::{Context, File, Gathering, RecalledText, Said, Told};
use super::{Reply, finish, from_run, ignore_if_ended, sources};
use crate::engine::Engine;
use crate::protocol::{Arrival, Environment, Failure, FailureKind, Response};
use crate::providers::{self, Target};
use crate::service::conversation::body_of;
use crate::service::{Each, compaction, deliver};
use crate::tools;

/// So many messages are read at a time, from the newest backwards.
const PAGE: usize = 32;
/// The window of a local model that nothing is known of: what Ollama gives where nobody has set it.
const LOCAL_WINDOW: u64 = 4_096;
/// The same for an agent, whose tools alone would fill that: whoever runs agents on a local model gives it more
/// (`OLLAMA_CONTEXT_LENGTH`).
const LOCAL_AGENT_WINDOW: u64 = 16_384;

/// From so many messages on that are left out for want of room, they are told by a summary.
const LEFT_OUT: u32 = 4;
/// A provider that says more than this says nothing that could be true.
const MOST_TOKENS: u64 = 100_000_000;

/// What a call came to.
pub(super) enum Outcome {
    /// It is answered, or as good as: the run has ended.
    Ended,
    /// It failed, and that is recorded.
    Failed(Failure),
    /// It asks for tools, and that is recorded.
    Replied,
    /// It broke off, and is made again.
    BrokeOff(Failure),
    /// Who asked no longer waits, and nothing had come; that is recorded.
    Stopped,
    /// This process ends, and nothing had come: the next one carries on.
    LeftToOthers,
}

/// A model that is to be called for a run.
pub(super) struct Call<'a> {
    pub(super) engine: &'a Engine,
    pub(super) id: RunId,
    pub(super) run: &'a Run,
    pub(super) recalled: Position,
    pub(super) request: &'a RequestBody,
    /// `provider/name`.
    pub(super) model: &'a str,
    pub(super) environment: &'a Environment,
    /// The tools of who asks; none, if an agent does.
    pub(super) tools: &'a [ToolSpec],
    /// The agent that it is for, and where that is.
    pub(super) agent: Option<(&'a Agent<'a>, &'a RunningAgent)>,
}

impl Call<'_> {
    /// Makes the call, and records what it came to.
    pub(super) fn make(&self, each: Each<'_>) -> Result<Outcome, Failure> {
        let Self { engine, id, recalled, .. } = *self;
        let target = match providers::target(engine, self.environment, self.model) {
            Ok(target) => target,
            // It is recorded as a call that failed, so that the run goes on with the next model.
            Err(failure) => return self.not_made(failure),
        };
        let (mut context, mut left_out) = self.gather(&target)?;
        if left_out >= LEFT_OUT && self.summarise(left_out, each)? {
            (context, left_out) = self.gather(&target)?;
        }
        let position = self.record(
            recalled,
            Called {
                model: self.model.to_owned(),
                key: target.origin,
                messages: context.messages,
                left_out,
                passages: context.passages,
                input_tokens: context.input_tokens,
                budget: context.budget,
            },
        )?;
        let mut text = String::new();
        let result = self.listen(&target, &context, &mut text, each);
        let outcome = match result {
            Ok(reply) if self.agent.is_some() && !reply.tool_calls.is_empty() => {
                let written: String = reply.tool_calls.iter().map(|call| call.arguments.as_str()).collect();
                let spent = spent(reply.usage.as_ref(), true, &target, &context, &(reply.text.clone() + &written));
                self.replied(position, reply, &spent)
            }
            Ok(reply) if !self.tools.is_empty() && !reply.tool_calls.is_empty() => {
                let written: String = reply.tool_calls.iter().map(|call| call.arguments.as_str()).collect();
                let spent = spent(reply.usage.as_ref(), true, &target, &context, &(reply.text.clone() + &written));
                let account = spent.account(reply.attempts, ending(&reply.finish));
                let calls = reply.tool_calls.into_iter().take(MAX_CALLS).map(written_call).collect();
                self.finish(position, reply.text, calls, &spent, account, None)
            }
            Ok(reply) if reply.text.trim().is_empty() => {
                let spent = spent(reply.usage.as_ref(), true, &target, &context, "");
                self.failed(position, said_nothing(self.model, &reply), &spent)
            }
            Ok(reply) => {
                let spent = spent(reply.usage.as_ref(), true, &target, &context, &reply.text);
                let account = spent.account(reply.attempts, ending(&reply.finish));
                self.finish(position, reply.text, Vec::new(), &spent, account, None)
            }
            // An answer that does not fit its schema is whole, and none; what an agent said before it could ask for a tool
            // is no answer either, unless somebody stopped it there.
            Err(error)
                if !text.trim().is_empty()
                    && error.kind != ErrorKind::Schema
                    && (self.agent.is_none() || (error.kind == ErrorKind::Cancelled && !engine.is_stopping())) =>
            {
                let spent = spent(error.usage.as_ref(), true, &target, &context, &text);
                let account = spent.account(error.attempts, Ending::Interrupted);
                let reason = engine.writer.redactor().clean(&error.message);
                if error.kind != ErrorKind::Cancelled {
                    deliver(each, Response::Arrived(Arrival::Note(reason.clone())))?;
                }
                self.finish(position, text, Vec::new(), &spent, account, Some(reason))
            }
            Err(error) => {
                let spent = spent(error.usage.as_ref(), error.sent, &target, &context, &text);
                self.failed(position, error, &spent)
            }
        };
        // Where it could not be recorded (the disk is full), it is from there when there is room again.
        if outcome.is_ok() {
            engine.arriving.end(id);
        }
        outcome
    }

    /// Gathers what the model is told, and how many messages are left out.
    fn gather(&self, target: &Target) -> Result<(Context, u32), Failure> {
        gather(self.engine, self.run, self.recalled, self.request, target, self.tools, self.agent)
    }

    /// Has the messages for which there is no room told by a summary from now on. Whether there is one now: without it the
    /// question is answered all the same.
    fn summarise(&self, left_out: u32, each: Each<'_>) -> Result<bool, Failure> {
        let Self { engine, run, .. } = *self;
        let path = path_to(engine, run.question)?;
        // Some more than must be: the next question is to find room, too.
        let before = compaction::summary_for(engine, run.conversation, &path)?.map_or(0, |summary| summary.messages);
        let rest = path.len() - before;
        let more = (left_out as usize + rest / 4).min(rest.saturating_sub(1));
        let note = format!("{} earlier messages are told by a summary from now on", before + more);
        deliver(each, Response::Arrived(Arrival::Note(note)))?;
        let first = &path[..before + more];
        let made = compaction::compact_up_to(engine, run.conversation, first, self.model, self.environment, each);
        if let Err(failure) = &made {
            tracing::warn!("no summary was made: {}", engine.writer.redactor().clean(&failure.message));
        }
        Ok(made.is_ok())
    }

    /// Calls the model, keeps what comes in `text` and on the disk, and tells it.
    fn listen(
        &self,
        target: &Target,
        context: &Context,
        text: &mut String,
        each: Each<'_>,
    ) -> Result<ModelReply, ModelError> {
        let engine = self.engine;
        let unkept =
            |error: &dyn std::fmt::Display| tracing::warn!("what comes would not outlive this process: {error}");
        let mut arriving = engine.arriving.begin(self.id).inspect_err(|error| unkept(error)).ok();
        let mut arrived = |delta: Delta<'_>| {
            let arrival = match delta {
                Delta::Text(piece) => {
                    text.push_str(piece);
                    if let Some(Err(error)) = arriving.as_mut().map(|reply| reply.add(piece)) {
                        unkept(&error);
                        arriving = None;
                    }
                    Arrival::Text(piece.to_owned())
                }
                Delta::Reasoning(piece) => Arrival::Reasoning(piece.to_owned()),
                Delta::Retrying { attempt, wait, why } => {
                    let (why, seconds) = (engine.writer.redactor().clean(why), wait.as_secs_f32());
                    Arrival::Note(format!("{why}; attempt {attempt} in {seconds:.1} s"))
                }
                Delta::Waiting => Arrival::Nothing,
            };
            each(Response::Arrived(arrival))
        };
        engine.models.chat(&target.provider, target.key.as_ref(), &context.request, &mut arrived)
    }

    fn record(&self, causation: Position, called: Called) -> Result<Position, Failure> {
        let command = Command::RecordCall { run: self.id, called };
        Ok(self.engine.writer.submit_one(from_run(command, self.id, causation))?.position)
    }

    /// Records a reply that asks for tools.
    fn replied(&self, position: Position, reply: ModelReply, spent: &Spent) -> Result<Outcome, Failure> {
        let Some((agent, state)) = self.agent else { return Ok(Outcome::Ended) };
        let account = spent.account(reply.attempts, ending(&reply.finish));
        let (usage, calls) = (spent.usage, reply.tool_calls);
        let asked = Asked { model: self.model, text: reply.text, calls, usage, account };
        record_reply(agent, state, position, asked)?;
        Ok(Outcome::Replied)
    }

    /// Records the answer. Where it cannot be (its conversation was deleted meanwhile), it has cost what it cost.
    fn finish(
        &self,
        position: Position,
        text: String,
        tool_calls: Vec<WrittenCall>,
        spent: &Spent,
        account: Account,
        reason: Option<String>,
    ) -> Result<Outcome, Failure> {
        let reply = Reply { text, model: self.model.to_owned(), usage: spent.usage, account, reason, tool_calls };
        match finish(self.engine, self.id, self.run, reply) {
            Ok(()) => Ok(Outcome::Ended),
            Err(failure) if failure.is_refusal() => {
                self.record_failure(position, account.attempts.max(1), spent, &failure.message)?;
                Ok(Outcome::Failed(failure))
            }
            Err(failure) => Err(failure),
        }
    }

    /// A model that cannot be called from here: no such provider any more, no key.
    fn not_made(&self, failure: Failure) -> Result<Outcome, Failure> {
        let called = Called::unsent(self.model);
        let position = self.record(self.run.started, called)?;
        self.record_failure(position, 1, &Spent::default(), &failure.message)?;
        Ok(Outcome::Failed(failure))
    }

    /// Records a call that brought nothing.
    fn failed(&self, position: Position, error: ModelError, spent: &Spent) -> Result<Outcome, Failure> {
        let cancelled = error.kind == ErrorKind::Cancelled;
        let left = cancelled && self.engine.is_stopping();
        // An agent's reply that broke off is no answer: the same is asked again, as after a crash, and as often.
        let broke_off = self.agent.is_some() && matches!(error.kind, ErrorKind::CutOff | ErrorKind::IdleTimeout);
        let attempts = if left || broke_off { 0 } else { error.attempts.max(1) };
        let mut failure = Failure::from(error);
        failure.message = self.engine.writer.redactor().clean(&failure.message);
        self.record_failure(position, attempts, spent, &failure.message)?;
        Ok(match (left, cancelled) {
            (true, _) => Outcome::LeftToOthers,
            (false, true) => Outcome::Stopped,
            (false, false) if broke_off => Outcome::BrokeOff(failure),
            (false, false) => Outcome::Failed(failure),
        })
    }

    /// `attempts` is 0 if the process ended before it was known.
    fn record_failure(&self, position: Position, attempts: u32, spent: &Spent, reason: &str) -> Result<(), Failure> {
        let Spent { usage, estimated, .. } = *spent;
        let failed = CallFailed { model: self.model.to_owned(), attempts, usage, estimated };
        let command = Command::RecordCallFailure { run: self.id, failed, reason: reason.to_owned() };
        ignore_if_ended(self.engine.writer.submit_one(from_run(command, self.id, position)))
    }
}

/// A reply that asks for tools.
pub(super) struct Asked<'a> {
    pub(super) model: &'a str,
    pub(super) text: String,
    pub(super) calls: Vec<ToolCall>,
    pub(super) usage: Usage,
    pub(super) account: Account,
}

/// Records a reply that asks for tools, with what it would mean to make each call twice.
pub(super) fn record_reply(
    agent: &Agent<'_>,
    state: &RunningAgent,
    position: Position,
    asked: Asked<'_>,
) -> Result<(), Failure> {
    let Asked { model, text, mut calls, usage, account } = asked;
    if calls.len() > MAX_CALLS {
        tracing::warn!(run = %agent.id, "{} tool calls in one reply: the first {MAX_CALLS} are made", calls.len());
        calls.truncate(MAX_CALLS);
    }
    let mut intents = Vec::with_capacity(calls.len());
    let mut written: Vec<WrittenCall> = Vec::with_capacity(calls.len());
    for (index, call) in calls.into_iter().enumerate() {
        let (by, what) = ((&agent.options, state.depth), (call.name.as_str(), call.arguments.as_str()));
        let prepared = tools::prepare(agent.engine, agent.place.environment, by, what);
        // A server's tool that cannot be prepared now may be when it is looked at again.
        let otherwise = if tools::mcp::is_name(&call.name) { Effect::Once } else { Effect::Pure };
        let effect = prepared.map_or(otherwise, |prepared| prepared.effect);
        let digest = agent.engine.names.call(&call.name, &call.arguments);
        intents.push(Intent { tool: named(&call.name), effect, digest });
        // Results are paired with calls by these ids.
        let taken = call.id.trim().is_empty() || written.iter().any(|other| other.id == call.id);
        let id = if taken { format!("call_{}_{index}", state.steps.len()) } else { call.id };
        written.push(WrittenCall { id, name: call.name, arguments: call.arguments });
    }
    let command = Command::RecordReply {
        run: agent.id,
        replied: Replied { model: model.to_owned(), usage, account, calls: intents },
        body: ReplyBody { text, tool_calls: written },
    };
    ignore_if_ended(agent.engine.writer.submit_one(from_run(command, agent.id, position)))
}

/// A tool's name as it can stand in an event: models have made up all sorts.
fn named(tool: &str) -> String {
    let mut plain: String = tool.chars().filter(|c| !c.is_control()).take(MAX_TOOL_BYTES).collect();
    plain.truncate(plain.floor_char_boundary(MAX_TOOL_BYTES));
    if plain.trim().is_empty() { "(unnamed)".to_owned() } else { plain }
}

fn said_nothing(model: &str, reply: &ModelReply) -> ModelError {
    let refused = reply.finish == Finish::ContentFilter;
    let kind = if refused { ErrorKind::Refused } else { ErrorKind::Protocol };
    let message = match refused {
        true => format!("{model} refused to answer"),
        false if reply.tool_calls.is_empty() => format!("{model} answered nothing"),
        false => format!("{model} asked for a tool where none was offered, and answered nothing"),
    };
    let usage = reply.usage;
    ModelError { kind, message, hint: None, status: None, usage, sent: true, attempts: reply.attempts }
}

fn ending(finish: &Finish) -> Ending {
    match finish {
        Finish::Length => Ending::Length,
        Finish::ContentFilter => Ending::Filtered,
        _ => Ending::Complete,
    }
}

/// What a call cost.
#[derive(Default)]
struct Spent {
    usage: Usage,
    cached_tokens: u64,
    /// Whether the tokens are estimated, since the provider did not say them.
    estimated: bool,
    /// Whether no price is known.
    unpriced: bool,
}

impl Spent {
    fn account(&self, attempts: u32, ending: Ending) -> Account {
        let Self { cached_tokens, estimated, unpriced, .. } = *self;
        Account { cached_tokens, estimated, unpriced, attempts, ending }
    }
}

/// What a call cost: as the provider says, else estimated. What was never sent costs nothing, whatever the price.
fn spent(reported: Option<&TokenUsage>, sent: bool, target: &Target, context: &Context, text: &str) -> Spent {
    let reported = reported.filter(|usage| usage.input.max(usage.output) <= MOST_TOKENS);
    let tokens = match reported {
        Some(usage) => *usage,
        None if sent => {
            TokenUsage { input: context.input_tokens, output: estimate_tokens(text), ..TokenUsage::default() }
        }
        None => return Spent::default(),
    };
    let cost = cost(&target.provider.name, &target.model, target.provider.local, &tokens);
    Spent {
        usage: Usage {
            input_tokens: tokens.input,
            output_tokens: tokens.output,
            cost_micros: cost.unwrap_or_default(),
        },
        cached_tokens: tokens.cached_input,
        estimated: reported.is_none(),
        unpriced: cost.is_none(),
    }
}

/// What tokens cost, in millionths of a US dollar: as the provider says, else by the price that is known.
fn cost(provider: &str, model: &str, is_local: bool, tokens: &TokenUsage) -> Option<u64> {
    let by_price = || Some(facts(provider, model)?.price?.cost_micros(tokens));
    tokens.cost_micros.or_else(by_price).or(is_local.then_some(0))
}

/// Tokens with the price they have, if one is known; and whether none is.
pub(crate) fn priced(usage: Usage, provider: &str, model: &str, is_local: bool) -> (Usage, bool) {
    let tokens = TokenUsage { input: usage.input_tokens, output: usage.output_tokens, ..TokenUsage::default() };
    let cost = cost(provider, model, is_local, &tokens);
    (Usage { cost_micros: cost.unwrap_or_default(), ..usage }, cost.is_none())
}

/// Gathers what the model is told, and how many messages are left out.
fn gather(
    engine: &Engine,
    run: &Run,
    recalled: Position,
    request: &RequestBody,
    target: &Target,
    tools: &[ToolSpec],
    agent: Option<(&Agent<'_>, &RunningAgent)>,
) -> Result<(Context, u32), Failure> {
    let (found, _) = sources::recorded(engine, recalled)?;
    let mut passages: Vec<RecalledText> = Vec::with_capacity(found.len());
    for each in &found {
        passages.extend(each.text()?);
    }
    let today = engine.reader.header(run.started)?.at.to_string();
    let window = facts(&target.provider.name, &target.model).map(|facts| facts.context_window);
    let local = if agent.is_some() { LOCAL_AGENT_WINDOW } else { LOCAL_WINDOW };
    let window = window.or(target.provider.local.then_some(local));
    let today = today.get(..10).unwrap_or(&today);
    let equipment = agent.map(|(agent, state)| equipment(agent, state)).transpose()?;
    let mut gathering = Gathering::new(request.system.as_deref(), today, &passages, window, equipment.as_ref());
    gathering.offer(tools);
    let mut path = path_to(engine, run.question)?;
    if let Some((agent, _)) = agent {
        if let Some(question) =
            said(engine, path.last().map(std::slice::from_ref).unwrap_or_default(), false)?.pop().flatten()
        {
            gathering.reserve(&question);
        }
        if facts(&target.provider.name, &target.model).is_some_and(|facts| facts.images) {
            gathering.show(newest_pictures(engine, &agent.steps.told)?);
        }
        take_steps(&mut gathering, &agent.steps.told);
    }
    let summary = compaction::summary_for(engine, run.conversation, &path)?;
    if let Some(summary) = summary {
        gathering.summarise(&summary.text);
        path.drain(..summary.messages);
    }
    let total = path.len();
    // What cannot be opened any more, instructions of imports and the like: not left out for want of room.
    let mut untold = 0;
    'pages: for page in path.rchunks(PAGE) {
        for (message, (id, _, role)) in said(engine, page, !tools.is_empty())?.into_iter().zip(page).rev() {
            let Some(message) = message else {
                untold += 1;
                continue;
            };
            // What was done for a question that was not answered stands behind it; for one that was, before the answer.
            if agent.is_some() && *role == MessageRole::User {
                let unanswered = engine.writer.read(|views| views.agents.unanswered(*id).cloned())?;
                take_earlier_steps(engine, &mut gathering, unanswered)?;
            }
            if !gathering.take(message) {
                break 'pages;
            }
            if agent.is_some() && *role == MessageRole::Assistant {
                let answered = engine.writer.read(|views| views.agents.of_answer(*id).cloned())?;
                take_earlier_steps(engine, &mut gathering, answered)?;
            }
        }
    }
    let schema = request.schema.as_deref().map(serde_json::from_str).transpose();
    let schema = schema.map_err(|error| Failure::new(FailureKind::Invalid, format!("the schema: {error}")))?;
    let context = gathering.end(&target.model, schema);
    // What an agent did stands between what was said.
    let told = if agent.is_some() { context.said } else { context.messages };
    let left_out = u32::try_from(total - untold).unwrap_or(u32::MAX).saturating_sub(told);
    Ok((context, left_out))
}

/// The pictures that an agent saw last, as far as they are still there: older ones are not sent again and again.
fn newest_pictures(engine: &Engine, told: &[Told]) -> Result<HashMap<Position, File>, Failure> {
    const MOST: usize = 3;
    let newest = told.iter().rev().flat_map(|step| step.pictures.iter().rev()).take(MOST);
    let mut pictures = HashMap::new();
    for (_, at) in newest {
        let event = engine.reader.event(*at)?;
        let Event::BrowserArtifactKept(kept) = &event.recorded.event else { continue };
        let media_type = kept.media_type.clone();
        if let Some(ArtifactBody { name, bytes }) = body_of(&event)? {
            pictures.insert(*at, File { name, media_type, bytes });
        }
    }
    Ok(pictures)
}

/// As much of what the agent has done as there is room for, newest first: the last steps as they are, those before them
/// in brief.
fn take_steps(gathering: &mut Gathering, told: &[Told]) {
    let Some((newest, older)) = told.split_last() else { return };
    gathering.take_newest_step(newest);
    for (index, step) in older.iter().enumerate().rev() {
        if !gathering.take_step(step) && !gathering.take_step(&step.brief()) {
            gathering.leave_out_steps(index + 1);
            return;
        }
    }
}

/// What an agent did for an earlier question, if there is room for it.
fn take_earlier_steps(engine: &Engine, gathering: &mut Gathering, ended: Option<EndedAgent>) -> Result<(), Failure> {
    let Some(ended) = ended else { return Ok(()) };
    for step in steps_of_ended(engine, &ended)?.iter().rev() {
        if !gathering.take_step(step) {
            break;
        }
    }
    Ok(())
}

/// Ids and places of the messages up to a question, oldest first, with those of their files.
pub(crate) fn path_to(engine: &Engine, question: MessageId) -> Result<Vec<Place>, Failure> {
    let path = engine.writer.read(|views| {
        let (conversation, index) = views.conversations.by_message(question)?;
        let path = conversation.path_to(Some(index)).into_iter();
        Some(path.map(|message| (message.id, message.position, message.role)).collect::<Vec<Place>>())
    })?;
    path.ok_or_else(|| Failure::new(FailureKind::Damaged, "the question of the run is gone"))
}

/// Id, position and role of a message.
pub(crate) type Place = (MessageId, Position, MessageRole);

/// What messages say, in their order; none for those that are not told. Calls of the tools of who asks are told to a model
/// that may call them.
fn said(engine: &Engine, places: &[Place], with_calls: bool) -> Result<Vec<Option<Said>>, Failure> {
    let events = engine.reader.events(places.iter().map(|(_, position, _)| *position))?;
    let mut all = Vec::with_capacity(events.len());
    for ((id, _, role), event) in places.iter().zip(events) {
        let role = match role {
            MessageRole::User => Role::User,
            MessageRole::Assistant => Role::Assistant,
            // The calls of tools of other programs cannot be made again, and their results say nothing without them.
            MessageRole::Tool if with_calls => Role::Tool,
            MessageRole::System | MessageRole::Tool => {
                all.push(None);
                continue;
            }
        };
        let MessageBody { content: text, tool_calls, tool_call_id, .. } = body_of(&event)?.unwrap_or_default();
        let files = files_of(engine, *id)?;
        let tool_calls: Vec<ToolCall> =
            if with_calls { tool_calls.into_iter().map(told_call).collect() } else { Vec::new() };
        let says = role == Role::Tool || !text.trim().is_empty() || !files.is_empty() || !tool_calls.is_empty();
        let tool_call_id = tool_call_id.filter(|_| role == Role::Tool);
        all.push(says.then_some(Said { role, text, files, tool_calls, tool_call_id }));
    }
    Ok(all)
}

/// A call, as it is written down.
fn written_call(call: ToolCall) -> WrittenCall {
    WrittenCall { id: call.id, name: call.name, arguments: call.arguments }
}

/// A call, as a model is told of it.
fn told_call(call: WrittenCall) -> ToolCall {
    ToolCall { id: call.id, name: call.name, arguments: call.arguments }
}

fn files_of(engine: &Engine, message: MessageId) -> Result<Vec<File>, Failure> {
    let attached = engine.writer.read(|views| views.attachments.of(message).to_vec())?;
    let mut files = Vec::with_capacity(attached.len());
    for (attached, event) in attached.iter().zip(engine.reader.events(attached.iter().map(|file| file.position))?) {
        if let Some(FileBody { name, bytes }) = body_of(&event)? {
            files.push(File { name, media_type: attached.media_type.clone(), bytes });
        }
    }
    Ok(files)
}
