//! Laws that hold whatever is asked and whatever the log holds: random commands through the writer, and random events
//! that no writer would have written.
//!
//! `PROPTEST_CASES` makes the runs longer; a failure prints the shortest sequence that shows it, and
//! `PROPTEST_RNG_SEED` repeats a run.

mod agents;
mod browsing;
mod queue;
mod work;

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;

use self::agents::{agent_command, agent_event, check_agents, written_likely};
use self::browsing::{browsing_command, browsing_event, written_browsing};
use self::work::{check_attempts, recount_work, work_command, work_event, written_work};
use crate::command::{Command, ExpectedVersion, Name, NewFile, NewMessage, Parent, Rejection, Submission};
use crate::decide::decide;
use crate::event::conversation::{MessageBody, Role};
use crate::event::{Event, bench, conversation, home, kv, memory, run, vault};
use crate::ids::{Category, ConversationId, Digest, KeyId, MemoryId, MessageId, Position, RunId, StreamId};
use crate::record::{Actor, RawRecord, Recorded, write};
use crate::testing::{Writer, recorded};
use crate::time::Timestamp;
use crate::views::Views;
use crate::views::memories::State;

/// Small numbers, out of which a command or an event is made: few enough that they meet.
type Dice = [u8; 8];

fn text(number: u8) -> String {
    ["tea", "milk", "salt", "", "rice", "mint", "corn", "oats"][usize::from(number % 8)].to_owned()
}

fn name(number: u8) -> Name {
    let text = ["trip", "tour", "way", "end", "sea", "map", "sun", "a\0b"][usize::from(number % 8)].to_owned();
    Name { digest: Digest(u128::from(number % 8)), text }
}

fn message([id, parent, role, shape]: [u8; 4]) -> NewMessage {
    NewMessage {
        id: MessageId(u128::from(id % 16)),
        parent: match parent % 64 {
            16..60 => Parent::Selected,
            60.. => Parent::Root,
            parent => Parent::Message(MessageId(u128::from(parent))),
        },
        role: [Role::User, Role::Assistant, Role::Tool, Role::System][usize::from(role % 4)],
        body: MessageBody { content: text(shape), ..MessageBody::default() },
        model: (shape % 2 == 0).then(|| "offline".to_owned()),
        occurred_at: None,
        interrupted: shape % 3 == 0,
        selected: shape % 4 != 0,
    }
}

fn files(number: u8) -> Vec<NewFile> {
    let file = NewFile { name: "a.txt".to_owned(), media_type: "text/plain".to_owned(), bytes: vec![number] };
    vec![file; usize::from(number % 4 / 2)]
}

fn request(number: u8) -> run::RequestBody {
    let system = number.is_multiple_of(2).then(|| text(number));
    run::RequestBody { system, schema: None, fallbacks: vec![text(number); usize::from(number % 3)] }
}

fn provider(name: u8, url: u8) -> home::ProviderAdded {
    home::ProviderAdded { name: text(name % 3), dialect: "openai".to_owned(), base_url: text(url % 3) }
}

fn called(number: u8) -> run::Called {
    run::Called {
        model: text(number),
        key: run::KeyOrigin::None,
        messages: number.into(),
        left_out: 0,
        passages: 0,
        input_tokens: number.into(),
        budget: 0,
    }
}

fn call_failed(number: u8, attempts: u8) -> run::CallFailed {
    let tokens = if number == 0 { u64::MAX } else { number.into() };
    let usage = run::Usage { input_tokens: tokens, output_tokens: 0, cost_micros: tokens };
    run::CallFailed { model: text(number), attempts: u32::from(attempts % 3), usage, estimated: false }
}

