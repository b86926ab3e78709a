//! One client of a proxy: its requests, checked and passed on.

use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};

use http_body_util::{Either, Empty, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{HeaderValue, PROXY_AUTHENTICATE};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::task::JoinSet;

use super::forward::{
    Upgrade, own_answer, passed_on, plain_target, remove_between_hops, told, tunnel_target, upgraded_to,
};
use super::way::{Connected, Way};
use crate::error::{EgressError, ErrorKind};
use crate::policy::Target;

/// What the proxy answers with: what came from a server, or a word of its own.
pub(super) type Body = Either<Incoming, Either<Full<Bytes>, Empty<Bytes>>>;

/// Somebody who is connected to the proxy.
pub(super) struct Client {
    way: Arc<Way>,
    /// What goes on beside the requests: tunnels, and the connections that bodies come from. All end with the client.
    tasks: Mutex<JoinSet<()>>,
    /// Dropped when all of it has ended.
    alive: Sender<()>,
}

impl Client {
    pub(super) fn new(way: Arc<Way>, alive: Sender<()>) -> Self {
        Client { way, tasks: Mutex::default(), alive }
    }

    /// The answer to one request.
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        if let Some(credentials) = self.way.credentials()
            && !credentials.are_in(request.headers())
        {
            return who_are_you();
        }
        let connect = request.method() == Method::CONNECT;
        let target = if connect { tunnel_target(request.uri()) } else { plain_target(request.uri()) };
        let answered = match target {
            Ok(target) => self.reach(request, target, connect).await,
            Err(error) => Err(error),
        };
        answered.unwrap_or_else(|error| {
            tracing::debug!(kind = %error.kind, %error, "the proxy refuses");
            told(&error)
        })
    }

    /// Waits for the tunnels.
    pub(super) async fn finish(self) {
        let mut tasks = self.tasks.into_inner().unwrap_or_else(PoisonError::into_inner);
        while tasks.join_next().await.is_some() {}
    }

    /// What came of a request that names a target; if nothing, that is kept.
    async fn reach(
        &self,
        request: Request<Incoming>,
        target: Target,
        connect: bool,
    ) -> Result<Response<Body>, EgressError> {
        let answered = match self.way.dial(target.clone()).await {
            Ok(connected) if connect => Ok(self.tunnel(request, connected)),
            Ok(connected) => self.forward(request, connected).await,
            Err(error) => Err(error),
        };
        answered.inspect_err(|error| self.way.note(&target, error))
    }

    /// Passes bytes both ways once the client has heard that there is a connection.
    fn tunnel(&self, request: Request<Incoming>, connected: Connected) -> Response<Body> {
        let Connected { mut stream, place, .. } = connected;
        self.beside(async move {
            let passing = async {
                if let Ok(upgraded) = hyper::upgrade::on(request).await {
                    // Either side may break it off at any time.
                    let _ = tokio::io::copy_bidirectional(&mut TokioIo::new(upgraded), &mut stream).await;
                }
            };
            place.keep(passing).await;
        });
        Response::new(Either::Right(Either::Right(Empty::new())))
    }

    /// Passes a request on, and its answer back.
    async fn forward(
        &self,
        mut request: Request<Incoming>,
        connected: Connected,
    ) -> Result<Response<Body>, EgressError> {
        let Connected { target, stream, place } = connected;
        let upgrade = Upgrade::asked_by(&mut request);
        let request = passed_on(request, &target, upgrade.as_ref())?;
        let broken = |error: hyper::Error| {
            let message = format!("{target} broke the connection before an answer: {error}");
            EgressError::new(ErrorKind::Broken, message)
        };
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        let until_upgraded = place.clone();
        self.beside(async move {
            until_upgraded
                .keep(async {
                    // Who waits for the answer or its body hears of the error.
                    let _ = connection.with_upgrades().await;
                })
                .await;
        });
        let mut response = sender.send_request(request).await.map_err(broken)?;
        let server = hyper::upgrade::on(&mut response);
        remove_between_hops(response.headers_mut());
        match upgrade {
            Some(upgrade) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
                let answer = upgraded_to(&upgrade.protocol, response);
                self.beside(async move {
                    let passing = async {
                        if let (Ok(client), Ok(server)) = (upgrade.client.await, server.await) {
                            let (mut client, mut server) = (TokioIo::new(client), TokioIo::new(server));
                            // Either side may break it off at any time.
                            let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                        }
                    };
                    place.keep(passing).await;
                });
                Ok(answer)
            }
            _ => Ok(response.map(Either::Left)),
        }
    }

    fn beside(&self, task: impl Future<Output = ()> + Send + 'static) {
        let alive = self.alive.clone();
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            task.await;
            drop(alive);
        });
    }
}

/// What somebody hears who does not say the password.
fn who_are_you() -> Response<Body> {
    let text = "zo: this proxy is for the browser it was started for\n".to_string();
    let mut response = own_answer(StatusCode::PROXY_AUTHENTICATION_REQUIRED, "credentials", text);
    response.headers_mut().insert(PROXY_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"zo\""));
    response
}
