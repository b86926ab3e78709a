//! Whom a worker trusts: the system's certificates, and those it is given.

use std::path::PathBuf;

use serde_json::json;
use zo_model_server::{ModelServer, Response};
use zo_worker::hub::messages::Join;
use zo_worker::{HttpHub, Hub, HubError, HubOptions, OpenHubError};

fn hub(url: String, authority: Option<PathBuf>) -> Result<HttpHub, OpenHubError> {
    HttpHub::new(&HubOptions { url, token: "secret".to_owned(), authority })
}

#[test]
fn a_hub_is_trusted_whose_certificate_was_given() {
    let joined = json!({ "node_joined": { "node": "n", "heartbeat_ms": 1, "lease_ms": 2 } });
    let (server, certificate) = ModelServer::start_tls(move |_| Response::new(200).json(&joined));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hub.pem");
    std::fs::write(&path, certificate).unwrap();
    let join = hub(server.url(), Some(path)).unwrap().join(&Join::default());
    assert_eq!(join.unwrap().node, "n");
    assert_eq!(server.requests()[0].header("authorization"), Some("Bearer secret"));
}

#[test]
fn a_hub_that_nobody_vouches_for_is_told_nothing() {
    let (server, _) = ModelServer::start_tls(|_| Response::new(200));
    let error = hub(server.url(), None).unwrap().join(&Join::default()).unwrap_err();
    assert!(matches!(error, HubError::Untrusted(_)), "{error}");
    assert!(error.hint().unwrap().contains("certificate"));
    assert!(server.requests().is_empty());
}

#[test]
fn certificates_that_are_none_are_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hub.pem");
    for content in [None, Some(""), Some("-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n")] {
        if let Some(content) = content {
            std::fs::write(&path, content).unwrap();
        }
        let error = hub("https://localhost:1".to_owned(), Some(path.clone())).err().unwrap();
        assert!(matches!(error, OpenHubError::Authority { .. }), "{content:?}: {error}");
    }
}
