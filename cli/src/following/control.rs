//! What is said to a run while it is followed: over another client, since the one that follows is busy.

use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

use zo_engine::client::{Client, OpenOptions};
use zo_engine::protocol::{Environment, Request};

use crate::context::write_one;
use crate::error::CliError;

/// Sends requests without waiting for what they come to.
pub(super) struct Control {
    home: PathBuf,
    options: OpenOptions,
    sent: Vec<JoinHandle<Result<(), CliError>>>,
}

impl Control {
    pub(super) fn new(home: &Path, environment: Environment) -> Self {
        Self { home: home.to_owned(), options: OpenOptions { must_exist: true, environment }, sent: Vec::new() }
    }

    /// Sends a request that changes one thing.
    pub(super) fn send(&mut self, request: Request) {
        let (home, options) = (self.home.clone(), self.options.clone());
        // The client connects to whoever holds the home, be it this process.
        self.sent.push(thread::spawn(move || {
            let mut client = Client::open(&home, &options)?;
            write_one(&mut client, &request)?;
            Ok(client.close()?)
        }));
    }

    /// What requests failed with that have ended meanwhile.
    pub(super) fn failures(&mut self) -> Vec<CliError> {
        let (ended, under_way) = std::mem::take(&mut self.sent).into_iter().partition(JoinHandle::is_finished);
        self.sent = under_way;
        failures_of(ended)
    }

    /// Waits until everything that was sent has come to something; what failed.
    pub(super) fn finish(&mut self) -> Vec<CliError> {
        failures_of(std::mem::take(&mut self.sent))
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.finish();
    }
}

fn failures_of(ended: Vec<JoinHandle<Result<(), CliError>>>) -> Vec<CliError> {
    ended.into_iter().filter_map(|thread| thread.join().ok()?.err()).collect()
}
