//! One tab's page, as acts see it: calls in its session, scripts in its frames.

use std::collections::HashMap;
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::error::{ActError, ActErrorKind};
use crate::tracker::{Frame, TabState};
use crate::wire::{Wire, WireError, locked};

/// What every frame's own world has; see there.
const LIBRARY: &str = include_str!("page/library.js");

/// The name of the world that it has in each frame.
const WORLD: &str = "zo";

/// The worlds that are known, by frame and document.
pub(crate) type Worlds = Mutex<HashMap<(String, String), i64>>;

/// A tab's page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page<'a> {
    pub(crate) wire: &'a Wire,
    pub(crate) number: u32,
    worlds: &'a Worlds,
}

/// A thing in a page, until the page goes elsewhere.
#[derive(Clone, Debug)]
pub(crate) struct Element {
    /// The frame that it is in.
    pub(crate) frame: String,
    /// The session that it is reached by.
    pub(crate) session: String,
    pub(crate) object: String,
}

/// What a script came to.
pub(crate) type Scripted<T> = Result<T, ScriptError>;

/// Why a script came to nothing.
#[derive(Clone, Debug)]
pub(crate) enum ScriptError {
    Wire(WireError),
    /// The document that it was to run in is no longer there.
    Gone,
    /// It threw.
    Threw(String),
}

impl<'a> Page<'a> {
    pub(crate) fn new(wire: &'a Wire, number: u32, worlds: &'a Worlds) -> Self {
        Page { wire, number, worlds }
    }

    /// The session of its main frame.
    pub(crate) fn session(&self) -> Result<String, ActError> {
        self.look(|tab| tab.session.clone())
    }

    /// One thing that is known of its tab.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&TabState) -> T) -> Result<T, ActError> {
        self.wire.tracker().tabs.get(&self.number).map(look).ok_or_else(|| gone(self.number))
    }

    /// Calls a method in its main session.
    pub(crate) async fn call(&self, method: &'static str, params: Value) -> Result<Value, ActError> {
        let session = self.session()?;
        self.wire.call(Some(&session), method, params).await.map_err(|error| self.explain(&error))
    }

    /// An error of the wire as one of an act; what a crash has to do with it is added where acts end.
    pub(crate) fn explain(&self, error: &WireError) -> ActError {
        explain(error)
    }

    /// The frames, the main one first.
    pub(crate) fn frames(&self) -> Result<Vec<(String, Frame)>, ActError> {
        self.look(TabState::frames_in_order)
    }

    /// The world of this crate in a frame, made if need be.
    pub(crate) async fn world(&self, id: &str, frame: &Frame) -> Scripted<i64> {
        let key = (id.to_owned(), frame.loader.clone());
        if let Some(world) = locked(self.worlds).get(&key) {
            return Ok(*world);
        }
        let made = json!({ "frameId": id, "worldName": WORLD });
        let world = self.wire.call(Some(&frame.session), "Page.createIsolatedWorld", made).await?;
        let world = world["executionContextId"].as_i64().ok_or(ScriptError::Gone)?;
        let library = json!({ "expression": LIBRARY, "contextId": world });
        finish(self.wire.call(Some(&frame.session), "Runtime.evaluate", library).await?)?;
        let mut worlds = locked(self.worlds);
        if worlds.len() > 500 {
            // Those of documents that are gone are not told apart; all are made again when they are needed.
            worlds.clear();
        }
        worlds.insert(key, world);
        Ok(world)
    }

    /// Runs an expression in this crate's world of a frame, and returns its value.
    pub(crate) async fn evaluate(&self, id: &str, frame: &Frame, expression: &str) -> Scripted<Value> {
        let result = self.evaluate_raw(id, frame, expression, true).await?;
        Ok(result["value"].clone())
    }

    /// Runs an expression in this crate's world of a frame, and returns what it is by reference.
    pub(crate) async fn refer(&self, id: &str, frame: &Frame, expression: &str) -> Scripted<Option<Element>> {
        let result = self.evaluate_raw(id, frame, expression, false).await?;
        let object = result["objectId"].as_str().map(str::to_owned);
        Ok(object.map(|object| Element { frame: id.to_owned(), session: frame.session.clone(), object }))
    }

    async fn evaluate_raw(&self, id: &str, frame: &Frame, expression: &str, by_value: bool) -> Scripted<Value> {
        let mut tried = false;
        loop {
            let world = self.world(id, frame).await?;
            let params = json!({
                "expression": expression, "contextId": world, "returnByValue": by_value, "awaitPromise": true, "userGesture": true,
            });
            match finish_call(self.wire.call(Some(&frame.session), "Runtime.evaluate", params).await) {
                Err(ScriptError::Gone) if !tried => {
                    tried = true;
                    locked(self.worlds).remove(&(id.to_owned(), frame.loader.clone()));
                }
                other => return other,
            }
        }
    }

    /// Calls a function with an element as `this`, in the world that the element was got in, and returns its value.
    pub(crate) async fn call_on(&self, element: &Element, function: &str, arguments: &[Value]) -> Scripted<Value> {
        let result = self.call_raw(element, function, arguments, true).await?;
        Ok(result["value"].clone())
    }

    /// The field that an element stands for: itself, or what it labels.
    pub(crate) async fn field_of(&self, element: &Element) -> Scripted<Element> {
        let result = self.call_raw(element, "function() { return zo.control(this) }", &[], false).await?;
        let object = result["objectId"].as_str().ok_or(ScriptError::Gone)?.to_owned();
        Ok(Element { object, ..element.clone() })
    }

    async fn call_raw(
        &self,
        element: &Element,
        function: &str,
        arguments: &[Value],
        by_value: bool,
    ) -> Scripted<Value> {
        let arguments: Vec<Value> = arguments.iter().map(|value| json!({ "value": value })).collect();
        let params = json!({
            "objectId": element.object, "functionDeclaration": function, "arguments": arguments, "returnByValue": by_value,
            "awaitPromise": true, "userGesture": true,
        });
        finish_call(self.wire.call(Some(&element.session), "Runtime.callFunctionOn", params).await)
    }

    /// The element of a frame that another frame is shown in.
    pub(crate) async fn owner(&self, id: &str) -> Scripted<Option<Element>> {
        let Ok(Some((parent_id, parent))) = self.look(|tab| {
            let parent = tab.frames.get(id)?.parent.clone()?;
            Some((parent.clone(), tab.frames.get(&parent)?.clone()))
        }) else {
            return Ok(None);
        };
        let owner = self.wire.call(Some(&parent.session), "DOM.getFrameOwner", json!({ "frameId": id })).await?;
        self.resolve(&parent_id, &parent, &owner["backendNodeId"]).await.map(Some)
    }

    /// An element by the browser's own number of it.
    pub(crate) async fn resolve(&self, id: &str, frame: &Frame, node: &Value) -> Scripted<Element> {
        let world = self.world(id, frame).await?;
        let params = json!({ "backendNodeId": node, "executionContextId": world });
        let found = match self.wire.call(Some(&frame.session), "DOM.resolveNode", params).await {
            Err(WireError::Refused { .. }) => return Err(ScriptError::Gone),
            other => other?,
        };
        let object = found["object"]["objectId"].as_str().ok_or(ScriptError::Gone)?.to_owned();
        Ok(Element { frame: id.to_owned(), session: frame.session.clone(), object })
    }
}

