//! One fixed sequence in which every kind of event happens, and samples of every kind. Both are frozen with the golden
//! files that come of them: add at the end, and change nothing.

mod browsing;
mod work;

use crate::command::{NewMessage, Parent};
use crate::event::conversation::{MessageAdded, MessageBody, Role};
use crate::event::run::agent::{
    Agent, Budget, CallId, Caller, CancelRequested, Effect, Intent, PermissionAnswered, PermissionAsked, Replied,
    SkillUsed, ToolCalled, ToolReturned, ToolStatus, Trust, Verdict,
};
use crate::event::{Event, bench, conversation, home, kv, memory, run, skill, vault};
use crate::ids::{Category, ConversationId, Digest, KeyId, MemoryId, MessageId, Position, RunId, StreamId};
use crate::record::{Actor, Recorded};
use crate::time::Timestamp;

use super::recorded;

/// A digest that can be read: the letters of a short text.
pub(crate) fn digest_of(text: &str) -> Digest {
    Digest(text.bytes().fold(0, |digest, byte| digest << 8 | u128::from(byte)))
}

/// A message of a user, behind the last one.
pub(crate) fn message(id: u128, content: &str) -> NewMessage {
    NewMessage {
        id: MessageId(id),
        parent: Parent::Selected,
        role: Role::User,
        body: MessageBody { content: content.to_owned(), ..MessageBody::default() },
        model: None,
        occurred_at: None,
        interrupted: false,
        selected: true,
    }
}

fn added(id: u128, parent: Option<u128>) -> MessageAdded {
    MessageAdded {
        message: MessageId(id),
        parent: parent.map(MessageId),
        role: Role::User,
        size: 5,
        tool_calls: 0,
        model: None,
        occurred_at: None,
        interrupted: false,
        selected: true,
    }
}

fn answer(id: u128, parent: u128) -> MessageAdded {
    let model = Some("offline".to_owned());
    MessageAdded { role: Role::Assistant, size: 80, tool_calls: 1, model, interrupted: true, ..added(id, Some(parent)) }
}

fn branch(id: u128, parent: u128) -> MessageAdded {
    MessageAdded { occurred_at: Some(Timestamp(86_400_000)), selected: false, ..added(id, Some(parent)) }
}

fn memorized(text: &str, named: bool) -> memory::Memorized {
    memory::Memorized { digest: digest_of(text), named, size: 7, occurred_at: named.then_some(Timestamp(-1)) }
}

fn superseded(text: &str) -> memory::Superseded {
    memory::Superseded { digest: digest_of(text), size: 9, occurred_at: Some(Timestamp(1_700_000_000_000)) }
}

fn set(key: &str, size: u32) -> kv::Set {
    kv::Set { key: key.to_owned(), size }
}

fn started(question: u128) -> run::Started {
    let (conversation, question) = (ConversationId(1), MessageId(question));
    run::Started { conversation, question, model: "offline".to_owned(), agent: None }
}

fn recalled() -> run::Recalled {
    let passage = |memory, position, score| run::Passage {
        source: run::Source::Memory(MemoryId(memory)),
        position,
        score,
        coverage: 0.5,
        cosine: (memory == 1).then_some(0.25),
    };
    let passages = vec![passage(2, Position(13), 0.75), passage(1, Position(11), 0.1)];
    run::Recalled { passages, indexed: Position(16) }
}

fn finished() -> run::Finished {
    let usage = run::Usage { input_tokens: 1000, output_tokens: 20, cost_micros: 3 };
    run::Finished { answer: MessageId(12), model: "anthropic/claude".to_owned(), usage, account: None }
}

fn called(model: &str) -> run::Called {
    run::Called {
        model: model.to_owned(),
        key: run::KeyOrigin::Vault,
        messages: 3,
        left_out: 4,
        passages: 2,
        input_tokens: 900,
        budget: 6144,
    }
}

fn call_failed(model: &str, attempts: u32) -> run::CallFailed {
    let usage = run::Usage { input_tokens: 900, output_tokens: 0, cost_micros: 2 };
    run::CallFailed { model: model.to_owned(), attempts, usage, estimated: attempts == 0 }
}

