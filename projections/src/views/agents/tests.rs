//! Agents: what each has done and waits for, and what became of it.

use super::*;
use crate::event::run::agent::{
    Agent, CancelRequested, Intent, PermissionAnswered, PermissionAsked, Replied, SkillUsed, ToolCalled, ToolReturned,
};
use crate::event::run::{Account, CallFailed, Failed, Finished, Started};
use crate::testing::{assert_lines, call_id, digest_of, fold, recorded, saved};

fn started_by(parent: Option<Caller>) -> Event {
    let (conversation, question) = (ConversationId(1), MessageId(11));
    let agent = Some(Agent { parent, depth: 2, budget: Budget { steps: 5, ..Budget::default() } });
    Started { conversation, question, model: "a/x".to_owned(), agent }.into()
}

fn started() -> Event {
    started_by(None)
}

/// Started by call 0 of the first reply of a run.
fn child_of(run: u128) -> Event {
    started_by(Some(Caller { run: RunId(run), call: call_id(0), index: 0 }))
}

fn cost(cost_micros: u64) -> Usage {
    Usage { cost_micros, ..Usage::default() }
}

/// A reply that costs 10 and asks for tools: `run` once, all others without an effect.
fn replied(tools: &[&str]) -> Event {
    let intent = |tool: &&str| Intent {
        tool: (*tool).to_owned(),
        effect: if *tool == "run" { Effect::Once } else { Effect::Pure },
        digest: digest_of(tool),
    };
    let calls = tools.iter().map(intent).collect();
    Replied { model: "a/x".to_owned(), usage: cost(10), account: Account::default(), calls }.into()
}

fn called(id: CallId) -> Event {
    ToolCalled { id }.into()
}

fn returned_with(id: CallId, status: ToolStatus, trust: Trust) -> Event {
    ToolReturned { id, status, trust, bytes: 2, digest: digest_of("ok"), pictures: Vec::new() }.into()
}

fn returned(id: CallId) -> Event {
    returned_with(id, ToolStatus::Done, Trust::Trusted)
}

fn asked(id: CallId) -> Event {
    PermissionAsked { id }.into()
}

fn answered(id: CallId, verdict: Verdict) -> Event {
    PermissionAnswered { id, verdict }.into()
}

fn cancelled() -> Event {
    CancelRequested {}.into()
}

fn used(name: &str, version: &str) -> Event {
    SkillUsed { name: name.to_owned(), version: digest_of(version), seen: Position(1) }.into()
}

fn finished(answer: u128) -> Event {
    Finished { answer: MessageId(answer), model: "a/x".to_owned(), usage: cost(1), account: None }.into()
}

fn failed() -> Event {
    Failed {}.into()
}

fn call_failed() -> Event {
    CallFailed { model: "a/x".to_owned(), attempts: 1, usage: cost(100), estimated: false }.into()
}

fn show_call(call: &ToolCall) -> String {
    assert_eq!(call.digest, digest_of(&call.tool));
    let mut text = call.tool.clone();
    text += &call.asked.map_or(String::new(), |at| format!(" asked@{at}"));
    text += &call.verdict.map_or(String::new(), |verdict| format!(" {verdict:?}"));
    text += &call.called.map_or(String::new(), |at| format!(" called@{at}"));
    text + &call.returned.map_or(String::new(), |it| {
        assert_eq!(it.digest, digest_of("ok"));
        format!(" {:?}@{}", it.status, it.position)
    })
}

fn ids(runs: &[RunId]) -> String {
    if runs.is_empty() {
        String::new()
    } else {
        format!(", children {:?}", runs.iter().map(|id| id.0).collect::<Vec<_>>())
    }
}

fn show_running(id: RunId, agent: &RunningAgent) -> String {
    assert_eq!((agent.conversation, agent.model.as_str(), agent.depth), (ConversationId(1), "a/x", 2));
    assert_eq!((agent.budget.steps, agent.started_at), (5, Timestamp(agent.started.0.cast_signed())));
    let mut text = format!("{} runs since {}, cost {}", id.0, agent.started, agent.spent.cost_micros);
    text += &agent.parent.map_or(String::new(), |it| format!(", below {} call {}", it.run.0, it.call));
    text += if agent.tainted { ", tainted" } else { "" };
    text += &agent.cancelled.map_or(String::new(), |at| format!(", cancelled@{at}"));
    text += &ids(&agent.children);
    for UsedSkill { name, version, position } in &agent.skills {
        text += &format!(", {name} {}@{position}", crate::testing::letters(*version));
    }
    for step in &agent.steps {
        let calls: Vec<_> = step.calls.iter().map(show_call).collect();
        text += &format!("\n  step@{} [{}]", step.replied, calls.join(", "));
    }
    let open: Vec<_> = agent.open_calls().map(|(id, _)| id.to_string()).collect();
    if !open.is_empty() {
        text += &format!("\n  open {}", open.join(" "));
    }
    if agent.waits_for_consent() { text + ", waits for consent\n" } else { text + "\n" }
}