/// The result of a script, or what it threw.
fn finish(answer: Value) -> Scripted<Value> {
    match answer.get("exceptionDetails") {
        Some(details) => Err(ScriptError::Threw(exception(details))),
        None => Ok(answer["result"].clone()),
    }
}

pub(crate) fn finish_call(answer: Result<Value, WireError>) -> Scripted<Value> {
    match answer {
        Ok(answer) => finish(answer),
        Err(WireError::Refused { message, .. }) if is_gone(&message) => Err(ScriptError::Gone),
        Err(error) => Err(error.into()),
    }
}

/// The browser's words for a document that is no longer there.
fn is_gone(message: &str) -> bool {
    [
        "Cannot find context",
        "context was destroyed",
        "navigated or closed",
        "Could not find object",
        "Cannot find default",
    ]
    .iter()
    .any(|words| message.contains(words))
        || message.contains("uniqueContextId not found")
}

/// What was thrown: its own words, the first line of them.
fn exception(details: &Value) -> String {
    let thrown = &details["exception"];
    let words = thrown["description"].as_str().map(str::to_owned);
    let words = words
        .or_else(|| thrown.get("value").map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)));
    let words = words.unwrap_or_else(|| details["text"].as_str().unwrap_or("something was thrown").to_owned());
    words.lines().next().unwrap_or_default().chars().take(500).collect()
}

pub(crate) fn explain(error: &WireError) -> ActError {
    match error {
        WireError::Refused { .. } => ActError::new(ActErrorKind::Io, format!("the browser refused: {error}")),
        WireError::Detached => ActError::new(ActErrorKind::Detached, "the page went away meanwhile"),
        WireError::Gone => ActError::new(ActErrorKind::Crashed, "the browser ended"),
    }
}

pub(crate) fn gone(number: u32) -> ActError {
    ActError::new(ActErrorKind::NotFound, format!("tab {number} is gone")).hint("`tabs` lists those that are there")
}

impl From<WireError> for ScriptError {
    fn from(error: WireError) -> Self {
        ScriptError::Wire(error)
    }
}

impl From<ScriptError> for ActError {
    fn from(error: ScriptError) -> Self {
        match error {
            ScriptError::Wire(error) => explain(&error),
            ScriptError::Gone => ActError::new(ActErrorKind::Detached, "the page went elsewhere meanwhile")
                .hint("take a snapshot of what is there now"),
            ScriptError::Threw(words) => ActError::new(ActErrorKind::Script, words),
        }
    }
}
