//! The server seen by a client that knows nothing but sockets.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::{Value, json};

use crate::{Gate, ModelServer, Request, Response, anthropic, ollama, openai, talking};

/// Longer than anything here takes, shorter than a build's limit.
const PATIENCE: Duration = Duration::from_secs(20);

fn connect(server: &ModelServer) -> TcpStream {
    let socket = TcpStream::connect(server.address()).expect("the server listens");
    socket.set_read_timeout(Some(PATIENCE)).expect("a socket has timeouts");
    socket
}

fn send(mut wire: impl Write, method: &str, path: &str, headers: &str, body: &str) {
    let head = format!("{method} {path} HTTP/1.1\r\nHost: tests\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
    wire.write_all((head + body).as_bytes()).expect("the server reads");
}

/// What comes until the connection ends, in whatever way.
fn read_all(wire: &mut impl Read) -> String {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = wire.read(&mut buffer) {
        bytes.extend_from_slice(&buffer[..length]);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What comes until `end` has come.
fn read_until(wire: &mut impl Read, end: &str) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(end.as_bytes()) {
        let mut byte = [0];
        wire.read_exact(&mut byte).unwrap_or_else(|error| {
            panic!("{error} before {end:?} came, after {:?}", String::from_utf8_lossy(&bytes));
        });
        bytes.push(byte[0]);
    }
    String::from_utf8(bytes).expect("these answers are UTF-8")
}

/// The answer to one request on a connection of its own.
fn ask(server: &ModelServer, method: &str, path: &str, body: &Value) -> String {
    let mut socket = connect(server);
    let body = if body.is_null() { String::new() } else { body.to_string() };
    send(&socket, method, path, "Connection: close\r\n", &body);
    read_all(&mut socket)
}

/// The chunks of an answer as they were written, and whether the last one came.
fn chunks(answer: &str) -> (Vec<String>, bool) {
    let (head, mut rest) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.contains("transfer-encoding: chunked"), "{head}");
    let mut chunks = Vec::new();
    while let Some((length, after)) = rest.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).expect("a length");
        if length == 0 {
            assert_eq!(after, "\r\n");
            return (chunks, true);
        }
        chunks.push(after[..length].to_owned());
        rest = after[length..].strip_prefix("\r\n").expect("a chunk's end");
    }
    assert_eq!(rest, "");
    (chunks, false)
}

fn frames(chunks: &[String]) -> Vec<Value> {
    let data = |chunk: &String| {
        let line = chunk.lines().find(|line| line.starts_with("data: ")).expect("every frame has data");
        serde_json::from_str(&line["data: ".len()..]).unwrap_or(Value::Null)
    };
    chunks.iter().map(data).collect()
}

#[test]
fn each_send_is_a_chunk_and_the_last_chunk_ends_the_stream() {
    let server = ModelServer::start(|_| Response::sse(200).send(": hello\n\n").send("").send(vec![b'd', b'a']));
    let answer = ask(&server, "POST", "/v1/chat/completions", &json!({}));
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"), "{answer}");
    assert_eq!(chunks(&answer), (vec![": hello\n\n".to_owned(), "da".to_owned()], true));
}

#[test]
fn a_cut_leaves_out_the_last_chunk_and_what_follows() {
    let server = ModelServer::start(|_| Response::sse(200).send("one").cut().send("two"));
    assert_eq!(chunks(&ask(&server, "GET", "/", &Value::Null)), (vec!["one".to_owned()], false));

    let short = ModelServer::start(|_| Response::new(200).send("one").cut().send("two"));
    let answer = ask(&short, "GET", "/", &Value::Null);
    assert!(answer.ends_with("content-length: 6\r\n\r\none"), "more was promised than came: {answer}");
}

#[test]
fn raw_answers_are_written_as_they_are() {
    let garbage = ModelServer::start(|_| Response::raw().send("no HTTP at all"));
    assert_eq!(ask(&garbage, "GET", "/", &Value::Null), "no HTTP at all");
    let nothing = ModelServer::start(|_| Response::raw().cut());
    assert_eq!(ask(&nothing, "GET", "/", &Value::Null), "");
    let closing = ModelServer::start(|_| Response::until_closed(200).send("to the end"));
    assert_eq!(ask(&closing, "GET", "/", &Value::Null), "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nto the end");
}

