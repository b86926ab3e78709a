//! Cookies outlive the browser: also those that end with it, and those that it had not yet written when it was killed.
//!
//! They are kept in a file of the profile, for its owner alone, as the rest of the profile is.

use std::collections::HashSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};

use super::Driver;
use crate::wire::{Wire, locked};

const FILE: &str = "zo-cookies.json";

impl Driver {
    /// Writes down what cookies there are, if they are others than before.
    pub(super) async fn save_cookies(&self, wire: &Wire) {
        let Ok(answer) = wire.call(None, "Storage.getCookies", json!({})).await else { return };
        let text = answer["cookies"].to_string();
        let mut last = locked(&self.cookies);
        if *last == text {
            return;
        }
        match write(&self.profile.path().join(FILE), text.as_bytes()) {
            Ok(()) => *last = text,
            Err(error) => tracing::warn!(%error, "the cookies of a browser cannot be written down"),
        }
    }

    /// Sets the cookies that were written down and that the browser does not know.
    pub(super) async fn restore_cookies(&self, wire: &Wire) {
        let Ok(text) = fs::read_to_string(self.profile.path().join(FILE)) else { return };
        let Ok(Value::Array(saved)) = serde_json::from_str(&text) else {
            tracing::warn!("the cookies of a browser that were written down cannot be read");
            return;
        };
        let Ok(answer) = wire.call(None, "Storage.getCookies", json!({})).await else { return };
        let known: HashSet<String> = answer["cookies"].as_array().into_iter().flatten().map(key).collect();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
        let missing: Vec<Value> = saved
            .iter()
            .filter(|cookie| !known.contains(&key(cookie)))
            .filter_map(|cookie| again(cookie, now))
            .collect();
        for cookie in missing {
            // One by one: a single one that is not taken would be the end of all.
            if let Err(error) = wire.call(None, "Storage.setCookies", json!({ "cookies": [cookie] })).await {
                tracing::debug!(%error, "a cookie cannot be set again");
            }
        }
    }
}

/// What tells cookies apart.
fn key(cookie: &Value) -> String {
    format!("{}\0{}\0{}\0{}", cookie["name"], cookie["domain"], cookie["path"], cookie["partitionKey"])
}

/// A cookie as it is set, from how it is told; none if it has ended.
fn again(cookie: &Value, now: f64) -> Option<Value> {
    let mut set = Map::new();
    for name in [
        "name",
        "value",
        "path",
        "secure",
        "httpOnly",
        "sameSite",
        "priority",
        "sourceScheme",
        "sourcePort",
        "partitionKey",
    ] {
        if let Some(value) = cookie.get(name) {
            set.insert(name.to_owned(), value.clone());
        }
    }
    let domain = cookie["domain"].as_str()?;
    if domain.starts_with('.') {
        set.insert("domain".to_owned(), json!(domain));
    } else {
        // One that is for this host alone: with `domain` it would be for those below it too.
        let scheme = if cookie["secure"] == true { "https" } else { "http" };
        set.insert("url".to_owned(), json!(format!("{scheme}://{domain}{}", cookie["path"].as_str().unwrap_or("/"))));
    }
    if cookie["session"] != true {
        let expires = cookie["expires"].as_f64().filter(|expires| *expires > now)?;
        set.insert("expires".to_owned(), json!(expires));
    }
    Some(Value::Object(set))
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&new)?;
    file.write_all(bytes)?;
    fs::rename(&new, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_of_one_host_stays_one_of_that_host_and_one_that_has_ended_is_left_out() {
        let cookie = json!({ "name": "a", "value": "b", "domain": "x.example", "path": "/p", "session": true, "secure": true, "size": 2 });
        assert_eq!(
            again(&cookie, 5.0).unwrap(),
            json!({ "name": "a", "value": "b", "path": "/p", "secure": true, "url": "https://x.example/p" })
        );
        let cookie =
            json!({ "name": "a", "value": "b", "domain": ".x.example", "path": "/", "session": false, "expires": 9.5 });
        assert_eq!(
            again(&cookie, 5.0).unwrap(),
            json!({ "name": "a", "value": "b", "path": "/", "domain": ".x.example", "expires": 9.5 })
        );
        assert_eq!(again(&cookie, 10.0), None);
    }
}