fn command([kind, thing, a, b, c, d, ..]: Dice) -> Command {
    let memory = MemoryId(u128::from(thing % 5));
    let conversation = ConversationId(u128::from(thing % 3));
    let run = RunId(u128::from(thing % 8));
    let body = memory::Body { content: text(a), ..memory::Body::default() };
    let digest = Digest(u128::from(a % 8));
    let reason = text(a);
    match kind % 60 {
        56.. => browsing_command(kind ^ d, [thing, a, b, c, d], None),
        40.. => work_command(kind.wrapping_mul(11) ^ d, [thing, a, b, c, d]),
        27.. => agent_command(kind.wrapping_mul(13) ^ d, [thing, a, b, c, d]),
        0 if b % 2 == 0 => Command::ChooseEmbedder { model: text(a % 3) },
        0 => Command::CreateHome { zo_version: text(a) },
        1 => Command::Memorize { id: None, digest, occurred_at: None, body },
        2 | 3 => Command::Memorize { id: Some(memory), digest, occurred_at: None, body },
        // Also of memories that were given no id: their ids begin at 1025.
        4 => {
            let id = if b % 2 == 0 { memory } else { MemoryId(1 << 10 | u128::from(thing % 5 + 1)) };
            Command::Supersede { id, digest, occurred_at: None, body }
        }
        5 => {
            let id = if b % 2 == 0 { memory } else { MemoryId(1 << 10 | u128::from(thing % 5 + 1)) };
            Command::Retract { id, reason: (b % 4 < 2).then_some(reason) }
        }
        6 => Command::Forget { id: memory },
        7 => Command::SetKey { id: (thing % 3).into(), key: name(thing % 3).text, value: text(a) },
        8 => Command::DeleteKey { id: (thing % 3).into(), key: name(thing % 3).text },
        9 => Command::StartConversation {
            id: conversation,
            name: (b % 2 == 0).then(|| name(a)),
            fork_of: (c % 8 == 0).then_some((ConversationId(u128::from(d % 3)), MessageId(u128::from(a % 16)))),
        },
        10 | 18..22 => Command::AddMessage { conversation, message: message([a, b, c, d]), files: files(d) },
        11 | 22 => Command::SelectBranch { conversation, message: MessageId(u128::from(a % 16)) },
        12 => Command::RenameConversation { conversation, name: name(a) },
        13 if a % 12 == 0 => Command::DeleteConversation { conversation },
        13 if a % 12 == 1 => Command::Answer {
            conversation,
            question: MessageId(u128::from(b % 16)),
            run,
            model: text(c),
            request: request(d),
            agent: None,
        },
        13 | 14 | 24 => Command::Ask {
            conversation: ConversationId(u128::from(b % 3)),
            name: (b % 2 == 0).then(|| name(a)),
            message: message([a, b, c, d]),
            files: files(c),
            run,
            model: text(c),
            request: request(d),
            agent: None,
        },
        15 => {
            let passage = run::Passage {
                source: run::Source::Memory(memory),
                position: Position(a.into()),
                score: f32::from(b),
                coverage: 0.5,
                cosine: None,
            };
            Command::RecordRecall { run, passages: vec![passage; usize::from(c % 3)], indexed: Position(d.into()) }
        }
        16 | 23 => Command::FinishRun {
            run,
            message: message([a, b, c, d]),
            usage: run::Usage { input_tokens: a.into(), output_tokens: b.into(), cost_micros: c.into() },
            account: run::Account { attempts: d.into(), ..run::Account::default() },
            reason: (d % 2 == 0).then_some(reason),
        },
        25 => match a % 8 {
            0 => Command::ChooseModel { model: (b % 2 == 0).then(|| text(c)), fallbacks: vec![text(d)] },
            1 => Command::AddProvider { provider: provider(b, c) },
            2 => Command::RemoveProvider { name: text(b % 3) },
            3 => Command::RecordKey { provider: text(b % 3), fingerprint: text(c) },
            4 => Command::RecordKeyRemoval { provider: text(b % 3) },
            5 | 6 => Command::RecordCall { run, called: called(b) },
            _ => Command::RecordCallFailure { run, failed: call_failed(b, c), reason },
        },
        _ if a % 2 == 0 => Command::FailRun { run, reason },
        _ => {
            let (stream, filling) = (StreamId::new(Category::Job, thing.into()), vec![b; usize::from(c)]);
            Command::AppendPlaceholder { stream, stands_for: text(a), filling }
        }
    }
}

