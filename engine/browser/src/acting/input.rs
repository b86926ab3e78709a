//! Mouse and keyboard, as a person's: events of the browser itself, which pages cannot tell from real ones.

use std::time::Duration;

use serde_json::{Value, json};

use super::aim::{Aimed, Wants};
use super::keys::{self, Stroke};
use super::{Acting, Came};
use crate::act::{Click, Modifier, MouseButton, Type};
use crate::done::Note;
use crate::error::{ActError, ActErrorKind};
use crate::target::Target;
use crate::wire::{Begun, WireError};

/// Events that are sent before the first answer is waited for.
const AHEAD: usize = 64;

/// How often the mouse follows an element that moves because the mouse comes over it.
const FOLLOWS: usize = 5;

/// The address of a link that browsers without windows, or driven ones, silently do not follow.
const LEADS_NOWHERE: &str = "function() { const link = this.closest('a[href], area[href]'); const known = ['http:', 'https:', \
                             'javascript:', 'blob:', 'about:']; return link && !link.hasAttribute('download') && \
                             !known.includes(link.protocol) ? link.href : null }";

/// How long an element that goes away, or is covered, because the mouse comes over it may take to be there again.
const BACK: Duration = Duration::from_secs(1);

impl Acting<'_> {
    pub(super) async fn click(&self, act: &Click) -> Result<Came, ActError> {
        let aimed = self.aim_with_mouse(&act.target).await?;
        if let Ok(Value::String(url)) = self.page.call_on(&aimed.element, LEADS_NOWHERE, &[]).await {
            let reason = "it is no address of http or https, and a link to it leads nowhere here".to_owned();
            self.page.wire.tracker().note(Note::Blocked { url, reason });
        }
        let modifiers = bits(&act.modifiers);
        self.mouse(aimed.x, aimed.y, act.button, act.count, modifiers).await?;
        Ok(Came::default())
    }

    /// Moves the mouse over an element, and looks whether it is there still: pages do things when the mouse comes.
    async fn aim_with_mouse(&self, target: &Target) -> Result<Aimed, ActError> {
        let wants = Wants { enabled: true, editable: false };
        let mut aimed = self.aim(target, wants).await?;
        for _ in 0..FOLLOWS {
            let moved = json!({ "type": "mouseMoved", "x": aimed.x, "y": aimed.y });
            self.input("Input.dispatchMouseEvent", vec![moved]).await?;
            let Ok(again) = tokio::time::timeout(BACK, self.aim(target, wants)).await else {
                let message = format!("{target} went away, or was covered, when the mouse came over it");
                return Err(ActError::new(ActErrorKind::Detached, message).hint("take a snapshot of what is there now"));
            };
            let before = (aimed.x, aimed.y);
            aimed = again?;
            if (aimed.x, aimed.y) == before {
                break;
            }
        }
        Ok(aimed)
    }

    /// Moves there and clicks.
    pub(super) async fn mouse(
        &self,
        x: f64,
        y: f64,
        button: MouseButton,
        count: u32,
        modifiers: u32,
    ) -> Result<(), ActError> {
        let (name, pressed) = match button {
            MouseButton::Left => ("left", 1),
            MouseButton::Right => ("right", 2),
            MouseButton::Middle => ("middle", 4),
        };
        let event = |kind: &str, count: u32, buttons: u32| {
            json!({
                "type": kind, "x": x, "y": y, "modifiers": modifiers, "clickCount": count,
                "button": if kind == "mouseMoved" { "none" } else { name }, "buttons": buttons,
            })
        };
        let mut events = vec![event("mouseMoved", 0, 0)];
        for click in 1..=count {
            events.push(event("mousePressed", click, pressed));
            events.push(event("mouseReleased", click, 0));
        }
        self.input("Input.dispatchMouseEvent", events).await
    }

    pub(super) async fn hover(&self, target: &Target) -> Result<Came, ActError> {
        let aimed = self.aim(target, Wants::default()).await?;
        self.input("Input.dispatchMouseEvent", vec![json!({ "type": "mouseMoved", "x": aimed.x, "y": aimed.y })])
            .await?;
        Ok(Came::default())
    }

    pub(super) async fn type_text(&self, act: &Type) -> Result<Came, ActError> {
        if let Some(target) = &act.target {
            let aimed = self.aim(target, Wants { enabled: true, editable: false }).await?;
            self.page.call_on(&aimed.element, "function() { zo.focusAtEnd(this) }", &[]).await?;
        }
        for stroke in keys::strokes(&act.text) {
            match stroke {
                Stroke::Key(press) => self.input("Input.dispatchKeyEvent", press.events()).await?,
                Stroke::Text(text) => self.insert(&text).await?,
            }
        }
        Ok(Came::default())
    }

    pub(super) async fn press(&self, keys: &str) -> Result<Came, ActError> {
        let presses = keys::presses(keys).map_err(|message| {
            ActError::new(ActErrorKind::Invalid, message).hint("such as Enter, Control+A, Shift+Tab, é")
        })?;
        for press in presses {
            self.input("Input.dispatchKeyEvent", press.events()).await?;
        }
        Ok(Came::default())
    }

    /// Puts a text where the focus is, all at once, as an input method does.
    pub(super) async fn insert(&self, text: &str) -> Result<(), ActError> {
        self.page.call("Input.insertText", json!({ "text": text })).await?;
        Ok(())
    }

    /// Sends events one after the other, and waits until the page has taken them all.
    pub(super) async fn input(&self, method: &'static str, events: Vec<Value>) -> Result<(), ActError> {
        let session = self.page.session()?;
        for events in events.chunks(AHEAD) {
            let mut begun: Vec<Begun> = Vec::with_capacity(events.len());
            for event in events {
                let sent = self.page.wire.begin(Some(&session), method, event.clone()).await;
                begun.push(sent.map_err(|error| self.page.explain(&error))?);
            }
            for event in begun {
                match event.answer().await {
                    // What was clicked has closed its own tab; that is told in a note.
                    Ok(_) | Err(WireError::Detached) => {}
                    Err(error) => return Err(self.page.explain(&error)),
                }
            }
        }
        Ok(())
    }
}

/// Modifiers as the browser has them.
pub(super) fn bits(modifiers: &[Modifier]) -> u32 {
    modifiers.iter().fold(0, |bits, modifier| {
        bits | match modifier {
            Modifier::Alt => 1,
            Modifier::Control => 2,
            Modifier::Meta => 4,
            Modifier::Shift => 8,
        }
    })
}
