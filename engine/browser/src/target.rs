//! Which element an act is about, as one text, in JSON as on the command line.
//!
//! | text | element |
//! |---|---|
//! | `@e12` | the one that a snapshot listed as `e12` |
//! | `css=#send`, `#send` | by CSS selector; without a prefix it is one |
//! | `text=Send` | the innermost that shows this text; `text="Send"` all of it, letter by letter |
//! | `role=button[name=Send]` | by what it is and is called, as assistive technology is told; the name as for `text=` |
//! | `label=Email` | the field with this label, or this placeholder |
//! | `testid=send` | by `data-testid`, `data-test-id`, `data-test` or `data-qa` |
//!
//! After any of them ` >> nth=2` takes the second of several, in document order. Texts are compared without regard to case and to runs of
//! blanks; what fits wholly goes before what contains it. All frames are searched; shadow roots too, closed ones by `role=` and `@e12`
//! only.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// The longest target that is read, in bytes.
const LONGEST: usize = 4096;

/// The prefixes of targets.
const PREFIXES: [&str; 5] = ["css", "text", "role", "label", "testid"];

/// Which element an act is about. Compared and written as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    text: String,
    how: How,
    nth: Option<usize>,
}

/// How an element is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// By the reference of a snapshot.
    Reference(u32),
    /// By a CSS selector.
    Css(String),
    /// By what it shows.
    Text(Words),
    /// By what it is, and what it is called.
    Role {
        /// The ARIA role: `button`, `link`, `textbox`.
        role: String,
        /// The accessible name.
        name: Option<Words>,
    },
    /// By the label of a field.
    Label(Words),
    /// By the attribute for tests.
    TestId(String),
}

/// A text to look for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// The text.
    pub text: String,
    /// Whether it has to be all there is, letter by letter.
    pub exact: bool,
}

/// A text that names no element.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct TargetError {
    /// What is wrong.
    pub message: String,
    /// How it is written.
    pub hint: String,
}

impl Target {
    /// Reads a target.
    ///
    /// # Errors
    /// [`TargetError`] if it is empty, too long, or not as its prefix says. Whether a CSS selector is one is known only in the page.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return Err(wrong("the target is empty", "such as @e12, #send, text=Send, role=button[name=Send]"));
        }
        if trimmed.len() > LONGEST {
            return Err(wrong(
                format!("the target has {} bytes, and may have {LONGEST}", trimmed.len()),
                "name the element by fewer of its properties",
            ));
        }
        let (body, nth) = split_nth(trimmed)?;
        Ok(Target { text: trimmed.to_owned(), how: parse_how(body)?, nth })
    }

    /// As it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// How it is found.
    #[must_use]
    pub fn how(&self) -> &How {
        &self.how
    }

    /// Which of several, from 1; none: there has to be but one.
    #[must_use]
    pub fn nth(&self) -> Option<usize> {
        self.nth
    }
}

fn parse_how(body: &str) -> Result<How, TargetError> {
    if let Some(reference) = body.strip_prefix('@') {
        let number = reference.strip_prefix('e').and_then(|digits| digits.parse().ok()).filter(|&number| number > 0);
        return number
            .map(How::Reference)
            .ok_or_else(|| wrong(format!("`{body}` is no reference"), "references are as in a snapshot: @e12"));
    }
    let Some((prefix, rest)) = prefixed(body) else { return Ok(How::Css(body.to_owned())) };
    let rest = rest.trim();
    if rest.is_empty() {
        return Err(wrong(
            format!("nothing follows `{prefix}=`"),
            "such as @e12, #send, text=Send, role=button[name=Send]",
        ));
    }
    Ok(match prefix {
        "css" => How::Css(rest.to_owned()),
        "text" => How::Text(words(rest)?),
        "role" => parse_role(rest)?,
        "label" => How::Label(words(rest)?),
        _ => How::TestId(rest.to_owned()),
    })
}

/// The prefix and what follows it, if there is one. A CSS selector may have a `=` too, but none straight after a name.
fn prefixed(body: &str) -> Option<(&'static str, &str)> {
    PREFIXES.iter().find_map(|prefix| Some((*prefix, body.strip_prefix(prefix)?.strip_prefix('=')?)))
}

/// What is before ` >> nth=N`, and N.
fn split_nth(text: &str) -> Result<(&str, Option<usize>), TargetError> {
    let Some((body, last)) = text.rsplit_once(">>") else { return Ok((text, None)) };
    let last = last.trim();
    let Some(number) = last.strip_prefix("nth=") else {
        // Part of a text, in quotes or not; a selector with it is refused by the page.
        return Ok((text, None));
    };
    match number.trim().parse() {
        Ok(number) if number > 0 && !body.trim().is_empty() => Ok((body.trim(), Some(number))),
        _ => Err(wrong(format!("`{last}` does not say which of several"), "they are counted from 1: css=li >> nth=2")),
    }
}

fn parse_role(rest: &str) -> Result<How, TargetError> {
    let hint = "such as role=button, role=button[name=Send], role=button[name=\"Send\"]";
    let (role, name) = match rest.split_once('[') {
        None => (rest, None),
        Some((role, inside)) => {
            let inside =
                inside.trim_end().strip_suffix(']').ok_or_else(|| wrong(format!("`{rest}` lacks its `]`"), hint))?;
            let (key, name) =
                inside.split_once('=').ok_or_else(|| wrong(format!("`[{inside}]` is not understood"), hint))?;
            if key.trim() != "name" {
                return Err(wrong(format!("`{}` cannot be asked for, only `name`", key.trim()), hint));
            }
            (role, Some(words(name.trim())?))
        }
    };
    let role = role.trim();
    if role.is_empty() || !role.chars().all(|letter| letter.is_ascii_alphabetic() || letter == '-') {
        return Err(wrong(format!("`{role}` is no role"), hint));
    }
    Ok(How::Role { role: role.to_owned(), name })
}

/// A text, exact if it is in double quotes.
fn words(text: &str) -> Result<Words, TargetError> {
    let quoted = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    let found = Words { text: quoted.unwrap_or(text).to_owned(), exact: quoted.is_some() };
    if found.text.trim().is_empty() {
        return Err(wrong("the text to look for is empty", "such as text=Send"));
    }
    Ok(found)
}

fn wrong(message: impl Into<String>, hint: &str) -> TargetError {
    TargetError { message: message.into(), hint: hint.to_owned() }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        Target::parse(text)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Target {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Target::parse(&text).map_err(|error| serde::de::Error::custom(format!("{} ({})", error.message, error.hint)))
    }
}

impl JsonSchema for Target {
    fn schema_name() -> Cow<'static, str> {
        "Target".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "Which element: @e12 (reference of a snapshot), a CSS selector, text=Send, role=button[name=Send], label=Email, \
                            testid=send. After it ` >> nth=2` takes the second of several.",
        })
    }
}
