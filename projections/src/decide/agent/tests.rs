//! What agents can be told.

use super::*;
use crate::command::{Command, NewAgent, NewMessage};
use crate::decide::MAX_TEXT_BYTES;
use crate::event::conversation::{self, Role};
use crate::event::run::agent::{Budget, Caller, Intent};
use crate::event::run::{Account, CallFailed, Called, KeyOrigin, RequestBody, Usage};
use crate::event::skill::Origin;
use crate::ids::{ConversationId, MessageId};
use crate::testing::{Writer, assert_lines, call_id, digest_of, message, told};

const A: CallId = CallId { step: 0, call: 0 };
const B: CallId = CallId { step: 0, call: 1 };

/// Asks an agent in a conversation of its own; conversation, message and run have the same number.
fn ask(id: u128, agent: Option<NewAgent>) -> Command {
    Command::Ask {
        conversation: ConversationId(id),
        name: None,
        message: message(id, "why?"),
        files: Vec::new(),
        run: RunId(id),
        model: "a/x".to_owned(),
        request: RequestBody::default(),
        agent: agent.map(Box::new),
    }
}

fn new_agent(parent: Option<Caller>, depth: u32) -> NewAgent {
    let budget = Budget { steps: 5, ..Budget::default() };
    NewAgent { agent: Agent { parent, depth, budget }, options: AgentOptions::default() }
}

/// An agent that may start two levels of agents below itself.
fn start(id: u128) -> Command {
    ask(id, Some(new_agent(None, 2)))
}

/// An agent below that of run `parent`, started by its first call.
fn below(parent: u128, id: u128, depth: u32) -> Command {
    ask(id, Some(new_agent(Some(Caller { run: RunId(parent), call: A, index: 0 }), depth)))
}

fn call(run: u128) -> Command {
    let called = Called {
        model: "a/x".to_owned(),
        key: KeyOrigin::None,
        messages: 1,
        left_out: 0,
        passages: 0,
        input_tokens: 7,
        budget: 9,
    };
    Command::RecordCall { run: RunId(run), called }
}

fn call_failed(run: u128) -> Command {
    let failed = CallFailed { model: "a/x".to_owned(), attempts: 1, usage: Usage::default(), estimated: false };
    Command::RecordCallFailure { run: RunId(run), failed, reason: "busy".to_owned() }
}

/// A reply that asks for these tools: `run` once, `add` idempotent, all others without an effect.
fn reply(run: u128, tools: &[&str]) -> Command {
    let effect = |tool: &str| match tool {
        "run" => Effect::Once,
        "add" => Effect::Idempotent,
        _ => Effect::Pure,
    };
    let intent =
        |tool: &&str| Intent { tool: (*tool).to_owned(), effect: effect(tool), digest: Digest(tool.len() as u128) };
    let tool_call = |tool: &&str| conversation::ToolCall {
        id: "c".to_owned(),
        name: (*tool).to_owned(),
        arguments: "{}".to_owned(),
    };
    let usage = Usage { input_tokens: 1, output_tokens: 2, cost_micros: 3 };
    let calls = tools.iter().map(intent).collect();
    let replied = Replied { model: "a/x".to_owned(), usage, account: Account::default(), calls };
    let body = ReplyBody { text: "I look.".to_owned(), tool_calls: tools.iter().map(tool_call).collect() };
    Command::RecordReply { run: RunId(run), replied, body }
}

fn tool_call(id: CallId) -> Command {
    Command::RecordToolCall { run: RunId(1), id }
}

fn result(id: CallId, status: ToolStatus) -> Command {
    let (run, trust, output, digest) = (RunId(1), Trust::Untrusted, "all well".to_owned(), digest_of("ok"));
    Command::RecordToolResult { run, id, status, trust, output, digest, pictures: Vec::new() }
}

fn may_i(id: CallId) -> Command {
    let body = PermissionBody { what: "git push".to_owned(), why: "no rule says".to_owned(), rule: None };
    Command::AskPermission { run: RunId(1), id, body }
}

fn say(id: CallId, verdict: Verdict, rule: Option<&str>) -> Command {
    Command::AnswerPermission { run: RunId(1), id, verdict, rule: rule.map(str::to_owned) }
}

