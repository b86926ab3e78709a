//! What pages have stored: cookies, `localStorage`, `sessionStorage`.

use serde_json::{Map, Value, json};
use url::Url;

use super::asking::small_enough;
use super::{Acting, Came};
use crate::act::{Cookies, CookiesOp, SameSite, Storage, StorageKind, StorageOp};
use crate::error::{ActError, ActErrorKind};
use crate::tracker::TabState;

impl Acting<'_> {
    pub(super) async fn cookies(&self, act: &Cookies) -> Result<Came, ActError> {
        match act.op {
            CookiesOp::List => self.list_cookies(act).await,
            CookiesOp::Set => self.set_cookie(act).await,
            CookiesOp::Clear => self.clear_cookies(act).await,
        }
    }

    async fn list_cookies(&self, act: &Cookies) -> Result<Came, ActError> {
        let cookies = match &act.url {
            Some(url) => self.page.call("Network.getCookies", json!({ "urls": [url_of_page(url)?] })).await?,
            None => self.all_cookies().await?,
        };
        let listed: Vec<Value> = cookies["cookies"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|cookie| act.name.as_deref().is_none_or(|name| cookie["name"] == name))
            .filter(|cookie| act.domain.as_deref().is_none_or(|domain| same_domain(&cookie["domain"], domain)))
            .map(listed)
            .collect();
        Ok(Came::to(Value::Array(listed)))
    }

    async fn all_cookies(&self) -> Result<Value, ActError> {
        self.page.wire.call(None, "Storage.getCookies", json!({})).await.map_err(|error| self.page.explain(&error))
    }

    async fn set_cookie(&self, act: &Cookies) -> Result<Came, ActError> {
        let mut cookie = Map::new();
        cookie.insert("name".to_owned(), json!(act.name));
        cookie.insert("value".to_owned(), json!(act.value));
        match (&act.url, &act.domain) {
            (Some(url), _) => cookie.insert("url".to_owned(), json!(url_of_page(url)?)),
            (None, Some(_)) => None,
            (None, None) => cookie.insert("url".to_owned(), json!(url_of_page(&self.page.look(TabState::url)?)?)),
        };
        let mut add = |name: &str, value: Option<Value>| value.map(|value| cookie.insert(name.to_owned(), value));
        add("domain", act.domain.as_ref().map(|domain| json!(domain)));
        add("path", Some(json!(act.path.as_deref().unwrap_or("/"))));
        add("expires", act.expires.map(|expires| json!(expires)));
        add("httpOnly", act.http_only.then_some(Value::Bool(true)));
        add("secure", act.secure.then_some(Value::Bool(true)));
        add("sameSite", act.same_site.map(same_site));
        let set = self.page.call("Network.setCookie", Value::Object(cookie)).await;
        match set {
            Ok(set) if set["success"] != false => Ok(Came::default()),
            Ok(_) => Err(not_set(act, "the browser does not take it")),
            Err(error) if error.kind == ActErrorKind::Io => Err(not_set(act, &error.message)),
            Err(error) => Err(error),
        }
    }

    async fn clear_cookies(&self, act: &Cookies) -> Result<Came, ActError> {
        let listed = self.list_cookies(act).await?;
        let listed = listed.value.as_array().cloned().unwrap_or_default();
        for cookie in &listed {
            let which = json!({ "name": cookie["name"], "domain": cookie["domain"], "path": cookie["path"] });
            self.page.call("Network.deleteCookies", which).await?;
        }
        if act.name.is_none() && act.domain.is_none() && act.url.is_none() {
            let all = self.page.wire.call(None, "Storage.clearCookies", json!({})).await;
            all.map_err(|error| self.page.explain(&error))?;
        }
        Ok(Came::to(json!(listed.len())))
    }

    pub(super) async fn storage(&self, act: &Storage) -> Result<Came, ActError> {
        let name = match act.kind {
            StorageKind::Local => "localStorage",
            StorageKind::Session => "sessionStorage",
        };
        let (key, value) = (json!(act.key), json!(act.value));
        let expression = match (act.op, &act.key) {
            (StorageOp::List, _) => format!("({{ ...{name} }})"),
            (StorageOp::Get, _) => format!("{name}.getItem({key})"),
            (StorageOp::Set, _) => format!("void {name}.setItem({key}, {value})"),
            (StorageOp::Clear, Some(_)) => format!("void {name}.removeItem({key})"),
            (StorageOp::Clear, None) => format!("void {name}.clear()"),
        };
        let (id, frame) = self.main_frame()?;
        let value = self.page.evaluate(&id, &frame, &expression).await.map_err(|error| {
            let error = ActError::from(error);
            if error.message.contains("Access is denied") {
                error.hint("only pages of http and https store something")
            } else {
                error
            }
        })?;
        small_enough(&value, "get one key at a time")?;
        Ok(Came::to(value))
    }
}

/// A cookie as it is told.
fn listed(cookie: &Value) -> Value {
    json!({
        "name": cookie["name"], "value": cookie["value"], "domain": cookie["domain"], "path": cookie["path"],
        "expires": if cookie["session"] == true { Value::Null } else { cookie["expires"].clone() },
        "http_only": cookie["httpOnly"], "secure": cookie["secure"],
        "same_site": cookie["sameSite"].as_str().map(str::to_ascii_lowercase),
    })
}

fn same_domain(of_cookie: &Value, domain: &str) -> bool {
    of_cookie.as_str().is_some_and(|of_cookie| of_cookie.trim_start_matches('.') == domain.trim_start_matches('.'))
}

fn same_site(same_site: SameSite) -> Value {
    json!(match same_site {
        SameSite::Strict => "Strict",
        SameSite::Lax => "Lax",
        SameSite::None => "None",
    })
}

fn not_set(act: &Cookies, why: &str) -> ActError {
    let name = act.name.as_deref().unwrap_or_default();
    ActError::new(ActErrorKind::Invalid, format!("the cookie {name} cannot be set: {why}"))
        .hint("look at its domain, its path and whether it is secure")
}

/// A URL that belongs to a site.
pub(crate) fn url_of_page(url: &str) -> Result<String, ActError> {
    match Url::parse(url) {
        Ok(parsed) if matches!(parsed.scheme(), "http" | "https") => Ok(parsed.into()),
        _ => Err(ActError::new(ActErrorKind::Invalid, format!("{url:?} is no URL of http or https"))
            .hint("open a page first, or name the URL")),
    }
}