fn interrupted() -> run::Finished {
    let account = run::Account {
        cached_tokens: 5,
        estimated: true,
        unpriced: true,
        attempts: 2,
        ending: run::Ending::Interrupted,
    };
    run::Finished { model: "openai/b".to_owned(), account: Some(account), ..finished() }
}

fn model_chosen(model: Option<&str>) -> home::ModelChosen {
    home::ModelChosen { model: model.map(str::to_owned), fallbacks: vec!["offline".to_owned()] }
}

fn provider_added(url: &str) -> home::ProviderAdded {
    home::ProviderAdded { name: "near".to_owned(), dialect: "openai".to_owned(), base_url: url.to_owned() }
}

fn attached(message: u128) -> conversation::FileAttached {
    conversation::FileAttached { message: MessageId(message), media_type: "image/png".to_owned(), size: 70 }
}

fn key_set(provider: &str) -> vault::KeySet {
    vault::KeySet { provider: provider.to_owned(), fingerprint: "0123456789abcdef".to_owned() }
}

/// An agent that is to answer message 13, and may start agents below itself unless another one started it.
fn agent(parent: Option<Caller>) -> run::Started {
    let tokens = parent.is_none().then_some(9000);
    let deadline = parent.map(|_| Timestamp(1_700_000_100_000));
    let budget = Budget { steps: 5, tokens, cost_micros: tokens, deadline };
    run::Started { agent: Some(Agent { parent, depth: u32::from(parent.is_none()), budget }), ..started(13) }
}

/// A call of an agent's first reply.
pub(crate) fn call_id(call: u32) -> CallId {
    CallId { step: 0, call }
}

/// The call of run 6 that starts agents.
fn caller(index: u32) -> Caller {
    Caller { run: RunId(6), call: call_id(2), index }
}

fn replied(calls: &[(&str, Effect)]) -> Replied {
    let intent =
        |(tool, effect): &(&str, Effect)| Intent { tool: (*tool).to_owned(), effect: *effect, digest: digest_of(tool) };
    let usage = run::Usage { input_tokens: 700, output_tokens: 30, cost_micros: 4 };
    let account = run::Account { cached_tokens: 100, attempts: 1, ..run::Account::default() };
    Replied { model: "openai/b".to_owned(), usage, account, calls: calls.iter().map(intent).collect() }
}

fn returned(id: CallId, status: ToolStatus, trust: Trust) -> ToolReturned {
    ToolReturned { id, status, trust, bytes: 2000, digest: digest_of("output"), pictures: Vec::new() }
}

fn version_seen(version: &str, origin: skill::Origin) -> skill::VersionSeen {
    skill::VersionSeen { name: "bookkeeping".to_owned(), origin, version: digest_of(version) }
}

fn compacted(from: u128, through: u128, messages: u32) -> conversation::Compacted {
    let usage = run::Usage { input_tokens: 50, output_tokens: 5, cost_micros: 1 };
    let (from, through) = (MessageId(from), MessageId(through));
    conversation::Compacted { from, through, messages, model: "openai/a".to_owned(), usage }
}

fn rule(text: &str) -> home::RuleAdded {
    home::RuleAdded { rule: text.to_owned() }
}

fn skill_used() -> SkillUsed {
    SkillUsed { name: "bookkeeping".to_owned(), version: digest_of("two"), seen: Position(59) }
}

fn placeholder() -> bench::Placeholder {
    bench::Placeholder { stands_for: "job.submitted".to_owned(), filling: vec![1, 2, 255] }
}

