use super::*;

fn field(json: &str) -> &'static str {
    let spec: ServiceSpec = serde_json::from_str(json).unwrap();
    spec.check().unwrap_err().field
}

#[test]
fn it_is_read_and_written_with_nothing_that_was_not_said() {
    for json in [
        r#"{"label":"a","argv":["b"]}"#,
        r#"{"label":"site-1.x","argv":["b","c"],"folder":"/d","env":{"E":"f"},"read":["/g"],"write":["/h"],"port":0,"health":{"check":{"http":"/ok"},"interval_ms":1,"timeout_ms":2,"threshold":3,"start_ms":4},"limits":{"memory_bytes":5}}"#,
    ] {
        let spec: ServiceSpec = serde_json::from_str(json).unwrap();
        assert_eq!(spec.check(), Ok(()));
        assert_eq!(serde_json::to_string(&spec).unwrap(), json);
    }
    let spec: ServiceSpec =
        serde_json::from_str(r#"{"label":"a","argv":["b"],"port":80,"health":{"check":"tcp"}}"#).unwrap();
    assert_eq!(spec.health, Some(HealthSpec::new(CheckSpec::Tcp)));
    assert!(serde_json::from_str::<ServiceSpec>(r#"{"label":"a","argv":["b"],"prot":80}"#).is_err());
}

#[test]
fn what_cannot_be_kept_running_is_refused_with_the_field() {
    for (json, expected) in [
        (r#"{"label":"","argv":["b"]}"#, "label"),
        (r#"{"label":"../a","argv":["b"]}"#, "label"),
        (r#"{"label":".a","argv":["b"]}"#, "label"),
        (r#"{"label":"A","argv":["b"]}"#, "label"),
        (r#"{"label":"a/b","argv":["b"]}"#, "label"),
        (r#"{"label":"a","argv":[]}"#, "argv"),
        (r#"{"label":"a","argv":[""]}"#, "argv"),
        (r#"{"label":"a","argv":["b"],"folder":"c"}"#, "folder"),
        (r#"{"label":"a","argv":["b"],"write":["./c"]}"#, "write"),
        (r#"{"label":"a","argv":["b"],"env":{"":"c"}}"#, "env"),
        (r#"{"label":"a","argv":["b"],"port":1,"env":{"PORT":"c"}}"#, "env"),
        (r#"{"label":"a","argv":["b"],"health":{"check":"tcp"}}"#, "health"),
        (r#"{"label":"a","argv":["b"],"port":1,"health":{"check":{"http":"x"}}}"#, "health"),
        (r#"{"label":"a","argv":["b"],"port":1,"health":{"check":{"http":"/a\r\nb"}}}"#, "health"),
        (r#"{"label":"a","argv":["b"],"port":1,"health":{"check":"tcp","threshold":0}}"#, "health"),
    ] {
        assert_eq!(field(json), expected, "{json}");
    }
    assert_eq!(field(&format!(r#"{{"label":"{}","argv":["b"]}}"#, "a".repeat(65))), "label");
}
