//! What servers answer, and how much of it is taken.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use zo_egress::{ErrorKind, FetchRequest, Method, text_of};
use zo_model_server::{ModelServer, Response};

use crate::support::{fails, fetch, get, go_on, gzip, only};

#[test]
fn an_answer_comes_with_all_that_belongs_to_it() {
    let server = ModelServer::start(|_| {
        Response::new(404)
            .header("Content-Type", "text/html; charset=utf-8")
            .header("X-Two", "1")
            .header("X-Two", "2")
            .body("<p>gone")
    });
    let fetched = fetch(&only(&[&server]), format!("{}/a?b#c", server.url())).unwrap();
    assert_eq!((fetched.status, fetched.body.as_slice(), fetched.truncated), (404, b"<p>gone".as_slice(), false));
    assert_eq!(fetched.url, format!("{}/a?b#c", server.url()));
    assert_eq!(text_of(&fetched.media_type, &fetched.body), "gone");
    assert_eq!(fetched.headers.iter().filter(|(name, _)| name == "x-two").count(), 2);
    let request = &server.requests()[0];
    assert_eq!((request.method.as_str(), request.path.as_str()), ("GET", "/a?b"));
    assert_eq!(request.header("user-agent"), Some(concat!("zo/", env!("CARGO_PKG_VERSION"))));
    assert_eq!(request.header("host"), Some(server.address().to_string().as_str()));
}

#[test]
fn methods_headers_and_bodies_are_sent_as_given() {
    let server = ModelServer::start(|_| Response::new(200));
    let egress = only(&[&server]);
    for method in [Method::Get, Method::Post, Method::Put, Method::Delete, Method::Patch] {
        let headers = vec![("X-Mine".to_string(), "é".to_string()), ("User-Agent".to_string(), "other".to_string())];
        let request = FetchRequest { method, headers, body: b"sent".to_vec(), ..get(server.url()) };
        assert_eq!(egress.fetch(&request, &mut go_on).unwrap().status, 200);
        let seen = server.requests().pop().unwrap();
        assert_eq!((seen.method.as_str(), seen.body.as_slice()), (method.as_str(), b"sent".as_slice()));
        assert_eq!(seen.header("user-agent"), Some("other"));
    }
}

#[test]
fn a_user_in_the_url_is_sent_but_not_shown() {
    let server = ModelServer::start(|_| Response::new(200));
    let url = server.url().replace("http://", "http://me:hush@");
    let fetched = fetch(&only(&[&server]), &url).unwrap();
    assert_eq!(server.requests()[0].header("authorization"), Some("Basic bWU6aHVzaA=="));
    assert!(!format!("{fetched:?}").contains("hush"));
    let error =
        fails(&only(&[&server]), &get(url.replace(&server.address().to_string(), "10.0.0.1")), ErrorKind::Refused);
    assert!(!format!("{error:?}").contains("hush"), "{error:?}");
}

#[test]
fn head_is_answered_without_a_body() {
    let server = ModelServer::start(|_| {
        Response::new(200)
            .header("content-length", "1000000")
            .header("content-encoding", "gzip")
            .header("content-type", "text/html")
    });
    let request = FetchRequest { method: Method::Head, ..get(server.url()) };
    let fetched = only(&[&server]).fetch(&request, &mut go_on).unwrap();
    assert_eq!((fetched.status, fetched.body.len(), fetched.truncated), (200, 0, false));
    assert!(fetched.headers.contains(&("content-length".to_string(), "1000000".to_string())), "{fetched:?}");
}

