//! Laws of agents, and what random sequences of them are made of: nonsense, and what somebody would ask who knows what
//! is going on.

use super::*;
use crate::command::NewAgent;
use crate::event::run::agent::{
    Agent, AgentOptions, Budget, CallId, Caller, CancelRequested, Effect, Intent, PermissionAnswered, PermissionAsked,
    PermissionBody, Replied, ReplyBody, SkillUsed, ToolCalled, ToolReturned, ToolStatus, Trust, Verdict,
};
use crate::event::{KINDS, skill};

fn effect(number: u8) -> Effect {
    [Effect::Pure, Effect::Idempotent, Effect::Once][usize::from(number % 3)]
}

fn status(number: u8) -> ToolStatus {
    use ToolStatus::{Cancelled, Done, Failed, Interrupted, Invalid, Refused};
    [Done, Failed, Refused, Invalid, Interrupted, Cancelled][usize::from(number % 6)]
}

fn trust(number: u8) -> Trust {
    if number.is_multiple_of(4) { Trust::Untrusted } else { Trust::Trusted }
}

fn verdict(number: u8) -> Verdict {
    if number.is_multiple_of(3) { Verdict::Denied } else { Verdict::Allowed }
}

fn call_id(step: u8, call: u8) -> CallId {
    CallId { step: u32::from(step % 4), call: u32::from(call % 3) }
}

fn caller(run: u8, step: u8, call: u8) -> Caller {
    Caller { run: RunId(u128::from(run % 8)), call: call_id(step, call), index: 0 }
}

fn replied(number: u8, calls: u8) -> Replied {
    let intent =
        |call: u8| Intent { tool: text(call), effect: effect(number / 8 + call), digest: Digest(u128::from(call % 3)) };
    let usage = run::Usage { input_tokens: number.into(), output_tokens: 1, cost_micros: number.into() };
    let calls = (0..calls % 4).map(intent).collect();
    Replied { model: "a/x".to_owned(), usage, account: run::Account::default(), calls }
}

fn reply(run: RunId, number: u8, calls: u8) -> Command {
    let replied = replied(number, calls);
    let call = |intent: &Intent| conversation::ToolCall {
        id: String::new(),
        name: intent.tool.clone(),
        arguments: text(number),
    };
    let body = ReplyBody { text: text(number), tool_calls: replied.calls.iter().map(call).collect() };
    Command::RecordReply { run, replied, body }
}

fn new_agent(parent: Option<Caller>, depth: u8, steps: u8) -> Box<NewAgent> {
    let budget = Budget { steps: u32::from(steps % 8), ..Budget::default() };
    let options = AgentOptions { name: depth.is_multiple_of(2).then(|| text(steps)), ..AgentOptions::default() };
    Box::new(NewAgent { agent: Agent { parent, depth: u32::from(depth % 3), budget }, options })
}

fn compacted(from: u8, through: u8, cost: u8) -> conversation::Compacted {
    let usage = run::Usage { cost_micros: u64::from(cost % 3), ..run::Usage::default() };
    let (from, through) = (MessageId(u128::from(from % 16)), MessageId(u128::from(through % 16)));
    conversation::Compacted { from, through, messages: 0, model: "offline".to_owned(), usage }
}

fn version_seen(name: u8, origin: u8, version: u8) -> skill::VersionSeen {
    let origin = [skill::Origin::Project, skill::Origin::User, skill::Origin::Shipped][usize::from(origin % 3)];
    skill::VersionSeen { name: text(name), origin, version: Digest(u128::from(version % 3)) }
}

/// What is done with a call of an agent.
fn call_command(run: RunId, id: CallId, [kind, a, b]: [u8; 3]) -> Command {
    match kind % 8 {
        0..3 => Command::RecordToolCall { run, id },
        3..6 => {
            let (status, trust, digest) = (status(a), trust(b), Digest(u128::from(b % 4)));
            Command::RecordToolResult { run, id, status, trust, output: text(b), digest, pictures: Vec::new() }
        }
        6 => {
            let body = PermissionBody { what: text(a), why: text(b), rule: None };
            Command::AskPermission { run, id, body }
        }
        _ => {
            let rule = (b % 4 == 0).then(|| text(b / 4));
            Command::AnswerPermission { run, id, verdict: verdict(a), rule }
        }
    }
}

