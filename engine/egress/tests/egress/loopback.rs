//! The proxy on a port of loopback, spoken to byte by byte: who may use it, policies that change, refusals that are kept.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use zo_egress::{Access, Egress, ErrorKind, HostPattern, LoopbackProxy, OWN_ANSWER, Policy, Refusal};
use zo_model_server::{ModelServer, Request, Response};

use crate::support::{dead_port, only};

const PATIENCE: Duration = Duration::from_secs(20);

fn open(egress: &Egress) -> LoopbackProxy {
    egress.proxy_on_loopback(Access::Anyone).unwrap()
}

fn allowing(hosts: &[String]) -> Policy {
    let allow_hosts = hosts.iter().map(|host| HostPattern::parse(host).unwrap()).collect();
    Policy { allow_hosts, ..Policy::default() }
}

fn connect(proxy: &LoopbackProxy) -> TcpStream {
    let stream = TcpStream::connect(proxy.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// The answer to one request after which the connection is closed.
fn ask(proxy: &LoopbackProxy, line: &str, headers: &str) -> String {
    let mut stream = connect(proxy);
    write!(stream, "{line} HTTP/1.1\r\nhost: x\r\n{headers}connection: close\r\n\r\n").unwrap();
    let mut said = Vec::new();
    stream.read_to_end(&mut said).unwrap();
    String::from_utf8_lossy(&said).into_owned()
}

fn head(stream: &mut TcpStream) -> String {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() > 0 {
        head.push(byte[0]);
    }
    String::from_utf8_lossy(&head).into_owned()
}

fn tunnel(proxy: &LoopbackProxy, target: &str) -> TcpStream {
    let mut stream = connect(proxy);
    write!(stream, "CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n\r\n").unwrap();
    let head = head(&mut stream);
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    stream
}

/// Whether the other side has closed a connection, or does within the patience.
fn is_closed(stream: &mut TcpStream) -> bool {
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Ok(_) => true,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}

fn echoing() -> ModelServer {
    ModelServer::start(|request: &Request| Response::new(200).body(format!("{} {}", request.method, request.path)))
}

fn told(refusals: &[Refusal]) -> Vec<String> {
    refusals.iter().map(|refusal| format!("{} {}", refusal.kind, refusal)).collect()
}

#[test]
fn it_listens_on_loopback_and_takes_requests_and_tunnels() {
    let server = echoing();
    let proxy = open(&only(&[&server]));
    assert!(proxy.address().ip().is_loopback());
    assert!(ask(&proxy, &format!("GET {}/a?b", server.url()), "").ends_with("\r\n\r\nGET /a?b"));
    let mut stream = tunnel(&proxy, &server.address().to_string());
    write!(stream, "GET /inside HTTP/1.1\r\nconnection: close\r\n\r\n").unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    assert!(said.ends_with("GET /inside"), "{said}");
    assert_eq!(proxy.refusals().list, []);
}

#[test]
fn refusals_are_answered_as_the_proxys_own_word_and_kept() {
    let (server, other) = (echoing(), echoing());
    let proxy = open(&only(&[&server]));
    let (address, dead) = (other.address(), dead_port());
    for line in [format!("GET {}/", other.url()), format!("CONNECT {address}"), "CONNECT 10.0.0.1:80".to_owned()] {
        let said = ask(&proxy, &line, "");
        assert!(said.starts_with("HTTP/1.1 403 "), "{said}");
        assert!(said.contains(&format!("{OWN_ANSWER}: refused\r\n")), "{said}");
        assert!(said.contains("zo: ") && said.contains(" is none of the hosts that are allowed"), "{said}");
    }
    let taken = proxy.refusals();
    let expected = [
        format!("refused {address} is none of the hosts that are allowed (2 times)"),
        "refused 10.0.0.1:80 is none of the hosts that are allowed".to_owned(),
    ];
    assert_eq!(told(&taken.list), expected);
    assert_eq!(
        (taken.list[0].host.as_str(), taken.list[0].port, taken.list[0].times),
        ("127.0.0.1", address.port(), 2)
    );
    assert!(taken.list[0].hint.as_ref().unwrap().contains("allow host 127.0.0.1"), "{taken:?}");
    assert_eq!(proxy.refusals().list, [], "they are taken once");
    assert!(other.requests().is_empty());

    proxy.set_policy(Policy { allow_private: true, ..Policy::default() }).unwrap();
    let said = ask(&proxy, &format!("CONNECT 127.0.0.1:{dead}"), "");
    assert!(said.starts_with("HTTP/1.1 502 ") && said.contains(&format!("{OWN_ANSWER}: connect\r\n")), "{said}");
    let taken = proxy.refusals();
    assert_eq!((taken.list.len(), taken.list[0].kind, taken.list[0].is_refused()), (1, ErrorKind::Connect, false));
}

#[test]
fn a_server_cannot_speak_as_the_proxy() {
    let server = ModelServer::start(|_| Response::new(403).header(OWN_ANSWER, "refused").body("zo: it is refused"));
    let proxy = open(&only(&[&server]));
    let said = ask(&proxy, &format!("GET {}/", server.url()), "");
    assert!(said.starts_with("HTTP/1.1 403 ") && said.ends_with("zo: it is refused"), "{said}");
    assert!(!said.contains(OWN_ANSWER), "{said}");
    assert_eq!(proxy.refusals().list, []);
}

#[test]
fn without_the_credentials_nothing_goes_through() {
    let server = echoing();
    let proxy = only(&[&server]).proxy_on_loopback(Access::WithCredentials).unwrap();
    let credentials = proxy.credentials().unwrap().clone();
    let right = credentials.header();
    let lines = [format!("GET {}/", server.url()), format!("CONNECT {}", server.address())];
    let wrong = [
        String::new(),
        "Basic".to_owned(),
        "Basic em86em8=".to_owned(),
        format!("Bearer {}", credentials.password),
        right[..right.len() - 2].to_owned(),
        format!("{right}A"),
    ];
    for line in &lines {
        for value in &wrong {
            let said = ask(&proxy, line, &format!("proxy-authorization: {value}\r\n"));
            assert!(said.starts_with("HTTP/1.1 407 "), "{value}: {said}");
            assert!(said.contains("proxy-authenticate: Basic realm=\"zo\"\r\n"), "{said}");
            assert!(said.contains(&format!("{OWN_ANSWER}: credentials\r\n")), "{said}");
        }
    }
    assert!(server.requests().is_empty());
    let header = format!("proxy-authorization: {right}\r\n");
    assert!(ask(&proxy, &lines[0], &header).ends_with("GET /"));
    assert_eq!(server.requests()[0].header("proxy-authorization"), None, "the server does not learn them");
    let another = only(&[&server]).proxy_on_loopback(Access::WithCredentials).unwrap();
    assert_ne!(another.credentials(), Some(&credentials), "each proxy has its own");
    assert!(!format!("{credentials:?} {proxy:?}").contains(&credentials.password), "nor does a trace");
    assert_eq!(open(&only(&[&server])).credentials(), None);
}

#[test]
fn a_new_policy_closes_what_it_refuses_and_nothing_else() {
    let (kept, closed) = (echoing(), ModelServer::start(|_| Response::chunked(200).send("first").hang()));
    let both = [kept.address().to_string(), closed.address().to_string()];
    let proxy = open(&Egress::new(allowing(&both)).unwrap());
    let (mut kept_tunnel, mut closed_tunnel) = (tunnel(&proxy, &both[0]), tunnel(&proxy, &both[1]));
    let mut answer = connect(&proxy);
    write!(answer, "GET {}/body HTTP/1.1\r\nhost: x\r\n\r\n", closed.url()).unwrap();
    let mut began = [0; 5];
    assert!(head(&mut answer).starts_with("HTTP/1.1 200 "));
    while !began.starts_with(b"first") {
        // The lines before are the chunk's length.
        began.rotate_left(1);
        answer.read_exact(&mut began[4..]).unwrap();
    }

    let wide = Egress::new(allowing(&both)).unwrap();
    let misspelt = allowing(&["127.0.0.1".to_owned()]);
    assert_eq!(proxy.set_policy(misspelt).unwrap_err().kind, ErrorKind::Policy, "a rule that permits nothing");
    assert_eq!(*proxy.policy(), *wide.policy(), "it stays what it was");
    proxy.set_policy(allowing(&both[..1])).unwrap();

    let began = Instant::now();
    assert!(is_closed(&mut closed_tunnel) && is_closed(&mut answer));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(closed.wait_for_abandoned(1, PATIENCE), "the server's side as well");
    write!(kept_tunnel, "GET /still HTTP/1.1\r\nconnection: close\r\n\r\n").unwrap();
    let mut said = String::new();
    kept_tunnel.read_to_string(&mut said).unwrap();
    assert!(said.ends_with("GET /still"), "{said}");
    let expected = format!("refused {} is none of the hosts that are allowed (2 times)", both[1]);
    assert_eq!(told(&proxy.refusals().list), [expected]);
    assert!(ask(&proxy, &format!("GET {}/", closed.url()), "").starts_with("HTTP/1.1 403 "));

    proxy.set_policy(allowing(&both[1..])).unwrap();
    assert!(ask(&proxy, &format!("GET {}/", kept.url()), "").starts_with("HTTP/1.1 403 "), "and the other way round");
    tunnel(&proxy, &both[1]);
}

/// A server that becomes a WebSocket's, and says back what it hears.
fn upgrading() -> (String, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let asked = head(&mut stream);
        write!(
            stream,
            "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\nx-mine: 1\r\n\r\n"
        )
        .unwrap();
        let mut heard = [0; 4];
        while stream.read_exact(&mut heard).is_ok() {
            stream.write_all(&heard).unwrap();
        }
        asked
    });
    (address, thread)
}

