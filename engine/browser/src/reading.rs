//! The text of a page, to be read: Markdown, plain, or its headings. It is put together in the page, by `reading/reader.js`.

use serde_json::json;

use crate::act::{Read, ReadFormat};
use crate::acting::{Acting, Came};
use crate::error::ActError;
use crate::page::ScriptError;

/// What puts the text together; it leaves a function.
const READER: &str = include_str!("reading/reader.js");

/// The part of the text that was asked for; the value says how long it is.
pub(crate) async fn read(acting: &Acting<'_>, act: &Read) -> Result<Came, ActError> {
    let format = match act.format {
        ReadFormat::Markdown => "markdown",
        ReadFormat::Text => "text",
        ReadFormat::Outline => "outline",
    };
    let text = match &act.target {
        Some(target) => {
            let element = acting.element(target).await?;
            let function = format!("function(format) {{ return ({READER})(this, format) }}");
            let text = acting.page.call_on(&element, &function, &[json!(format)]).await?;
            text.as_str().unwrap_or_default().to_owned()
        }
        None => whole_page(acting, format).await?,
    };
    let (part, total) = part(&text, act.offset, act.max_chars);
    let after = total.saturating_sub(act.offset + part.chars().count());
    let counts = json!({ "chars": total, "offset": act.offset, "more": after });
    let mut shown = part.to_owned();
    if after > 0 {
        shown.push_str(&format!("\n\n… {after} more characters: go on with offset {}", total - after));
    }
    Ok(Came::read(counts, shown))
}

/// The page, then what its frames show.
async fn whole_page(acting: &Acting<'_>, format: &str) -> Result<String, ActError> {
    let mut whole = String::new();
    for (index, (id, frame)) in acting.page.frames()?.into_iter().enumerate() {
        let expression = format!("({READER})(null, {})", json!(format));
        let text = match acting.page.evaluate(&id, &frame, &expression).await {
            Ok(text) => text.as_str().unwrap_or_default().to_owned(),
            Err(ScriptError::Gone) if index > 0 => continue,
            Err(error) => return Err(error.into()),
        };
        if index == 0 {
            whole = text;
        } else if !text.trim().is_empty() {
            whole.push_str(&format!("\n\n---\n\nFrame {}\n\n{text}", frame.url));
        }
    }
    Ok(whole)
}

/// So many characters from one on, and how many there are in all.
fn part(text: &str, offset: usize, most: usize) -> (&str, usize) {
    let total = text.chars().count();
    let byte = |char: usize| text.char_indices().nth(char).map_or(text.len(), |(byte, _)| byte);
    (&text[byte(offset)..byte(offset.saturating_add(most))], total)
}

#[cfg(test)]
mod tests {
    use super::part;

    #[test]
    fn parts_are_cut_between_characters() {
        assert_eq!(part("aüb", 1, 1), ("ü", 3));
        assert_eq!(part("aüb", 2, 9), ("b", 3));
        assert_eq!(part("aüb", 9, usize::MAX), ("", 3));
    }
}
