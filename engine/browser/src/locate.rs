//! From a target to the elements that fit it, in all frames of a page.

use serde_json::{Value, json};

use crate::error::{ActError, ActErrorKind};
use crate::page::{Element, Page, ScriptError};
use crate::references::Place as Known;
use crate::target::{How, Target, Words};
use crate::tracker::Frame;

/// How many of several elements are named in an error.
const NAMED: usize = 5;

/// What fits a target.
#[derive(Debug, Default)]
pub(crate) struct Found {
    places: Vec<Place>,
    /// The first few, in words.
    candidates: Vec<String>,
}

/// Where an element is.
#[derive(Debug)]
enum Place {
    /// One of those that a frame has found last.
    Listed { id: String, frame: Frame, index: u64 },
    /// By the browser's own number.
    Node { id: String, frame: Frame, node: Value },
}

impl Found {
    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.places.len()
    }
}

/// All elements that fit, in document order, frame after frame.
pub(crate) async fn find(
    page: &Page<'_>,
    target: &Target,
    known: impl Fn(u32) -> Result<Known, ActError>,
) -> Result<Found, ActError> {
    if let How::Reference(number) = target.how() {
        let place = known(*number)?;
        let place =
            Place::Node { id: place.frame.clone(), frame: frame_of(page, &place.frame)?, node: place.node.into() };
        return Ok(Found { places: vec![place], candidates: Vec::new() });
    }
    let mut found = Found::default();
    for (id, frame) in page.frames()? {
        let more = match target.how() {
            How::Role { role, name } => by_role(page, &id, &frame, role, name.as_ref()).await,
            how => by_script(page, &id, &frame, how).await,
        };
        match more {
            Ok(more) => {
                found.places.extend(more.places);
                found.candidates.extend(more.candidates);
            }
            Err(Failed::Act(error)) => return Err(error),
            // The frame went elsewhere meanwhile, or has no document yet.
            Err(Failed::Script(ScriptError::Gone)) => {}
            Err(Failed::Script(ScriptError::Wire(crate::wire::WireError::Gone))) => {
                return Err(crate::page::explain(&crate::wire::WireError::Gone));
            }
            Err(Failed::Script(error)) => tracing::debug!(?error, "a frame cannot be searched"),
        }
    }
    Ok(found)
}

