//! What the tests share: a browser, and a small site of their own on loopback.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use zo_browser::{Act, ActError, ActErrorKind, Done, Session, SessionOptions};

/// The browser that is driven.
pub(crate) fn program() -> PathBuf {
    let named = std::env::var_os("ZO_TEST_CHROMIUM").map(PathBuf::from);
    zo_browser::find::program(named.as_deref()).unwrap_or_else(|error| {
        panic!("{error}; these tests need a browser: name one in ZO_TEST_CHROMIUM, or run tests/run, which says what is missing")
    })
}

/// A session in folders of its own.
pub(crate) struct Home {
    pub(crate) session: Option<Session>,
    pub(crate) folder: TempDir,
}

impl Home {
    pub(crate) fn new() -> Home {
        Home::with(|_| ())
    }

    pub(crate) fn with(change: impl FnOnce(&mut SessionOptions)) -> Home {
        let folder = tempfile::tempdir().unwrap();
        let mut options = options(folder.path());
        change(&mut options);
        let session = Session::open(options).unwrap_or_else(|error| panic!("{error}"));
        Home { session: Some(session), folder }
    }

    pub(crate) fn session(&self) -> &Session {
        self.session.as_ref().unwrap()
    }

    pub(crate) fn profile(&self) -> PathBuf {
        self.folder.path().join("profile")
    }

    pub(crate) fn try_act(&self, act: Value) -> Result<Done, ActError> {
        self.within(act, Duration::from_secs(20))
    }

    pub(crate) fn within(&self, act: Value, deadline: Duration) -> Result<Done, ActError> {
        self.session().act(&Act::from_value(act)?, deadline, &|| false)
    }

    #[track_caller]
    pub(crate) fn act(&self, act: Value) -> Done {
        let said = act.to_string();
        self.try_act(act)
            .unwrap_or_else(|error| panic!("{said}: {}: {error}; {:?}; {:?}", error.kind, error.hint, error.notes))
    }

    #[track_caller]
    pub(crate) fn fails(&self, act: Value, kind: ActErrorKind) -> ActError {
        let said = act.to_string();
        let error = self.within(act, Duration::from_secs(3)).expect_err(&said);
        assert_eq!(error.kind, kind, "{said}: {error}");
        error
    }

    #[track_caller]
    pub(crate) fn open(&self, url: &str) -> Done {
        self.act(serde_json::json!({ "act": "open", "url": url }))
    }

    #[track_caller]
    pub(crate) fn eval(&self, script: &str) -> Value {
        self.act(serde_json::json!({ "act": "eval", "script": script })).value
    }

    #[track_caller]
    pub(crate) fn snapshot(&self) -> String {
        self.act(serde_json::json!({ "act": "snapshot" })).text.unwrap()
    }
}

pub(crate) fn options(folder: &Path) -> SessionOptions {
    SessionOptions::new(program(), folder.join("profile"), folder.join("downloads"))
}

/// The reference of the line that has this in it.
#[track_caller]
pub(crate) fn reference(snapshot: &str, part: &str) -> String {
    let line = snapshot
        .lines()
        .find(|line| line.contains(part) && line.contains("[e"))
        .unwrap_or_else(|| panic!("no {part} in\n{snapshot}"));
    let start = line.find("[e").unwrap_or_else(|| panic!("no reference in {line}"));
    format!("@{}", &line[start + 1..start + line[start..].find(']').unwrap()])
}

/// Waits until something is so.
#[track_caller]
pub(crate) fn eventually(what: &str, mut so: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(10);
    while !so() {
        assert!(Instant::now() < until, "{what} after 10 s");
        thread::sleep(Duration::from_millis(20));
    }
}

/// The processes that were told of this folder on their command line.
pub(crate) fn processes(folder: &Path) -> Vec<u32> {
    let wanted = folder.to_str().unwrap().as_bytes().to_vec();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let browser =
            line.split(|byte| *byte == 0).next().is_some_and(|name| String::from_utf8_lossy(name).contains("chrom"));
        if browser && line.windows(wanted.len()).any(|part| part == wanted) {
            found.push(pid);
        }
    }
    found
}

/// A site on loopback.
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    /// What came, as `METHOD /path`, in order.
    pub(crate) seen: Arc<Mutex<Vec<String>>>,
}

/// A page by its path: head lines, body.
type Pages = HashMap<&'static str, (&'static str, Vec<u8>)>;

impl Site {
    pub(crate) fn new(pages: &[(&'static str, &str)]) -> Site {
        Site::with(
            pages
                .iter()
                .map(|(path, body)| (*path, "Content-Type: text/html; charset=utf-8\r\n", body.as_bytes().to_vec()))
                .collect(),
        )
    }

    /// With head lines of their own, each ended by `\r\n`.
    pub(crate) fn with(pages: Vec<(&'static str, &'static str, Vec<u8>)>) -> Site {
        let pages: Pages = pages.into_iter().map(|(path, head, body)| (path, (head, body))).collect();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (pages, log) = (Arc::new(pages), Arc::clone(&seen));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (pages, log) = (Arc::clone(&pages), Arc::clone(&log));
                thread::spawn(move || answer(stream, &pages, &log));
            }
        });
        Site { address, seen }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The same site under another host, so that it is another site to the browser.
    pub(crate) fn elsewhere(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.address.port())
    }
}

fn answer(stream: TcpStream, pages: &Pages, log: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut first = String::new();
    if reader.read_line(&mut first).is_err() || first.is_empty() {
        return;
    }
    let mut length = 0;
    let mut cookie = String::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
            break;
        }
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        if let Some(value) = line.strip_prefix("Cookie:") {
            value.trim().clone_into(&mut cookie);
        }
    }
    let mut body = vec![0; length];
    let _ = reader.read_exact(&mut body);
    let mut words = first.split(' ');
    let (method, whole) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    log.lock().unwrap().push(format!("{method} {whole} {}", String::from_utf8_lossy(&body)).trim().to_owned());
    let path = whole.split('?').next().unwrap_or_default();
    let mut stream = stream;
    let (status, head, body) = match path {
        "/hang" => {
            // Until the browser gives up.
            let _ = reader.read(&mut [0; 1]);
            return;
        }
        "/cookie" => ("200 OK", "Content-Type: text/html\r\n", format!("<p id=cookie>{cookie}</p>").into_bytes()),
        path => match pages.get(path) {
            Some((head, body)) if head.starts_with("Location") => ("302 Found", *head, body.clone()),
            Some((head, body)) => ("200 OK", *head, body.clone()),
            None => ("404 Not Found", "Content-Type: text/html\r\n", b"<h1>not here</h1>".to_vec()),
        },
    };
    let _ = write!(stream, "HTTP/1.1 {status}\r\n{head}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    let _ = stream.write_all(&body);
}