fn show_ended(id: RunId, agent: &EndedAgent) -> String {
    assert_eq!((agent.conversation, agent.model.as_str()), (ConversationId(1), "a/x"));
    let at = |position: Position| Timestamp(position.0.cast_signed());
    assert_eq!((agent.started_at, agent.ended_at), (at(agent.started), at(agent.ended)));
    let mut text = format!("{} {:?} {}..{}", id.0, agent.outcome, agent.started, agent.ended);
    text += &format!(", cost {}", agent.spent.cost_micros);
    text += &agent.parent.map_or(String::new(), |it| format!(", below {} call {}", it.run.0, it.call));
    text += &agent.answer.map_or(String::new(), |answer| format!(", answer {}", answer.0));
    text += if agent.tainted { ", tainted" } else { "" };
    text += &ids(&agent.children);
    if !agent.skills.is_empty() {
        text += &format!(", skills {:?}", agent.skills.iter().map(|position| position.0).collect::<Vec<_>>());
    }
    for (replied, returns) in &agent.steps {
        text += &format!(", step@{replied} {:?}", returns.iter().map(|position| position.0).collect::<Vec<_>>());
    }
    text + "\n"
}

/// Folds events of runs, and is asked for everything: running agents, ended ones, anomalies.
fn check(events: &[(u128, Event)], expected: &str) -> Agents {
    let events: Vec<_> = events.iter().map(|(id, event)| (RunId(*id).into(), event.clone())).collect();
    let (agents, anomalies) = fold::<Agents>(&events);
    let running: String = agents.running().iter().map(|(id, agent)| show_running(*id, agent)).collect();
    let ended: String = agents.ended().iter().map(|(id, agent)| show_ended(*id, agent)).collect();
    assert_lines(&(running + &ended + &anomalies), expected);
    agents
}

/// The same for the events of one run.
fn check_one(events: &[Event], expected: &str) {
    check(&events.iter().map(|event| (1, event.clone())).collect::<Vec<_>>(), expected);
}

const A: CallId = CallId { step: 0, call: 0 };
const B: CallId = CallId { step: 0, call: 1 };
const NEXT: CallId = CallId { step: 1, call: 0 };

#[test]
fn a_call_is_asked_for_permitted_made_and_returns() {
    check_one(
        &[started(), replied(&["read", "run"]), asked(B), called(A)],
        "1 runs since 1, cost 10
         step@2 [read called@4, run asked@3]
         open 0.0 0.1, waits for consent",
    );
    check_one(
        &[
            started(),
            replied(&["read", "run"]),
            asked(B),
            called(A),
            returned(A),
            answered(B, Verdict::Allowed),
            called(B),
        ],
        "1 runs since 1, cost 10
         step@2 [read called@4 Done@5, run asked@3 Allowed called@7]
         open 0.1",
    );
    check_one(
        &[
            started(),
            replied(&["run"]),
            asked(A),
            answered(A, Verdict::Denied),
            returned_with(A, ToolStatus::Refused, Trust::Trusted),
            replied(&["read", "read"]),
            returned_with(CallId { step: 1, call: 1 }, ToolStatus::Invalid, Trust::Trusted),
        ],
        "1 runs since 1, cost 20
         step@2 [run asked@3 Denied Refused@5]
         step@6 [read, read Invalid@7]
         open 1.0",
    );
}

