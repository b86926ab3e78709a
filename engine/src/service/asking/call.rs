//! One call of a model: recorded before anything is sent, kept while it comes, recorded when it ends.

use zo_models::{Delta, Finish, ModelError, Reply, Role, TokenUsage, estimate_tokens, facts};
use zo_projections::event::conversation::{FileBody, MessageBody, Role as MessageRole};
use zo_projections::event::run::{Account, CallFailed, Called, Ending, KeyOrigin, RequestBody, Usage};
use zo_projections::views::runs::Run;
use zo_projections::{Command, MessageId, Position, RunId};

use super::context::{Context, File, Gathering, RecalledText, Said};
use super::{finish, from_run, ignore_if_ended, sources};
use crate::engine::Engine;
use crate::protocol::{Arrival, Environment, Failure, FailureKind, Response};
use crate::providers::{self, Target};
use crate::service::Each;
use crate::service::conversation::body_of;

/// So many messages are read at a time, from the newest backwards.
const PAGE: usize = 32;
/// The window of a local model that nothing is known of: what Ollama gives where nobody has set it.
const LOCAL_WINDOW: u64 = 4_096;

/// What a call came to.
pub(super) enum Outcome {
    /// It is answered, or as good as: the run has ended.
    Ended,
    /// It failed, and that is recorded.
    Failed(Failure),
    /// Who asked no longer waits, and nothing had come; that is recorded.
    Stopped,
    /// This process ends, and nothing had come: the next one carries on.
    LeftToOthers,
}

/// Calls a model for a run.
#[allow(clippy::too_many_arguments)] // the run's own state, and who waits for it
pub(super) fn call(
    engine: &Engine,
    id: RunId,
    run: &Run,
    recalled: Position,
    request: &RequestBody,
    model: &str,
    environment: &Environment,
    each: Each<'_>,
) -> Result<Outcome, Failure> {
    let target = providers::target(engine, environment, model);
    let (context, left_out) = match &target {
        Ok(target) => gather(engine, run, recalled, request, target)?,
        // It is recorded as a call that failed, so that the run goes on with the next model.
        Err(failure) => return not_called(engine, id, run, model, failure.clone()),
    };
    let target = target?;
    let called = Called {
        model: model.to_owned(),
        key: target.origin,
        messages: context.messages,
        left_out,
        passages: context.passages,
        input_tokens: context.input_tokens,
        budget: context.budget,
    };
    let position = record_call(engine, id, recalled, called)?;
    let unkept = |error: &dyn std::fmt::Display| tracing::warn!("what comes would not outlive this process: {error}");
    let mut arriving = engine.arriving.begin(id).inspect_err(|error| unkept(error)).ok();
    let mut text = String::new();
    let result = {
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
                    let seconds = wait.as_secs_f32();
                    Arrival::Note(format!(
                        "{}; attempt {attempt} in {seconds:.1} s",
                        engine.writer.redactor().clean(why)
                    ))
                }
                Delta::Waiting => Arrival::Nothing,
            };
            each(Response::Arrived(arrival))
        };
        engine.models.chat(&target.provider, target.key.as_ref(), &context.request, &mut arrived)
    };
    let outcome = match result {
        Ok(reply) if reply.text.trim().is_empty() => {
            let error = said_nothing(model, &reply);
            failed(engine, id, position, model, &target, error, &context, &text)
        }
        Ok(reply) => {
            let (usage, account) = accounted(&reply, &target, &context);
            finish(engine, id, run, reply.text, model, usage, account, None)?;
            Ok(Outcome::Ended)
        }
        Err(error) if !text.trim().is_empty() => {
            let (usage, estimated, unpriced) = spent(error.usage.as_ref(), true, &target, &context, &text);
            let account = Account {
                estimated,
                unpriced,
                attempts: error.attempts,
                ending: Ending::Interrupted,
                cached_tokens: error.usage.as_ref().map_or(0, |usage| usage.cached_input),
            };
            let reason = engine.writer.redactor().clean(&error.message);
            finish(engine, id, run, text, model, usage, account, Some(reason))?;
            Ok(Outcome::Ended)
        }
        Err(error) => failed(engine, id, position, model, &target, error, &context, &text),
    };
    engine.arriving.end(id);
    outcome
}