#[test]
fn plain_http_can_become_a_websocket() {
    let (address, server) = upgrading();
    let proxy = open(&Egress::new(allowing(std::slice::from_ref(&address))).unwrap());
    let mut stream = connect(&proxy);
    write!(
        stream,
        "GET http://{address}/ws HTTP/1.1\r\nhost: x\r\nconnection: keep-alive, Upgrade\r\nupgrade: websocket\r\nsec-websocket-key: k\r\n\r\n"
    )
    .unwrap();
    let answer = head(&mut stream).to_lowercase();
    assert!(answer.starts_with("http/1.1 101 "), "{answer}");
    for header in ["\r\nconnection: upgrade\r\n", "\r\nupgrade: websocket\r\n", "\r\nx-mine: 1\r\n"] {
        assert!(answer.contains(header), "{answer}");
    }
    for word in [b"ping", b"pong"] {
        stream.write_all(word).unwrap();
        let mut back = [0; 4];
        stream.read_exact(&mut back).unwrap();
        assert_eq!(&back, word);
    }
    proxy.set_policy(Policy::default()).unwrap();
    assert!(is_closed(&mut stream), "a new policy closes it too");
    let asked = server.join().unwrap().to_lowercase();
    assert!(asked.contains("upgrade: websocket\r\n") && asked.contains("sec-websocket-key: k\r\n"), "{asked}");
}

