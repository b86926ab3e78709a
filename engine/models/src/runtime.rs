//! The blocking outside of everything: a lazy runtime, shared by all threads that call.
//!
//! A call is driven on the thread that makes it, so a delta goes from the socket to the caller without a queue or a poll: some 30 µs
//! (median, loopback, two busy cores). The first call of a process has its request on the wire after about 1 ms by http, and 3 to 8 ms later
//! by https, for the system's certificates.

use std::future::Future;
use std::ops::ControlFlow;
use std::sync::{Arc, OnceLock};

use tokio::runtime::{Builder, Runtime};

use crate::call::{self, Learned};
use crate::chat::ChatRequest;
use crate::error::{ErrorKind, ModelError};
use crate::exchange::{Endpoint, error_of};
use crate::fault::Fault;
use crate::http::Http;
use crate::list::{self, ModelInfo};
use crate::listener::Listener;
use crate::options::Options;
use crate::provider::Provider;
use crate::reply::{Delta, Reply};
use crate::secret::Secret;
use crate::test::Step;
use crate::{ollama, test};

/// Threads of the runtime: they only move bytes; what is done with them happens on the threads that call.
const WORKERS: usize = 2;

/// The way to every model. Cheap to make and to clone; the runtime and the HTTP clients are made by the first call.
///
/// Every method blocks, may be called from many threads at once, and must be called neither from asynchronous code nor from
/// within the `each` of another call.
#[derive(Clone, Debug)]
pub struct Models {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    http: Http,
    learned: Learned,
    runtime: OnceLock<Runtime>,
}

impl Models {
    /// A client with these options.
    pub fn new(options: Options) -> Self {
        Models {
            inner: Arc::new(Inner { http: Http::new(options), learned: Learned::default(), runtime: OnceLock::new() }),
        }
    }

    /// One call with its retries; nothing is retried once a [`Delta::Text`] was delivered.
    ///
    /// `each` is called on the calling thread, and ends the call by `Break`.
    ///
    /// # Errors
    /// What [`ErrorKind`] lists; [`ErrorKind::Cancelled`] after a `Break`.
    pub fn chat(
        &self,
        provider: &Provider,
        key: Option<&Secret>,
        request: &ChatRequest,
        each: &mut dyn FnMut(Delta<'_>) -> ControlFlow<()>,
    ) -> Result<Reply, ModelError> {
        let work = async {
            let mut listener = Listener::new(each);
            call::chat(&self.inner.http, &self.inner.learned, provider, key, request, &mut listener).await
        };
        self.run(provider, work)?
    }

    /// The models that a provider has, as it lists them.
    ///
    /// # Errors
    /// As for [`chat`](Self::chat); nothing is tried again.
    pub fn list(&self, provider: &Provider, key: Option<&Secret>) -> Result<Vec<ModelInfo>, ModelError> {
        let url = list::url(&Endpoint { provider, key });
        let work = async {
            let endpoint = Endpoint::new(provider, key)?;
            list::models(&self.inner.http, endpoint, &mut Listener::new(&mut quiet())).await
        };
        self.run(provider, work)?.map_err(|fault| error_of(provider, key, fault, &url, None, 1))
    }

    /// Whether the key is taken, by the cheapest authenticated request there is.
    ///
    /// # Errors
    /// [`ErrorKind::Key`] if it is not; anything else if that could not be found out.
    pub fn check_key(&self, provider: &Provider, key: &Secret) -> Result<(), ModelError> {
        let url = list::key_url(&Endpoint { provider, key: Some(key) });
        let work = async {
            let endpoint = Endpoint::new(provider, Some(key))?;
            list::check_key(&self.inner.http, endpoint, &mut Listener::new(&mut quiet())).await
        };
        self.run(provider, work)?.map_err(|fault| error_of(provider, Some(key), fault, &url, None, 1))
    }

    /// Tries each step of a connection in turn and stops at the first that fails; true if none did. `each` is called as steps end.
    pub fn test(&self, provider: &Provider, key: Option<&Secret>, model: &str, each: &mut dyn FnMut(&Step)) -> bool {
        let work = test::run(&self.inner.http, &self.inner.learned, provider, key, model, each);
        self.run(provider, work).unwrap_or(false)
    }

    /// The most recently modified model of a local Ollama that can chat, if Ollama answers within 300 ms.
    pub fn local_chat_model(&self, ollama: &Provider) -> Option<String> {
        self.run(ollama, ollama::chat_model(&self.inner.http, ollama)).ok().flatten()
    }

    /// Drives `work` on this thread; the runtime's own threads only move bytes.
    fn run<F: Future>(&self, provider: &Provider, work: F) -> Result<F::Output, ModelError> {
        let runtime = match self.inner.runtime.get() {
            Some(runtime) => runtime,
            None => {
                let built =
                    Builder::new_multi_thread().worker_threads(WORKERS).thread_name("zo-models").enable_all().build();
                let built = built.map_err(|error| {
                    let fault = Fault::new(ErrorKind::Connect, format!("no threads for the network: {error}"));
                    error_of(provider, None, fault, &provider.base_url, None, 0)
                })?;
                // Another thread may have been faster; a runtime that was never used has nothing to wait for.
                if let Err(spare) = self.inner.runtime.set(built) {
                    spare.shutdown_background();
                }
                self.inner.runtime.get().expect("set by this thread or the one that was faster")
            }
        };
        Ok(runtime.block_on(work))
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // A name resolution that hangs must not keep a process from ending.
            runtime.shutdown_background();
        }
    }
}

/// For requests that nobody listens to.
fn quiet() -> impl FnMut(Delta<'_>) -> ControlFlow<()> {
    |_| ControlFlow::Continue(())
}