#[test]
fn a_connection_is_used_again_and_requests_are_kept_in_order() {
    let server = ModelServer::start(|request| Response::new(200).body(format!("<{}>", request.number)));
    let mut socket = connect(&server);
    send(&socket, "POST", "/first?a=b", "X-Key:  abc \r\n", "{\"a\": 1}");
    assert!(read_until(&mut socket, "<0>").contains("content-length: 3\r\n"));
    // Another request may be written at once: this one is in chunks.
    let chunked = "PUT /second HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n";
    socket.write_all(chunked.as_bytes()).expect("the server reads");
    send(&socket, "GET", "/third", "", "");
    read_until(&mut socket, "<1>");
    read_until(&mut socket, "<2>");

    let requests = server.requests();
    let seen: Vec<_> = requests.iter().map(|request| (request.number, &*request.method, &*request.path)).collect();
    assert_eq!(seen, [(0, "POST", "/first?a=b"), (1, "PUT", "/second"), (2, "GET", "/third")]);
    assert_eq!(requests[0].route(), "/first");
    assert_eq!(requests[0].header("x-KEY"), Some("abc"));
    assert_eq!(requests[0].json(), json!({"a": 1}));
    assert_eq!(requests[1].body, b"abcde");
    assert_eq!(requests[1].json(), Value::Null);
    assert!(requests[0].at <= requests[1].at);
}

#[test]
fn what_is_not_http_is_refused() {
    let server = ModelServer::start(|_| panic!("no request comes"));
    let mut socket = connect(&server);
    socket.write_all(b"hello\r\n\r\n").expect("the server reads");
    assert!(read_all(&mut socket).contains("not a request line: \"hello\""));
    assert!(server.requests().is_empty());
}

#[test]
fn a_hang_ends_when_the_client_goes() {
    let server = ModelServer::start(|_| Response::sse(200).send("one").hang());
    let mut socket = connect(&server);
    send(&socket, "GET", "/", "", "");
    read_until(&mut socket, "one\r\n");
    assert!(!server.wait_for_abandoned(1, Duration::ZERO), "the client is still there");
    drop(socket);
    assert!(server.wait_for_abandoned(1, PATIENCE));
}

#[test]
fn a_pause_ends_when_the_client_goes() {
    let server = ModelServer::start(|_| Response::raw().pause(PATIENCE * 10));
    let socket = connect(&server);
    send(&socket, "GET", "/", "", "");
    assert!(server.wait_for_requests(1, PATIENCE));
    socket.shutdown(Shutdown::Both).expect("it is open");
    assert!(server.wait_for_abandoned(1, PATIENCE));
}

#[test]
fn the_head_comes_after_its_delay() {
    let server = ModelServer::start(|_| Response::new(200).delay_head(Duration::from_millis(60)));
    let before = Instant::now();
    assert!(ask(&server, "GET", "/", &Value::Null).starts_with("HTTP/1.1 200"));
    assert!(before.elapsed() >= Duration::from_millis(60));
}

#[test]
fn a_gate_lets_through_what_follows_when_the_test_opens_it() {
    let gate = Gate::new();
    let server = ModelServer::start({
        let gate = gate.clone();
        move |_| Response::sse(200).send("before").gate(&gate).send("after")
    });
    assert!(!gate.wait_until_reached(Duration::ZERO));
    let mut socket = connect(&server);
    send(&socket, "GET", "/", "", "");
    assert!(gate.wait_until_reached(PATIENCE));
    read_until(&mut socket, "before\r\n");
    socket.set_nonblocking(true).expect("a socket has modes");
    assert!(socket.read(&mut [0]).is_err(), "nothing follows yet");
    socket.set_nonblocking(false).expect("a socket has modes");
    gate.open();
    read_until(&mut socket, "after\r\n0\r\n\r\n");
}

