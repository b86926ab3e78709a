//! One way to ask, whoever holds the store: this process, or another one behind the home's socket.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::protocol::{Answer, At, Failure, FailureKind, Query, Request, Response};

/// How a home is to be opened.
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    /// Fail if there is no home yet, and do not make one.
    pub must_exist: bool,
}

/// Access to a home: the store itself, or a connection to who holds it. Requests that change nothing twice are
/// repeated by themselves when the holder goes away: on the next holder, or on this process, which takes over.
pub struct Client {
    home: PathBuf,
}

impl Client {
    /// Opens the home, or connects to who has it.
    ///
    /// # Errors
    /// A [`Failure`] that says what is wrong with the home, and what to do.
    pub fn open(home: &Path, options: &OpenOptions) -> Result<Self, Failure> {
        let _ = options;
        Ok(Self { home: home.to_owned() })
    }

    /// What opening found and mended, for people: empty unless something was wrong.
    pub fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    /// Sends a request; `each` is given every response but the last one (`Done` or `Failed`) and may stop early.
    ///
    /// # Errors
    /// The [`Failure`] the request ended with.
    pub fn call(
        &mut self,
        request: &Request,
        each: &mut dyn FnMut(Response) -> ControlFlow<()>,
    ) -> Result<(), Failure> {
        let _ = (request, each, &self.home);
        Err(Failure::new(FailureKind::Io, "the engine is being written"))
    }

    /// Sends a request that has exactly one response.
    ///
    /// # Errors
    /// The [`Failure`] the request ended with.
    pub fn one(&mut self, request: &Request) -> Result<Response, Failure> {
        let mut response = None;
        self.call(request, &mut |each| {
            response = Some(each);
            ControlFlow::Continue(())
        })?;
        response.ok_or_else(|| Failure::new(FailureKind::Io, "the holder gave no answer"))
    }

    /// Sends a query.
    ///
    /// # Errors
    /// The [`Failure`] the request ended with.
    pub fn query(&mut self, query: Query, at: Option<At>) -> Result<Answer, Failure> {
        match self.one(&Request::Query { query, at })? {
            Response::Answer(answer) => Ok(*answer),
            other => Err(Failure::new(FailureKind::Io, format!("an answer was expected, and {other:?} came"))),
        }
    }

    /// Ends the access: a holder writes what it has derived, and lets the next one take over.
    ///
    /// # Errors
    /// If closing the store fails; everything acknowledged is durable all the same.
    pub fn close(self) -> Result<(), Failure> {
        Ok(())
    }
}
