//! Fields of a query given in an address: `?limit=10&retracted=true`. What a text means is what the field's schema says
//! it is; a list or an object is given as JSON.

use serde_json::{Map, Number, Value};
use url::form_urlencoded;

use crate::problem::Problem;
use crate::table::Table;

/// The fields in the query string of an address, of an object with this schema.
pub(crate) fn fields(table: &Table, schema: &Value, query: &str) -> Result<Map<String, Value>, Problem> {
    let properties = &table.resolved(schema)["properties"];
    let mut fields = Map::new();
    for (name, text) in form_urlencoded::parse(query.as_bytes()) {
        let value = value(table, &properties[&*name], &text);
        if fields.insert(name.clone().into_owned(), value).is_some() {
            return Err(Problem::invalid(format!("`{name}` is given twice")));
        }
    }
    Ok(fields)
}

/// A text as what a schema takes; where it takes none of what the text could be, whoever reads it complains.
fn value(table: &Table, schema: &Value, text: &str) -> Value {
    let takes = |kind: &str| takes(table, schema, kind);
    if takes("boolean")
        && let Ok(flag) = text.parse::<bool>()
    {
        return flag.into();
    }
    if (takes("integer") || takes("number"))
        && let Ok(number) = text.parse::<Number>()
    {
        return number.into();
    }
    if (takes("array") && text.starts_with('[')) || (takes("object") && text.starts_with('{')) {
        return serde_json::from_str(text).unwrap_or_else(|_| text.into());
    }
    if text.is_empty() && takes("null") && !takes("string") {
        return Value::Null;
    }
    text.into()
}

/// Whether a schema takes values of this type. References are followed; they do not lead in circles, since no query
/// contains itself.
fn takes(table: &Table, schema: &Value, kind: &str) -> bool {
    let schema = table.resolved(schema);
    let named = match &schema["type"] {
        Value::String(one) => one == kind,
        Value::Array(several) => several.iter().any(|one| one == kind),
        _ => false,
    };
    let inner = ["anyOf", "oneOf"].into_iter().filter_map(|word| schema[word].as_array()).flatten();
    named || inner.into_iter().any(|one| takes(table, one, kind))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_is_what_its_field_takes() {
        let table = Table::new();
        let check = |query: &str, given: &str, expected: Value| {
            let entry = table.query(query).expect("there is one");
            let fields = fields(&table, &entry.schema, given).expect("they are fields");
            assert_eq!(Value::Object(fields.clone()), expected, "{given}");
            entry.query(fields).expect("they fit");
        };
        check("memories", "limit=7&retracted=true&before=12", json!({"limit": 7, "retracted": true, "before": 12}));
        check("key", "key=12", json!({"key": "12"}));
        check("key", "key=a%2Fb+c", json!({"key": "a/b c"}));
        check(
            "recall",
            r#"text=true&limit=3&meta=[["a","1"]]&scope=memories&since=2026-11-21T08:30:00Z"#,
            json!({"text": "true", "limit": 3, "meta": [["a", "1"]], "scope": "memories", "since": "2026-11-21T08:30:00Z"}),
        );
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let table = Table::new();
        let entry = table.query("memories").expect("there is one");
        let read = |given: &str| entry.query(fields(&table, &entry.schema, given)?);
        let problem = read("limit=many").expect_err("no number");
        assert!(problem.message.contains("limit: invalid type: string \"many\""), "{problem:?}");
        assert!(read("limit=1&limit=2").expect_err("twice").message.contains("given twice"));
        assert!(read("limits=1").expect_err("unknown").message.contains("unknown field `limits`"));
        assert!(read("limit=-1").is_err() && read("limit=99999999999").is_err());
    }
}