#[test]
fn calls_return_in_any_order_and_the_next_reply_waits_for_all() {
    let begun = [started(), replied(&["read", "read", "read"]), called(A), called(B)];
    let after = |more: &[Event]| [&begun[..], more].concat();
    check_one(
        &after(&[returned(B), replied(&["read"]), returned(call_id(2)), returned(A)]),
        "1 runs since 1, cost 10
         step@2 [read called@3 Done@8, read called@4 Done@5, read Done@7]
         !6 calls of agent 1 have not returned",
    );
    check_one(
        &after(&[returned(B), returned(A), returned(call_id(2)), replied(&["run"])]),
        "1 runs since 1, cost 20
         step@2 [read called@3 Done@6, read called@4 Done@5, read Done@7]
         step@8 [run]
         open 1.0",
    );
}

#[test]
fn what_may_be_done_twice_is_called_twice_and_once_is_once() {
    check_one(
        &[started(), replied(&["read", "run"]), called(A), called(B), called(A), called(B)],
        "1 runs since 1, cost 10
         step@2 [read called@5, run called@4]
         open 0.0 0.1
         !6 it is called a second time",
    );
}

#[test]
fn only_an_open_call_of_the_last_reply_takes_something() {
    let begun = [started(), replied(&["read"]), called(A), returned(A), replied(&["read"])];
    let state = "1 runs since 1, cost 20
                 step@2 [read called@3 Done@4]
                 step@5 [read]
                 open 1.0";
    let events = |id| [called(id), returned(id), asked(id), answered(id, Verdict::Allowed)];
    let far = CallId { step: u32::MAX, call: u32::MAX };
    for id in [A, B, CallId { step: 1, call: 1 }, CallId { step: 2, call: 0 }, far] {
        for event in events(id) {
            check_one(&[&begun[..], &[event]].concat(), &format!("{state}\n!6 call {id} waits for nothing"));
        }
    }
    for event in events(NEXT) {
        let agents = [&begun[..], &[event]].concat();
        let (_, anomalies) = fold::<Agents>(&agents.into_iter().map(|it| (RunId(1).into(), it)).collect::<Vec<_>>());
        assert_eq!(anomalies, "");
    }
    // Before the first reply there is none at all.
    for event in events(A) {
        check_one(&[started(), event], "1 runs since 1, cost 0\n!2 call 0.0 waits for nothing");
    }
}

#[test]
fn what_is_no_running_agent_takes_no_step() {
    let steps = [
        replied(&["read"]),
        called(A),
        returned(A),
        asked(A),
        answered(A, Verdict::Denied),
        cancelled(),
        used("a", "b"),
    ];
    let plain: Event =
        Started { conversation: ConversationId(1), question: MessageId(11), model: "a/x".to_owned(), agent: None }
            .into();
    for step in steps {
        check_one(std::slice::from_ref(&step), "!1 agent 1 is not running");
        check_one(&[plain.clone(), step.clone()], "!2 agent 1 is not running");
        check_one(&[started(), failed(), step], "1 Failed 1..2, cost 0\n!3 agent 1 is not running");
    }
    // What ends it, or costs something, means nothing here for a run that is no agent: the fold of runs sees to it.
    check_one(&[plain, call_failed(), finished(5)], "");
    check_one(&[failed(), finished(5), call_failed()], "");
}

#[test]
fn an_agent_starts_once() {
    check_one(&[started(), replied(&["read"]), started()], "1 runs since 1, cost 10\nstep@2 [read]\nopen 0.0");
    check_one(&[started(), finished(5), started()], "1 Finished 1..2, cost 1, answer 5");
    // Also when the version does not tell.
    let mut agents = Agents::default();
    for (position, event) in [(1, started()), (2, child_of(7)), (3, finished(5)), (4, started())] {
        agents.apply(&recorded(position, RunId(1), 1, event)).expect("another fold notes it");
    }
    assert_eq!((agents.running().len(), agents.parent(RunId(1))), (0, None));
    assert_eq!(agents.of_answer(MessageId(5)).map(|agent| agent.ended), Some(Position(3)));
}

#[test]
fn an_agent_ends_as_it_was_asked_to() {
    check_one(&[started(), finished(5)], "1 Finished 1..2, cost 1, answer 5");
    check_one(&[started(), failed()], "1 Failed 1..2, cost 0");
    check_one(&[started(), cancelled(), failed()], "1 Cancelled 1..3, cost 0");
    check_one(&[started(), cancelled(), finished(5)], "1 Finished 1..3, cost 1, answer 5");
    check_one(&[started(), cancelled(), cancelled()], "1 runs since 1, cost 0, cancelled@2");
}

