use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use zo_projections::event::memory;
use zo_projections::{Actor, Category, Command, Digest, ExpectedVersion, MemoryId, StreamId};

use super::*;
use crate::disk::blobs::Blobs;
use crate::disk::keys::KeyRing;
use crate::fold;
use crate::store::{Fault, FaultyStore, MemoryStore};
use crate::world::SimulatedWorld;

const HOME: [u8; 16] = [3; 16];

/// A writer on a store that fails where it is told to.
struct Fixture {
    writer: Writer,
    store: Arc<FaultyStore>,
    bodies: Arc<Bodies>,
    world: Arc<SimulatedWorld>,
    _folder: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let keys = KeyRing::open(&folder.path().join("keys"), HOME, false).expect("keys");
        let bodies = Arc::new(Bodies::new(keys, Blobs::new(folder.path().join("blobs"))));
        let store = Arc::new(FaultyStore::new(Arc::new(MemoryStore::new(&HOME))));
        let world = Arc::new(SimulatedWorld::new(1, Timestamp(1_000_000)));
        let writer = Writer::new(store.clone(), bodies.clone(), world.clone(), Views::default());
        Self { writer, store, bodies, world, _folder: folder }
    }

    /// What the next process does after this one has died.
    fn restarted(self) -> Self {
        self.store.reopen();
        let mut views = Views::default();
        let head = self.store.head().position;
        fold::catch_up(&*self.store, &mut views, head, &mut |_| {}).expect("the log folds");
        let writer = Writer::new(self.store.clone(), self.bodies.clone(), self.world.clone(), views);
        Self { writer, ..self }
    }

    fn digests(&self) -> Vec<(&'static str, String)> {
        self.writer.read(Views::digests).expect("the writer is well")
    }

    fn folded_digests(&self) -> Vec<(&'static str, String)> {
        let mut views = Views::default();
        fold::catch_up(&*self.store, &mut views, self.store.head().position, &mut |_| {}).expect("the log folds");
        views.digests()
    }
}

fn memorize(text: &str) -> Submission {
    let digest = Digest(u128::from_le_bytes(*blake3::hash(text.as_bytes()).as_bytes().first_chunk().expect("32")));
    let body = memory::Body { content: text.to_owned(), ..memory::Body::default() };
    Submission::new(Actor::User, Command::Memorize { id: None, digest, occurred_at: None, body })
}

fn supersede(id: MemoryId, text: &str) -> Submission {
    let Command::Memorize { digest, occurred_at, body, .. } = memorize(text).command else { unreachable!() };
    Submission::new(Actor::User, Command::Supersede { id, digest, occurred_at, body })
}

#[test]
fn of_32_concurrent_commands_for_one_thing_in_one_batch_one_wins() {
    let fixture = Fixture::new();
    let first = fixture.writer.submit_one(memorize("the first")).expect("it is memorized");
    let id = MemoryId(first.stream.id);
    let commands =
        (0..32).map(|n| supersede(id, &format!("version {n}")).expecting(first.stream, ExpectedVersion::Exactly(1)));
    let outcomes = fixture.writer.submit(commands.collect());
    let won: Vec<usize> = (0..32).filter(|&n| outcomes[n].is_ok()).collect();
    assert_eq!(won, [0], "the first of the batch wins");
    for outcome in &outcomes[1..] {
        let Err(SubmitError::Rejected(Rejection::Conflict { actual, .. })) = outcome else { panic!("{outcome:?}") };
        assert_eq!(*actual, 2);
    }
    assert_eq!(fixture.store.appends(), 2, "all 32 went into one commit");
    assert_eq!(fixture.digests(), fixture.folded_digests());
}

