use super::*;

fn line(text: &str) -> String {
    let presses = presses(text).unwrap();
    let events = presses.iter().flat_map(Press::events);
    let word = |event: Value| {
        let text = event["text"].as_str().map(|text| format!("={text:?}")).unwrap_or_default();
        format!("{}:{}/{}{text}", event["type"].as_str().unwrap(), event["key"].as_str().unwrap(), event["modifiers"])
    };
    events.map(word).collect::<Vec<_>>().join(" ")
}

#[test]
fn keys_go_down_and_up_in_order() {
    assert_eq!(line("Enter"), "keyDown:Enter/0=\"\\r\" keyUp:Enter/0");
    assert_eq!(line("Control+A"), "rawKeyDown:Control/2 rawKeyDown:a/2 keyUp:a/2 keyUp:Control/0");
    assert_eq!(line("shift+a"), "rawKeyDown:Shift/8 keyDown:A/8=\"A\" keyUp:A/8 keyUp:Shift/0");
    assert_eq!(line("é"), "keyDown:é/0=\"é\" keyUp:é/0");
    assert_eq!(line("Esc Tab"), "rawKeyDown:Escape/0 keyUp:Escape/0 rawKeyDown:Tab/0 keyUp:Tab/0");
    assert_eq!(line("+"), "keyDown:+/0=\"+\" keyUp:+/0");
    assert_eq!(line("Ctrl++"), "rawKeyDown:Control/2 rawKeyDown:+/2 keyUp:+/2 keyUp:Control/0");
}

#[test]
fn what_is_no_key_is_refused() {
    assert_eq!(presses("Entr").unwrap_err(), "there is no key `Entr`");
    assert_eq!(presses("Hyper+A").unwrap_err(), "`Hyper` is no key that is held down: Alt, Control, Meta, Shift");
    assert_eq!(presses("  ").unwrap_err(), "no key is given");
}

#[test]
fn a_text_is_keys_where_it_has_them() {
    let strokes = strokes("aB日本\n1");
    let words: Vec<String> = strokes
        .iter()
        .map(|stroke| match stroke {
            Stroke::Key(Press { key: Key::Known(name), held }) => {
                format!("{}{name}", if held.is_empty() { "" } else { "^" })
            }
            Stroke::Key(other) => format!("{other:?}"),
            Stroke::Text(text) => format!("[{text}]"),
        })
        .collect();
    assert_eq!(words, ["a", "^B", "[日本]", "Enter", "1"]);
}