#[test]
fn a_server_that_stops_ends_everything_that_waits() {
    let gate = Gate::new();
    let server = ModelServer::start({
        let gate = gate.clone();
        move |request| match request.path.as_str() {
            "/gate" => Response::sse(200).gate(&gate),
            "/pause" => Response::sse(200).pause(PATIENCE * 10),
            _ => Response::sse(200).hang(),
        }
    });
    let paths = ["/gate", "/pause", "/hang"];
    let mut sockets: Vec<_> = paths.iter().map(|_| connect(&server)).collect();
    for (socket, path) in sockets.iter().zip(paths) {
        send(socket, "GET", path, "", "");
    }
    let idle = connect(&server);
    assert!(server.wait_for_requests(paths.len(), PATIENCE));
    let before = Instant::now();
    drop(server);
    assert!(before.elapsed() < PATIENCE);
    for mut socket in sockets.drain(..).chain([idle]) {
        assert!(!read_all(&mut socket).contains("0\r\n"), "no stream was ended as if it were whole");
    }
}

#[test]
#[should_panic(expected = "the key is wrong")]
fn a_failed_assertion_of_the_script_fails_the_test() {
    let server = ModelServer::start(|_| panic!("the key is wrong"));
    assert_eq!(ask(&server, "GET", "/", &Value::Null), "");
}

#[test]
fn with_tls_it_presents_the_certificate_that_it_names() {
    let (server, pem) = ModelServer::start_tls(|_| Response::new(200).body("secret"));
    assert!(server.url().starts_with("https://127.0.0.1:"));
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).expect("it is a certificate");
    let ask = |roots: RootCertStore| {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider has them")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("127.0.0.1").expect("it is an address");
        let session = ClientConnection::new(Arc::new(config), name).expect("it can begin");
        let mut wire = StreamOwned::new(session, connect(&server));
        wire.write_all(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")?;
        let presented = wire.conn.peer_certificates().expect("the handshake is over").to_vec();
        Ok::<_, std::io::Error>((presented, read_all(&mut wire)))
    };
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).expect("it can be trusted");
    let (presented, answer) = ask(roots).expect("who is told to trust it does");
    assert_eq!(presented, [certificate]);
    assert!(answer.ends_with("secret"), "{answer}");

    let error = ask(RootCertStore::empty()).expect_err("nobody else does");
    assert!(error.to_string().contains("certificate"), "{error}");
}

#[test]
fn talking_streams_words_in_the_dialect_of_the_path() {
    let server = ModelServer::start(talking(|text| format!("you said {text}")));
    let asked = json!({"model": "m", "stream": true, "messages": [
        {"role": "user", "content": "old"}, {"role": "assistant", "content": "x"},
        {"role": "user", "content": [{"type": "text", "text": "hello"}, {"type": "image"}]},
    ]});
    let (written, whole) = chunks(&ask(&server, "POST", "/v1/chat/completions", &asked));
    assert!(whole);
    assert_eq!(written.last().map(String::as_str), Some(openai::DONE));
    let frames_of_openai = frames(&written);
    let text = |frames: &[Value], pointer: &str| -> String {
        frames.iter().filter_map(|frame| frame.pointer(pointer)?.as_str()).collect()
    };
    assert_eq!(text(&frames_of_openai, "/choices/0/delta/content"), "you said hello");
    assert_eq!(text(&frames_of_openai, "/choices/0/finish_reason"), "stop");
    assert!(frames_of_openai.iter().any(|frame| frame["usage"]["completion_tokens"] == 3));
    assert!(frames_of_openai.iter().filter(|frame| frame.is_object()).all(|frame| frame["object"].is_string()));

    let (written, whole) = chunks(&ask(&server, "POST", "/v1/messages", &asked));
    assert!(whole);
    let frames_of_anthropic = frames(&written);
    let kinds: Vec<_> = frames_of_anthropic.iter().filter_map(|frame| frame["type"].as_str()).collect();
    let delta = "content_block_delta";
    let end = ["content_block_stop", "message_delta", "message_stop"];
    let start = ["message_start", "content_block_start", "ping"];
    assert_eq!(kinds, [&start[..], &[delta, delta, delta], &end].concat());
    for (chunk, kind) in written.iter().zip(kinds) {
        assert!(chunk.starts_with(&format!("event: {kind}\ndata: ")) && chunk.ends_with("}\n\n"), "{chunk}");
    }
    assert_eq!(text(&frames_of_anthropic, "/delta/text"), "you said hello");
}

