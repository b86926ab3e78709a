//! Lines as one types them, and what they are for the engine.

use clap::Parser;

use super::*;

#[derive(Parser)]
struct Line {
    #[command(subcommand)]
    act: Acts,
}

fn check(line: &str, expected: &str) {
    let words = std::iter::once("zo".to_owned()).chain(shlex::split(line).expect("a line"));
    let said = match Line::try_parse_from(words) {
        Ok(line) => match line.act.act() {
            Ok(act) => serde_json::to_string(&act).expect("acts are JSON"),
            Err(error) => error.message,
        },
        Err(error) => error.to_string().lines().next().unwrap_or_default().to_owned(),
    };
    assert_eq!(said, expected, "{line}");
}

#[test]
fn lines_are_acts() {
    check("open example.org", r#"{"act":"open","url":"example.org"}"#);
    check("click @e12 --double --with control", r#"{"act":"click","target":"@e12","count":2,"modifiers":["control"]}"#);
    check("fill label=Name 'Ada L.'", r#"{"act":"fill","target":"label=Name","text":"Ada L."}"#);
    check("fill label=Name --secret", r#"{"act":"fill","target":"label=Name","text":""}"#);
    check("type hello --into @e3", r#"{"act":"type","text":"hello","target":"@e3"}"#);
    check("uncheck @e3", r#"{"act":"check","target":"@e3","checked":false}"#);
    check("scroll", r#"{"act":"scroll","to":"bottom"}"#);
    check("scroll --down -300", r#"{"act":"scroll","y":-300.0}"#);
    check("wait --text Done", r#"{"act":"wait","text":"Done"}"#);
    check("tabs --open", r#"{"act":"tabs","op":"open"}"#);
    check("tabs --close 2", r#"{"act":"tabs","op":"close","tab":2}"#);
    check("download https://a.b/c.pdf", r#"{"act":"download","url":"https://a.b/c.pdf"}"#);
    check("download @e4", r#"{"act":"download","target":"@e4"}"#);
    check("dialog accept --text yes", r#"{"act":"dialog","policy":{"answer":"accept","text":"yes"}}"#);
}

#[test]
fn what_cannot_be_is_said() {
    check("wait", "error: the following required arguments were not provided:");
    check("fill label=Name", "error: the following required arguments were not provided:");
    check("clikc @e1", "error: unrecognized subcommand 'clikc'");
}