fn cancel(run: u128) -> Command {
    Command::RequestCancel { run: RunId(run) }
}

fn fail(run: u128) -> Command {
    Command::FailRun { run: RunId(run), reason: "no model".to_owned() }
}

fn finish(run: u128) -> Command {
    let message = NewMessage { role: Role::Assistant, ..message(run + 100, "so") };
    let (usage, account) = (Usage::default(), Account::default());
    Command::FinishRun { run: RunId(run), message, usage, account, reason: None }
}

fn use_skill(name: &str, version: &str) -> Command {
    Command::RecordSkillUse { run: RunId(1), name: name.to_owned(), version: digest_of(version), seen: Position(2) }
}

/// Agent 1 at positions 1 to 3, its call at 4, its reply at 5.
fn replied(tools: &[&str]) -> Vec<Command> {
    vec![start(1), call(1), reply(1, tools)]
}

/// What the last command comes to.
fn check(commands: &[Command], expected: &str) {
    assert_lines(&told(commands), expected);
}

/// What the last of `more` comes to, after a reply that asks for `tools`.
fn check_after(tools: &[&str], more: &[Command], expected: &str) {
    check(&[&replied(tools)[..], more].concat(), expected);
}

#[test]
fn an_agent_is_started_with_what_it_is_and_may_use() {
    let budget = Budget { steps: 5, tokens: Some(9), cost_micros: None, deadline: None };
    let options = AgentOptions {
        name: Some("clerk".to_owned()),
        skills: vec![("/skills".to_owned(), Origin::User)],
        ..AgentOptions::default()
    };
    let agent = NewAgent { agent: Agent { budget, ..Agent::default() }, options };
    check(
        &[ask(1, Some(agent))],
        "1 conversation/1 v1 conversation.started
         2 conversation/1 v2 conversation.message_added message=1 role=user size=4 tool_calls=0 selected=true | content=why?
         3 run/1 v1 run.started conversation=1 question=1 model=a/x agent={depth:0,budget:{steps:5,tokens:9}} | request={system:null,schema:null,fallbacks:[]} options={name:clerk,workspace:null,tools:null,rules:[],skills:[[/skills,user]],concurrency:0,consent:deny,script:null}",
    );
    check(&[start(1), start(1)], "already: conversation/1 at 2");
    // Also for a question that was put before.
    let again = Command::Answer {
        conversation: ConversationId(1),
        question: MessageId(1),
        run: RunId(7),
        model: "a/x".to_owned(),
        request: RequestBody::default(),
        agent: Some(Box::new(new_agent(None, 0))),
    };
    check(
        &[start(1), finish(1), again.clone()],
        "6 run/7 v1 run.started conversation=1 question=1 model=a/x agent={depth:0,budget:{steps:5}} | request={system:null,schema:null,fallbacks:[]} options={name:null,workspace:null,tools:null,rules:[],skills:[],concurrency:0,consent:deny,script:null}",
    );
    check(&[start(1), again.clone(), again], "already: run/7 at 4");
}

#[test]
fn an_agent_that_could_not_be_is_refused() {
    let with = |change: &dyn Fn(&mut NewAgent)| {
        let mut agent = new_agent(None, 0);
        change(&mut agent);
        told(&[ask(1, Some(agent))]).lines().last().unwrap_or_default().chars().take(90).collect::<String>()
    };
    let many = vec!["a".to_owned(); MAX_OPTIONS + 1];
    let folders = vec![("/a".to_owned(), Origin::User); MAX_OPTIONS + 1];
    let fits = "3 run/1 v1 run.started conversation=1 question=1";
    assert!(with(&|it| it.agent.budget.steps = MAX_STEPS).starts_with(fits));
    assert!(with(&|it| it.options.rules = vec!["a".to_owned(); MAX_OPTIONS]).starts_with(fits));
    assert_eq!(with(&|it| it.agent.budget.steps = 0), "rejected: the budget: an agent without a step cannot answer");
    let why = "rejected: the budget: 10001 steps are more than the 10000 there may be";
    assert_eq!(with(&|it| it.agent.budget.steps = MAX_STEPS + 1), why);
    let why = "rejected: the agent: 257 of a kind are more than the 256 it may be given";
    assert_eq!(with(&|it| it.options.rules = many.clone()), why);
    assert_eq!(with(&|it| it.options.tools = Some(many.clone())), why);
    assert_eq!(with(&|it| it.options.skills = folders.clone()), why);
    assert_eq!(with(&|it| it.options.name = Some(" ".to_owned())), "rejected: the agent's name: it is empty");
    let why = "rejected: the rule: it has a control character in it";
    assert_eq!(with(&|it| it.options.rules = vec!["a\nb".to_owned()]), why);
    let why = "rejected: the script: 16777217 bytes are more than the 16777216 that one may have";
    assert_eq!(with(&|it| it.options.script = Some("a".repeat(MAX_TEXT_BYTES + 1))), why);
}