#[test]
fn other_upgrades_are_not_passed_on() {
    let server = echoing();
    let proxy = open(&only(&[&server]));
    let said = ask(&proxy, &format!("GET {}/", server.url()), "upgrade: h2c\r\nconnection: upgrade\r\n");
    assert!(said.starts_with("HTTP/1.1 200 "), "{said}");
    assert_eq!(server.requests()[0].header("upgrade"), None);
}

#[test]
fn a_websocket_that_is_denied_is_an_answer() {
    let server = ModelServer::start(|_| Response::new(401).body("who are you"));
    let proxy = open(&only(&[&server]));
    let said = ask(&proxy, &format!("GET {}/", server.url()), "upgrade: websocket\r\n");
    assert!(said.starts_with("HTTP/1.1 401 ") && said.ends_with("who are you"), "{said}");
}

#[test]
fn it_ends_with_its_guard() {
    let server = ModelServer::start(|_| Response::raw().hang());
    let proxy = open(&only(&[&server]));
    let mut stream = tunnel(&proxy, &server.address().to_string());
    let address = proxy.address();
    let began = Instant::now();
    drop(proxy);
    assert!(began.elapsed() < Duration::from_millis(900), "{:?}", began.elapsed());
    assert!(is_closed(&mut stream));
    assert!(TcpStream::connect(address).is_err(), "nobody listens there any more");
}
