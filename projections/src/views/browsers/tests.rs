//! Browser sessions: which there are, and what was done in them.

use super::*;
use crate::event::browser::{ActBegun, Acted, ArtifactKept, Closed, Opened, Removed};
use crate::ids::StreamId;
use crate::testing::{assert_lines, fold};

fn opened(guarded: bool) -> Event {
    Opened { name: "main".to_owned(), guarded, ..Opened::default() }.into()
}

fn begun() -> Event {
    ActBegun { act: "click".to_owned(), changes: true, run: None }.into()
}

fn acted(begun: u64, outcome: ActOutcome) -> Event {
    Acted { begun: Position(begun), outcome, took_ms: 1, pages: 1 }.into()
}

fn done(begun: u64) -> Event {
    acted(begun, ActOutcome::Done)
}

/// Folds events of one session; what is known of it, and the anomalies.
fn check(events: &[Event], expected: &str) {
    let events: Vec<_> = events.iter().map(|event| (StreamId::from(BrowserId(1)), event.clone())).collect();
    let (browsers, anomalies) = fold::<Browsers>(&events);
    let mut text = String::new();
    for (id, browser) in browsers.iter() {
        assert_eq!((browsers.get(id), browser.name.as_str()), (Some(browser), "main"));
        text += if browser.open { "open" } else { "closed" };
        text += if browser.guarded { " guarded" } else { "" };
        text += &format!(" opened@{} closed@{} at {}", browser.opened, browser.closed, browser.at.0);
        if !browser.only_hosts.is_empty() {
            text += &format!(" only {:?}", browser.only_hosts);
        }
        for act in &browser.acts {
            text += &format!(", {}", act.begun);
            text += &act.ended.map_or(String::new(), |(ended, outcome)| format!("-{ended} {outcome:?}"));
        }
        text += &browser.pages.map_or(String::new(), |pages| format!(", pages@{pages}"));
        text += &browser.under_way().map_or(String::new(), |begun| format!(", under way {begun}"));
        text += "\n";
    }
    assert_lines(&(text + &anomalies), expected);
}

#[test]
fn what_is_done_begins_and_ends() {
    check(&[opened(true)], "open guarded opened@1 closed@0 at 1");
    check(&[opened(false), begun()], "open opened@1 closed@0 at 2, 2, under way 2");
    check(&[opened(false), begun(), done(2)], "open opened@1 closed@0 at 3, 2-3 Done, pages@3");
    let kept: Event = ArtifactKept { begun: Position(2), media_type: "image/png".to_owned(), size: 1 }.into();
    check(&[opened(false), begun(), kept, done(2)], "open opened@1 closed@0 at 4, 2-4 Done, pages@4");
}

#[test]
fn what_may_be_reached_is_as_was_said_last_and_pages_stay_open() {
    let only = Opened { name: "main".to_owned(), only_hosts: vec!["a.b".to_owned()], ..Opened::default() };
    let events = [opened(false), begun(), done(2), only.into()];
    check(&events, "open opened@4 closed@0 at 4 only [\"a.b\"], 2-3 Done, pages@3");
    check(&[&events[..], &[opened(false)]].concat(), "open opened@5 closed@0 at 5, 2-3 Done, pages@3");
}

#[test]
fn what_was_interrupted_leaves_the_pages_as_they_were_known() {
    let first = [opened(false), begun(), done(2), begun()];
    let interrupted = [&first[..], &[acted(4, ActOutcome::Interrupted)]].concat();
    check(&interrupted, "open opened@1 closed@0 at 5, 2-3 Done, 4-5 Interrupted, pages@3");
    let failed = [&first[..], &[acted(4, ActOutcome::Failed)]].concat();
    check(&failed, "open opened@1 closed@0 at 5, 2-3 Done, 4-5 Failed, pages@5");
}

#[test]
fn a_session_that_was_closed_is_opened_without_its_pages() {
    let closed = [opened(false), begun(), done(2), Closed {}.into()];
    check(&closed, "closed opened@1 closed@4 at 4, 2-3 Done");
    check(&[&closed[..], &[opened(false)]].concat(), "open opened@5 closed@4 at 5, 2-3 Done");
    check(&[&closed[..], &[Removed {}.into()]].concat(), "");
}

#[test]
fn what_is_not_possible_is_an_anomaly() {
    check(&[begun()], "!1 there is no browser session 1");
    check(
        &[opened(false), begun(), done(1)],
        "open opened@1 closed@0 at 2, 2, under way 2
         !3 it does nothing that began at position 1",
    );
}
