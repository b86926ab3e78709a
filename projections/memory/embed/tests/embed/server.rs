//! A model hub on this machine, as far as its client needs one: ranges, an etag, a commit.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

/// How the server misbehaves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Manner {
    /// Not at all.
    Good,
    /// Closes the connection in the middle of a body longer than a range probe.
    ClosesEarly,
    /// Sends half a body, and says that this is all.
    SaysHalf,
    /// Knows no file.
    KnowsNothing,
    /// Talks no HTTP.
    Babbles,
}

/// A running server; it lives until the test's process ends.
pub(crate) struct Server {
    pub(crate) endpoint: String,
    manner: Arc<Mutex<Manner>>,
    /// `GET PATH RANGE` for each request.
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Serves these files, by their path in the repository.
    pub(crate) fn start(repository: &str, files: HashMap<String, Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let endpoint = format!("http://{}", listener.local_addr().expect("it has an address"));
        let manner = Arc::new(Mutex::new(Manner::Good));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let server = Self { endpoint, manner: manner.clone(), requests: requests.clone() };
        let beginning = format!("/{repository}/resolve/main/");
        let files = Arc::new(files);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (files, beginning) = (files.clone(), beginning.clone());
                let (manner, requests) = (manner.clone(), requests.clone());
                // A client that goes away is its own business.
                thread::spawn(move || drop(answer(stream, &files, &beginning, &manner, &requests)));
            }
        });
        server
    }

    pub(crate) fn behave(&self, manner: Manner) {
        *self.manner.lock().expect("nobody panics with it") = manner;
    }

    /// What was asked since the last call.
    pub(crate) fn requests(&self) -> Vec<String> {
        std::mem::take(&mut *self.requests.lock().expect("nobody panics with it"))
    }
}

fn answer(
    mut stream: TcpStream,
    files: &HashMap<String, Vec<u8>>,
    beginning: &str,
    manner: &Mutex<Manner>,
    requests: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let mut request = String::new();
        if reader.read_line(&mut request)? == 0 {
            return Ok(());
        }
        let mut range = (0, None);
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            let header = header.trim().to_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("range: bytes=") {
                let (from, to) = value.split_once('-').expect("a range has two ends");
                range = (from.parse().expect("a number"), to.parse::<usize>().ok());
            }
        }
        let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
        requests.lock().expect("nobody panics with it").push(format!("{path} {}-{:?}", range.0, range.1));
        let manner = *manner.lock().expect("nobody panics with it");
        let content = path.strip_prefix(beginning).and_then(|file| files.get(file));
        let Some(content) = content.filter(|_| manner != Manner::KnowsNothing) else {
            stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")?;
            continue;
        };
        if manner == Manner::Babbles {
            return stream.write_all(b"220 mail server ready\r\n");
        }
        let end = range.1.map_or(content.len(), |to| (to + 1).min(content.len()));
        let body = &content[range.0.min(end)..end];
        let is_long = body.len() > 1000;
        let announced = if manner == Manner::SaysHalf && is_long { body.len() / 2 } else { body.len() };
        write!(
            stream,
            "HTTP/1.1 206 Partial Content\r\nContent-Length: {announced}\r\nContent-Range: bytes {}-{}/{}\r\n\
             ETag: \"{}\"\r\nx-repo-commit: 0123abcd\r\n\r\n",
            range.0,
            end.saturating_sub(1),
            content.len(),
            blake3::hash(content).to_hex(),
        )?;
        match manner {
            Manner::ClosesEarly if is_long => return stream.write_all(&body[..body.len() / 2]),
            _ => stream.write_all(&body[..announced])?,
        }
    }
}