#[test]
fn an_agent_is_started_below_one_that_may_and_waits_for_it() {
    let begun = replied(&["spawn", "run"]);
    let after = |more: &[Command]| told(&[&begun[..], more].concat());
    let started = after(&[below(1, 2, 1)]);
    let agent = "agent={parent:{run:1,call:{step:0,call:0},index:0},depth:1,budget:{steps:5}}";
    assert!(
        started.lines().last().is_some_and(|line| line.starts_with("8 run/2 v1 run.started") && line.contains(agent))
    );
    let refused = |more: &[Command], why: &str| assert_eq!(after(more), format!("rejected: {why}"));
    refused(&[below(7, 2, 1)], "there is no agent 7");
    refused(&[below(2, 2, 1)], "there is no agent 2");
    refused(&[ask(3, None), below(3, 2, 0)], "there is no agent 3");
    refused(&[fail(1), below(1, 2, 1)], "agent 1 ended at position 8");
    refused(&[cancel(1), below(1, 2, 1)], "agent 1 was asked to stop");
    refused(&[tool_call(A), result(A, ToolStatus::Done), below(1, 2, 1)], "tool call 0.0 returned at position 7");
    // Every level has one level less below it, so nobody gets around the depth by one more step.
    refused(&[below(1, 2, 2)], "the agent: 2 levels below it are not less than the 2 of its parent");
    let second = [below(1, 2, 0), call(2), reply(2, &["spawn"]), below(2, 3, 0)];
    refused(&second, "agent 2 may start no agents below itself");
    let caller = Caller { run: RunId(1), call: call_id(2), index: 0 };
    refused(&[ask(2, Some(new_agent(Some(caller), 1)))], "there is no tool call 0.2 of run 1");
}

#[test]
fn a_reply_is_recorded_for_the_call_it_answers() {
    let line = "run/1 v3 run.replied model=a/x usage={input_tokens:1,output_tokens:2,cost_micros:3} account={cached_tokens:0,estimated:false,unpriced:false,attempts:0,ending:complete} calls=[{tool:read,effect:pure,digest:4},{tool:run,effect:once,digest:3}] | text=I look. tool_calls=[{id:c,name:read,arguments:{}},{id:c,name:run,arguments:{}}]";
    check(&replied(&["read", "run"]), &format!("5 {line}"));
    check(&[start(1), reply(1, &["read"])], "rejected: run 1 waits for no call");
    check(&[start(1), call(1), call_failed(1), reply(1, &["read"])], "rejected: run 1 waits for no call");
    check_after(&["read"], &[reply(1, &["read"])], "rejected: run 1 waits for no call");
    check(&[reply(1, &["read"])], "rejected: run 1 is not outstanding");
    check(&[start(1), call(1), fail(1), reply(1, &["read"])], "rejected: run 1 is not outstanding");
    check(&[ask(1, None), call(1), reply(1, &["read"])], "rejected: there is no agent 1");
}