fn record_call(engine: &Engine, id: RunId, causation: Position, called: Called) -> Result<Position, Failure> {
    let command = Command::RecordCall { run: id, called };
    Ok(engine.writer.submit_one(from_run(command, id, causation))?.position)
}

/// A model that cannot be called from here: no such provider any more, no key.
fn not_called(engine: &Engine, id: RunId, run: &Run, model: &str, failure: Failure) -> Result<Outcome, Failure> {
    let called = Called {
        model: model.to_owned(),
        key: KeyOrigin::None,
        messages: 0,
        left_out: 0,
        passages: 0,
        input_tokens: 0,
        budget: 0,
    };
    let position = record_call(engine, id, run.started, called)?;
    let failed = CallFailed { model: model.to_owned(), attempts: 1, usage: Usage::default(), estimated: false };
    let command = Command::RecordCallFailure { run: id, failed, reason: failure.message.clone() };
    ignore_if_ended(engine.writer.submit_one(from_run(command, id, position)))?;
    Ok(Outcome::Failed(failure))
}

/// Records a call that brought nothing.
#[allow(clippy::too_many_arguments)] // all that is known of the call
fn failed(
    engine: &Engine,
    id: RunId,
    position: Position,
    model: &str,
    target: &Target,
    error: ModelError,
    context: &Context,
    text: &str,
) -> Result<Outcome, Failure> {
    let cancelled = error.kind == zo_models::ErrorKind::Cancelled;
    let left = cancelled && engine.is_stopping();
    let (usage, estimated, _) = spent(error.usage.as_ref(), error.sent, target, context, text);
    let attempts = if left { 0 } else { error.attempts.max(1) };
    let mut failure = Failure::from(error);
    failure.message = engine.writer.redactor().clean(&failure.message);
    let failed = CallFailed { model: model.to_owned(), attempts, usage, estimated };
    let command = Command::RecordCallFailure { run: id, failed, reason: failure.message.clone() };
    ignore_if_ended(engine.writer.submit_one(from_run(command, id, position)))?;
    Ok(match (left, cancelled) {
        (true, _) => Outcome::LeftToOthers,
        (false, true) => Outcome::Stopped,
        (false, false) => Outcome::Failed(failure),
    })
}

fn said_nothing(model: &str, reply: &Reply) -> ModelError {
    let refused = reply.finish == Finish::ContentFilter;
    let kind = if refused { zo_models::ErrorKind::Refused } else { zo_models::ErrorKind::Protocol };
    let message = match refused {
        true => format!("{model} refused to answer"),
        false => format!("{model} answered nothing"),
    };
    let usage = reply.usage;
    ModelError { kind, message, hint: None, status: None, usage, sent: true, attempts: reply.attempts }
}

/// What an answer cost, and how it ended.
fn accounted(reply: &Reply, target: &Target, context: &Context) -> (Usage, Account) {
    let (usage, estimated, unpriced) = spent(reply.usage.as_ref(), true, target, context, &reply.text);
    let ending = match &reply.finish {
        Finish::Length => Ending::Length,
        Finish::ContentFilter => Ending::Filtered,
        _ => Ending::Complete,
    };
    let cached_tokens = reply.usage.as_ref().map_or(0, |usage| usage.cached_input);
    (usage, Account { cached_tokens, estimated, unpriced, attempts: reply.attempts, ending })
}

/// What a call cost: as the provider says, else estimated. `(usage, whether it is estimated, whether no price is known)`
fn spent(
    reported: Option<&TokenUsage>,
    sent: bool,
    target: &Target,
    context: &Context,
    text: &str,
) -> (Usage, bool, bool) {
    let tokens = match reported {
        Some(usage) => *usage,
        None if sent => {
            TokenUsage { input: context.input_tokens, output: estimate_tokens(text), ..TokenUsage::default() }
        }
        None => TokenUsage::default(),
    };
    let price = facts(&target.provider.name, &target.model).and_then(|facts| facts.price);
    let cost = match (tokens.cost_micros, price) {
        (Some(cost), _) => Some(cost),
        (None, Some(price)) => Some(price.cost_micros(&tokens)),
        (None, None) if target.provider.local => Some(0),
        (None, None) => None,
    };
    let usage =
        Usage { input_tokens: tokens.input, output_tokens: tokens.output, cost_micros: cost.unwrap_or_default() };
    // What was never sent costs nothing, whatever the price.
    let unpriced = cost.is_none() && usage != Usage::default();
    (usage, reported.is_none() && usage != Usage::default(), unpriced)
}

