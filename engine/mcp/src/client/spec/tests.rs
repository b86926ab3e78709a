//! What can be a server.

use super::*;

fn stdio(argv: &[&str]) -> ServerSpec {
    let argv = argv.iter().map(|&word| word.to_owned()).collect();
    let kind = ServerKind::Stdio { argv, folder: None, env: BTreeMap::new() };
    ServerSpec { name: "files".to_owned(), kind, secrets: Vec::new(), trust_hints: false }
}

fn http(url: &str) -> ServerSpec {
    let kind = ServerKind::Http { url: url.to_owned(), headers: BTreeMap::new() };
    ServerSpec { name: "far".to_owned(), kind, secrets: Vec::new(), trust_hints: false }
}

fn check(spec: &ServerSpec, expected: &str) {
    let told = spec.check().map_or_else(|error| error.to_string(), |()| "good".to_owned());
    assert_eq!(told, expected);
}

#[test]
fn a_program_is_named_with_its_arguments() {
    check(&stdio(&["npx", "-y", "some-server"]), "good");
    check(&stdio(&[]), "the command: there is none");
    check(&stdio(&[""]), "the command: there is none");
    check(&stdio(&["a\0b"]), "an argument: it has a null character in it");
    check(&stdio(&vec!["a"; 257]), "the arguments: 257 are more than the 256 that there may be");
    let ServerKind::Stdio { argv, .. } = stdio(&["a"]).kind else { unreachable!() };
    let kind = ServerKind::Stdio { argv, folder: Some("here".to_owned()), env: BTreeMap::new() };
    check(&ServerSpec { kind, ..stdio(&[]) }, "the folder \"here\": it is not absolute");
}

#[test]
fn variables_have_names_that_shells_take() {
    let with = |name: &str| ServerSpec { secrets: vec![name.to_owned()], ..stdio(&["a"]) };
    check(&with("API_KEY2"), "good");
    for name in ["", "2A", "A=B", "A-B"] {
        check(&with(name), &format!("the variable {name:?}: letters, digits and _ are expected"));
    }
}

#[test]
fn a_url_is_http_without_a_password() {
    check(&http("https://mcp.example.org/mcp"), "good");
    check(&http("http://127.0.0.1:8000/mcp"), "good");
    check(&http("file:///etc/passwd"), "the URL \"file:///etc/passwd\": http or https is expected");
    check(&http("mcp"), "the URL \"mcp\": relative URL without a base");
    let told = "the URL: it has a user name or a password in it; give a header instead";
    check(&http("https://me:s3cret@example.org/"), told);
}

#[test]
fn headers_are_such_as_can_be_sent() {
    let with = |name: &str, value: &str| {
        let headers = BTreeMap::from([(name.to_owned(), value.to_owned())]);
        ServerSpec { kind: ServerKind::Http { url: "http://a/".to_owned(), headers }, ..http("") }
    };
    check(&with("X-Team", "blue"), "good");
    check(&with("X Team", "blue"), "the header \"X Team\": letters, digits and - are expected");
    check(&with("Mcp-Session-Id", "1"), "the header \"Mcp-Session-Id\": it is set by the protocol itself");
    // What it says is not told: it may be a secret.
    check(
        &with("X-Team", "blue\r\nX-Other: 1"),
        "the header X-Team: it has a character at byte 4 that no header may have",
    );
    check(
        &ServerSpec { secrets: vec!["Host".to_owned()], ..http("http://a/") },
        "the header \"Host\": it is set by the protocol itself",
    );
}

#[test]
fn it_is_kept_as_json_without_secrets() {
    let spec = ServerSpec { secrets: vec!["TOKEN".to_owned()], ..stdio(&["serve", "--fast"]) };
    let json = serde_json::to_string(&spec).unwrap();
    let expected =
        r#"{"name":"files","kind":"stdio","argv":["serve","--fast"],"secrets":["TOKEN"],"trust_hints":false}"#;
    assert_eq!(json, expected);
    assert_eq!(serde_json::from_str::<ServerSpec>(&json).unwrap(), spec);
    let far = http("https://example.org/mcp");
    assert_eq!(serde_json::from_str::<ServerSpec>(&serde_json::to_string(&far).unwrap()).unwrap(), far);
    let values = SecretValues(BTreeMap::from([("TOKEN".to_owned(), "s3cret".to_owned())]));
    assert_eq!(format!("{values:?}"), r#"{"TOKEN"}"#);
}
