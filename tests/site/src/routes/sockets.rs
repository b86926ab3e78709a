//! A WebSocket that says back what it hears.

use async_tungstenite::WebSocketStream;
use async_tungstenite::tokio::TokioAdapter;
use async_tungstenite::tungstenite::handshake::derive_accept_key;
use async_tungstenite::tungstenite::protocol::Role;
use axum::Router;
use axum::extract::Request;
use axum::http::header::{CONNECTION, HeaderName, SEC_WEBSOCKET_KEY, UPGRADE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use futures_util::StreamExt;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;

use super::App;

pub(super) fn routes() -> Router<App> {
    Router::new().route("/ws", any(echo))
}

/// The handshake (RFC 6455, section 4.2), and then the echo.
async fn echo(mut request: Request) -> Response {
    let Some(key) = request.headers().get(SEC_WEBSOCKET_KEY) else {
        return (StatusCode::UPGRADE_REQUIRED, "this is a WebSocket\n").into_response();
    };
    let Ok(accept) = HeaderValue::from_str(&derive_accept_key(key.as_bytes())) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    tokio::spawn(talk(hyper::upgrade::on(&mut request)));
    let headers = [
        (CONNECTION, HeaderValue::from_static("upgrade")),
        (UPGRADE, HeaderValue::from_static("websocket")),
        (HeaderName::from_static("sec-websocket-accept"), accept),
    ];
    (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
}

async fn talk(upgrade: OnUpgrade) {
    let Ok(upgraded) = upgrade.await else { return };
    let stream = TokioAdapter::new(TokioIo::new(upgraded));
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
    while let Some(Ok(message)) = socket.next().await {
        let text_or_bytes = message.is_text() || message.is_binary();
        // Whoever has gone hears nothing.
        if text_or_bytes && socket.send(message).await.is_err() {
            return;
        }
    }
}