/// The sequence.
pub(crate) fn story() -> Vec<Recorded> {
    let conversation = |id| StreamId::from(ConversationId(id));
    let memory = |id| StreamId::from(MemoryId(id));
    let key = |id| StreamId::new(Category::Kv, id);
    let run = |id| StreamId::from(RunId(id));
    let home = StreamId::new(Category::Home, 0);
    let vault = StreamId::new(Category::Vault, 0);
    let skill = |id| StreamId::new(Category::Skill, id);
    let calls = [("read_file", Effect::Pure), ("run_command", Effect::Once), ("spawn_agents", Effect::Idempotent)];
    let events: Vec<(StreamId, u32, Event)> = vec![
        (home, 1, home::Created { zo_version: "0.1.0".to_owned() }.into()),
        (conversation(1), 1, conversation::Started { name: Some(digest_of("trip")) }.into()),
        (conversation(1), 2, added(11, None).into()),
        (conversation(1), 3, answer(12, 11).into()),
        (conversation(1), 4, branch(13, 11).into()),
        (conversation(1), 5, conversation::BranchSelected { message: MessageId(13) }.into()),
        (conversation(1), 6, conversation::Renamed { name: digest_of("journey") }.into()),
        (conversation(2), 1, conversation::Started { name: None }.into()),
        (conversation(2), 2, added(21, None).into()),
        (conversation(2), 3, conversation::Deleted {}.into()),
        (memory(1), 1, memorized("tea", false).into()),
        (memory(2), 1, memorized("milk", true).into()),
        (memory(2), 2, superseded("cream").into()),
        (memory(1), 2, memory::Retracted {}.into()),
        (memory(3), 1, memorized("salt", false).into()),
        (memory(3), 2, memory::Forgotten {}.into()),
        (key(1), 1, set("color", 3).into()),
        (key(1), 2, set("color", 5).into()),
        (key(2), 1, set("size", 1).into()),
        (key(2), 2, kv::Deleted { key: "size".to_owned() }.into()),
        (run(1), 1, started(11).into()),
        (run(1), 2, recalled().into()),
        (run(2), 1, started(11).into()),
        (run(2), 2, finished().into()),
        (run(3), 1, started(13).into()),
        (run(3), 2, run::Failed {}.into()),
        (StreamId::new(Category::Job, 1), 1, placeholder().into()),
        (memory(1), 3, memorized("tea", false).into()),
        (memory(2), 3, memory::Retracted {}.into()),
        (memory(2), 4, memory::Forgotten {}.into()),
        (home, 2, home::EmbedderChosen { model: "other".to_owned() }.into()),
        (home, 3, model_chosen(Some("openai/a")).into()),
        (home, 4, provider_added("http://localhost:1234/v1").into()),
        (home, 5, provider_added("https://near.example/v1").into()),
        (home, 6, home::ProviderAdded { name: "gone".to_owned(), ..provider_added("http://127.0.0.1") }.into()),
        (home, 7, home::ProviderRemoved { name: "gone".to_owned() }.into()),
        (vault, 1, key_set("openai").into()),
        (vault, 2, key_set("near").into()),
        (vault, 3, vault::KeyRemoved { provider: "near".to_owned() }.into()),
        (conversation(1), 7, attached(13).into()),
        (conversation(3), 1, conversation::Started { name: None }.into()),
        (conversation(3), 2, conversation::Forked { from: ConversationId(1), message: MessageId(13) }.into()),
        (run(1), 3, called("openai/a").into()),
        (run(1), 4, call_failed("openai/a", 3).into()),
        (run(1), 5, called("openai/b").into()),
        (run(1), 6, call_failed("openai/b", 0).into()),
        (run(1), 7, called("openai/b").into()),
        (run(4), 1, run::Started { model: "near/c".to_owned(), ..started(13) }.into()),
        (run(4), 2, called("near/c").into()),
        (run(5), 1, run::Started { model: "near/c".to_owned(), ..started(13) }.into()),
        (run(5), 2, called("near/d").into()),
        (run(5), 3, interrupted().into()),
        (home, 8, rule("allow: read_file").into()),
        (home, 9, rule("deny: run_command(git push …)").into()),
        (home, 10, home::RuleRemoved { rule: "allow: read_file".to_owned() }.into()),
        (home, 11, home::DailyBudgetSet { cost_micros: Some(5_000_000) }.into()),
        (skill(1), 1, version_seen("one", skill::Origin::Project).into()),
        (skill(1), 2, skill::Trusted { version: digest_of("one") }.into()),
        (skill(1), 3, version_seen("two", skill::Origin::Project).into()),
        (skill(2), 1, version_seen("one", skill::Origin::User).into()),
        (skill(2), 2, skill::Trusted { version: digest_of("one") }.into()),
        (skill(2), 3, skill::TrustWithdrawn {}.into()),
        (run(6), 1, agent(None).into()),
        (run(6), 2, called("openai/b").into()),
        (run(6), 3, skill_used().into()),
        (run(6), 4, replied(&calls).into()),
        (run(6), 5, PermissionAsked { id: call_id(1) }.into()),
        (run(6), 6, ToolCalled { id: call_id(0) }.into()),
        (run(6), 7, returned(call_id(0), ToolStatus::Done, Trust::Untrusted).into()),
        (run(6), 8, PermissionAnswered { id: call_id(1), verdict: Verdict::Denied }.into()),
        (run(6), 9, returned(call_id(1), ToolStatus::Refused, Trust::Trusted).into()),
        (run(6), 10, ToolCalled { id: call_id(2) }.into()),
        (run(7), 1, agent(Some(caller(0))).into()),
        (run(8), 1, agent(Some(caller(1))).into()),
        (run(8), 2, CancelRequested {}.into()),
        (run(8), 3, run::Failed {}.into()),
        (run(6), 11, returned(call_id(2), ToolStatus::Failed, Trust::Trusted).into()),
        (run(6), 12, called("openai/b").into()),
        (run(6), 13, run::Finished { answer: MessageId(14), ..interrupted() }.into()),
        (run(7), 2, called("near/c").into()),
        (run(7), 3, call_failed("near/c", 1).into()),
        (run(7), 4, called("openai/b").into()),
        (run(7), 5, replied(&calls[1..2]).into()),
        (run(7), 6, PermissionAsked { id: call_id(0) }.into()),
        (run(7), 7, PermissionAnswered { id: call_id(0), verdict: Verdict::Allowed }.into()),
        (run(7), 8, ToolCalled { id: call_id(0) }.into()),
        (run(7), 9, CancelRequested {}.into()),
        (conversation(1), 8, compacted(11, 13, 2).into()),
        (conversation(1), 9, compacted(11, 11, 1).into()),
        (conversation(1), 10, conversation::Uncompacted { compaction: Position(88) }.into()),
        (conversation(4), 1, conversation::Started { name: None }.into()),
        (conversation(4), 2, added(41, None).into()),
        (conversation(4), 3, compacted(41, 41, 1).into()),
        (conversation(4), 4, conversation::Deleted {}.into()),
    ];
    let mut events: Vec<_> = events.into_iter().chain(work::events()).collect();
    events.extend(browsing::events(events.len() as u64));
    events
        .into_iter()
        .zip(1..)
        .map(|((stream, version, event), position)| {
            let mut recorded = recorded(position, stream, version, event);
            recorded.header.at = Timestamp(1_700_000_000_000 + 1000 * position.cast_signed());
            recorded.header.actor = Actor::Import;
            recorded.header.idempotency = (position % 5 == 0).then_some(u128::from(position) << 64);
            recorded.header.key = KeyId(if stream.category == Category::Memory { 1 } else { 0 });
            recorded
        })
        .collect()
}

