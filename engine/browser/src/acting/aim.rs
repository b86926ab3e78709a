//! Waits until an element is there and can be acted upon, and says where.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Acting;
use crate::error::{ActError, ActErrorKind};
use crate::locate;
use crate::page::{Element, ScriptError};
use crate::target::{How, Target};
use crate::wire::locked;

/// How long something has to be in the way until the act fails: pages that build themselves up need a moment.
const GRACE: Duration = Duration::from_secs(1);

/// The first wait before an element is looked at again, and the longest.
const LOOK: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(100));

/// What an element has to be for an act.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wants {
    pub(super) enabled: bool,
    pub(super) editable: bool,
}

/// An element that can be acted upon.
#[derive(Clone, Debug)]
pub(super) struct Aimed {
    pub(super) element: Element,
    /// Where, in CSS pixels of the tab's window.
    pub(super) x: f64,
    pub(super) y: f64,
}

/// Whether to look again.
enum Seen {
    Ready(Aimed),
    /// It moves: it was there.
    Moving(Value),
    /// Something is in the way; it may go by itself.
    Obstacle(ActError),
}

/// Looks again and again, less and less often, and gives up on what stays in the way.
struct Patience {
    wait: Duration,
    /// What is in the way, and since when.
    since: Option<(ActErrorKind, Instant)>,
}

impl Patience {
    fn new() -> Self {
        Patience { wait: LOOK.0, since: None }
    }

    /// Waits for a while; the obstacle comes back if it was in the way for the whole grace.
    async fn wait(&mut self, acting: &Acting<'_>, obstacle: ActError) -> Result<(), ActError> {
        let kind = obstacle.kind;
        let now = Instant::now();
        let since = match self.since {
            Some((known, since)) if known == kind => since,
            _ => now,
        };
        self.since = Some((kind, since));
        let stays = matches!(kind, ActErrorKind::Covered | ActErrorKind::Disabled | ActErrorKind::Ambiguous);
        if stays && now - since >= GRACE {
            return Err(obstacle);
        }
        acting.waits_for(obstacle);
        tokio::time::sleep(self.wait).await;
        self.wait = (self.wait * 3 / 2).min(LOOK.1);
        Ok(())
    }
}