#[test]
fn talking_answers_whole_and_lists_its_models() {
    let server = ModelServer::start(talking(str::to_uppercase));
    let body = |answer: String| -> Value {
        serde_json::from_str(answer.split_once("\r\n\r\n").expect("a head").1).expect("these are JSON")
    };
    let asked = json!({"model": "m", "messages": [{"role": "user", "content": "hello"}]});
    let whole = body(ask(&server, "POST", "/v1/chat/completions", &asked));
    assert_eq!(whole["choices"][0]["message"]["content"], "HELLO");
    assert_eq!(whole["model"], "m");
    let whole = body(ask(&server, "POST", "/v1/messages", &asked));
    assert_eq!(whole["content"][0]["text"], "HELLO");
    assert_eq!(body(ask(&server, "GET", "/v1/models?limit=1000", &Value::Null))["data"][0]["object"], "model");
    assert_eq!(body(ask(&server, "GET", "/api/tags", &Value::Null))["models"][0]["name"], "scripted");
    let shown = body(ask(&server, "POST", "/api/show", &json!({"model": "scripted"})));
    assert_eq!(shown["capabilities"], json!(["completion"]));

    let mut socket = connect(&server);
    send(&socket, "GET", "/v1/models", "anthropic-version: 2023-06-01\r\nConnection: close\r\n", "");
    assert_eq!(body(read_all(&mut socket))["data"][0]["type"], "model");
    assert!(ask(&server, "GET", "/nowhere", &Value::Null).starts_with("HTTP/1.1 404 "));
}

#[test]
fn frames_say_only_what_they_are_told() {
    let call = |chunk: String| -> Value { frames(&[chunk])[0]["choices"][0]["delta"]["tool_calls"][0].clone() };
    assert_eq!(call(openai::tool_call_chunk(None, None, None, "{\"a")), json!({"function": {"arguments": "{\"a"}}));
    assert_eq!(
        call(openai::tool_call_chunk(Some(1), Some("c1"), Some("look"), "")),
        json!({"function": {"arguments": "", "name": "look"}, "index": 1, "id": "c1", "type": "function"})
    );
    assert_eq!(frames(&[openai::chunk("é\n")])[0]["choices"][0]["delta"]["content"], "é\n");
    assert_eq!(frames(&[openai::finish("length")])[0]["choices"][0]["finish_reason"], "length");
    assert_eq!(frames(&[openai::error_chunk("server_error", "no")])[0]["error"]["message"], "no");
    assert_eq!(frames(&[anthropic::tool_start(2, "t1", "look")])[0]["content_block"]["name"], "look");
    assert_eq!(frames(&[anthropic::tool_delta(2, "{\"a")])[0]["delta"]["partial_json"], "{\"a");
    assert_eq!(frames(&[anthropic::error_event("overloaded_error", "no")])[0]["error"]["type"], "overloaded_error");

    let busy =
        |_: &Request| anthropic::error(529, "overloaded_error", "busy").header("retry-after", "2").header("x", "y");
    let server = ModelServer::start(busy);
    let answer = ask(&server, "POST", "/v1/messages", &json!({}));
    assert!(answer.starts_with("HTTP/1.1 529 Overloaded\r\n") && answer.contains("\r\nretry-after: 2\r\n"), "{answer}");
    let refusing = ModelServer::start(|_| ollama::show(&[]).header("content-length", "1000"));
    assert_eq!(ask(&refusing, "GET", "/", &Value::Null).matches("content-length").count(), 1);
}