#[test]
fn a_body_is_cut_at_the_limit_and_says_so() {
    let server = ModelServer::start(|request| Response::new(200).body(vec![b'x'; request.path[1..].parse().unwrap()]));
    let egress = only(&[&server]);
    for (length, truncated) in [(0, false), (99, false), (100, false), (101, true), (1_000_000, true)] {
        let request = FetchRequest { max_bytes: 100, ..get(format!("{}/{length}", server.url())) };
        let fetched = egress.fetch(&request, &mut go_on).unwrap();
        assert_eq!((fetched.body.len(), fetched.truncated), (length.min(100), truncated), "{length}");
    }
    let request = FetchRequest { max_bytes: 0, ..get(format!("{}/5", server.url())) };
    let fetched = egress.fetch(&request, &mut go_on).unwrap();
    assert_eq!((fetched.body.len(), fetched.truncated), (0, true));
}

#[test]
fn a_body_without_end_ends_at_the_limit() {
    let server = ModelServer::start(|_| {
        (0..1000).fold(Response::until_closed(200), |response, _| response.send(vec![b'x'; 64 << 10])).hang()
    });
    let request = FetchRequest { max_bytes: 1 << 20, ..get(server.url()) };
    let fetched = only(&[&server]).fetch(&request, &mut go_on).unwrap();
    assert_eq!((fetched.body.len(), fetched.truncated), (1 << 20, true));
    assert!(server.wait_for_abandoned(1, Duration::from_secs(10)), "the rest is not wanted");
}

