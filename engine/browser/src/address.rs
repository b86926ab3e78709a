//! Addresses as one types them.

use url::Url;

use crate::error::{ActError, ActErrorKind};

/// Whether a URL is of this machine, so that `http://` is meant if nothing is said.
fn is_local(host: &str) -> bool {
    let name = host.split([':', '/', '?', '#']).next().unwrap_or_default();
    name == "localhost" || name.ends_with(".localhost") || name.starts_with("127.") || host.starts_with("[::1]")
}

/// The URL that is meant, as a browser's own line takes it: what has no scheme is fetched by https, or by http from this machine.
///
/// # Errors
/// [`ActErrorKind::Invalid`] if it is none, [`ActErrorKind::Refused`] if it is of a scheme that is not opened.
pub fn parse(text: &str) -> Result<Url, ActError> {
    let text = text.trim();
    let invalid = |why: String| {
        ActError::new(ActErrorKind::Invalid, format!("{text:?} is no URL: {why}"))
            .hint("such as https://example.org/path")
    };
    if text.is_empty() {
        return Err(invalid("it is empty".to_owned()));
    }
    // `localhost:8080` would be a URL of the scheme `localhost`.
    let scheme = text.split_once(':').filter(|(scheme, rest)| {
        scheme.chars().all(|letter| letter.is_ascii_alphanumeric() || "+-.".contains(letter))
            && !scheme.contains('.')
            && !rest.starts_with(|letter: char| letter.is_ascii_digit())
    });
    let whole = match scheme {
        Some(_) => text.to_owned(),
        None if is_local(text) => format!("http://{text}"),
        None => format!("https://{text}"),
    };
    let url = Url::parse(&whole).map_err(|error| invalid(error.to_string()))?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        "about" if url.path() == "blank" => Ok(url),
        scheme => Err(ActError::new(ActErrorKind::Refused, format!("{scheme}: URLs are not opened: {text}"))
            .hint("only http and https are")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_meant_is_opened_and_nothing_but_pages() {
        for (text, url) in [
            ("example.org/a b", "https://example.org/a%20b"),
            ("localhost:8080", "http://localhost:8080/"),
            ("127.0.0.1:80/x", "http://127.0.0.1/x"),
            ("example.org:8443", "https://example.org:8443/"),
            ("HTTP://Example.org", "http://example.org/"),
            ("about:blank", "about:blank"),
        ] {
            assert_eq!(parse(text).unwrap().as_str(), url);
        }
        for text in [
            "file:///etc/passwd",
            "chrome://settings",
            "javascript:alert(1)",
            "view-source:http://x",
            "data:text/html,x",
            "about:version",
        ] {
            assert_eq!(parse(text).unwrap_err().kind, ActErrorKind::Refused, "{text}");
        }
        assert_eq!(parse(" ").unwrap_err().kind, ActErrorKind::Invalid);
        assert_eq!(parse("https://").unwrap_err().kind, ActErrorKind::Invalid);
    }
}
