//! How much, how often, how long.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::num::NonZeroU32;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::json;
use zo_http::{HttpOptions, Limits};

use crate::support::{Served, options};

fn with(limits: Limits) -> Served {
    Served::with(HttpOptions { limits, ..options() })
}

fn number(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).expect("it is not zero")
}

#[test]
fn a_body_that_is_too_long_is_refused_whether_it_says_so_or_not() {
    let served = with(Limits { body_bytes: 1000, ..Limits::default() });
    let long = json!({"items": [{"content": "x".repeat(2000)}]});
    let (status, json) = served.post("/api/v1/memorize", &long);
    assert_eq!((status, json["error"]["kind"].as_str()), (StatusCode::PAYLOAD_TOO_LARGE, Some("too_large")));
    let mut stream = TcpStream::connect(served.http.as_ref().expect("it runs").local_addr()).expect("it listens");
    let (host, token) = (served.url.trim_start_matches("http://"), served.token("admin"));
    let head = format!(
        "POST /api/v1/memorize HTTP/1.1\r\nhost: {host}\r\nauthorization: {token}\r\n\
         content-type: application/json\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).expect("sent");
    let chunk = format!("1f4\r\n{}\r\n", "x".repeat(500));
    for _ in 0..4 {
        let _ = stream.write_all(chunk.as_bytes());
    }
    let mut answer = vec![0; 12];
    stream.read_exact(&mut answer).expect("an answer");
    assert_eq!(answer, b"HTTP/1.1 413");
}

#[test]
fn a_token_is_told_to_wait_when_it_asks_too_often() {
    let served = with(Limits { requests_per_second: number(1), requests_burst: number(3), ..Limits::default() });
    let last = served.runtime.block_on(async {
        let mut last = None;
        for _ in 0..8 {
            let request = served.as_("read", &Method::GET, "/openapi.json");
            let response = request.send().await.expect("answered");
            let done = response.status() == StatusCode::TOO_MANY_REQUESTS;
            last = Some(response);
            if done {
                break;
            }
        }
        last.expect("some were sent")
    });
    assert_eq!(last.status(), StatusCode::TOO_MANY_REQUESTS);
    let wait: u64 = last.headers()["retry-after"].to_str().expect("a text").parse().expect("seconds");
    assert!((1..=2).contains(&wait), "{wait}");
    let (status, _) = served.get("/openapi.json");
    assert_eq!(status, StatusCode::OK, "another token has a share of its own");
}

#[test]
fn failing_to_authenticate_becomes_tedious_for_who_fails_alone() {
    let served = with(Limits { failures_per_minute: number(3), ..Limits::default() });
    let tries: Vec<StatusCode> = (0..5).map(|_| served.send(served.as_("wrong", &Method::GET, "/metrics")).0).collect();
    assert_eq!(tries[..3], [StatusCode::UNAUTHORIZED; 3]);
    assert_eq!(tries[4], StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(served.get("/openapi.json").0, StatusCode::OK);
}

#[test]
fn who_sends_a_body_too_slowly_is_told_so() {
    let served = with(Limits { read_timeout: Duration::from_millis(200), ..Limits::default() });
    let mut stream = TcpStream::connect(served.http.as_ref().expect("it runs").local_addr()).expect("it listens");
    let (host, token) = (served.url.trim_start_matches("http://"), served.token("admin"));
    let head = format!(
        "POST /api/v1/forget HTTP/1.1\r\nhost: {host}\r\nauthorization: {token}\r\n\
         content-type: application/json\r\ncontent-length: 100\r\n\r\n{{"
    );
    stream.write_all(head.as_bytes()).expect("sent");
    let mut answer = vec![0; 12];
    stream.read_exact(&mut answer).expect("an answer");
    assert_eq!(answer, b"HTTP/1.1 408");
}

#[test]
fn more_streams_than_there_is_room_for_are_put_off() {
    let served = with(Limits { streams_at_once: 1, ..Limits::default() });
    let follow = || served.as_("read", &Method::GET, "/api/v1/events").header("accept", "text/event-stream");
    served.runtime.block_on(async {
        let mut first = follow().send().await.expect("answered");
        assert!(first.chunk().await.expect("it goes on").is_some());
        let second = follow().send().await.expect("answered");
        assert_eq!(second.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(second.headers().contains_key("retry-after"));
        drop(first);
        // The thread of the first notices by itself that nobody listens any more.
        loop {
            if follow().send().await.expect("answered").status() == StatusCode::OK {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
}