fn submission(dice: Dice) -> Submission {
    let [_, thing, .., key, expected] = dice;
    let submission = Submission::new(Actor::User, command(dice));
    let submission = if key % 4 == 0 { submission.keyed(u128::from(key % 32)) } else { submission };
    match expected % 12 {
        0 => submission.expecting(MemoryId(u128::from(thing % 5)).into(), ExpectedVersion::NoStream),
        1 => submission.expecting(ConversationId(u128::from(thing % 3)).into(), ExpectedVersion::Exactly(2)),
        _ => submission,
    }
}

/// A log as the writer makes it.
fn written(dice: &[Dice]) -> Writer {
    let mut writer = Writer::default();
    for &dice in dice {
        let _ = writer.submit(submission(dice));
    }
    writer
}

/// An event that may be possible or not, with a header that may fit or not.
fn event([kind, thing, a, b, c, d, header, skip]: Dice, position: u64) -> Recorded {
    let id = u128::from(thing % 4);
    let digest = Digest(u128::from(a % 3));
    let size = if b == 255 { u32::MAX } else { b.into() };
    let message = MessageId(u128::from(a % 8));
    let event: Event = match kind % 42 {
        40.. => browsing_event([thing, a, b, c, d]),
        28.. => work_event(kind % 42, [thing, a, b, c, d]),
        19.. => agent_event(kind % 42, [thing, a, b, c, d]),
        0 if b % 2 == 0 => home::EmbedderChosen { model: text(a) }.into(),
        0 => home::Created { zo_version: text(a) }.into(),
        1 => conversation::Started { name: (a % 2 == 0).then_some(digest) }.into(),
        2 | 3 => conversation::MessageAdded {
            message,
            parent: (b % 2 == 0).then_some(MessageId(u128::from(c % 8))),
            role: Role::User,
            size,
            tool_calls: d.into(),
            model: None,
            occurred_at: None,
            interrupted: d % 2 == 0,
            selected: d % 4 < 2,
        }
        .into(),
        4 => conversation::BranchSelected { message }.into(),
        5 => conversation::Renamed { name: digest }.into(),
        6 => conversation::Deleted {}.into(),
        7 | 8 => memory::Memorized { digest, named: c % 2 == 0, size, occurred_at: None }.into(),
        9 => memory::Superseded { digest, size, occurred_at: Some(Timestamp(c.into())) }.into(),
        10 => memory::Retracted {}.into(),
        11 => memory::Forgotten {}.into(),
        12 => kv::Set { key: text(thing), size }.into(),
        13 => kv::Deleted { key: text(thing) }.into(),
        14 => run::Started {
            conversation: ConversationId(u128::from(a % 3)),
            question: message,
            model: text(b),
            agent: None,
        }
        .into(),
        15 if a % 2 == 0 => run::Recalled { passages: Vec::new(), indexed: Position(b.into()) }.into(),
        17 => match a % 6 {
            0 => home::ModelChosen { model: (b % 2 == 0).then(|| text(c)), fallbacks: Vec::new() }.into(),
            1 => provider(b, c).into(),
            2 => home::ProviderRemoved { name: text(b % 3) }.into(),
            3 => vault::KeySet { provider: text(b % 3), fingerprint: text(c) }.into(),
            4 => vault::KeyRemoved { provider: text(b % 3) }.into(),
            _ => conversation::FileAttached { message, media_type: text(b), size }.into(),
        },
        18 => match a % 5 {
            0..3 => called(b).into(),
            3 => call_failed(b, c).into(),
            _ => conversation::Forked { from: ConversationId(id), message }.into(),
        },
        15 => bench::Placeholder { stands_for: text(a), filling: Vec::new() }.into(),
        _ if a % 2 == 0 => {
            let tokens = if b == 0 { u64::MAX } else { b.into() };
            let usage = run::Usage { input_tokens: tokens, output_tokens: tokens, cost_micros: tokens };
            run::Finished { answer: message, model: text(c), usage, account: None }.into()
        }
        _ => run::Failed {}.into(),
    };
    let own = u8::try_from(event.kind() >> 8).ok().and_then(Category::from_number).unwrap_or(Category::Job);
    let category = if header == 1 { Category::ALL[usize::from(a) % Category::ALL.len()] } else { own };
    let position = match skip {
        0 => u64::MAX,
        1 => u64::from(a),
        _ => position,
    };
    let version = match skip {
        2 => u32::MAX,
        3..16 => 0,
        16..150 => 1,
        _ => u32::from(b) % 5,
    };
    let mut recorded = recorded(0, StreamId::new(category, id), version, event);
    recorded.header.position = Position(position);
    recorded.header.at = match header {
        2 => Timestamp(i64::MAX),
        3 => Timestamp(i64::MIN),
        _ => Timestamp(i64::from(c) * 86_400_000 / 16),
    };
    recorded.header.idempotency = (header % 3 == 0).then_some(u128::from(header % 32));
    recorded.header.key = KeyId(if header == 4 { u32::MAX } else { (header % 4).into() });
    recorded
}

