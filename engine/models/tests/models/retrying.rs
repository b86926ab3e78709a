//! What is tried again, and what is not.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use zo_model_server::{ModelServer, Request, Response, anthropic, openai};
use zo_models::{Delta, ErrorKind, Models, Options, Retries, Timeouts};

use crate::support::{ask_with, claude, models, once, open_ai, options, question};

/// A way to fail.
type Failure = fn() -> Response;

/// A server that answers like `first` until the request of that number, and then well.
fn well_after(failures: usize, first: impl Fn() -> Response + Send + Sync + 'static) -> ModelServer {
    ModelServer::start(
        move |request: &Request| {
            if request.number < failures { first() } else { openai::stream("scripted", &["ok"]) }
        },
    )
}

#[test]
fn passing_trouble_is_tried_again_and_told() {
    let cases: [(&str, Failure); 9] = [
        ("429", || openai::error(429, "rate_limit_exceeded", "slow down").header("retry-after", "0")),
        ("500", || openai::error(500, "server_error", &format!("oh, {}", crate::support::CANARY))),
        ("502", || Response::new(502).body("bad gateway")),
        ("503", || Response::new(503).body("")),
        ("504", || Response::new(504).body("<html><title>Timeout</title></html>")),
        ("529", || anthropic::error(529, "overloaded_error", "Overloaded")),
        ("cut before a head", || Response::raw().cut()),
        ("cut before any text", || Response::sse(200).send(": hello\n\n").cut()),
        ("an error in the stream before any text", || {
            Response::sse(200).send("data: {\"error\":{\"message\":\"overloaded\",\"code\":503}}\n\n")
        }),
    ];
    for (name, response) in cases {
        let server = well_after(2, response);
        let (reply, heard) = ask_with(&models(), &open_ai(&server), &question());
        let reply = reply.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!((reply.text.as_str(), reply.attempts), ("ok", 3), "{name}");
        assert_eq!(heard.0.len(), 3, "{name}: {heard:?}");
        assert!(heard.0[0].starts_with("retrying 2: ") && heard.0[1].starts_with("retrying 3: "), "{name}: {heard:?}");
    }
}

#[test]
fn lasting_trouble_ends_after_the_most_attempts() {
    let server = well_after(usize::MAX, || openai::error(503, "", "busy"));
    let error = ask_with(&models(), &open_ai(&server), &question()).0.expect_err("an error");
    assert_eq!((error.kind, error.attempts, server.requests().len()), (ErrorKind::Overloaded, 4, 4));
    assert!(error.message.ends_with("busy (after 4 attempts)"), "{error}");
}

#[test]
fn what_will_not_get_better_is_not_tried_again() {
    for response in [
        openai::error(401, "", "no"),
        openai::error(400, "", "odd"),
        openai::error(429, "insufficient_quota", "You exceeded your current quota"),
        Response::new(200).body("<html>"),
    ] {
        let server = well_after(9, move || response.clone());
        ask_with(&models(), &open_ai(&server), &question()).0.expect_err("an error");
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn nothing_is_tried_again_once_text_was_heard() {
    let server = well_after(9, || Response::sse(200).send(openai::chunk("half")).cut());
    let (result, heard) = ask_with(&models(), &open_ai(&server), &question());
    let error = result.expect_err("an error");
    assert_eq!((error.kind, error.sent, error.attempts), (ErrorKind::CutOff, true, 1));
    assert_eq!(heard.0, ["text half"]);
}

#[test]
fn what_was_used_by_failed_attempts_is_counted() {
    let server = ModelServer::start(|request: &Request| {
        if request.number == 0 {
            return Response::sse(200).send(anthropic::message_start("claude", 10)).cut();
        }
        let body = [
            anthropic::message_start("claude", 10),
            anthropic::delta(0, "ok"),
            anthropic::message_delta("end_turn", 4),
        ];
        Response::sse(200).send(body.concat())
    });
    let usage = ask_with(&models(), &claude(&server), &question()).0.unwrap().usage.unwrap();
    assert_eq!(usage.input, 20);
    assert!(usage.output >= 4);
}

#[test]
fn retry_after_is_waited_for() {
    let server = well_after(1, || openai::error(429, "", "slow down").header("retry-after-ms", "150"));
    let before = Instant::now();
    ask_with(&models(), &open_ai(&server), &question()).0.unwrap();
    assert!(before.elapsed() >= Duration::from_millis(150));
}

#[test]
fn a_retry_after_beyond_the_limit_is_not_waited_for() {
    let server = well_after(9, || openai::error(429, "", "slow down").header("retry-after", "3600"));
    let error = ask_with(&models(), &open_ai(&server), &question()).0.expect_err("an error");
    assert_eq!((error.kind, error.attempts), (ErrorKind::RateLimited, 1));
    assert_eq!(crate::support::hint(&error), "it asks to wait 3600 s; another provider or model may have room");
}

#[test]
fn waiting_to_try_again_can_be_broken_off() {
    let server = well_after(9, || openai::error(429, "", "slow down").header("retry-after", "2"));
    let mut told = None;
    let result = models().chat(&open_ai(&server), None, &question(), &mut |delta| match delta {
        Delta::Retrying { .. } => {
            told = Some(Instant::now());
            ControlFlow::Continue(())
        }
        Delta::Waiting if told.is_some() => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    let error = result.expect_err("an error");
    assert_eq!((error.kind, error.attempts, error.sent), (ErrorKind::Cancelled, 1, false));
    assert!(told.unwrap().elapsed() < Duration::from_millis(500), "it was noticed long before the wait was over");
}

#[test]
fn a_late_first_byte_is_tried_again_once() {
    let timeouts = Timeouts { first_byte: Duration::from_millis(80), ..options().timeouts };
    let hasty = Models::new(Options { timeouts, ..options() });
    let server = well_after(9, || Response::sse(200).send(": still thinking\n\n").hang());
    let error = ask_with(&hasty, &open_ai(&server), &question()).0.expect_err("an error");
    assert_eq!((error.kind, error.attempts, error.sent), (ErrorKind::FirstByteTimeout, 2, true));
}

#[test]
fn one_attempt_is_one_attempt() {
    let server = well_after(9, || openai::error(500, "", "oh"));
    let error = ask_with(&once(), &open_ai(&server), &question()).0.expect_err("an error");
    assert_eq!(error.attempts, 1);
    let none = Models::new(Options { retries: Retries { most: 0, ..options().retries }, ..options() });
    assert_eq!(ask_with(&none, &open_ai(&server), &question()).0.expect_err("an error").attempts, 1);
}