#[test]
fn of_32_threads_that_want_one_thing_one_wins() {
    let fixture = Fixture::new();
    let first = fixture.writer.submit_one(memorize("the first")).expect("it is memorized");
    let id = MemoryId(first.stream.id);
    let wins: usize = thread::scope(|scope| {
        let threads: Vec<_> = (0..32)
            .map(|n| {
                let command = supersede(id, &format!("version {n}"));
                let command = command.expecting(first.stream, ExpectedVersion::Exactly(1));
                let writer = &fixture.writer;
                scope.spawn(move || usize::from(writer.submit_one(command).is_ok()))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
    });
    assert_eq!(wins, 1);
    assert_eq!(fixture.digests(), fixture.folded_digests());
}

#[test]
fn commands_that_wait_are_committed_together() {
    let fixture = Fixture::new();
    for nth in 1..=200 {
        fixture.store.fail(nth, Fault::Slow(Duration::from_millis(1)));
    }
    thread::scope(|scope| {
        for thread in 0..16 {
            let writer = &fixture.writer;
            scope.spawn(move || {
                for n in 0..25 {
                    writer.submit_one(memorize(&format!("{thread}/{n}"))).expect("it is memorized");
                }
            });
        }
    });
    assert_eq!(fixture.writer.position(), Position(400));
    assert!(fixture.store.appends() < 200, "{} commits for 400 commands", fixture.store.appends());
    assert_eq!(fixture.digests(), fixture.folded_digests());
}

#[test]
fn what_fails_is_not_acknowledged_and_poisons() {
    for fault in [Fault::Before, Fault::After, Fault::Torn { packs: 0 }] {
        let fixture = Fixture::new();
        fixture.writer.submit_one(memorize("kept")).expect("it is memorized");
        fixture.store.fail(2, fault);
        assert!(matches!(fixture.writer.submit_one(memorize("lost?")), Err(SubmitError::Poisoned(_))), "{fault:?}");
        assert!(matches!(fixture.writer.submit_one(memorize("after")), Err(SubmitError::Poisoned(_))), "{fault:?}");
        assert!(fixture.writer.read(|views| views.position).is_err(), "no answer shows what may not be in the log");

        let fixture = fixture.restarted();
        let live = fixture.writer.read(|views| views.memories.live()).expect("the writer is well again");
        assert!(live == 1 || (live == 2 && fault == Fault::After), "{fault:?}: {live}");
        fixture.writer.submit_one(memorize("goes on")).expect("it is memorized");
        assert_eq!(fixture.digests(), fixture.folded_digests());
    }
}

#[test]
fn a_command_sent_again_under_its_key_gets_the_first_result() {
    let fixture = Fixture::new();
    let set = |value: &str| {
        let command = Command::SetKey { id: 7, key: "k".to_owned(), value: value.to_owned() };
        Submission::new(Actor::User, command).keyed(99)
    };
    let first = fixture.writer.submit_one(set("a")).expect("it is set");
    fixture.writer.submit_one(memorize("in between")).expect("it is memorized");
    let again = fixture.writer.submit_one(set("a")).expect("it was set");
    assert_eq!((again.stream, again.position, again.events), (first.stream, first.position, 0));
    let fixture = fixture.restarted();
    let again = fixture.writer.submit_one(set("a")).expect("it was set before the restart");
    assert_eq!((again.stream, again.position, again.events), (first.stream, first.position, 0));
    assert_eq!(fixture.writer.position(), Position(2));
}

#[test]
fn an_answer_waits_for_what_it_could_have_seen() {
    let fixture = Fixture::new();
    fixture.store.fail(1, Fault::Slow(Duration::from_millis(200)));
    let durable = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            fixture.writer.submit_one(memorize("slow")).expect("it is memorized");
            durable.store(true, Ordering::SeqCst);
        });
        let until = Instant::now() + Duration::from_secs(10);
        while Instant::now() < until {
            let seen = fixture.writer.read(|views| views.position).expect("the writer is well");
            if seen == Position(1) {
                assert_eq!(fixture.store.head().position, Position(1), "an answer was released before the log had it");
                return;
            }
        }
        panic!("the commit never came");
    });
}

#[test]
fn recorded_time_never_goes_back() {
    let fixture = Fixture::new();
    fixture.writer.submit_one(memorize("at noon")).expect("it is memorized");
    fixture.world.set_now(Timestamp(5));
    fixture.writer.submit_one(memorize("the clock was set back")).expect("it is memorized");
    assert_eq!(fixture.writer.read(|views| views.at).expect("well"), Timestamp(1_000_000));
    let packs = fixture.store.read(Position(1), usize::MAX).expect("packs");
    for record in packs.iter().flat_map(Pack::records) {
        assert_eq!(record.expect("whole").header.at, Timestamp(1_000_000));
    }
}

#[test]
fn a_large_body_goes_to_the_blob_store_and_comes_back() {
    let fixture = Fixture::new();
    let mut noise = crate::bench::Noise::new(4);
    let text: String = (0..400_000).map(|_| char::from(b'a' + u8::try_from(noise.below(26)).expect("small"))).collect();
    fixture.writer.submit_one(memorize(&text)).expect("it is memorized");
    assert_eq!(fixture.bodies.blobs().list().expect("list").len(), 1);
    let store: Arc<dyn Store> = fixture.store.clone();
    let event = crate::reader::Reader::new(store, fixture.bodies.clone()).event(Position(1)).expect("it is there");
    let body: memory::Body = event.body().expect("a body").expect("it opens");
    assert_eq!(body.content, text);
}

#[test]
fn one_command_is_never_split_over_two_packs() {
    let fixture = Fixture::new();
    let stream = StreamId::new(Category::Job, 1);
    let commands = (0..1000).map(|_| {
        let filling = vec![7; 300];
        Submission::new(Actor::Client, Command::AppendPlaceholder { stream, stands_for: "x".to_owned(), filling })
    });
    fixture.writer.submit(commands.collect());
    let packs = fixture.store.read(Position(1), usize::MAX).expect("packs");
    assert!(packs.len() > 5, "{} packs", packs.len());
    assert!(packs.iter().all(|pack| pack.bytes().len() < TARGET_BYTES + 1000));
}
