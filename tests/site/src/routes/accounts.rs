//! Logging in, and cookies of every kind.

use std::collections::HashMap;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::{LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{AppendHeaders, Html, IntoResponse, Response};
use axum::routing::{get, post};

use super::{App, cookie, cookies, field, fields, locked};
use crate::pages::{escaped, named};

/// Who can log in.
const USER: &str = "ada";
const PASSWORD: &str = "correct horse";

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/login", get(form).post(login))
        .route("/account", get(account))
        .route("/logout", post(logout))
        .route("/cookies", get(shown))
        .route("/cookies/set", get(set))
}

/// Who is logged in: users by session.
#[derive(Default)]
pub(crate) struct Accounts {
    users: HashMap<String, String>,
    begun: usize,
}

async fn form(State(app): State<App>) -> Response {
    named(&app, "login").unwrap_or_else(|| StatusCode::NOT_FOUND.into_response())
}

/// A session in a cookie that ends with the browser, or lasts for a day if the person said so.
async fn login(State(app): State<App>, body: Bytes) -> Response {
    let fields = fields(&body);
    let (user, password) = (field(&fields, "user"), field(&fields, "password"));
    if user != USER || password != PASSWORD {
        let text = format!(
            "<!doctype html><title>Log in</title><p role=alert>Wrong user or password for {}</p><a href=/login>Again</a>",
            escaped(user)
        );
        return (StatusCode::FORBIDDEN, Html(text)).into_response();
    }
    let session = {
        let mut accounts = locked(&app.shared.accounts);
        accounts.begun += 1;
        let session = format!("session-{}", accounts.begun);
        accounts.users.insert(session.clone(), user.to_owned());
        session
    };
    let lasting = if field(&fields, "remember").is_empty() { "" } else { "; Max-Age=86400" };
    let cookie = format!("session={session}; Path=/; HttpOnly; SameSite=Lax{lasting}");
    (StatusCode::SEE_OTHER, [(LOCATION, "/account".to_owned()), (SET_COOKIE, cookie)]).into_response()
}

async fn account(State(app): State<App>, headers: HeaderMap) -> Response {
    let session = cookie(&headers, "session").unwrap_or_default();
    let Some(user) = locked(&app.shared.accounts).users.get(&session).cloned() else {
        return (StatusCode::SEE_OTHER, [(LOCATION, "/login")]).into_response();
    };
    let text = format!(
        "<!doctype html><html lang=en><title>Account</title><h1>Hello, {}</h1>\
         <p>You are logged in.</p><a href=/wizard/1>Order</a>\
         <form method=post action=/logout><button>Log out</button></form>",
        escaped(&user)
    );
    Html(text).into_response()
}

async fn logout(State(app): State<App>, headers: HeaderMap) -> Response {
    let session = cookie(&headers, "session").unwrap_or_default();
    locked(&app.shared.accounts).users.remove(&session);
    (StatusCode::SEE_OTHER, [(LOCATION, "/login"), (SET_COOKIE, "session=; Path=/; Max-Age=0")]).into_response()
}

/// The cookies that came, a line each, and a place for those that scripts see.
async fn shown(headers: HeaderMap) -> Html<String> {
    let lines: Vec<String> = cookies(&headers).iter().map(|(name, value)| format!("{name}={value}")).collect();
    Html(format!(
        "<!doctype html><title>Cookies</title><pre id=sent>{}</pre><pre id=script></pre>\
         <script>document.getElementById('script').textContent = document.cookie</script>",
        escaped(&lines.join("\n"))
    ))
}

/// Sets one cookie of each kind.
async fn set() -> Response {
    let all = [
        "plain=one; Path=/",
        "hidden=two; Path=/; HttpOnly",
        "lasting=three; Path=/; Max-Age=86400",
        "strict=four; Path=/; SameSite=Strict",
        "elsewhere=five; Path=/elsewhere",
        "secure=six; Path=/; Secure",
        "gone=seven; Path=/; Max-Age=0",
    ];
    let headers = AppendHeaders(all.map(|cookie| (SET_COOKIE, cookie)));
    (headers, Html("<!doctype html><title>Set</title><h1>Cookies are set</h1>")).into_response()
}