/// Events of every kind; of those with optional fields one with all and one with none.
pub(crate) fn samples() -> Vec<Event> {
    let mut samples = samples_of_talk();
    samples.extend(work::samples());
    samples.extend(browsing::samples());
    samples
}

fn samples_of_talk() -> Vec<Event> {
    let no_model = MessageAdded { role: Role::Tool, size: u32::MAX, tool_calls: u16::MAX, ..added(u128::MAX, None) };
    let all = MessageAdded { occurred_at: Some(Timestamp(i64::MIN)), ..answer(12, 11) };
    let system = MessageAdded { role: Role::System, selected: false, ..added(1, None) };
    vec![
        home::Created { zo_version: "0.1.0".to_owned() }.into(),
        home::EmbedderChosen { model: "all-MiniLM-L6-v2".to_owned() }.into(),
        conversation::Started { name: None }.into(),
        conversation::Started { name: Some(digest_of("trip")) }.into(),
        no_model.into(),
        all.into(),
        system.into(),
        added(2, Some(1)).into(),
        conversation::BranchSelected { message: MessageId(13) }.into(),
        conversation::Renamed { name: digest_of("journey") }.into(),
        conversation::Deleted {}.into(),
        memorized("tea", false).into(),
        memorized("milk", true).into(),
        superseded("cream").into(),
        memory::Superseded { occurred_at: None, ..superseded("cream") }.into(),
        memory::Retracted {}.into(),
        memory::Forgotten {}.into(),
        set("a key of ä ö ü", 3).into(),
        kv::Deleted { key: "size".to_owned() }.into(),
        started(11).into(),
        recalled().into(),
        run::Recalled { passages: Vec::new(), indexed: Position::START }.into(),
        finished().into(),
        run::Failed {}.into(),
        placeholder().into(),
        model_chosen(Some("openai/a")).into(),
        home::ModelChosen { model: None, fallbacks: Vec::new() }.into(),
        provider_added("http://localhost:1234/v1").into(),
        home::ProviderRemoved { name: "near".to_owned() }.into(),
        attached(13).into(),
        conversation::Forked { from: ConversationId(1), message: MessageId(13) }.into(),
        run::Recalled {
            passages: vec![run::Passage {
                source: run::Source::Message(MessageId(12)),
                position: Position(4),
                score: 0.5,
                coverage: 0.25,
                cosine: None,
            }],
            indexed: Position(9),
        }
        .into(),
        called("openai/a").into(),
        run::Called { key: run::KeyOrigin::None, ..called("ollama/b") }.into(),
        run::Called { key: run::KeyOrigin::Environment, ..called("anthropic/c") }.into(),
        call_failed("openai/a", 3).into(),
        call_failed("openai/b", 0).into(),
        interrupted().into(),
        run::Finished {
            account: Some(run::Account { ending: run::Ending::Length, ..run::Account::default() }),
            ..finished()
        }
        .into(),
        key_set("openai").into(),
        vault::KeyRemoved { provider: "near".to_owned() }.into(),
        agent(None).into(),
        agent(Some(caller(1))).into(),
        rule("allow: run_command(git status)").into(),
        home::RuleRemoved { rule: "ask: http_fetch".to_owned() }.into(),
        home::DailyBudgetSet { cost_micros: Some(5_000_000) }.into(),
        home::DailyBudgetSet { cost_micros: None }.into(),
        compacted(11, 13, 2).into(),
        conversation::Uncompacted { compaction: Position(88) }.into(),
        replied(&[("read_file", Effect::Pure), ("a", Effect::Idempotent), ("b", Effect::Once)]).into(),
        ToolCalled { id: CallId { step: 2, call: 1 } }.into(),
        returned(call_id(0), ToolStatus::Done, Trust::Untrusted).into(),
        returned(call_id(1), ToolStatus::Failed, Trust::Trusted).into(),
        returned(call_id(2), ToolStatus::Refused, Trust::Trusted).into(),
        returned(call_id(3), ToolStatus::Invalid, Trust::Trusted).into(),
        returned(call_id(4), ToolStatus::Interrupted, Trust::Trusted).into(),
        returned(call_id(5), ToolStatus::Cancelled, Trust::Trusted).into(),
        PermissionAsked { id: call_id(1) }.into(),
        PermissionAnswered { id: call_id(1), verdict: Verdict::Allowed }.into(),
        PermissionAnswered { id: call_id(2), verdict: Verdict::Denied }.into(),
        CancelRequested {}.into(),
        skill_used().into(),
        version_seen("one", skill::Origin::Project).into(),
        version_seen("one", skill::Origin::User).into(),
        version_seen("one", skill::Origin::Shipped).into(),
        skill::Trusted { version: digest_of("one") }.into(),
        skill::TrustWithdrawn {}.into(),
    ]
}
