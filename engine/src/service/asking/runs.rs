//! A run, carried on from wherever it is: whoever started it, and whatever became of that process.
//!
//! ```text
//! started ─► recalled ─┬─ offline ─► finished
//!                      └─► called ─┬─► finished                         all of it, or as far as it came
//!                            ▲     └─► call_failed ─┬─► called …        another model, or the same after a cut
//!                            └──────────────────────┴─► failed
//! ```
//!
//! Each arrow is one commit. A process that ends between two of them leaves an outstanding run; one that ends in a call
//! leaves a call under way, which is settled first: what had come of the answer is recorded as interrupted.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use zo_memory::offline;
use zo_models::estimate_tokens;
use zo_projections::event::Event;
use zo_projections::event::run::{Account, CallFailed, Ending, ReasonBody, RequestBody, Usage};
use zo_projections::views::calls::{Call as CallUnderWay, RunCalls};
use zo_projections::views::runs::Run;
use zo_projections::{Command, Position, RunId, Views};

use super::agent::{self, Place};
use super::call::{self, Outcome};
use super::sources;
use super::{Reply, begun, finish, from_run, ignore_if_ended, question_of};
use crate::engine::Engine;
use crate::protocol::{Arrival, Failure, FailureKind, Response};
use crate::providers::{self, OFFLINE};
use crate::service::conversation::body_of;
use crate::service::{Each, deliver};

/// So many runs are carried on at the same time behind everything.
const BEHIND: usize = 4;
/// So often the same call is made again after it was cut off before anything came.
const CUT_OFF_CALLS: u32 = 3;
/// Between two words to who waits for a run that another thread carries on.
const WAITING: Duration = Duration::from_millis(100);

/// Sees to it that only one thread carries on a run.
#[derive(Default)]
pub(crate) struct Turns {
    taken: Mutex<HashSet<RunId>>,
    given_back: Condvar,
    calling: Mutex<usize>,
    called: Condvar,
}

/// So many models are called for agents at the same time, whoever started them: what each takes in memory and in
/// connections is bounded.
const MOST_CALLS: usize = 64;

/// The permit to call a model.
pub(super) struct Permit<'a> {
    turns: &'a Turns,
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        *self.turns.calling.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.turns.called.notify_one();
    }
}

/// The turn to carry on a run.
struct Turn<'a> {
    turns: &'a Turns,
    run: RunId,
}

impl Turns {
    /// Whether nobody carries on a run.
    pub(crate) fn is_idle(&self) -> bool {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Waits for the turn; none if who asks no longer waits.
    fn take(&self, run: RunId, each: Each<'_>) -> Option<Turn<'_>> {
        loop {
            let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
            let waits = |taken: &mut HashSet<RunId>| taken.contains(&run);
            let waited = self.given_back.wait_timeout_while(taken, WAITING, waits);
            let free = waited.unwrap_or_else(PoisonError::into_inner).0.insert(run);
            if free {
                return Some(Turn { turns: self, run });
            }
            // The lock is free again: telling somebody may take a while.
            if each(Response::Arrived(Arrival::Nothing)).is_break() {
                return None;
            }
        }
    }

    /// Waits until another model may be called.
    pub(super) fn permit_call(&self) -> Permit<'_> {
        let calling = self.calling.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.called.wait_while(calling, |calling| *calling >= MOST_CALLS);
        *waited.unwrap_or_else(PoisonError::into_inner) += 1;
        Permit { turns: self }
    }

    /// Whether somebody carries on a run.
    pub(crate) fn is_taken(&self, run: RunId) -> bool {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).contains(&run)
    }

    /// The turn, if nobody has it.
    fn take_free(&self, run: RunId) -> Option<Turn<'_>> {
        let free = self.taken.lock().unwrap_or_else(PoisonError::into_inner).insert(run);
        // Lazily: a turn gives itself back when it is dropped.
        free.then(|| Turn { turns: self, run })
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.turns.taken.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.run);
        self.turns.given_back.notify_all();
    }
}

