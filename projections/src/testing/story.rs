//! One fixed sequence in which every kind of event happens, and samples of every kind. Both are frozen with the golden
//! files that come of them: add at the end, and change nothing.

use crate::command::{NewMessage, Parent};
use crate::event::conversation::{MessageAdded, MessageBody, Role};
use crate::event::{Event, bench, conversation, home, kv, memory, run};
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
    run::Started { conversation: ConversationId(1), question: MessageId(question), model: "offline".to_owned() }
}

fn recalled() -> run::Recalled {
    let passage = |memory, position, score| run::Passage {
        memory: MemoryId(memory),
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
    run::Finished { answer: MessageId(12), model: "anthropic/claude".to_owned(), usage }
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
    ];
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
    ]
}