/// Commands of agents, skills and rules; most of them are refused, for there is no such call.
pub(super) fn agent_command(kind: u8, [thing, a, b, c, d]: [u8; 5]) -> Command {
    let run = RunId(u128::from(thing % 8));
    let conversation = ConversationId(u128::from(thing % 3));
    let skill = u128::from(thing % 3);
    match kind % 16 {
        0 | 1 => Command::Ask {
            conversation,
            name: None,
            message: message([a, b, c, d]),
            files: Vec::new(),
            run,
            model: text(c),
            request: request(d),
            agent: Some(new_agent((a % 2 == 0).then(|| caller(b, c, d)), c, d)),
        },
        2 => Command::RecordCall { run, called: called(b) },
        3 => reply(run, a, b),
        4..8 => call_command(run, call_id(a / 8, b), [kind / 16 + a, c, d]),
        8 => Command::RequestCancel { run },
        9 => {
            Command::RecordSkillUse { run, name: text(a), version: Digest(u128::from(b % 3)), seen: Position(c.into()) }
        }
        10 if a % 2 == 0 => Command::AddRule { rule: text(b) },
        10 => Command::RemoveRule { rule: text(b) },
        11 => Command::SetDailyBudget { cost_micros: (a % 2 == 0).then_some(u64::from(b % 2)) },
        12 => {
            let skill::VersionSeen { name, origin, version } = version_seen(a, b, c);
            Command::RecordSkillVersion { id: skill, name, origin, version, folder: text(d) }
        }
        13 if a % 3 == 0 => Command::WithdrawTrust { id: skill },
        13 => Command::TrustSkill { id: skill, version: Digest(u128::from(b % 3)) },
        14 => Command::Compact { conversation, compacted: compacted(a, b, c), summary: text(d) },
        _ => Command::Uncompact { conversation, compaction: Position(a.into()) },
    }
}

/// A command that somebody who knows what is going on would give: for a run that is there, and a call that waits.
/// Others are as good as random.
fn likely_command([kind, thing, a, b, c, d, ..]: Dice, views: &Views) -> Command {
    let pick = |length: usize| usize::from(thing) % length.max(1);
    let fresh = u128::from(views.position.0) + 100;
    let agents = views.agents.running();
    let ask = |agent| Command::Ask {
        conversation: ConversationId(fresh),
        name: None,
        message: NewMessage {
            id: MessageId(fresh),
            body: MessageBody { content: "why?".to_owned(), ..MessageBody::default() },
            ..message([a, 16, 0, c])
        },
        files: Vec::new(),
        run: RunId(fresh),
        model: "a/x".to_owned(),
        request: run::RequestBody::default(),
        agent,
    };
    let Some((&run, agent)) = agents.iter().nth(pick(agents.len())).filter(|_| kind % 8 != 0) else {
        return ask((kind % 16 != 0).then(|| new_agent(None, 2, 5)));
    };
    let open: Vec<CallId> = agent.open_calls().map(|(id, _)| id).collect();
    let called = views.calls.of(run).is_some_and(|calls| calls.under_way.is_some());
    let answer = || NewMessage { id: MessageId(fresh), ..message([a, 16, 1, 0]) };
    match kind % 32 {
        1 => Command::RequestCancel { run },
        2 => Command::FailRun { run, reason: text(a) },
        3 => Command::RecordSkillUse { run, name: text(a % 3), version: Digest(u128::from(b % 2)), seen: Position(1) },
        13 => match views.compactions.of(agent.conversation) {
            // The question has the number of its run.
            [] => {
                let question = MessageId(run.0);
                let compacted = conversation::Compacted { from: question, through: question, ..compacted(a, b, c) };
                Command::Compact { conversation: agent.conversation, compacted, summary: text(d) }
            }
            [first, ..] => Command::Uncompact { conversation: agent.conversation, compaction: first.position },
        },
        4 | 5 if !open.is_empty() => {
            let caller = Caller { run, call: open[usize::from(a) % open.len()], index: 0 };
            ask(Some(new_agent(Some(caller), b, 5)))
        }
        6 | 7 => command([a, thing, kind, b, c, d, 1, 1]),
        _ if !open.is_empty() => call_command(run, open[usize::from(a) % open.len()], [b, c, d]),
        9 if called => Command::RecordCallFailure { run, failed: call_failed(1, b), reason: text(c) },
        10..13 if called => Command::FinishRun {
            run,
            message: answer(),
            usage: run::Usage::default(),
            account: run::Account::default(),
            reason: None,
        },
        _ if called => reply(run, a, b),
        _ => Command::RecordCall { run, called: super::called(1) },
    }
}

