use super::*;

fn how(text: &str) -> How {
    Target::parse(text).unwrap().how().clone()
}

fn loose(text: &str) -> Words {
    Words { text: text.to_owned(), exact: false }
}

fn exact(text: &str) -> Words {
    Words { text: text.to_owned(), exact: true }
}

#[test]
fn every_way_to_name_an_element_is_read() {
    assert_eq!(how("@e12"), How::Reference(12));
    assert_eq!(how("#send"), How::Css("#send".to_owned()));
    assert_eq!(how("css=a[href='x=y']"), How::Css("a[href='x=y']".to_owned()));
    assert_eq!(how("input[name=text]"), How::Css("input[name=text]".to_owned()));
    assert_eq!(how("text=Send it"), How::Text(loose("Send it")));
    assert_eq!(how("text=\"Send\""), How::Text(exact("Send")));
    assert_eq!(how("role=button"), How::Role { role: "button".to_owned(), name: None });
    assert_eq!(how("role=button[name=Send]"), How::Role { role: "button".to_owned(), name: Some(loose("Send")) });
    assert_eq!(how("role=link[name=\"a [b]\"]"), How::Role { role: "link".to_owned(), name: Some(exact("a [b]")) });
    assert_eq!(how("label=Größe"), How::Label(loose("Größe")));
    assert_eq!(how("testid=send-1"), How::TestId("send-1".to_owned()));
}

#[test]
fn one_of_several_is_counted_from_one() {
    let target = Target::parse("css=li > a >> nth=2").unwrap();
    assert_eq!((target.how(), target.nth()), (&How::Css("li > a".to_owned()), Some(2)));
    assert_eq!(target.as_str(), "css=li > a >> nth=2");
    assert_eq!(Target::parse("text=a >> b").unwrap().nth(), None);
}

#[test]
fn what_names_no_element_is_refused_with_a_way_out() {
    for (text, message) in [
        ("  ", "the target is empty"),
        ("@12", "`@12` is no reference"),
        ("@e0", "`@e0` is no reference"),
        ("css=", "nothing follows `css=`"),
        ("text=\"\"", "the text to look for is empty"),
        ("role=button[name=x", "`button[name=x` lacks its `]`"),
        ("role=button[label=x]", "`label` cannot be asked for, only `name`"),
        ("role=[name=x]", "`` is no role"),
        ("li >> nth=0", "`nth=0` does not say which of several"),
        ("li >> nth=x", "`nth=x` does not say which of several"),
    ] {
        let error = Target::parse(text).unwrap_err();
        assert_eq!(error.message, message, "{text}");
        assert!(!error.hint.is_empty());
    }
    assert!(Target::parse(&"x".repeat(LONGEST + 1)).unwrap_err().message.contains("4097"));
}

#[test]
fn in_json_it_is_one_text() {
    let target: Target = serde_json::from_str(r#""role=button[name=\"Ja\"]""#).unwrap();
    assert_eq!(serde_json::to_string(&target).unwrap(), r#""role=button[name=\"Ja\"]""#);
    let error = serde_json::from_str::<Target>("\"@x\"").unwrap_err().to_string();
    assert!(error.starts_with("`@x` is no reference (references are as in a snapshot: @e12)"), "{error}");
}
