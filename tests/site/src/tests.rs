//! The site as a client of few words sees it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::{Place, Site};

const PATIENCE: Duration = Duration::from_secs(20);

fn connect(site: &Site, place: Place) -> TcpStream {
    let stream = TcpStream::connect(site.address(place)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// All that is answered to a request after which the connection is closed.
fn ask(site: &Site, place: Place, line: &str, headers: &str, body: &str) -> String {
    let mut stream = connect(site, place);
    let length = body.len();
    write!(
        stream,
        "{line} HTTP/1.1\r\nhost: x\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
    .unwrap();
    let mut said = Vec::new();
    stream.read_to_end(&mut said).unwrap();
    String::from_utf8_lossy(&said).into_owned()
}

fn get(site: &Site, path: &str) -> String {
    ask(site, Place::Site, &format!("GET {path}"), "", "")
}

#[test]
fn pages_are_there_with_the_sites_addresses() {
    let site = Site::start();
    assert!(get(&site, "/").contains("The difficult site"));
    let frames = get(&site, "/frames");
    assert!(frames.contains(&site.other_url_of("/frame-inner?name=cross")), "{frames}");
    assert!(get(&site, "/nothing/there").starts_with("HTTP/1.1 404 "));
    assert!(get(&site, "/..%2f..%2fetc/passwd").starts_with("HTTP/1.1 404 "));
    let links: Vec<String> =
        get(&site, "/").split("href=\"").skip(1).map(|rest| rest[..rest.find('"').unwrap()].into()).collect();
    assert!(links.len() > 40, "{links:?}");
    for link in links.iter().filter(|link| !link.starts_with("/hang") && *link != "/drip" || link.contains('-')) {
        let said = get(&site, link);
        assert!(said.starts_with("HTTP/1.1 200 ") || said.starts_with("HTTP/1.1 302 "), "{link}: {said}");
        assert!(!said.contains("{{"), "{link}: {said}");
    }
}

#[test]
fn requests_are_logged_with_their_place() {
    let site = Site::start();
    ask(&site, Place::Site, "GET /plain?a=1", "x-mine: 2\r\n", "");
    ask(&site, Place::Forbidden, "GET /secret", "", "");
    assert!(site.wait_for(PATIENCE, |seen| seen.place == Place::Forbidden && seen.path == "/secret"));
    assert_eq!(site.arrivals(), (1, 0));
    let all = site.requests();
    assert_eq!((all[0].place, all[0].query.as_str(), all[0].header("X-Mine")), (Place::Site, "a=1", Some("2")));
    site.clear();
    assert!(site.requests().is_empty());
    assert!(!site.wait_for(Duration::from_millis(20), |_| true));
}

#[test]
fn what_hangs_ends_with_its_client_and_with_the_site() {
    let site = Site::start();
    let mut waiting: Vec<TcpStream> = ["/hang", "/hang/body", "/drip"]
        .map(|path| {
            let mut stream = connect(&site, Place::Site);
            write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
            stream
        })
        .into();
    let until = |count: usize| {
        let began = Instant::now();
        while site.hanging() != count && began.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(site.hanging(), count);
    };
    until(3);
    drop(waiting.remove(0));
    until(2);
    let began = Instant::now();
    drop(site);
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    for mut stream in waiting {
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        let rest = String::from_utf8_lossy(&rest);
        assert!(rest.starts_with("HTTP/1.1 200 ") && !rest.ends_with("0\r\n\r\n"), "broken off, not ended: {rest}");
    }
}

#[test]
fn logging_in_takes_the_password() {
    let site = Site::start();
    let wrong = ask(&site, Place::Site, "POST /login", "", "user=ada&password=wrong");
    assert!(wrong.starts_with("HTTP/1.1 403 ") && !wrong.contains("set-cookie"), "{wrong}");
    let right = ask(&site, Place::Site, "POST /login", "", "user=ada&password=correct+horse");
    assert!(right.starts_with("HTTP/1.1 303 ") && right.contains("set-cookie: session=session-1;"), "{right}");
    assert!(get(&site, "/account").contains("location: /login"));
    let account = ask(&site, Place::Site, "GET /account", "cookie: a=b; session=session-1\r\n", "");
    assert!(account.contains("Hello, ada"), "{account}");
    ask(&site, Place::Site, "POST /logout", "cookie: session=session-1\r\n", "");
    assert!(ask(&site, Place::Site, "GET /account", "cookie: session=session-1\r\n", "").contains("location: /login"));
}

#[test]
fn three_pages_are_kept_together_by_a_cookie() {
    let site = Site::start();
    let cookie = "cookie: wizard=wizard-1\r\n";
    assert!(get(&site, "/wizard/2").contains("location: /wizard/1"));
    assert!(get(&site, "/wizard/1").contains("set-cookie: wizard=wizard-1;"));
    let post = |step: usize, body: &str| ask(&site, Place::Site, &format!("POST /wizard/{step}"), cookie, body);
    assert!(post(1, "name=Ada").contains("email is missing"));
    assert!(ask(&site, Place::Site, "GET /wizard/receipt", cookie, "").contains("location: /wizard/1"), "too early");
    assert!(post(1, "name=Ada+%F0%9F%90%9D&email=a%40b.c").contains("location: /wizard/2"));
    assert!(post(2, "street=Weg+1&country=ch").contains("location: /wizard/3"));
    assert!(post(3, "speed=fast&agreed=yes").contains("location: /wizard/done"));
    let receipt = ask(&site, Place::Site, "GET /wizard/receipt", cookie, "");
    assert!(receipt.contains("filename=\"receipt.txt\""), "{receipt}");
    let expected = "receipt\nname: Ada 🐝\nemail: a@b.c\nstreet: Weg 1\ncountry: ch\nspeed: fast\nagreed: yes\n";
    assert!(receipt.ends_with(expected), "{receipt}");
    assert!(ask(&site, Place::Site, "GET /wizard/done", cookie, "").contains("name: Ada 🐝"));
    assert!(get(&site, "/wizard/9").starts_with("HTTP/1.1 404 "));
}

#[test]
fn uploads_are_told_with_size_and_hash() {
    let site = Site::start();
    let body = "--b\r\ncontent-disposition: form-data; name=\"one\"; filename=\"a b.txt\"\r\n\r\nhello\r\n--b--\r\n";
    let said = ask(&site, Place::Site, "POST /upload", "content-type: multipart/form-data; boundary=b\r\n", body);
    assert!(said.contains(&format!("one a b.txt 5 {}", blake3::hash(b"hello").to_hex())), "{said}");
    assert!(ask(&site, Place::Site, "POST /upload", "", "x").starts_with("HTTP/1.1 400 "));
    assert!(ask(&site, Place::Site, "POST /echo", "", "a=%3Cb%3E&c=%C3%A9").contains("a=&lt;b&gt;\nc=é"));
}

#[test]
fn downloads_have_the_names_that_they_should_not() {
    let site = Site::start();
    let traversal = get(&site, "/download/traversal");
    assert!(
        traversal.contains("filename=\"../../etc/x\"") && traversal.ends_with("content of traversal\n"),
        "{traversal}"
    );
    assert!(get(&site, "/download/null").contains("a%00b.txt"));
    assert!(get(&site, "/download/long").len() > 3000);
    let large = get(&site, "/download/large?bytes=100000");
    assert!(large.contains("content-length: 100000\r\n"));
    assert_eq!(large.split_once("\r\n\r\n").unwrap().1.len(), 100_000);
    let page = get(&site, "/downloads");
    for name in ["plain", "traversal", "empty", "long", "stalled"] {
        assert!(page.contains(&format!("href=\"/download/{name}")), "{name}");
    }
}

#[test]
fn redirects_lead_where_they_say() {
    let site = Site::start();
    assert!(get(&site, "/redirect/chain/2").contains("location: /redirect/chain/1\r\n"));
    assert!(get(&site, "/redirect/chain/0").contains("At the end of the chain"));
    assert!(get(&site, "/redirect/file").contains("location: file:///etc/passwd\r\n"));
    let forbidden = format!("location: {}\r\n", site.forbidden_url_of("/secret"));
    assert!(get(&site, "/redirect/forbidden").contains(&forbidden));
    assert!(get(&site, "/redirect/to?url=gopher%3A%2F%2Fx").contains("location: gopher://x\r\n"));
    assert!(get(&site, "/redirect/to?url=%0A").starts_with("HTTP/1.1 400 "));
}

#[test]
fn large_pages_are_as_large_as_they_say() {
    let site = Site::start();
    let page = get(&site, "/large?nodes=400");
    assert_eq!(page.matches("<li>").count(), 100);
    assert_eq!(get(&site, "/deep?levels=7").matches("role=group").count(), 7);
    assert!(get(&site, "/api/items?page=50").contains("\"last\":true"));
}

#[test]
fn a_websocket_says_back_what_it_hears() {
    let site = Site::start();
    let mut stream = connect(&site, Place::Site);
    // Key and answer are those of RFC 6455, section 1.3.
    write!(stream, "GET /ws HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").unwrap();
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() > 0 {
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    assert!(head.starts_with("HTTP/1.1 101 ") && head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
    // A text of two bytes under the mask 0; the answer has none.
    stream.write_all(b"\x81\x82\0\0\0\0hi").unwrap();
    let mut back = [0; 4];
    stream.read_exact(&mut back).unwrap();
    assert_eq!(&back, b"\x81\x02hi");
    assert!(get(&site, "/ws").starts_with("HTTP/1.1 426 "));
}

#[test]
fn its_certificate_is_its_own() {
    let site = Site::start();
    assert!(site.tls_url_of("/").starts_with("https://127.0.0.1:"));
    // A client that greets in plain text is not answered in it.
    let mut stream = connect(&site, Place::Tls);
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let mut said = Vec::new();
    let _ = stream.read_to_end(&mut said);
    assert!(!said.starts_with(b"HTTP/"), "{said:?}");
    assert!(site.requests().is_empty());
}