/// A log as the writer makes it, of likely commands of a person who knows what is going on.
pub(super) fn written_likely(dice: &[Dice]) -> Writer {
    let mut writer = Writer::default();
    for &dice in dice {
        let _ = writer.run(likely_command(dice, &writer.views));
    }
    writer
}

/// An event of an agent, a skill, a rule or a compaction.
pub(super) fn agent_event(kind: u8, [thing, a, b, c, d]: [u8; 5]) -> Event {
    let id = call_id(a / 2, b);
    match kind {
        19 => run::Started {
            conversation: ConversationId(u128::from(a % 3)),
            question: MessageId(u128::from(a % 8)),
            model: text(b),
            agent: Some(new_agent((c % 2 == 0).then(|| caller(c, a, d)), b, d).agent),
        }
        .into(),
        20 => replied(a, b).into(),
        21 => ToolCalled { id }.into(),
        22 => ToolReturned {
            id,
            status: status(c),
            trust: trust(d),
            bytes: d.into(),
            digest: Digest(c.into()),
            pictures: Vec::new(),
        }
        .into(),
        23 if c % 2 == 0 => PermissionAsked { id }.into(),
        23 => PermissionAnswered { id, verdict: verdict(d) }.into(),
        24 if a % 2 == 0 => CancelRequested {}.into(),
        24 => SkillUsed { name: text(b), version: Digest(c.into()), seen: Position(d.into()) }.into(),
        25 => match a % 3 {
            0 => home::RuleAdded { rule: text(b) }.into(),
            1 => home::RuleRemoved { rule: text(b) }.into(),
            _ => home::DailyBudgetSet { cost_micros: (b % 2 == 0).then_some(c.into()) }.into(),
        },
        26 => match a % 3 {
            0 => version_seen(b, c, d).into(),
            1 => skill::Trusted { version: Digest(u128::from(b % 3)) }.into(),
            _ => skill::TrustWithdrawn {}.into(),
        },
        _ if thing % 2 == 0 => compacted(a, b, c).into(),
        _ => conversation::Uncompacted { compaction: Position(u64::from(a % 32)) }.into(),
    }
}

/// What a log says of an agent, taken from its events in the plainest way.
#[derive(Default)]
struct Told {
    parent: Option<Caller>,
    /// Every call that it asked for: how often it was made, and how often it returned.
    calls: BTreeMap<CallId, (Effect, u32, u32)>,
    replies: u32,
    cost: u64,
    tainted: bool,
    children: Vec<RunId>,
    ended: bool,
}

/// What a log says of its agents.
fn agents_of(log: &[Recorded]) -> BTreeMap<RunId, Told> {
    let mut agents: BTreeMap<RunId, Told> = BTreeMap::new();
    for Recorded { header, event } in log {
        let id = RunId(header.stream.id);
        if let Event::RunStarted(run::Started { agent: Some(agent), .. }) = event {
            agents.insert(id, Told { parent: agent.parent, ..Told::default() });
            if let Some(parent) = agent.parent {
                agents.get_mut(&parent.run).expect("a parent is started before").children.push(id);
            }
        }
        let Some(agent) = agents.get_mut(&id).filter(|_| header.stream.category == Category::Run) else { continue };
        assert!(!agent.ended, "{} behind the end of run {id}", event.name());
        match event {
            Event::RunReplied(event) => {
                for (intent, call) in event.calls.iter().zip(0..) {
                    agent.calls.insert(CallId { step: agent.replies, call }, (intent.effect, 0, 0));
                }
                agent.replies += 1;
                agent.cost = agent.cost.saturating_add(event.usage.cost_micros);
            }
            Event::ToolCalled(event) => agent.calls.get_mut(&event.id).expect("it was asked for").1 += 1,
            Event::ToolReturned(event) => {
                agent.calls.get_mut(&event.id).expect("it was asked for").2 += 1;
                agent.tainted |= event.trust == Trust::Untrusted;
            }
            Event::RunCallFailed(event) => agent.cost = agent.cost.saturating_add(event.usage.cost_micros),
            Event::RunFinished(event) => agent.cost = agent.cost.saturating_add(event.usage.cost_micros),
            _ => {}
        }
        agent.ended = matches!(event, Event::RunFinished(_) | Event::RunFailed(_));
    }
    agents
}