/// Does what is left to do for a run. Nothing, if it has ended. Tells `each` what arrives; when `each` breaks, the answer
/// is kept as far as it came.
pub(super) fn carry_on(
    engine: &Engine,
    id: RunId,
    place: Place<'_>,
    why: Option<&str>,
    each: Each<'_>,
) -> Result<(), Failure> {
    let Some(_turn) = engine.turns.take(id, each) else {
        return Err(Failure::new(FailureKind::Refused, "nobody waits for the answer any more"));
    };
    if is_agent(engine, id)? {
        return agent::carry_on(engine, id, place, why, each);
    }
    let environment = place.environment;
    let mut told = false;
    let mut last_failure = None;
    loop {
        let Some((run, calls)) = outstanding(engine, id)? else { return Ok(()) };
        if is_deleted(engine, &run)? {
            let failure = Failure::new(FailureKind::NotFound, "the conversation was deleted meanwhile");
            return Err(fail(engine, id, Some(failure))?);
        }
        let Some(recalled) = run.recalled else {
            let question = question_of(engine, &run)?;
            sources::recall(engine, id, &run, &question)?;
            continue;
        };
        if !std::mem::replace(&mut told, true) {
            deliver(each, Response::Begun(Box::new(begun(engine, id, &run, recalled, why)?)))?;
        }
        if let Some(call) = &calls.under_way {
            settle(engine, id, &run, call)?;
            continue;
        }
        let request = request_of(engine, &run)?;
        let Some(model) = next_model(&run, &request, &calls, CUT_OFF_CALLS) else {
            return Err(fail(engine, id, last_failure)?);
        };
        if model == OFFLINE {
            return answer_offline(engine, id, &run, recalled, each);
        }
        // Who has gone by now is not to pay for it.
        if each(Response::Arrived(Arrival::Nothing)).is_break() {
            if engine.is_stopping() {
                return Err(left_to_others());
            }
            return Err(fail(engine, id, Some(stopped()))?);
        }
        let call = call::Call {
            engine,
            id,
            run: &run,
            recalled,
            request: &request,
            model: &model,
            environment,
            tools: place.tools,
            agent: None,
        };
        match call.make(each)? {
            Outcome::Ended | Outcome::Replied => {}
            Outcome::LeftToOthers => return Err(left_to_others()),
            Outcome::Stopped => return Err(fail(engine, id, Some(stopped()))?),
            Outcome::Failed(failure) | Outcome::BrokeOff(failure) => {
                let failed = RunCalls { failed: [&calls.failed[..], std::slice::from_ref(&model)].concat(), ..calls };
                if let Some(next) = next_model(&run, &request, &failed, CUT_OFF_CALLS) {
                    let note = format!("{}; {next} is called instead", failure.message);
                    deliver(each, Response::Arrived(Arrival::Note(note)))?;
                }
                last_failure = Some(failure);
            }
        }
    }
}

/// Carries on an agent that another one started.
pub(super) fn carry_on_agent(engine: &Engine, id: RunId, place: Place<'_>, each: Each<'_>) -> Result<(), Failure> {
    carry_on(engine, id, place, None, each)
}

/// Whether a run is an agent's that has not ended.
fn is_agent(engine: &Engine, id: RunId) -> Result<bool, Failure> {
    Ok(engine.writer.read(|views| views.agents.running().contains_key(&id))?)
}

pub(super) fn left_to_others() -> Failure {
    Failure::new(FailureKind::Disconnected, "the process that was to answer ends")
}

fn stopped() -> Failure {
    Failure::new(FailureKind::Refused, "the answer was stopped before anything came")
        .hint("`zo ask --retry` puts the question again")
}

/// A run that has not ended, with its calls.
pub(super) fn outstanding(engine: &Engine, id: RunId) -> Result<Option<(Run, RunCalls)>, Failure> {
    Ok(engine.writer.read(|views| {
        let run = views.runs.outstanding().get(&id)?.clone();
        Some((run, views.calls.of(id).cloned().unwrap_or_default()))
    })?)
}

/// Whether there is nothing any more that an answer could be added to.
pub(super) fn is_deleted(engine: &Engine, run: &Run) -> Result<bool, Failure> {
    let gone = |views: &Views| views.conversations.get(run.conversation).is_none_or(|it| it.deleted.is_some());
    Ok(engine.writer.read(gone)?)
}

/// How a run is to be answered.
fn request_of(engine: &Engine, run: &Run) -> Result<RequestBody, Failure> {
    Ok(body_of(&engine.reader.event(run.started)?)?.unwrap_or_default())
}