#[test]
fn a_reply_asks_for_as_many_tools_as_can_be_read_again() {
    let why =
        |count| format!("rejected: the reply: {count} tool calls: there may be 1 to 256, each with its arguments");
    check(&replied(&[]), &why(0));
    check(&replied(&["read"; MAX_CALLS + 1]), &why(257));
    assert!(told(&replied(&["read"; MAX_CALLS])).starts_with("5 run/1 v3 run.replied"));
    let Command::RecordReply { run, replied: event, mut body } = reply(1, &["read", "read"]) else {
        unreachable!("it is a reply")
    };
    body.tool_calls.pop();
    check(&[start(1), call(1), Command::RecordReply { run, replied: event, body }], &why(2));
    check(&replied(&["read", ""]), "rejected: the tool: it is empty");
    let long = "a".repeat(MAX_TOOL_BYTES + 1);
    check(&replied(&[&long]), "rejected: the tool: 129 bytes are more than the 128 that one may have");
}

#[test]
fn nothing_goes_on_until_every_call_has_returned() {
    let open = "rejected: run 1 waits for its tool call 0.1";
    let first = [result(A, ToolStatus::Invalid)];
    check_after(&["read", "read"], &[&first[..], &[call(1)]].concat(), open);
    check_after(&["read", "read"], &[&first[..], &[finish(1)]].concat(), open);
    check_after(&["read", "read"], &[call(1)], "rejected: run 1 waits for its tool call 0.0");
    let both = [result(B, ToolStatus::Refused), result(A, ToolStatus::Cancelled)];
    let ends = told(&[&replied(&["read", "read"])[..], &both, &[finish(1)]].concat());
    assert!(ends.lines().last().is_some_and(|line| line.starts_with("9 run/1 v6 run.finished")), "{ends}");
    let goes_on = told(&[&replied(&["read", "read"])[..], &both, &[call(1), reply(1, &["read"])]].concat());
    assert!(goes_on.starts_with("9 run/1 v7 run.replied"), "{goes_on}");
}

#[test]
fn a_tool_call_is_recorded_before_it_is_made() {
    let tools = ["read", "run", "add"];
    check_after(&tools, &[tool_call(B)], "6 run/1 v4 run.tool_called step=0 call=1");
    for twice in [A, call_id(2)] {
        let line = format!("7 run/1 v5 run.tool_called step=0 call={}", twice.call);
        check_after(&tools, &[tool_call(twice), tool_call(twice)], &line);
    }
    let once = "rejected: tool call 0.1 was made at position 6, and is made once";
    check_after(&tools, &[tool_call(B), tool_call(B)], once);
    check_after(&tools, &[tool_call(B), tool_call(A), tool_call(B)], once);
    let returned = "rejected: tool call 0.0 returned at position 7";
    check_after(&tools, &[tool_call(A), result(A, ToolStatus::Done), tool_call(A)], returned);
    for id in [call_id(3), CallId { step: 1, call: 0 }, CallId { step: u32::MAX, call: u32::MAX }] {
        check_after(&tools, &[tool_call(id)], &format!("rejected: there is no tool call {id} of run 1"));
    }
    check(&[start(1), tool_call(A)], "rejected: there is no tool call 0.0 of run 1");
    check(&[ask(1, None), tool_call(A)], "rejected: there is no agent 1");
    check_after(&tools, &[fail(1), tool_call(A)], "rejected: agent 1 ended at position 9");
}

#[test]
fn a_call_of_an_earlier_reply_is_closed() {
    let second = [tool_call(A), result(A, ToolStatus::Failed), call(1), reply(1, &["read"])];
    let returned = "rejected: tool call 0.0 returned at position 7";
    for late in [tool_call(A), result(A, ToolStatus::Done), may_i(A), say(A, Verdict::Allowed, None)] {
        check_after(&["read"], &[&second[..], &[late]].concat(), returned);
    }
    let next = CallId { step: 1, call: 0 };
    check_after(&["read"], &[&second[..], &[tool_call(next)]].concat(), "10 run/1 v8 run.tool_called step=1 call=0");
}

