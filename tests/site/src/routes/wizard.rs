//! A form over three pages that are kept together by a cookie, and a receipt to download.

use std::collections::HashMap;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;

use super::{App, cookie, field, fields, locked};
use crate::pages::escaped;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/wizard/{step}", get(page).post(next))
        .route("/wizard/done", get(done))
        .route("/wizard/receipt", get(receipt))
}

/// What has been filled in so far, by cookie.
#[derive(Default)]
pub(crate) struct Wizards {
    answers: HashMap<String, Vec<(String, String)>>,
    begun: usize,
}

/// What each page asks: a name and the field.
const STEPS: [&[(&str, &str)]; 3] = [
    &[
        ("name", "<label>Name <input name=name required></label>"),
        ("email", "<label>E-mail <input name=email type=email required></label>"),
    ],
    &[
        ("street", "<label>Street <textarea name=street></textarea></label>"),
        (
            "country",
            "<label>Country <select name=country><option value=''>choose<option value=ch>Switzerland\
             <option value=jp>Japan<option value=is>Iceland</select></label>",
        ),
    ],
    &[
        (
            "speed",
            "<fieldset><legend>Delivery</legend><label><input type=radio name=speed value=slow>Slow</label>\
             <label><input type=radio name=speed value=fast>Fast</label></fieldset>",
        ),
        ("agreed", "<label><input type=checkbox name=agreed value=yes>I agree</label>"),
    ],
];

async fn page(State(app): State<App>, Path(step): Path<usize>, headers: HeaderMap) -> Response {
    let known = cookie(&headers, "wizard").filter(|id| locked(&app.shared.wizards).answers.contains_key(id));
    match (step, known) {
        (1, Some(_)) => step_page(1, "").into_response(),
        (1, None) => {
            let mut wizards = locked(&app.shared.wizards);
            wizards.begun += 1;
            let id = format!("wizard-{}", wizards.begun);
            wizards.answers.insert(id.clone(), Vec::new());
            ([(SET_COOKIE, format!("wizard={id}; Path=/wizard; HttpOnly"))], step_page(1, "")).into_response()
        }
        (2..=3, Some(_)) => step_page(step, "").into_response(),
        (2..=3, None) => to("/wizard/1"),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Takes a page's answers, all of which are needed, and leads to the next.
async fn next(State(app): State<App>, Path(step): Path<usize>, headers: HeaderMap, body: Bytes) -> Response {
    let Some(asked) = step.checked_sub(1).and_then(|index| STEPS.get(index)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let said = fields(&body);
    if let Some((missing, _)) = asked.iter().find(|(name, _)| field(&said, name).is_empty()) {
        return (StatusCode::UNPROCESSABLE_ENTITY, step_page(step, missing)).into_response();
    }
    let id = cookie(&headers, "wizard").unwrap_or_default();
    let mut wizards = locked(&app.shared.wizards);
    let Some(answers) = wizards.answers.get_mut(&id) else { return to("/wizard/1") };
    for (name, _) in *asked {
        answers.retain(|(known, _)| known != name);
        answers.push(((*name).to_owned(), field(&said, name).to_owned()));
    }
    if step == STEPS.len() { to("/wizard/done") } else { to(&format!("/wizard/{}", step + 1)) }
}

async fn done(State(app): State<App>, headers: HeaderMap) -> Response {
    let Some(lines) = complete(&app, &headers) else { return to("/wizard/1") };
    let text = format!(
        "<!doctype html><html lang=en><title>Done</title><h1>Thank you</h1><pre id=answers>{}</pre>\
         <a href=/wizard/receipt>Receipt</a>",
        escaped(&lines)
    );
    Html(text).into_response()
}

async fn receipt(State(app): State<App>, headers: HeaderMap) -> Response {
    let Some(lines) = complete(&app, &headers) else { return to("/wizard/1") };
    let headers =
        [(CONTENT_TYPE, "text/plain; charset=utf-8"), (CONTENT_DISPOSITION, "attachment; filename=\"receipt.txt\"")];
    (headers, format!("receipt\n{lines}\n")).into_response()
}

/// All answers, a line each, once there are all.
fn complete(app: &App, headers: &HeaderMap) -> Option<String> {
    let id = cookie(headers, "wizard")?;
    let wizards = locked(&app.shared.wizards);
    let answers = wizards.answers.get(&id)?;
    let asked = STEPS.iter().flat_map(|step| step.iter());
    let lines = asked.map(|(name, _)| Some(format!("{name}: {}", answers.iter().find(|(known, _)| known == name)?.1)));
    Some(lines.collect::<Option<Vec<_>>>()?.join("\n"))
}

fn step_page(step: usize, missing: &str) -> Html<String> {
    let asked: String = STEPS[step - 1].iter().map(|(_, html)| format!("<p>{html}</p>")).collect();
    let missing = if missing.is_empty() { String::new() } else { format!("<p role=alert>{missing} is missing</p>") };
    Html(format!(
        "<!doctype html><html lang=en><title>Step {step}</title><h1>Step {step} of 3</h1>{missing}\
         <form method=post action=/wizard/{step}>{asked}<button>Next</button></form>"
    ))
}

fn to(location: &str) -> Response {
    (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response()
}
