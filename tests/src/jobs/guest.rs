//! A connection to whoever has the home. It waits for the next one when that is killed, and never takes the home itself.

use std::io::{self, BufReader, BufWriter, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use zo_engine::home;
use zo_engine::protocol::{Failure, Request, Response};
use zo_engine::wire::{self, Hello, SocketPath};

/// A home that nobody has for so long is not going to be had.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(5);

/// Somebody who asks.
pub struct Guest {
    home: PathBuf,
    connection: Option<(BufReader<UnixStream>, BufWriter<UnixStream>)>,
}

/// What came of a request.
#[derive(Debug)]
pub enum Heard {
    /// The answer.
    Answer(Response),
    /// The domain said no.
    Refused(Failure),
    /// Whoever had the home is gone: whether it was done is not known.
    Nothing,
}

impl Guest {
    /// A guest of the home in this folder, not connected yet.
    pub fn new(home: &Path) -> Self {
        Self { home: home.to_owned(), connection: None }
    }

    /// Asks once, of whoever has the home next.
    ///
    /// # Errors
    /// If nobody takes the home, or the answer is none of a request's.
    pub fn try_once(&mut self, request: &Request) -> Result<Heard> {
        let until = Instant::now() + PATIENCE;
        while self.connection.is_none() {
            match self.connect() {
                Ok(connection) => self.connection = Some(connection),
                Err(error) if Instant::now() > until => return Err(error).context("nobody has the home"),
                Err(_) => thread::sleep(PAUSE),
            }
        }
        let Some(connection) = &mut self.connection else { bail!("it was made above") };
        match exchange(connection, request) {
            Ok(Ok(response)) => Ok(Heard::Answer(response)),
            Ok(Err(failure)) if failure.is_refusal() => Ok(Heard::Refused(failure)),
            Ok(Err(failure)) => bail!("{request:?} failed: {failure}"),
            Err(_) => {
                self.connection = None;
                Ok(Heard::Nothing)
            }
        }
    }

    /// Asks until somebody answers: for what may be asked again.
    ///
    /// # Errors
    /// As [`Self::try_once`], and if it is refused.
    pub fn ask(&mut self, request: &Request) -> Result<Response> {
        loop {
            match self.try_once(request)? {
                Heard::Answer(response) => return Ok(response),
                Heard::Refused(failure) => bail!("{request:?} is refused: {failure}"),
                Heard::Nothing => {}
            }
        }
    }

    fn connect(&self) -> io::Result<(BufReader<UnixStream>, BufWriter<UnixStream>)> {
        let socket = SocketPath::new(&home::socket_folder(&self.home))?;
        let stream = UnixStream::connect(socket.path())?;
        let output = BufWriter::new(stream.try_clone()?);
        let mut input = BufReader::new(stream);
        wire::read::<Hello>(&mut input)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok((input, output))
    }
}

/// The one response of a request, or why it failed; an error if the connection broke.
fn exchange(
    (input, output): &mut (BufReader<UnixStream>, BufWriter<UnixStream>),
    request: &Request,
) -> io::Result<Result<Response, Failure>> {
    wire::write(output, request)?;
    output.flush()?;
    let mut answer = Response::Done;
    loop {
        match wire::read::<Response>(input)?.ok_or(io::ErrorKind::UnexpectedEof)? {
            Response::Done => return Ok(Ok(answer)),
            Response::Failed(failure) => return Ok(Err(failure)),
            response => answer = response,
        }
    }
}