impl Acting<'_> {
    /// Waits until the element is there, visible, still, and not covered, with what else is wanted.
    pub(super) async fn aim(&self, target: &Target, wants: Wants) -> Result<Aimed, ActError> {
        let mut patience = Patience::new();
        let mut last: Option<Value> = None;
        loop {
            match self.look(target, wants, last.take()).await? {
                Seen::Ready(aimed) => return Ok(aimed),
                Seen::Moving(at) => {
                    last = Some(at);
                    self.waits_for(ActError::new(ActErrorKind::Timeout, format!("{target} moves")));
                    tokio::time::sleep(Duration::from_millis(30)).await;
                }
                Seen::Obstacle(obstacle) => patience.wait(self, obstacle).await?,
            }
        }
    }

    /// Waits until the element is there, seen or not.
    pub(crate) async fn element(&self, target: &Target) -> Result<Element, ActError> {
        let mut patience = Patience::new();
        loop {
            match self.find_one(target).await {
                Ok(Some(element)) => return Ok(element),
                Ok(None) => patience.wait(self, missing(target)).await?,
                Err(error) if error.kind == ActErrorKind::Ambiguous => patience.wait(self, error).await?,
                Err(error) => return Err(error),
            }
        }
    }

    /// The element, if it is there now.
    pub(super) async fn find_one(&self, target: &Target) -> Result<Option<Element>, ActError> {
        let found = self.find_all(target).await?;
        locate::pick(&self.page, target, &found).await
    }

    pub(super) async fn find_all(&self, target: &Target) -> Result<locate::Found, ActError> {
        locate::find(&self.page, target, |number| locked(self.references).get(&self.page, number)).await
    }

    async fn look(&self, target: &Target, wants: Wants, last: Option<Value>) -> Result<Seen, ActError> {
        let element = match self.find_one(target).await {
            Ok(Some(element)) => element,
            Ok(None) => return Ok(Seen::Obstacle(missing(target))),
            Err(error) if error.kind == ActErrorKind::Ambiguous => return Ok(Seen::Obstacle(error)),
            Err(error) => return Err(error),
        };
        let wanted = json!({ "enabled": wants.enabled, "editable": wants.editable });
        let seen = match self.page.call_on(&element, "function(wants) { return zo.aim(this, wants) }", &[wanted]).await
        {
            Ok(seen) => seen,
            Err(ScriptError::Gone) => json!({ "state": "detached" }),
            Err(error) => return Err(error.into()),
        };
        let is_reference = matches!(target.how(), How::Reference(_));
        if seen["state"] == "detached" && is_reference {
            return Err(ActError::new(ActErrorKind::Detached, format!("{target} is no longer on the page"))
                .hint("take a snapshot of what is there now"));
        }
        if let Some(obstacle) = obstacle(target, &seen) {
            return Ok(Seen::Obstacle(obstacle));
        }
        if seen["moving"] == true && last.as_ref() != Some(&seen["at"]) {
            return Ok(Seen::Moving(seen["at"].clone()));
        }
        self.seen_from_outside(target, element, &seen).await
    }

    /// The point of an element in a frame, seen from the tab's window.
    async fn seen_from_outside(&self, target: &Target, element: Element, seen: &Value) -> Result<Seen, ActError> {
        let number = |value: &Value| value.as_f64().unwrap_or(0.0);
        let (mut x, mut y) = (number(&seen["x"]), number(&seen["y"]));
        let mut frame = element.frame.clone();
        while let Some(owner) = self.page.owner(&frame).await? {
            let through = "function(x, y) { return zo.through(this, x, y) }";
            let outside = self.page.call_on(&owner, through, &[json!(x), json!(y)]).await?;
            if outside["scrolled"] == true {
                // The browser knows where frames of other sites are only after the next picture.
                return Ok(Seen::Moving(Value::Null));
            }
            if let Some(by) = outside["by"].as_str() {
                return Ok(Seen::Obstacle(covered(target, &words(seen, "what"), by)));
            }
            (x, y) = (number(&outside["x"]), number(&outside["y"]));
            frame = owner.frame;
        }
        Ok(Seen::Ready(Aimed { element, x, y }))
    }
}

/// What is in the way, if something is.
fn obstacle(target: &Target, seen: &Value) -> Option<ActError> {
    let what = words(seen, "what");
    let error = match seen["state"].as_str() {
        Some("ok") => return None,
        Some("covered") => covered(target, &what, &words(seen, "by")),
        Some("disabled") => ActError::new(ActErrorKind::Disabled, format!("{target} is disabled: {what}"))
            .hint("something else has to be done first, or it is not meant to be used now"),
        Some("readonly") => ActError::new(ActErrorKind::Disabled, format!("{target} cannot be written into: {what}"))
            .hint("fill takes fields"),
        Some("outside") => {
            ActError::new(ActErrorKind::NotVisible, format!("{target} cannot be scrolled into view: {what}"))
                .hint("what it lies in may be too small, or closed")
        }
        Some("hidden") => ActError::new(ActErrorKind::NotVisible, format!("{target} is not visible: {what}"))
            .hint("it may have to be opened first, or another element is meant"),
        _ => ActError::new(ActErrorKind::Detached, format!("{target} went away again and again")),
    };
    Some(error)
}

fn covered(target: &Target, what: &str, by: &str) -> ActError {
    ActError::new(ActErrorKind::Covered, format!("{target} is covered by {by}: {what}"))
        .hint("close what lies over it, or act on that")
}

pub(super) fn missing(target: &Target) -> ActError {
    ActError::new(ActErrorKind::NotFound, format!("no element fits {target}"))
        .hint("a snapshot lists what is there; a page that is still loading can be waited for")
}

fn words(seen: &Value, name: &str) -> String {
    seen[name].as_str().unwrap_or_default().to_owned()
}