#[test]
fn a_result_is_recorded_once_and_only_what_was_done_is_done() {
    let said = "step=0 call=0 status=done trust=untrusted bytes=8 digest=6f6b | output=all well";
    check_after(
        &["run"],
        &[tool_call(A), result(A, ToolStatus::Done)],
        &format!("7 run/1 v5 run.tool_returned {said}"),
    );
    for status in [ToolStatus::Done, ToolStatus::Failed, ToolStatus::Interrupted] {
        check_after(&["run"], &[result(A, status)], "rejected: tool call 0.0 was never made");
    }
    for status in [ToolStatus::Refused, ToolStatus::Invalid, ToolStatus::Cancelled] {
        assert!(
            told(&[&replied(&["run"])[..], &[result(A, status)]].concat()).starts_with("6 run/1 v4 run.tool_returned")
        );
    }
    let twice = [tool_call(A), result(A, ToolStatus::Done), result(A, ToolStatus::Failed)];
    check_after(&["run"], &twice, "rejected: tool call 0.0 returned at position 7");
    check_after(&["run"], &[result(B, ToolStatus::Refused)], "rejected: there is no tool call 0.1 of run 1");
    let Command::RecordToolResult { run, id, status, trust, digest, .. } = result(A, ToolStatus::Invalid) else {
        unreachable!("it is a result")
    };
    let output = "a".repeat(MAX_OUTPUT_BYTES + 1);
    check_after(
        &["run"],
        &[Command::RecordToolResult { run, id, status, trust, output, digest, pictures: Vec::new() }],
        "rejected: the output: 16777217 bytes are more than the 16777216 that one may have",
    );
}

#[test]
fn what_needs_consent_waits_for_it() {
    check_after(
        &["run"],
        &[may_i(A)],
        "6 run/1 v4 run.permission_asked step=0 call=0 | what=git push why=no rule says",
    );
    check_after(&["run"], &[may_i(A), may_i(A)], "already: run/1 at 6");
    check_after(&["run"], &[may_i(A), tool_call(A)], "rejected: tool call 0.0 waits to be permitted");
    let allow = say(A, Verdict::Allowed, None);
    check_after(
        &["run"],
        &[may_i(A), allow.clone()],
        "7 run/1 v5 run.permission_answered step=0 call=0 verdict=allowed",
    );
    check_after(&["run"], &[may_i(A), allow.clone(), tool_call(A)], "8 run/1 v6 run.tool_called step=0 call=0");
    let deny = say(A, Verdict::Denied, None);
    check_after(&["run"], &[may_i(A), deny.clone(), tool_call(A)], "rejected: tool call 0.0 was not permitted");
    let refused = [may_i(A), deny.clone(), result(A, ToolStatus::Refused)];
    assert!(told(&[&replied(&["run"])[..], &refused].concat()).starts_with("8 run/1 v6 run.tool_returned"));
    // The first answer counts, from whichever terminal.
    check_after(&["run"], &[may_i(A), allow.clone(), deny.clone()], "rejected: tool call 0.0 was allowed before");
    check_after(&["run"], &[may_i(A), deny, allow.clone()], "rejected: tool call 0.0 was denied before");
    check_after(&["run"], &[allow], "rejected: tool call 0.0 asks for no permission");
}

#[test]
fn always_is_remembered_with_the_answer() {
    let always = || say(A, Verdict::Allowed, Some("allow: run(git push)"));
    check_after(
        &["run"],
        &[may_i(A), always()],
        "7 home/0 v1 home.rule_added rule=allow: run(git push)
         8 run/1 v5 run.permission_answered step=0 call=0 verdict=allowed",
    );
    let known = Command::AddRule { rule: "allow: run(git push)".to_owned() };
    check_after(
        &["run"],
        &[may_i(A), known, always()],
        "8 run/1 v5 run.permission_answered step=0 call=0 verdict=allowed",
    );
    check_after(&["run"], &[may_i(A), say(A, Verdict::Allowed, Some(""))], "rejected: the rule: it is empty");
}

