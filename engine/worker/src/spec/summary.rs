//! A job in one line, for lists.

use std::borrow::Cow;

use super::JobSpec;

/// Characters of a summary.
const LONGEST: usize = 80;

impl JobSpec {
    /// What it does, in one line of at most 80 characters: no line breaks or other control characters, no environment, headers, bodies,
    /// or queries of URLs, which may hold secrets.
    #[must_use]
    pub fn summary(&self) -> String {
        let text = match self {
            Self::Command(command) => command.argv.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "),
            Self::Skill(skill) => {
                let script = skill.script.as_ref().map(|script| format!("/{script}")).unwrap_or_default();
                format!("{}{script}", skill.name)
            }
            Self::Agent(agent) => agent.prompt.clone(),
            Self::Http(http) => format!("{} {}", http.method.to_ascii_uppercase(), public_part(&http.url)),
            Self::Memorize(memorize) => memorize.content.clone(),
        };
        one_line(&text)
    }
}

/// A word as a shell would take it.
fn quoted(word: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=,@%+".contains(&byte) || !byte.is_ascii();
    if !word.is_empty() && word.bytes().all(is_plain) {
        return Cow::Borrowed(word);
    }
    Cow::Owned(format!("'{}'", word.replace('\'', "'\\''")))
}

/// A URL without a user, a password and a query.
fn public_part(url: &str) -> String {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let more = if url[end..].starts_with('?') { "?…" } else { "" };
    let (scheme, rest) = url[..end].split_once("://").unwrap_or(("", &url[..end]));
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let colon = if scheme.is_empty() { "" } else { "://" };
    format!("{scheme}{colon}{host}{path}{more}")
}

/// The first characters, spaces and line breaks as one space each, other control characters left out.
fn one_line(text: &str) -> String {
    let mut line = String::new();
    let mut length = 0;
    for character in text.trim().chars() {
        let character = if character.is_whitespace() { ' ' } else { character };
        if character.is_control() || is_invisible(character) || (character == ' ' && line.ends_with(' ')) {
            continue;
        }
        if length == LONGEST {
            line.pop();
            line.push('…');
            break;
        }
        line.push(character);
        length += 1;
    }
    line
}

/// Marks that turn the direction of what follows, which would make a list lie.
fn is_invisible(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}
