//! The part of the story that is about browser sessions.

use crate::event::Event;
use crate::event::browser::{ActBegun, ActOutcome, Acted, ArtifactKept, Closed, Opened, Removed};
use crate::ids::{BrowserId, Position, RunId, StreamId};

fn opened(name: &str, guarded: bool) -> Opened {
    Opened { name: name.to_owned(), guarded, ..Opened::default() }
}

fn begun(act: &str, changes: bool, run: Option<u128>) -> ActBegun {
    ActBegun { act: act.to_owned(), changes, run: run.map(RunId) }
}

fn acted(begun: u64, outcome: ActOutcome) -> Acted {
    Acted { begun: Position(begun), outcome, took_ms: 12, pages: 1 }
}

fn kept(begun: u64) -> ArtifactKept {
    ArtifactKept { begun: Position(begun), media_type: "image/png".to_owned(), size: 4 }
}

/// What happens behind the position `before`, each with its stream and the version it has there.
pub(super) fn events(before: u64) -> Vec<(StreamId, u32, Event)> {
    let session = |id: u128| StreamId::from(BrowserId(id));
    vec![
        (session(1), 1, opened("main", false).into()),
        (session(1), 2, begun("open", true, None).into()),
        (session(1), 3, acted(before + 2, ActOutcome::Done).into()),
        (session(1), 4, begun("screenshot", false, None).into()),
        (session(1), 5, kept(before + 4).into()),
        (session(1), 6, acted(before + 4, ActOutcome::Done).into()),
        (session(2), 1, opened("clerk", true).into()),
        (session(2), 2, begun("click", true, Some(5)).into()),
        (session(2), 3, acted(before + 8, ActOutcome::Failed).into()),
        (session(2), 4, begun("fill", true, Some(5)).into()),
        (session(2), 5, acted(before + 10, ActOutcome::Interrupted).into()),
        (session(2), 6, Closed {}.into()),
        (session(3), 1, opened("gone", false).into()),
        (session(3), 2, Removed {}.into()),
        (session(4), 1, opened("busy", false).into()),
        (session(4), 2, begun("wait", false, None).into()),
        (session(5), 1, opened("shut", false).into()),
        (session(5), 2, Closed {}.into()),
    ]
}

/// Events of every kind; of those with optional fields one with all and one with none.
pub(super) fn samples() -> Vec<Event> {
    let outcomes = [ActOutcome::Done, ActOutcome::Failed, ActOutcome::Interrupted];
    let one_by_one = vec![
        opened("main", false).into(),
        Opened {
            only_hosts: vec!["*.example.org".to_owned(), "127.0.0.1:8080".to_owned()],
            deny_hosts: vec!["ads.example.org".to_owned()],
            ..opened("clerk", true)
        }
        .into(),
        begun("open", true, None).into(),
        begun("read", false, Some(7)).into(),
        kept(3).into(),
        Closed {}.into(),
        Removed {}.into(),
    ];
    outcomes.into_iter().map(|outcome| acted(3, outcome).into()).chain(one_by_one).collect()
}