/// What the views should say of agents, and the laws of their calls: each returns once at the most, and exactly once
/// when its run has ended; what is done once is made once.
pub(super) fn check_agents(views: &Views, log: &[Recorded]) {
    let told = agents_of(log);
    let known = views.agents.running().len() + views.agents.ended().len();
    assert_eq!(known, told.len());
    for (id, told) in &told {
        for (call, (effect, made, returned)) in &told.calls {
            let returns = if told.ended { 1..=1 } else { 0..=1 };
            assert!(returns.contains(returned), "call {call} of run {id} returned {returned} times");
            assert!(*effect != Effect::Once || *made <= 1, "call {call} of run {id} was made {made} times");
        }
        assert_eq!(views.agents.parent(*id), told.parent);
        let open: Vec<CallId> =
            told.calls.iter().filter(|(_, (_, _, returned))| *returned == 0).map(|it| *it.0).collect();
        match views.agents.running().get(id) {
            Some(agent) => {
                assert!(!told.ended);
                assert_eq!(agent.open_calls().map(|(id, _)| id).collect::<Vec<_>>(), open);
                assert_eq!(agent.tool_calls(), told.calls.len());
                let seen = (agent.spent.cost_micros, agent.tainted, &agent.children);
                assert_eq!(seen, (told.cost, told.tainted, &told.children));
            }
            None => {
                let agent = &views.agents.ended()[id];
                assert!(told.ended);
                let returns: usize = agent.steps.iter().map(|(_, returns)| returns.len()).sum();
                assert_eq!((agent.steps.len() as u32, returns), (told.replies, told.calls.len()));
                let seen = (agent.spent.cost_micros, agent.tainted, &agent.children);
                assert_eq!(seen, (told.cost, told.tainted, &told.children));
                if let Some(answer) = agent.answer {
                    assert_eq!(views.agents.of_answer(answer), Some(agent));
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(config())]

    /// After any sequence of commands every call of a run that has ended has exactly one return.
    #[test]
    fn every_call_of_a_run_that_has_ended_has_one_return(dice in vec(any::<Dice>(), 0..150)) {
        let writer = written_likely(&dice);
        prop_assert_eq!(&writer.views.anomalies, &[]);
        check_agents(&writer.views, &writer.log);
        check_against_a_naive_fold(&writer.views, &writer.log);
        check_against_a_naive_recount(&writer.views);
    }
}

/// The laws above are not empty: what they are told of happens, on a fixed seed.
#[test]
fn random_sequences_meet_every_kind_and_end_agents_with_calls() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let (mut met, mut folded) = (BTreeSet::new(), BTreeSet::new());
    let (mut ended, mut closed_by_the_end) = (0, 0);
    for _ in 0..256 {
        let dice = vec(any::<Dice>(), 150).new_tree(&mut runner).expect("dice can be thrown").current();
        folded.extend(events(&dice).iter().map(|recorded| recorded.event.name()));
        for writer in [written(&dice), written_likely(&dice), written_work(&dice), written_browsing(&dice)] {
            met.extend(writer.log.iter().map(|recorded| recorded.event.name()));
            ended += agents_of(&writer.log).values().filter(|agent| agent.ended && !agent.calls.is_empty()).count();
            let pairs = writer.log.iter().zip(writer.log.iter().skip(1));
            let closes = |(one, next): &(&Recorded, &Recorded)| {
                matches!((&one.event, &next.event), (Event::ToolReturned(_), Event::RunFailed(_)))
            };
            closed_by_the_end += pairs.filter(closes).count();
        }
    }
    let all: BTreeSet<&str> = KINDS.iter().map(|(_, name, _)| *name).collect();
    assert_eq!(Vec::from_iter(all.difference(&met)), Vec::<&&str>::new(), "never decided");
    assert_eq!(Vec::from_iter(all.difference(&folded)), Vec::<&&str>::new(), "never folded");
    assert!(ended > 500 && closed_by_the_end > 100, "{ended} ended with calls, {closed_by_the_end} with open ones");
}
