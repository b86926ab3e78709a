//! The proxy on a Unix socket, spoken to byte by byte.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use zo_egress::{Egress, ErrorKind, Policy, Proxy};
use zo_model_server::{ModelServer, Request, Response};

use crate::support::{dead_port, only};

struct Running {
    proxy: Proxy,
    folder: TempDir,
}

fn running(egress: &Egress) -> Running {
    let folder = tempfile::tempdir().unwrap();
    let proxy = egress.proxy(&folder.path().join("proxy.sock")).unwrap();
    Running { proxy, folder }
}

impl Running {
    fn connect(&self) -> UnixStream {
        let stream = UnixStream::connect(self.proxy.path()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// All that is answered to these bytes until the connection ends.
    fn say(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut stream = self.connect();
        stream.write_all(bytes.as_ref()).unwrap();
        let mut said = Vec::new();
        stream.read_to_end(&mut said).unwrap();
        String::from_utf8_lossy(&said).into_owned()
    }

    /// The answer to one request after which the connection is closed.
    fn ask(&self, line: &str, headers: &str) -> String {
        self.say(format!("{line} HTTP/1.1\r\nhost: x\r\n{headers}connection: close\r\n\r\n"))
    }

    /// A connection through a tunnel, once it is said to be one.
    fn tunnel(&self, target: &str) -> UnixStream {
        let mut stream = self.connect();
        write!(stream, "CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n\r\n").unwrap();
        let head = head(&mut stream);
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        stream
    }
}

fn head(stream: &mut UnixStream) -> String {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() > 0 {
        head.push(byte[0]);
    }
    String::from_utf8_lossy(&head).into_owned()
}

fn echoing() -> ModelServer {
    ModelServer::start(|request: &Request| Response::new(200).body(format!("{} {}", request.method, request.path)))
}

#[test]
fn plain_http_goes_through_with_what_is_the_servers_alone() {
    let server = echoing();
    let proxy = running(&only(&[&server]));
    let said = proxy.ask(
        &format!("GET {}/a?b=c", server.url()),
        "proxy-authorization: Basic eA==\r\nproxy-connection: keep-alive\r\nx-mine: 1\r\nx-hop: 2\r\nconnection: x-hop\r\nte: trailers\r\n",
    );
    assert!(said.starts_with("HTTP/1.1 200 ") && said.ends_with("\r\n\r\nGET /a?b=c"), "{said}");
    let seen = &server.requests()[0];
    assert_eq!(seen.header("host"), Some(server.address().to_string().as_str()), "not the one that was said");
    assert_eq!(seen.header("x-mine"), Some("1"));
    for name in ["proxy-authorization", "proxy-connection", "x-hop", "te", "connection"] {
        assert_eq!(seen.header(name), None, "{name}");
    }
}

#[test]
fn bodies_go_both_ways_by_length_and_in_chunks() {
    let server = ModelServer::start(|request: &Request| {
        let response = if request.path == "/chunks" { Response::chunked(200) } else { Response::new(200) };
        response.send(request.body.clone()).send("!")
    });
    let proxy = running(&only(&[&server]));
    let said = proxy
        .say(format!("POST {}/length HTTP/1.1\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello", server.url()));
    assert!(said.ends_with("\r\n\r\nhello!"), "{said}");
    let said = proxy.say(format!(
        "POST {}/chunks HTTP/1.1\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
        server.url()
    ));
    assert!(said.starts_with("HTTP/1.1 200 ") && said.contains("hello") && said.ends_with("0\r\n\r\n"), "{said}");
    assert_eq!(server.requests()[1].body, b"hello");
}

#[test]
fn each_request_of_a_connection_is_checked() {
    let (server, other) = (echoing(), echoing());
    let proxy = running(&only(&[&server]));
    let said = proxy.say(format!(
        "GET {}/1 HTTP/1.1\r\n\r\nGET {}/2 HTTP/1.1\r\n\r\nGET {}/3 HTTP/1.1\r\nconnection: close\r\n\r\n",
        server.url(),
        other.url(),
        server.url()
    ));
    let statuses: Vec<&str> = said.split("HTTP/1.1 ").skip(1).map(|part| &part[..3]).collect();
    assert_eq!(statuses, ["200", "403", "200"], "{said}");
    assert_eq!((server.requests().len(), other.requests().len()), (2, 0));
}

#[test]
fn a_tunnel_passes_bytes_both_ways() {
    let server = echoing();
    let proxy = running(&only(&[&server]));
    let mut stream = proxy.tunnel(&server.address().to_string());
    for path in ["/one", "/two"] {
        write!(stream, "GET {path} HTTP/1.1\r\nhost: inside\r\n\r\n").unwrap();
        let answer = head(&mut stream);
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        let mut body = [0; 8];
        stream.read_exact(&mut body).unwrap();
        assert_eq!(String::from_utf8_lossy(&body), format!("GET {path}"));
    }
    assert_eq!(server.requests()[0].header("host"), Some("inside"));
}

#[test]
fn what_the_policy_refuses_is_answered_with_the_reason() {
    let server = echoing();
    let (port, proxy) = (server.address().port(), running(&Egress::new(Policy::default()).unwrap()));
    let hosts = ["127.0.0.1", "localhost", "0x7f.1", "2130706433", "[::1]", "[::ffff:127.0.0.1]", "127.0.0.1."];
    for host in hosts {
        for line in [format!("CONNECT {host}:{port}"), format!("GET http://{host}:{port}/secret")] {
            let said = proxy.ask(&line, "");
            assert!(said.starts_with("HTTP/1.1 403 "), "{line}: {said}");
            assert!(
                said.contains(" is this machine\n") && said.contains("hint: to permit it: allow host "),
                "{line}: {said}"
            );
        }
    }
    let said = proxy.ask("CONNECT 169.254.169.254:80", "");
    assert!(said.contains("zo: 169.254.169.254:80 is refused: 169.254.169.254 is a link-local address"), "{said}");
    let said = proxy.ask("CONNECT example.org:25", "");
    assert!(said.contains("port 25 of example.org is no web server's"), "{said}");
    assert!(server.requests().is_empty());
}

#[test]
fn what_is_no_request_of_a_proxy_is_told() {
    let proxy = running(&Egress::new(Policy::default()).unwrap());
    let cases = [
        ("GET /path", "this is a proxy"),
        ("GET https://example.org/", "https is asked for by CONNECT"),
        ("GET ftp://example.org/", "only http and https"),
        ("GET http://me:hush@example.org/", "a user in front of the host"),
        ("CONNECT me@example.org:443", "a user in front of the host"),
        ("CONNECT example.org", "CONNECT takes HOST:PORT"),
        ("CONNECT example.org:0", "CONNECT takes HOST:PORT"),
        ("GET http://example.org:0/", "a port that is none"),
        ("GET http://1.2.3.4.5/", "no host"),
    ];
    for (line, why) in cases {
        let said = proxy.ask(line, "");
        assert!(said.starts_with("HTTP/1.1 400 ") && said.contains(why), "{line}: {said}");
    }
    for bytes in [
        "\r\n\r\n\r\nnonsense\r\n\r\n",
        "GET http://x/ HTTP/9.9\r\n\r\n",
        "\x16\x03\x01\x02\x00",
        "GET http://x/ HTTP/1.1\r\nbad header\r\n\r\n",
    ] {
        let mut stream = proxy.connect();
        stream.write_all(bytes.as_bytes()).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut said = Vec::new();
        stream.read_to_end(&mut said).unwrap();
        let said = String::from_utf8_lossy(&said);
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 400 "), "{bytes:?}: {said}");
    }
    let huge = format!("GET http://example.org/ HTTP/1.1\r\nx: {}\r\n\r\n", "x".repeat(1 << 20));
    let mut stream = proxy.connect();
    // It stops reading before the end.
    let _ = stream.write_all(huge.as_bytes());
    let answer = head(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 431 ") || answer.is_empty(), "{answer}");
    // It still works.
    assert!(proxy.ask("GET /path", "").contains("this is a proxy"));
}

#[test]
fn who_cannot_be_reached_is_no_refusal() {
    let port = dead_port();
    let proxy = running(&Egress::new(Policy { allow_private: true, ..Policy::default() }).unwrap());
    for line in [format!("CONNECT 127.0.0.1:{port}"), format!("GET http://127.0.0.1:{port}/")] {
        let said = proxy.ask(&line, "");
        assert!(said.starts_with("HTTP/1.1 502 ") && said.contains("cannot connect to"), "{said}");
    }
    let said = proxy.ask("CONNECT nobody.invalid:443", "");
    assert!(said.starts_with("HTTP/1.1 502 ") && said.contains("cannot resolve nobody.invalid"), "{said}");
    let broken = ModelServer::start(|_| Response::raw().cut());
    let said = proxy.ask(&format!("GET {}/", broken.url()), "");
    assert!(said.starts_with("HTTP/1.1 502 ") && said.contains("broke the connection"), "{said}");
}

#[test]
fn the_socket_is_the_owners_alone_and_goes_with_the_guard() {
    let server = ModelServer::start(|_| Response::raw().hang());
    let running = running(&only(&[&server]));
    let path = running.proxy.path().to_path_buf();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    assert_eq!(fs::read_dir(running.folder.path()).unwrap().count(), 1);
    let mut tunnel = running.tunnel(&server.address().to_string());
    let mut waiting = running.connect();
    write!(waiting, "GET {}/ HTTP/1.1\r\n\r\n", server.url()).unwrap();
    assert!(server.wait_for_requests(1, Duration::from_secs(10)));

    let began = Instant::now();
    drop(running.proxy);
    assert!(began.elapsed() < Duration::from_millis(900), "{:?}", began.elapsed());
    assert!(!path.exists() && UnixStream::connect(&path).is_err());
    assert_eq!(tunnel.read(&mut [0; 8]).unwrap_or(0), 0, "the tunnel is closed");
    assert_eq!(waiting.read(&mut [0; 8]).unwrap_or(0), 0, "the request is given up");
    assert!(server.wait_for_abandoned(1, Duration::from_secs(10)), "the server's side as well");
}

#[test]
fn a_proxy_outlives_the_egress_it_came_from() {
    let server = echoing();
    let egress = only(&[&server]);
    let running = running(&egress);
    drop(egress);
    assert!(running.ask(&format!("GET {}/", server.url()), "").ends_with("GET /"));
}

#[test]
fn a_place_that_is_taken_is_left_alone() {
    let egress = Egress::new(Policy::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let refused = |path: PathBuf, why: &str| {
        let error = egress.proxy(&path).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Proxy);
        assert!(error.message.contains(why), "{error}");
    };
    let file = folder.path().join("file");
    fs::write(&file, "mine").unwrap();
    refused(file.clone(), "something else is there");
    assert_eq!(fs::read(&file).unwrap(), b"mine");
    let socket = folder.path().join("socket");
    let listener = UnixListener::bind(&socket).unwrap();
    let inode = fs::metadata(&socket).unwrap().ino();
    refused(socket.clone(), "another process listens there");
    assert_eq!(fs::metadata(&socket).unwrap().ino(), inode);
    drop(listener);
    assert!(UnixStream::connect(&socket).is_err());
    let proxy = egress.proxy(&socket).expect("nobody listens on it any more");
    UnixStream::connect(proxy.path()).unwrap();
    refused(folder.path().join("no/such/folder"), "No such file");
    refused(folder.path().join("x".repeat(200)), "path");
}

#[test]
fn fifty_at_once() {
    let server = echoing();
    let proxy = running(&only(&[&server]));
    std::thread::scope(|scope| {
        for number in 0..50 {
            let (proxy, server) = (&proxy, &server);
            scope.spawn(move || {
                if number % 2 == 0 {
                    let said = proxy.ask(&format!("GET {}/{number}", server.url()), "");
                    assert!(said.ends_with(&format!("GET /{number}")), "{said}");
                } else {
                    let mut stream = proxy.tunnel(&server.address().to_string());
                    write!(stream, "GET /{number} HTTP/1.1\r\nconnection: close\r\n\r\n").unwrap();
                    let mut said = String::new();
                    stream.read_to_string(&mut said).unwrap();
                    assert!(said.ends_with(&format!("GET /{number}")), "{said}");
                }
            });
        }
    });
}

#[test]
fn a_tunnel_to_who_says_nothing_ends_with_its_client() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = running(&Egress::new(Policy { allow_private: true, ..Policy::default() }).unwrap());
    let stream = proxy.tunnel(&listener.local_addr().unwrap().to_string());
    let (mut server, _) = listener.accept().unwrap();
    server.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    drop(stream);
    assert_eq!(server.read(&mut [0; 8]).unwrap(), 0);
}
