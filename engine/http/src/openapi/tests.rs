//! The document.

use super::*;

#[test]
fn every_request_and_query_is_in_it() {
    let table = Table::new();
    let document = document(&table);
    let paths = document["paths"].as_object().expect("an object");
    for entry in &table.requests {
        assert!(paths[&format!("/api/v1/{}", entry.name)]["post"].is_object(), "{}", entry.name);
    }
    for entry in &table.queries {
        let item = &paths[&format!("/api/v1/query/{}", entry.name)];
        assert!(item["get"].is_object() && item["post"].is_object(), "{}", entry.name);
    }
    assert!(paths["/api/v1/events"]["get"].is_object() && paths["/api/v1/events"]["post"].is_object());
    assert_eq!(paths["/healthz"]["get"]["security"], json!([]));
    let mut ids: Vec<&str> = paths
        .values()
        .flat_map(|item| item.as_object().expect("an object").values())
        .map(|operation| operation["operationId"].as_str().expect("an id"))
        .collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all, "operations have ids of their own");
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document(&Table::new());
    let schemas = document["components"]["schemas"].as_object().expect("an object");
    let text = document.to_string();
    for name in text.split(DEFINITIONS).skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(schemas.contains_key(name), "{name}");
    }
    assert!(!text.contains("$defs") && !text.contains("[`"), "no definitions elsewhere, no links");
}

#[test]
fn what_is_sent_and_read_differently_has_two_names() {
    let read = json!({"A": {"x": 1}, "B": {"$ref": "#/components/schemas/A"}, "C": {}});
    let mut sent = json!({"A": {"x": 2}, "B": {"$ref": "#/components/schemas/A"}, "C": {}, "D": {}});
    let (read, of) = (read.as_object().expect("an object"), sent.as_object().expect("an object"));
    let renamed = differing(read, of);
    assert_eq!(renamed, BTreeSet::from(["A".to_owned(), "B".to_owned()]));
    rename(&mut sent, &renamed);
    assert_eq!(sent["B"]["$ref"], "#/components/schemas/ASent");
}
