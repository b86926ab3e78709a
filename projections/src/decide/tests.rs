//! What holds for every command: the keys it comes under, the version it expects, the limits.

use super::*;
use crate::command::{Name, NewAgent};
use crate::event::conversation::{Compacted, ToolCall};
use crate::event::memory::Body;
use crate::event::run::agent::{Agent, Budget, Effect, Intent, Replied, ReplyBody};
use crate::event::run::{Account, Called, KeyOrigin, RequestBody, Source, Usage};
use crate::event::skill::Origin;
use crate::ids::{Category, ConversationId, Digest, MemoryId, MessageId, RunId};
use crate::record::Actor;
use crate::testing::{Writer, assert_lines, digest_of, message};

fn memorize(id: u128, content: &str) -> Submission {
    let body = Body { content: content.to_owned(), ..Body::default() };
    let id = Some(MemoryId(id));
    Submission::new(Actor::User, Command::Memorize { id, digest: digest_of(content), occurred_at: None, body })
}

fn stream(id: u128) -> StreamId {
    MemoryId(id).into()
}

/// What each of some submissions comes to; what is said of bodies is left out.
fn check(submissions: Vec<Submission>, expected: &str) {
    let mut writer = Writer::default();
    let mut text = String::new();
    for submission in submissions {
        for line in writer.tell(submission).lines() {
            text += line.split(" |").next().unwrap_or_default();
            text += "\n";
        }
    }
    assert_eq!(writer.views.anomalies, [], "what was decided is possible");
    assert_lines(&text, expected);
}

#[test]
fn a_command_under_a_known_key_gets_the_first_result() {
    check(
        vec![
            memorize(1, "tea").keyed(5),
            memorize(1, "mint"),
            memorize(1, "tea").keyed(5),
            memorize(2, "other").keyed(5),
            // Also what would now be refused: it was carried out.
            memorize(1, "tea").keyed(5).expecting(stream(1), ExpectedVersion::NoStream),
            memorize(1, "").keyed(5),
        ],
        "1 memory/1 v1 memory.memorized digest=746561 named=true size=3
         2 memory/1 v2 memory.superseded digest=6d696e74 size=4
         already: memory/1 at 1
         already: memory/1 at 1
         already: memory/1 at 1
         already: memory/1 at 1",
    );
}

#[test]
fn the_result_of_a_command_of_several_events_is_that_of_the_last() {
    let name = Some(Name { digest: digest_of("trip"), text: "trip".to_owned() });
    let (conversation, run) = (ConversationId(1), RunId(3));
    let ask = Command::Ask {
        conversation,
        name,
        message: message(9, "why?"),
        files: Vec::new(),
        run,
        model: "offline".to_owned(),
        request: RequestBody::default(),
        agent: None,
    };
    let ask = Submission::new(Actor::User, ask).keyed(5);
    check(
        vec![ask.clone(), memorize(1, "tea"), ask],
        "1 conversation/1 v1 conversation.started name=74726970
         2 conversation/1 v2 conversation.message_added message=9 role=user size=4 tool_calls=0 selected=true
         3 run/3 v1 run.started conversation=1 question=9 model=offline
         4 memory/1 v1 memory.memorized digest=746561 named=true size=3
         already: run/3 at 3",
    );
}

#[test]
fn a_rejected_command_does_not_use_up_its_key() {
    check(
        vec![memorize(1, "").keyed(5), memorize(1, "tea").keyed(5), memorize(1, "tea").keyed(5)],
        "rejected: the content: it is empty
         1 memory/1 v1 memory.memorized digest=746561 named=true size=3
         already: memory/1 at 1",
    );
}

#[test]
fn a_command_is_carried_out_only_at_the_version_it_expects() {
    use ExpectedVersion::{Exactly, NoStream};
    check(
        vec![
            memorize(1, "a").expecting(stream(1), Exactly(1)),
            memorize(1, "a").expecting(stream(1), NoStream),
            memorize(1, "b").expecting(stream(1), NoStream),
            memorize(1, "b").expecting(stream(1), Exactly(2)),
            memorize(1, "b").expecting(stream(1), Exactly(1)),
            memorize(2, "c").expecting(stream(1), Exactly(2)),
            memorize(3, "d").expecting(stream(3), Exactly(0)),
        ],
        "rejected: memory/1 is at version 0, and the command was meant for version 1
         1 memory/1 v1 memory.memorized digest=61 named=true size=1
         rejected: memory/1 is at version 1, and the command was meant for no stream
         rejected: memory/1 is at version 1, and the command was meant for version 2
         2 memory/1 v2 memory.superseded digest=62 size=1
         3 memory/2 v1 memory.memorized digest=63 named=true size=1
         4 memory/3 v1 memory.memorized digest=64 named=true size=1",
    );
}

#[test]
fn of_32_commands_that_expect_the_same_version_one_wins() {
    for expected in [ExpectedVersion::NoStream, ExpectedVersion::Exactly(1)] {
        let mut writer = Writer::default();
        if expected == ExpectedVersion::Exactly(1) {
            writer.submit(memorize(1, "first")).expect("it is new");
        }
        let outcomes: Vec<_> = (0..32)
            .map(|number| writer.submit(memorize(1, &format!("content {number}")).expecting(stream(1), expected)))
            .collect();
        let won = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        let conflicts = outcomes.iter().filter(|outcome| matches!(outcome, Err(Rejection::Conflict { .. }))).count();
        assert_eq!((won, conflicts), (1, 31));
        assert!(outcomes[0].is_ok(), "the first one is decided first");
        let memory = writer.views.memories.get(MemoryId(1)).expect("one won");
        assert_eq!(memory.current.digest, digest_of("content 0"));
    }
}

