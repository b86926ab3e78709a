//! Questions: get, is, wait, eval.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::aim::missing;
use super::{Acting, Came};
use crate::act::{Eval, Get, GetWhat, Is, IsState, LoadState, Wait};
use crate::error::{ActError, ActErrorKind};
use crate::page::{ScriptError, finish_call};
use crate::target::Target;
use crate::tracker::TabState;

/// Bytes of JSON that a script or an element may come to.
const LARGEST: usize = 1 << 20;

/// How long nothing is requested on a page that is idle.
const IDLE: Duration = Duration::from_millis(500);

/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(40);

impl Acting<'_> {
    pub(super) async fn get(&self, act: &Get) -> Result<Came, ActError> {
        let Some(target) = &act.target else { return self.get_of_page(act).await };
        if act.what == GetWhat::Count {
            return Ok(Came::to(json!(self.find_all(target).await?.count())));
        }
        let function = match act.what {
            GetWhat::Text => "function() { return this.innerText ?? this.textContent }",
            GetWhat::Html => "function() { return this.outerHTML }",
            GetWhat::Value => "function() { return zo.value(this) }",
            GetWhat::Attribute => "function(name) { return this.getAttribute(name) }",
            GetWhat::Box => "function() { return zo.box(this) }",
            GetWhat::Count | GetWhat::Title | GetWhat::Url => return self.get_of_page(act).await,
        };
        let element = self.element(target).await?;
        let value = self.page.call_on(&element, function, &[json!(act.name)]).await?;
        small_enough(&value, "read a smaller part of it, or the page with an offset")?;
        Ok(said(value))
    }

    async fn get_of_page(&self, act: &Get) -> Result<Came, ActError> {
        let expression = match act.what {
            GetWhat::Title => "document.title",
            GetWhat::Url => return Ok(said(json!(self.page.look(TabState::url)?))),
            GetWhat::Html => "document.documentElement.outerHTML",
            _ => "document.body ? document.body.innerText : ''",
        };
        let (id, frame) = self.main_frame()?;
        let value = self.page.evaluate(&id, &frame, expression).await?;
        small_enough(&value, "read the page with an offset, or a smaller part of it")?;
        Ok(said(value))
    }

    pub(super) async fn is(&self, act: &Is) -> Result<Came, ActError> {
        let element = self.find_one(&act.target).await?;
        let Some(element) = element else {
            return match act.state {
                IsState::Visible => Ok(Came::to(json!(false))),
                IsState::Hidden => Ok(Came::to(json!(true))),
                _ => Err(missing(&act.target)),
            };
        };
        let function = match act.state {
            IsState::Visible => "function() { return zo.visible(this) }",
            IsState::Hidden => "function() { return !zo.visible(this) }",
            IsState::Enabled => "function() { return !zo.disabled(this) }",
            IsState::Disabled => "function() { return zo.disabled(this) }",
            IsState::Checked => "function() { return zo.checked(this) === true }",
            IsState::Editable => "function() { return zo.editable(this) && !zo.disabled(this) }",
        };
        Ok(Came::to(self.page.call_on(&element, function, &[]).await?))
    }

    pub(super) async fn wait(&self, act: &Wait) -> Result<Came, ActError> {
        let started = Instant::now();
        let deadline = act.deadline_ms.map(Duration::from_millis);
        let mut reported = false;
        while !self.holds(act).await? {
            if deadline.is_some_and(|deadline| started.elapsed() >= deadline) {
                let seconds = started.elapsed().as_secs_f64();
                let url = self.page.look(TabState::url)?;
                return Err(ActError::new(
                    ActErrorKind::Timeout,
                    format!("{} after {seconds:.1} s, at {url}", not_yet(act)),
                )
                .hint("a snapshot shows what is there instead"));
            }
            if !reported {
                self.waits_for(ActError::new(ActErrorKind::Timeout, not_yet(act)));
                reported = true;
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(Came::to(json!({ "waited_ms": u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX) })))
    }

    /// Whether the condition holds now. What the page is on its way from or to does not hold.
    async fn holds(&self, act: &Wait) -> Result<bool, ActError> {
        if let Some(target) = &act.selector {
            return self.is_visible(target).await;
        }
        if let Some(target) = &act.hidden {
            return Ok(!self.is_visible(target).await?);
        }
        if let Some(pattern) = &act.url {
            return self.page.look(|tab| url_fits(&tab.url(), pattern));
        }
        if let Some(state) = act.load {
            return self.page.look(|tab| loaded(tab, state));
        }
        if let Some(script) = &act.script {
            return Ok(truthy(&self.script(script).await?));
        }
        let expression = format!("zo.shows({})", json!(act.text));
        for (id, frame) in self.page.frames()? {
            match self.page.evaluate(&id, &frame, &expression).await {
                Ok(Value::Bool(true)) => return Ok(true),
                Ok(_) | Err(ScriptError::Gone) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(false)
    }

    /// Whether any element that fits is visible.
    async fn is_visible(&self, target: &Target) -> Result<bool, ActError> {
        let element = match self.find_one(target).await {
            Ok(Some(element)) => element,
            Ok(None) => return Ok(false),
            // Several that fit are there, all the more.
            Err(error) if error.kind == ActErrorKind::Ambiguous => return Ok(true),
            Err(error) if error.kind == ActErrorKind::Detached => return Ok(false),
            Err(error) => return Err(error),
        };
        match self.page.call_on(&element, "function() { return zo.visible(this) }", &[]).await {
            Ok(value) => Ok(value == true),
            Err(ScriptError::Gone) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) async fn eval(&self, act: &Eval) -> Result<Came, ActError> {
        let value = match &act.target {
            None => self.script(&act.script).await?,
            Some(target) => {
                let element = self.element(target).await?;
                // The element as the page's own scripts know it.
                let of_page = json!({ "objectId": element.object });
                let call = |method, params| self.page.wire.call(Some(&element.session), method, params);
                let node = call("DOM.describeNode", of_page).await.map_err(|error| self.page.explain(&error))?;
                let node = json!({ "backendNodeId": node["node"]["backendNodeId"] });
                let object = call("DOM.resolveNode", node).await.map_err(|error| self.page.explain(&error))?;
                let function = format!(
                    "function() {{ const script = (\n{}\n); return typeof script === 'function' ? script(this) : script }}",
                    act.script
                );
                let params = json!({
                    "objectId": object["object"]["objectId"], "functionDeclaration": function, "returnByValue": true,
                    "awaitPromise": true, "userGesture": true,
                });
                value_of(&finish_call(call("Runtime.callFunctionOn", params).await)?)
            }
        };
        small_enough(&value, "return less of it, or a part at a time")?;
        Ok(said(value))
    }

    /// A script's value, in the page's own world.
    async fn script(&self, script: &str) -> Result<Value, ActError> {
        let session = self.page.session()?;
        let call = |method, params| self.page.wire.call(Some(&session), method, params);
        let params = json!({
            "expression": script, "awaitPromise": true, "userGesture": true, "allowUnsafeEvalBlockedByCSP": true,
        });
        let result = finish_call(call("Runtime.evaluate", params).await)?;
        let Some(object) = result["objectId"].as_str() else { return Ok(value_of(&result)) };
        let function =
            if result["type"] == "function" { "function() { return this() }" } else { "function() { return this }" };
        let params = json!({
            "objectId": object, "functionDeclaration": function, "returnByValue": true, "awaitPromise": true, "userGesture": true,
        });
        let result = match call("Runtime.callFunctionOn", params).await {
            Err(crate::wire::WireError::Refused { message, .. }) if message.contains("reference chain") => {
                return Err(ActError::new(
                    ActErrorKind::Script,
                    "the value cannot be written as JSON: it contains itself",
                )
                .hint("return the parts that are wanted"));
            }
            other => finish_call(other)?,
        };
        // What it holds in the page is let go; nobody waits for that.
        let _ = self.page.wire.begin(Some(&session), "Runtime.releaseObject", json!({ "objectId": object })).await;
        Ok(value_of(&result))
    }
}

/// The value of a result; numbers that JSON does not have as text.
fn value_of(result: &Value) -> Value {
    result.get("value").or_else(|| result.get("unserializableValue")).cloned().unwrap_or(Value::Null)
}

fn said(value: Value) -> Came {
    match &value {
        Value::String(text) => Came { text: Some(text.clone()), ..Came::to(value) },
        _ => Came::to(value),
    }
}

fn truthy(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty() && text != "NaN" && text != "-0" && text != "0n",
        _ => true,
    }
}

/// Whether a value is small enough to be returned whole.
pub(crate) fn small_enough(value: &Value, hint: &str) -> Result<(), ActError> {
    let size = match value {
        Value::String(text) => text.len(),
        value => value.to_string().len(),
    };
    if size <= LARGEST {
        return Ok(());
    }
    let message = format!("the result has {size} bytes, and {LARGEST} are returned at most");
    Err(ActError::new(ActErrorKind::TooLarge, message).hint(hint))
}

/// Whether a tab has loaded so far.
pub(crate) fn loaded(tab: &TabState, state: LoadState) -> bool {
    let has = |name| !tab.loading.under_way_elsewhere() && tab.loading.has(tab.document(), name);
    match state {
        LoadState::Dom => has("DOMContentLoaded"),
        LoadState::Load => has("load"),
        LoadState::Idle => {
            has("DOMContentLoaded") && tab.loading.idle_since().is_some_and(|since| since.elapsed() >= IDLE)
        }
    }
}

/// Whether a URL contains this, or is this if there is a `*` in it, which is any text.
fn url_fits(url: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return url.contains(pattern) };
    let Some(mut rest) = url.strip_prefix(first) else { return false };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

fn not_yet(act: &Wait) -> String {
    if let Some(target) = &act.selector {
        format!("{target} is not visible")
    } else if let Some(target) = &act.hidden {
        format!("{target} is still visible")
    } else if let Some(text) = &act.text {
        format!("the page does not show {text:?}")
    } else if let Some(url) = &act.url {
        format!("the URL does not fit {url}")
    } else if let Some(state) = act.load {
        let state = match state {
            LoadState::Dom => "has no document",
            LoadState::Load => "has not loaded",
            LoadState::Idle => "is not idle",
        };
        format!("the page {state}")
    } else {
        "the script's value is not true".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_compared_by_part_or_pattern() {
        let url = "https://a.example/x/y?z=1";
        for (pattern, fits) in [
            ("/x/", true),
            ("/q/", false),
            ("https://*/y?*", true),
            ("*z=1", true),
            ("*z=2", false),
            ("http://*", false),
            ("*", true),
        ] {
            assert_eq!(url_fits(url, pattern), fits, "{pattern}");
        }
    }

    #[test]
    fn truth_is_as_in_javascript() {
        for (value, truth) in
            [(json!(null), false), (json!(0), false), (json!(""), false), (json!([]), true), (json!("a"), true)]
        {
            assert_eq!(truthy(&value), truth, "{value}");
        }
    }
}
