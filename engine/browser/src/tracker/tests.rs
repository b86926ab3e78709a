use serde_json::{Value, json};

use super::*;

fn tracker() -> Tracker {
    let options = SessionOptions { download_limit: 100, ..SessionOptions::new("p", "profile", "downloads") };
    let mut tracker = Tracker::new(&options, "incoming".into(), DialogPolicy::default(), 1);
    tracker.expect_tab(Some(1));
    let page = json!({ "sessionId": "s1", "targetInfo": { "type": "page", "targetId": "t1", "url": "about:blank" } });
    happens(&mut tracker, None, "Target.attachedToTarget", page);
    tracker
}

/// What is said to the browser, and what else comes of an event.
fn happens(tracker: &mut Tracker, session: Option<&str>, method: &str, params: Value) -> Vec<String> {
    let event = Event { method: method.to_owned(), session: session.map(str::to_owned), params };
    let line = |reaction| match reaction {
        Reaction::Send(command) => format!("{} {}", command.method, command.params),
        Reaction::Lost(session) => format!("lost {session}"),
        Reaction::Keep(finished) => format!("keep {} {}", finished.guid, finished.suggested_name),
    };
    tracker.apply(&event).into_iter().map(line).collect()
}

fn navigated(tracker: &mut Tracker, frame: &str, parent: Option<&str>, loader: &str, url: &str) -> Vec<String> {
    let frame = json!({ "id": frame, "parentId": parent, "loaderId": loader, "url": url });
    happens(tracker, Some("s1"), "Page.frameNavigated", json!({ "frame": frame, "type": "Navigation" }))
}

#[test]
fn a_tab_that_was_not_asked_for_is_a_pop_up_and_runs_once_it_is_set_up() {
    let mut tracker = tracker();
    assert!(tracker.take_notes().is_empty());
    let page =
        json!({ "sessionId": "s2", "targetInfo": { "type": "page", "targetId": "t2", "url": "", "openerId": "t1" } });
    let said = happens(&mut tracker, None, "Target.attachedToTarget", page);
    assert!(said.last().unwrap().starts_with("Runtime.runIfWaitingForDebugger"), "{said:?}");
    happens(
        &mut tracker,
        None,
        "Target.targetInfoChanged",
        json!({ "targetInfo": { "targetId": "t2", "url": "http://x/", "title": "X" } }),
    );
    assert_eq!(tracker.take_notes(), [Note::PopUp { tab: 2, url: "http://x/".to_owned() }]);
    assert_eq!(tracker.active, Some(1));
    assert_eq!(happens(&mut tracker, None, "Target.detachedFromTarget", json!({ "sessionId": "s2" })), ["lost s2"]);
    assert_eq!(tracker.take_notes(), [Note::TabClosed { tab: 2, url: "http://x/".to_owned() }]);
}

#[test]
fn frames_come_go_and_move_and_are_told_in_order() {
    let mut tracker = tracker();
    navigated(&mut tracker, "t1", None, "l1", "http://x/");
    for frame in ["b", "a"] {
        happens(&mut tracker, Some("s1"), "Page.frameAttached", json!({ "frameId": frame, "parentFrameId": "t1" }));
    }
    navigated(&mut tracker, "c", Some("b"), "l2", "http://x/c");
    let ids = |tracker: &Tracker| {
        tracker.tabs[&1]
            .frames_in_order()
            .into_iter()
            .map(|(id, frame)| format!("{id}:{}", frame.session))
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(&tracker), ["t1:s1", "b:s1", "c:s1", "a:s1"]);
    happens(&mut tracker, Some("s1"), "Page.frameDetached", json!({ "frameId": "a", "reason": "swap" }));
    let moved = json!({ "sessionId": "s9", "targetInfo": { "type": "iframe", "targetId": "a", "parentFrameId": "t1", "url": "http://y/" } });
    happens(&mut tracker, Some("s1"), "Target.attachedToTarget", moved);
    happens(&mut tracker, Some("s1"), "Page.frameDetached", json!({ "frameId": "b", "reason": "remove" }));
    assert_eq!(ids(&tracker), ["t1:s1", "a:s9"]);
    navigated(&mut tracker, "t1", None, "l3", "http://x/2");
    assert_eq!(ids(&tracker), ["t1:s1"]);
}