#[test]
fn a_home_is_created_first_and_once() {
    let create = |version: &str| Submission::new(Actor::Engine, Command::CreateHome { zo_version: version.to_owned() });
    check(
        vec![create(&"1".repeat(1025)), create("0.1.0"), create("0.1.0")],
        "rejected: the version: 1025 bytes are more than the 1024 that one may have
         1 home/0 v1 home.created zo_version=0.1.0
         rejected: the home: it was created before",
    );
}

#[test]
fn a_placeholder_has_no_more_bytes_than_can_be_read_again() {
    let placeholder = |name: &str, length: usize| {
        let (stream, stands_for) = (StreamId::new(Category::Job, 1), name.to_owned());
        Submission::new(Actor::Engine, Command::AppendPlaceholder { stream, stands_for, filling: vec![0; length] })
    };
    check(
        vec![
            placeholder("job.submitted", MAX_FILLING_BYTES),
            placeholder("a", MAX_FILLING_BYTES + 1),
            placeholder("", 1),
        ],
        "1 job/1 v1 bench.placeholder stands_for=job.submitted
         rejected: the filling: 61441 bytes are more than the 61440 that one may have
         rejected: what it stands for: it is empty",
    );
}

/// What is at every limit at once is still an event that can be read.
#[test]
fn the_longest_events_can_be_read_again() {
    let name = "ä".repeat(MAX_NAME_BYTES / 2);
    let text_of = |text: &str| Name { digest: Digest(1), text: text.to_owned() };
    let mut question = message(9, "why?");
    question.model = Some(name.clone());
    let passage = crate::event::run::Passage {
        source: Source::Memory(MemoryId(u128::MAX)),
        position: Position(u64::MAX),
        score: 1.0,
        coverage: 1.0,
        cosine: Some(1.0),
    };
    let placeholder = Command::AppendPlaceholder {
        stream: StreamId::new(Category::Job, 1),
        stands_for: name.clone(),
        filling: vec![0xFF; MAX_FILLING_BYTES],
    };
    let ask = Command::Ask {
        conversation: ConversationId(1),
        name: Some(text_of(&name)),
        message: question,
        files: Vec::new(),
        run: RunId(1),
        model: name.clone(),
        request: RequestBody::default(),
        agent: None,
    };
    let agent = NewAgent {
        agent: Agent { parent: None, depth: u32::MAX, budget: Budget { steps: MAX_STEPS, ..Budget::default() } },
        ..NewAgent::default()
    };
    let agent = Command::Answer {
        conversation: ConversationId(1),
        question: MessageId(9),
        run: RunId(2),
        model: name.clone(),
        request: RequestBody::default(),
        agent: Some(Box::new(agent)),
    };
    let called = Called {
        model: name.clone(),
        key: KeyOrigin::Environment,
        messages: u32::MAX,
        left_out: u32::MAX,
        passages: u32::MAX,
        input_tokens: u64::MAX,
        budget: u64::MAX,
    };
    let tool = "a".repeat(MAX_TOOL_BYTES);
    let intent = Intent { tool: tool.clone(), effect: Effect::Once, digest: Digest(u128::MAX) };
    let (usage, account) = (Usage::default(), Account::default());
    let replied = Replied { model: name.clone(), usage, account, calls: vec![intent; MAX_CALLS] };
    let tool_call = ToolCall { id: name.clone(), name: tool, arguments: "{}".to_owned() };
    let body = ReplyBody { text: String::new(), tool_calls: vec![tool_call; MAX_CALLS] };
    let compacted = Compacted { from: MessageId(9), through: MessageId(9), messages: 0, model: name.clone(), usage };
    let seen = Command::RecordSkillVersion {
        id: 1,
        name: name.clone(),
        origin: Origin::Shipped,
        version: Digest(u128::MAX),
        folder: name.clone(),
    };
    let commands = [
        Command::CreateHome { zo_version: name.clone() },
        ask,
        Command::RecordRecall { run: RunId(1), passages: vec![passage; MAX_PASSAGES], indexed: Position(u64::MAX) },
        Command::SetKey { id: 1, key: name.clone(), value: String::new() },
        agent,
        Command::RecordCall { run: RunId(2), called },
        Command::RecordReply { run: RunId(2), replied, body },
        Command::RecordSkillUse { run: RunId(2), name: name.clone(), version: Digest(1), seen: Position(u64::MAX) },
        Command::AddRule { rule: name.clone() },
        seen,
        Command::Compact { conversation: ConversationId(1), compacted, summary: String::new() },
        placeholder,
    ];
    let mut writer = Writer::default();
    for command in commands {
        writer.run(command).expect("it is within the limits");
    }
    for recorded in &writer.log {
        let mut bytes = Vec::new();
        recorded.event.encode(&mut bytes);
        let event = Event::decode(recorded.event.kind(), recorded.event.schema(), &bytes);
        assert_eq!(event.as_ref(), Ok(&recorded.event));
    }
}