#[test]
fn a_bomb_is_cut_by_what_it_unpacks_to() {
    // 64 MiB of zeros in 64 KiB.
    let bomb = gzip(&vec![0; 64 << 20]);
    assert!(bomb.len() < 128 << 10);
    let server = ModelServer::start(move |_| Response::new(200).header("content-encoding", "gzip").body(bomb.clone()));
    let request = FetchRequest { max_bytes: 1 << 20, ..get(server.url()) };
    let began = Instant::now();
    let fetched = only(&[&server]).fetch(&request, &mut go_on).unwrap();
    assert_eq!((fetched.body.len(), fetched.truncated), (1 << 20, true));
    assert!(fetched.body.capacity() < 8 << 20, "{}", fetched.body.capacity());
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[test]
fn what_is_packed_is_unpacked() {
    let packed = gzip(b"{\"a\":1}");
    let cut = packed[..packed.len() - 10].to_vec();
    let server = ModelServer::start(move |request| {
        let body = if request.path == "/cut" { cut.clone() } else { packed.clone() };
        Response::new(200).header("content-encoding", "gzip").header("content-type", "application/json").body(body)
    });
    let egress = only(&[&server]);
    let fetched = fetch(&egress, server.url()).unwrap();
    assert_eq!(fetched.body, b"{\"a\":1}");
    assert_eq!(server.requests()[0].header("accept-encoding"), Some("gzip"));
    fails(&egress, &get(format!("{}/cut", server.url())), ErrorKind::Broken);
}

#[test]
fn slow_heads_and_slow_bodies_end_at_the_deadline() {
    let server = ModelServer::start(|request| match request.path.as_str() {
        "/silent" => Response::raw().hang(),
        "/head" => Response::raw().send("HTTP/1.1 200 OK\r\nx-a: ").hang(),
        "/drip" => {
            (0..1000).fold(Response::chunked(200), |response, _| response.send("x").pause(Duration::from_millis(20)))
        }
        _ => Response::new(200).header("content-length", "10").send("12345").hang(),
    });
    let egress = only(&[&server]);
    for (path, what) in [("silent", "begin"), ("head", "begin"), ("drip", "end"), ("body", "end")] {
        let began = Instant::now();
        let request = FetchRequest { timeout: Duration::from_millis(300), ..get(format!("{}/{path}", server.url())) };
        let error = fails(&egress, &request, ErrorKind::Timeout);
        assert_eq!(error.message, format!("GET {}/{path}: the answer did not {what} within 0.3 s", server.url()));
        assert!(began.elapsed() < Duration::from_secs(5), "{path}: {:?}", began.elapsed());
    }
    fails(&egress, &FetchRequest { timeout: Duration::ZERO, ..get(server.url()) }, ErrorKind::Timeout);
}

#[test]
fn a_longest_timeout_is_no_overflow() {
    let server = ModelServer::start(|_| Response::new(200));
    let request = FetchRequest { timeout: Duration::MAX, ..get(server.url()) };
    assert_eq!(only(&[&server]).fetch(&request, &mut go_on).unwrap().status, 200);
}

#[test]
fn huge_heads_are_not_read() {
    let server = ModelServer::start(|request| match request.path.as_str() {
        "/wide" => Response::new(200).header("x-a", "x".repeat(2 << 20)),
        _ => (0..5000).fold(Response::new(200), |response, number| response.header(format!("x-{number}"), "x")),
    });
    for path in ["wide", "many"] {
        let error = fails(&only(&[&server]), &get(format!("{}/{path}", server.url())), ErrorKind::TooLarge);
        assert!(error.message.ends_with("the head of the answer is larger than is read"), "{error}");
    }
}

#[test]
fn what_is_no_http_or_breaks_off_is_told() {
    let server = ModelServer::start(|request| match request.path.as_str() {
        "/ssh" => Response::raw().send("SSH-2.0-OpenSSH_9.9\r\n"),
        "/nothing" => Response::raw().cut(),
        "/length" => Response::new(200).header("content-length", "10").send("123").cut(),
        _ => Response::chunked(200).send("123").cut(),
    });
    let egress = only(&[&server]);
    for path in ["ssh", "nothing", "length", "chunks"] {
        fails(&egress, &get(format!("{}/{path}", server.url())), ErrorKind::Broken);
    }
    let error = fails(&egress, &get(format!("{}/length", server.url())), ErrorKind::Broken);
    assert!(error.message.contains("the answer broke off after 3 bytes"), "{error}");
}

#[test]
fn a_caller_is_asked_several_times_a_second_and_can_break_it_off() {
    let server = ModelServer::start(|_| Response::raw().hang());
    let egress = only(&[&server]);
    let (mut asked, began) = (0, Instant::now());
    let result = egress.fetch(&get(server.url()), &mut || {
        asked += 1;
        if began.elapsed() > Duration::from_millis(600) { ControlFlow::Break(()) } else { go_on() }
    });
    assert_eq!(result.unwrap_err().kind, ErrorKind::Cancelled);
    assert!(asked >= 4, "asked {asked} times in {:?}", began.elapsed());
    assert!(server.wait_for_abandoned(1, Duration::from_secs(10)), "the connection is closed");

    let result = egress.fetch(&get(server.url()), &mut || ControlFlow::Break(()));
    assert_eq!(result.unwrap_err().kind, ErrorKind::Cancelled);
    assert_eq!(server.requests().len(), 1, "nothing was sent");
}

#[test]
fn a_stream_that_never_pauses_does_not_keep_a_caller_from_breaking_it_off() {
    let server = ModelServer::start(|_| {
        (0..20_000).fold(Response::until_closed(200), |response, _| response.send(vec![b'x'; 16 << 10])).hang()
    });
    let began = Instant::now();
    let request = FetchRequest { max_bytes: usize::MAX, ..get(server.url()) };
    let result = only(&[&server]).fetch(&request, &mut || {
        if began.elapsed() > Duration::from_millis(150) { ControlFlow::Break(()) } else { go_on() }
    });
    assert_eq!(result.unwrap_err().kind, ErrorKind::Cancelled);
}

#[test]
fn fifty_at_once() {
    let server =
        ModelServer::start(|request| Response::new(200).pause(Duration::from_millis(50)).body(request.path.clone()));
    let egress = only(&[&server]);
    std::thread::scope(|scope| {
        for number in 0..50 {
            let (egress, url) = (egress.clone(), format!("{}/{number}", server.url()));
            scope.spawn(move || assert_eq!(fetch(&egress, url).unwrap().body, format!("/{number}").into_bytes()));
        }
    });
    assert_eq!(server.requests().len(), 50);
}