#[test]
fn a_frame_that_crashes_is_gone_and_its_page_lives_on_but_a_page_that_crashes_is_known_to_have() {
    let mut tracker = tracker();
    navigated(&mut tracker, "t1", None, "l1", "http://x/");
    let inner = json!({ "sessionId": "s9", "targetInfo": { "type": "iframe", "targetId": "a", "parentFrameId": "t1", "url": "http://y/" } });
    happens(&mut tracker, Some("s1"), "Target.attachedToTarget", inner);
    let crash = |target: &str| json!({ "targetId": target, "status": "crashed", "errorCode": 5 });
    assert_eq!(happens(&mut tracker, None, "Target.targetCrashed", crash("a")), ["lost s9"]);
    assert_eq!((tracker.tabs[&1].frames.len(), tracker.tabs[&1].crashed.as_deref()), (1, None));
    assert_eq!(happens(&mut tracker, None, "Target.targetCrashed", crash("t1")), ["lost s1"]);
    assert_eq!(tracker.tabs[&1].crashed.as_deref(), Some("crashed (code 5)"));
}

#[test]
fn a_page_that_may_not_be_shown_is_left_and_told() {
    let mut tracker = tracker();
    assert!(navigated(&mut tracker, "t1", None, "l1", "blob:http://x/1").is_empty());
    assert!(
        navigated(&mut tracker, "f", Some("t1"), "l1", "data:text/html,x").is_empty(),
        "frames are the page's own business"
    );
    assert_eq!(
        navigated(&mut tracker, "t1", None, "l2", "file:///etc/passwd"),
        ["Page.navigate {\"url\":\"about:blank\"}"]
    );
    assert!(matches!(&tracker.take_notes()[..], [Note::Blocked { url, .. }] if url == "file:///etc/passwd"));
}

#[test]
fn loading_is_followed_by_document() {
    let mut tracker = tracker();
    let state = |tracker: &Tracker| {
        let tab = &tracker.tabs[&1];
        (tab.loading.under_way, tab.loading.has(tab.document(), "load"))
    };
    happens(&mut tracker, Some("s1"), "Page.frameStartedLoading", json!({ "frameId": "t1" }));
    navigated(&mut tracker, "t1", None, "l1", "http://x/");
    assert_eq!(state(&tracker), (true, false));
    happens(
        &mut tracker,
        Some("s1"),
        "Page.lifecycleEvent",
        json!({ "frameId": "t1", "loaderId": "l1", "name": "load" }),
    );
    happens(&mut tracker, Some("s1"), "Page.frameStoppedLoading", json!({ "frameId": "t1" }));
    assert_eq!(state(&tracker), (false, true));
    navigated(&mut tracker, "t1", None, "l2", "http://x/");
    assert_eq!(state(&tracker), (false, false), "what the document before had reached does not count");
    let request = json!({ "requestId": "r", "type": "Image", "request": { "url": "http://x/i" } });
    happens(&mut tracker, Some("s1"), "Network.requestWillBeSent", request);
    assert_eq!(
        (tracker.tabs[&1].loading.waits_for(), tracker.tabs[&1].loading.idle_since()),
        (Some("http://x/i"), None)
    );
    happens(&mut tracker, Some("s1"), "Network.loadingFinished", json!({ "requestId": "r" }));
    assert!(tracker.tabs[&1].loading.idle_since().is_some());
}