fn events(dice: &[Dice]) -> Vec<Recorded> {
    dice.iter().zip(1..).map(|(dice, position)| event(*dice, position)).collect()
}

/// Counts everything anew, slowly, and asks every index for everything it should know and some things it should not.
fn check_against_a_naive_recount(views: &Views) {
    let memories: Vec<_> = views.memories.iter().collect();
    let live: Vec<_> = memories.iter().copied().filter(|memory| memory.state == State::Live).collect();
    let retracted = memories.iter().filter(|memory| matches!(memory.state, State::Retracted(_))).count();
    let bytes: u64 = live.iter().map(|memory| u64::from(memory.current.size)).sum();
    let counted = (views.memories.live(), views.memories.retracted(), views.memories.bytes());
    assert_eq!(counted, (live.len(), retracted, bytes));
    for id in (0..8).chain(1 << 10..(1 << 10) + 64).map(MemoryId) {
        assert_eq!(views.memories.get(id), memories.iter().copied().find(|memory| memory.id == id));
    }
    for digest in (0..8).map(Digest) {
        let oldest = live.iter().find(|memory| !memory.named && memory.current.digest == digest);
        assert_eq!(views.memories.by_digest(digest), oldest.copied());
    }
    for memory in &memories {
        assert_eq!(memory.until.is_none(), memory.state == State::Live);
        assert_eq!(views.memories.is_current(memory.id, memory.current.position), memory.state == State::Live);
    }

    let conversations: Vec<_> = views.conversations.iter().collect();
    let live: Vec<_> = conversations.iter().copied().filter(|conversation| conversation.deleted.is_none()).collect();
    let messages = live.iter().map(|conversation| conversation.messages.len() as u64).sum();
    assert_eq!((views.conversations.live(), views.conversations.messages()), (live.len(), messages));
    for id in (0..8).map(ConversationId) {
        let found = conversations.iter().copied().find(|conversation| conversation.id == id);
        assert_eq!(views.conversations.get(id), found);
    }
    for digest in (0..8).map(Digest) {
        let named: Vec<_> = live.iter().copied().filter(|it| it.name.is_some_and(|(name, _)| name == digest)).collect();
        assert!(named.len() <= 1, "a name belongs to one conversation at a time");
        assert_eq!(views.conversations.by_name(digest), named.first().copied());
    }
    let mut seen = BTreeSet::new();
    for conversation in &conversations {
        for (message, index) in conversation.messages.iter().zip(0..) {
            assert!(seen.insert(message.id), "a message is in one conversation, once");
            assert_eq!(views.conversations.by_message(message.id), Some((*conversation, index)));
            assert!(message.parent.is_none_or(|parent| parent < index));
            assert_eq!(conversation.path_to(Some(index)).last().map(|last| last.id), Some(message.id));
        }
    }
    for id in (0..32).map(MessageId).filter(|id| !seen.contains(id)) {
        assert_eq!(views.conversations.by_message(id), None);
    }
    assert_eq!(views.key_values.after("", None).count(), views.key_values.len());
    recount_work(views);
}