/// Tokens with the price they have, if one is known; and whether none is.
pub(super) fn priced(usage: Usage, provider: &str, model: &str) -> (Usage, bool) {
    let tokens = TokenUsage { input: usage.input_tokens, output: usage.output_tokens, ..TokenUsage::default() };
    let local = zo_models::Provider::preset(provider).is_some_and(|preset| preset.local);
    match facts(provider, model).and_then(|facts| facts.price) {
        Some(price) => (Usage { cost_micros: price.cost_micros(&tokens), ..usage }, false),
        None => (usage, !local),
    }
}

/// Gathers what the model is told, and how many messages are left out.
fn gather(
    engine: &Engine,
    run: &Run,
    recalled: Position,
    request: &RequestBody,
    target: &Target,
) -> Result<(Context, u32), Failure> {
    let (found, _) = sources::recorded(engine, recalled)?;
    let mut passages: Vec<RecalledText> = Vec::with_capacity(found.len());
    for each in &found {
        passages.extend(each.text()?);
    }
    let today = engine.reader.header(run.started)?.at.to_string();
    let window = facts(&target.provider.name, &target.model).map(|facts| facts.context_window);
    let window = window.or(target.provider.local.then_some(LOCAL_WINDOW));
    let today = today.get(..10).unwrap_or(&today);
    let mut gathering = Gathering::new(request.system.as_deref(), today, &passages, window);
    let path = path_to(engine, run.question)?;
    let total = path.len();
    let mut taken = 0;
    'pages: for page in path.rchunks(PAGE) {
        for message in said(engine, page)?.into_iter().rev() {
            // What cannot be opened any more, and instructions of imports, are not told.
            let Some(message) = message else {
                taken += 1;
                continue;
            };
            if !gathering.take(message) {
                break 'pages;
            }
            taken += 1;
        }
    }
    let schema = request.schema.as_deref().map(serde_json::from_str).transpose();
    let schema = schema.map_err(|error| Failure::new(FailureKind::Invalid, format!("the schema: {error}")))?;
    let context = gathering.end(&target.model, schema);
    let left_out = u32::try_from(total.saturating_sub(taken)).unwrap_or(u32::MAX);
    Ok((context, left_out))
}

/// Ids and places of the messages up to a question, oldest first, with those of their files.
fn path_to(engine: &Engine, question: MessageId) -> Result<Vec<Place>, Failure> {
    let path = engine.writer.read(|views| {
        let (conversation, index) = views.conversations.by_message(question)?;
        let path = conversation.path_to(Some(index)).into_iter();
        Some(path.map(|message| (message.id, message.position, message.role)).collect::<Vec<Place>>())
    })?;
    path.ok_or_else(|| Failure::new(FailureKind::Damaged, "the question of the run is gone"))
}

/// Id, position and role of a message.
type Place = (MessageId, Position, MessageRole);

/// What messages say, in their order; none for those that are not told.
fn said(engine: &Engine, places: &[Place]) -> Result<Vec<Option<Said>>, Failure> {
    let events = engine.reader.events(places.iter().map(|(_, position, _)| *position))?;
    let mut all = Vec::with_capacity(events.len());
    for ((id, _, role), event) in places.iter().zip(events) {
        let role = match role {
            MessageRole::User => Role::User,
            MessageRole::Assistant => Role::Assistant,
            // The calls of tools of other programs cannot be made again, and their results say nothing without them.
            MessageRole::System | MessageRole::Tool => {
                all.push(None);
                continue;
            }
        };
        let text = body_of::<MessageBody>(&event)?.map(|body| body.content).unwrap_or_default();
        let files = files_of(engine, *id)?;
        all.push((!text.trim().is_empty() || !files.is_empty()).then_some(Said { role, text, files }));
    }
    Ok(all)
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
