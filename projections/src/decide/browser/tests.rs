//! What can be told of browser sessions.

use super::*;
use crate::command::Command;
use crate::event::browser::ActOutcome;
use crate::testing::{assert_lines, told};

fn open_as(name: &str, guarded: bool) -> Command {
    Command::OpenBrowser {
        browser: BrowserId(1),
        opened: Opened { name: name.to_owned(), guarded, ..Opened::default() },
    }
}

fn open() -> Command {
    open_as("main", false)
}

fn begin(act: &str) -> Command {
    let begun = ActBegun { act: act.to_owned(), changes: true, run: None };
    Command::BeginAct { browser: BrowserId(1), begun, body: ActBody { act: "{}".to_owned() } }
}

fn end(begun: u64, artifacts: usize) -> Command {
    let acted = Acted { begun: Position(begun), outcome: ActOutcome::Done, took_ms: 3, pages: 1 };
    let body = Box::new(ActedBody { url: "https://example.org/".to_owned(), ..ActedBody::default() });
    let picture = ("image/png".to_owned(), ArtifactBody { name: "page.png".to_owned(), bytes: vec![1, 2] });
    Command::EndAct { browser: BrowserId(1), acted, body, artifacts: vec![picture; artifacts] }
}

const CLOSE: Command = Command::CloseBrowser { browser: BrowserId(1) };
const REMOVE: Command = Command::RemoveBrowser { browser: BrowserId(1) };

/// What the last command comes to.
fn check(commands: &[Command], expected: &str) {
    assert_lines(&told(commands), expected);
}

#[test]
fn a_session_is_opened_once_and_again_when_it_was_closed() {
    check(&[open()], "1 browser/1 v1 browser.opened name=main");
    check(&[open(), open()], "already: browser/1 at 1");
    check(&[open(), CLOSE, open()], "3 browser/1 v3 browser.opened name=main");
    check(&[open(), CLOSE, CLOSE], "already: browser/1 at 2");
    check(&[CLOSE], "rejected: there is no browser session 1");
}

#[test]
fn what_a_session_may_reach_is_said_anew() {
    let denying = |host: &str| {
        let opened = Opened { name: "main".to_owned(), deny_hosts: vec![host.to_owned()], ..Opened::default() };
        Command::OpenBrowser { browser: BrowserId(1), opened }
    };
    check(&[open(), denying("a.b")], "2 browser/1 v2 browser.opened name=main deny_hosts=[a.b]");
    check(&[denying("a.b"), denying("a.b")], "already: browser/1 at 1");
    check(&[denying(&"x".repeat(101))], "rejected: a host: 101 bytes are more than the 100 that one may have");
}

#[test]
fn a_name_is_fit_for_a_folder() {
    check(&[open_as("clerk@work-2.x_y", true)], "1 browser/1 v1 browser.opened name=clerk@work-2.x_y guarded=true");
    let fits = "letters, digits, - _ . @ will do";
    check(&[open_as("a/b", false)], &format!("rejected: the name of the session: it has '/' in it; {fits}"));
    check(&[open_as("..", false)], "rejected: the name of the session: it begins with a dot");
    check(&[open_as("", false)], "rejected: the name of the session: it is empty");
    check(
        &[open_as(&"x".repeat(65), false)],
        "rejected: the name of the session: 65 bytes are more than the 64 that one may have",
    );
}

#[test]
fn who_uses_a_session_never_changes() {
    check(&[open(), open_as("main", true)], "rejected: browser session main is not for agents");
    check(&[open_as("main", true), CLOSE, open()], "rejected: browser session main is for agents");
    check(&[open(), REMOVE, open_as("main", true)], "3 browser/1 v3 browser.opened name=main guarded=true");
}

#[test]
fn one_thing_is_done_at_a_time_and_ends_once() {
    check(&[open(), begin("click")], "2 browser/1 v2 browser.act_begun act=click changes=true | act={}");
    let busy = "rejected: browser session main is busy with what began at position 2";
    check(&[open(), begin("click"), begin("read")], busy);
    check(&[open(), begin("click"), REMOVE], busy);
    check(&[open(), begin("click"), CLOSE], busy);
    let done = "v3 browser.acted begun=2 outcome=done took_ms=3 pages=1 | url=https://example.org/ title= front=0";
    check(&[open(), begin("click"), end(2, 0)], &format!("3 browser/1 {done}"));
    let nothing = "rejected: browser session main does nothing that began at position 2";
    check(&[open(), begin("click"), end(2, 0), end(2, 0)], nothing);
    check(&[open(), begin("click"), end(1, 0)], &nothing.replace('2', "1"));
    check(&[open(), CLOSE, begin("click")], "rejected: browser session main is closed");
    check(&[open(), begin("")], "rejected: the act: it is empty");
}

#[test]
fn what_it_gave_is_kept_in_the_same_commit() {
    check(
        &[open(), begin("screenshot"), end(2, 2)],
        "3 browser/1 v3 browser.artifact_kept begun=2 media_type=image/png size=2 | name=page.png
         4 browser/1 v4 browser.artifact_kept begun=2 media_type=image/png size=2 | name=page.png
         5 browser/1 v5 browser.acted begun=2 outcome=done took_ms=3 pages=1 | url=https://example.org/ title= front=0",
    );
    check(&[open(), begin("x"), end(2, 101)], "rejected: artifacts: 101 are more than the 100 that there may be");
}