#[test]
fn a_stop_reaches_every_agent_below() {
    check(&[start(1), cancel(1)], "4 run/1 v2 run.cancel_requested");
    check(&[start(1), cancel(1), cancel(1)], "already: run/1 at 4");
    // 1 starts 2 and 3, and 2 starts 4.
    let family = [below(1, 2, 1), below(1, 3, 0), call(2), reply(2, &["spawn"]), below(2, 4, 0)];
    check_after(
        &["spawn"],
        &[&family[..], &[cancel(1)]].concat(),
        "17 run/1 v4 run.cancel_requested
         18 run/2 v4 run.cancel_requested
         19 run/4 v2 run.cancel_requested
         20 run/3 v2 run.cancel_requested",
    );
    check_after(
        &["spawn"],
        &[&family[..], &[cancel(2)]].concat(),
        "17 run/2 v4 run.cancel_requested
         18 run/4 v2 run.cancel_requested",
    );
    // Those that were asked before are not asked again, and those that have ended are passed over, not what is below.
    check_after(
        &["spawn"],
        &[&family[..], &[cancel(3), fail(2), cancel(1)]].concat(),
        "20 run/1 v4 run.cancel_requested
         21 run/4 v2 run.cancel_requested",
    );
    check_after(&["spawn"], &[&family[..], &[cancel(1), cancel(1)]].concat(), "already: run/1 at 17");
    check_after(&["spawn"], &[fail(1), cancel(1)], "rejected: agent 1 ended at position 7");
    check(&[cancel(1)], "rejected: there is no agent 1");
    check(&[ask(1, None), cancel(1)], "rejected: there is no agent 1");
}

#[test]
fn a_run_that_fails_returns_all_its_calls() {
    let tools = ["read", "run", "run", "add", "read", "run"];
    let denied = CallId { step: 0, call: 5 };
    let done = [tool_call(call_id(4)), result(call_id(4), ToolStatus::Done)];
    let begun = [tool_call(A), tool_call(B), tool_call(call_id(3)), may_i(denied), say(denied, Verdict::Denied, None)];
    let returned = "run.tool_returned step=0";
    check_after(
        &tools,
        &[&done[..], &begun, &[fail(1)]].concat(),
        &format!(
            "13 run/1 v11 {returned} call=0 status=cancelled trust=trusted bytes=29 digest=0 | output=the run was stopped meanwhile
             14 run/1 v12 {returned} call=1 status=interrupted trust=trusted bytes=52 digest=0 | output=the run was stopped meanwhile: it may have been done
             15 run/1 v13 {returned} call=2 status=cancelled trust=trusted bytes=43 digest=0 | output=the run was stopped before: it was not done
             16 run/1 v14 {returned} call=3 status=cancelled trust=trusted bytes=29 digest=0 | output=the run was stopped meanwhile
             17 run/1 v15 {returned} call=5 status=cancelled trust=trusted bytes=43 digest=0 | output=the run was stopped before: it was not done
             18 run/1 v16 run.failed | reason=no model"
        ),
    );
    check_after(
        &["read"],
        &[tool_call(A), result(A, ToolStatus::Done), fail(1)],
        "8 run/1 v6 run.failed | reason=no model",
    );
    check(&[start(1), call(1), fail(1)], "5 run/1 v3 run.failed | reason=no model");
    check_after(&["read"], &[fail(1), fail(1)], "rejected: run 1 is not outstanding");
}

/// It is one commit: there is no position at which the run has ended and a call has not.
#[test]
fn calls_are_returned_in_the_commit_that_ends_the_run() {
    let mut writer = Writer::default();
    for command in [&replied(&["read", "run"])[..], &[tool_call(A)]].concat() {
        writer.run(command).expect("it is possible");
    }
    let receipt = writer.run(fail(1)).expect("it is outstanding");
    assert_eq!((receipt.position, receipt.events), (Position(9), 3));
    let ended = &writer.views.agents.ended()[&RunId(1)];
    assert_eq!(ended.steps, [(Position(5), vec![Position(7), Position(8)])]);
    assert!(writer.views.agents.running().is_empty());
}

#[test]
fn the_skills_of_an_agent_are_recorded_with_their_versions() {
    check(&[start(1), use_skill("a", "one")], "4 run/1 v2 run.skill_used name=a version=6f6e65 seen=2");
    check(&[start(1), use_skill("a", "one"), use_skill("a", "one")], "already: run/1 at 4");
    check(
        &[start(1), use_skill("a", "one"), use_skill("a", "two")],
        "5 run/1 v3 run.skill_used name=a version=74776f seen=2",
    );
    check(&[start(1), use_skill("", "one")], "rejected: the skill: it is empty");
    check(&[ask(1, None), use_skill("a", "one")], "rejected: there is no agent 1");
    check(&[start(1), fail(1), use_skill("a", "one")], "rejected: agent 1 ended at position 4");
}
