//! Keys by their names, and texts as keys. The layout is chromiumoxide's, that of US keyboards; what is not on it is put in as text.

#[cfg(test)]
mod tests;

use chromiumoxide::keys::{KeyDefinition, get_key_definition};
use serde_json::{Value, json};

use super::input::bits;
use crate::act::Modifier;

/// One key that is pressed, and those that are held down before it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Press {
    held: Vec<Modifier>,
    key: Key,
}

/// A key.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Key {
    /// One of the layout, by its name there.
    Known(String),
    /// A character that is not.
    Other(char),
}

/// A part of a text that is typed.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Stroke {
    /// A key of the layout.
    Key(Press),
    /// Characters that have no key.
    Text(String),
}

/// A text as keys, and as text where it has none.
pub(super) fn strokes(text: &str) -> Vec<Stroke> {
    let mut strokes: Vec<Stroke> = Vec::new();
    for letter in text.replace("\r\n", "\n").chars() {
        let name = match letter {
            '\n' | '\r' => "Enter".to_owned(),
            '\t' => "Tab".to_owned(),
            letter => letter.to_string(),
        };
        if letter.is_ascii() && definition(&name).is_some() {
            let held = if letter.is_ascii_uppercase() { vec![Modifier::Shift] } else { Vec::new() };
            strokes.push(Stroke::Key(Press { held, key: Key::Known(name) }));
        } else if let Some(Stroke::Text(text)) = strokes.last_mut() {
            text.push(letter);
        } else {
            strokes.push(Stroke::Text(letter.to_string()));
        }
    }
    strokes
}

/// Keys that are pressed one after the other, parted by blanks.
pub(super) fn presses(text: &str) -> Result<Vec<Press>, String> {
    let presses: Vec<Press> = text.split_whitespace().map(press).collect::<Result<_, _>>()?;
    if presses.is_empty() { Err("no key is given".to_owned()) } else { Ok(presses) }
}

fn press(text: &str) -> Result<Press, String> {
    // The plus itself is a key too: `+`, `Control++`.
    let (held, name) = match text.strip_suffix('+') {
        Some("") => ("", "+"),
        Some(held) => (held.trim_end_matches('+'), "+"),
        None => text.rsplit_once('+').unwrap_or(("", text)),
    };
    let held: Vec<Modifier> =
        held.split('+').filter(|name| !name.is_empty()).map(modifier).collect::<Result<_, _>>()?;
    let mut name = alias(name).to_owned();
    let shifted = held.contains(&Modifier::Shift);
    if name.len() == 1 && name.is_ascii() && !held.is_empty() {
        name = if shifted { name.to_ascii_uppercase() } else { name.to_ascii_lowercase() };
    }
    if definition(&name).is_some() {
        return Ok(Press { held, key: Key::Known(name) });
    }
    let mut letters = name.chars();
    match (letters.next(), letters.next()) {
        (Some(letter), None) => Ok(Press { held, key: Key::Other(letter) }),
        _ => Err(format!("there is no key `{name}`")),
    }
}

fn modifier(name: &str) -> Result<Modifier, String> {
    match name.to_ascii_lowercase().as_str() {
        "alt" | "option" => Ok(Modifier::Alt),
        "control" | "ctrl" => Ok(Modifier::Control),
        "meta" | "command" | "cmd" | "super" | "win" => Ok(Modifier::Meta),
        "shift" => Ok(Modifier::Shift),
        _ => Err(format!("`{name}` is no key that is held down: Alt, Control, Meta, Shift")),
    }
}

/// What keys are called elsewhere.
fn alias(name: &str) -> &str {
    match name.to_ascii_lowercase().as_str() {
        "esc" | "escape" => "Escape",
        "return" | "enter" => "Enter",
        "del" | "delete" => "Delete",
        "backspace" => "Backspace",
        "tab" => "Tab",
        "space" => " ",
        "up" | "arrowup" => "ArrowUp",
        "down" | "arrowdown" => "ArrowDown",
        "left" | "arrowleft" => "ArrowLeft",
        "right" | "arrowright" => "ArrowRight",
        "pageup" => "PageUp",
        "pagedown" => "PageDown",
        "home" => "Home",
        "end" => "End",
        "insert" => "Insert",
        "control" | "ctrl" => "Control",
        "alt" => "Alt",
        "shift" => "Shift",
        "meta" => "Meta",
        _ => name,
    }
}

fn definition(name: &str) -> Option<&'static KeyDefinition> {
    get_key_definition(name)
}

impl Press {
    /// The events of pressing it: what is held down goes down before it and up after it.
    pub(super) fn events(&self) -> Vec<Value> {
        let mut events = Vec::new();
        for (index, modifier) in self.held.iter().enumerate() {
            events.push(held_event("rawKeyDown", *modifier, bits(&self.held[..=index])));
        }
        events.extend(self.key.events(bits(&self.held)));
        for (index, modifier) in self.held.iter().enumerate().rev() {
            events.push(held_event("keyUp", *modifier, bits(&self.held[..index])));
        }
        events
    }
}

impl Key {
    fn events(&self, modifiers: u32) -> Vec<Value> {
        // With Control, Alt or Meta a key is no text.
        let is_text = modifiers & 7 == 0;
        let (key, code, number, text) = match self {
            Key::Known(name) => match definition(name) {
                Some(known) => (known.key.to_owned(), known.code, known.key_code, text_of(known)),
                None => (name.clone(), "", 0, None),
            },
            Key::Other(letter) => (letter.to_string(), "", 0, Some(letter.to_string())),
        };
        let text = text.filter(|_| is_text);
        let mut down = json!({
            "type": if text.is_some() { "keyDown" } else { "rawKeyDown" }, "modifiers": modifiers,
            "key": key, "code": code, "windowsVirtualKeyCode": number, "nativeVirtualKeyCode": number,
        });
        if let Some(text) = text {
            down["text"] = json!(text);
        }
        let up = json!({
            "type": "keyUp", "modifiers": modifiers, "key": key, "code": code,
            "windowsVirtualKeyCode": number, "nativeVirtualKeyCode": number,
        });
        vec![down, up]
    }
}

fn text_of(known: &KeyDefinition) -> Option<String> {
    match known.text {
        Some(text) => Some(text.to_owned()),
        None if known.key.chars().count() == 1 => Some(known.key.to_owned()),
        None => None,
    }
}

fn held_event(kind: &str, modifier: Modifier, modifiers: u32) -> Value {
    let (name, code, number) = match modifier {
        Modifier::Alt => ("Alt", "AltLeft", 18),
        Modifier::Control => ("Control", "ControlLeft", 17),
        Modifier::Meta => ("Meta", "MetaLeft", 91),
        Modifier::Shift => ("Shift", "ShiftLeft", 16),
    };
    json!({ "type": kind, "modifiers": modifiers, "key": name, "code": code, "windowsVirtualKeyCode": number })
}