/// The first model that has not failed; none if all have, or calls were cut off too often.
pub(super) fn next_model(run: &Run, request: &RequestBody, calls: &RunCalls, cut_off: u32) -> Option<String> {
    if calls.cut_off >= cut_off {
        return None;
    }
    let mut models = std::iter::once(&run.model).chain(&request.fallbacks);
    models.find(|model| !calls.failed.contains(model)).cloned()
}

/// Settles a call that was under way when its process ended.
pub(super) fn settle(engine: &Engine, id: RunId, run: &Run, call: &CallUnderWay) -> Result<(), Failure> {
    let text = engine.arriving.read(id).unwrap_or_else(|error| {
        tracing::warn!("{error}: the answer counts as cut off before anything came");
        String::new()
    });
    let usage = Usage { input_tokens: call.input_tokens, output_tokens: estimate_tokens(&text), cost_micros: 0 };
    let (provider, name) = call.model.split_once('/').unwrap_or((&call.model, ""));
    let is_local = providers::find(engine, &engine.environment, provider).is_ok_and(|provider| provider.local);
    let (usage, unpriced) = call::priced(usage, provider, name, is_local);
    // What an agent had said by then may have been on its way to asking for a tool: it is asked again.
    if text.trim().is_empty() || is_agent(engine, id)? {
        let failed = CallFailed { model: call.model.clone(), attempts: 0, usage, estimated: true };
        let reason = "the process ended before anything came".to_owned();
        let command = Command::RecordCallFailure { run: id, failed, reason };
        ignore_if_ended(engine.writer.submit_one(from_run(command, id, call.position)))?;
    } else {
        let account = Account { estimated: true, unpriced, attempts: 1, ending: Ending::Interrupted, cached_tokens: 0 };
        let reason = Some("the process ended in the middle of the answer".to_owned());
        finish(
            engine,
            id,
            run,
            Reply { text, model: call.model.clone(), usage, account, reason, tool_calls: Vec::new() },
        )?;
    }
    engine.arriving.end(id);
    Ok(())
}

/// Ends a run without an answer, and tells why: the failure there is, else what was recorded.
pub(super) fn fail(engine: &Engine, id: RunId, failure: Option<Failure>) -> Result<Failure, Failure> {
    let failure = match failure {
        Some(failure) => failure,
        None => {
            let reason = last_reason(engine, id)?.unwrap_or_else(|| "no model could be called".to_owned());
            Failure::new(FailureKind::Model, reason)
        }
    };
    let failed = Command::FailRun { run: id, reason: failure.message.clone() };
    ignore_if_ended(engine.writer.submit_one(from_run(failed, id, last_position(engine, id)?)))?;
    Ok(failure)
}

fn last_position(engine: &Engine, id: RunId) -> Result<Position, Failure> {
    let last = engine.writer.read(|views| views.streams.get(id.into()).map(|state| state.last))?;
    Ok(last.unwrap_or_default())
}

/// The reason that the last event of a run gives.
pub(crate) fn last_reason(engine: &Engine, id: RunId) -> Result<Option<String>, Failure> {
    let event = engine.reader.event(last_position(engine, id)?)?;
    match &event.recorded.event {
        Event::RunFailed(_) | Event::RunCallFailed(_) => Ok(body_of::<ReasonBody>(&event)?.map(|body| body.reason)),
        _ => Ok(None),
    }
}

/// The built-in responder: quotes what was recorded as recalled.
pub(super) fn answer_offline(
    engine: &Engine,
    id: RunId,
    run: &Run,
    recalled: Position,
    each: Each<'_>,
) -> Result<(), Failure> {
    let question = question_of(engine, run)?;
    let (found, _) = sources::recorded(engine, recalled)?;
    let mut texts = Vec::with_capacity(found.len());
    for each in &found {
        texts.extend(each.text()?.map(|text| (text, &each.passage)));
    }
    let quotes: Vec<offline::Passage<'_>> = texts
        .iter()
        .map(|(text, passage)| offline::Passage {
            id: &text.id,
            text: &text.text,
            score: passage.score,
            coverage: passage.coverage,
            cosine: passage.cosine,
        })
        .collect();
    let answer = offline::answer(&question, &quotes);
    for line in answer.split_inclusive('\n') {
        deliver(each, Response::Arrived(Arrival::Text(line.to_owned())))?;
    }
    let (usage, account) = (Usage::default(), Account::default());
    finish(
        engine,
        id,
        run,
        Reply { text: answer, model: OFFLINE.to_owned(), usage, account, reason: None, tool_calls: Vec::new() },
    )
}

