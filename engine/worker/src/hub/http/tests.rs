use super::*;

fn why(url: &str) -> String {
    base(url).unwrap_err().to_string()
}

#[test]
fn a_token_goes_in_clear_to_this_machine_alone() {
    assert_eq!(base("https://hub.example.org").unwrap().as_str(), "https://hub.example.org/api/v1/");
    assert_eq!(base("https://example.org/zo/?a#b").unwrap().as_str(), "https://example.org/zo/api/v1/");
    for local in ["http://127.0.0.1:7733", "http://[::1]:7733", "http://localhost:7733/"] {
        assert!(base(local).is_ok(), "{local}");
    }
    for far in ["http://hub.example.org", "http://10.0.0.1:7733", "http://localhost.example.org", "http://[::2]"] {
        assert!(why(far).contains("use https"), "{far}");
    }
    assert!(why("hub:7733").contains("expected https://"));
    assert!(why("https://u:p@hub").contains("takes a token"));
    assert!(why("").contains("is no address"));
}

#[test]
fn what_a_status_means_depends_on_what_was_asked() {
    let told = |kind: &str| format!(r#"{{"error":{{"kind":"{kind}","message":"no such thing"}}}}"#).into_bytes();
    let means =
        |method: &str, status: u16, body: &[u8]| refused(method, StatusCode::from_u16(status).unwrap(), None, body);
    let message = "no such thing".to_owned();
    assert_eq!(means("claim_jobs", 401, &told("denied")), HubError::Denied(message.clone()));
    assert_eq!(means("claim_jobs", 404, &told("not_found")), HubError::UnknownNode(message.clone()));
    assert_eq!(means("complete_job", 404, &told("not_found")), HubError::Refused(message.clone()));
    assert_eq!(means("complete_job", 409, &told("refused")), HubError::Refused(message.clone()));
    assert_eq!(means("heartbeat", 503, &told("poisoned")), HubError::Unreachable(message.clone()));
    assert_eq!(means("heartbeat", 422, &told("invalid")), HubError::Misunderstood(message));
    assert!(matches!(means("heartbeat", 404, b"<html>"), HubError::Misunderstood(_)), "another server");
    assert!(matches!(means("heartbeat", 429, b""), HubError::Unreachable(_)));
}