#[test]
fn everything_that_was_paid_is_spent() {
    check_one(
        &[started(), call_failed(), replied(&["read"]), returned(A), replied(&["read"]), returned(NEXT), finished(5)],
        "1 Finished 1..7, cost 121, answer 5, step@3 [4], step@5 [6]",
    );
    let dear = Usage { input_tokens: u64::MAX, output_tokens: 1, cost_micros: u64::MAX };
    let dear = CallFailed { model: "a/x".to_owned(), attempts: 1, usage: dear, estimated: false };
    check_one(&[started(), dear.into(), call_failed()], &format!("1 runs since 1, cost {}", u64::MAX));
}

#[test]
fn a_text_that_anybody_may_have_written_taints() {
    let from_the_web = || returned_with(B, ToolStatus::Failed, Trust::Untrusted);
    let begun = [started(), replied(&["read", "read"]), from_the_web(), returned(A)];
    check_one(
        &begun,
        "1 runs since 1, cost 10, tainted
         step@2 [read Done@4, read Failed@3]",
    );
    check_one(&[&begun[..], &[finished(5)]].concat(), "1 Finished 1..5, cost 11, answer 5, tainted, step@2 [4, 3]");
    check_one(&[started(), replied(&["read"]), returned(A)], "1 runs since 1, cost 10\nstep@2 [read Done@3]");
}

#[test]
fn a_skill_is_noted_once_in_each_version() {
    check_one(&[started(), used("a", "one"), used("b", "one"), failed()], "1 Failed 1..4, cost 0, skills [2, 3]");
    check_one(
        &[started(), used("a", "one"), used("a", "one"), used("a", "two"), used("b", "one")],
        "1 runs since 1, cost 0, a one@2, a two@4, b one@5",
    );
}

#[test]
fn agents_below_are_known_in_the_order_they_were_started() {
    let agents = check(
        &[(1, started()), (5, child_of(1)), (3, child_of(1)), (9, child_of(3)), (5, failed()), (4, child_of(5))],
        "1 runs since 1, cost 0, children [5, 3]
         3 runs since 3, cost 0, below 1 call 0.0, children [9]
         4 runs since 6, cost 0, below 5 call 0.0
         9 runs since 4, cost 0, below 3 call 0.0
         5 Failed 2..5, cost 0, below 1 call 0.0",
    );
    let below = |id| agents.with_descendants(RunId(id)).into_iter().map(|id| id.0).collect::<Vec<_>>();
    assert_eq!(below(1), [1, 3, 9], "an agent that has ended is not among them");
    assert_eq!(below(3), [3, 9]);
    assert_eq!(below(9), [9]);
    assert_eq!(below(5), [], "it takes none after its end");
    assert_eq!(below(7), [], "it is not known");
    assert_eq!(agents.parent(RunId(5)).map(|it| it.run), Some(RunId(1)), "also of one that has ended");
    assert_eq!(agents.parent(RunId(1)), None);
}

#[test]
fn agents_outlive_the_one_that_started_them() {
    let agents = check(
        &[(1, started()), (2, child_of(1)), (3, child_of(2)), (2, failed()), (1, failed())],
        "3 runs since 3, cost 0, below 2 call 0.0
         1 Failed 1..5, cost 0, children [2]
         2 Failed 2..4, cost 0, below 1 call 0.0, children [3]",
    );
    assert_eq!(agents.with_descendants(RunId(1)), [RunId(3)]);
}

#[test]
fn an_answer_leads_to_its_agent_also_after_a_snapshot() {
    let agents = check(
        &[(1, started()), (2, started()), (3, started()), (2, finished(5)), (1, finished(5)), (3, finished(6))],
        "1 Finished 1..5, cost 1, answer 5
         2 Finished 2..4, cost 1, answer 5
         3 Finished 3..6, cost 1, answer 6",
    );
    let loaded = Agents::load(&saved(&agents)).expect("it was just saved");
    for agents in [&agents, &loaded] {
        let of = |answer| agents.of_answer(MessageId(answer)).map(|agent| agent.ended.0);
        // No writer lets two give one answer; should a log say so, it is the oldest id's before and after.
        assert_eq!([of(5), of(6), of(7)], [Some(5), Some(6), None]);
    }
    assert_eq!(loaded.by_answer, agents.by_answer);
    assert_eq!((&loaded.running, &loaded.ended), (&agents.running, &agents.ended));
    assert!(Agents::load(&[1, 2, 3]).is_err());
}