#[test]
fn dialogs_are_answered_by_policy_and_leaving_is_never_refused() {
    let mut tracker = tracker();
    let mut ask = |policy: DialogPolicy, kind: &str| {
        tracker.dialogs = policy;
        let params = json!({ "type": kind, "message": "m", "defaultPrompt": "d" });
        happens(&mut tracker, Some("s1"), "Page.javascriptDialogOpening", params).remove(0)
    };
    let accept = |text: Option<&str>| DialogPolicy::Accept { text: text.map(str::to_owned) };
    assert!(ask(DialogPolicy::default(), "confirm").ends_with(r#"{"accept":false}"#));
    assert!(ask(DialogPolicy::default(), "beforeunload").ends_with(r#"{"accept":true}"#));
    assert!(ask(accept(Some("t")), "prompt").ends_with(r#"{"accept":true,"promptText":"t"}"#));
    assert!(ask(accept(None), "prompt").ends_with(r#"{"accept":true,"promptText":"d"}"#));
    assert!(ask(accept(Some("t")), "confirm").ends_with(r#"{"accept":true}"#));
    assert_eq!(tracker.take_notes().len(), 5);
}

#[test]
fn a_download_is_kept_when_it_is_complete_and_ended_when_it_is_too_large() {
    let mut tracker = tracker();
    for guid in ["g", "h"] {
        happens(
            &mut tracker,
            None,
            "Browser.downloadWillBegin",
            json!({ "guid": guid, "url": "http://x/f", "suggestedFilename": "f" }),
        );
    }
    let mut progress = |guid: &str, received: u32, state: &str| {
        happens(
            &mut tracker,
            None,
            "Browser.downloadProgress",
            json!({ "guid": guid, "receivedBytes": received, "totalBytes": 0, "state": state }),
        )
    };
    assert!(progress("g", 100, "inProgress").is_empty());
    assert_eq!(progress("g", 100, "completed"), ["keep g f"]);
    assert_eq!(progress("h", 101, "inProgress"), [r#"Browser.cancelDownload {"guid":"h"}"#]);
    assert!(progress("h", 102, "inProgress").is_empty(), "once is enough");
    progress("h", 102, "canceled");
    assert!(
        matches!(&tracker.ended_downloads["h"], Err((ActErrorKind::TooLarge, reason)) if reason == "it has 101 bytes, and may have 100")
    );
}

#[test]
fn an_answer_that_is_to_be_stored_goes_on_as_a_file_with_the_name_it_had() {
    let mut tracker = tracker();
    tracker.forced.insert("s1".to_owned(), Forced::default());
    let mut paused = |status: u32, headers: Value| {
        let params = json!({ "requestId": "r", "responseStatusCode": status, "responseHeaders": headers });
        happens(&mut tracker, Some("s1"), "Fetch.requestPaused", params).remove(0)
    };
    let headers = json!([{ "name": "content-disposition", "value": "inline; filename=a.pdf" }]);
    assert!(
        paused(200, headers).ends_with(r#"[{"name":"Content-Disposition","value":"attachment; filename=a.pdf"}]}"#)
    );
    assert!(paused(302, json!([])).starts_with("Fetch.continueRequest"));
    assert!(paused(404, json!([])).starts_with("Fetch.failRequest"));
    assert_eq!(tracker.forced["s1"].failed.as_deref(), Some("the server answered 404"));
}

#[test]
fn events_that_make_no_sense_are_no_panic() {
    let mut tracker = tracker();
    for method in [
        "Target.attachedToTarget",
        "Target.detachedFromTarget",
        "Target.targetInfoChanged",
        "Target.targetCrashed",
        "Browser.downloadWillBegin",
        "Browser.downloadProgress",
        "Page.javascriptDialogOpening",
        "Page.frameNavigated",
        "Page.frameAttached",
        "Page.lifecycleEvent",
        "Network.requestWillBeSent",
        "Network.responseReceived",
        "Fetch.requestPaused",
        "Page.fileChooserOpened",
        "Unknown.event",
        "nonsense",
    ] {
        for params in [json!(null), json!({}), json!([1]), json!({ "frame": 1, "frameId": "t1", "sessionId": "s1" })] {
            happens(&mut tracker, Some("s1"), method, params.clone());
            happens(&mut tracker, None, method, params);
        }
    }
}