/// The one element that is meant; none if there is none.
pub(crate) async fn pick(page: &Page<'_>, target: &Target, found: &Found) -> Result<Option<Element>, ActError> {
    let index = match target.nth() {
        Some(nth) => nth - 1,
        None if found.count() > 1 => return Err(ambiguous(page, target, found).await),
        None => 0,
    };
    let Some(place) = found.places.get(index) else { return Ok(None) };
    match element(page, place).await {
        Ok(found) => Ok(found),
        Err(ScriptError::Gone) if matches!(target.how(), How::Reference(_)) => {
            Err(ActError::new(ActErrorKind::Detached, format!("{target} is no longer on the page"))
                .hint("take a snapshot of what is there now"))
        }
        Err(ScriptError::Gone) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn element(page: &Page<'_>, place: &Place) -> Result<Option<Element>, ScriptError> {
    match place {
        Place::Listed { id, frame, index } => page.refer(id, frame, &format!("zo.found?.[{index}]")).await,
        Place::Node { id, frame, node } => page.resolve(id, frame, node).await.map(Some),
    }
}

async fn ambiguous(page: &Page<'_>, target: &Target, found: &Found) -> ActError {
    let mut candidates = found.candidates.clone();
    if candidates.is_empty() {
        for place in found.places.iter().take(NAMED) {
            if let Ok(Some(element)) = element(page, place).await
                && let Ok(Value::String(words)) =
                    page.call_on(&element, "function() { return zo.describe(this) }", &[]).await
            {
                candidates.push(words);
            }
        }
    }
    candidates.truncate(NAMED);
    let listed: Vec<String> = candidates.iter().enumerate().map(|(n, words)| format!("{}. {words}", n + 1)).collect();
    let more = found.count().saturating_sub(candidates.len());
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    let message = format!("{} elements fit {target}: {}{more}", found.count(), listed.join("; "));
    ActError::new(ActErrorKind::Ambiguous, message)
        .hint(format!("name it more closely, or which one: {target} >> nth=1"))
}

enum Failed {
    Act(ActError),
    Script(ScriptError),
}

impl From<ScriptError> for Failed {
    fn from(error: ScriptError) -> Self {
        Failed::Script(error)
    }
}

async fn by_script(page: &Page<'_>, id: &str, frame: &Frame, how: &How) -> Result<Found, Failed> {
    let words = |words: &Words| json!({ "text": words.text, "exact": words.exact });
    let how = match how {
        How::Css(css) => json!({ "css": css }),
        How::Text(text) => json!({ "text": words(text) }),
        How::Label(label) => json!({ "label": words(label) }),
        How::TestId(testid) => json!({ "testid": testid }),
        How::Reference(_) | How::Role { .. } => return Ok(Found::default()),
    };
    let answer = page.evaluate(id, frame, &format!("zo.find({how})")).await?;
    if let Some(wrong) = answer["wrong"].as_str() {
        let wrong = wrong.rsplit_once(": ").map_or(wrong, |(_, last)| last);
        let error = ActError::new(ActErrorKind::Invalid, format!("{} is no CSS selector: {wrong}", how["css"]));
        return Err(Failed::Act(error.hint("or say how it is meant: text=…, role=…, label=…, testid=…, @e12")));
    }
    let count = answer["count"].as_u64().unwrap_or(0);
    let place = |index| Place::Listed { id: id.to_owned(), frame: frame.clone(), index };
    let candidates = answer["candidates"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
    Ok(Found { places: (0..count).map(place).collect(), candidates: candidates.collect() })
}

/// As the accessibility tree has it, with closed shadow roots; what is hidden is not in it.
async fn by_role(page: &Page<'_>, id: &str, frame: &Frame, role: &str, name: Option<&Words>) -> Result<Found, Failed> {
    let Some(document) = page.refer(id, frame, "document").await? else { return Ok(Found::default()) };
    let params = json!({ "objectId": document.object, "role": own_role(role) });
    let answer =
        page.wire.call(Some(&frame.session), "Accessibility.queryAXTree", params).await.map_err(ScriptError::from)?;
    let mut found: Vec<(u8, Value)> = Vec::new();
    for node in answer["nodes"].as_array().into_iter().flatten() {
        if node["ignored"] == true || node["backendDOMNodeId"].is_null() {
            continue;
        }
        let rank = name.map_or(2, |words| fits(node["name"]["value"].as_str().unwrap_or_default(), words));
        if rank > 0 {
            found.push((rank, node["backendDOMNodeId"].clone()));
        }
    }
    if found.iter().any(|(rank, _)| *rank == 2) {
        found.retain(|(rank, _)| *rank == 2);
    }
    let place = |(_, node)| Place::Node { id: id.to_owned(), frame: frame.clone(), node };
    Ok(Found { places: found.into_iter().map(place).collect(), candidates: Vec::new() })
}

/// What the browser calls a role of ARIA.
fn own_role(role: &str) -> &str {
    match role {
        "img" => "image",
        role => role,
    }
}

/// 2 if a text is what is looked for, 1 if it contains it, else 0; as the library's `fits`.
pub(crate) fn fits(text: &str, words: &Words) -> u8 {
    let squeeze = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (text, wanted) = (squeeze(text), squeeze(&words.text));
    if words.exact {
        return if text == wanted { 2 } else { 0 };
    }
    let (text, wanted) = (text.to_lowercase(), wanted.to_lowercase());
    if text == wanted { 2 } else { u8::from(text.contains(&wanted)) }
}

fn frame_of(page: &Page<'_>, id: &str) -> Result<Frame, ActError> {
    page.look(|tab| tab.frames.get(id).cloned())?.ok_or_else(|| {
        ActError::new(ActErrorKind::Detached, "the frame that it was in is no longer on the page")
            .hint("take a snapshot of what is there now")
    })
}
