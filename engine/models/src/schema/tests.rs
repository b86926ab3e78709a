use super::*;

fn schema(value: Value) -> AnswerSchema {
    AnswerSchema::new(&value).unwrap()
}

#[test]
fn objects_are_sent_as_they_are_and_all_else_is_wrapped() {
    let object = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    assert_eq!(schema(object.clone()).sent(), &object);
    let untyped = schema(json!({"properties": {"a": {"type": "string"}}}));
    assert_eq!((untyped.sent()["type"].as_str(), untyped.wrapped()), (Some("object"), false));
    for other in [
        json!({"type": "string"}),
        json!({"enum": [1, 2]}),
        json!({"anyOf": []}),
        json!({"type": ["object", "null"]}),
        json!(true),
    ] {
        let Ok(schema) = AnswerSchema::new(&other) else { continue };
        assert!(schema.wrapped(), "{other}");
        assert_eq!(schema.sent()["required"], json!(["answer"]), "{other}");
    }
}

#[test]
fn an_answer_is_unwrapped_whether_or_not_it_was_wrapped() {
    let number = schema(json!({"type": "integer", "minimum": 1}));
    assert_eq!(number.check("{\"answer\": 5}").unwrap(), "5");
    assert_eq!(number.check("5").unwrap(), "5");
    let fault = number.check("{\"answer\": 0}").unwrap_err();
    assert_eq!(fault.kind, ErrorKind::Schema);
    assert!(fault.text.contains("at the whole of it"), "{}", fault.text);
}

#[test]
fn a_violation_is_named_with_its_path() {
    let list =
        schema(json!({"type": "object", "properties": {"words": {"type": "array", "items": {"type": "string"}}}}));
    let fault = list.check("{\"words\": [\"a\", 7]}").unwrap_err();
    assert!(fault.text.starts_with("the answer does not fit its schema at /words/1: "), "{}", fault.text);
}

#[test]
fn references_to_elsewhere_are_not_fetched() {
    assert!(AnswerSchema::new(&json!({"$ref": "https://example.com/schema.json"})).is_err());
}

#[test]
fn every_object_is_closed_where_that_is_wanted() {
    let nested = schema(json!({"type": "object", "properties": {
        "a": {"type": "array", "items": {"type": "object"}},
        "b": {"type": "object", "additionalProperties": {"type": "string"}},
    }}));
    let closed = nested.closed();
    assert_eq!(closed["additionalProperties"], false);
    assert_eq!(closed["properties"]["a"]["items"]["additionalProperties"], false);
    assert_eq!(closed["properties"]["b"]["additionalProperties"], json!({"type": "string"}));
}

#[test]
fn fences_are_taken_off() {
    for text in ["{\"a\":1}", " {\"a\":1}\n", "```json\n{\"a\":1}\n```", "```\n{\"a\":1}\n```\n"] {
        assert_eq!(without_fence(text), "{\"a\":1}", "{text:?}");
    }
}
