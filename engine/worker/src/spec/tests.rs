use super::*;

fn read(json: &str) -> Result<JobSpec, String> {
    serde_json::from_str(json).map_err(|error| error.to_string())
}

fn checked(json: &str) -> Result<(), String> {
    read(json)?.check().map_err(|error| error.to_string())
}

#[test]
fn every_kind_is_read_and_written_with_nothing_that_was_not_said() {
    for (json, kind, summary) in [
        (r#"{"kind":"command","argv":["make","-C","my dir"]}"#, "command", "make -C 'my dir'"),
        (
            r#"{"kind":"command","argv":["a"],"folder":"/b","env":{"C":"d"},"stdin":"e","read":["/f"],"write":["/g"],"hosts":["h.org"],"limits":{"wall_ms":1}}"#,
            "command",
            "a",
        ),
        (
            r#"{"kind":"skill","name":"text-stats","script":"count","arguments":{"path":"x"}}"#,
            "skill",
            "text-stats/count",
        ),
        (r#"{"kind":"agent","prompt":"Look around.\nTwice.","steps":3}"#, "agent", "Look around. Twice."),
        (r#"{"kind":"http","url":"https://example.org/a"}"#, "http", "GET https://example.org/a"),
        (
            r#"{"kind":"http","method":"POST","url":"https://u:p@example.org/a?key=s#f"}"#,
            "http",
            "POST https://example.org/a?…",
        ),
        (r#"{"kind":"memorize","content":"a fact","meta":{"a":[1]}}"#, "memorize", "a fact"),
    ] {
        let spec = read(json).unwrap();
        assert_eq!(serde_json::to_string(&spec).unwrap(), json);
        assert_eq!(spec.check(), Ok(()), "{json}");
        assert_eq!((spec.kind(), spec.summary().as_str()), (kind, summary));
    }
}

#[test]
fn a_misspelt_field_is_refused() {
    for json in [
        r#"{"kind":"command","argv":["a"],"folders":"/b"}"#,
        r#"{"kind":"command","argv":["a"],"limits":{"wall":1}}"#,
        r#"{"kind":"skill","name":"a","args":{}}"#,
        r#"{"kind":"agent","prompt":"a","step":1}"#,
        r#"{"kind":"http","url":"https://example.org","header":{}}"#,
        r#"{"kind":"memorize","content":"a","tags":[]}"#,
    ] {
        let error = read(json).unwrap_err();
        assert!(error.contains("unknown field"), "{json}: {error}");
    }
    let error = read(r#"{"kind":"comand","argv":["a"]}"#).unwrap_err();
    assert!(error.contains("unknown variant `comand`, expected one of `command`"), "{error}");
}

#[test]
fn what_cannot_be_carried_out_is_refused_with_the_field() {
    for (json, field) in [
        (r#"{"kind":"command","argv":[]}"#, "argv"),
        (r#"{"kind":"command","argv":["","a"]}"#, "argv"),
        (r#"{"kind":"command","argv":["a\u0000"]}"#, "argv"),
        (r#"{"kind":"command","argv":["a"],"env":{"A=B":"c"}}"#, "env"),
        (r#"{"kind":"command","argv":["a"],"folder":"here"}"#, "folder"),
        (r#"{"kind":"command","argv":["a"],"read":["../x"]}"#, "read"),
        (r#"{"kind":"command","argv":["a"],"hosts":["a b"]}"#, "hosts"),
        (r#"{"kind":"command","argv":["a"],"limits":{"wall_ms":0}}"#, "limits.wall_ms"),
        (r#"{"kind":"skill","name":" "}"#, "name"),
        (r#"{"kind":"agent","prompt":""}"#, "prompt"),
        (r#"{"kind":"agent","prompt":"a","script":"{}"}"#, "script"),
        (r#"{"kind":"agent","prompt":"a","steps":0}"#, "steps"),
        (r#"{"kind":"http","url":"ftp://example.org"}"#, "url"),
        (r#"{"kind":"http","url":"example.org"}"#, "url"),
        (r#"{"kind":"http","url":"https://example.org","hosts":["other.org"]}"#, "url"),
        (r#"{"kind":"http","url":"https://example.org","method":"LIST"}"#, "method"),
        (r#"{"kind":"http","url":"https://example.org","headers":{"a b":"c"}}"#, "headers"),
        (r#"{"kind":"http","url":"https://example.org","headers":{"a":"c\nd"}}"#, "headers"),
        (r#"{"kind":"http","url":"https://example.org","expect":[]}"#, "expect"),
        (r#"{"kind":"http","url":"https://example.org","expect":[900]}"#, "expect"),
        (r#"{"kind":"http","url":"https://example.org","timeout_ms":86400001}"#, "timeout_ms"),
        (r#"{"kind":"memorize","content":"\n"}"#, "content"),
    ] {
        let error = read(json).unwrap().check().unwrap_err();
        assert_eq!(error.field, field, "{json}: {error}");
    }
    let long = format!(r#"{{"kind":"command","argv":["{}"]}}"#, "a".repeat(200_000));
    assert!(checked(&long).unwrap_err().contains("200000 bytes"));
}

#[test]
fn a_summary_is_one_line_that_does_not_lie() {
    let spec = JobSpec::Memorize(MemorizeSpec { content: "a\r\n\tb\u{1b}[2J\u{202e}c".to_owned(), meta: None });
    assert_eq!(spec.summary(), "a b[2Jc");
    let spec = JobSpec::Agent(AgentSpec { prompt: "ä".repeat(81), ..AgentSpec::default() });
    assert_eq!(spec.summary().chars().count(), 80);
    assert!(spec.summary().ends_with("ä…"));
}

#[test]
fn its_schema_names_every_kind_and_forbids_other_fields() {
    let schema = serde_json::to_value(schemars::schema_for!(JobSpec)).unwrap();
    let kinds = schema["oneOf"].as_array().unwrap();
    let names: Vec<&str> = kinds.iter().map(|kind| kind["properties"]["kind"]["const"].as_str().unwrap()).collect();
    assert_eq!(names, ["command", "skill", "agent", "http", "memorize"]);
    for kind in kinds {
        assert_eq!(kind["additionalProperties"], false, "{kind}");
        assert!(kind["required"].as_array().unwrap().contains(&"kind".into()), "{kind}");
    }
}
