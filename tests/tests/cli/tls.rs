//! A hub that others reach with TLS: a certificate of an authority of one's own, and a worker that was told to trust it.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};
use zo_tests::cli::Zo;

use crate::serving::{Running, text};

/// Writes an authority's certificate, and one for `localhost` that it has signed, with its key.
fn certificates(zo: &Zo) {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.distinguished_name.push(DnType::CommonName, "an authority of one's own");
    let key = KeyPair::generate().expect("a key");
    zo.file("ca.pem", authority.self_signed(&key).expect("a certificate").pem());
    let issuer = Issuer::new(authority, key);
    let key = KeyPair::generate().expect("a key");
    let hub = CertificateParams::new(["localhost".to_owned()]).expect("a name");
    zo.file("hub.pem", hub.signed_by(&key, &issuer).expect("a certificate").pem());
    zo.file("hub.key", key.serialize_pem());
}

#[test]
fn a_worker_that_trusts_the_hubs_authority_works_for_it_and_one_that_does_not_says_why() {
    let zo = Zo::new();
    certificates(&zo);
    let token = zo.run(["token", "create", "far", "--scope", "node"]).ok().to_owned();
    zo.file("far.token", &token);
    let listen = ["serve", "--json", "--listen", "0.0.0.0:0", "--tls-cert", "hub.pem", "--tls-key", "hub.key"];
    let mut hub = Running::start(zo.command([&listen[..], &["--allow-host", "localhost"]].concat()));
    let told: Value = serde_json::from_str(&hub.line()).expect("JSON");
    let url = text(&told, "api_url").to_owned();
    let port = url.strip_prefix("https://").and_then(|rest| rest.rsplit_once(':')).map(|(_, port)| port);
    let port = port.unwrap_or_else(|| panic!("it is served with TLS: {told}"));
    let url = format!("https://localhost:{port}");
    let worker = |url: &str, words: &[&str]| {
        let base =
            ["worker", "--hub", url, "--token-file", "far.token", "--name", "far", "--label", "big-disk", "--json"];
        base.iter().chain(words).map(|word| (*word).to_owned()).collect::<Vec<_>>()
    };

    let stranger = zo.run(worker(&url, &[]));
    let error = stranger.json_error();
    assert_eq!(
        (stranger.code(), &error["hint"]),
        (1, &json!("--ca FILE trusts a certificate of your own")),
        "{stranger}"
    );
    assert!(text(&error, "message").starts_with("the hub cannot be trusted: "), "{stranger}");
    assert!(!stranger.stderr.contains(&token), "{stranger}");
    // Nor is it the hub under a name that the certificate does not have.
    let elsewhere = zo.run(worker(&format!("https://127.0.0.1:{port}"), &["--ca", "ca.pem"]));
    assert!(text(&elsewhere.json_error(), "message").starts_with("the hub cannot be trusted: "), "{elsewhere}");
    let unknown = zo.run(["node", "show", "far"]);
    assert!(unknown.failed(1).contains("there is no node far"), "nobody has joined: {unknown}");

    let mut far = Running::start(zo.command(worker(&url, &["--ca", "ca.pem"])));
    let joined: Value = serde_json::from_str(&far.line()).expect("JSON");
    assert_eq!(joined["event"], "joined", "{joined}");
    let ran = zo.run(["job", "submit", "--label", "big-disk", "--scratch", "--wait", "--", "echo", "far away"]);
    assert_eq!(ran.ok(), "far away", "{ran}");
    let node = zo.run(["node", "show", "far", "--json"]).json_object();
    assert_eq!((&node["state"], &node["completed"]), (&json!("up"), &json!(1)), "{node}");
    assert_eq!(far.end().0, Some(0));
    assert_eq!(hub.end().0, Some(0));
}
