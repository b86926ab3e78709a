//! Time: what is waited for, for how long, and how soon a caller is heard.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use zo_model_server::{Gate, ModelServer, Response, anthropic, openai};
use zo_models::{Delta, ErrorKind, Models, Options, Retries, Timeouts};

use crate::support::{ask_with, claude, open_ai, options, question};

fn hasty(first_byte_ms: u64, idle_ms: u64) -> Models {
    let timeouts = Timeouts {
        first_byte: Duration::from_millis(first_byte_ms),
        idle: Duration::from_millis(idle_ms),
        ..options().timeouts
    };
    Models::new(Options { timeouts, retries: Retries { most: 1, ..options().retries }, ..options() })
}

fn fails(models: &Models, response: Response) -> ErrorKind {
    let server = ModelServer::start(move |_| response.clone());
    ask_with(models, &open_ai(&server), &question()).0.expect_err("an error").kind
}

#[test]
fn a_head_that_does_not_come_is_a_late_first_byte() {
    assert_eq!(fails(&hasty(80, 9_000), Response::raw().hang()), ErrorKind::FirstByteTimeout);
    assert_eq!(fails(&hasty(80, 9_000), Response::sse(200).hang()), ErrorKind::FirstByteTimeout);
}

#[test]
fn comments_are_no_first_byte_and_pings_are() {
    let comments =
        (0..40).fold(Response::sse(200), |response, _| response.send(": wait\n\n").pause(Duration::from_millis(10)));
    assert_eq!(fails(&hasty(150, 9_000), comments.hang()), ErrorKind::FirstByteTimeout);

    let server = ModelServer::start(|_| {
        let start = Response::sse(200).send(anthropic::message_start("claude", 1)).send(anthropic::ping());
        start
            .pause(Duration::from_millis(300))
            .send(anthropic::delta(0, "ok"))
            .send(anthropic::message_delta("end_turn", 1))
    });
    assert_eq!(ask_with(&hasty(150, 9_000), &claude(&server), &question()).0.unwrap().text, "ok");
}

#[test]
fn silence_in_the_midst_is_an_idle_timeout_and_what_came_was_heard() {
    let server = ModelServer::start(|_| Response::sse(200).send(openai::chunk("half")).hang());
    let (result, heard) = ask_with(&hasty(9_000, 80), &open_ai(&server), &question());
    let error = result.expect_err("an error");
    assert_eq!((error.kind, error.sent, heard.text().as_str()), (ErrorKind::IdleTimeout, true, "half"));
    assert!(error.message.contains("nothing more came for 0.1 s"), "{error}");
}

#[test]
fn a_slow_drip_is_no_silence() {
    let body = format!("{}{}", openai::chunk("slow"), openai::finish("stop"));
    let server = ModelServer::start(move |_| {
        let pieces = body.as_bytes().chunks(8);
        pieces.fold(Response::sse(200), |response, piece| response.send(piece).pause(Duration::from_millis(5)))
    });
    assert_eq!(ask_with(&hasty(9_000, 150), &open_ai(&server), &question()).0.unwrap().text, "slow");
}

#[test]
fn comments_alone_do_not_keep_a_stream_alive_for_ever() {
    let begun = Response::sse(200).send(openai::chunk("half"));
    let comments = (0..100).fold(begun, |response, _| response.send(": wait\n\n").pause(Duration::from_millis(10)));
    assert_eq!(fails(&hasty(200, 200), comments.hang()), ErrorKind::IdleTimeout);
}

#[test]
fn a_slow_head_is_waited_for() {
    let server = ModelServer::start(|_| openai::stream("scripted", &["ok"]).delay_head(Duration::from_millis(200)));
    let mut waited = 0;
    let result = hasty(9_000, 9_000).chat(&open_ai(&server), None, &question(), &mut |delta| {
        waited += u32::from(delta == Delta::Waiting);
        ControlFlow::Continue(())
    });
    assert_eq!(result.unwrap().text, "ok");
    assert!(waited >= 2, "heard of {waited} times");
}

#[test]
fn a_caller_is_heard_at_every_stage() {
    let gate = Gate::new();
    let stages = [
        Response::raw().hang(),
        Response::sse(200).hang(),
        Response::sse(200).send(openai::chunk("half")).hang(),
        Response::sse(200).send(openai::chunk("half")).gate(&gate),
    ];
    for response in stages {
        let server = ModelServer::start(move |_| response.clone());
        let begun = Instant::now();
        let mut asked = None;
        let result = hasty(9_000, 9_000).chat(&open_ai(&server), None, &question(), &mut |delta| {
            if delta == Delta::Waiting && begun.elapsed() > Duration::from_millis(100) {
                asked = Some(Instant::now());
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        });
        let error = result.expect_err("an error");
        assert_eq!((error.kind, error.sent), (ErrorKind::Cancelled, true));
        assert!(asked.unwrap().elapsed() < Duration::from_millis(100), "it returns at once");
        assert!(server.wait_for_abandoned(1, Duration::from_secs(5)), "the connection is closed");
    }
}

#[test]
fn a_break_on_text_ends_the_call_there() {
    let server = ModelServer::start(|_| openai::stream("scripted", &["one", "two", "three"]));
    let mut heard = Vec::new();
    let result = hasty(9_000, 9_000).chat(&open_ai(&server), None, &question(), &mut |delta| {
        if let Delta::Text(text) = delta {
            heard.push(text.to_string());
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    });
    assert_eq!(result.expect_err("an error").kind, ErrorKind::Cancelled);
    assert_eq!(heard, ["one"]);
}

#[test]
fn a_server_that_forgets_to_close_does_not_keep_the_reply() {
    let body = format!("{}{}{}", openai::chunk("ok"), openai::finish("stop"), openai::DONE);
    let server = ModelServer::start(move |_| Response::sse(200).send(body.clone()).hang());
    let begun = Instant::now();
    assert_eq!(ask_with(&hasty(9_000, 9_000), &open_ai(&server), &question()).0.unwrap().text, "ok");
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[test]
fn silence_behind_a_finish_is_an_end() {
    let body = format!("{}{}", openai::chunk("ok"), openai::finish("stop"));
    let server = ModelServer::start(move |_| Response::sse(200).send(body.clone()).hang());
    assert_eq!(ask_with(&hasty(9_000, 100), &open_ai(&server), &question()).0.unwrap().text, "ok");
}
