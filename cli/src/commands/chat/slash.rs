//! The slash commands as they are typed.

use crate::error::CliError;
use crate::suggest::nearest;

/// What a line asks for that is not a question.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Slash<'a> {
    Help,
    Model(Option<&'a str>),
    Retry(Option<&'a str>),
    Edit(Option<&'a str>),
    Fork(Option<&'a str>),
    New(Option<&'a str>),
    System(Option<&'a str>),
    File(Option<&'a str>),
    Image(Option<&'a str>),
    History,
    Usage,
    Recalled,
    Tools(Option<&'a str>),
    Compact,
    Uncompact,
    Quit,
}

/// `(name, what follows it, what it does)`, in the order of the help.
pub(super) const COMMANDS: [(&str, &str, &str); 16] = [
    (
        "/model",
        "[NAME]",
        "show or change the model of this chat; a provider's name lists its models, `-` takes the usual",
    ),
    ("/retry", "[with MODEL]", "ask the last question once more, or what was not asked yet"),
    ("/edit", "[TEXT]", "change the last question and ask it instead"),
    ("/fork", "[NAME]", "go on in a copy of this conversation"),
    ("/new", "[NAME]", "go on in a new conversation"),
    ("/system", "[TEXT]", "show or change the instructions; `-` takes the usual ones"),
    ("/file", "[PATH]", "attach a text file to the next question; without a path, list what is attached"),
    ("/image", "[PATH]", "attach an image; `-` instead of a path takes everything off again"),
    ("/tools", "[on|off]", "say whether agents answer, which may call tools, or change that"),
    ("/compact", "", "tell the model the older messages by a summary"),
    ("/uncompact", "", "tell it the messages as they are again"),
    ("/history", "", "show the conversation"),
    ("/recalled", "", "show what was recalled for the last answer"),
    ("/usage", "", "show what this chat cost"),
    ("/help", "", "show this"),
    ("/quit", "", "leave; Ctrl-D does too"),
];

/// Whether a text is meant as a slash command: a path or `//` is not.
pub(super) fn is_slash(text: &str) -> bool {
    let word = text.split_whitespace().next().unwrap_or_default();
    word.strip_prefix('/').is_some_and(|name| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphabetic()))
}

/// The model in `with MODEL`, or in `MODEL` alone.
fn named(rest: &str) -> Option<&str> {
    if rest == "with" { None } else { Some(rest.strip_prefix("with ").unwrap_or(rest).trim()) }
}

/// The command that a text is.
///
/// # Errors
/// If there is none of that name: with the nearest.
pub(super) fn parse(text: &str) -> Result<Slash<'_>, CliError> {
    let text = text.trim();
    let (name, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let rest = Some(rest.trim()).filter(|rest| !rest.is_empty());
    Ok(match name {
        "/help" => Slash::Help,
        "/model" => Slash::Model(rest),
        "/retry" => Slash::Retry(rest.and_then(named)),
        "/edit" => Slash::Edit(rest),
        "/fork" => Slash::Fork(rest),
        "/new" => Slash::New(rest),
        "/system" => Slash::System(rest),
        "/file" => Slash::File(rest),
        "/image" => Slash::Image(rest),
        "/history" => Slash::History,
        "/usage" => Slash::Usage,
        "/recalled" => Slash::Recalled,
        "/tools" => Slash::Tools(rest),
        "/compact" => Slash::Compact,
        "/uncompact" => Slash::Uncompact,
        "/quit" | "/exit" => Slash::Quit,
        unknown => {
            let error = CliError::usage(format!("there is no {unknown}"));
            return Err(match nearest(unknown, COMMANDS.iter().map(|(name, ..)| *name)) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error.hint("/help lists what there is; a question that begins so can be put between \"\"\""),
            });
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_that_is_listed_is_known() {
        for (name, ..) in COMMANDS {
            assert!(is_slash(name) && parse(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn what_follows_is_handed_over() {
        assert_eq!(parse("/model  a/b "), Ok(Slash::Model(Some("a/b"))));
        assert_eq!(parse("/retry with a/b"), Ok(Slash::Retry(Some("a/b"))));
        assert_eq!(parse("/retry a/b"), Ok(Slash::Retry(Some("a/b"))));
        assert_eq!(parse("/retry with"), Ok(Slash::Retry(None)));
        assert_eq!(parse("/retry without/b"), Ok(Slash::Retry(Some("without/b"))));
        assert_eq!(parse("/edit two\nlines"), Ok(Slash::Edit(Some("two\nlines"))));
        assert_eq!(parse("/file"), Ok(Slash::File(None)));
    }

    #[test]
    fn a_typo_is_told_the_nearest_and_a_path_is_no_command() {
        assert_eq!(parse("/modle x").expect_err("a typo").hints, ["did you mean `/model`?"]);
        assert!(!is_slash("/etc/hosts is what?") && !is_slash("// a comment") && !is_slash("/ 2"));
        assert!(is_slash("/modle x"));
    }
}