impl Engine {
    /// Carries on every outstanding run that can be carried on at once, without a network, until `stop` says so.
    pub(crate) fn finish_outstanding_runs(&self, stop: &dyn Fn() -> bool) {
        let outstanding = self.writer.read(|views| {
            let runs = views.runs.outstanding();
            // While no run can begin: what arrives for one that has just begun is not forgotten.
            self.arriving.keep_only(|run| runs.contains_key(&run));
            runs.keys().copied().collect::<Vec<_>>()
        });
        for id in outstanding.unwrap_or_default() {
            if stop() {
                return;
            }
            self.report(id, self.settle_or_answer_offline(id));
        }
    }

    /// What of a run needs no network.
    fn settle_or_answer_offline(&self, id: RunId) -> Result<(), Failure> {
        let Some((run, _)) = outstanding(self, id)? else { return Ok(()) };
        if run.model == OFFLINE || is_deleted(self, &run)? {
            let place = Place { environment: &self.environment, attended: false, tools: &[] };
            return carry_on(self, id, place, None, &mut |_| ControlFlow::Continue(()));
        }
        if self.writer.read(|views| views.agents.running().get(&id).is_some_and(|agent| agent.cancelled.is_some()))? {
            return self.end_if_idle(id);
        }
        // Whoever asks for it just now settles it first.
        let Some(_turn) = self.turns.take_free(id) else { return Ok(()) };
        match outstanding(self, id)? {
            Some((run, RunCalls { under_way: Some(call), .. })) => settle(self, id, &run, &call),
            _ => Ok(()),
        }
    }

    /// Carries on every outstanding run, calling models, until `stop` says so. An agent that another one started is left
    /// to that.
    pub(crate) fn carry_on_runs(&self, stop: &(dyn Fn() -> bool + Sync)) {
        let outstanding = self.writer.read(|views| {
            let has_parent = |id: &RunId| {
                let caller = views.agents.running().get(id).and_then(|agent| agent.parent);
                caller.is_some_and(|caller| views.agents.running().contains_key(&caller.run))
            };
            views.runs.outstanding().keys().filter(|id| !has_parent(id)).copied().collect::<Vec<_>>()
        });
        let outstanding = outstanding.unwrap_or_default();
        let next = AtomicUsize::new(0);
        let work = || {
            while let Some(id) = outstanding.get(next.fetch_add(1, Ordering::Relaxed)).copied() {
                if stop() {
                    return;
                }
                let each = &mut |_| if stop() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
                let place = Place { environment: &self.environment, attended: false, tools: &[] };
                self.report(id, carry_on(self, id, place, None, each));
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..BEHIND.min(outstanding.len()) {
                scope.spawn(work);
            }
        });
    }

    /// Ends a run that was asked to stop, if nobody carries it on.
    pub(crate) fn end_if_idle(&self, id: RunId) -> Result<(), Failure> {
        let Some(_turn) = self.turns.take_free(id) else { return Ok(()) };
        let Some((run, calls)) = outstanding(self, id)? else { return Ok(()) };
        if let Some(call) = &calls.under_way {
            settle(self, id, &run, call)?;
        }
        fail(self, id, Some(agent::stopped_by_request())).map(drop)
    }

    fn report(&self, id: RunId, result: Result<(), Failure>) {
        let Err(failure) = result else { return };
        if failure.kind == FailureKind::Disconnected {
            return;
        }
        tracing::warn!(run = %id, "the run is not answered: {}", self.writer.redactor().clean(&failure.message));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_had_by_one_until_it_is_given_back() {
        let turns = Turns::default();
        let quiet = &mut |_| ControlFlow::Continue(());
        let gone = &mut |_| ControlFlow::Break(());
        let turn = turns.take(RunId(1), quiet).expect("it is free");
        assert!(turns.take_free(RunId(1)).is_none());
        assert!(turns.take_free(RunId(1)).is_none(), "who did not get it gives nothing back");
        assert!(turns.take(RunId(1), gone).is_none());
        assert!(turns.take_free(RunId(2)).is_some() && turns.take_free(RunId(2)).is_some(), "others are free");
        assert!(!turns.is_idle());
        drop(turn);
        assert!(turns.is_idle() && turns.take_free(RunId(1)).is_some());
    }
}