/// What the views should say of streams and keys, folded in the plainest way from a log that is possible.
fn check_against_a_naive_fold(views: &Views, log: &[Recorded]) {
    let mut versions: BTreeMap<StreamId, (u32, Position)> = BTreeMap::new();
    let mut keys: BTreeMap<&str, Position> = BTreeMap::new();
    let mut receipts = BTreeMap::new();
    for Recorded { header, event } in log {
        versions.insert(header.stream, (header.version, header.position));
        match event {
            Event::KvSet(event) => drop(keys.insert(&event.key, header.position)),
            Event::KvDeleted(event) => drop(keys.remove(event.key.as_str())),
            _ => {}
        }
        if let Some(key) = header.idempotency {
            receipts.insert(key, (header.stream, header.position));
        }
    }
    assert_eq!(views.streams.len(), versions.len());
    for (stream, expected) in versions {
        assert_eq!(views.streams.get(stream).map(|state| (state.version, state.last)), Some(expected));
    }
    let found: Vec<_> = views.key_values.after("", None).map(|(key, value)| (key, value.position)).collect();
    assert_eq!(found, keys.into_iter().collect::<Vec<_>>());
    assert_eq!(views.idempotency.len(), receipts.len());
    for (key, expected) in receipts {
        assert_eq!(views.idempotency.get(key).map(|receipt| (receipt.stream, receipt.position)), Some(expected));
    }
}

/// At every position: what is saved and loaded saves the same bytes, and folds on to the same digests.
fn check_every_cut(log: &[Recorded]) {
    let mut views = Views::default();
    let mut snapshots = Vec::new();
    for recorded in log {
        snapshots.push(views.save());
        views.apply(recorded);
    }
    let end = views.save();
    for (cut, snapshot) in snapshots.iter().enumerate() {
        let mut resumed = Views::load(snapshot).expect("it was saved by the same version");
        assert!(resumed.save() == *snapshot, "saved, loaded and saved again after {cut} events");
        log[cut..].iter().for_each(|recorded| resumed.apply(recorded));
        assert!(resumed.save() == end, "resumed after {cut} events");
        assert_eq!(resumed.digests(), views.digests());
        assert_eq!(resumed.figures(), views.figures());
        check_against_a_naive_recount(&resumed);
    }
}

/// The log as bytes and back.
fn reread(writer: &Writer) -> Vec<Recorded> {
    let mut bytes = Vec::new();
    for (recorded, body) in writer.log.iter().zip(&writer.bodies) {
        write(&recorded.header, &recorded.event, body.as_deref().unwrap_or_default(), &mut bytes);
    }
    let (mut events, mut rest, mut position) = (Vec::new(), &bytes[..], Position::START);
    while !rest.is_empty() {
        position = position.next();
        let (raw, length) = RawRecord::read(position, rest).expect("it was just written");
        events.push(raw.decode().expect("what is decided can be read again"));
        rest = &rest[length..];
    }
    events
}

fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    /// What is decided is always possible; the log tells the same as the writer's own views, and all that it told is
    /// there when it is read from its bytes.
    #[test]
    fn the_log_folds_to_the_views_of_its_writer(dice in vec(any::<Dice>(), 0..120)) {
        let writer = written(&dice);
        prop_assert_eq!(&writer.views.anomalies, &[]);
        let log = reread(&writer);
        prop_assert!(log == writer.log);
        let mut views = Views::default();
        log.iter().for_each(|recorded| views.apply(recorded));
        prop_assert_eq!(views.digests(), writer.views.digests());
        prop_assert!(views.save() == writer.views.save());
        check_against_a_naive_recount(&writer.views);
        check_against_a_naive_fold(&writer.views, &writer.log);
        check_agents(&writer.views, &writer.log);
        check_attempts(&writer.log);
    }

    /// The same command against the same state comes to the same, also when the state comes from a snapshot.
    #[test]
    fn decisions_are_deterministic(dice in vec(any::<Dice>(), 0..60), last in vec(any::<Dice>(), 1..20)) {
        let writer = written(&dice);
        let loaded = Views::load(&writer.views.save()).expect("it was just saved");
        for dice in last {
            let outcome = |views: &Views| decide(views, submission(dice), Timestamp(1_700_000_000_000), &mut || 77);
            let first = outcome(&writer.views);
            prop_assert_eq!(&outcome(&writer.views), &first);
            prop_assert_eq!(&outcome(&loaded), &first);
        }
    }

    /// A command that was carried out and comes again under its key gets the same place and changes nothing.
    #[test]
    fn a_retried_command_changes_nothing(dice in vec(any::<Dice>(), 1..60), between in vec(any::<Dice>(), 0..20)) {
        let mut writer = written(&dice);
        for last in dice {
            let again = submission(last).keyed(1 << 64);
            let first = writer.submit(again.clone());
            for &dice in &between {
                let _ = writer.submit(submission(dice));
            }
            let (length, figures) = (writer.log.len(), writer.views.figures());
            if let Ok(first) = first && first.events > 0 {
                let second = writer.submit(again).expect("it was carried out before");
                prop_assert_eq!((second.stream, second.position, second.events), (first.stream, first.position, 0));
                prop_assert_eq!((writer.log.len(), writer.views.figures()), (length, figures));
                return Ok(());
            }
        }
    }

    /// A rejection leaves nothing behind.
    #[test]
    fn of_two_commands_that_expect_the_same_version_one_wins(dice in vec(any::<Dice>(), 0..40), id in 0..5_u128) {
        let mut writer = written(&dice);
        let stream = StreamId::from(MemoryId(id));
        let expected = match writer.views.streams.version(stream) {
            0 => ExpectedVersion::NoStream,
            version => ExpectedVersion::Exactly(version),
        };
        let mut won = 0;
        for number in 0..32 {
            let body = memory::Body { content: "new".to_owned(), ..memory::Body::default() };
            let command = Command::Memorize { id: Some(MemoryId(id)), digest: Digest(100 + number), occurred_at: None, body };
            let before = writer.views.save();
            match writer.submit(Submission::new(Actor::User, command).expecting(stream, expected)) {
                Ok(_) => won += 1,
                Err(rejection) => {
                    prop_assert!(matches!(rejection, Rejection::Conflict { .. }), "{}", rejection);
                    prop_assert!(writer.views.save() == before);
                }
            }
        }
        prop_assert_eq!(won, 1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: config().cases / 4, ..config() })]

    #[test]
    fn a_possible_log_can_be_resumed_at_every_position(dice in vec(any::<Dice>(), 0..60)) {
        check_every_cut(&written(&dice).log);
        check_every_cut(&written_likely(&dice).log);
    }

    /// Also what no writer has written is folded without a panic, counted right, and resumed anywhere.
    #[test]
    fn any_events_are_folded_and_can_be_resumed_at_every_position(dice in vec(any::<Dice>(), 0..80)) {
        check_every_cut(&events(&dice));
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn apply_is_total(dice in vec(any::<Dice>(), 0..300)) {
        let mut views = Views::default();
        for recorded in events(&dice) {
            views.apply(&recorded);
        }
        check_against_a_naive_recount(&views);
        prop_assert!(views.anomaly_count >= views.anomalies.len() as u64);
    }
}
